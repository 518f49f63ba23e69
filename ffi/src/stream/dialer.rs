//! What makes byte streams by connecting: `nng_stream_dialer_*`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures_lite::future::or;
use spanwire::option::{Address, EndpointOptions, OptionMap, WS_TXFRAME_MAX_DEFAULT, names};
use spanwire::transport::bytes as plain;
use spanwire::{Error, OptionValue, Url};

use super::{find, nng_stream, run};
use crate::aio::nng_aio;
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::Gate;
use crate::guard::{bytes, export, object, out, text};
use crate::option::{Given, Options, Wanted, get, in_range, option_function, options, set};
use crate::sockaddr::nng_sockaddr;
use crate::types::nng_duration;
use crate::url::{self, nng_url};

/// A dialer, as C holds it: what an `Arc` of it points to.
pub struct nng_stream_dialer {
    url: Url,
    options: Arc<EndpointOptions>,
    gate: Gate,
}

impl nng_stream_dialer {
    async fn dial(&self) -> spanwire::Result<plain::Connected> {
        let late = async {
            // Who takes a connection in may never say a word on it.
            match family(&self.url).shakes_hands() {
                true => drop(Timer::after(HANDSHAKE_LIMIT).await),
                false => pending().await,
            }
            Err(Error::TimedOut)
        };
        or(plain::dial(&self.url, &self.options), late).await
    }
}

impl Options for Arc<nng_stream_dialer> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        let family = family(&self.url);
        match name {
            names::LOCAL_ADDRESS if family.has_port() => {
                Ok(self.options.get(name).unwrap_or(OptionValue::Address(Address::Unspecified)))
            }
            names::WS_REQUEST_HEADERS if family.is_ws() => Err(Code::EWRITEONLY),
            _ => common(&self.options, name, family),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        let family = family(&self.url);
        match name {
            names::LOCAL_ADDRESS if family.has_port() => match &value {
                // A fixed port would serve one connection only.
                OptionValue::Address(Address::Inet(addr)) if addr.port() == 0 => {}
                _ => return Err(Code::EADDRINVAL),
            },
            names::WS_REQUEST_HEADERS if family.is_ws() => {}
            _ if family.is_ws() && name.starts_with(names::WS_REQUEST_HEADER) => {}
            _ if settable(name, family) => in_range(name, &value)?,
            _ => return Err(Code::ENOTSUP),
        }
        if self.gate.is_closed() {
            return Err(Code::ECLOSED);
        }
        self.options.set(name.to_owned(), value);
        Ok(())
    }
}

/// What the schemes of byte streams have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Tcp,
    Tls,
    Ws,
    Wss,
    Ipc,
}

impl Family {
    pub(super) fn has_port(self) -> bool {
        self != Self::Ipc
    }

