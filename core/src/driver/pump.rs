//! Links that move whole messages: two tasks carry them between the transport and a local channel, so that for the rest of the
//! driver such a pipe is a local one.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use event_listener::Event;
use futures_lite::future::or;

use super::executor::spawn;
use super::local::{Channel, LocalLink, local_pair};
use super::notify::Notified;
use crate::transport::{PipeRx, PipeTx};

/// The local end of such a link.
pub(crate) fn start(tx: Box<dyn PipeTx>, rx: Box<dyn PipeRx>) -> LocalLink {
    let (near, far) = local_pair(DEPTH);
    let (received, to_send) = far.take();
    spawn(send(tx, to_send.clone(), received.clone())).detach();
    spawn(receive(rx, received, to_send)).detach();
    near
}

/// Takes what the socket has sent to the transport, until either ends.
async fn send(mut tx: Box<dyn PipeTx>, to_send: Arc<Channel>, received: Arc<Channel>) {
    let event = Arc::new(Event::new());
    to_send.set_reader(Notified::Pump(event.clone()));
    let mut queue = VecDeque::new();
    loop {
        let more = event.listen();
        let (tell, closed) = to_send.take(&mut queue);
        if tell {
            to_send.writer().tell_writable();
        }
        if queue.is_empty() {
            if closed {
                break;
            }
            more.await;
        } else if let Err(e) = poll_fn(|cx| tx.poll_send(cx, &mut queue)).await {
            tracing::debug!("send failed: {e}");
            break;
        }
    }
    poll_fn(|cx| tx.poll_close(cx)).await;
    to_send.close();
    received.close();
}

/// Takes what the transport has received to the socket, until either ends.
async fn receive(mut rx: Box<dyn PipeRx>, received: Arc<Channel>, to_send: Arc<Channel>) {
    let event = Arc::new(Event::new());
    received.set_writer(Notified::Pump(event.clone()));
    let mut batch = Vec::new();
    loop {
        let read = poll_fn(|cx| rx.poll_recv(cx, &mut batch, BATCH));
        let closed = async {
            wait(&event, || received.is_closed()).await;
            Ok(0)
        };
        match or(read, closed).await {
            Ok(n) if n > 0 => {}
            Ok(_) => break,
            Err(e) => {
                tracing::debug!("receive failed: {e}");
                break;
            }
        }
        let mut full = false;
        for mut msg in batch.drain(..) {
            let pushed = received.push(&mut msg);
            full = pushed.full;
            if pushed.tell {
                received.reader().tell_readable();
            }
        }
        if full {
            wait(&event, || received.is_closed() || received.has_room()).await;
        }
    }
    received.close();
    to_send.close();
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
