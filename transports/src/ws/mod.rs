//! WebSocket: `ws://host:port/path`, `ws4://` and `ws6://` for one version of IP only; with TLS, `wss://`, `wss4://` and `wss6://`.
//!
//! - A message is one binary WebSocket message. The subprotocol, such as `rep.sp.nanomsg.org`, names the protocol of the listening side: there is
//!   no handshake but HTTP's. A browser can be a peer.
//! - The port is 80, or 443 with TLS, unless it is given. Addresses, and the options of TCP, are as with [`tcp`]; those of TLS as
//!   with `tls+tcp`.
//! - Several listeners of a process may share a host and port, each with a path of its own, from different sockets too. With TLS they must have the same
//!   TLS options: once they differ, only connections for the path whose options were used are accepted, others get a 403.
//! - Messages go out in fragments of at most `ws:txframe-max`. Frames and messages are accepted up to the receive limit.
//! - `ws:request-headers` and `ws:response-headers` are added by the dialer and the listener; pipes tell what was said. `ws:ping-interval`
//!   finds peers that have vanished.
//! - What is no such request is answered: 400 for another subprotocol, 404 for another path, 426 for what is no upgrade, 431 for
//!   a head above 8 KiB. A connection ends with 1000; with 1002 when the peer breaks the rules of WebSocket, 1003 for text, 1009 for what is above the
//!   receive limit.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use spanwire_core::option::{self, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{ByteStream, Connection, Dialer, Handshake, Hello, Link, Listener, Transport};
use spanwire_core::{OptionMap, Result, Url};

use crate::codec::Length;
use crate::pending::{Attempt, Binding, error_at};
use crate::stream::FdStream;
use crate::tcp::{self, bind_with, prepare};

use http::{Headers, Refusal};
use hub::{Asked, Hubs, Owner, Visit};
use secure::Secured;
use stream::{Content, Terms, WsStream};
use upgrade::{Half, Upgraded};

pub(crate) mod bytes;
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub mod fuzz;
mod http;
mod hub;
mod mask;
mod rx;
mod scratch;
mod secure;
mod stream;
mod tx;
mod upgrade;

/// The transport of `ws://`, `ws4://` and `ws6://`, and, with the feature `tls`, of `wss://`, `wss4://` and `wss6://`.
#[derive(Debug)]
pub struct Ws;

impl Transport for Ws {
    fn schemes(&self) -> &[&'static str] {
        secure::SCHEMES
    }

    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        tcp::Place::to_dial(url, options)?;
        request_headers(options)?;
        let (options, secured) = (options.clone(), Secured::new(url, options));
        Ok(Box::new(WsDialer { url: url.clone(), options, secured, attempt: Attempt::default() }))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let place = tcp::Place::to_listen(url)?;
        response_headers(options)?;
        let (options, secured) = (options.clone(), Secured::new(url, options));
        Ok(Box::new(WsListener { place, options, secured, binding: Binding::Unbound }))
    }
}

struct WsDialer {
    url: Url,
    options: Arc<EndpointOptions>,
    secured: Secured,
    attempt: Attempt,
}

impl Dialer for WsDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Self { url, options, secured, attempt } = self;
        attempt.poll(cx, || Box::pin(dial(url.clone(), options.clone(), secured.clone(), hello)))
    }
}

async fn dial(url: Url, options: Arc<EndpointOptions>, secured: Secured, hello: Hello) -> Result<Connection> {
    let (upgraded, found) = reach(&url, &options, &secured, Some(&subprotocol(hello.protocol.peer_name))).await?;
    Ok(connection(upgraded, found, &options, true, hello))
}

/// Opens a WebSocket at the server of this URL.
async fn reach(
    url: &Url,
    options: &Arc<EndpointOptions>,
    secured: &Secured,
    subprotocols: Option<&str>,
) -> Result<(Upgraded, OptionMap)> {
    let extra = request_headers(options)?;
    let (place, from) = tcp::Place::to_dial(url, options)?;
    let (stream, mut found) = tcp::open(&place, from, options).await?;
    let stream = secured.client(stream, url, &mut found).await?;
    let upgraded = Half::new(stream)?.ask(url, subprotocols, &extra).await?;
    Ok((upgraded, found))
}

struct WsListener {
    place: tcp::Place,
    options: Arc<EndpointOptions>,
    secured: Secured,
    binding: Binding<Bound>,
}

impl Listener for WsListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        let Self { place, options, secured, binding } = self;
        binding.poll(cx, || Bound::new(place.clone(), options.clone(), secured.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let opening = ready!(self.binding.bound()?.poll_accept(cx, Some(subprotocol(hello.protocol.name))))?;
        let options = self.options.clone();
        Poll::Ready(Ok(Box::pin(async move {
            let (upgraded, found) = opening.await?;
            Ok(connection(upgraded, found, &options, false, hello))
        })))
    }
}

