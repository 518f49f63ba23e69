//! TCP: `tcp://host:port`, and `tcp4://`, `tcp6://` for one version of IP only.
//!
//! - Dialing resolves the name on a thread of its own and tries all addresses, in the resolver's order.
//!   `tcp://192.168.1.2;host:port` or the option `local-address` choose the interface.
//! - Listening at `tcp://*:port` or `tcp://:port` takes IPv4 and IPv6. Port 0 lets the system choose; the URL that is
//!   answered and the option `tcp-bound-port` tell which one.
//! - Options: `tcp-nodelay` (true), `tcp-keepalive` (false), looked at when a connection is made. Pipes have `local-address`
//!   and `remote-address`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, iter};

use async_io::Timer;
use futures_lite::future::{or, pending};
use spanwire_core::option::{Address, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{ByteStream, Connection, Dialer, Handshake, Hello, Listener, Transport};
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::codec::Length;
use crate::offload::unblock;
use crate::pending::{Attempt, Binding, error_at};
use crate::stream::{FdStream, connect};
use crate::sys::{Acceptor, tcp_connect, tcp_listen};

/// The transport of `tcp://`, `tcp4://` and `tcp6://`.
#[derive(Debug)]
pub struct Tcp;

impl Transport for Tcp {
    fn schemes(&self) -> &[&'static str] {
        &["tcp", "tcp4", "tcp6"]
    }

    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        let (place, from) = Place::to_dial(url, options)?;
        Ok(Box::new(TcpDialer { place, from, options: options.clone(), attempt: Attempt::default() }))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let place = Place::to_listen(url)?;
        Ok(Box::new(TcpListener { place, options: options.clone(), binding: Binding::Unbound }))
    }
}

struct TcpDialer {
    place: Place,
    from: Option<SocketAddr>,
    options: Arc<EndpointOptions>,
    attempt: Attempt,
}

impl Dialer for TcpDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Self { place, from, options, attempt } = self;
        attempt.poll(cx, || Box::pin(dial(place.clone(), *from, options.clone(), hello)))
    }
}

struct TcpListener {
    place: Place,
    options: Arc<EndpointOptions>,
    binding: Binding<Acceptor>,
}

impl Listener for TcpListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        let Self { place, options, binding } = self;
        binding.poll(cx, || bind(place.clone(), options.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let stream = ready!(self.binding.bound()?.poll_accept(cx)).map_err(|e| error_at(&self.place.url, e))?;
        let options = self.options.clone();
        Poll::Ready(Ok(Box::pin(async move {
            let (stream, found) = prepare(stream, &options)?;
            connect(stream, Length, hello, found).await
        })))
    }
}

async fn dial(
    place: Place,
    from: Option<SocketAddr>,
    options: Arc<EndpointOptions>,
    hello: Hello,
) -> Result<Connection> {
    let (stream, found) = open(&place, from, &options).await?;
    connect(stream, Length, hello, found).await
}

/// A connection before its handshake, with the options that it has.
pub(crate) async fn open(
    place: &Place,
    from: Option<SocketAddr>,
    options: &EndpointOptions,
) -> Result<(FdStream, OptionMap)> {
    let mut failed = None;
    let addresses = place.resolve().await?;
    let others = addresses.len() > 1;
    for to in addresses {
        if from.is_some_and(|from| from.is_ipv4() != to.is_ipv4()) {
            continue;
        }
        let overdue = async {
            match others {
                true => drop(Timer::after(NEXT_ADDRESS).await),
                false => pending().await,
            }
            Err(io::ErrorKind::TimedOut.into())
        };
        match or(tcp_connect(to, from), overdue).await {
            Ok(stream) => return prepare(stream, options),
            Err(e) => failed = Some(error_at(format_args!("{} ({to})", place.url), e)),
        }
    }
    Err(failed.unwrap_or_else(|| invalid(&place.url, "no address of the kind of the local address")))
}

pub(crate) async fn bind(place: Place, options: Arc<EndpointOptions>) -> Result<(Acceptor, Url)> {
    bind_with(&place, &options, |at, v6_only| {
        let acceptor = tcp_listen(at, v6_only)?;
        let addr = acceptor.local_addr()?;
        Ok((acceptor, addr))
    })
    .await
}

/// Listens at the first of a place's addresses that there is, in this way.
pub(crate) async fn bind_with<T>(
    place: &Place,
    options: &EndpointOptions,
    mut listen: impl FnMut(SocketAddr, Option<bool>) -> io::Result<(T, SocketAddr)>,
) -> Result<(T, Url)> {
    let mut failed = None;
    for (at, v6_only) in place.listen_at().await? {
        match listen(at, v6_only) {
            Ok((acceptor, addr)) => {
                options.set(names::LOCAL_ADDRESS, OptionValue::Address(Address::Inet(addr)));
                options.set(names::TCP_BOUND_PORT, OptionValue::Int(addr.port().into()));
                return Ok((acceptor, place.url.with_port(addr.port())));
            }
            Err(e) => {
                // Only a version of IP that this machine lacks is a reason to listen somewhere else.
                let lacking =
                    matches!(e.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported) || is_lacking(&e);
                failed.get_or_insert_with(|| error_at(&place.url, e));
                if !lacking {
                    break;
                }
            }
        }
    }
    Err(failed.unwrap_or_else(|| invalid(&place.url, "no address to listen at")))
}

