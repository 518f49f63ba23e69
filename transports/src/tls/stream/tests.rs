use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::thread;

use futures_lite::future::block_on;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt;
use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite};

use super::*;
use crate::tls::{TlsConfig, TlsVersion, client, server};

/// A certificate and its key.
fn made() -> (&'static str, &'static str) {
    static MADE: OnceLock<(String, String)> = OnceLock::new();
    let (certificate, key) = MADE.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    });
    (certificate, key)
}

/// Both ends of a connection.
fn pair_of(version: TlsVersion) -> (TlsStream, TlsStream) {
    let (certificate, key) = made();
    let config = TlsConfig::builder().cert_pem(certificate, key).ca_pem(certificate).max_version(version);
    let config = config.build().unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    let (a, b) = (FdStream::new(a.into()).unwrap(), FdStream::new(b.into()).unwrap());
    let host = config.clone();
    let host = thread::spawn(move || block_on(server(b, &host)).unwrap().0);
    let (client, _) = block_on(client(a, &config, "localhost")).unwrap();
    (client, host.join().unwrap())
}

fn pair() -> (TlsStream, TlsStream) {
    pair_of(TlsVersion::V1_3)
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i.wrapping_mul(31) >> 3) as u8 ^ i as u8).collect()
}

/// Writes all, as one who waits does.
fn write(to: &TlsStream, bytes: &[u8]) {
    let mut rest = bytes;
    while !rest.is_empty() {
        match to.try_write(&[IoSlice::new(rest)]) {
            Ok(n) => rest = &rest[n..],
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(to, PollFlags::OUT),
            Err(e) => panic!("{e}"),
        }
    }
}

/// Reads until this much has come, `max` bytes at a time, and waits as the engine does: only after fewer bytes than fitted.
fn read(from: &TlsStream, len: usize, max: usize) -> Vec<u8> {
    let mut got = Vec::with_capacity(len + max);
    while got.len() < len {
        match from.try_read(&mut got, max) {
            Ok(0) => panic!("it ended after {} bytes", got.len()),
            Ok(n) if n == max || got.len() == len => {}
            Ok(_) => wait(from, PollFlags::IN),
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(from, PollFlags::IN),
            Err(e) => panic!("{e}"),
        }
    }
    got
}

fn wait(stream: &TlsStream, what: PollFlags) {
    assert!(ready(stream, what, 10), "nothing happened");
}

fn ready(stream: &TlsStream, what: PollFlags, seconds: i64) -> bool {
    let mut fds = [PollFd::new(stream, what)];
    let limit = rustix::event::Timespec { tv_sec: seconds, tv_nsec: 0 };
    poll(&mut fds, Some(&limit)).unwrap() == 1
}

#[test]
fn bytes_come_through_in_pieces_of_all_sizes() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let (a, b) = pair_of(version);
        for len in [1, 8, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 64 * 1024 + 1, 300_000] {
            for max in [1, 7, 1000, 16 * 1024, 64 * 1024, 1 << 20].into_iter().filter(|max| max * 5000 > len) {
                let sent = body(len);
                thread::scope(|scope| {
                    scope.spawn(|| write(&a, &sent));
                    assert!(read(&b, len, max) == sent, "{len} bytes, {max} at a time");
                });
            }
        }
    }
}

