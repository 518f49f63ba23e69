//! A process that has no descriptor left. Alone in its program, because the limit is the whole process'.
#![cfg(all(target_os = "linux", not(spanwire_portable), feature = "tcp"))]

mod common;

use std::fs::File;
use std::net::TcpStream;

use common::*;
use rustix::process::{Resource, getrlimit, setrlimit};
use spanwire_core::Error;
use spanwire_transports::tcp::Tcp;

#[test]
fn connections_wait_until_there_are_descriptors_again() {
    let mut bound = listen(&Tcp, "tcp://127.0.0.1:0").unwrap();
    let (dialed, accepted) = connected(&Tcp, &mut bound);
    assert_joined(&dialed, &accepted);

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(100);
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.pop();
    let _client = TcpStream::connect(("127.0.0.1", bound.url.port().unwrap())).unwrap();
    assert_eq!(run(bound.next(PULL)).err(), Some(Error::OutOfFiles));
    assert_eq!(run(bound.next(PULL)).err(), Some(Error::OutOfFiles));
    let dialed = run(dial(&Tcp, bound.url.as_str(), PUSH));
    assert_eq!(dialed.err(), Some(Error::OutOfFiles));

    drop(taken);
    assert!(run(bound.next(PULL)).is_ok());
}