/// A path at an address, at which WebSockets are opened.
pub(crate) struct Bound {
    url: Url,
    place: hub::Place,
    options: Arc<EndpointOptions>,
    secured: Secured,
}

impl Bound {
    async fn new(place: tcp::Place, options: Arc<EndpointOptions>, secured: Secured) -> Result<(Self, Url)> {
        secured.check().await?;
        let path = match place.url().encoded_path() {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        let listen = |at, v6_only| HUBS.listen(at, v6_only, &path, &secured);
        let (bound, url) = bind_with(&place, &options, listen).await?;
        Ok((Self { url: place.url().clone(), place: bound, options, secured }, url))
    }

    /// The next connection, and what becomes of it: a WebSocket of one of these subprotocols, or of none; [`hub::elsewhere`] if it was another
    /// listener's.
    fn poll_accept(
        &self,
        cx: &mut Context<'_>,
        subprotocols: Option<String>,
    ) -> Poll<Result<impl Future<Output = Result<(Upgraded, OptionMap)>> + Send + use<>>> {
        let visit = ready!(self.place.poll_visit(cx)).map_err(|e: io::Error| error_at(&self.url, e))?;
        let (options, own, door) = (self.options.clone(), self.secured.clone(), self.place.door());
        let (secured, url) = (self.place.secured().unwrap_or_else(|| own.clone()), self.url.clone());
        Poll::Ready(Ok(async move {
            let asked = match visit {
                Visit::Asked(asked) => asked,
                Visit::New(stream) => match door.deliver(read_request(stream, &options, &secured).await?) {
                    Owner::Me(asked) => asked,
                    Owner::Another => return Err(hub::elsewhere()),
                    Owner::Nobody(mut asked) => {
                        let why = format!("nobody listens at {:?}", asked.request.path());
                        return Err(asked.half.refuse(Refusal::new(404, why)).await);
                    }
                    Owner::Busy(mut asked) => {
                        return Err(asked.half.refuse(Refusal::new(503, "too many connections wait")).await);
                    }
                },
            };
            let Asked { mut half, found, request, made } = *asked;
            if !own.allows(&made) {
                tracing::warn!(url = %url, "refused: the listeners at this port have different TLS options now");
                return Err(half.refuse(Refusal::new(403, "this path is secured in another way")).await);
            }
            let extra = response_headers(&options)?;
            let upgraded = half.answer(request, subprotocols.as_deref(), &extra).await?;
            Ok((upgraded, found))
        }))
    }
}

async fn read_request(stream: FdStream, options: &EndpointOptions, secured: &Secured) -> Result<Box<Asked>> {
    let (stream, mut found) = prepare(stream, options)?;
    let (stream, made) = secured.server(stream, &mut found).await?;
    let mut half = Half::new(stream)?;
    let request = half.request().await?;
    Ok(Box::new(Asked { half, found, request, made }))
}

fn connection(
    upgraded: Upgraded,
    found: OptionMap,
    options: &EndpointOptions,
    client: bool,
    hello: Hello,
) -> Connection {
    let stream: Box<dyn ByteStream> = Box::new(websocket(upgraded, options, client, Content::Messages));
    // The subprotocol says who the peer is.
    Connection { peer: hello.protocol.peer, link: Link::Stream(stream, Box::new(Length)), options: found }
}

fn websocket((stream, ahead, agreed): Upgraded, options: &EndpointOptions, client: bool, content: Content) -> WsStream {
    let terms = Terms {
        client,
        message_max: options.recv_size_max(),
        frame_max: options.size(names::WS_RXFRAME_MAX).unwrap_or(0),
        fragment: options.size(names::WS_TXFRAME_MAX).unwrap_or(option::WS_TXFRAME_MAX_DEFAULT),
        ping: options.duration(names::WS_PING_INTERVAL).flatten().filter(|time| !time.is_zero()),
        content,
    };
    WsStream::new(stream, ahead, terms, agreed)
}

/// The name of the subprotocol in which this protocol listens.
fn subprotocol(name: &str) -> String {
    format!("{name}.sp.nanomsg.org")
}

fn request_headers(options: &EndpointOptions) -> Result<Headers> {
    headers(options, names::WS_REQUEST_HEADERS, names::WS_REQUEST_HEADER)
}

fn response_headers(options: &EndpointOptions) -> Result<Headers> {
    headers(options, names::WS_RESPONSE_HEADERS, names::WS_RESPONSE_HEADER)
}

/// What these options say: all headers as one text, and single ones.
fn headers(options: &EndpointOptions, all: &str, single: &str) -> Result<Headers> {
    let mut headers = match options.get(all) {
        Some(OptionValue::Str(lines)) => Headers::from_lines(&lines)?,
        _ => Headers::default(),
    };
    for (name, value) in options.with_prefix(single) {
        if let OptionValue::Str(value) = value {
            headers.push(&name, &value)?;
        }
    }
    Ok(headers)
}

static HUBS: Hubs = Hubs::new();
