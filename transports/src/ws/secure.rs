//! TLS below a WebSocket, or nothing.

use std::sync::Arc;

use spanwire_core::option::EndpointOptions;
use spanwire_core::transport::ByteStream;
use spanwire_core::{OptionMap, Result, Url};

use crate::stream::FdStream;
#[cfg(feature = "tls")]
use crate::tls::{self, Given, Values};

/// How the connections of a dialer or listener are secured.
#[derive(Clone)]
pub(super) enum Secured {
    No,
    #[cfg(feature = "tls")]
    Tls(Arc<Given>),
}

/// How one connection was secured.
pub(super) enum Made {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Box<Values>),
}

impl Secured {
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no other way"))]
    pub(super) fn new(url: &Url, options: &Arc<EndpointOptions>) -> Self {
        #[cfg(feature = "tls")]
        if url.scheme().starts_with("wss") {
            return Self::Tls(Arc::new(Given::new(options)));
        }
        Self::No
    }

    /// Whether an address can be shared.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::No, Self::No) => true,
            #[cfg(feature = "tls")]
            (Self::Tls(a), Self::Tls(b)) => a.is_as(b),
            #[cfg(feature = "tls")]
            (Self::No, Self::Tls(_)) | (Self::Tls(_), Self::No) => false,
        }
    }

    /// Whether a connection was secured as these options, as they are now, would have it.
    pub(super) fn allows(&self, made: &Made) -> bool {
        match (self, made) {
            (Self::No, Made::Plain) => true,
            #[cfg(feature = "tls")]
            (Self::Tls(given), Made::Tls(values)) => given.has(values),
            #[cfg(feature = "tls")]
            (Self::No, Made::Tls(_)) | (Self::Tls(_), Made::Plain) => false,
        }
    }

    /// Whether somebody could connect to a listener.
    pub(super) async fn check(&self) -> Result<()> {
        match self {
            Self::No => Ok(()),
            #[cfg(feature = "tls")]
            Self::Tls(given) => given.check_server().await,
        }
    }

    /// Shakes hands with the server.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no other way"))]
    pub(super) async fn client(
        &self,
        stream: FdStream,
        url: &Url,
        found: &mut OptionMap,
    ) -> Result<Box<dyn ByteStream>> {
        match self {
            Self::No => Ok(Box::new(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(given) => {
                let (stream, of_peer) = tls::client(stream, &given.config().await?, url.host().unwrap_or("")).await?;
                tls::add(found, &of_peer);
                Ok(Box::new(stream))
            }
        }
    }

    /// Shakes hands with a client.
    #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "there is no other way"))]
    pub(super) async fn server(&self, stream: FdStream, found: &mut OptionMap) -> Result<(Box<dyn ByteStream>, Made)> {
        match self {
            Self::No => Ok((Box::new(stream), Made::Plain)),
            #[cfg(feature = "tls")]
            Self::Tls(given) => {
                let (values, config) = given.config_of().await?;
                let (stream, of_peer) = tls::server(stream, &config).await?;
                tls::add(found, &of_peer);
                Ok((Box::new(stream), Made::Tls(Box::new(values))))
            }
        }
    }
}

#[cfg(not(feature = "tls"))]
pub(super) const SCHEMES: &[&str] = &["ws", "ws4", "ws6"];
#[cfg(feature = "tls")]
pub(super) const SCHEMES: &[&str] = &["ws", "ws4", "ws6", "wss", "wss4", "wss6"];
