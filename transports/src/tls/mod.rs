//! TLS over TCP: `tls+tcp://host:port`, and `tls+tcp4://`, `tls+tcp6://` for one version of IP only.
//!
//! Addresses, and the options of TCP, are as with [`tcp`](crate::tcp). Inside TLS 1.2 or 1.3 the bytes are the same, too. There is no ALPN, and no
//! resumption of sessions.
//!
//! - The option `tls-config` is a [`TlsConfig`]. `tls-ca-file`, `tls-cert-key-file`, `tls-authmode` and `tls-server-name` are put on top of it, or stand
//!   for themselves. They are looked at when a connection is made: a new certificate needs no new listener. Files are read at the start, and
//!   again only after one of these options has been set, be it to the same path.
//! - A dialer verifies the server's certificate against the URL's host by default. A listener needs a certificate, and asks clients for none by
//!   default.
//! - Pipes have `tls-verified`, `tls-peer-cn` and `tls-peer-alt-names`, besides the options of TCP.
//! - What goes wrong is [`Error::PeerAuth`] or [`Error::Crypto`], with the reason: on dial, and in the listener's log and statistic `auth`.
//!
//! It is built on rustls, with the ciphers of `ring`: `aws-lc-rs`, the other choice, needs CMake to build, and `ring` a C compiler only.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use spanwire_core::option::{EndpointOptions, OptionValue, names};
use spanwire_core::transport::{Connection, Dialer, Handshake, Hello, Listener, Transport};
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::codec::Length;
use crate::offload::unblock;
use crate::pending::{Attempt, Binding, error_at};
use crate::stream::{FdStream, connect};
use crate::sys::Acceptor;
use crate::tcp::{Place, bind, open, prepare};

pub use config::{AuthMode, TlsConfig, TlsConfigBuilder, TlsVersion};
pub(crate) use handshake::{client, server};
pub(crate) use stream::TlsStream;

mod certificate;
mod config;
mod fault;
mod handshake;
pub(crate) mod stream;
mod verify;

/// The transport of `tls+tcp://`, `tls+tcp4://` and `tls+tcp6://`.
#[derive(Debug)]
pub struct TlsTcp;

impl Transport for TlsTcp {
    fn schemes(&self) -> &[&'static str] {
        &["tls+tcp", "tls+tcp4", "tls+tcp6"]
    }

    fn dialer(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        Place::to_dial(url, options)?;
        let given = Arc::new(Given::new(options));
        Ok(Box::new(TlsDialer { url: url.clone(), given, attempt: Attempt::default() }))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        let place = Place::to_listen(url)?;
        Ok(Box::new(TlsListener {
            url: url.clone(),
            place,
            given: Arc::new(Given::new(options)),
            binding: Binding::Unbound,
        }))
    }
}

struct TlsDialer {
    url: Url,
    given: Arc<Given>,
    attempt: Attempt,
}

impl Dialer for TlsDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Self { url, given, attempt } = self;
        attempt.poll(cx, || Box::pin(dial(url.clone(), given.clone(), hello)))
    }
}

async fn dial(url: Url, given: Arc<Given>, hello: Hello) -> Result<Connection> {
    let (stream, found) = reach(&url, &given).await?;
    connect(stream, Length, hello, found).await
}

/// A connection to this address, after the handshake of TLS.
pub(crate) async fn reach(url: &Url, given: &Given) -> Result<(TlsStream, OptionMap)> {
    let config = given.config().await?;
    let (place, from) = Place::to_dial(url, &given.options)?;
    let (stream, mut found) = open(&place, from, &given.options).await?;
    let (stream, of_peer) = client(stream, &config, url.host().unwrap_or("")).await?;
    add(&mut found, &of_peer);
    Ok((stream, found))
}

/// A connection that has arrived, after the handshake of TLS.
pub(crate) async fn take_in(stream: FdStream, given: &Given) -> Result<(TlsStream, OptionMap)> {
    let (stream, mut found) = prepare(stream, &given.options)?;
    let config = given.config().await?;
    let (stream, of_peer) = server(stream, &config).await?;
    add(&mut found, &of_peer);
    Ok((stream, found))
}

struct TlsListener {
    url: Url,
    place: Place,
    given: Arc<Given>,
    binding: Binding<Acceptor>,
}

