//! A WebSocket as the byte stream that the driver's engine reads and writes.
//!
//! The engine speaks its own framing, the length and then the message; here the framing changes and nothing else. So batching,
//! back-pressure, limits, statistics and who does the work are the engine's, as with all byte streams.
//!
//! Of the crate tungstenite this uses the frame headers and the handshake's keys, and not its `WebSocketContext`: that reserves
//! the length that a peer announces before a byte of it has come (the length 2^62 ends the process), keeps the buffer of the largest frame for as long as the
//! connection lasts, and copies and allocates for each message (about 110 ns to write one of 64 bytes, and 100 ns to read it).

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_io::Timer;
use spanwire_core::transport::{ByteStream, spawn};
use spanwire_core::{Error, OptionValue, Result};
use tungstenite::protocol::frame::coding::CloseCode;

use super::rx::{Reply, Rx};
use super::tx::Tx;
use super::upgrade::Agreed;

/// A connection after its upgrade. Reading and writing may go on at the same time; locks: the receiving side, then the sending side.
pub(super) struct WsStream(Arc<Shared>);

struct Shared {
    stream: Box<dyn ByteStream>,
    rx: Mutex<Rx>,
    tx: Mutex<Tx>,
    /// The peer has been heard of since somebody last asked.
    heard: AtomicBool,
    /// Nobody needs to be asked any more; and the task that asks.
    ended: AtomicBool,
    asking: Mutex<Option<Waker>>,
    agreed: Agreed,
}

/// What both sides have agreed on, and what the options say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// This side is the client: its frames are masked.
    pub(super) client: bool,
    /// The longest message that is received, and the longest frame; 0: any.
    pub(super) message_max: usize,
    pub(super) frame_max: usize,
    /// The longest frame that is sent; 0: any.
    pub(super) fragment: usize,
    /// How often the peer is asked whether it is there.
    pub(super) ping: Option<Duration>,
    pub(super) content: Content,
}

impl Terms {
    /// Without any limit.
    #[cfg(any(test, feature = "fuzz"))]
    pub(super) fn of(client: bool, content: Content) -> Self {
        Self { client, message_max: 0, frame_max: 0, fragment: 0, ping: None, content }
    }
}

/// What the frames carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Messages, in the engine's framing on this side. There is no text.
    Messages,
    /// Bytes, however they are cut into frames. Nobody looks whether what comes as text is any.
    Bytes { send_text: bool, recv_text: bool },
}

impl Content {
    /// Whether text frames are let in.
    pub(super) fn takes_text(self) -> bool {
        matches!(self, Self::Bytes { recv_text: true, .. })
    }
}

impl WsStream {
    /// `ahead`: what was read behind the handshake.
    pub(super) fn new(stream: Box<dyn ByteStream>, ahead: Vec<u8>, terms: Terms, agreed: Agreed) -> Self {
        let shared = Arc::new(Shared {
            stream,
            rx: Mutex::new(Rx::new(ahead, &terms)),
            tx: Mutex::new(Tx::new(&terms)),
            heard: AtomicBool::new(true),
            ended: AtomicBool::new(false),
            asking: Mutex::new(None),
            agreed,
        });
        if let Some(interval) = terms.ping {
            spawn(keep_alive(Arc::downgrade(&shared), interval));
        }
        Self(shared)
    }
}

impl ByteStream for WsStream {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let shared = &*self.0;
        let result = lock(&shared.rx).read(&*shared.stream, into, max, |reply| match reply {
            // What fails here, the next read or write says again.
            Reply::Pongs(payloads) => drop(lock(&shared.tx).pong(&*shared.stream, payloads)),
            Reply::Close(code) => lock(&shared.tx).close(&*shared.stream, code),
        });
        shared.heard.store(true, Ordering::Relaxed);
        result
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        lock(&self.0.tx).write(&*self.0.stream, bufs)
    }

    fn has_buffered(&self) -> bool {
        lock(&self.0.rx).has_buffered() || self.0.stream.has_buffered()
    }

    fn shutdown(&self) {
        lock(&self.0.tx).close(&*self.0.stream, Some(CloseCode::Normal));
        self.0.stream.shutdown();
        self.0.end();
    }

    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.stream.fd()
    }

    fn set_option(&self, name: &str, value: &OptionValue) -> Result<()> {
        match self.0.agreed.option(name) {
            Some(_) => Err(Error::ReadOnly(name.to_owned().into())),
            None => self.0.stream.set_option(name, value),
        }
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        self.0.agreed.option(name).unwrap_or_else(|| self.0.stream.option(name))
    }
}

impl Drop for WsStream {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Pings the peer as long as there is somebody who uses the connection. A peer that has sent nothing between two pings is gone.
async fn keep_alive(shared: Weak<Shared>, interval: Duration) {
    loop {
        let mut timer = Timer::after(interval);
        let due = poll_fn(|cx| {
            let Some(shared) = shared.upgrade() else { return Poll::Ready(None) };
            *lock(&shared.asking) = Some(cx.waker().clone());
            if shared.ended.load(Ordering::SeqCst) {
                return Poll::Ready(None);
            }
            Pin::new(&mut timer).poll(cx).map(|_| Some(shared))
        });
        let Some(shared) = due.await else { return };
        if !shared.heard.swap(false, Ordering::Relaxed) && !shared.has_unread() {
            tracing::debug!("the peer does not answer pings");
            shared.stream.shutdown();
            return;
        }
        if lock(&shared.tx).ping(&*shared.stream).is_err() {
            return;
        }
    }
}

impl Shared {
    /// Ends the task that pings, now and not after its interval.
    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        let asking = lock(&self.asking).take();
        asking.into_iter().for_each(Waker::wake);
    }

    /// Whether the peer has sent what nobody has read, because this side is slow.
    fn has_unread(&self) -> bool {
        #[cfg(unix)]
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            let mut fds = [PollFd::from_borrowed_fd(self.stream.fd(), PollFlags::IN)];
            poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
        }
        #[cfg(not(unix))]
        false
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use super::*;
    use crate::stream::FdStream;

    /// The task that pings ends with the connection, however long its interval is.
    #[test]
    fn pings_end_with_the_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mine = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let terms = Terms { ping: Some(Duration::from_secs(86_400)), ..Terms::of(true, Content::Messages) };
        let agreed = Agreed { target: "/".into(), request: String::new(), response: String::new() };
        let stream = WsStream::new(Box::new(FdStream::new(mine.into()).unwrap()), Vec::new(), terms, agreed);
        assert_eq!(Arc::weak_count(&stream.0), 1);
        stream.shutdown();
        let began = Instant::now();
        while Arc::weak_count(&stream.0) > 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "the task goes on");
            std::thread::yield_now();
        }
    }
}
