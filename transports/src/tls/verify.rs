//! Who is believed: the verification of certificates in the three modes of authentication.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use spanwire_core::Result;

use super::certificate::{is_self_signed, is_valid_at};
use super::config::AuthMode;
use super::fault::SelfSigned;

/// The authorities that are trusted, and how strictly.
pub(super) struct Trust {
    mode: AuthMode,
    /// The certificates that were given one by one. One of them may be the peer's own.
    given: Vec<CertificateDer<'static>>,
    servers: Option<Arc<WebPkiServerVerifier>>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    pub(super) fn new(
        mode: AuthMode,
        roots: Arc<RootCertStore>,
        given: Vec<CertificateDer<'static>>,
        crls: Vec<CertificateRevocationListDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self> {
        let bad = |e: &dyn fmt::Display| spanwire_core::Error::Crypto(format!("authorities: {e}").into());
        let (mut servers, mut clients) = (None, None);
        if !roots.is_empty() {
            // A revocation list speaks for its own authority only.
            let builder = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
            let builder = builder.with_crls(crls.clone()).allow_unknown_revocation_status();
            servers = Some(builder.build().map_err(|e| bad(&e))?);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
            let builder = builder.with_crls(crls).allow_unknown_revocation_status();
            clients = Some(builder.build().map_err(|e| bad(&e))?);
        }
        Ok(Self { mode, given, servers, clients, provider })
    }

    /// Whether this server is who it should be.
    pub(super) fn judge_server(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let verdict = match &self.servers {
            Some(servers) => servers.verify_server_cert(leaf, chain, name, &[], now).map(drop),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        self.reconsider(verdict, leaf, now, || verify_server_name(&ParsedCertificate::try_from(leaf)?, name))
    }

    /// Whether a trusted authority vouches for this client.
    pub(super) fn judge_client(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let verdict = match &self.clients {
            Some(clients) => clients.verify_client_cert(leaf, chain, now).map(drop),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        self.reconsider(verdict, leaf, now, || Ok(()))
    }

    /// A self-signed certificate is often made as one of an authority, which may not be a peer's as well by the rules; but nobody is
    /// in doubt who has given that very certificate as trusted.
    fn reconsider(
        &self,
        verdict: Result<(), Error>,
        leaf: &CertificateDer<'_>,
        now: UnixTime,
        named: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        match verdict {
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)))
                if is_self_signed(leaf) =>
            {
                if !self.given.iter().any(|given| given == leaf) {
                    return Err(SelfSigned.into());
                }
                if !is_valid_at(leaf, now) {
                    return Err(CertificateError::Expired.into());
                }
                named()
            }
            other => other,
        }
    }

    fn accept(&self, judge: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        match self.mode {
            AuthMode::None | AuthMode::Optional => Ok(()),
            AuthMode::Required => judge(),
        }
    }

    fn tls12(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        verify_tls12_signature(msg, leaf, dss, &self.provider.signature_verification_algorithms)
    }

    fn tls13(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        verify_tls13_signature(msg, leaf, dss, &self.provider.signature_verification_algorithms)
    }
}

type Signed = Result<HandshakeSignatureValid, Error>;

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// In the mode `Optional` everybody is let in, and `judge_server` and `judge_client` tell whom to believe.
impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.accept(|| self.judge_server(leaf, chain, name, now)).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.tls12(msg, leaf, dss)
    }

    fn verify_tls13_signature(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.tls13(msg, leaf, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Trust {
    fn client_auth_mandatory(&self) -> bool {
        self.mode == AuthMode::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.clients.as_ref().map_or(&[], |clients| clients.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.accept(|| self.judge_client(leaf, chain, now)).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.tls12(msg, leaf, dss)
    }

    fn verify_tls13_signature(&self, msg: &[u8], leaf: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.tls13(msg, leaf, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
