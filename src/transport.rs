//! What makes connections: the traits for transports of your own, and their registry by URL scheme.
//!
//! The library's own transports are registered by themselves. Another one is a type that implements [`Transport`]; after
//! [`register`], its scheme can be dialed and listened at by every socket of the process. Whoever has a byte stream builds on [`stream`] and
//! [`codec`]. Plain byte streams over the library's own transports are in [`bytes`].

use std::sync::Arc;

pub use spanwire_core::transport::*;
pub use spanwire_transports::{bytes, codec, stream};

/// Registers a transport for its URL schemes, for all sockets of this process. A transport that had a scheme before is replaced.
///
/// ```
/// use std::sync::Arc;
/// use spanwire::option::EndpointOptions;
/// use spanwire::transport::{self, Dialer, Listener, Transport};
/// use spanwire::{Error, Result, Socket, Url};
///
/// struct Pigeon;
///
/// impl Transport for Pigeon {
///     fn schemes(&self) -> &[&'static str] {
///         &["pigeon"]
///     }
///     fn dialer(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
///         Err(Error::AddressInvalid(format!("{url}: there is no loft").into()))
///     }
///     fn listener(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
///         Err(Error::AddressInvalid(format!("{url}: there is no loft").into()))
///     }
/// }
///
/// transport::register(Arc::new(Pigeon));
/// let bus = Socket::<spanwire::Bus>::new();
/// assert!(matches!(bus.dial("pigeon://roof").wait(), Err(Error::AddressInvalid(_))));
/// ```
pub fn register(transport: Arc<dyn Transport>) {
    // Before, so that a scheme of the library can be replaced.
    spanwire_transports::register_all();
    spanwire_core::transport::register(transport);
}

/// The transport for a URL scheme.
///
/// # Errors
/// [`Error::NotSupported`](crate::Error::NotSupported) if none is registered.
///
/// ```
/// assert!(spanwire::transport::lookup("tcp").is_ok());
/// ```
pub fn lookup(scheme: &str) -> crate::Result<Arc<dyn Transport>> {
    spanwire_transports::register_all();
    spanwire_core::transport::lookup(scheme)
}
