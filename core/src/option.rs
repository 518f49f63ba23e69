//! Options: one table with the name, type, place, range and meaning of each, and the values.
//!
//! The table feeds the typed methods of the facade, the string names of the C API and the command, the attributes of the
//! Python package, and the docs.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

#[cfg(unix)]
pub use inbox::FdInbox;

use crate::{Error, Result};

#[cfg(unix)]
mod inbox;

/// The value of an option.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i32),
    /// A length in bytes.
    Size(usize),
    /// A time; `None` is infinite.
    Duration(Option<Duration>),
    /// A text.
    Str(String),
    /// Several texts.
    Strings(Vec<String>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A large number.
    U64(u64),
    /// An address of a transport.
    Address(Address),
    /// Something that only the transport knows, such as a TLS configuration.
    Object(Object),
}

/// The type of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionType {
    /// [`OptionValue::Bool`]
    Bool,
    /// [`OptionValue::Int`]
    Int,
    /// [`OptionValue::Size`]
    Size,
    /// [`OptionValue::Duration`]
    Duration,
    /// [`OptionValue::Str`]
    Str,
    /// [`OptionValue::Strings`]
    Strings,
    /// [`OptionValue::Bytes`]
    Bytes,
    /// [`OptionValue::U64`]
    U64,
    /// [`OptionValue::Address`]
    Address,
    /// [`OptionValue::Object`]
    Object,
}

impl OptionValue {
    /// The type of this value.
    ///
    /// ```
    /// use spanwire_core::option::{OptionType, OptionValue};
    ///
    /// assert_eq!(OptionValue::from(true).kind(), OptionType::Bool);
    /// ```
    pub fn kind(&self) -> OptionType {
        match self {
            Self::Bool(_) => OptionType::Bool,
            Self::Int(_) => OptionType::Int,
            Self::Size(_) => OptionType::Size,
            Self::Duration(_) => OptionType::Duration,
            Self::Str(_) => OptionType::Str,
            Self::Strings(_) => OptionType::Strings,
            Self::Bytes(_) => OptionType::Bytes,
            Self::U64(_) => OptionType::U64,
            Self::Address(_) => OptionType::Address,
            Self::Object(_) => OptionType::Object,
        }
    }
}

/// A value of a type that the core does not know, shared. Two are equal if they are the same object.
///
/// ```
/// use spanwire_core::option::Object;
/// use std::sync::Arc;
///
/// let object = Object::new(Arc::new(String::from("any type")));
/// assert_eq!(object, object.clone());
/// assert_eq!(object.get::<String>().unwrap().as_str(), "any type");
/// assert!(object.get::<u32>().is_none());
/// ```
#[derive(Clone)]
pub struct Object(Arc<dyn Any + Send + Sync>);

impl Object {
    /// Holds this value.
    pub fn new<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(value)
    }

    /// The value, if it is of this type.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.clone().downcast().ok()
    }
}

// What is in it may be secret, and is not shown.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object")
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Object {}

/// An address of a transport, as the options `local-address` and `remote-address` tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// None known.
    Unspecified,
    /// A name within this process.
    Inproc(String),
    /// The path of a socket file.
    Ipc(PathBuf),
    /// An IPv4 or IPv6 address and port.
    Inet(SocketAddr),
    /// A name in Linux' abstract socket namespace.
    Abstract(Vec<u8>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("unspecified"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
            Self::Ipc(path) => write!(f, "{}", path.display()),
            Self::Inet(addr) => write!(f, "{addr}"),
            Self::Abstract(name) => write!(f, "abstract://{}", name.escape_ascii()),
        }
    }
}

/// Whether an option can be read and set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Both.
    ReadWrite,
    /// Reading only.
    ReadOnly,
    /// Setting only.
    WriteOnly,
}

/// Which objects have an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(u8);

impl Scope {
    /// Sockets.
    pub const SOCKET: Self = Self(1);
    /// Contexts.
    pub const CONTEXT: Self = Self(2);
    /// Dialers.
    pub const DIALER: Self = Self(4);
    /// Listeners.
    pub const LISTENER: Self = Self(8);
    /// Pipes, which only read.
    pub const PIPE: Self = Self(16);
    /// Byte streams and what makes them, as the C library has them. No socket, dialer or listener of messages has these.
    pub const STREAM: Self = Self(32);

