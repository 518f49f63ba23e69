//! What every transport promises, asked of each of them in one line.

mod common;

use spanwire_conformance::{Kit, conformance};

conformance!(inproc, Kit::library("inproc") => every, dialed);
conformance!(tcp, Kit::library("tcp") => every, dialed, stream, hosted, port, wildcard);
conformance!(tcp4, Kit::library("tcp4") => every, dialed, stream, hosted, port, wildcard);
conformance!(tcp6, Kit::library("tcp6") => every, dialed, stream, hosted, port, wildcard);
conformance!(tls, Kit::library("tls+tcp") => every, dialed, stream, hosted, port, wildcard);
#[cfg(all(unix, feature = "ws"))]
conformance!(ws, Kit::library("ws") => every, dialed, port, wildcard, paths);
#[cfg(all(unix, feature = "ws"))]
conformance!(ws4, Kit::library("ws4") => every, dialed, port, wildcard, paths);
#[cfg(all(unix, feature = "ws"))]
conformance!(ws6, Kit::library("ws6") => every, dialed, port, wildcard, paths);
#[cfg(all(unix, feature = "tls", feature = "ws"))]
conformance!(wss, Kit::library("wss") => every, dialed, port, wildcard, paths);
#[cfg(all(unix, not(spanwire_portable)))]
conformance!(ipc, Kit::library("ipc") => every, dialed, stream, hosted, file, local);
#[cfg(all(unix, not(spanwire_portable)))]
conformance!(unix, Kit::library("unix") => every, dialed, stream, hosted, file, local);
#[cfg(all(target_os = "linux", not(spanwire_portable)))]
conformance!(abstract_names, Kit::library("abstract") => every, dialed, stream, hosted, local);
#[cfg(all(unix, not(spanwire_portable)))]
conformance!(socket, Kit::library("socket") => every, stream);

/// What is the same for all of them: the address itself.
mod addresses {
    use spanwire_core::{Error, Url};

    use super::common::open;

    /// Every error names what it is about.
    fn refused(socket_does: &str, url: &str) -> Error {
        let socket = open("pair");
        let made = Url::parse(url).and_then(|url| match socket_does {
            "dial" => socket.dialer(&url).map(|_| ()),
            _ => socket.listener(&url).map(|_| ()),
        });
        let error = made.expect_err(url);
        assert!(error.to_string().contains(url.split("://").last().unwrap()), "{url}: {error}");
        assert!(socket.dialers().is_empty() && socket.listeners().is_empty(), "{url} left an endpoint behind");
        error
    }

    #[test]
    fn an_unknown_scheme_is_not_supported() {
        for does in ["dial", "listen"] {
            let error = open("pair").dialer(&Url::parse("pigeon://coop:1").unwrap()).unwrap_err();
            assert!(matches!(error, Error::NotSupported(_)) && error.to_string().contains("pigeon"), "{does}: {error}");
        }
    }

    #[test]
    fn bad_ports_are_named() {
        for url in ["tcp://127.0.0.1:65536", "tcp://127.0.0.1:x", "tcp://127.0.0.1", "tcp://[::1:5"] {
            assert!(matches!(refused("dial", url), Error::AddressInvalid(_)), "{url}");
        }
    }

    #[test]
    fn open_addresses_cannot_be_dialed() {
        for url in ["tcp://*:5555", "tcp://:5555", "tcp4://*:5555", "tcp6://*:5555", "tcp://127.0.0.1:0"] {
            assert!(matches!(refused("dial", url), Error::AddressInvalid(_)), "{url}");
        }
        #[cfg(all(target_os = "linux", not(spanwire_portable)))]
        assert!(matches!(refused("dial", "abstract://"), Error::AddressInvalid(_)));
    }

    #[test]
    fn names_that_are_too_long_are_refused() {
        let name = "x".repeat(200);
        for scheme in if cfg!(target_os = "linux") { &["ipc:///", "abstract://"][..] } else { &["ipc:///"] } {
            for does in ["dial", "listen"] {
                assert!(matches!(refused(does, &format!("{scheme}{name}")), Error::AddressInvalid(_)), "{scheme}");
            }
        }
    }

    #[cfg(all(unix, not(spanwire_portable)))]
    #[test]
    fn connected_descriptors_cannot_be_dialed() {
        assert!(matches!(refused("dial", "socket://"), Error::NotSupported(_)));
        assert!(matches!(refused("listen", "socket://x"), Error::AddressInvalid(_)));
    }
}
