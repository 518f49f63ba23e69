//! Connections without any protocol of ours: plain byte streams over the same addresses.
//!
//! Schemes: `tcp`, `tcp4`, `tcp6`, `ipc`, `unix` and on Linux `abstract`. What the transports promise holds here as well: names are resolved on a
//! thread of their own, stale socket files are removed, and the options of an endpoint are the same.

use std::sync::Arc;
use std::task::{Context, Poll};

use spanwire_core::option::EndpointOptions;
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::pending::error_at;
use crate::stream::FdStream;
use crate::sys::Acceptor;

/// A connection to this address, and the options that it has, such as `remote-address`.
///
/// Dropping the future gives the connection up.
///
/// # Errors
/// [`Error::NotSupported`] for another scheme, [`Error::AddressInvalid`], and what else can happen on the way.
///
/// ```
/// use futures_lite::future::{block_on, poll_fn};
/// use spanwire_core::{OptionMap, Url, option::{EndpointOptions, names}};
/// use spanwire_transports::bytes;
/// use std::sync::Arc;
///
/// let options = || Arc::new(EndpointOptions::new(OptionMap::new()));
/// let (listener, url) = block_on(bytes::listen(&Url::parse("tcp://127.0.0.1:0")?, &options()))?;
/// let (_stream, mine) = block_on(bytes::dial(&url, &options()))?;
/// let (_stream, theirs) = block_on(poll_fn(|cx| listener.poll_accept(cx)))?;
/// assert_eq!(mine.get(names::LOCAL_ADDRESS), theirs.get(names::REMOTE_ADDRESS));
/// # Ok::<(), spanwire_core::Error>(())
/// ```
pub async fn dial(url: &Url, options: &EndpointOptions) -> Result<(FdStream, OptionMap)> {
    match url.scheme() {
        #[cfg(feature = "tcp")]
        "tcp" | "tcp4" | "tcp6" => {
            let (place, from) = crate::tcp::Place::to_dial(url, options)?;
            crate::tcp::open(&place, from, options).await
        }
        #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
        "ipc" | "unix" | "abstract" => crate::ipc::open(&crate::ipc::Place::to_dial(url)?).await,
        _ => Err(no_scheme(url)),
    }
}

/// Listens at this address. Answers the address with what was left to the system, such as port 0.
///
/// Sets the options `local-address` and `tcp-bound-port`.
///
/// # Errors
/// As [`dial`].
///
/// ```
/// # use spanwire_core::{OptionMap, Url, option::EndpointOptions};
/// # use std::sync::Arc;
/// let options = Arc::new(EndpointOptions::new(OptionMap::new()));
/// let any = Url::parse("tcp://127.0.0.1:0")?;
/// let (_listener, url) = futures_lite::future::block_on(spanwire_transports::bytes::listen(&any, &options))?;
/// assert_ne!(url.port(), Some(0));
/// # Ok::<(), spanwire_core::Error>(())
/// ```
pub async fn listen(url: &Url, options: &Arc<EndpointOptions>) -> Result<(Listener, Url)> {
    let (bound, url) = match url.scheme() {
        #[cfg(feature = "tcp")]
        "tcp" | "tcp4" | "tcp6" => {
            let (acceptor, url) = crate::tcp::bind(crate::tcp::Place::to_listen(url)?, options.clone()).await?;
            (Bound::Tcp(acceptor, options.clone()), url)
        }
        #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
        "ipc" | "unix" | "abstract" => {
            let (bound, url) = crate::ipc::bind(crate::ipc::Place::to_listen(url)?, options.clone()).await?;
            (Bound::Ipc(bound), url)
        }
        _ => return Err(no_scheme(url)),
    };
    Ok((Listener { bound, url: url.clone() }, url))
}

/// What connections arrive at; see [`listen`]. Nobody can connect any more when it is dropped.
pub struct Listener {
    bound: Bound,
    url: Url,
}

enum Bound {
    Tcp(Acceptor, Arc<EndpointOptions>),
    #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
    Ipc(crate::ipc::Bound),
}

impl Listener {
    /// The next connection, and the options that it has. Only the task that called last is woken.
    ///
    /// # Errors
    /// What the system says, such as [`Error::OutOfFiles`]. The listener goes on.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<(FdStream, OptionMap)>> {
        match &self.bound {
            #[cfg(feature = "tcp")]
            Bound::Tcp(acceptor, options) => acceptor
                .poll_accept(cx)
                .map(|accepted| accepted.map_err(|e| error_at(&self.url, e)))
                .map(|accepted| accepted.and_then(|stream| crate::tcp::prepare(stream, options))),
            #[cfg(not(feature = "tcp"))]
            Bound::Tcp(..) => Poll::Ready(Err(no_scheme(&self.url))),
            #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
            Bound::Ipc(bound) => bound.poll_accept(cx).map(|accepted| accepted.map_err(|e| error_at(&self.url, e))),
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.url).finish()
    }
}

fn no_scheme(url: &Url) -> Error {
    Error::NotSupported(format!("{url}: byte streams of this scheme").into())
}