    pub(super) fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    pub(super) fn is_ws(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// Whether a connection is one only after a handshake. Then bytes are changed on their way, too, so that some may be under way that
    /// have not been counted.
    pub(super) fn shakes_hands(self) -> bool {
        self.is_tls() || self.is_ws()
    }
}

pub(super) fn family(url: &Url) -> Family {
    match url.scheme() {
        "tcp" | "tcp4" | "tcp6" => Family::Tcp,
        "ws" | "ws4" | "ws6" => Family::Ws,
        "wss" | "wss4" | "wss6" => Family::Wss,
        _ if url.port().is_some() => Family::Tls,
        _ => Family::Ipc,
    }
}

/// Options of dialers and listeners that TCP adds.
fn of_tcp(name: &str) -> bool {
    matches!(name, names::TCP_NODELAY | names::TCP_KEEPALIVE)
}

/// Options of dialers and listeners that TLS adds.
fn of_tls(name: &str) -> bool {
    let all =
        [names::TLS_CONFIG, names::TLS_AUTH_MODE, names::TLS_CA_FILE, names::TLS_CERT_KEY_FILE, names::TLS_SERVER_NAME];
    all.contains(&name)
}

/// Options that dialers and listeners have and that can be set at any time.
pub(super) fn settable(name: &str, family: Family) -> bool {
    (family.has_port() && of_tcp(name))
        || (family.is_tls() && of_tls(name))
        || (family.is_ws() && WS_DEFAULTS.iter().any(|(ws, _)| *ws == name))
}

/// What their values are.
pub(super) fn common(options: &EndpointOptions, name: &str, family: Family) -> Result<OptionValue> {
    match name {
        _ if !settable(name, family) => Err(Code::ENOTSUP),
        _ if of_tls(name) => Err(Code::EWRITEONLY),
        _ => options.get(name).ok_or(Code::ENOTSUP),
    }
}

/// The options of a new dialer or listener. Plain streams leave small packets to the system, unlike pipes.
pub(super) fn defaults(family: Family) -> Arc<EndpointOptions> {
    let mut options = OptionMap::new();
    options.set(names::TCP_NODELAY, false.into());
    options.set(names::TCP_KEEPALIVE, false.into());
    if family.is_ws() {
        WS_DEFAULTS.iter().for_each(|(name, value)| options.set(*name, value.clone()));
    }
    Arc::new(EndpointOptions::new(options))
}

/// What WebSocket adds, with NNG's defaults.
static WS_DEFAULTS: [(&str, OptionValue); 6] = [
    (names::WS_PROTOCOL, OptionValue::Str(String::new())),
    (names::WS_SEND_TEXT, OptionValue::Bool(false)),
    (names::WS_RECV_TEXT, OptionValue::Bool(false)),
    (names::WS_TXFRAME_MAX, OptionValue::Size(WS_TXFRAME_MAX_DEFAULT)),
    (names::WS_RXFRAME_MAX, OptionValue::Size(1 << 20)),
    // For messages, which streams are not made of.
    (names::RECV_SIZE_MAX, OptionValue::Size(1 << 20)),
];

/// The URL that C has in parts, which it may have changed. `ENOTSUP` for schemes without byte streams.
///
/// # Safety
/// Null, or a URL whose parts are null or texts.
pub(super) unsafe fn address(url: *const nng_url, listen: bool) -> Result<Url> {
    // SAFETY: the caller's promise.
    let url = unsafe { object(url) }?;
    let part = |part: *mut c_char| -> Result<&str> {
        if part.is_null() {
            return Ok("");
        }
        // SAFETY: not null, and the caller's promise.
        unsafe { CStr::from_ptr(part) }.to_str().map_err(|_| Code::EADDRINVAL)
    };
    let scheme = part(url.u_scheme)?;
    let text = match scheme {
        "ipc" | "unix" | "abstract" => format!("{scheme}://{}", part(url.u_path)?),
        "tcp" | "tcp4" | "tcp6" | "tls+tcp" | "tls+tcp4" | "tls+tcp6" | "ws" | "ws4" | "ws6" | "wss" | "wss4"
        | "wss6" => {
            let target = match (scheme.starts_with("ws"), url.u_query.is_null(), url.u_fragment.is_null()) {
                (false, _, _) => Ok(String::new()),
                (true, true, true) => part(url.u_path).map(str::to_owned),
                (true, false, true) => Ok(format!("{}?{}", part(url.u_path)?, part(url.u_query)?)),
                // It means nothing to a server (RFC 6455, section 3).
                (true, _, false) => Err(Code::EADDRINVAL),
            };
            let (host, port) = (part(url.u_hostname)?, part(url.u_port)?);
            let port = if listen && port.is_empty() { "0" } else { port };
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            if !listen && (host.is_empty() || port.is_empty()) {
                return Err(Code::EADDRINVAL);
            }
            format!("{scheme}://{host}:{port}{}", target?)
        }
        _ => return Err(Code::ENOTSUP),
    };
    Ok(Url::parse(&text)?)
}

/// Calls a function with the parts of a URL.
///
/// # Safety
/// Null or a text.
pub(super) unsafe fn with_parts<T>(raw: *const c_char, then: impl FnOnce(*const nng_url) -> Result<T>) -> Result<T> {
    // SAFETY: the caller's promise.
    let parts = url::parse(unsafe { text(raw) }?)?;
    let done = then(parts);
    // SAFETY: it has just been made, and is not used again.
    unsafe { url::free(parts) }
    done
}

/// # Safety
/// As [`address`]; `dialer` is null or can be written to.
unsafe fn alloc(dialer: *mut *mut nng_stream_dialer, url: *const nng_url) -> Result<()> {
    // SAFETY: the caller's promise.
    let (dialer, url) = unsafe { (out(dialer)?, address(url, false)?) };
    fork::begin()?;
    let options = defaults(family(&url));
    let made = Arc::new(nng_stream_dialer { url, options, gate: Gate::default() });
    dialer.write(Arc::into_raw(made).cast_mut());
    Ok(())
}

export! {
    /// Makes a dialer for a URL.
    fn nng_stream_dialer_alloc(dialer: *mut *mut nng_stream_dialer, url: *const c_char) -> status {
        // SAFETY: the caller's promise that the pointers are null, or can be written to, and a text.
        unsafe { with_parts(url, |url| alloc(dialer, url)) }
    }

    /// Makes a dialer for a URL in parts.
    fn nng_stream_dialer_alloc_url(dialer: *mut *mut nng_stream_dialer, url: *const nng_url) -> status {
        // SAFETY: the caller's promise that the pointers are null, or can be written to, and a URL.
        unsafe { alloc(dialer, url) }
    }

    /// Connects. The stream is the aio's first output.
    fn nng_stream_dialer_dial(dialer: *mut nng_stream_dialer, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a dialer and an aio that have not been freed.
        unsafe {
            run(find(dialer), aio, |dialer, _| async move {
                let dial = async { Ok(dialer.dial().await?) };
                match dialer.gate.pass(dial).await {
                    Ok(connection) => nng_stream::connected(family(&dialer.url), connection),
                    Err(code) => Err(code).into(),
                }
            });
        }
    }

    /// Ends what the dialer is at.
    fn nng_stream_dialer_close(dialer: *mut nng_stream_dialer) {
        // SAFETY: the caller's promise that the pointer is null or a dialer that has not been freed.
        if let Ok(dialer) = unsafe { find(dialer) } {
            dialer.gate.close();
        }
    }

    /// Closes and frees a dialer. Null is allowed.
    fn nng_stream_dialer_free(dialer: *mut nng_stream_dialer) {
        if !dialer.is_null() && !fork::inherited() {
            // SAFETY: the caller's promise that it is a dialer of this library, which is not used again.
            unsafe { Arc::from_raw(dialer) }.gate.close();
        }
    }
}

options! {
    *mut nng_stream_dialer, find {
        get nng_stream_dialer_get
        get_bool nng_stream_dialer_get_bool
        get_int nng_stream_dialer_get_int
        get_size nng_stream_dialer_get_size
        get_uint64 nng_stream_dialer_get_uint64
        get_string nng_stream_dialer_get_string
        get_ptr nng_stream_dialer_get_ptr
        get_ms nng_stream_dialer_get_ms
        get_addr nng_stream_dialer_get_addr
        set nng_stream_dialer_set
        set_bool nng_stream_dialer_set_bool
        set_int nng_stream_dialer_set_int
        set_size nng_stream_dialer_set_size
        set_uint64 nng_stream_dialer_set_uint64
        set_string nng_stream_dialer_set_string
        set_ptr nng_stream_dialer_set_ptr
        set_ms nng_stream_dialer_set_ms
        set_addr nng_stream_dialer_set_addr
    }
}

/// As that of the sockets' dialers and listeners.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
