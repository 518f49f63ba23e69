//! Links that move whole messages: two tasks carry them between the transport and a local channel, so that for the rest of the
//! driver such a pipe is a local one.
//!
//! What the transport does wrong ends the pipe, and nothing else: an error, a panic, a message above the limit, an answer that makes
//! no sense. One that never answers is dropped [`CLOSE_LIMIT`] after the pipe was closed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use event_listener::Event;
use futures_lite::future::{or, yield_now};

use super::endpoint::Endpoint;
use super::executor::{contained, spawn};
use super::local::{Channel, LocalLink, local_pair};
use super::notify::Notified;
use crate::transport::{PipeRx, PipeTx};
use crate::{Error, Message, Result};

/// The local end of such a link. `limit`: the largest message that may arrive; 0 is unlimited.
pub(crate) fn start(tx: Box<dyn PipeTx>, rx: Box<dyn PipeRx>, ep: &Arc<Endpoint>, limit: usize) -> LocalLink {
    let (near, far) = local_pair(DEPTH);
    let (received, to_send) = far.take();
    let ends = Ends { ep: ep.clone(), received, to_send };
    spawn(send(tx, ends.clone())).detach();
    spawn(receive(rx, ends, limit)).detach();
    near
}

/// Both directions. When one of the two tasks ends, in whatever way, the pipe does.
#[derive(Clone)]
struct Ends {
    ep: Arc<Endpoint>,
    received: Arc<Channel>,
    to_send: Arc<Channel>,
}

impl Ends {
    fn close(&self) {
        self.to_send.close();
        self.received.close();
    }

    /// Says why the transport has ended the pipe.
    fn ended(&self, error: &Error) {
        match error {
            Error::ConnectionShutdown | Error::ConnectionReset | Error::ConnectionAborted | Error::Closed => {
                tracing::debug!(url = %self.ep.url(), "pipe ended: {error}");
            }
            fault => {
                tracing::warn!(url = %self.ep.url(), "closing pipe: {fault}");
                self.ep.count_error(fault);
            }
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.close();
    }
}

/// Takes what the socket has sent to the transport, until either ends.
async fn send(mut tx: Box<dyn PipeTx>, ends: Ends) {
    let event = Arc::new(Event::new());
    ends.to_send.set_reader(Notified::Pump(event.clone()));
    let work = async {
        if let Err(e) = carry(&mut *tx, &ends.to_send, &event).await {
            ends.ended(&e);
        }
        ends.close();
        let close = poll_fn(|cx| contained(|| tx.poll_close(cx).map(Ok)));
        if let Err(e) = close.await {
            ends.ended(&e);
        }
    };
    // A transport that takes nothing more, or does not answer, does not outlive its pipe for long.
    let overdue = async {
        wait(&event, || ends.to_send.is_closed()).await;
        Timer::after(CLOSE_LIMIT).await;
        tracing::debug!(url = %ends.ep.url(), "a closed pipe did not end within {CLOSE_LIMIT:?}");
    };
    or(work, overdue).await;
}

async fn carry(tx: &mut dyn PipeTx, to_send: &Channel, event: &Event) -> Result<()> {
    let mut queue = VecDeque::new();
    loop {
        let more = event.listen();
        let (tell, closed) = to_send.take_in_hand(&mut queue);
        if tell {
            to_send.writer().tell_writable();
        }
        if queue.is_empty() {
            if closed {
                return Ok(());
            }
            more.await;
            continue;
        }
        let many = queue.len() >= BATCH;
        poll_fn(|cx| contained(|| tx.poll_send(cx, &mut queue))).await?;
        if !queue.is_empty() {
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
async fn receive(mut rx: Box<dyn PipeRx>, ends: Ends, limit: usize) {
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
        ends.ended(&e);
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
