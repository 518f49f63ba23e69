//! Messages on two pipes: framed as on TCP, so that a program may speak through either.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_io::Async;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use spanwire::option::OptionMap;
use spanwire::transport::codec::{Length, decode_hello, encode_hello};
use spanwire::transport::{Codec, Connection, Hello, Link, PipeRx, PipeTx};
use spanwire::{Error, Message, Result};

/// The pipes of this process.
pub(crate) type Stdio = Pipes<Async<File>, Async<File>>;

/// Standard input and output of this process.
///
/// # Errors
/// If one of them is a file, which can't be waited for.
pub(crate) fn stdio(limit: usize) -> io::Result<Stdio> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok(Pipes::new(Async::new(input)?, Async::new(output)?, limit))
}

/// Two pipes that nobody has shaken hands on.
pub(crate) struct Pipes<R, W> {
    from: R,
    to: W,
    limit: usize,
}

impl<R, W> Pipes<R, W>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// To receive messages of at most `limit` bytes; 0 is unlimited.
    pub(crate) fn new(from: R, to: W, limit: usize) -> Self {
        Self { from, to, limit }
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// [`Error::ConnectionShutdown`] if the other side is gone, [`Error::Protocol`] if it does not shake hands.
    pub(crate) async fn shake(mut self, hello: Hello, options: OptionMap) -> Result<Connection> {
        let hello = encode_hello(hello.protocol.number);
        let mut sent = self.to.write_all(&hello).await;
        if sent.is_ok() {
            sent = self.to.flush().await;
        }
        // What the other side has said before it went tells more than that it has gone.
        let mut theirs = [0; 8];
        self.from.read_exact(&mut theirs).await?;
        let peer = decode_hello(theirs)?;
        sent?;
        let tx = Tx { to: Some(self.to), unsent: Vec::new(), written: 0 };
        let rx = Rx { from: self.from, limit: self.limit, bytes: Vec::new(), start: 0 };
        Ok(Connection { peer, link: Link::Messages(Box::new(tx), Box::new(rx)), options })
    }
}

/// The sending side.
struct Tx<W> {
    /// `None` once it is closed.
    to: Option<W>,
    unsent: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Send + Unpin> PipeTx for Tx<W> {
    fn poll_send(&mut self, cx: &mut Context<'_>, queue: &mut VecDeque<Message>) -> Poll<Result<()>> {
        let Some(to) = &mut self.to else { return Poll::Ready(Err(Error::Closed)) };
        loop {
            while self.unsent.len() < CHUNK
                && let Some(msg) = queue.pop_front()
            {
                Length.encode_prefix(msg.header().len() + msg.len(), &mut self.unsent);
                self.unsent.extend_from_slice(msg.header());
                self.unsent.extend_from_slice(msg.body());
            }
            if self.unsent.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut *to).poll_write(cx, &self.unsent[self.written..]))? {
                0 => return Poll::Ready(Err(Error::ConnectionShutdown)),
                n => self.written += n,
            }
            if self.written == self.unsent.len() {
                self.written = 0;
                self.unsent.clear();
                // A large message's room is not kept.
                self.unsent.shrink_to(2 * CHUNK);
            }
        }
    }

    fn take_back(&mut self, queue: &mut VecDeque<Message>) {
        let (mut at, mut unbegun) = (0, Vec::new());
        while let Ok(Some(frame)) = Length.decode_prefix(&self.unsent[at..]) {
            let (begin, start) = (at, at + frame.prefix);
            at = start + frame.len as usize;
            if begin >= self.written {
                unbegun.push(Message::copy_from(&self.unsent[start..at]));
            }
        }
        self.unsent.clear();
        unbegun.into_iter().rev().for_each(|msg| queue.push_front(msg));
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<()> {
        self.to = None;
        Poll::Ready(())
    }
}

/// The receiving side.
struct Rx<R> {
    from: R,
    limit: usize,
    bytes: Vec<u8>,
    /// Where the next message starts.
    start: usize,
}

impl<R: AsyncRead + Send + Unpin> PipeRx for Rx<R> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, into: &mut Vec<Message>, max: usize) -> Poll<Result<usize>> {
        loop {
            for received in 0..max {
                match self.next() {
                    Ok(Some(msg)) => into.push(msg),
                    // What came before it is delivered first; this comes up again in the next call.
                    Ok(None) | Err(_) if received > 0 => return Poll::Ready(Ok(received)),
                    Ok(None) => break,
                    Err(e) => return Poll::Ready(Err(e)),
                }
                if received + 1 == max {
                    return Poll::Ready(Ok(max));
                }
            }
            self.bytes.drain(..std::mem::take(&mut self.start));
            self.bytes.shrink_to(2 * CHUNK);
            let len = self.bytes.len();
            self.bytes.resize(len + CHUNK, 0);
            let read = Pin::new(&mut self.from).poll_read(cx, &mut self.bytes[len..]);
            self.bytes.truncate(len + if let Poll::Ready(Ok(n)) = read { n } else { 0 });
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }
}

impl<R> Rx<R> {
    /// The next message, if it has arrived as a whole.
    fn next(&mut self) -> Result<Option<Message>> {
        let bytes = &self.bytes[self.start..];
        let Some(frame) = Length.decode_prefix(bytes)? else { return Ok(None) };
        let len = usize::try_from(frame.len).unwrap_or(usize::MAX);
        if self.limit != 0 && len > self.limit {
            let text = format!("{len} bytes, {} are allowed", self.limit);
            return Err(Error::MessageTooLarge(text.into()));
        }
        let Some(body) = frame.prefix.checked_add(len).and_then(|end| bytes.get(frame.prefix..end)) else {
            return Ok(None);
        };
        let msg = Message::copy_from(body);
        self.start += frame.prefix + len;
        Ok(Some(msg))
    }
}

const CHUNK: usize = 64 * 1024;
