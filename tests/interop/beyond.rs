//! What the table does not show: raw sockets, contexts, polyamory, surveys of many, limits, and peers that vanish or do not fit.

use spanwire_core::Message;
use spanwire_core::driver::PipeChange;
use spanwire_core::option::names;

use crate::ours::{Ours, S};
use crate::peer::{Address, Fallible, LIBRARIES, Library, Puppet, Role, available, pattern};
use crate::table::wait_until_heard;

/// A socket of ours that listens, and a puppet's that dials it.
fn meet(library: Library, ours: &str, theirs: &str) -> Fallible<(Ours, Puppet)> {
    let (ours, address) = (Ours::open(ours)?, Address::new("ipc"));
    ours.start(Role::Listen, &address)?;
    let mut peer = Puppet::open(library, theirs)?;
    peer.ok(&format!("dial 0 {}", address.0))?;
    ours.connected()?;
    Ok((ours, peer))
}

pub fn each(test: impl Fn(Library) -> Fallible<()>) {
    if available() {
        for library in LIBRARIES {
            test(library).unwrap_or_else(|e| panic!("{library:?}: {e}"));
        }
    }
}

fn with_nng(test: impl Fn() -> Fallible<()>) {
    if available() {
        test().unwrap();
    }
}

#[test]
fn their_raw_replier_answers_our_cooked_asker() {
    each(|library| {
        for (ours, theirs) in [("req", "rep/raw"), ("surveyor", "respondent/raw")] {
            let (ours, mut peer) = meet(library, ours, theirs)?;
            ours.send(100)?;
            peer.ok("bounce 0")?;
            ours.recv(100)?;
        }
        Ok(())
    });
}

#[test]
fn our_raw_replier_answers_their_cooked_asker() {
    each(|library| {
        for (ours, theirs) in [("rep/raw", "req"), ("respondent/raw", "surveyor")] {
            let (ours, mut peer) = meet(library, ours, theirs)?;
            if theirs == "surveyor" {
                wait_until_heard(&mut peer, &ours)?;
            }
            peer.ok("send 0 100")?;
            let msg = ours.recv(100)?;
            let header = msg.header();
            if header.len() != 8 || header[0] & 0x80 != 0 || header[4] & 0x80 == 0 {
                return Err(format!("{header:02x?} is no pipe id and request id"));
            }
            ours.send_message(msg)?;
            peer.got("recv 0", 100)?;
        }
        Ok(())
    });
}

