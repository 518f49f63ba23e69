//! Links that move whole messages: two tasks carry them between the transport and a local channel, so that for the rest of the
//! driver such a pipe is a local one.
//!
//! What a transport has not taken when it ends is given back to the socket, which sends it on another pipe, or counts it as dropped if its protocol
//! does not do that.
//!
//! What the transport does wrong ends the pipe, and nothing else: an error, a panic, a message above the limit, an answer that makes
//! no sense. One that never answers is dropped [`CLOSE_LIMIT`] after the pipe was closed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;
use event_listener::Event;
use futures_lite::future::{or, yield_now};

use super::endpoint::Endpoint;
use super::executor::{contained, spawn};
use super::local::{Channel, LocalLink, local_pair};
use super::notify::{Notified, Signal};
use crate::transport::{PipeRx, PipeTx};
use crate::{Error, Message, Result};

/// The local end of such a link. `limit`: the largest message that may arrive; 0 is unlimited.
pub(crate) fn start(tx: Box<dyn PipeTx>, rx: Box<dyn PipeRx>, ep: &Arc<Endpoint>, limit: usize) -> LocalLink {
    let (near, far) = local_pair(DEPTH);
    let (received, to_send) = far.take();
    let over = Arc::new(Signal::default());
    spawn(send(tx, Sending { ep: ep.clone(), received: received.clone(), to_send, over: over.clone() })).detach();
    spawn(receive(rx, Receiving { ep: ep.clone(), received, over }, limit)).detach();
    near
}

/// What the sending task needs. When it ends, in whatever way, the pipe does.
struct Sending {
    ep: Arc<Endpoint>,
    received: Arc<Channel>,
    to_send: Arc<Channel>,
    over: Arc<Signal>,
}

impl Sending {
    fn close(&self) {
        self.to_send.close();
        self.received.close();
    }

    /// Messages that were in hand, and that nobody takes back any more.
    fn lost(&self, count: usize) {
        if count > 0
            && let Some(socket) = self.ep.socket.upgrade()
        {
            socket.turn(|st| st.core.counters.lose(count));
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the receiving task needs. When it ends, in whatever way, it tells the sending task, which gives back what it has in hand before it
/// ends the pipe.
struct Receiving {
    ep: Arc<Endpoint>,
    received: Arc<Channel>,
    over: Arc<Signal>,
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // A pipe that the socket has closed still delivers what is on its way.
        if !self.received.is_closed() {
            self.over.set();
        }
    }
}

/// Says why the transport has ended a pipe.
fn ended(ep: &Endpoint, error: &Error) {
    match error {
        Error::ConnectionShutdown | Error::ConnectionReset | Error::ConnectionAborted | Error::Closed => {
            tracing::debug!(url = %ep.url(), "pipe ended: {error}");
        }
        fault => {
            tracing::warn!(url = %ep.url(), "closing pipe: {fault}");
            ep.count_error(fault);
        }
    }
}

/// Takes what the socket has sent to the transport, until either ends.
async fn send(mut tx: Box<dyn PipeTx>, ends: Sending) {
    let event = Arc::new(Event::new());
    ends.to_send.set_reader(Notified::Pump(event.clone()));
    // A transport that takes nothing more, or does not answer, does not outlive its pipe for long.
    let mut overdue = pin!(async {
        wait(&event, || ends.to_send.is_closed()).await;
        Timer::after(CLOSE_LIMIT).await;
        tracing::debug!(url = %ends.ep.url(), "a closed pipe did not end within {CLOSE_LIMIT:?}");
        false
    });
    let mut in_hand = VecDeque::new();
    let carried = async {
        if let Err(e) = or(carry(&mut *tx, &ends.to_send, &event, &mut in_hand), stopped(&ends.over)).await {
            ended(&ends.ep, &e);
        }
        true
    };
    let in_time = or(carried, overdue.as_mut()).await;
    let take_back = || {
        tx.take_back(&mut in_hand);
        Poll::Ready(Ok(()))
    };
    if let Poll::Ready(Err(e)) = contained(take_back) {
        ended(&ends.ep, &e);
    }
    ends.lost(ends.to_send.give_back(in_hand));
    ends.close();
    if in_time {
        let close = async {
            if let Err(e) = poll_fn(|cx| contained(|| tx.poll_close(cx).map(Ok))).await {
                ended(&ends.ep, &e);
            }
            true
        };
        or(close, overdue.as_mut()).await;
    }
}

async fn stopped(over: &Signal) -> Result<()> {
    over.wait().await;
    Ok(())
}

/// What is left `in_hand` at the end has not been taken by the transport.
async fn carry(tx: &mut dyn PipeTx, to_send: &Channel, event: &Event, in_hand: &mut VecDeque<Message>) -> Result<()> {
    loop {
        let more = event.listen();
        let (tell, closed) = to_send.take_in_hand(in_hand);
        if tell {
            to_send.writer().tell_writable();
        }
        if in_hand.is_empty() {
            if closed {
                return Ok(());
            }
            more.await;
            continue;
        }
        let many = in_hand.len() >= BATCH;
        poll_fn(|cx| contained(|| tx.poll_send(cx, in_hand))).await?;
        if !in_hand.is_empty() {
            return Err(Error::Internal("the transport says that it has taken all messages, and has not".into()));
        }
        if to_send.delivered() {
            to_send.writer().tell_writable();
        }
        if many {
            yield_now().await;
        }
    }
}

/// Takes what the transport has received to the socket, until either ends.
async fn receive(mut rx: Box<dyn PipeRx>, ends: Receiving, limit: usize) {
    let event = Arc::new(Event::new());
    ends.received.set_writer(Notified::Pump(event.clone()));
    let work = async {
        let mut batch = Vec::new();
        loop {
            let read = poll_fn(|cx| contained(|| rx.poll_recv(cx, &mut batch, BATCH)));
            // What the transport has put there counts, and not what it says.
            read.await?;
            if batch.is_empty() {
                return Err(Error::ConnectionShutdown);
            }
            let (mut full, many) = (false, batch.len() >= BATCH);
            for mut msg in batch.drain(..) {
                check(&msg, limit)?;
                let pushed = ends.received.push(&mut msg);
                full = pushed.full;
                if pushed.tell {
                    ends.received.reader().tell_readable();
                }
            }
            if full {
                wait(&event, || ends.received.is_closed() || ends.received.has_room()).await;
            }
            if ends.received.is_closed() {
                return Err(Error::Closed);
            }
            if many {
                // Whoever always has something must not keep the thread for itself.
                yield_now().await;
            }
        }
    };
    let closed = async {
        wait(&event, || ends.received.is_closed()).await;
        Err::<(), _>(Error::Closed)
    };
    if let Err(e) = or(work, closed).await {
        ended(&ends.ep, &e);
    }
}

/// The transport should have ended the connection before it read so much; this is for those that do not.
fn check(msg: &Message, limit: usize) -> Result<()> {
    let len = msg.header().len() + msg.len();
    match limit {
        0 => Ok(()),
        limit if len <= limit => Ok(()),
        limit => Err(Error::MessageTooLarge(format!("{len} bytes, {limit} are allowed").into())),
    }
}

async fn wait(event: &Event, until: impl Fn() -> bool) {
    while !until() {
        let listener = event.listen();
        if until() {
            return;
        }
        listener.await;
    }
}

const DEPTH: usize = 128;
const BATCH: usize = 64;
/// How long a transport may take to deliver what it holds, and to close, once its pipe is closed.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
