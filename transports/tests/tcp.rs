//! TCP: addresses, options, errors.
#![cfg(all(unix, not(spanwire_portable), feature = "tcp"))]

mod common;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use common::*;
use futures_lite::future;
use rustix::net::{self, AddressFamily, SocketType};
use spanwire_core::option::{Address, OptionValue, names};
use spanwire_core::transport::{Link, Transport};
use spanwire_core::{Error, Url};
use spanwire_transports::codec::encode_hello;
use spanwire_transports::tcp::Tcp;

fn inet(address: Address) -> SocketAddr {
    match address {
        Address::Inet(addr) => addr,
        other => panic!("{other:?}"),
    }
}

/// A port at which nobody listens, as long as this is kept: it is bound, so that no other test gets it.
struct Reserved {
    port: u16,
    _fd: OwnedFd,
}

impl Reserved {
    fn at(ip: impl Into<IpAddr>) -> Self {
        let at = SocketAddr::new(ip.into(), 0);
        let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let fd = net::socket(family, SocketType::STREAM, None).unwrap();
        net::sockopt::set_socket_reuseaddr(&fd, true).unwrap();
        net::bind(&fd, &at).unwrap();
        let bound = SocketAddr::try_from(net::getsockname(&fd).unwrap()).unwrap();
        Self { port: bound.port(), _fd: fd }
    }
}

#[test]
fn port_zero_becomes_a_real_one() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let port = bound.url.port().unwrap();
    assert_ne!(port, 0);
    assert_eq!(bound.url.as_str(), format!("tcp://127.0.0.1:{port}"));
    assert_eq!(bound.options.int(names::TCP_BOUND_PORT), Some(port.into()));
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    assert_joined(&dialed, &accepted);
    let ((local, remote), (their_local, their_remote)) = (addresses(&dialed), addresses(&accepted));
    assert_eq!((&local, &remote), (&their_remote, &their_local));
    assert_eq!(inet(remote), (Ipv4Addr::LOCALHOST, port).into());
}

#[test]
fn the_send_buffer_within_this_machine_is_bounded() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    for connection in [dialed, accepted] {
        let Link::Stream(stream, _) = connection.link else { panic!("TCP is a stream of bytes") };
        // Linux counts twice what is asked for; its own choice would be 2.5 MiB and more.
        assert!(net::sockopt::socket_send_buffer_size(stream.fd()).unwrap() <= 2 * 512 * 1024);
    }
}

#[test]
fn ipv6_literals() {
    for scheme in ["tcp", "tcp6"] {
        let mut bound = listen(&Tcp, &format!("{scheme}://[::1]:0")).unwrap();
        let (dialed, accepted) = connected(&Tcp, &mut bound);
        assert_joined(&dialed, &accepted);
        assert_eq!(inet(addresses(&dialed).1).ip(), Ipv6Addr::LOCALHOST);
    }
}

#[test]
fn names_are_resolved() {
    for scheme in ["tcp", "tcp4"] {
        let mut bound = listen(&Tcp, &format!("{scheme}://localhost:0")).unwrap();
        let (dialed, accepted) = connected(&Tcp, &mut bound);
        assert_joined(&dialed, &accepted);
    }
    assert_names(run(dial(&Tcp, "tcp://a..b:1", PUSH)), Error::AddressInvalid("".into()), "a..b");
    assert_names(listen(&Tcp, "tcp://a..b:1"), Error::AddressInvalid("".into()), "a..b");
}

#[test]
fn a_wildcard_takes_both_versions_of_ip() {
    for url in ["tcp://*:0", "tcp://:0", "tcp://[::]:0"] {
        let mut bound = listen(&Tcp, url).unwrap();
        let port = bound.url.port().unwrap();
        for host in ["127.0.0.1", "[::1]"] {
            let to = format!("tcp://{host}:{port}");
            let (dialed, accepted) = run(future::zip(dial(&Tcp, &to, PUSH), bound.accept(PULL)));
            let (dialed, accepted) = (dialed.unwrap(), accepted.unwrap());
            assert_joined(&dialed, &accepted);
            // IPv4 looks like IPv4 on both sides.
            assert_eq!(addresses(&accepted).1, addresses(&dialed).0);
        }
    }
}

