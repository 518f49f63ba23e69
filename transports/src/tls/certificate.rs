//! What is read from certificates beyond what the verification reads.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, UnixTime};
use spanwire_core::option::names;
use spanwire_core::{OptionMap, OptionValue};
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate};

/// The names in the peer's certificate, as options of its pipe.
pub(super) fn names_in(certificate: &CertificateDer<'_>, found: &mut OptionMap) {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return };
    if let Some(name) = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok()) {
        found.set(names::TLS_PEER_CN, name.into());
    }
    let mut others = Vec::new();
    if let Ok(Some(extension)) = parsed.subject_alternative_name() {
        others.extend(extension.value.general_names.iter().filter_map(text));
    }
    found.set(names::TLS_PEER_ALT_NAMES, OptionValue::Strings(others));
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// Whether it names itself as its authority.
pub(super) fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.subject() == parsed.issuer())
}

/// Whether this is a time at which it is valid.
pub(super) fn is_valid_at(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok(now) = i64::try_from(now.as_secs()) else { return false };
    let Ok(now) = ASN1Time::from_timestamp(now) else { return false };
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.validity().is_valid_at(now))
}
