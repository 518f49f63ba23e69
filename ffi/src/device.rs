//! Devices.

use std::future::Future;

use futures_lite::future::block_on;
use spanwire::{AnySocket, Error};

use crate::aio::{Aio, Outcome, nng_aio};
use crate::error::{Code, Result};
use crate::guard::export;
use crate::socket;
use crate::types::nng_socket;

export! {
    /// Forwards messages between two raw sockets until one is closed. One socket alone, with 0 or itself as the other, sends back what
    /// it receives.
    fn nng_device(a: nng_socket, b: nng_socket) -> status {
        Ok(block_on(forward(sockets(a, b)?))?)
    }

    /// [`nng_device`] until the aio is canceled.
    fn nng_device_aio(aio: *mut nng_aio, a: nng_socket, b: nng_socket) {
        // SAFETY: the caller's promise.
        let Some(aio) = (unsafe { Aio::from_c(aio) }) else { return };
        let sockets = sockets(a, b);
        aio.run(async move {
            let forwarded = match sockets {
                Ok(sockets) => forward(sockets).await.map_err(Code::from),
                Err(code) => Err(code),
            };
            Outcome::from(forwarded.map(|()| 0))
        });
    }
}

/// The sockets, of which one may be missing.
fn sockets(a: nng_socket, b: nng_socket) -> Result<(AnySocket, Option<AnySocket>)> {
    let find = |handle: nng_socket| match handle.id {
        0 => Ok(None),
        _ => socket::find(handle).map(|sock| Some(sock.any.clone())),
    };
    match (find(a)?, find(b)?) {
        (Some(a), b) => Ok((a, b)),
        (None, Some(b)) => Ok((b, None)),
        (None, None) => Err(Code::EINVAL),
    }
}

fn forward((a, b): (AnySocket, Option<AnySocket>)) -> impl Future<Output = Result<(), Error>> + Send {
    match b {
        Some(b) => spanwire::device(a, b),
        None => spanwire::reflector(a),
    }
}
