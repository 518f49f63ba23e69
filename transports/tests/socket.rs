//! Descriptors that the application hands over.
#![cfg(all(unix, not(spanwire_portable), feature = "socket", feature = "tcp"))]

mod common;

use std::net::{TcpListener, TcpStream};

use common::*;
use futures_lite::future;
use spanwire_core::Error;
use spanwire_core::option::Address;
use spanwire_transports::socket::{SocketFd, pair};

#[test]
fn a_pair_becomes_a_connection() {
    let (mut left, mut right) = (listen(&SocketFd, "socket://").unwrap(), listen(&SocketFd, "socket://").unwrap());
    assert!(is_pending(left.next(PUSH)));
    let (a, b) = pair().unwrap();
    left.options.fd_inbox().put(a).unwrap();
    right.options.fd_inbox().put(b).unwrap();
    let (a, b) = run(future::zip(left.accept(PUSH), right.accept(PULL)));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_joined(&a, &b);
    assert_eq!(addresses(&a), (Address::Unspecified, Address::Unspecified));
    #[cfg(target_os = "linux")]
    assert_eq!(a.options.get("ipc:peer-pid"), Some(&u64::from(std::process::id()).into()));
}

#[test]
fn tcp_connections_keep_their_addresses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut left, mut right) = (listen(&SocketFd, "socket://").unwrap(), listen(&SocketFd, "socket://").unwrap());
    let client_addr = client.local_addr().unwrap();
    left.options.fd_inbox().put(client.into()).unwrap();
    right.options.fd_inbox().put(listener.accept().unwrap().0.into()).unwrap();
    let (a, b) = run(future::zip(left.accept(PUSH), right.accept(PULL)));
    assert_joined(&a.unwrap(), b.as_ref().unwrap());
    assert_eq!(addresses(&b.unwrap()).1, Address::Inet(client_addr));
}

#[test]
fn a_useless_descriptor_spoils_nothing() {
    let mut bound = listen(&SocketFd, "socket://").unwrap();
    bound.options.fd_inbox().put(std::fs::File::open("/dev/null").unwrap().into()).unwrap();
    assert_names(run(bound.accept(PAIR)), Error::InvalidArgument("".into()), "descriptor");
    let (a, b) = pair().unwrap();
    bound.options.fd_inbox().put(a).unwrap();
    bound.options.fd_inbox().put(b).unwrap();
    let (a, b) = (run(bound.next(PAIR)).unwrap(), run(bound.next(PAIR)).unwrap());
    let (a, b) = run(future::zip(a, b));
    assert_joined(&a.unwrap(), &b.unwrap());
}

#[test]
fn closed_listeners_and_others_take_nothing() {
    let bound = listen(&SocketFd, "socket://").unwrap();
    let options = bound.options.clone();
    drop(bound);
    assert_eq!(options.fd_inbox().put(pair().unwrap().0), Err(Error::Closed));
    let tcp = listen(&spanwire_transports::tcp::Tcp, "tcp://127.0.0.1:0").unwrap();
    detail(tcp.options.fd_inbox().put(pair().unwrap().0), Error::NotSupported("".into()));
}

#[test]
fn it_can_only_be_listened_at_and_without_a_name() {
    detail(dialer(&SocketFd, "socket://"), Error::NotSupported("".into()));
    assert_names(listen(&SocketFd, "socket://name"), Error::AddressInvalid("".into()), "socket://name");
}