/// Behind bytes that hold no plaintext, here the server's session tickets, the end is found at once: nothing else tells of it.
#[test]
fn the_end_is_found_behind_tickets() {
    let (a, b) = pair();
    b.fd.end(Shutdown::Write);
    let error = a.try_read(&mut Vec::with_capacity(1 << 16), 1 << 16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
}

/// What is offered in several slices is one stream.
#[test]
fn slices_are_gathered() {
    let (a, b) = pair();
    let sent = body(40_000);
    let slices: Vec<_> = sent.chunks(7001).map(IoSlice::new).collect();
    assert_eq!(a.try_write(&slices).unwrap(), 40_000);
    // In whole records.
    assert_eq!(read(&b, 40_000, 1 << 20), sent);
    assert_eq!(a.try_write(&[]).unwrap(), 0);
    assert_eq!(a.try_write(&[IoSlice::new(&[])]).unwrap(), 0);
}

/// When the kernel takes no more, every byte that was counted reaches the peer without another call, and no other is lost.
#[test]
fn what_was_counted_is_delivered() {
    let (a, b) = pair();
    sockopt::set_socket_send_buffer_size(&a, 8 * 1024).unwrap();
    let sent = body(1 << 20);
    let mut counted = 0;
    while counted < sent.len() {
        let before = counted;
        loop {
            match a.try_write(&[IoSlice::new(&sent[counted..])]) {
                Ok(n) => counted += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
            if counted == sent.len() {
                break;
            }
        }
        assert!(read(&b, counted - before, 1 << 20) == sent[before..counted]);
        // Nothing beyond it can be read before the rest is written, unless a whole record is.
        let mut more = Vec::with_capacity(1 << 20);
        let extra = match b.try_read(&mut more, 1 << 20) {
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            Err(e) => panic!("{e}"),
        };
        assert_eq!(extra, 0, "the peer has what was not counted");
    }
}

/// No event tells of what was read ahead.
#[test]
fn what_was_read_ahead_is_told() {
    let (a, b) = pair();
    assert!(!b.has_buffered());
    write(&a, b"one");
    write(&a, b"two");
    assert_eq!(read(&b, 2, 2), b"on");
    assert!(b.has_buffered());
    assert_eq!(read(&b, 4, 4), b"etwo");
    assert!(!b.has_buffered());
    assert_eq!(b.try_read(&mut Vec::with_capacity(10), 10).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// An end in order: after the data, an event tells that there is one more thing to read.
#[test]
fn an_end_in_order() {
    let (a, b) = pair();
    write(&a, b"last");
    // Without the end that the kernel tells of.
    {
        let mut tls = a.lock();
        tls.conn.send_close_notify();
        tls.collect();
        tls.flush(&a.fd).unwrap();
    }
    let mut got = Vec::with_capacity(100);
    assert_eq!(b.try_read(&mut got, 100).unwrap(), 4);
    assert!(ready(&b, PollFlags::IN, 10));
    assert_eq!(b.try_read(&mut got, 100).unwrap(), 0);
    assert_eq!(b.try_read(&mut got, 100).unwrap(), 0);
    assert_eq!(got, b"last");
    b.shutdown();
    assert_eq!(a.try_read(&mut got, 100).unwrap(), 0);
}

/// An end that anybody on the way could have made is no end in order.
#[test]
fn an_end_without_a_word() {
    let (a, b) = pair();
    write(&a, b"last");
    a.fd.shutdown();
    assert_eq!(read(&b, 4, 4), b"last");
    let error = b.try_read(&mut Vec::with_capacity(100), 100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    assert!(error.to_string().contains("close_notify"));
}

/// Data in front of a broken record is delivered, and then the reason is told.
#[test]
fn a_broken_record() {
    let (a, b) = pair();
    write(&a, b"good");
    a.fd.try_write(&[IoSlice::new(&[23, 3, 3, 0, 20]), IoSlice::new(&[0; 20])]).unwrap();
    let mut got = Vec::with_capacity(100);
    assert_eq!(b.try_read(&mut got, 100).unwrap(), 4);
    assert!(ready(&b, PollFlags::IN, 10));
    for _ in 0..2 {
        let error = Error::from(b.try_read(&mut got, 100).unwrap_err());
        assert!(matches!(error, Error::Crypto(_)), "{error}");
    }
    // The peer is told.
    let error = Error::from(a.try_read(&mut got, 100).unwrap_err());
    assert!(matches!(&error, Error::Crypto(text) if text.as_str().contains("BadRecordMac")), "{error}");
}

/// Keys are changed in the middle of the stream, by either side.
#[test]
fn keys_are_renewed() {
    let (a, b) = pair();
    for round in 0..10 {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let sent = body(20_000 + round);
            if round % 2 == 0 {
                from.lock().conn.refresh_traffic_keys().unwrap();
            }
            write(from, &sent);
            assert_eq!(read(to, sent.len(), 1 << 20), sent);
        }
    }
}

/// A client that says next to nothing in a thousand records: the thread is free again soon, and what comes behind them arrives.
#[test]
fn floods_of_empty_records_are_interrupted() {
    let (client, mut seal, b) = scripted_peer();
    // More in a row are too many for rustls.
    let mut records = Vec::new();
    for _ in 0..300 {
        (0..30).for_each(|_| records.extend(seal(ContentType::ApplicationData, b"")));
        records.extend(seal(ContentType::ApplicationData, b"x"));
    }
    records.extend(seal(ContentType::ApplicationData, b"behind them"));
    arrives_in_turns(client, records, &b, &[&[b'x'; 300][..], b"behind them"].concat());
}

#[test]
fn nothing_but_empty_records_ends_the_connection() {
    let (mut client, mut seal, b) = scripted_peer();
    client.write_all(&seal(ContentType::ApplicationData, b"before")).unwrap();
    (0..100).for_each(|_| client.write_all(&seal(ContentType::ApplicationData, b"")).unwrap());
    assert_eq!(read(&b, 6, 100), b"before");
    let error = Error::from(b.try_read(&mut Vec::with_capacity(100), 100).unwrap_err());
    assert!(matches!(&error, Error::Crypto(_)), "{error}");
}

/// A server that sends tickets for resumption without end.
#[test]
fn floods_of_tickets_are_interrupted() {
    let (a, host) = UnixStream::pair().unwrap();
    let (certificate, key) = made();
    let config = TlsConfig::builder().ca_pem(certificate).build().unwrap();
    let scripted = thread::spawn(move || {
        let seal = sealer(&host, scripted_server(certificate, key).into());
        (host, seal)
    });
    let (a, _) = block_on(client(FdStream::new(a.into()).unwrap(), &config, "localhost")).unwrap();
    let (host, mut seal) = scripted.join().unwrap();
    // Lifetime, age, nonce, ticket, extensions.
    let ticket = [&[4, 0, 0, 15][..], &[0, 0, 0, 9], &[0; 4], &[1, 7], &[0, 1, 7], &[0, 0]].concat();
    let mut records: Vec<u8> = (0..5000).flat_map(|_| seal(ContentType::Handshake, &ticket)).collect();
    records.extend(seal(ContentType::ApplicationData, b"behind them"));
    arrives_in_turns(host, records, &a, b"behind them");
}

/// Reads what comes of these records, in several turns, none of which reads much of what is there.
fn arrives_in_turns(mut from: UnixStream, records: Vec<u8>, to: &TlsStream, expected: &[u8]) {
    let unread = || rustix::io::ioctl_fionread(to.fd()).unwrap();
    let writer = thread::spawn(move || {
        from.write_all(&records).unwrap();
        from
    });
    let (mut got, mut interrupted) = (Vec::with_capacity(expected.len()), 0);
    while got.len() < expected.len() {
        let before = unread();
        let max = expected.len() - got.len();
        match to.try_read(&mut got, max) {
            Ok(n) => assert!(n > 0),
            Err(e) if e.kind() == ErrorKind::WouldBlock => wait(to, PollFlags::IN),
            Err(e) if e.kind() == ErrorKind::Interrupted => interrupted += 1,
            Err(e) => panic!("{e}"),
        }
        let most = ((VAIN + 1) * READ_MIN) as u64;
        assert!(unread() > 0 || before <= most || got.len() == expected.len(), "all was read in one turn");
    }
    assert!(got == expected);
    assert!(interrupted > 0);
    drop(writer.join().unwrap());
}

/// A server, and its client, whose records the test makes.
fn scripted_peer() -> (UnixStream, impl FnMut(ContentType, &[u8]) -> Vec<u8>, TlsStream) {
    let (client, b) = UnixStream::pair().unwrap();
    let (certificate, key) = made();
    let config = TlsConfig::builder().cert_pem(certificate, key).build().unwrap();
    let b = FdStream::new(b.into()).unwrap();
    let host = thread::spawn(move || block_on(server(b, &config)).unwrap().0);
    let seal = sealer(&client, scripted_client(certificate).into());
    (client, seal, host.join().unwrap())
}

fn scripted_client(ca: &str) -> rustls::ClientConnection {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.enable_secret_extraction = true;
    rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap()
}

fn scripted_server(certificate: &str, key: &str) -> rustls::ServerConnection {
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.enable_secret_extraction = true;
    config.send_tls13_tickets = 0;
    rustls::ServerConnection::new(Arc::new(config)).unwrap()
}

/// Shakes hands, and answers what makes records of this side: also those that rustls never sends.
fn sealer(mut stream: &UnixStream, mut conn: Connection) -> impl FnMut(ContentType, &[u8]) -> Vec<u8> + use<> {
    while conn.is_handshaking() || conn.wants_write() {
        conn.complete_io(&mut stream).unwrap();
    }
    let Some(SupportedCipherSuite::Tls13(suite)) = conn.negotiated_cipher_suite() else { unreachable!("1.3 only") };
    let (mut seq, secrets) = conn.dangerous_extract_secrets().unwrap().tx;
    let (key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
        _ => unreachable!("no other cipher"),
    };
    let mut encrypter = suite.aead_alg.encrypter(key, iv);
    move |typ, plain| {
        let payload = OutboundChunks::Single(plain);
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_3, payload };
        let record = encrypter.encrypt(message, seq).unwrap().encode();
        seq += 1;
        record
    }
}

/// An idle stream has no buffer of its own.
#[test]
fn idle_streams_hold_nothing() {
    let (a, b) = pair();
    let sent = body(200_000);
    thread::scope(|scope| {
        scope.spawn(|| write(&a, &sent));
        read(&b, sent.len(), 1 << 20);
    });
    assert_eq!(b.try_read(&mut Vec::with_capacity(10), 10).unwrap_err().kind(), ErrorKind::WouldBlock);
    for stream in [&a, &b] {
        let tls = stream.lock();
        assert_eq!((tls.read.capacity(), tls.unsent.capacity()), (0, 0));
    }
}

/// One thread reads while another writes, and a third ends it all.
#[test]
fn both_directions_at_once() {
    let (a, b) = pair();
    let sent = body(2 << 20);
    thread::scope(|scope| {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let sent = &sent;
            scope.spawn(|| write(from, sent));
            scope.spawn(|| assert!(read(to, sent.len(), 100_000) == *sent));
        }
    });
    a.shutdown();
    assert_eq!(b.try_read(&mut Vec::with_capacity(10), 10).unwrap(), 0);
}
