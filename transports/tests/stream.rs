//! The handshake against scripted peers, and the stream that the engine reads and writes.
#![cfg(all(unix, not(spanwire_portable)))]

mod common;

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::pin::pin;
use std::thread;

use common::{PAIR, PUSH, detail, once, run, stream};
use spanwire_core::option::{OptionValue, names};
use spanwire_core::transport::{ByteStream, Connection, Hello};
use spanwire_core::{Error, OptionMap, Result};
use spanwire_transports::codec::{Length, encode_hello};
use spanwire_transports::stream::{FdStream, connect};

fn stream_pair() -> (FdStream, UnixStream) {
    let (mine, peer) = UnixStream::pair().unwrap();
    (FdStream::new(mine.into()).unwrap(), peer)
}

fn tcp_pair() -> (FdStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mine = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (FdStream::new(mine.into()).unwrap(), listener.accept().unwrap().0)
}

async fn shake(stream: FdStream, hello: Hello) -> Result<Connection> {
    connect(stream, Length, hello, OptionMap::new()).await
}

/// What comes of it when the peer sends these bytes and closes.
fn against(peer_sends: &[u8]) -> Result<Connection> {
    let (stream, mut peer) = stream_pair();
    peer.write_all(peer_sends).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    run(shake(stream, PAIR))
}

#[test]
fn both_sides_send_eight_bytes() {
    let (stream, mut peer) = stream_pair();
    peer.write_all(b"\0SP\0\0\x51\0\0").unwrap();
    run(shake(stream, PUSH)).unwrap();
    let mut sent = Vec::new();
    peer.read_to_end(&mut sent).unwrap();
    assert_eq!(sent, b"\0SP\0\0\x50\0\0");
}

#[test]
fn whoever_does_not_speak_sp_is_refused() {
    for bytes in [b"GET / HT", b"\0SP\x01\0\x10\0\0", b"\0SP\0\0\x10\0\x01", b"\0SP\0\0\x10\x01\0", b"\0XP\0\0\x10\0\0"]
    {
        let text = detail(against(bytes), Error::Protocol("".into()));
        assert!(text.contains(&bytes.escape_ascii().to_string().replace('\\', "\\\\")), "{text}");
    }
}

#[test]
fn a_peer_that_closes_is_told_apart() {
    for bytes in [&b""[..], b"\0SP", b"\0SP\0\0\x10\0"] {
        detail(against(bytes), Error::ConnectionShutdown);
    }
}

#[test]
fn a_peer_that_is_gone_is_told_apart() {
    let (stream, peer) = stream_pair();
    drop(peer);
    detail(run(shake(stream, PAIR)), Error::ConnectionShutdown);
}

#[test]
fn not_a_byte_more_than_the_handshake_is_read() {
    let (mine, mut peer) = stream_pair();
    let hello = encode_hello(0x10);
    peer.write_all(&hello[..3]).unwrap();
    let mut shaking = pin!(shake(mine, PAIR));
    assert!(once(&mut shaking).is_none());
    peer.write_all(&hello[3..]).unwrap();
    peer.write_all(b"first message").unwrap();
    let connection = run(shaking).unwrap();
    assert_eq!(run(common::read(stream(&connection), 13)), b"first message");
}

#[test]
fn byte_by_byte_over_tcp() {
    let (stream, mut peer) = tcp_pair();
    peer.set_nodelay(true).unwrap();
    let writer = thread::spawn(move || {
        for byte in encode_hello(0x10) {
            peer.write_all(&[byte]).unwrap();
            thread::yield_now();
        }
        peer
    });
    run(shake(stream, PAIR)).unwrap();
    writer.join().unwrap();
}

#[test]
fn reads_stay_within_their_bounds() {
    let (stream, mut peer) = stream_pair();
    let mut into = b"kept".to_vec();
    into.reserve_exact(1000);
    assert_eq!(stream.try_read(&mut into, 10).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(into, b"kept");
    peer.write_all(&[b'x'; 50]).unwrap();
    assert_eq!(stream.try_read(&mut into, 10).unwrap(), 10);
    assert_eq!(into, b"keptxxxxxxxxxx");
    let mut small = Vec::with_capacity(8);
    assert_eq!(stream.try_read(&mut small, 1000).unwrap(), 8);
    assert_eq!((small.len(), small.capacity()), (8, 8));
    assert_eq!(stream.try_read(&mut into, usize::MAX).unwrap(), 32);
    assert_eq!(into.len(), 46);
    drop(peer);
    assert_eq!(stream.try_read(&mut into, 10).unwrap(), 0);
    assert_eq!(into.len(), 46);
}

#[test]
fn writes_gather_and_stop_when_the_peer_is_slow() {
    let (stream, mut peer) = stream_pair();
    assert_eq!(stream.try_write(&[]).unwrap(), 0);
    assert_eq!(stream.try_write(&[IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"c")]).unwrap(), 3);
    let many = vec![IoSlice::new(b"z"); 3000];
    let sent = stream.try_write(&many).unwrap();
    assert_eq!(sent, 1024);
    let mut got = vec![0; 3 + sent];
    peer.read_exact(&mut got).unwrap();
    assert!(got.starts_with(b"abcz"));
    let chunk = [0; 65536];
    let full = loop {
        if let Err(e) = stream.try_write(&[IoSlice::new(&chunk)]) {
            break e;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    drop(peer);
    assert_eq!(stream.try_write(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn shutdown_ends_both_directions() {
    let (stream, mut peer) = stream_pair();
    stream.shutdown();
    assert_eq!(stream.try_read(&mut Vec::with_capacity(1), 1).unwrap(), 0);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    stream.shutdown();
}

#[test]
fn options_of_an_open_connection() {
    let (stream, _peer) = tcp_pair();
    for name in [names::TCP_NODELAY, names::TCP_KEEPALIVE] {
        for on in [true, false] {
            stream.set_option(name, &OptionValue::Bool(on)).unwrap();
            assert_eq!(stream.option(name).unwrap(), OptionValue::Bool(on));
        }
        detail(stream.set_option(name, &OptionValue::Int(1)), Error::BadType("".into()));
    }
    let (local, _peer) = stream_pair();
    detail(local.option(names::TCP_NODELAY), Error::NotSupported("".into()));
    detail(local.set_option(names::TCP_KEEPALIVE, &true.into()), Error::NotSupported("".into()));
    detail(local.option("nonsense"), Error::NotSupported("".into()));
}

#[test]
fn only_connected_streams_are_taken_over() {
    let refused = |fd| detail(FdStream::new(fd), Error::InvalidArgument("".into()));
    refused(std::fs::File::open("/dev/null").unwrap().into());
    refused(UdpSocket::bind("127.0.0.1:0").unwrap().into());
    refused(UnixDatagram::pair().unwrap().0.into());
    refused(TcpListener::bind("127.0.0.1:0").unwrap().into());
}
