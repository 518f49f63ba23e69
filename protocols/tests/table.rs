//! The table of protocols: names, numbers and peers fit together.

#![allow(clippy::print_stdout)]

mod common;

use std::time::Instant;

use common::Nowhere;
use spanwire_core::{Attempt, ContextId, Message, PipeAttrs, PipeId};
use spanwire_protocols::{PROTOCOLS, find};

#[test]
fn protocols_have_the_numbers_of_the_wire_format() {
    let numbers = [
        ("pair", 0x10, 0x10),
        ("pair1", 0x11, 0x11),
        ("pair1-poly", 0x11, 0x11),
        ("pub", 0x20, 0x21),
        ("sub", 0x21, 0x20),
        ("req", 0x30, 0x31),
        ("rep", 0x31, 0x30),
        ("push", 0x50, 0x51),
        ("pull", 0x51, 0x50),
        ("surveyor", 0x62, 0x63),
        ("respondent", 0x63, 0x62),
        ("bus", 0x70, 0x70),
    ];
    for (name, number, peer) in numbers {
        let cooked = find(name, false).unwrap();
        assert_eq!((cooked.info.number, cooked.info.peer, cooked.info.raw), (number, peer, false), "{name}");
        let raw = find(name, true);
        assert_eq!(raw.is_none(), name == "pair1-poly", "{name}");
        if let Some(raw) = raw {
            assert_eq!((raw.info.number, raw.info.peer, raw.info.name), (number, peer, cooked.info.name));
            assert!(!raw.info.contexts, "raw {name} keeps no state");
        }
    }
    assert_eq!(PROTOCOLS.len(), 2 * numbers.len() - 1);
}

#[test]
fn every_peer_is_in_the_table_and_the_other_way_round() {
    for entry in PROTOCOLS {
        let peer = find(entry.info.peer_name, entry.info.raw).unwrap();
        assert_eq!((peer.info.number, peer.info.peer), (entry.info.peer, entry.info.number));
        assert_eq!((entry.new)(1).info(), entry.info);
        assert_eq!((entry.info.sends, entry.info.receives), (peer.info.receives, peer.info.sends));
    }
}

#[test]
fn pair0_is_another_name_for_pair() {
    assert!(std::ptr::eq(find("pair0", false).unwrap(), find("pair", false).unwrap()));
    assert!(find("pair2", false).is_none());
}

/// Nanoseconds of a send and of a reception, with few and with many pipes. `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn ten_thousand_pipes_cost_hardly_more_than_one() {
    let mut out = Nowhere(Instant::now());
    for name in ["push", "pull", "sub", "req", "rep", "pair"] {
        for pipes in [1, 10_000] {
            let mut machine = (find(name, false).unwrap().new)(1);
            let start = Instant::now();
            let ids: Vec<_> = (1..=pipes).map(|id| PipeId::new(id).unwrap()).collect();
            for pipe in &ids {
                let _ = machine.pipe_attached(*pipe, PipeAttrs::default(), &mut out);
            }
            let attach = start.elapsed() / pipes;
            const ROUNDS: u32 = 200_000;
            let start = Instant::now();
            for round in 0..ROUNDS {
                let pipe = ids[round as usize % ids.len()];
                if matches!(name, "push" | "req") {
                    machine.try_send(ContextId::SOCKET, &mut Message::from("x"), Attempt::First, &mut out).unwrap();
                } else {
                    let mut msg = Message::from(&b"\x80\0\0\x01x"[..]);
                    msg.set_pipe(Some(pipe));
                    let _ = machine.pipe_received(pipe, &mut msg, &mut out);
                    let _ = machine.try_recv(ContextId::SOCKET, Attempt::First, &mut Message::new(), &mut out);
                    if name == "rep" {
                        machine.try_send(ContextId::SOCKET, &mut Message::from("x"), Attempt::First, &mut out).unwrap();
                    }
                }
            }
            let message = start.elapsed() / ROUNDS;
            let start = Instant::now();
            for pipe in ids.iter().rev() {
                machine.pipe_detached(*pipe, Vec::new(), &mut out);
            }
            println!("{name} {pipes}: {message:?} a message, attach {attach:?}, detach {:?}", start.elapsed() / pipes);
        }
    }
}
