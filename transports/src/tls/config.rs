//! What a side of TLS knows and asks for.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use spanwire_core::option::Object;
use spanwire_core::{Error, OptionValue, Result};

use super::verify::Trust;

/// The configuration of TLS: whom to trust, who this side is, and what to ask of the peer. Cheap to clone; it never changes.
///
/// One configuration serves dialers and listeners. It is the value of the option `tls-config`. Setting that option on a running
/// dialer or listener affects the next handshakes and leaves the open connections alone: that is how certificates are renewed.
///
/// | | dialer | listener |
/// |---|---|---|
/// | own certificate | optional | needed |
/// | authorities | by default the system's | needed to verify clients |
/// | [`AuthMode`] | by default `Required` | by default `None` |
/// | server name | by default the URL's host | not used |
///
/// ```
/// use spanwire_transports::tls::{AuthMode, TlsConfig, TlsVersion};
///
/// let config = TlsConfig::builder().auth_mode(AuthMode::Optional).min_version(TlsVersion::V1_3).build()?;
/// let option = spanwire_core::OptionValue::from(&config);
/// assert_eq!(TlsConfig::from_option(&option), Some(config));
/// # Ok::<(), spanwire_core::Error>(())
/// ```
#[derive(Clone)]
pub struct TlsConfig(Arc<Inner>);

struct Inner {
    settings: Settings,
    client: OnceLock<Result<Arc<Side<ClientConfig>>>>,
    server: OnceLock<Result<Arc<Side<ServerConfig>>>>,
}

/// What the handshakes of one side need.
pub(super) struct Side<C> {
    pub(super) config: Arc<C>,
    pub(super) trust: Arc<Trust>,
    pub(super) mode: AuthMode,
}

/// Whether the peer must prove who it is. The numbers are those of the option `tls-authmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// It need not. A client accepts any certificate: nothing protects it from a server that only claims to be the right one.
    None = 0,
    /// It is let in either way; the pipe's option `tls-verified` tells whether it has.
    Optional = 1,
    /// It must.
    Required = 2,
}

/// A version of TLS.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

impl TlsConfig {
    /// A configuration to be filled in.
    pub fn builder() -> TlsConfigBuilder {
        TlsConfigBuilder::default()
    }

    /// A configuration to be changed, which begins as this one. Files are not read again.
    pub fn to_builder(&self) -> TlsConfigBuilder {
        TlsConfigBuilder { settings: self.0.settings.clone(), fault: None }
    }

    /// The configuration in this value of the option `tls-config`.
    pub fn from_option(value: &OptionValue) -> Option<Self> {
        match value {
            OptionValue::Object(object) => object.get::<Inner>().map(Self),
            _ => None,
        }
    }

    /// What a client needs. The system's certificates are read at the first time.
    pub(super) fn client(&self) -> Result<Arc<Side<ClientConfig>>> {
        self.0.client.get_or_init(|| self.0.settings.client().map(Arc::new)).clone()
    }

    /// The same, if it has been asked for before.
    pub(super) fn client_if_made(&self) -> Option<Result<Arc<Side<ClientConfig>>>> {
        self.0.client.get().cloned()
    }

    /// What a server needs.
    pub(super) fn server(&self) -> Result<Arc<Side<ServerConfig>>> {
        self.0.server.get_or_init(|| self.0.settings.server().map(Arc::new)).clone()
    }

    /// The name that the server at this host must prove.
    pub(super) fn server_name(&self, host: &str) -> Result<ServerName<'static>> {
        let name = self.0.settings.server_name.as_deref().unwrap_or(host);
        // The zone of an IPv6 address is this machine's own matter.
        let plain = name.split_once('%').map_or(name, |(address, _)| address);
        ServerName::try_from(plain.to_owned())
            .map_err(|_| Error::InvalidArgument(format!("{name:?} can't be the name of a TLS server").into()))
    }
}

/// Two are equal if they are clones of one.
impl PartialEq for TlsConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TlsConfig {}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.settings.show("TlsConfig", f)
    }
}

impl From<&TlsConfig> for OptionValue {
    fn from(config: &TlsConfig) -> Self {
        Self::Object(Object::new(config.0.clone()))
    }
}

impl From<TlsConfig> for OptionValue {
    fn from(config: TlsConfig) -> Self {
        Self::from(&config)
    }
}

/// Makes a [`TlsConfig`]. What is wrong with a value is answered by [`build`](Self::build).
#[derive(Clone, Default)]
pub struct TlsConfigBuilder {
    settings: Settings,
    /// The first thing that was wrong.
    fault: Option<Error>,
}

