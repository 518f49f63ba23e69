//! TLS: whom to trust, who this side is, and what to ask of the peer.
//!
//! Addresses are `tls+tcp://host:port`, and `tls+tcp4://`, `tls+tcp6://` for one version of IP only. A dialer that is told nothing trusts the
//! system's authorities and verifies that the server has the URL's host as its name. A listener needs a certificate.
//!
//! ```
//! use spanwire::tls::TlsConfig;
//! use spanwire::{Pair0, Socket};
//!
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
//! # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! // certificate, key: PEM texts; cert_key_file and ca_file take files
//! let server = Socket::<Pair0>::new();
//! let listener = server.listener("tls+tcp://127.0.0.1:0")?;
//! listener.set_option("tls-config", TlsConfig::builder().cert_pem(&certificate, &key).build()?)?;
//! listener.start().wait()?;
//!
//! let client = Socket::<Pair0>::new();
//! let dialer = client.dialer(format!("tls+tcp://localhost:{}", listener.url().port().unwrap()))?;
//! dialer.set_option("tls-config", TlsConfig::builder().ca_pem(&certificate).build()?)?;
//! dialer.start().wait()?;
//!
//! client.send("nobody else can read this").wait()?;
//! assert_eq!(server.recv().wait()?.body(), b"nobody else can read this");
//! assert_eq!(client.pipes()[0].option("tls-verified")?, true.into());
//!
//! // A new certificate: the next connections see it, the open ones stay.
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
//! # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! listener.set_option("tls-config", TlsConfig::builder().cert_pem(&certificate, &key).build()?)?;
//! # Ok::<(), spanwire::Error>(())
//! ```
//!
//! Options of dialers, listeners and, for all of them, sockets:
//!
//! | option | type | what it is |
//! |---|---|---|
//! | `tls-config` | [`TlsConfig`] | everything |
//! | `tls-ca-file` | text | a PEM file: authorities to trust besides those of the configuration |
//! | `tls-cert-key-file` | text | a PEM file: the own certificate, the chain behind it, and the key |
//! | `tls-authmode` | 0, 1, 2 | an [`AuthMode`] |
//! | `tls-server-name` | text | the name that the server must prove, if it is not the URL's host |
//!
//! Options of pipes: `tls-verified`, whether the peer has proved who it is; `tls-peer-cn` and `tls-peer-alt-names`, the names in its certificate, if it
//! has shown one.
//!
//! A connection that fails is [`Error::PeerAuth`](crate::Error::PeerAuth) if the peer has not proved who it is, and
//! [`Error::Crypto`](crate::Error::Crypto) for everything else about TLS, with the reason; a listener counts it in its statistic `auth` and logs it.

pub use spanwire_transports::tls::{AuthMode, TlsConfig, TlsConfigBuilder, TlsVersion};