    /// Both scopes.
    ///
    /// ```
    /// use spanwire_core::option::Scope;
    ///
    /// assert!(Scope::SOCKET.and(Scope::CONTEXT).has(Scope::CONTEXT));
    /// ```
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this scope includes all of the other.
    ///
    /// ```
    /// use spanwire_core::option::Scope;
    ///
    /// assert!(!Scope::SOCKET.has(Scope::SOCKET.and(Scope::CONTEXT)));
    /// ```
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct OptionSpec {
    /// The name, as NNG spells it.
    pub name: &'static str,
    /// The type of the value.
    pub kind: OptionType,
    /// The objects that have it.
    pub scope: Scope,
    /// Whether it can be read and set.
    pub access: Access,
    /// For whole numbers, the allowed values.
    pub range: Option<RangeInclusive<i32>>,
    /// Who keeps it.
    pub owner: Owner,
    /// What it means, with its unit and default.
    pub doc: &'static str,
}

/// Which part of the library keeps an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The driver.
    Driver,
    /// The protocol.
    Protocol,
    /// The transport.
    Transport,
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $const:ident = $name:literal, $kind:ident, [$($scope:ident)*], $access:ident, $range:expr, $owner:ident;)*) => {
        /// The names of all options, as constants.
        pub mod names {
            $($(#[doc = $doc])+ pub const $const: &str = $name;)*
        }

        /// All options.
        pub static OPTIONS: &[OptionSpec] = &[
            $(OptionSpec {
                name: $name,
                kind: OptionType::$kind,
                scope: Scope(0)$(.and(Scope::$scope))*,
                access: Access::$access,
                range: $range,
                owner: Owner::$owner,
                doc: concat!($($doc, "\n"),+),
            },)*
        ];
    };
}

options! {
    /// How long a receive waits; infinite by default. A context copies the socket's value when it opens.
    RECV_TIMEOUT = "recv-timeout", Duration, [SOCKET CONTEXT], ReadWrite, None, Driver;
    /// How long a send waits; infinite by default. A context copies the socket's value when it opens.
    SEND_TIMEOUT = "send-timeout", Duration, [SOCKET CONTEXT], ReadWrite, None, Driver;
    /// How many messages wait for the application: sub and surveyor 128 a context, bus 16, pair 0 by default.
    RECV_BUFFER = "recv-buffer", Int, [SOCKET CONTEXT], ReadWrite, Some(0..=8192), Protocol;
    /// How many messages wait for a peer: pub and bus 16 a pipe, surveyor 8 a pipe, push and pair 0 by default.
    SEND_BUFFER = "send-buffer", Int, [SOCKET], ReadWrite, Some(0..=8192), Protocol;
    /// A descriptor that is readable while a receive would not wait.
    RECV_FD = "recv-fd", Int, [SOCKET], ReadOnly, None, Driver;
    /// A descriptor that is readable while a send would not wait.
    SEND_FD = "send-fd", Int, [SOCKET], ReadOnly, None, Driver;
    /// A name for logs and statistics, at most 63 bytes; the socket's id by default.
    SOCKET_NAME = "socket-name", Str, [SOCKET], ReadWrite, None, Driver;
    /// Whether the socket is raw.
    RAW = "raw", Bool, [SOCKET], ReadOnly, None, Driver;
    /// The protocol's number.
    PROTOCOL = "protocol", Int, [SOCKET], ReadOnly, None, Driver;
    /// The peer protocol's number.
    PEER = "peer", Int, [SOCKET], ReadOnly, None, Driver;
    /// The protocol's name.
    PROTOCOL_NAME = "protocol-name", Str, [SOCKET], ReadOnly, None, Driver;
    /// The peer protocol's name.
    PEER_NAME = "peer-name", Str, [SOCKET], ReadOnly, None, Driver;
    /// The largest message that is accepted, in bytes; 0 is unlimited. A peer that sends a larger one is disconnected. 64 MiB by
    /// default. In-process connections ignore it.
    RECV_SIZE_MAX = "recv-size-max", Size, [SOCKET DIALER LISTENER], ReadWrite, None, Driver;
    /// The first wait before a dialer tries again; 100 ms by default. Each wait is a random time below the current bound.
    RECONNECT_TIME_MIN = "reconnect-time-min", Duration, [SOCKET DIALER], ReadWrite, None, Driver;
    /// How far the wait between attempts may grow, doubling each time; 5 s by default; 0: it does not grow.
    RECONNECT_TIME_MAX = "reconnect-time-max", Duration, [SOCKET DIALER], ReadWrite, None, Driver;
    /// How many devices a message may pass; 8 by default.
    TTL_MAX = "ttl-max", Int, [SOCKET], ReadWrite, Some(1..=255), Protocol;
    /// The URL of a dialer, listener or pipe.
    URL = "url", Str, [DIALER LISTENER PIPE], ReadOnly, None, Driver;
    /// This side's address. Settable on a dialer before it starts, to choose the interface.
    LOCAL_ADDRESS = "local-address", Address, [DIALER LISTENER PIPE], ReadWrite, None, Transport;
    /// The peer's address.
    REMOTE_ADDRESS = "remote-address", Address, [DIALER PIPE], ReadOnly, None, Transport;
    /// Whether TCP sends small segments at once; true by default.
    TCP_NODELAY = "tcp-nodelay", Bool, [SOCKET DIALER LISTENER PIPE], ReadWrite, None, Transport;
    /// Whether TCP probes idle connections; false by default.
    TCP_KEEPALIVE = "tcp-keepalive", Bool, [SOCKET DIALER LISTENER PIPE], ReadWrite, None, Transport;
    /// The port that a listener on port 0 was given.
    TCP_BOUND_PORT = "tcp-bound-port", Int, [LISTENER], ReadOnly, None, Transport;
    /// The permission bits of the socket file, from the process' umask by default. To be set before the listener starts.
    IPC_PERMISSIONS = "ipc:permissions", Int, [LISTENER], WriteOnly, Some(0..=0o777), Transport;
    /// The TLS configuration, a `TlsConfig`. A change affects the next handshakes.
    TLS_CONFIG = "tls-config", Object, [SOCKET DIALER LISTENER], ReadWrite, None, Transport;
    /// Whether the peer must prove who it is: 0 no, 1 it may, 2 it must; 2 for dialers and 0 for listeners by default.
    TLS_AUTH_MODE = "tls-authmode", Int, [SOCKET DIALER LISTENER], WriteOnly, Some(0..=2), Transport;
    /// The file with the own certificate, the chain behind it, and its key, in PEM.
    TLS_CERT_KEY_FILE = "tls-cert-key-file", Str, [SOCKET DIALER LISTENER], WriteOnly, None, Transport;
    /// The file with the certificates of the authorities that are trusted, in PEM.
    TLS_CA_FILE = "tls-ca-file", Str, [SOCKET DIALER LISTENER], WriteOnly, None, Transport;
    /// The name that the server's certificate must have; the URL's host by default.
    TLS_SERVER_NAME = "tls-server-name", Str, [SOCKET DIALER LISTENER], WriteOnly, None, Transport;
    /// Whether the peer has proved who it is.
    TLS_VERIFIED = "tls-verified", Bool, [PIPE], ReadOnly, None, Transport;
    /// The common name in the peer's certificate.
    TLS_PEER_CN = "tls-peer-cn", Str, [PIPE], ReadOnly, None, Transport;
    /// The alternative names in the peer's certificate: DNS names, IP addresses, mail addresses, URIs.
    TLS_PEER_ALT_NAMES = "tls-peer-alt-names", Strings, [PIPE], ReadOnly, None, Transport;
    /// Headers of the HTTP request that opens a WebSocket, a line `Name: value` each. What a dialer adds; on pipes, what was sent.
    WS_REQUEST_HEADERS = "ws:request-headers", Str, [DIALER PIPE], ReadWrite, None, Transport;
    /// With a header's name behind the colon: that header of the request.
    WS_REQUEST_HEADER = "ws:request-header:", Str, [DIALER PIPE], ReadWrite, None, Transport;
    /// Headers of the HTTP response that opens a WebSocket. What a listener adds; on pipes, what was sent.
    WS_RESPONSE_HEADERS = "ws:response-headers", Str, [LISTENER PIPE], ReadWrite, None, Transport;
    /// With a header's name behind the colon: that header of the response.
    WS_RESPONSE_HEADER = "ws:response-header:", Str, [LISTENER PIPE], ReadWrite, None, Transport;
    /// The path and query that a WebSocket's client has asked for.
    WS_REQUEST_URI = "ws:request-uri", Str, [PIPE], ReadOnly, None, Transport;
    /// The longest WebSocket frame that is sent, in bytes: longer messages go in fragments. 64 KiB by default; 0: without limit.
    WS_TXFRAME_MAX = "ws:txframe-max", Size, [SOCKET DIALER LISTENER], ReadWrite, None, Transport;
    /// The longest WebSocket frame that is accepted, in bytes; 0, the default: as long as a message may be.
    WS_RXFRAME_MAX = "ws:rxframe-max", Size, [SOCKET DIALER LISTENER], ReadWrite, None, Transport;
    /// The subprotocol of a byte stream over WebSocket, or a list of them, `a, b`: the first of the client's that the listener has too. None by
    /// default, and neither side accepts one then.
    WS_PROTOCOL = "ws:protocol", Str, [STREAM], ReadWrite, None, Transport;
    /// Whether a byte stream over WebSocket goes out in text frames; false by default. Whether it is text is the application's business.
    WS_SEND_TEXT = "ws:send-text", Bool, [STREAM], ReadWrite, None, Transport;
    /// Whether a byte stream over WebSocket may come in text frames; false by default.
    WS_RECV_TEXT = "ws:recv-text", Bool, [STREAM], ReadWrite, None, Transport;
    /// How often a WebSocket's peer is pinged; infinite by default. A peer that sends nothing between two pings is disconnected.
    WS_PING_INTERVAL = "ws:ping-interval", Duration, [SOCKET DIALER LISTENER], ReadWrite, None, Transport;
    /// The user id of the peer's process.
    IPC_PEER_UID = "ipc:peer-uid", U64, [PIPE], ReadOnly, None, Transport;
    /// The group id of the peer's process.
    IPC_PEER_GID = "ipc:peer-gid", U64, [PIPE], ReadOnly, None, Transport;
    /// The process id of the peer.
    IPC_PEER_PID = "ipc:peer-pid", U64, [PIPE], ReadOnly, None, Transport;
    /// A connected descriptor for a `socket://` listener to take over. Closed by the library from then on.
    SOCKET_FD = "socket:fd", Int, [LISTENER], WriteOnly, None, Transport;
    /// Whether a pair1 socket talks to several peers.
    PAIR1_POLYAMOROUS = "pair1:polyamorous", Bool, [SOCKET], ReadOnly, None, Protocol;
    /// Adds a topic: messages whose body starts with these bytes are received.
    SUB_SUBSCRIBE = "sub:subscribe", Bytes, [SOCKET CONTEXT], WriteOnly, None, Protocol;
    /// Removes a topic.
    SUB_UNSUBSCRIBE = "sub:unsubscribe", Bytes, [SOCKET CONTEXT], WriteOnly, None, Protocol;
    /// When the receive queue is full: true drops the oldest message, false the new one; true by default.
    SUB_PREFNEW = "sub:prefnew", Bool, [SOCKET CONTEXT], ReadWrite, None, Protocol;
    /// After how long without a reply a request is sent again; 60 s by default; infinite or 0: never.
    REQ_RESEND_TIME = "req:resend-time", Duration, [SOCKET CONTEXT], ReadWrite, None, Protocol;
    /// How often requests are looked at for `req:resend-time`; 1 s by default.
    REQ_RESEND_TICK = "req:resend-tick", Duration, [SOCKET], ReadWrite, None, Protocol;
    /// How long a survey lasts; 1 s by default, at least 1 ms. A change affects the next survey.
    SURVEYOR_SURVEY_TIME = "surveyor:survey-time", Duration, [SOCKET CONTEXT], ReadWrite, None, Protocol;
    /// Which pipes are sent to first, 1 to 16; 8 by default. The next ones are used only when none of the first is ready.
    SEND_PRIORITY = "send-priority", Int, [DIALER LISTENER], ReadWrite, Some(1..=16), Driver;
    /// Which pipes are received from first, 1 to 16; 8 by default.
    RECV_PRIORITY = "recv-priority", Int, [DIALER LISTENER], ReadWrite, Some(1..=16), Driver;
    /// How long close waits for accepted messages to reach the kernel; 1 s by default.
    LINGER = "linger", Duration, [SOCKET], ReadWrite, None, Driver;
}

/// The value of `ws:txframe-max` where it is not set: what NNG sends, and less than it accepts.
pub const WS_TXFRAME_MAX_DEFAULT: usize = 64 * 1024;

/// The row of this name; of `ws:request-header:` and the like, with anything behind the colon.
///
/// # Errors
/// [`Error::NotSupported`] if there is no option of this name.
///
/// ```
/// use spanwire_core::option::{OptionType, spec};
///
/// assert_eq!(spec("ttl-max")?.kind, OptionType::Int);
/// assert!(spec("no such option").is_err());
/// # Ok::<(), spanwire_core::Error>(())
/// ```
pub fn spec(name: &str) -> Result<&'static OptionSpec> {
    let is = |spec: &&OptionSpec| {
        let rest = name.strip_prefix(spec.name);
        rest == Some("") || (rest.is_some() && spec.name.ends_with(':'))
    };
    let found = OPTIONS.iter().find(is);
    found.ok_or_else(|| Error::NotSupported(format!("no option {name:?}").into()))
}

