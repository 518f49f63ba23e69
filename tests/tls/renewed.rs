//! Configurations: what they are made of, and what happens when they change.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::driver::Socket;
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue, Url};
use spanwire_transports::tls::{AuthMode, TlsConfig, TlsVersion};

use crate::common::tls::{Ca, config, home};
use crate::common::{S, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(10);

fn dial(socket: &Socket, url: &Url, ca: &Ca) -> Result<(), Error> {
    let dialer = socket.dialer(url).unwrap();
    dialer.set_option(names::TLS_CONFIG, TlsConfig::builder().ca_pem(&ca.pem()).build().unwrap().into()).unwrap();
    block_on(dialer.start())
}

/// Open connections go on; the next ones see the new certificate. The listener stays.
#[test]
fn a_listener_gets_another_certificate() {
    let pull = open("pull");
    let listener = listen(&pull, "tls+tcp://127.0.0.1:0");
    let early = open("push");
    dial(&early, &listener.url(), &home().0).unwrap();
    let new = Ca::new("New");
    let identity = new.issue(&["127.0.0.1"]);
    listener.set_option(names::TLS_CONFIG, identity.show(TlsConfig::builder()).build().unwrap().into()).unwrap();
    let late = open("push");
    assert!(matches!(dial(&late, &listener.url(), &home().0), Err(Error::PeerAuth(_))));
    dial(&late, &listener.url(), &new).unwrap();
    for socket in [&early, &late] {
        send(socket, "through", LONG).unwrap();
        assert_eq!(recv(&pull, LONG).unwrap().body(), b"through");
    }
    // On the socket it is for all listeners.
    pull.set_option(S, names::TLS_CONFIG, config().into()).unwrap();
    dial(&open("push"), &listener.url(), &home().0).unwrap();
}

/// A configuration that can't serve fails the handshakes while it is there, and nothing else.
#[test]
fn a_listener_gets_a_configuration_without_a_certificate() {
    let pull = open("pull");
    let listener = listen(&pull, "tls+tcp://127.0.0.1:0");
    listener.set_option(names::TLS_CONFIG, TlsConfig::builder().build().unwrap().into()).unwrap();
    assert!(dial(&open("push"), &listener.url(), &home().0).is_err());
    listener.set_option(names::TLS_CONFIG, config().into()).unwrap();
    let push = open("push");
    dial(&push, &listener.url(), &home().0).unwrap();
    wait_for(|| pull.pipes().len() == 1);
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("spanwire-{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

/// The options of their own, as NNG 1.x has them.
#[test]
fn files_as_options() {
    let (ca, identity) = home();
    let ca = file("ca.pem", &ca.pem());
    let both = file("both.pem", &format!("{}{}", identity.certificate, identity.key));
    let empty: OptionValue = TlsConfig::builder().build().unwrap().into();
    let (pull, push) = (open("pull"), open("push"));
    pull.set_option(S, names::TLS_CONFIG, empty.clone()).unwrap();
    push.set_option(S, names::TLS_CONFIG, empty).unwrap();
    let listener = pull.listener(&Url::parse("tls+tcp://127.0.0.1:0").unwrap()).unwrap();
    let set = |name, value: OptionValue| listener.set_option(name, value).unwrap();
    set(names::TLS_CERT_KEY_FILE, both.to_str().unwrap().into());
    set(names::TLS_CA_FILE, ca.to_str().unwrap().into());
    set(names::TLS_AUTH_MODE, 2.into());
    block_on(listener.start()).unwrap();

    let dialer = push.dialer(&listener.url()).unwrap();
    let set = |name, value: OptionValue| dialer.set_option(name, value).unwrap();
    let refused = block_on(dialer.start());
    assert!(matches!(refused, Err(Error::PeerAuth(_))), "{refused:?}");
    set(names::TLS_CA_FILE, ca.to_str().unwrap().into());
    let refused = block_on(dialer.start());
    assert!(matches!(refused, Err(Error::Crypto(_))), "{refused:?}");
    set(names::TLS_CERT_KEY_FILE, both.to_str().unwrap().into());
    set(names::TLS_SERVER_NAME, "other.example".into());
    let refused = block_on(dialer.start());
    assert!(matches!(refused, Err(Error::PeerAuth(_))), "{refused:?}");
    set(names::TLS_SERVER_NAME, "localhost".into());
    block_on(dialer.start()).unwrap();
    assert_eq!(push.pipes()[0].option(names::TLS_VERIFIED), Ok(true.into()));
    assert!(matches!(dialer.option(names::TLS_CA_FILE), Err(Error::WriteOnly(_))));
    let range = dialer.set_option(names::TLS_AUTH_MODE, 3.into());
    assert!(matches!(range, Err(Error::InvalidArgument(_))), "{range:?}");
    fs::remove_file(ca).unwrap();
    fs::remove_file(both).unwrap();
}

/// A certificate is renewed under the same name, as tools do it: who sets the option again has it, and the listener stays.
#[test]
fn a_file_is_read_again_when_its_option_is_set_again() {
    let (ca, identity) = home();
    let path = file("renewed.pem", &format!("{}{}", identity.certificate, identity.key));
    let pull = open("pull");
    pull.set_option(S, names::TLS_CONFIG, TlsConfig::builder().build().unwrap().into()).unwrap();
    let listener = pull.listener(&Url::parse("tls+tcp://127.0.0.1:0").unwrap()).unwrap();
    let set = || listener.set_option(names::TLS_CERT_KEY_FILE, path.to_str().unwrap().into()).unwrap();
    set();
    block_on(listener.start()).unwrap();
    let early = open("push");
    dial(&early, &listener.url(), ca).unwrap();

    let new = Ca::new("Renewed");
    let identity = new.issue(&["127.0.0.1"]);
    fs::write(&path, format!("{}{}", identity.certificate, identity.key)).unwrap();
    // What is in the file alone changes nothing.
    dial(&open("push"), &listener.url(), ca).unwrap();
    set();
    assert!(matches!(dial(&open("push"), &listener.url(), ca), Err(Error::PeerAuth(_))));
    dial(&open("push"), &listener.url(), &new).unwrap();

    // A file that can't be used fails the handshakes while it is there.
    fs::write(&path, "half of it").unwrap();
    set();
    assert!(dial(&open("push"), &listener.url(), &new).is_err());
    fs::write(&path, format!("{}{}", identity.certificate, identity.key)).unwrap();
    dial(&open("push"), &listener.url(), &new).unwrap();
    send(&early, "through", LONG).unwrap();
    assert_eq!(recv(&pull, LONG).unwrap().body(), b"through");
    fs::remove_file(path).unwrap();
}

/// Who has started may give up the right to read its files: no other option makes them be read again.
#[test]
fn a_file_that_has_gone_is_not_missed() {
    let (ca, identity) = home();
    let own = file("gone.pem", &format!("{}{}", identity.certificate, identity.key));
    let trusted = file("gone-ca.pem", &ca.pem());
    let empty: OptionValue = TlsConfig::builder().build().unwrap().into();
    let (pull, push) = (open("pull"), open("push"));
    pull.set_option(S, names::TLS_CONFIG, empty.clone()).unwrap();
    push.set_option(S, names::TLS_CONFIG, empty).unwrap();
    for url in ["tls+tcp://127.0.0.1:0", "wss://127.0.0.1:0/"] {
        fs::write(&own, format!("{}{}", identity.certificate, identity.key)).unwrap();
        fs::write(&trusted, ca.pem()).unwrap();
        let listener = pull.listener(&Url::parse(url).unwrap()).unwrap();
        listener.set_option(names::TLS_CERT_KEY_FILE, own.to_str().unwrap().into()).unwrap();
        block_on(listener.start()).unwrap();
        fs::remove_file(&own).unwrap();
        listener.set_option(names::RECV_SIZE_MAX, OptionValue::Size(1000)).unwrap();
        pull.set_option(S, names::TCP_NODELAY, false.into()).unwrap();

        let dialer = push.dialer(&listener.url()).unwrap();
        dialer.set_option(names::TLS_CA_FILE, trusted.to_str().unwrap().into()).unwrap();
        block_on(dialer.start()).unwrap();
        fs::remove_file(&trusted).unwrap();
        dialer.set_option(names::RECV_SIZE_MAX, OptionValue::Size(1000)).unwrap();
        push.set_option(S, names::TCP_NODELAY, false.into()).unwrap();
        wait_for(|| push.pipes().len() == 1);
        let id = push.pipes()[0].id();
        push.pipes()[0].close();
        wait_for(|| push.pipes().iter().any(|pipe| pipe.id() != id));
        dialer.close().unwrap();
        wait_for(|| push.pipes().is_empty());
    }
}

#[test]
fn the_option_wants_a_configuration() {
    let pull = open("pull");
    let listener = pull.listener(&Url::parse("tls+tcp://127.0.0.1:0").unwrap()).unwrap();
    assert!(matches!(listener.set_option(names::TLS_CONFIG, "x".into()), Err(Error::BadType(_))));
    let other = spanwire_core::option::Object::new(std::sync::Arc::new(5));
    listener.set_option(names::TLS_CONFIG, other.into()).unwrap();
    assert!(matches!(block_on(listener.start()), Err(Error::BadType(_))));
    listener.set_option(names::TLS_CONFIG, config().into()).unwrap();
    block_on(listener.start()).unwrap();
}

#[test]
fn what_no_configuration_can_be_made_of() {
    let identity = &home().1;
    let other = home().0.issue(&["other"]);
    let ca = home().0.pem();
    let refused: [(_, &str); 10] = [
        (TlsConfig::builder().ca_pem(""), "PEM"),
        (TlsConfig::builder().ca_pem("garbage"), "PEM"),
        (TlsConfig::builder().ca_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "CA"),
        (TlsConfig::builder().ca_pem(&identity.key), "PEM"),
        (TlsConfig::builder().cert_pem(&identity.certificate, &identity.certificate), "no private key"),
        (TlsConfig::builder().cert_pem(&identity.key, &identity.key), "PEM"),
        (TlsConfig::builder().cert_pem(&identity.certificate, &other.key), "key"),
        (TlsConfig::builder().cert_pem(&identity.certificate, ENCRYPTED), "encrypted"),
        (TlsConfig::builder().cert_pem(&identity.certificate, OLD_ENCRYPTED), "encrypted"),
        (TlsConfig::builder().ca_pem(&ca).crl_pem("nothing"), "PEM"),
    ];
    for (builder, word) in refused {
        match builder.build() {
            Err(Error::Crypto(text)) => assert!(text.as_str().contains(word), "{word:?}: {text:?}"),
            other => panic!("{word:?}: {other:?}"),
        }
    }
    let missing = TlsConfig::builder().ca_file("/no/such/file.pem").build();
    assert!(
        matches!(&missing, Err(Error::NotFound(text)) if text.as_str().contains("/no/such/file.pem")),
        "{missing:?}"
    );
    let versions = TlsConfig::builder().min_version(TlsVersion::V1_3).max_version(TlsVersion::V1_2).build();
    assert!(matches!(versions, Err(Error::InvalidArgument(_))));
}

/// Whatever is shown: no line of the key is in it.
#[test]
fn keys_are_not_shown() {
    let identity = &home().1;
    let builder = identity.show(TlsConfig::builder()).auth_mode(AuthMode::Optional);
    let shown = format!("{builder:?} {:#?}", builder.clone().build().unwrap());
    let option = OptionValue::from(builder.build().unwrap());
    let shown = format!("{shown} {option:?}");
    assert!(shown.contains("own_certificate"));
    for line in identity.key.lines().filter(|line| !line.starts_with("---")) {
        assert!(!shown.contains(line));
    }
    // Nor when the two files are given in the wrong order.
    let wrong = TlsConfig::builder().cert_pem(&identity.key, &identity.certificate).build().unwrap_err().to_string();
    assert!(!identity.key.lines().any(|line| wrong.contains(line)), "{wrong}");
}

const ENCRYPTED: &str =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH0MF8GCSqGSIb3DQEFDTBS\n-----END ENCRYPTED PRIVATE KEY-----\n";
const OLD_ENCRYPTED: &str = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
