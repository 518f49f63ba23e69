//! Certificates that are not good enough.

use std::time::Duration;

use futures_lite::future::block_on;
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use spanwire_core::driver::{Listener, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue, Result, Url};
use spanwire_transports::tls::{AuthMode, TlsConfig, TlsVersion};

use crate::common::tls::{Ca, Identity, home, self_signed};
use crate::common::{listen, open, recv, send, wait_for};
use crate::log;

const LONG: Duration = Duration::from_secs(10);
const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

/// A pull socket that listens, and a friend of it that stays connected all the time.
struct Stage {
    pull: Socket,
    listener: Listener,
    friend: Socket,
}

impl Stage {
    /// A server with this configuration; its friend shows the tests' own certificate and accepts everybody.
    fn new(server: TlsConfig) -> Self {
        log::start();
        let (pull, friend) = (open("pull"), open("push"));
        let listener = pull.listener(&Url::parse("tls+tcp://127.0.0.1:0").unwrap()).unwrap();
        listener.set_option(names::TLS_CONFIG, server.into()).unwrap();
        block_on(listener.start()).unwrap();
        let stage = Self { pull, listener, friend };
        let trusting = home().1.show(TlsConfig::builder()).auth_mode(AuthMode::None).build().unwrap();
        stage.dial(&stage.friend, trusting, "127.0.0.1").unwrap();
        wait_for(|| stage.pull.pipes().len() == 1);
        stage
    }

    fn dial(&self, socket: &Socket, config: TlsConfig, host: &str) -> Result<()> {
        let url = format!("tls+tcp://{host}:{}", self.listener.url().port().unwrap());
        let dialer = socket.dialer(&Url::parse(&url).unwrap()).unwrap();
        dialer.set_option(names::TLS_CONFIG, config.into()).unwrap();
        block_on(dialer.start())
    }

    /// The dial fails with this kind of error and a text that has these words; the listener counts it, and logs some of these words.
    #[track_caller]
    fn refuses(&self, client: TlsConfig, host: &str, code: u32, words: &[&str], logged: &str) {
        let before = self.counted();
        let socket = open("push");
        let error = self.dial(&socket, client, host).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} is not in {error}");
        }
        wait_for(|| self.counted() == before + 1);
        let url = self.listener.url().to_string();
        wait_for(|| log::has(&url, logged));
        assert!(socket.pipes().is_empty());
        self.goes_on();
    }

    fn counted(&self) -> u64 {
        self.pull.stats().number(&["listener", "auth"]).unwrap()
    }

    fn goes_on(&self) {
        assert_eq!(self.pull.pipes().len(), 1);
        send(&self.friend, "still here", LONG).unwrap();
        assert_eq!(recv(&self.pull, LONG).unwrap().body(), b"still here");
    }
}

fn server(identity: &Identity, version: TlsVersion) -> TlsConfig {
    identity.show(TlsConfig::builder()).max_version(version).build().unwrap()
}

/// A client that trusts the tests' authority only.
fn client() -> TlsConfig {
    TlsConfig::builder().ca_pem(&home().0.pem()).build().unwrap()
}

const CRYPTO: u32 = 26;
const PEER_AUTH: u32 = 27;