/// Sets what the options of its endpoint say, and what suits a connection whose addresses say that both ends are on this machine. Answers the options
/// that the connection has.
pub(crate) fn prepare(stream: FdStream, options: &EndpointOptions) -> Result<(FdStream, OptionMap)> {
    for (name, default) in [(names::TCP_NODELAY, true), (names::TCP_KEEPALIVE, false)] {
        // New sockets have both off.
        if options.bool_or(name, default) {
            stream.set_option(name, &OptionValue::Bool(true))?;
        }
    }
    let (local, remote) = (unmapped(stream.local_addr()?), unmapped(stream.peer_addr()?));
    if local.ip() == remote.ip() || local.ip().is_loopback() || remote.ip().is_loopback() {
        stream.stays_here();
    }
    let mut found = OptionMap::new();
    found.set(names::LOCAL_ADDRESS, OptionValue::Address(Address::Inet(local)));
    found.set(names::REMOTE_ADDRESS, OptionValue::Address(Address::Inet(remote)));
    Ok((stream, found))
}

/// Where a URL leads.
#[derive(Clone)]
pub(crate) struct Place {
    url: Url,
    version: Version,
    port: u16,
}

/// The versions of IP that a scheme allows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Any,
    V4,
    V6,
}

impl Place {
    /// To dial, and from which address.
    pub(crate) fn to_dial(url: &Url, options: &EndpointOptions) -> Result<(Self, Option<SocketAddr>)> {
        let place = Self::of(url)?;
        if url.is_wildcard() || place.port == 0 {
            return Err(invalid(url, "a host and a port are needed to dial"));
        }
        Ok((place, local_address(url, options)?))
    }

    pub(crate) fn to_listen(url: &Url) -> Result<Self> {
        match url.local() {
            Some(_) => Err(invalid(url, "a listener has its local address behind the \";\"")),
            None => Self::of(url),
        }
    }

    fn of(url: &Url) -> Result<Self> {
        let version = match url.scheme() {
            scheme if scheme.ends_with('4') => Version::V4,
            scheme if scheme.ends_with('6') => Version::V6,
            _ => Version::Any,
        };
        let is_web = url.scheme().starts_with("ws");
        let has_path = url.query().is_some() || !matches!(url.encoded_path(), "" | "/");
        if url.userinfo().is_some() || url.fragment().is_some() || (has_path && !is_web) {
            let also = if is_web { ", a path and a query" } else { "" };
            return Err(invalid(url, format_args!("only a host and a port{also} belong here")));
        }
        let port = url.port().ok_or_else(|| invalid(url, "the port is missing"))?;
        Ok(Self { url: url.clone(), version, port })
    }

    /// The URL that leads there.
    #[cfg(feature = "ws")]
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The addresses of the host, at least one.
    async fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let host = self.url.host().unwrap_or("").to_owned();
        let port = self.port;
        let mut found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => unblock(move || (host, port).to_socket_addrs().map(Iterator::collect))
                .await?
                .map_err(|e: io::Error| invalid(&self.url, e))?,
        };
        found.retain(|addr| match self.version {
            Version::Any => true,
            Version::V4 => addr.is_ipv4(),
            Version::V6 => addr.is_ipv6(),
        });
        match found.is_empty() {
            true => Err(invalid(&self.url, "the host has no address of this kind")),
            false => Ok(found),
        }
    }

    /// The addresses to listen at, first the one to try first, and whether an IPv6 socket refuses IPv4.
    async fn listen_at(&self) -> Result<Vec<(SocketAddr, Option<bool>)>> {
        let any4 = (SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port)), None);
        let any6 = |v6_only| (SocketAddr::from((Ipv6Addr::UNSPECIFIED, self.port)), Some(v6_only));
        Ok(match (self.url.is_wildcard(), self.version) {
            (true, Version::Any) => vec![any6(false), any4],
            (true, Version::V4) => vec![any4],
            (true, Version::V6) => vec![any6(true)],
            (false, version) => {
                let v6_only = (version == Version::V6).then_some(true);
                self.resolve().await?.into_iter().zip(iter::repeat(v6_only)).collect()
            }
        })
    }
}

/// The address to dial from: in the URL or as an option.
fn local_address(url: &Url, options: &EndpointOptions) -> Result<Option<SocketAddr>> {
    if let Some(local) = url.local() {
        let ip: IpAddr = local.parse().map_err(|_| {
            invalid(url, format_args!("{local:?} is no local address; interface names are not supported"))
        })?;
        return Ok(Some((ip, 0).into()));
    }
    match options.get(names::LOCAL_ADDRESS) {
        None | Some(OptionValue::Address(Address::Unspecified)) => Ok(None),
        Some(OptionValue::Address(Address::Inet(addr))) => Ok(Some(addr)),
        Some(other) => Err(Error::AddressInvalid(format!("local-address {other:?} for {url}").into())),
    }
}

/// An IPv4 address that came in on an IPv6 socket is shown as what it is.
fn unmapped(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

fn is_lacking(e: &io::Error) -> bool {
    #[cfg(unix)]
    return e.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    return e.raw_os_error() == Some(10047);
}

/// How long one address may take that does not answer, if there are others. The driver gives all of them 30 s.
const NEXT_ADDRESS: Duration = Duration::from_secs(8);

fn invalid(url: &Url, why: impl std::fmt::Display) -> Error {
    Error::AddressInvalid(format!("{url}: {why}").into())
}