#[test]
fn a_scheme_with_a_version_takes_only_that() {
    for (ip, listened, other) in
        [(IpAddr::V4(Ipv4Addr::LOCALHOST), "tcp6", "127.0.0.1"), (IpAddr::V6(Ipv6Addr::LOCALHOST), "tcp4", "[::1]")]
    {
        let reserved = Reserved::at(ip);
        let _bound = listen(&Tcp, &format!("{listened}://*:{}", reserved.port)).unwrap();
        let url = format!("tcp://{other}:{}", reserved.port);
        assert_names(run(dial(&Tcp, &url, PUSH)), Error::ConnectionRefused("".into()), &url);
    }
    assert_names(run(dial(&Tcp, "tcp4://[::1]:1", PUSH)), Error::AddressInvalid("".into()), "tcp4://[::1]:1");
    assert_names(run(dial(&Tcp, "tcp6://127.0.0.1:1", PUSH)), Error::AddressInvalid("".into()), "127.0.0.1");
}

#[test]
fn what_cannot_be_dialed_is_said_at_once() {
    for url in ["tcp://*:5555", "tcp://:5555", "tcp://127.0.0.1:0", "tcp://eth0;127.0.0.1:1", "tcp://127.0.0.1:1/path"]
    {
        assert_names(dialer(&Tcp, url), Error::AddressInvalid("".into()), url);
    }
    for url in ["tcp://127.0.0.1;127.0.0.1:0", "tcp://127.0.0.1:0?x", "tcp://a@127.0.0.1:0", "tcp://127.0.0.1:0#x"] {
        assert_names(listen(&Tcp, url), Error::AddressInvalid("".into()), url);
    }
    assert_names(listen(&Tcp, "tcp://192.0.2.1:0"), Error::AddressInvalid("".into()), "192.0.2.1");
}

#[test]
fn nobody_there_and_somebody_there() {
    let reserved = Reserved::at(Ipv4Addr::LOCALHOST);
    let url = format!("tcp://127.0.0.1:{}", reserved.port);
    assert_names(run(dial(&Tcp, &url, PUSH)), Error::ConnectionRefused("".into()), &url);
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    assert_names(listen(&Tcp, bound.url.as_str()), Error::AddressInUse("".into()), bound.url.as_str());
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    assert_joined(&dialed, &accepted);
}

#[test]
fn an_address_can_be_listened_at_again_at_once() {
    // An address of its own, so that no other test gets the port in between.
    let host = if cfg!(target_os = "linux") { "127.0.0.3" } else { "127.0.0.1" };
    let mut bound = listen(&Tcp, &format!("tcp://{host}:0")).unwrap();
    let url = bound.url.to_string();
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    drop(bound);
    // Closing first leaves the port in TIME_WAIT.
    drop(accepted);
    drop(dialed);
    let mut bound = listen(&Tcp, &url).unwrap();
    connected(&Tcp, &mut bound);
}

#[test]
fn a_dialer_serves_again_and_again() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let mut dialer = dialer(&Tcp, bound.url.as_str()).unwrap();
    for _ in 0..3 {
        let dialed = std::future::poll_fn(|cx| dialer.poll_dial(cx, PUSH));
        let (dialed, accepted) = run(future::zip(dialed, bound.accept(PULL)));
        assert_joined(&dialed.unwrap(), &accepted.unwrap());
    }
}

#[test]
fn a_socket_does_not_connect_to_itself() {
    let reserved = Reserved::at(Ipv4Addr::LOCALHOST);
    let port = reserved.port;
    let myself = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let options = with(names::LOCAL_ADDRESS, Address::Inet(myself));
    let dialed = run(dial_with(&Tcp, &format!("tcp://127.0.0.1:{port}"), PAIR, options));
    detail(dialed, Error::ConnectionRefused("".into()));
}

