//! Cases for transports that can be dialed.

use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use spanwire_core::driver::PipeChange;
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue};

use crate::common::{S, listen, open, recv, send, wait_for, within};
use crate::kit::{Kit, counted, dial};

const LONG: Duration = Duration::from_secs(10);

/// The first attempt decides; the error names the address; the dialer can be started again.
pub fn nobody_there(kit: &Kit) {
    let (url, _held) = kit.vacant();
    let socket = open("pair");
    let dialer = socket.dialer(&url).unwrap();
    for attempt in 1..=2 {
        match block_on(dialer.start()) {
            Err(Error::ConnectionRefused(text)) => assert!(text.as_str().contains(url.rest()), "{text:?}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(counted(&socket, &["dialer", "refused"]), attempt);
    }
    assert!(socket.pipes().is_empty());
}

/// In the background a dialer goes on until the listener is there.
pub fn the_background_waits_for_the_listener(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let url = {
        let before = open("pair");
        kit.listen(&before).url()
    };
    b.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(5).into()).unwrap();
    let dialer = b.dialer(&url).unwrap();
    dialer.start_in_background().unwrap();
    wait_for(|| counted(&b, &["dialer", "refused"]) >= 2);
    listen(&a, url.as_str());
    wait_for(|| a.pipes().len() == 1 && b.pipes().len() == 1);
    assert_eq!(counted(&b, &["dialer", "connect"]), 1);
}

pub fn an_address_has_one_listener(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let first = kit.listen(&a);
    for socket in [&a, &b] {
        let second = socket.listener(&first.url()).unwrap();
        match block_on(second.start()) {
            Err(Error::AddressInUse(text)) => assert!(text.as_str().contains(first.url().rest()), "{text:?}"),
            other => panic!("{other:?}"),
        }
        // It can be started when the address is free.
        if socket == &b {
            first.close().unwrap();
            block_on(second.start()).unwrap();
        }
    }
    dial(&open("pair"), &first.url()).unwrap();
}

/// At once, although connections were open there.
pub fn an_address_is_free_after_close(kit: &Kit) {
    let a = open("pair");
    let mut url = kit.address();
    for _ in 0..20 {
        let b = open("pair");
        let listener = listen(&a, &url);
        url = listener.url().to_string();
        dial(&b, &listener.url()).unwrap();
        wait_for(|| a.pipes().len() == 1);
        listener.close().unwrap();
        assert!(a.pipes().is_empty());
    }
}

/// The dialer comes back as often as it takes, and is said to be connected once for each.
pub fn lost_connections_come_back(kit: &Kit) {
    let b = open("push");
    b.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(5).into()).unwrap();
    let mut url = kit.address();
    for round in 1..=5 {
        let a = open("pull");
        let listener = listen(&a, &url);
        if round == 1 {
            url = listener.url().to_string();
            let dialer = b.dialer(&listener.url()).unwrap();
            dialer.start_in_background().unwrap();
        }
        wait_for(|| b.pipes().len() == 1);
        assert_eq!(counted(&b, &["dialer", "connect"]), round);
        send(&b, "again", LONG).unwrap();
        assert_eq!(recv(&a, LONG).unwrap().body(), b"again");
        // The pipe is lost in three ways.
        match round % 3 {
            0 => listener.close().unwrap(),
            1 => drop(a),
            _ => {
                listener.close().unwrap();
                b.pipes().iter().for_each(|pipe| pipe.close());
            }
        }
        wait_for(|| b.pipes().is_empty());
        wait_for(|| counted(&b, &["dialer", "disconnect"]) == round);
        assert_eq!(counted(&b, &["dialer", "pipes"]), 0);
    }
}

pub fn endpoints_start_once(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    let listener = kit.listen(&a);
    let again = block_on(listener.start());
    assert!(matches!(&again, Err(Error::State(text)) if text.as_str().contains(listener.url().rest())), "{again:?}");
    let dialer = dial(&b, &listener.url()).unwrap();
    assert!(matches!(block_on(dialer.start()), Err(Error::State(_))));
    assert!(matches!(dialer.start_in_background(), Err(Error::State(_))));
    for (set, name) in [(8, names::SEND_PRIORITY), (8, names::RECV_PRIORITY)] {
        let result = dialer.set_option(name, OptionValue::Int(set));
        assert!(matches!(&result, Err(Error::Busy(text)) if text.as_str().contains(name)), "{result:?}");
    }
    dialer.close().unwrap();
    assert_eq!(dialer.close(), Err(Error::Closed));
    assert_eq!(block_on(dialer.start()), Err(Error::Closed));
    assert_eq!(dialer.set_option(names::RECV_SIZE_MAX, OptionValue::Size(1)), Err(Error::Closed));
    listener.close().unwrap();
    assert_eq!(block_on(listener.start()), Err(Error::Closed));
}

/// A peer that refuses our pipes as fast as we open them is dialed at the pace of `reconnect-time-min`.
pub fn refused_peers_are_not_dialed_tightly(kit: &Kit) {
    let (a, b) = (open("pair"), open("pair"));
    a.on_pipe(|change, pipe| {
        if change == PipeChange::BeforeAdd {
            pipe.close();
        }
    });
    let listener = kit.listen(&a);
    b.set_option(S, names::RECONNECT_TIME_MIN, Duration::from_millis(20).into()).unwrap();
    b.set_option(S, names::RECONNECT_TIME_MAX, Duration::ZERO.into()).unwrap();
    let begin = Instant::now();
    let dialer = b.dialer(&listener.url()).unwrap();
    dialer.start_in_background().unwrap();
    let seen = a.clone();
    within(LONG, "ten refusals", move || wait_for(|| counted(&seen, &["listener", "other"]) >= 10));
    // Ten random waits below 20 ms each: less than 10 ms in all happens once in a billion.
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(10), "ten attempts within {took:?}");
    dialer.close().unwrap();
}