impl OptionSpec {
    /// Checks that objects of this scope have the option and that it may be set to this value.
    ///
    /// # Errors
    /// [`Error::NotSupported`], [`Error::ReadOnly`], [`Error::BadType`] or [`Error::InvalidArgument`].
    ///
    /// ```
    /// use spanwire_core::option::{Scope, spec};
    ///
    /// let ttl = spec("ttl-max")?;
    /// assert!(ttl.check_set(Scope::SOCKET, &3.into()).is_ok());
    /// assert!(ttl.check_set(Scope::SOCKET, &256.into()).is_err());   // out of range
    /// assert!(ttl.check_set(Scope::SOCKET, &true.into()).is_err());  // not a number
    /// assert!(ttl.check_set(Scope::DIALER, &3.into()).is_err());     // dialers have none
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn check_set(&self, scope: Scope, value: &OptionValue) -> Result<()> {
        self.check_scope(scope)?;
        if self.access == Access::ReadOnly {
            return Err(Error::ReadOnly(self.name.into()));
        }
        if self.kind != value.kind() {
            return Err(Error::BadType(
                format!("{} is of type {:?}, not {:?}", self.name, self.kind, value.kind()).into(),
            ));
        }
        if let (Some(range), OptionValue::Int(n)) = (&self.range, value)
            && !range.contains(n)
        {
            let (min, max) = (range.start(), range.end());
            return Err(Error::InvalidArgument(format!("{} = {n}, allowed are {min} to {max}", self.name).into()));
        }
        Ok(())
    }