impl Listener for TlsListener {
    fn poll_bind(&mut self, cx: &mut Context<'_>) -> Poll<Result<Url>> {
        let Self { place, given, binding, .. } = self;
        binding.poll(cx, || {
            let (place, given) = (place.clone(), given.clone());
            async move {
                // What nobody could connect to is refused now.
                given.check_server().await?;
                bind(place, given.options.clone()).await
            }
        })
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let stream = ready!(self.binding.bound()?.poll_accept(cx)).map_err(|e| error_at(&self.url, e))?;
        let given = self.given.clone();
        Poll::Ready(Ok(Box::pin(async move {
            let (stream, found) = take_in(stream, &given).await?;
            connect(stream, Length, hello, found).await
        })))
    }
}

/// What the options of a dialer or listener say of TLS, and the configuration that was made of it.
pub(crate) struct Given {
    options: Arc<EndpointOptions>,
    made: Mutex<Option<Made>>,
}

/// A configuration, and what it was made of.
#[derive(Clone)]
struct Made {
    values: Values,
    changes: [u64; OPTIONS.len()],
    config: TlsConfig,
}

/// The options that a configuration depends on.
const OPTIONS: [&str; 5] =
    [names::TLS_CONFIG, names::TLS_CA_FILE, names::TLS_CERT_KEY_FILE, names::TLS_AUTH_MODE, names::TLS_SERVER_NAME];

/// Their values.
pub(crate) type Values = [Option<OptionValue>; OPTIONS.len()];

impl Given {
    pub(crate) fn new(options: &Arc<EndpointOptions>) -> Self {
        Self { options: options.clone(), made: Mutex::new(None) }
    }

    /// Whether the options are the same.
    #[cfg(feature = "ws")]
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.values() == other.values()
    }

    /// Whether the options are these now.
    #[cfg(feature = "ws")]
    pub(crate) fn has(&self, values: &Values) -> bool {
        self.values() == *values
    }

    /// Whether there is what a listener needs.
    ///
    /// # Errors
    /// As [`config`](Self::config), and for a missing certificate.
    pub(crate) async fn check_server(&self) -> Result<()> {
        self.config().await?.server().map(drop)
    }

    fn values(&self) -> Values {
        OPTIONS.map(|name| self.options.get(name))
    }

    /// The configuration for the next handshake.
    ///
    /// # Errors
    /// As [`TlsConfigBuilder::build`].
    pub(crate) async fn config(&self) -> Result<TlsConfig> {
        Ok(self.config_of().await?.1)
    }

    /// The same, and the options that it was made from.
    pub(crate) async fn config_of(&self) -> Result<(Values, TlsConfig)> {
        // In this order: what changes in between is seen the next time.
        let (changes, values) = (OPTIONS.map(|name| self.options.changes(name)), self.values());
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = made
            && made.changes == changes
        {
            return Ok((made.values, made.config));
        }
        let from = values.clone();
        let config = unblock(move || make(from)).await??;
        let made = Made { values: values.clone(), changes, config: config.clone() };
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok((values, config))
    }
}

fn make(values: Values) -> Result<TlsConfig> {
    let [config, ca_file, cert_key_file, auth_mode, server_name] = values;
    let config = match &config {
        Some(value) => {
            Some(TlsConfig::from_option(value).ok_or_else(|| Error::BadType("tls-config is no TlsConfig".into()))?)
        }
        None => None,
    };
    if let (Some(config), None, None, None, None) = (&config, &ca_file, &cert_key_file, &auth_mode, &server_name) {
        return Ok(config.clone());
    }
    let mut builder = config.map_or_else(TlsConfig::builder, |config| config.to_builder());
    if let Some(OptionValue::Str(path)) = ca_file {
        builder = builder.ca_file(path);
    }
    if let Some(OptionValue::Str(path)) = cert_key_file {
        builder = builder.cert_key_file(path);
    }
    match auth_mode {
        Some(OptionValue::Int(0)) => builder = builder.auth_mode(AuthMode::None),
        Some(OptionValue::Int(1)) => builder = builder.auth_mode(AuthMode::Optional),
        Some(OptionValue::Int(_)) => builder = builder.auth_mode(AuthMode::Required),
        _ => {}
    }
    if let Some(OptionValue::Str(name)) = server_name {
        builder = builder.server_name(&name);
    }
    builder.build()
}

/// Where the fuzz target comes in: what is read of a peer's certificate.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub fn read_certificate(der: &[u8], seconds: u64) -> OptionMap {
    use rustls::pki_types::{CertificateDer, UnixTime};
    let (certificate, now) =
        (CertificateDer::from(der), UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)));
    let mut found = OptionMap::new();
    certificate::names_in(&certificate, &mut found);
    let _ = (certificate::is_self_signed(&certificate), certificate::is_valid_at(&certificate, now));
    found
}

pub(crate) fn add(to: &mut OptionMap, more: &OptionMap) {
    for (name, value) in more.iter() {
        to.set(name.to_owned(), value.clone());
    }
}
