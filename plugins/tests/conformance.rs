//! The transport in C of `examples/c-transport` keeps what every transport promises, those with TCP's bytes included.
#![cfg(target_os = "linux")]

mod common;

use std::sync::Once;

use spanwire_conformance::{Kit, conformance};

conformance!(ctcp, Kit::plugin("ctcp", load, || "ctcp://127.0.0.1:0".into()) => every, dialed, stream, hosted, port);
conformance!(ctcp6, Kit::plugin("ctcp", load, || "ctcp://[::1]:0".into()) => every);

fn load() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let plugin = common::compile(&common::root().join("examples/c-transport/ctcp.c"), &[]);
        spanwire_plugins::load(plugin).unwrap();
    });
}

/// It is TCP: the other side may be the library's own.
#[test]
fn it_talks_to_tcp() {
    use spanwire::{Rep, Req, Socket};

    load();
    let rep = Socket::<Rep>::new();
    let at = rep.listen("ctcp://127.0.0.1:0").wait().unwrap().url();
    std::thread::spawn(move || {
        while let Ok(request) = rep.recv_request().wait() {
            request.reply("pong").wait().unwrap();
        }
    });
    let req = Socket::<Req>::new();
    req.dial(at.as_str().strip_prefix('c').unwrap()).wait().unwrap();
    assert_eq!(req.request("ping").wait().unwrap().body(), b"pong");
}