    /// Checks that objects of this scope have the option and that it may be read.
    ///
    /// # Errors
    /// [`Error::NotSupported`] or [`Error::WriteOnly`].
    ///
    /// ```
    /// use spanwire_core::option::{Scope, spec};
    ///
    /// assert!(spec("ttl-max")?.check_get(Scope::SOCKET).is_ok());
    /// assert!(spec("sub:subscribe")?.check_get(Scope::SOCKET).is_err());
    /// # Ok::<(), spanwire_core::Error>(())
    /// ```
    pub fn check_get(&self, scope: Scope) -> Result<()> {
        self.check_scope(scope)?;
        if self.access == Access::WriteOnly {
            return Err(Error::WriteOnly(self.name.into()));
        }
        Ok(())
    }

    fn check_scope(&self, scope: Scope) -> Result<()> {
        if self.scope.has(scope) {
            return Ok(());
        }
        let what = match scope {
            Scope::SOCKET => "socket",
            Scope::CONTEXT => "context",
            Scope::DIALER => "dialer",
            Scope::LISTENER => "listener",
            Scope::STREAM => "byte stream",
            _ => "pipe",
        };
        Err(Error::NotSupported(format!("a {what} has no option {:?}", self.name).into()))
    }
}

/// Option values by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionMap(BTreeMap<Cow<'static, str>, OptionValue>);

