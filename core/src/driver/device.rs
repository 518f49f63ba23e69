//! Devices: what forwards messages between two raw sockets.

use futures_lite::future::or;

use super::handle::Socket;
use crate::{ContextId, Error, Result};

/// Forwards messages between two raw sockets, each of which is the other's peer protocol, in both directions; with one socket, a
/// reflector that sends back what it receives. Runs until a socket fails or is closed, or the future is dropped.
///
/// The option `ttl-max` guards req, survey and pair1 against loops of devices. Nothing guards bus: two rings of bus devices pass messages
/// round for ever.
///
/// # Errors
/// [`Error::InvalidArgument`] if a socket is not raw, or the two are not each other's peers. [`Error::Closed`] when a
/// socket was closed.
pub async fn device(a: &Socket, b: Option<&Socket>) -> Result<()> {
    let b = b.unwrap_or(a);
    for socket in [a, b] {
        if !socket.info().raw {
            return Err(Error::InvalidArgument(format!("{socket:?} is not raw").into()));
        }
    }
    if a.info().peer != b.info().number || b.info().peer != a.info().number {
        return Err(Error::InvalidArgument(format!("{a:?} and {b:?} are not each other's peers").into()));
    }
    if a == b {
        return forward(a, b).await;
    }
    match (a.info().receives && b.info().sends, b.info().receives && a.info().sends) {
        (true, true) => or(forward(a, b), forward(b, a)).await,
        (true, false) => forward(a, b).await,
        (false, true) => forward(b, a).await,
        (false, false) => Err(Error::InvalidArgument(format!("nothing flows between {a:?} and {b:?}").into())),
    }
}

async fn forward(from: &Socket, to: &Socket) -> Result<()> {
    loop {
        let msg = from.recv(ContextId::SOCKET).await?;
        to.send(ContextId::SOCKET, msg).await?;
    }
}
