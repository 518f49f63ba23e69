//! What TLS is told in text, and what a peer's certificate says.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_transports::tls::{TlsConfig, read_certificate};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    ca: &'a str,
    own: &'a str,
    key: &'a str,
    crl: &'a str,
    certificate: &'a [u8],
    seconds: u64,
}

fuzz_target!(|input: Input<'_>| {
    let _ = TlsConfig::builder().ca_pem(input.ca).build();
    let _ = TlsConfig::builder().crl_pem(input.crl).build();
    if let Err(e) = TlsConfig::builder().cert_pem(input.own, input.key).build() {
        let said = e.to_string();
        assert!(!input.key.lines().any(|line| line.len() > 16 && said.contains(line)), "{said}");
    }
    let _ = read_certificate(input.certificate, input.seconds);
});