impl OptionMap {
    /// An empty map.
    ///
    /// ```
    /// use spanwire_core::OptionMap;
    ///
    /// assert_eq!(OptionMap::new().iter().count(), 0);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an option, if it is set.
    ///
    /// ```
    /// use spanwire_core::OptionMap;
    ///
    /// let mut map = OptionMap::new();
    /// map.set("ttl-max", 3.into());
    /// assert_eq!(map.get("ttl-max"), Some(&3.into()));
    /// assert_eq!(map.get("linger"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&OptionValue> {
        self.0.get(name)
    }

    /// Sets an option.
    ///
    /// ```
    /// use spanwire_core::OptionMap;
    ///
    /// let mut map = OptionMap::new();
    /// map.set("ttl-max", 3.into());
    /// map.set("ttl-max", 4.into());
    /// assert_eq!(map.get("ttl-max"), Some(&4.into()));
    /// ```
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: OptionValue) {
        self.0.insert(name.into(), value);
    }

    /// All that are set.
    ///
    /// ```
    /// use spanwire_core::OptionMap;
    ///
    /// let mut map = OptionMap::new();
    /// map.set("ttl-max", 3.into());
    /// assert!(map.iter().eq([("ttl-max", &3.into())]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OptionValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

/// The options of a dialer or listener. They may change while it runs; a transport reads them when it needs them.
#[derive(Debug, Default)]
pub struct EndpointOptions {
    values: RwLock<OptionMap>,
    changes: RwLock<BTreeMap<Cow<'static, str>, u64>>,
    #[cfg(unix)]
    inbox: FdInbox,
}