#[test]
fn our_raw_asker_asks_their_cooked_replier() {
    each(|library| {
        for (ours, theirs) in [("req/raw", "rep"), ("surveyor/raw", "respondent")] {
            let (ours, mut peer) = meet(library, ours, theirs)?;
            let mut question = Message::from(pattern(100));
            question.append_header_u32(0x8000_0007);
            ours.send_message(question)?;
            peer.got("recv 0", 100)?;
            peer.ok("send 0 200")?;
            let header = ours.recv(200)?.header().to_vec();
            if header != [0x80, 0, 0, 7] {
                return Err(format!("the reply has the header {header:02x?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn raw_bus_bounces_to_all_but_the_source() {
    each(|library| {
        let (address, hub) = (Address::new("ipc"), Ours::open("bus/raw")?);
        hub.start(Role::Listen, &address)?;
        let mut peers = Vec::new();
        for _ in 0..2 {
            let mut peer = Puppet::open(library, "bus")?;
            peer.ok(&format!("dial 0 {}", address.0))?;
            hub.connected()?;
            peers.push(peer);
        }
        wait_until_heard(&mut peers[0], &hub)?;
        peers[0].ok("send 0 100")?;
        hub.send_message(hub.recv(100)?)?;
        hub.send(200)?;
        peers[1].got("recv 0", 100)?;
        peers[1].got("recv 0", 200)?;
        // Had it come back, it would be first.
        peers[0].got("recv 0", 200)?;
        Ok(())
    });
}

#[test]
fn raw_pair1_counts_hops() {
    with_nng(|| {
        let (ours, mut peer) = meet(Library::Nng, "pair1/raw", "pair1")?;
        let mut msg = Message::from(pattern(100));
        msg.append_header_u32(1);
        ours.send_message(msg)?;
        peer.got("recv 0", 100)?;
        peer.ok("send 0 200")?;
        let header = ours.recv(200)?.header().to_vec();
        if header != [0, 0, 0, 1] && header != [0, 0, 0, 2] {
            return Err(format!("{header:02x?} is no hop count"));
        }
        let (ours, mut peer) = meet(Library::Nng, "pair1", "pair1/raw")?;
        peer.ok("hsend 0 00000001 300")?;
        ours.recv(300)?;
        // Above our TTL: dropped, and the connection stays.
        peer.ok("hsend 0 000000fe 301")?;
        peer.ok("hsend 0 00000001 302")?;
        ours.recv(302)?;
        Ok(())
    });
}

#[test]
fn contexts_answer_in_any_order() {
    with_nng(|| {
        // Four requests of theirs are open at once with us, and are answered backwards.
        let (rep, mut peer) = meet(Library::Nng, "rep", "req")?;
        let mut contexts = Vec::new();
        for c in 0..4 {
            peer.ok(&format!("ctx {c} 0"))?;
            peer.ok(&format!("csend {c} {}", 100 + c))?;
            let ctx = rep.socket.open_context().map_err(|e| e.to_string())?;
            rep.recv_on(ctx, 100 + c)?;
            contexts.push(ctx);
        }
        for (c, ctx) in contexts.into_iter().enumerate().rev() {
            rep.send_on(ctx, pattern(200 + c))?;
        }
        for c in 0..4 {
            peer.got(&format!("crecv {c}"), 200 + c)?;
        }
        // And the other way round.
        let (req, mut peer) = meet(Library::Nng, "req", "rep")?;
        let mut contexts = Vec::new();
        for c in 0..4 {
            let ctx = req.socket.open_context().map_err(|e| e.to_string())?;
            req.send_on(ctx, pattern(100 + c))?;
            peer.ok(&format!("ctx {c} 0"))?;
            peer.got(&format!("crecv {c}"), 100 + c)?;
            contexts.push(ctx);
        }
        for c in (0..4).rev() {
            peer.ok(&format!("csend {c} {}", 200 + c))?;
        }
        for (c, ctx) in contexts.into_iter().enumerate() {
            req.recv_on(ctx, 200 + c)?;
        }
        Ok(())
    });
}

#[test]
fn polyamorous_pair1_chooses_its_peer() {
    with_nng(|| {
        // Ours is polyamorous, two of theirs are not.
        let (ours, address) = (Ours::open("pair1-poly")?, Address::new("tcp"));
        ours.start(Role::Listen, &address)?;
        let mut peers = Vec::new();
        for n in 0..2 {
            let mut peer = Puppet::open(Library::Nng, "pair1")?;
            peer.ok(&format!("dial 0 {}", address.0))?;
            peer.ok(&format!("send 0 {}", 100 + n))?;
            let pipe = ours.recv(100 + n)?.pipe().ok_or("no pipe")?;
            peers.push((peer, pipe));
        }
        for (n, (peer, pipe)) in peers.iter_mut().enumerate().rev() {
            let mut msg = Message::from(pattern(200 + n));
            msg.set_pipe(Some(*pipe));
            ours.send_message(msg)?;
            peer.got("recv 0", 200 + n)?;
        }
        // Theirs is, two of ours are not.
        let address = Address::new("tcp");
        let mut peer = Puppet::open(Library::Nng, "pair1-poly")?;
        peer.ok(&format!("listen 0 {}", address.0))?;
        let ours = [Ours::open("pair1")?, Ours::open("pair1")?];
        for (n, ours) in ours.iter().enumerate() {
            ours.start(Role::Dial, &address)?;
            ours.send(100 + n)?;
            let pipe = peer.got("recv 0", 100 + n)?.swap_remove(2);
            peer.ok(&format!("psend 0 {pipe} {}", 200 + n))?;
            ours.recv(200 + n)?;
        }
        Ok(())
    });
}

#[test]
fn one_survey_asks_all() {
    if !available() {
        return;
    }
    let ours = || -> Fallible<()> {
        let (surveyor, address) = (Ours::open("surveyor")?, Address::new("ipc"));
        surveyor.start(Role::Listen, &address)?;
        let mut peers = Vec::new();
        for library in LIBRARIES.into_iter().chain(LIBRARIES) {
            let mut peer = Puppet::open(library, "respondent")?;
            peer.ok(&format!("dial 0 {}", address.0))?;
            surveyor.connected()?;
            peers.push(peer);
        }
        let local = Ours::open("respondent")?;
        local.start(Role::Dial, &address)?;
        surveyor.connected()?;
        surveyor.send(77)?;
        let mut expected = Vec::new();
        for (n, peer) in peers.iter_mut().enumerate() {
            peer.got("recv 0", 77)?;
            peer.ok(&format!("send 0 {}", 100 + n))?;
            expected.push(100 + n);
        }
        local.recv(77)?;
        local.send(200)?;
        expected.push(200);
        answers(&surveyor, expected)
    };
    ours().unwrap_or_else(|e| panic!("our survey: {e}"));
    each(|library| {
        let address = Address::new("tcp");
        let mut surveyor = Puppet::open(library, "surveyor")?;
        surveyor.ok(&format!("listen 0 {}", address.0))?;
        let ours = [Ours::open("respondent")?, Ours::open("respondent")?];
        for ours in &ours {
            ours.start(Role::Dial, &address)?;
            ours.connected()?;
            wait_until_heard(&mut surveyor, ours)?;
        }
        surveyor.ok("send 0 99")?;
        for (n, ours) in ours.iter().enumerate() {
            // The probes of the other may be first.
            while ours.recv_any(S)?.len() != 99 {}
            ours.send(100 + n)?;
        }
        let mut got = [surveyor.ask("recv 0")?, surveyor.ask("recv 0")?].map(|text| text.trim_end().to_owned());
        got.sort();
        match got[0].starts_with("got 100") && got[1].starts_with("got 101") {
            true => Ok(()),
            false => Err(format!("the answers are {got:?}")),
        }
    });
}

fn answers(surveyor: &Ours, mut expected: Vec<usize>) -> Fallible<()> {
    while !expected.is_empty() {
        let msg = surveyor.recv_any(S)?;
        let at = expected.iter().position(|n| *n == msg.len() && msg.body() == pattern(*n));
        expected.swap_remove(at.ok_or_else(|| format!("{} bytes are none of {expected:?}", msg.len()))?);
    }
    Ok(())
}

#[test]
fn abstract_sockets_of_nng() {
    with_nng(|| {
        for role in [Role::Listen, Role::Dial] {
            let (ours, address) = (Ours::open("pair")?, Address::new("abstract"));
            let mut peer = Puppet::open(Library::Nng, "pair")?;
            match role {
                Role::Listen => {
                    ours.start(role, &address)?;
                    peer.ok(&format!("dial 0 {}", address.0))?;
                }
                Role::Dial => {
                    peer.ok(&format!("listen 0 {}", address.0))?;
                    ours.start(role, &address)?;
                }
            }
            ours.send(100)?;
            peer.got("recv 0", 100)?;
            peer.ok("send 0 200")?;
            ours.recv(200)?;
        }
        Ok(())
    });
}

/// A peer of a protocol that does not fit is refused; the socket goes on.
#[test]
fn a_wrong_peer_is_refused() {
    each(|library| {
        let (ours, address) = (Ours::open("rep")?, Address::new("tcp"));
        ours.start(Role::Listen, &address)?;
        let mut wrong = Puppet::open(library, "push")?;
        wrong.ok(&format!("dial 0 {}", address.0))?;
        wait_for(|| has_refused(&ours))?;
        let mut right = Puppet::open(library, "req")?;
        right.ok(&format!("dial 0 {}", address.0))?;
        ours.connected()?;
        right.ok("send 0 100")?;
        ours.recv(100)?;
        Ok(())
    });
}

/// Whether the statistics of a listener tell of a peer with the wrong protocol.
fn has_refused(ours: &Ours) -> bool {
    let stats = ours.socket.stats();
    let listeners = stats.children.iter().filter(|stat| stat.name == "listener");
    listeners.into_iter().any(|listener| listener.number(&["proto"]).is_some_and(|n| n > 0))
}

fn wait_for(mut what: impl FnMut() -> bool) -> Fallible<()> {
    let begin = std::time::Instant::now();
    while !what() {
        if begin.elapsed() > crate::peer::PATIENCE {
            return Err("it did not happen".into());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// What is larger than our limit closes the connection, and their reconnect works.
#[test]
fn too_large_for_us() {
    each(|library| {
        let (ours, address) = (Ours::open("pull")?, Address::new("tcp"));
        ours.set(names::RECV_SIZE_MAX, 1000_usize)?;
        ours.start(Role::Listen, &address)?;
        let mut peer = Puppet::open(library, "push")?;
        peer.ok(&format!("dial 0 {}", address.0))?;
        ours.connected()?;
        peer.ok("send 0 1000")?;
        ours.recv(1000)?;
        peer.ok("send 0 1001")?;
        ours.event(PipeChange::Removed)?;
        ours.connected()?;
        // Their socket may still hand some to the pipe that has ended, whose loss it learns of later than we do.
        for _ in 0..8 {
            peer.ok("send 0 999")?;
        }
        ours.recv(999)?;
        Ok(())
    });
}

/// What is larger than their limit closes the connection, and our reconnect works.
#[test]
fn too_large_for_them() {
    with_nng(|| {
        let (ours, address) = (Ours::open("push")?, Address::new("tcp"));
        let mut peer = Puppet::open(Library::Nng, "pull")?;
        peer.ok("size 0 recv-size-max 1000")?;
        peer.ok(&format!("listen 0 {}", address.0))?;
        ours.start(Role::Dial, &address)?;
        ours.connected()?;
        ours.send(1000)?;
        peer.got("recv 0", 1000)?;
        ours.send(1001)?;
        ours.event(PipeChange::Removed)?;
        ours.connected()?;
        ours.send(999)?;
        peer.got("recv 0", 999)?;
        Ok(())
    });
}

/// The peer that had our request dies: another one gets it.
#[test]
fn a_request_outlives_its_peer() {
    each(|library| {
        let (ours, address) = (Ours::open("req")?, Address::new("ipc"));
        ours.start(Role::Listen, &address)?;
        let mut first = Puppet::open(library, "rep")?;
        first.ok(&format!("dial 0 {}", address.0))?;
        ours.connected()?;
        ours.send(100)?;
        first.got("recv 0", 100)?;
        let mut second = Puppet::open(library, "rep")?;
        second.ok(&format!("dial 0 {}", address.0))?;
        ours.connected()?;
        first.kill();
        second.got("recv 0", 100)?;
        second.ok("send 0 200")?;
        ours.recv(200)?;
        Ok(())
    });
}

/// Our reply's peer dies: the next request is served.
#[test]
fn a_reply_to_a_dead_peer_vanishes() {
    each(|library| {
        let (ours, mut peer) = meet(library, "rep", "req")?;
        peer.ok("send 0 100")?;
        ours.recv(100)?;
        peer.kill();
        ours.event(PipeChange::Removed)?;
        ours.send(200)
    });
}

#[test]
fn push_shares_work_among_both_libraries() {
    if !available() {
        return;
    }
    let test = || -> Fallible<()> {
        let (ours, address) = (Ours::open("push")?, Address::new("tcp"));
        ours.start(Role::Listen, &address)?;
        let mut peers = Vec::new();
        for library in LIBRARIES {
            let mut peer = Puppet::open(library, "pull")?;
            peer.ok(&format!("dial 0 {}", address.0))?;
            ours.connected()?;
            peers.push(peer);
        }
        for _ in 0..10 {
            ours.send(100)?;
        }
        // Round robin: five each.
        for peer in &mut peers {
            for _ in 0..5 {
                peer.got("recv 0", 100)?;
            }
        }
        Ok(())
    };
    test().unwrap();
}

#[test]
fn topics_are_filtered_by_the_subscriber() {
    each(|library| {
        let (ours, mut peer) = meet(library, "pub", "sub")?;
        peer.ok("unsub 0 -")?;
        peer.ok("sub 0 /b")?;
        for text in ["/a1", "/b1", "/", "/b"] {
            ours.send_message(text)?;
        }
        for wanted in ["text /b1", "text /b"] {
            let got = peer.ask("recv 0")?;
            if got != wanted {
                return Err(format!("{got:?} and not {wanted:?}"));
            }
        }
        let (ours, mut peer) = meet(library, "sub", "pub")?;
        wait_until_heard(&mut peer, &ours)?;
        ours.set(names::SUB_SUBSCRIBE, b"/b".to_vec())?;
        ours.set(names::SUB_UNSUBSCRIBE, Vec::new())?;
        for text in ["/a1", "/b1", "/", "/b"] {
            peer.ok(&format!("text 0 {text}"))?;
            if text.starts_with("/b") {
                let got = ours.recv_any(S)?;
                if got.body() != text.as_bytes() {
                    return Err(format!("{:?} and not {text:?}", got.to_str()));
                }
            }
        }
        Ok(())
    });
}