#[test]
fn an_expired_certificate() {
    let identity = home().0.issue_as(&["127.0.0.1"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    for version in VERSIONS {
        let stage = Stage::new(server(&identity, version));
        stage.refuses(client(), "127.0.0.1", PEER_AUTH, &["expired"], "CertificateExpired");
    }
}

#[test]
fn a_certificate_of_the_future() {
    let identity = home().0.issue_as(&["127.0.0.1"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    let stage = Stage::new(server(&identity, TlsVersion::V1_3));
    stage.refuses(client(), "127.0.0.1", PEER_AUTH, &["not valid yet"], "refused");
}

#[test]
fn a_certificate_for_another_name() {
    let identity = home().0.issue(&["elsewhere.example"]);
    for version in VERSIONS {
        let stage = Stage::new(server(&identity, version));
        let words = ["127.0.0.1", "elsewhere.example"];
        stage.refuses(client(), "127.0.0.1", PEER_AUTH, &words, "BadCertificate");
        stage.refuses(client(), "localhost", PEER_AUTH, &["localhost", "elsewhere.example"], "BadCertificate");
        // Unless that is the name that is asked for.
        let asked = client().to_builder().server_name("elsewhere.example").build().unwrap();
        stage.dial(&open("push"), asked, "127.0.0.1").unwrap();
    }
}

#[test]
fn a_self_signed_certificate() {
    for is_ca in [false, true] {
        let identity = self_signed(&["127.0.0.1"], |params| {
            if is_ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
        });
        for version in VERSIONS {
            let stage = Stage::new(server(&identity, version));
            stage.refuses(client(), "127.0.0.1", PEER_AUTH, &["self-signed"], "refused");
            // Unless it is that very certificate that is trusted, and then with its name only.
            let trusting = TlsConfig::builder().ca_pem(&identity.certificate).build().unwrap();
            stage.refuses(trusting.clone(), "localhost", PEER_AUTH, &["localhost"], "BadCertificate");
            let socket = open("push");
            stage.dial(&socket, trusting, "127.0.0.1").unwrap();
            assert_eq!(socket.pipes()[0].option(names::TLS_VERIFIED), Ok(true.into()));
        }
    }
}

#[test]
fn an_expired_self_signed_certificate_that_is_trusted() {
    let identity = self_signed(&["127.0.0.1"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let stage = Stage::new(server(&identity, TlsVersion::V1_3));
    let trusting = TlsConfig::builder().ca_pem(&identity.certificate).build().unwrap();
    stage.refuses(trusting, "127.0.0.1", PEER_AUTH, &["xpired"], "CertificateExpired");
}

#[test]
fn a_certificate_of_another_authority() {
    // Of the same name, even.
    for (name, alert) in [("Somebody else's", "UnknownCA"), ("Spanwire's tests", "DecryptError")] {
        let identity = Ca::new(name).issue(&["127.0.0.1"]);
        for version in VERSIONS {
            let stage = Stage::new(server(&identity, version));
            stage.refuses(client(), "127.0.0.1", PEER_AUTH, &["authority"], alert);
        }
    }
}

#[test]
fn a_client_without_a_certificate() {
    for version in VERSIONS {
        let required = server(&home().1, version).to_builder().ca_pem(&home().0.pem());
        let stage = Stage::new(required.auth_mode(AuthMode::Required).build().unwrap());
        let pipe = stage.pull.pipes()[0].clone();
        assert_eq!(pipe.option(names::TLS_VERIFIED), Ok(true.into()));
        assert_eq!(pipe.option(names::TLS_PEER_CN), Ok("localhost".into()));
        let names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        assert_eq!(pipe.option(names::TLS_PEER_ALT_NAMES), Ok(OptionValue::Strings(names)));
        stage.refuses(client(), "127.0.0.1", CRYPTO, &["refused"], "no certificate");
        let other = Ca::new("Somebody else's").issue(&["client"]);
        let other = other.show(client().to_builder()).build().unwrap();
        stage.refuses(other, "127.0.0.1", CRYPTO, &["UnknownCA"], "authority");
        let expired = home().0.issue_as(&["client"], |params| params.not_after = date_time_ymd(2020, 1, 1));
        let expired = expired.show(client().to_builder()).build().unwrap();
        stage.refuses(expired, "127.0.0.1", CRYPTO, &["expired"], "certificate expired");
    }
}

/// Everybody is let in, and the pipe tells who has proved what.
#[test]
fn optional_certificates() {
    for version in VERSIONS {
        let optional = server(&home().1, version).to_builder().ca_pem(&home().0.pem());
        let stage = Stage::new(optional.auth_mode(AuthMode::Optional).build().unwrap());
        let other = Ca::new("Somebody else's").issue(&["stranger"]);
        let clients = [
            (client(), false, None),
            (home().1.show(client().to_builder()).build().unwrap(), true, Some("localhost")),
            (other.show(client().to_builder()).build().unwrap(), false, Some("stranger")),
        ];
        for (config, verified, name) in clients {
            let before = stage.pull.pipes();
            let socket = open("push");
            stage.dial(&socket, config, "127.0.0.1").unwrap();
            wait_for(|| stage.pull.pipes().len() == 2);
            let pipe = stage.pull.pipes().into_iter().find(|pipe| !before.contains(pipe)).unwrap();
            assert_eq!(pipe.option(names::TLS_VERIFIED), Ok(verified.into()));
            assert_eq!(pipe.option(names::TLS_PEER_CN).ok(), name.map(Into::into));
            drop(socket);
            wait_for(|| stage.pull.pipes().len() == 1);
        }
        // The same for clients.
        let identity = other.show(TlsConfig::builder()).max_version(version).build().unwrap();
        let stage = Stage::new(identity);
        for (mode, verified) in [(AuthMode::Optional, false), (AuthMode::None, false)] {
            let socket = open("push");
            let config = client().to_builder().auth_mode(mode).build().unwrap();
            stage.dial(&socket, config, "127.0.0.1").unwrap();
            assert_eq!(socket.pipes()[0].option(names::TLS_VERIFIED), Ok(verified.into()));
            assert_eq!(socket.pipes()[0].option(names::TLS_PEER_CN), Ok("stranger".into()));
        }
    }
}

#[test]
fn no_version_in_common() {
    let stage = Stage::new(server(&home().1, TlsVersion::V1_2));
    let newer = client().to_builder().min_version(TlsVersion::V1_3).build().unwrap();
    stage.refuses(newer, "127.0.0.1", CRYPTO, &["ProtocolVersion"], "in common");
}

/// What nobody could connect to is refused when it starts.
#[test]
fn listeners_that_could_serve_nobody() {
    let socket = open("pull");
    let start = |config: TlsConfig| {
        let listener = socket.listener(&Url::parse("tls+tcp://127.0.0.1:0").unwrap()).unwrap();
        listener.set_option(names::TLS_CONFIG, config.into()).unwrap();
        let result = block_on(listener.start());
        listener.close().unwrap();
        result
    };
    let none = start(TlsConfig::builder().build().unwrap());
    assert!(matches!(&none, Err(Error::InvalidArgument(text)) if text.as_str().contains("certificate")), "{none:?}");
    let unable = home().1.show(TlsConfig::builder()).auth_mode(AuthMode::Required).build().unwrap();
    let unable = start(unable);
    assert!(matches!(&unable, Err(Error::InvalidArgument(text)) if text.as_str().contains("authority")), "{unable:?}");
}

#[test]
fn names_that_no_server_has() {
    let socket = open("push");
    let pull = open("pull");
    let listener = listen(&pull, "tls+tcp://127.0.0.1:0");
    let dialer = socket.dialer(&listener.url()).unwrap();
    dialer.set_option(names::TLS_SERVER_NAME, "not a name".into()).unwrap();
    let result = block_on(dialer.start());
    assert!(matches!(&result, Err(Error::InvalidArgument(text)) if text.as_str().contains("not a name")), "{result:?}");
}