impl EndpointOptions {
    /// With these values to start with.
    ///
    /// ```
    /// use spanwire_core::OptionMap;
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let mut map = OptionMap::new();
    /// map.set("send-priority", 1.into());
    /// assert_eq!(EndpointOptions::new(map).int("send-priority"), Some(1));
    /// ```
    pub fn new(map: OptionMap) -> Self {
        Self { values: RwLock::new(map), ..Self::default() }
    }

    /// The value of an option, if it is set.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// assert_eq!(options.get("tcp-nodelay"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<OptionValue> {
        self.values.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All that are set and whose name begins like this, with the rest of the name.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("ws:request-header:Origin", "http://here".into());
    /// assert_eq!(options.with_prefix("ws:request-header:"), [("Origin".into(), "http://here".into())]);
    /// ```
    pub fn with_prefix(&self, prefix: &str) -> Vec<(String, OptionValue)> {
        let values = self.values.read().unwrap_or_else(PoisonError::into_inner);
        values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))).collect()
    }

    /// Sets an option. Checks nothing.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("tcp-nodelay", true.into());
    /// assert_eq!(options.get("tcp-nodelay"), Some(true.into()));
    /// ```
    pub fn set(&self, name: impl Into<Cow<'static, str>>, value: OptionValue) {
        let name = name.into();
        self.values.write().unwrap_or_else(PoisonError::into_inner).set(name.clone(), value);
        *self.changes.write().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    }

    /// How often this option has been set since the start, be it to the value that it had: what was made of a file that it names may have to be
    /// made anew.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("tls-ca-file", "ca.pem".into());
    /// options.set("tls-ca-file", "ca.pem".into());
    /// options.set("tcp-nodelay", true.into());
    /// assert_eq!(options.changes("tls-ca-file"), 2);
    /// ```
    pub fn changes(&self, name: &str) -> u64 {
        self.changes.read().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or(0)
    }

    /// Where connected descriptors are handed to a `socket://` listener, which is what setting `socket:fd` means.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let options = EndpointOptions::default();
    /// options.fd_inbox().open();
    /// options.fd_inbox().put(UnixStream::pair()?.0.into())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    pub fn fd_inbox(&self) -> &FdInbox {
        &self.inbox
    }

    /// A truth value, or the default where it is not set.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// assert!(options.bool_or("tcp-nodelay", true));
    /// ```
    pub fn bool_or(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(OptionValue::Bool(value)) => value,
            _ => default,
        }
    }

    /// A whole number, if it is set.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("send-priority", 1.into());
    /// assert_eq!(options.int("send-priority"), Some(1));
    /// ```
    pub fn int(&self, name: &str) -> Option<i32> {
        match self.get(name) {
            Some(OptionValue::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// A size, if it is set.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("recv-size-max", 1024_usize.into());
    /// assert_eq!(options.size("recv-size-max"), Some(1024));
    /// ```
    pub fn size(&self, name: &str) -> Option<usize> {
        match self.get(name) {
            Some(OptionValue::Size(value)) => Some(value),
            _ => None,
        }
    }

    /// The largest message that may be received, in bytes; 0 is unlimited. A transport that frames messages itself reads it for each
    /// connection, and answers [`Error::MessageTooLarge`] before it reads a longer one.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    ///
    /// let options = EndpointOptions::default();
    /// assert_eq!(options.recv_size_max(), 64 << 20);
    /// options.set("recv-size-max", 0_usize.into());
    /// assert_eq!(options.recv_size_max(), 0);
    /// ```
    pub fn recv_size_max(&self) -> usize {
        self.size(names::RECV_SIZE_MAX).unwrap_or(DEFAULT_RECV_MAX)
    }

    /// A time, if it is set; the inner `None` is infinite.
    ///
    /// ```
    /// use spanwire_core::option::EndpointOptions;
    /// use std::time::Duration;
    ///
    /// let options = EndpointOptions::default();
    /// options.set("reconnect-time-min", Duration::ZERO.into());
    /// assert_eq!(options.duration("reconnect-time-min"), Some(Some(Duration::ZERO)));
    /// ```
    pub fn duration(&self, name: &str) -> Option<Option<Duration>> {
        match self.get(name) {
            Some(OptionValue::Duration(value)) => Some(value),
            _ => None,
        }
    }
}

/// What `recv-size-max` is where it was not set.
pub(crate) const DEFAULT_RECV_MAX: usize = 64 * 1024 * 1024;

macro_rules! conversions {
    ($($type:ty => $variant:ident $(via $via:expr)?;)*) => {
        $(
            impl From<$type> for OptionValue {
                fn from(value: $type) -> Self {
                    $(let value = ($via)(value);)?
                    Self::$variant(value)
                }
            }
        )*
    };
}

conversions! {
    bool => Bool;
    i32 => Int;
    usize => Size;
    Duration => Duration via Some;
    Option<Duration> => Duration;
    &str => Str via str::to_owned;
    String => Str;
    &[u8] => Bytes via <[u8]>::to_vec;
    Vec<u8> => Bytes;
    u64 => U64;
    Address => Address;
    Object => Object;
}

macro_rules! extractions {
    ($($variant:ident => $type:ty;)*) => {
        $(
            impl TryFrom<OptionValue> for $type {
                type Error = Error;

                fn try_from(value: OptionValue) -> Result<Self> {
                    match value {
                        OptionValue::$variant(value) => Ok(value),
                        other => Err(Error::BadType(
                            format!("{:?} where {} was expected", other.kind(), stringify!($variant)).into(),
                        )),
                    }
                }
            }
        )*
    };
}

extractions! {
    Bool => bool;
    Int => i32;
    Size => usize;
    Duration => Option<Duration>;
    Str => String;
    Strings => Vec<String>;
    Bytes => Vec<u8>;
    U64 => u64;
    Address => Address;
    Object => Object;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (i, a) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[i + 1..].iter().all(|b| a.name != b.name), "{}", a.name);
        }
    }

    #[test]
    fn wrong_use_is_named() {
        let set = |name: &str, scope, value: OptionValue| spec(name).and_then(|s| s.check_set(scope, &value));
        assert!(matches!(set("nonsense", Scope::SOCKET, 1.into()), Err(Error::NotSupported(_))));
        assert!(matches!(set("url", Scope::DIALER, "x".into()), Err(Error::ReadOnly(_))));
        assert!(matches!(set("ttl-max", Scope::SOCKET, true.into()), Err(Error::BadType(_))));
        assert!(matches!(set("ttl-max", Scope::SOCKET, 0.into()), Err(Error::InvalidArgument(_))));
        assert!(matches!(set("ttl-max", Scope::PIPE, 1.into()), Err(Error::NotSupported(_))));
        assert!(set("ttl-max", Scope::SOCKET, 255.into()).is_ok());
        // What only byte streams have is nothing that a socket, or what belongs to it, would take and not use.
        for scope in [Scope::SOCKET, Scope::CONTEXT, Scope::DIALER, Scope::LISTENER, Scope::PIPE] {
            assert!(matches!(set("ws:protocol", scope, "x".into()), Err(Error::NotSupported(_))));
        }
        let get = |name: &str, scope| spec(name).and_then(|s| s.check_get(scope));
        assert!(matches!(get("sub:subscribe", Scope::SOCKET), Err(Error::WriteOnly(_))));
    }
}
