//! Byte streams over WebSocket: one port for several listeners, frames, subprotocols, and the end.
#![cfg(all(unix, not(spanwire_portable), feature = "ws"))]

mod common;

use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::{PULL, run};
use futures_lite::future::zip;
use spanwire_core::option::{EndpointOptions, names};
use spanwire_core::transport::{ByteStream, Link, Transport};
use spanwire_core::{Error, OptionMap, OptionValue, Result, Url};
use spanwire_transports::bytes::{self, Connected, Listener};
use spanwire_transports::ws::Ws;

type Options = Arc<EndpointOptions>;

fn options(set: &[(&'static str, OptionValue)]) -> Options {
    let options = EndpointOptions::new(OptionMap::new());
    set.iter().for_each(|(name, value)| options.set(*name, value.clone()));
    Arc::new(options)
}

fn listen(url: &str, options: &Options) -> (Listener, Url) {
    run(bytes::listen(&Url::parse(url).unwrap(), options)).unwrap()
}

/// The next connection that has become something, or nothing.
async fn accept(listener: &Listener) -> Result<Connected> {
    loop {
        match poll_fn(|cx| listener.poll_accept(cx)).await?.await {
            Err(Error::TryAgain) => {}
            done => return done,
        }
    }
}

/// Both ends of a connection, the dialer's first.
fn connect(listener: &Listener, url: &Url, options: &Options) -> (Result<Connected>, Result<Connected>) {
    run(zip(bytes::dial(url, options), accept(listener)))
}

fn both(listener: &Listener, url: &Url, options: &Options) -> (Connected, Connected) {
    let (mine, theirs) = connect(listener, url, options);
    (mine.unwrap(), theirs.unwrap())
}

fn again(e: &std::io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn write_all(stream: &dyn ByteStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.try_write(&[IoSlice::new(bytes)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if again(&e) => thread::sleep(Duration::from_millis(1)),
            Err(e) => panic!("{e}"),
        }
    }
}

/// Reads so much, or to the end.
fn read(stream: &dyn ByteStream, len: usize) -> std::io::Result<Vec<u8>> {
    let (mut got, began) = (Vec::with_capacity(len), Instant::now());
    while got.len() < len {
        let want = len - got.len();
        match stream.try_read(&mut got, want) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) if again(&e) && began.elapsed() < Duration::from_secs(30) => thread::sleep(Duration::from_millis(1)),
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

#[test]
fn a_mebibyte_each_way() {
    let (listener, url) = listen("ws://127.0.0.1:0/bulk", &options(&[]));
    let ((mine, said), (theirs, _)) = both(&listener, &url, &options(&[]));
    assert!(matches!(said.get(names::REMOTE_ADDRESS), Some(OptionValue::Address(_))));
    let sent: Vec<u8> = (0..1 << 20).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
    for (from, to) in [(&mine, &theirs), (&theirs, &mine)] {
        let got = thread::scope(|scope| {
            scope.spawn(|| write_all(&**from, &sent));
            read(&**to, sent.len()).unwrap()
        });
        assert!(got == sent);
    }
    // The end, of either side.
    mine.shutdown();
    assert_eq!(read(&*theirs, 1).unwrap(), b"");
    assert!(theirs.try_write(&[IoSlice::new(b"x")]).is_err());
}

#[test]
fn what_was_said_is_told() {
    let answers = options(&[(names::WS_RESPONSE_HEADERS, "X-Server: here\r\n".into())]);
    let (listener, url) = listen("ws://127.0.0.1:0/path", &answers);
    let asks = options(&[
        ("ws:request-header:X-Client", "there".into()),
        (names::WS_SEND_TEXT, true.into()),
        (names::TCP_NODELAY, false.into()),
    ]);
    let url = Url::parse(&format!("{url}?query=1")).unwrap();
    let ((mine, said), (theirs, _)) = both(&listener, &url, &asks);
    assert_eq!(said.get(names::WS_SEND_TEXT), Some(&true.into()));
    for stream in [&mine, &theirs] {
        let told = |name: &str| stream.option(name).map(|value| String::try_from(value).unwrap());
        assert_eq!(told(names::WS_REQUEST_URI).as_deref(), Ok("/path?query=1"));
        assert_eq!(told("ws:request-header:x-client").as_deref(), Ok("there"));
        assert_eq!(told("ws:request-header:Sec-WebSocket-Version").as_deref(), Ok("13"));
        assert_eq!(told("ws:response-header:X-Server").as_deref(), Ok("here"));
        assert!(told(names::WS_RESPONSE_HEADERS).unwrap().contains("Sec-WebSocket-Accept: "));
        assert!(matches!(told("ws:response-header:X-Client"), Err(Error::NotFound(_))));
        assert!(matches!(told("ws:request-header:Sec-WebSocket-Protocol"), Err(Error::NotFound(_))));
        assert!(matches!(stream.set_option(names::WS_REQUEST_URI, &"x".into()), Err(Error::ReadOnly(_))));
        assert_eq!(stream.set_option(names::TCP_KEEPALIVE, &true.into()), Ok(()));
    }
    // Text is refused by who has not asked for it.
    write_all(&*mine, b"text");
    assert_eq!(read(&*theirs, 4).unwrap_err().kind(), ErrorKind::InvalidData);
}

/// Each send is a frame of its own, no longer than is allowed, and not a fragment.
#[test]
fn frames_on_the_wire() {
    let limits = options(&[
        (names::WS_TXFRAME_MAX, 4_usize.into()),
        (names::WS_RXFRAME_MAX, 3_usize.into()),
        (names::WS_RECV_TEXT, true.into()),
    ]);
    let (listener, url) = listen("ws://127.0.0.1:0", &limits);
    let mut peer = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    peer.write_all(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x83\0\0\0\0abc",
    )
    .unwrap();
    let (stream, _) = run(accept(&listener)).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(!String::from_utf8(head).unwrap().contains("Sec-WebSocket-Protocol"));
    assert_eq!(stream.try_write(&[IoSlice::new(b"hel"), IoSlice::new(b"lo")]).unwrap(), 4);
    assert_eq!(stream.try_write(&[IoSlice::new(b"o")]).unwrap(), 1);
    // What came behind the request is there, in one piece with what follows it.
    peer.write_all(b"\x02\x80\0\0\0\0\x80\x81\0\0\0\0d").unwrap();
    assert_eq!(read(&*stream, 4).unwrap(), b"abcd");
    peer.write_all(b"\x82\x84\0\0\0\0long").unwrap();
    let error = Error::from(read(&*stream, 1).unwrap_err());
    assert!(matches!(error, Error::MessageTooLarge(_)), "{error}");
    let mut rest = Vec::new();
    drop(stream);
    peer.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"\x82\x04hell\x82\x01o\x88\x02\x03\xf1");
}

/// Listeners of byte streams and of messages at one port: each has what is asked of its path.
#[test]
fn listeners_share_a_port() {
    let (one, url) = listen("ws://127.0.0.1:0/one", &options(&[]));
    let at = |path: &str| format!("ws://127.0.0.1:{}{path}", url.port().unwrap());
    let (two, other) = listen(&at("/two"), &options(&[]));
    let taken = run(bytes::listen(&Url::parse(&at("/two")).unwrap(), &options(&[])));
    assert!(matches!(taken.map(drop), Err(Error::AddressInUse(_))));
    let mut messages = Ws.listener(&Url::parse(&at("/messages")).unwrap(), &options(&[])).unwrap();
    run(poll_fn(|cx| messages.poll_bind(cx))).unwrap();

    // Whoever accepts first sees to it that the other one gets it.
    let dial_two = async { bytes::dial(&other, &options(&[])).await };
    let accept_one = async {
        let first = poll_fn(|cx| one.poll_accept(cx)).await.unwrap().await;
        assert!(matches!(first.map(drop), Err(Error::TryAgain)));
        accept(&two).await
    };
    let (mine, theirs) = run(zip(dial_two, accept_one));
    write_all(&*mine.unwrap().0, b"for two");
    assert_eq!(read(&*theirs.unwrap().0, 7).unwrap(), b"for two");

    // A path of messages has a subprotocol, and the stream's dialer must name it.
    let dial = |subprotocol: &str| {
        let asks = options(&[(names::WS_PROTOCOL, subprotocol.into())]);
        let url = Url::parse(&at("/messages")).unwrap();
        async move { bytes::dial(&url, &asks).await }
    };
    let mut next = || run(poll_fn(|cx| messages.poll_accept(cx, PULL))).unwrap();
    let (stranger, refused) = run(zip(dial(""), async { next().await }));
    assert!(matches!(stranger.map(drop), Err(Error::Protocol(_))));
    assert!(matches!(refused.map(drop), Err(Error::Protocol(_))));
    let (mine, theirs) = run(zip(dial("pull.sp.nanomsg.org"), async { next().await }));
    let (mine, theirs) = (mine.unwrap().0, theirs.unwrap());
    let Link::Stream(theirs, _) = theirs.link else { panic!("no stream") };
    write_all(&*mine, b"hello");
    assert_eq!(read(&*theirs, 13).unwrap(), b"\0\0\0\0\0\0\0\x05hello");

    // A path of nobody's, and then one that is somebody's.
    let nowhere = Url::parse(&at("/nowhere")).unwrap();
    let (mine, theirs) = connect(&one, &nowhere, &options(&[]));
    assert!(matches!(mine.map(drop), Err(Error::ConnectionRefused(_))));
    assert!(matches!(theirs.map(drop), Err(Error::Protocol(_))));
    both(&one, &url, &options(&[]));
}

#[test]
fn subprotocols_must_agree() {
    let serves = options(&[(names::WS_PROTOCOL, "chat, echo".into())]);
    let (listener, url) = listen("ws://127.0.0.1:0/", &serves);
    for (asked, agreed) in [("echo", Some("echo")), ("other, chat", Some("chat")), ("other", None), ("", None)] {
        let (mine, theirs) = connect(&listener, &url, &options(&[(names::WS_PROTOCOL, asked.into())]));
        match agreed {
            Some(agreed) => {
                let (mine, _) = (mine.unwrap().0, theirs.unwrap());
                let told = mine.option("ws:response-header:Sec-WebSocket-Protocol").unwrap();
                assert_eq!(String::try_from(told).as_deref(), Ok(agreed));
            }
            None => {
                assert!(matches!(mine.map(drop), Err(Error::Protocol(_))), "{asked:?}");
                assert!(matches!(theirs.map(drop), Err(Error::Protocol(_))), "{asked:?}");
            }
        }
    }
    // Without one, nobody may ask for one.
    serves.set(names::WS_PROTOCOL, "".into());
    let (mine, _) = connect(&listener, &url, &options(&[(names::WS_PROTOCOL, "echo".into())]));
    assert!(matches!(mine.map(drop), Err(Error::Protocol(_))));
    both(&listener, &url, &options(&[]));

    // What is no subprotocol never gets onto the wire.
    for bad in ["a b", "a\r\nX: y"] {
        let bad = options(&[(names::WS_PROTOCOL, bad.into())]);
        let anywhere = Url::parse("ws://127.0.0.1:1/").unwrap();
        assert!(matches!(run(bytes::dial(&anywhere, &bad)).map(drop), Err(Error::InvalidArgument(_))));
        assert!(matches!(run(bytes::listen(&anywhere, &bad)).map(drop), Err(Error::InvalidArgument(_))));
    }
}
