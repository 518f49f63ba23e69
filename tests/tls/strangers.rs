//! Peers that do not speak TLS, or stop in the middle of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use spanwire_core::driver::{Listener, Socket};
use spanwire_core::{Error, Url};

use crate::common::tls::{client, server};
use crate::common::{dial, listen, open, recv, send, wait_for};

const LONG: Duration = Duration::from_secs(10);
const HELLO_PUSH: [u8; 8] = [0, b'S', b'P', 0, 0, 0x50, 0, 0];

fn stage() -> (Socket, Listener, Socket) {
    let (pull, push) = (open("pull"), open("push"));
    let listener = listen(&pull, "tls+tcp://127.0.0.1:0");
    dial(&push, &listener.url());
    wait_for(|| pull.pipes().len() == 1);
    (pull, listener, push)
}

fn goes_on(pull: &Socket, push: &Socket) {
    send(push, "still here", LONG).unwrap();
    assert_eq!(recv(pull, LONG).unwrap().body(), b"still here");
    wait_for(|| pull.pipes().len() == 1);
}

fn connect(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", listener.url().port().unwrap())).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// The other side closes. Fails if it does not.
fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn garbage_instead_of_a_handshake() {
    let (pull, listener, push) = stage();
    let counted = |name| pull.stats().number(&["listener", name]).unwrap();
    let huge = [&[22, 3, 1, 0xff, 0xff][..], &[0; 70_000]].concat();
    let scripts: [&[u8]; 6] = [
        &HELLO_PUSH,
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 5],
        &[22, 3, 1, 0, 4, 9, 9, 9, 9],
        &huge,
        &[21, 3, 3, 0, 2, 2, 40],
    ];
    for (n, script) in scripts.into_iter().enumerate() {
        let mut stream = connect(&listener);
        // The other side may have closed before it has all.
        let _ = stream.write_all(script);
        ended(&mut stream);
        drop(stream);
        wait_for(|| counted("auth") == n as u64 + 1);
        goes_on(&pull, &push);
    }
}

#[test]
fn handshakes_that_stop() {
    let (pull, listener, push) = stage();
    let other = || pull.stats().number(&["listener", "other"]).unwrap();
    let before = other();
    // A record that is not whole, and nothing at all.
    for script in [&[22, 3, 1, 0, 200, 1][..], &[]] {
        let mut stream = connect(&listener);
        stream.write_all(script).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        ended(&mut stream);
    }
    wait_for(|| other() == before + 2);
    goes_on(&pull, &push);
}

#[test]
fn a_plain_client() {
    let (pull, listener, push) = stage();
    let plain = open("push");
    let url = listener.url().to_string().replace("tls+tcp", "tcp");
    let result = block_on(plain.dialer(&Url::parse(&url).unwrap()).unwrap().start());
    assert!(
        matches!(result, Err(Error::Protocol(_) | Error::ConnectionShutdown | Error::ConnectionReset)),
        "{result:?}"
    );
    wait_for(|| pull.stats().number(&["listener", "auth"]) == Some(1));
    goes_on(&pull, &push);
}

#[test]
fn a_plain_server() {
    let (pull, push) = (open("pull"), open("push"));
    let listener = listen(&pull, "tcp://127.0.0.1:0");
    let url = listener.url().to_string().replace("tcp://", "tls+tcp://");
    let result = block_on(push.dialer(&Url::parse(&url).unwrap()).unwrap().start());
    assert!(matches!(&result, Err(Error::Crypto(text)) if text.as_str().contains("does not speak TLS")), "{result:?}");
    wait_for(|| pull.stats().number(&["listener", "proto"]) == Some(1));
}

/// Behind a good handshake: records that are none, and records that were changed on the way.
#[test]
fn broken_records() {
    let (pull, listener, push) = stage();
    for garbage in [
        &b"garbage garbage"[..],
        &[
            23, 3, 3, 0, 30, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
            26, 27, 28, 29, 30,
        ],
    ] {
        let mut peer = client(connect(&listener));
        // A message in the same breath as the handshake is not lost.
        peer.write_all(&[&HELLO_PUSH[..], &[0, 0, 0, 0, 0, 0, 0, 5], b"whole"].concat()).unwrap();
        peer.read_exact(&mut [0; 8]).unwrap();
        peer.tcp().write_all(garbage).unwrap();
        assert_eq!(recv(&pull, LONG).unwrap().body(), b"whole");
        ended(&mut peer.tcp().try_clone().unwrap());
        goes_on(&pull, &push);
    }
}

/// Bytes behind the end of a handshake that came with it are seen, and so is the end of the stream behind them.
#[test]
fn everything_at_once() {
    let (pull, listener, push) = stage();
    for orderly in [true, false] {
        let mut peer = client(connect(&listener));
        let mut script = HELLO_PUSH.to_vec();
        for n in 0..100_u8 {
            script.extend([0, 0, 0, 0, 0, 0, 0, 1, n]);
        }
        peer.write_all(&script).unwrap();
        match orderly {
            true => peer.shut(Shutdown::Write),
            false => peer.tcp().shutdown(Shutdown::Write).unwrap(),
        }
        for n in 0..100_u8 {
            assert_eq!(recv(&pull, LONG).unwrap().body(), [n]);
        }
        ended(&mut peer.tcp().try_clone().unwrap());
        goes_on(&pull, &push);
    }
}

/// A server that is silent after its certificate holds up its own dial only, and that ends when the dialer is closed.
#[test]
fn a_silent_server() {
    let host = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = open("push");
    let url = Url::parse(&format!("tls+tcp://127.0.0.1:{}", host.local_addr().unwrap().port())).unwrap();
    let dialer = push.dialer(&url).unwrap();
    let dialing = thread::spawn({
        let dialer = dialer.clone();
        move || block_on(dialer.start())
    });
    let mut peer = server(host.accept().unwrap().0);
    peer.read_exact(&mut [0; 8]).unwrap();
    dialer.close().unwrap();
    assert_eq!(dialing.join().unwrap(), Err(Error::Closed));
    ended(&mut peer.tcp().try_clone().unwrap());
}