#[cfg(target_os = "linux")]
#[test]
fn the_local_address_can_be_chosen() {
    let mut bound = listen(&Tcp, "tcp://*:0").unwrap();
    let port = bound.url.port().unwrap();
    let chosen = with(names::LOCAL_ADDRESS, Address::Inet("127.0.0.2:0".parse().unwrap()));
    for (url, options) in [
        (format!("tcp://127.0.0.1:{port}"), chosen.clone()),
        (format!("tcp://127.0.0.2;127.0.0.1:{port}"), options()),
        (format!("tcp://localhost:{port}"), chosen.clone()),
    ] {
        let (dialed, accepted) = run(future::zip(dial_with(&Tcp, &url, PUSH, options), bound.accept(PULL)));
        dialed.unwrap();
        assert_eq!(inet(addresses(&accepted.unwrap()).1).ip(), Ipv4Addr::new(127, 0, 0, 2), "{url}");
    }
    let dialed = run(dial_with(&Tcp, &format!("tcp://[::1]:{port}"), PUSH, chosen));
    assert_names(dialed, Error::AddressInvalid("".into()), "[::1]");
    let wrong = with(names::LOCAL_ADDRESS, Address::Inproc("x".into()));
    let refused = Tcp.dialer(&Url::parse("tcp://127.0.0.1:1").unwrap(), &wrong);
    assert_names(refused, Error::AddressInvalid("".into()), "Inproc");
}

#[test]
fn options_are_read_when_a_connection_is_made() {
    let read = |connection: &_| {
        let get = |name| stream(connection).option(name).unwrap();
        (get(names::TCP_NODELAY), get(names::TCP_KEEPALIVE))
    };
    let flags = |nodelay: bool, keepalive: bool| (OptionValue::Bool(nodelay), OptionValue::Bool(keepalive));
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    assert_eq!(read(&dialed), flags(true, false));
    assert_eq!(read(&accepted), flags(true, false));

    let options = options();
    let mut dialer = Tcp.dialer(&bound.url, &options).unwrap();
    for set in [&options, &bound.options] {
        set.set(names::TCP_NODELAY, false.into());
        set.set(names::TCP_KEEPALIVE, true.into());
    }
    let dialed = std::future::poll_fn(|cx| dialer.poll_dial(cx, PUSH));
    let (dialed, accepted) = run(future::zip(dialed, bound.accept(PULL)));
    assert_eq!(read(&dialed.unwrap()), flags(false, true));
    assert_eq!(read(&accepted.unwrap()), flags(false, true));
}

#[test]
fn each_side_learns_the_protocol_of_the_other() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let url = bound.url.to_string();
    let (dialed, accepted) = run(future::zip(dial(&Tcp, &url, PAIR), bound.accept(PULL)));
    assert_eq!((dialed.unwrap().peer, accepted.unwrap().peer), (0x51, 0x10));
}

#[test]
fn a_peer_that_says_nothing_holds_up_nobody() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let addr = ("127.0.0.1", bound.url.port().unwrap());
    let mut silent = TcpStream::connect(addr).unwrap();
    let mut slow = run(bound.next(PULL)).unwrap();
    assert!(once(&mut slow).is_none());
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    assert_joined(&dialed, &accepted);
    silent.write_all(&encode_hello(0x50)).unwrap();
    run(slow).unwrap();
}

#[test]
fn a_listener_must_be_bound_first_and_once() {
    let mut listener = Tcp.listener(&Url::parse("tcp://127.0.0.1:0").unwrap(), &options()).unwrap();
    let accepted = run(std::future::poll_fn(|cx| listener.poll_accept(cx, PULL)));
    detail(accepted.map(drop), Error::State("".into()));
    run(std::future::poll_fn(|cx| listener.poll_bind(cx))).unwrap();
    detail(run(std::future::poll_fn(|cx| listener.poll_bind(cx))), Error::State("".into()));
}
