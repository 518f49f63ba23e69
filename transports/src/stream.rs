//! Connected byte streams: the stream type that the driver's engine reads and writes, and the SP handshake.
//!
//! A transport over a stream connects, sets its options, and calls [`connect`]; the rest is the driver's.

use std::io::IoSlice;

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
pub async fn connect<C>(stream: FdStream, codec: C, hello: Hello, options: OptionMap) -> Result<Connection>
where
    C: Codec + 'static,
{
    let (stream, peer) = handshake(stream, hello).await?;
    Ok(Connection { peer, link: Link::Stream(Box::new(stream), Box::new(codec)), options })
}

async fn handshake(stream: FdStream, hello: Hello) -> Result<(FdStream, u16)> {
    let stream = Async::new_nonblocking(stream)?;
    let bytes = encode_hello(hello.protocol.number);
    let mut unsent: &[u8] = &bytes;
    while !unsent.is_empty() {
        match stream.write_with(|stream| stream.try_write(&[IoSlice::new(unsent)])).await? {
            0 => return Err(Error::ConnectionShutdown),
            sent => unsent = unsent.get(sent..).unwrap_or_default(),
        }
    }
    let mut read = Vec::with_capacity(bytes.len());
    let theirs = loop {
        if let Some(theirs) = read.first_chunk() {
            break *theirs;
        }
        let missing = bytes.len() - read.len();
        if stream.read_with(|stream| stream.try_read(&mut read, missing)).await? == 0 {
            return Err(Error::ConnectionShutdown);
        }
    };
    let peer = decode_hello(theirs)?;
    Ok((stream.into_inner()?, peer))
}
