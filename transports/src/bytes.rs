//! Connections without any protocol of ours: plain byte streams over the same addresses.
//!
//! Schemes: `tcp`, `tls+tcp`, `ws`, `wss` and their forms for one version of IP, `ipc`, `unix` and on Linux `abstract`. What the transports promise
//! holds here as well: names are resolved on a thread of their own, stale socket files are removed, and the options of an endpoint are the same.
//!
//! Over WebSocket each write becomes one frame, of at most `ws:txframe-max` bytes, and what frames bring flows together. There is no subprotocol
//! unless `ws:protocol` names one; `ws:send-text` and `ws:recv-text` are for peers that want text frames. A listener shares its port
//! with others, of sockets too, each with a path of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use spanwire_core::option::EndpointOptions;
use spanwire_core::transport::ByteStream;
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::pending::error_at;
use crate::sys::Acceptor;
#[cfg(feature = "tls")]
use crate::tls::{self, Given};
#[cfg(all(unix, feature = "ws"))]
use crate::ws::bytes as ws;

/// A connection, and the options that it has, such as `remote-address`.
pub type Connected = (Box<dyn ByteStream>, OptionMap);

/// A connection that has arrived. With TLS and WebSocket there is a handshake to come, for which the peer may take its time; dropped, the connection
/// is given up. [`Error::TryAgain`] is none: another listener at this port has the connection.
pub type Arriving = Pin<Box<dyn Future<Output = Result<Connected>> + Send>>;

/// Connects to this address.
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
/// let arriving = block_on(poll_fn(|cx| listener.poll_accept(cx)))?;
/// let (_stream, theirs) = block_on(arriving)?;
/// assert_eq!(mine.get(names::LOCAL_ADDRESS), theirs.get(names::REMOTE_ADDRESS));
/// # Ok::<(), spanwire_core::Error>(())
/// ```
pub async fn dial(url: &Url, options: &Arc<EndpointOptions>) -> Result<Connected> {
    match url.scheme() {
        #[cfg(feature = "tcp")]
        "tcp" | "tcp4" | "tcp6" => {
            let (place, from) = crate::tcp::Place::to_dial(url, options)?;
            crate::tcp::open(&place, from, options).await.map(connected)
        }
        #[cfg(feature = "tls")]
        "tls+tcp" | "tls+tcp4" | "tls+tcp6" => tls::reach(url, &Given::new(options)).await.map(connected),
        #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
        "ipc" | "unix" | "abstract" => crate::ipc::open(&crate::ipc::Place::to_dial(url)?).await.map(connected),
        #[cfg(all(unix, feature = "ws"))]
        _ if ws::has_scheme(url) => ws::open(url, options).await,
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
        #[cfg(feature = "tls")]
        "tls+tcp" | "tls+tcp4" | "tls+tcp6" => {
            let given = Arc::new(Given::new(options));
            // What nobody could connect to is refused now.
            given.check_server().await?;
            let (acceptor, url) = crate::tcp::bind(crate::tcp::Place::to_listen(url)?, options.clone()).await?;
            (Bound::Tls(acceptor, given), url)
        }
        #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
        "ipc" | "unix" | "abstract" => {
            let (bound, url) = crate::ipc::bind(crate::ipc::Place::to_listen(url)?, options.clone()).await?;
            (Bound::Ipc(bound), url)
        }
        #[cfg(all(unix, feature = "ws"))]
        _ if ws::has_scheme(url) => {
            let (bound, url) = ws::bind(url, options).await?;
            (Bound::Ws(bound), url)
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
    #[cfg(feature = "tls")]
    Tls(Acceptor, Arc<Given>),
    #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
    Ipc(crate::ipc::Bound),
    #[cfg(all(unix, feature = "ws"))]
    Ws(crate::ws::Bound),
}

impl Listener {
    /// The next connection. Only the task that called last is woken.
    ///
    /// # Errors
    /// What the system says, such as [`Error::OutOfFiles`]. The listener goes on.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<Arriving>> {
        let at = |e| error_at(&self.url, e);
        match &self.bound {
            #[cfg(feature = "tcp")]
            Bound::Tcp(acceptor, options) => acceptor.poll_accept(cx).map(|accepted| {
                let stream = accepted.map_err(at)?;
                let options = options.clone();
                Ok(Box::pin(async move { crate::tcp::prepare(stream, &options).map(connected) }) as Arriving)
            }),
            #[cfg(not(feature = "tcp"))]
            Bound::Tcp(..) => Poll::Ready(Err(no_scheme(&self.url))),
            #[cfg(feature = "tls")]
            Bound::Tls(acceptor, given) => acceptor.poll_accept(cx).map(|accepted| {
                let stream = accepted.map_err(at)?;
                let given = given.clone();
                Ok(Box::pin(async move { tls::take_in(stream, &given).await.map(connected) }) as Arriving)
            }),
            #[cfg(all(unix, not(spanwire_portable), feature = "ipc"))]
            Bound::Ipc(bound) => bound.poll_accept(cx).map(|accepted| {
                let accepted = accepted.map_err(at)?;
                Ok(Box::pin(async move { Ok(connected(accepted)) }) as Arriving)
            }),
            #[cfg(all(unix, feature = "ws"))]
            Bound::Ws(bound) => ws::poll_accept(bound, cx),
        }
    }
}

fn connected(connection: (impl ByteStream + 'static, OptionMap)) -> Connected {
    (Box::new(connection.0), connection.1)
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener").field(&self.url).finish()
    }
}

fn no_scheme(url: &Url) -> Error {
    Error::NotSupported(format!("{url}: byte streams of this scheme").into())
}
