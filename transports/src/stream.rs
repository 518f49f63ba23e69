//! Connected byte streams: the stream type that the driver's engine reads and writes, and the SP handshake.
//!
//! A transport over a stream connects, sets its options, and calls [`connect`]; the rest is the driver's.

use std::io::{ErrorKind, IoSlice};

use async_io::Async;
use spanwire_core::transport::{ByteStream, Codec, Connection, Hello, Link};
use spanwire_core::{Error, OptionMap, Result};

use crate::codec::{decode_hello, encode_hello};

pub use crate::sys::FdStream;

/// Shakes hands with the peer and answers the connection that the driver takes over.
///
/// Sends 8 bytes, reads 8 bytes and not one more, so that what the peer sends behind them is left for the driver. There is no
/// time limit: that is the driver's, which drops this future. Dropping it closes the stream.
///
/// ```
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
/// use futures_lite::future::block_on;
/// use spanwire_core::{OptionMap, ProtocolInfo, transport::Hello};
/// use spanwire_transports::codec::{Length, encode_hello};
/// use spanwire_transports::stream::{FdStream, connect};
///
/// static PULL: ProtocolInfo = ProtocolInfo { name: "pull", number: 0x51, peer_name: "push", peer: 0x50,
/// #   raw: false, sends: false, receives: true, contexts: false, shared_recv: true, shared_send: false,
/// #   returns_unsent: false, pipe_depth: 1,
///     // ...
/// };
/// let (mine, mut peer) = UnixStream::pair()?;
/// peer.write_all(&encode_hello(0x50))?;
/// let stream = FdStream::new(mine.into())?;
/// block_on(connect(stream, Length, Hello { protocol: &PULL }, OptionMap::new()))?;
/// # Ok::<(), spanwire_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::Protocol`] if the peer does not shake hands, [`Error::ConnectionShutdown`] if it
/// closes, and what else can happen to a connection.
pub async fn connect<S, C>(stream: S, codec: C, hello: Hello, options: OptionMap) -> Result<Connection>
where
    S: ByteStream + Watched + 'static,
    C: Codec + 'static,
{
    let (stream, peer) = handshake(stream, hello).await?;
    Ok(Connection { peer, link: Link::Stream(Box::new(stream), Box::new(codec)), options })
}

/// What the reactor can wait for: `AsFd` on Unix, `AsSocket` on Windows.
#[cfg(unix)]
pub use std::os::fd::AsFd as Watched;
#[cfg(windows)]
pub use std::os::windows::io::AsSocket as Watched;

async fn handshake<S: ByteStream + Watched>(stream: S, hello: Hello) -> Result<(S, u16)> {
    let mut hands = Hands { unsent: encode_hello(hello.protocol.number).to_vec(), read: Vec::with_capacity(HELLO) };
    // In a crowd the peer's bytes are usually there already, and the reactor need not hear of this stream.
    if let Some(theirs) = hands.shake(&stream)? {
        return Ok((stream, decode_hello(theirs)?));
    }
    let stream = Async::new_nonblocking(stream)?;
    loop {
        if hands.unsent.is_empty() {
            stream.readable().await?;
        } else {
            stream.writable().await?;
        }
        if let Some(theirs) = hands.shake(stream.get_ref())? {
            return Ok((stream.into_inner()?, decode_hello(theirs)?));
        }
    }
}

/// How far a handshake has come.
struct Hands {
    unsent: Vec<u8>,
    read: Vec<u8>,
}

impl Hands {
    /// Sends and reads what goes without waiting. Answers what the peer has sent, once that is complete.
    fn shake(&mut self, stream: &impl ByteStream) -> Result<Option<[u8; HELLO]>> {
        while !self.unsent.is_empty() {
            match stream.try_write(&[IoSlice::new(&self.unsent)]) {
                Ok(0) => return Err(Error::ConnectionShutdown),
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(e) => return Err(e.into()),
            }
        }
        loop {
            if let Some(theirs) = self.read.first_chunk() {
                return Ok(Some(*theirs));
            }
            let missing = HELLO - self.read.len();
            match stream.try_read(&mut self.read, missing) {
                Ok(0) => return Err(Error::ConnectionShutdown),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(None),
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// Bytes that each side sends first.
const HELLO: usize = 8;
