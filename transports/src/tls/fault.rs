//! What can go wrong with TLS, in words.

use std::fmt;
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError, OtherError};
use spanwire_core::Error;

/// [`Error::PeerAuth`] if the peer has not proved who it is, [`Error::Crypto`] for everything else.
pub(super) fn of(e: &rustls::Error) -> Error {
    use rustls::Error as E;
    match e {
        E::InvalidCertificate(why) => Error::PeerAuth(certificate(why).into()),
        E::NoCertificatesPresented => Error::PeerAuth("the peer showed no certificate, and one is required".into()),
        E::AlertReceived(alert) => Error::Crypto(format!("the peer refused: {}", alert_text(*alert)).into()),
        E::InvalidMessage(why) => Error::Crypto(format!("the peer does not speak TLS: {why:?}").into()),
        E::PeerIncompatible(why) => {
            Error::Crypto(format!("the peer and this side have no version or cipher of TLS in common: {why:?}").into())
        }
        other => Error::Crypto(other.to_string().into()),
    }
}

fn certificate(why: &CertificateError) -> String {
    use CertificateError as C;
    match why {
        C::UnknownIssuer => "no trusted authority has signed the peer's certificate".into(),
        C::BadSignature => "the peer's certificate names a trusted authority that has not signed it".into(),
        C::Other(why) => why.0.to_string(),
        C::Revoked => "the peer's certificate has been revoked".into(),
        C::BadEncoding => "the peer's certificate can't be read".into(),
        other => other.to_string(),
    }
}

fn alert_text(alert: AlertDescription) -> String {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired | A::NoCertificate => "it requires a certificate of this side".into(),
        A::UnknownCA => "it trusts no authority that has signed this side's certificate (UnknownCA)".into(),
        A::CertificateExpired => "this side's certificate has expired or is not valid yet (CertificateExpired)".into(),
        A::CertificateRevoked => "this side's certificate has been revoked (CertificateRevoked)".into(),
        A::BadCertificate | A::UnsupportedCertificate | A::CertificateUnknown => {
            format!("it does not accept this side's certificate ({alert:?})")
        }
        A::DecryptError => "a signature was wrong, this side's certificate's for example (DecryptError)".into(),
        A::ProtocolVersion => "no version of TLS in common (ProtocolVersion)".into(),
        A::HandshakeFailure | A::InsufficientSecurity => format!("no agreement on how to encrypt ({alert:?})"),
        other => format!("alert {other:?}"),
    }
}

/// A certificate that is its own authority, and is not trusted.
#[derive(Debug)]
pub(super) struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer's certificate is self-signed, and is not one of the trusted ones")
    }
}

impl std::error::Error for SelfSigned {}

impl From<SelfSigned> for rustls::Error {
    fn from(why: SelfSigned) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(why))))
    }
}