impl TlsConfigBuilder {
    /// Trusts the authorities whose certificates are in this PEM file, besides those named before.
    #[must_use]
    pub fn ca_file(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        self.with(|settings| settings.add_cas(&read(path)?, &path.display()))
    }

    /// Trusts the authorities whose certificates are in this PEM text, besides those named before.
    #[must_use]
    pub fn ca_pem(self, pem: &str) -> Self {
        self.with(|settings| settings.add_cas(pem.as_bytes(), &"CA certificates"))
    }

    /// Trusts the system's authorities as well. A dialer that is told no authority trusts these by default. The variables
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    #[must_use]
    pub fn system_store(self) -> Self {
        self.with(|settings| {
            settings.system = true;
            Ok(())
        })
    }

    /// Refuses the certificates on the revocation lists in this PEM text. Authorities without a list are not affected.
    #[must_use]
    pub fn crl_pem(self, pem: &str) -> Self {
        self.with(|settings| {
            let lists = all::<CertificateRevocationListDer<'_>>(pem.as_bytes(), &"revocation lists")?;
            settings.crls.extend(lists);
            Ok(())
        })
    }

    /// The own certificate, the chain behind it, and its private key, in one PEM file.
    #[must_use]
    pub fn cert_key_file(self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        self.with(|settings| {
            let pem = read(path)?;
            settings.set_own(&pem, &pem, &path.display(), &path.display())
        })
    }

    /// The own certificate with the chain behind it, and its private key, in two PEM files.
    #[must_use]
    pub fn cert_files(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        self.with(|settings| settings.set_own(&read(certificate)?, &read(key)?, &certificate.display(), &key.display()))
    }

    /// The own certificate with the chain behind it, and its private key, as PEM texts.
    #[must_use]
    pub fn cert_pem(self, certificate: &str, key: &str) -> Self {
        self.with(|settings| {
            settings.set_own(certificate.as_bytes(), key.as_bytes(), &"own certificate", &"private key")
        })
    }

    /// Whether the peer must prove who it is.
    #[must_use]
    pub fn auth_mode(self, mode: AuthMode) -> Self {
        self.with(|settings| {
            settings.mode = Some(mode);
            Ok(())
        })
    }

    /// The name or IP address that the server's certificate must have, if it is not the URL's host.
    #[must_use]
    pub fn server_name(self, name: &str) -> Self {
        self.with(|settings| {
            settings.server_name = Some(name.to_owned());
            Ok(())
        })
    }

    /// The lowest version to agree on; 1.2 by default.
    #[must_use]
    pub fn min_version(self, version: TlsVersion) -> Self {
        self.with(|settings| {
            settings.min = Some(version);
            Ok(())
        })
    }

    /// The highest version to agree on; 1.3 by default.
    #[must_use]
    pub fn max_version(self, version: TlsVersion) -> Self {
        self.with(|settings| {
            settings.max = Some(version);
            Ok(())
        })
    }

    /// The configuration.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PermissionDenied`] and the like for files that can't be read; [`Error::Crypto`] for certificates and keys that
    /// make no sense, do not belong together, or are encrypted; [`Error::InvalidArgument`].
    pub fn build(self) -> Result<TlsConfig> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let settings = self.settings;
        if settings.versions().is_empty() {
            return Err(Error::InvalidArgument("the lowest version of TLS is above the highest".into()));
        }
        Ok(TlsConfig(Arc::new(Inner { settings, client: OnceLock::new(), server: OnceLock::new() })))
    }

    fn with(mut self, set: impl FnOnce(&mut Settings) -> Result<()>) -> Self {
        if self.fault.is_none() {
            self.fault = set(&mut self.settings).err();
        }
        self
    }
}

impl fmt::Debug for TlsConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.show("TlsConfigBuilder", f)
    }
}

#[derive(Clone, Default)]
struct Settings {
    cas: Vec<CertificateDer<'static>>,
    system: bool,
    crls: Vec<CertificateRevocationListDer<'static>>,
    own: Option<Arc<CertifiedKey>>,
    mode: Option<AuthMode>,
    server_name: Option<String>,
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
}

impl Settings {
    fn add_cas(&mut self, pem: &[u8], from: &dyn fmt::Display) -> Result<()> {
        let found = all::<CertificateDer<'_>>(pem, from)?;
        // What is no certificate is found now, and not when somebody connects.
        for ca in &found {
            RootCertStore::empty().add(ca.clone()).map_err(|e| unusable(from, &e))?;
        }
        self.cas.extend(found);
        Ok(())
    }

