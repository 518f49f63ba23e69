//! Listeners that share a port with TLS. Nobody knows a connection's path before it is secured, so it is by one listener's options; what another's ask for
//! is never passed by.

use futures_lite::future::block_on;
use spanwire_core::driver::{Listener, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, Url};
use spanwire_transports::tls::TlsConfig;

use crate::common::tls::home;
use crate::common::{S, listen, open, wait_for};

/// A client that trusts the listeners, with a certificate to show or without.
fn client(certificate: bool) -> Socket {
    let config = TlsConfig::builder().ca_pem(&home().0.pem());
    let config = if certificate { home().1.show(config) } else { config };
    let push = open("push");
    push.set_option(S, names::TLS_CONFIG, config.build().unwrap().into()).unwrap();
    push
}

fn dial(certificate: bool, to: &Listener) -> Result<Socket, Error> {
    let push = client(certificate);
    block_on(push.dialer(&to.url()).unwrap().start()).map(|()| push)
}

#[track_caller]
fn forbidden(certificate: bool, at: &Listener) {
    match dial(certificate, at) {
        Err(Error::PermissionDenied(text)) => assert!(text.as_str().contains("403"), "{text:?}"),
        other => panic!("{other:?}"),
    }
}

fn beside(listener: &Listener, scheme: &str, path: &str) -> Url {
    Url::parse(&format!("{scheme}://127.0.0.1:{}/{path}", listener.url().port().unwrap())).unwrap()
}

#[test]
fn a_path_that_asks_for_more_is_closed_to_who_was_asked_for_less() {
    let (a, b) = (open("pull"), open("pull"));
    let first = listen(&a, "wss://127.0.0.1:0/first");
    let second = listen(&b, beside(&first, "wss", "second").as_str());
    for listener in [&first, &second] {
        dial(false, listener).unwrap();
    }
    let require = |listener: &Listener, mode: i32| listener.set_option(names::TLS_AUTH_MODE, mode.into()).unwrap();

    // Nobody who comes to the second has been asked for a certificate, not even who has one.
    require(&second, 2);
    wait_for(|| b.pipes().is_empty());
    for certificate in [false, true] {
        forbidden(certificate, &second);
        dial(certificate, &first).unwrap();
    }
    assert!(b.pipes().is_empty());

    // The same on both again.
    require(&first, 2);
    for (listener, socket) in [(&first, &a), (&second, &b)] {
        wait_for(|| socket.pipes().is_empty());
        assert!(dial(false, listener).is_err());
        let push = dial(true, listener).unwrap();
        wait_for(|| socket.pipes().len() == 1);
        assert_eq!(socket.pipes()[0].option(names::TLS_VERIFIED), Ok(true.into()));
        drop(push);
    }

    // It is the options that count, and not who is stricter: with less asked for here, the second is closed again.
    require(&first, 0);
    dial(false, &first).unwrap();
    forbidden(true, &second);

    // When the first goes, the port is the second's.
    first.close().unwrap();
    assert!(dial(false, &second).is_err());
    dial(true, &second).unwrap();
}

#[test]
fn who_wants_other_options_does_not_get_the_port() {
    let (a, b) = (open("pull"), open("pull"));
    let first = listen(&a, "wss://127.0.0.1:0/first");
    let strict = b.listener(&beside(&first, "wss", "second")).unwrap();
    strict.set_option(names::TLS_AUTH_MODE, 2.into()).unwrap();
    let plain = b.listener(&beside(&first, "ws", "third")).unwrap();
    for listener in [&strict, &plain] {
        match block_on(listener.start()) {
            Err(Error::AddressInUse(text)) => assert!(text.as_str().contains("secured in another way"), "{text:?}"),
            other => panic!("{other:?}"),
        }
    }
    dial(false, &first).unwrap();
}
