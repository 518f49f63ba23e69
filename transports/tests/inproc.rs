//! Connections within the process.
#![cfg(feature = "inproc")]

mod common;

use std::future::poll_fn;

use common::*;
use futures_lite::future;
use spanwire_core::Error;
use spanwire_core::option::Address;
use spanwire_core::transport::Link;
use spanwire_transports::inproc::Inproc;

#[test]
fn both_ends_get_a_link() {
    let mut bound = listen(&Inproc, "inproc://both ends").unwrap();
    assert_eq!(bound.url.as_str(), "inproc://both ends");
    let (dialed, accepted) = connected(&Inproc, &mut bound);
    for end in [&dialed, &accepted] {
        assert!(matches!(end.link, Link::Local(_)));
        let name = Address::Inproc("both ends".into());
        assert_eq!(addresses(end), (name.clone(), name));
    }
}

#[test]
fn a_name_belongs_to_one_listener_until_it_closes() {
    let url = "inproc://one listener";
    let bound = listen(&Inproc, url).unwrap();
    assert_names(listen(&Inproc, url), Error::AddressInUse("".into()), url);
    drop(bound);
    assert_names(run(dial(&Inproc, url, PUSH)), Error::ConnectionRefused("".into()), url);
    let mut bound = listen(&Inproc, url).unwrap();
    connected(&Inproc, &mut bound);
}

#[test]
fn names_are_exact() {
    let _bound = listen(&Inproc, "inproc://Exact").unwrap();
    for other in ["inproc://exact", "inproc://Exact/", "inproc://Exac%74"] {
        detail(run(dial(&Inproc, other, PUSH)), Error::ConnectionRefused("".into()));
    }
}

#[test]
fn each_side_learns_the_protocol_of_the_other() {
    let mut bound = listen(&Inproc, "inproc://wrong protocol").unwrap();
    let (dialed, accepted) = run(future::zip(dial(&Inproc, "inproc://wrong protocol", PAIR), bound.accept(PULL)));
    assert_eq!((dialed.unwrap().peer, accepted.unwrap().peer), (0x51, 0x10));
    connected(&Inproc, &mut bound);
}

#[test]
fn a_closing_listener_turns_dialers_away() {
    let bound = listen(&Inproc, "inproc://closing").unwrap();
    let mut dialer = dialer(&Inproc, "inproc://closing").unwrap();
    assert!(is_pending(poll_fn(|cx| dialer.poll_dial(cx, PUSH))));
    drop(bound);
    detail(run(poll_fn(|cx| dialer.poll_dial(cx, PUSH))), Error::ConnectionRefused("".into()));
}

#[test]
fn a_dialer_that_gives_up_leaves_nothing_behind() {
    let mut bound = listen(&Inproc, "inproc://gives up").unwrap();
    let mut impatient = dialer(&Inproc, "inproc://gives up").unwrap();
    assert!(is_pending(poll_fn(|cx| impatient.poll_dial(cx, PUSH))));
    drop(impatient);
    assert!(is_pending(bound.next(PULL)));
    connected(&Inproc, &mut bound);
}

#[test]
fn threads_meet() {
    let mut bound = listen(&Inproc, "inproc://threads").unwrap();
    let dialers: Vec<_> =
        (0..8).map(|_| std::thread::spawn(|| run(dial(&Inproc, "inproc://threads", PUSH)).map(drop))).collect();
    for _ in 0..dialers.len() {
        run(bound.accept(PULL)).unwrap();
    }
    for dialer in dialers {
        dialer.join().unwrap().unwrap();
    }
}