    fn set_own(
        &mut self,
        certificates: &[u8],
        key: &[u8],
        from: &dyn fmt::Display,
        key_from: &dyn fmt::Display,
    ) -> Result<()> {
        let chain = all::<CertificateDer<'_>>(certificates, from)?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            Err(_) if is_encrypted(key) => return Err(unusable(key_from, &ENCRYPTED)),
            // The parser's own words might show what is in the file.
            Err(_) => return Err(unusable(key_from, &"there is no private key in PEM")),
        };
        let own = CertifiedKey::from_der(chain, key, &provider()).map_err(|e| unusable(key_from, &e))?;
        self.own = Some(Arc::new(own));
        Ok(())
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let (min, max) = (self.min.unwrap_or(TlsVersion::V1_2), self.max.unwrap_or(TlsVersion::V1_3));
        let all = [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)];
        all.into_iter().filter(|(version, _)| (min..=max).contains(version)).map(|(_, version)| version).collect()
    }

    fn trust(&self, mode: AuthMode, system: bool) -> Result<Arc<Trust>> {
        let mut roots = RootCertStore::empty();
        for ca in &self.cas {
            roots.add(ca.clone()).map_err(|e| unusable(&"CA certificates", &e))?;
        }
        if system {
            roots.roots.extend_from_slice(&system_store().roots);
        }
        Trust::new(mode, Arc::new(roots), self.cas.clone(), self.crls.clone(), provider()).map(Arc::new)
    }

    fn client(&self) -> Result<Side<ClientConfig>> {
        let mode = self.mode.unwrap_or(AuthMode::Required);
        let system = self.system || (self.cas.is_empty() && mode != AuthMode::None);
        let trust = self.trust(mode, system)?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions())
            .map_err(|e| unusable(&"TLS", &e))?
            .dangerous()
            .with_custom_certificate_verifier(trust.clone());
        let mut config = match &self.own {
            Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.clone()))),
            None => builder.with_no_client_auth(),
        };
        // Connections last, so that there is little to gain, and a new configuration counts at once.
        config.resumption = Resumption::disabled();
        Ok(Side { config: Arc::new(config), trust, mode })
    }

    fn server(&self) -> Result<Side<ServerConfig>> {
        let Some(own) = &self.own else {
            return Err(Error::InvalidArgument(NO_CERTIFICATE.into()));
        };
        let mode = self.mode.unwrap_or(AuthMode::None);
        if mode != AuthMode::None && self.cas.is_empty() && !self.system {
            return Err(Error::InvalidArgument(NO_CAS.into()));
        }
        let trust = self.trust(mode, self.system)?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions())
            .map_err(|e| unusable(&"TLS", &e))?;
        let builder = match mode {
            AuthMode::None => builder.with_no_client_auth(),
            AuthMode::Optional | AuthMode::Required => builder.with_client_cert_verifier(trust.clone()),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(own.clone())));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Side { config: Arc::new(config), trust, mode })
    }

    /// Nothing of the key.
    fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("authorities", &self.cas.len())
            .field("system_store", &self.system)
            .field("revocation_lists", &self.crls.len())
            .field("own_certificate", &self.own.is_some())
            .field("auth_mode", &self.mode)
            .field("server_name", &self.server_name)
            .field("min_version", &self.min)
            .field("max_version", &self.max)
            .finish()
    }
}

/// Which implementation of the ciphers: `ring`, because a C compiler is all that it takes to build it.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// The system's authorities, read once. What can't be read is left out.
fn system_store() -> &'static RootCertStore {
    static STORE: OnceLock<RootCertStore> = OnceLock::new();
    STORE.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| {
        let detail = format!("{}: {e}", path.display()).into();
        match e.kind() {
            std::io::ErrorKind::NotFound => Error::NotFound(detail),
            std::io::ErrorKind::PermissionDenied => Error::PermissionDenied(detail),
            _ => Error::InvalidArgument(detail),
        }
    })
}

/// All items of this kind in a PEM text, at least one.
fn all<T: PemObject>(pem: &[u8], from: &dyn fmt::Display) -> Result<Vec<T>> {
    let found: Result<Vec<T>, _> = T::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(from, &"nothing of the kind is there in PEM")),
        Err(_) => Err(unusable(from, &"this is no PEM")),
    }
}

fn is_encrypted(pem: &[u8]) -> bool {
    let has = |text: &[u8]| pem.windows(text.len()).any(|window| window == text);
    has(b"ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED")
}

fn unusable(what: &dyn fmt::Display, why: &dyn fmt::Display) -> Error {
    Error::Crypto(format!("{what}: {why}").into())
}

const ENCRYPTED: &str =
    "the private key is encrypted, which is not supported; `openssl pkey -in KEY -out PLAIN` decrypts it";
const NO_CERTIFICATE: &str = "a TLS listener needs a certificate and its key: set tls-config, or tls-cert-key-file";
const NO_CAS: &str = "clients are to be verified, and no authority is given that could have signed their certificates";
