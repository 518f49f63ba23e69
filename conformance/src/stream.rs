//! Cases for transports with a byte stream, on which a scripted peer can connect to our listener.

use std::time::Duration;

use spanwire_core::driver::{Listener, Socket};
use spanwire_core::option::names;
use spanwire_core::{Error, OptionValue};

use crate::common::{S, open, recv, wait_for};
use crate::kit::{Kit, counted};
use crate::peer::{Framing, Peer, hello};

const LONG: Duration = Duration::from_secs(10);
const PUSH: u16 = 0x50;

/// A pull socket that listens, and a peer that always behaves.
struct Stage<'a> {
    kit: &'a Kit,
    pull: Socket,
    listener: Listener,
    friend: Peer,
}

impl<'a> Stage<'a> {
    fn new(kit: &'a Kit) -> Self {
        Self::with_limit(kit, None)
    }

    fn with_limit(kit: &'a Kit, limit: Option<usize>) -> Self {
        let pull = open("pull");
        if let Some(limit) = limit {
            pull.set_option(S, names::RECV_SIZE_MAX, OptionValue::Size(limit)).unwrap();
        }
        let listener = kit.listen(&pull);
        let friend = kit.member(&pull, &listener, PUSH);
        Self { kit, pull, listener, friend }
    }

    fn peer(&self) -> Peer {
        self.kit.peer(&self.listener)
    }

    fn member(&self) -> Peer {
        self.kit.member(&self.pull, &self.listener, PUSH)
    }

    fn counted(&self, name: &str) -> u64 {
        counted(&self.pull, &["listener", name])
    }

    /// The others are served; what is wrong with one peer never shows in a receive.
    fn goes_on(&mut self, text: &str) {
        self.friend.send(text.as_bytes());
        assert_eq!(recv(&self.pull, LONG).unwrap().body(), text.as_bytes());
        let mut newcomer = self.member();
        newcomer.send(b"new");
        assert_eq!(recv(&self.pull, LONG).unwrap().body(), b"new");
        newcomer.finish();
        wait_for(|| self.pull.pipes().len() == 1);
    }
}

/// Each of the bytes that must match, changed; and a peer that closes in the middle.
pub fn bad_handshakes(kit: &Kit) {
    let mut stage = Stage::new(kit);
    for (n, wrong) in [0, 1, 2, 3, 6, 7].into_iter().enumerate() {
        let mut bytes = hello(PUSH);
        bytes[wrong] ^= 0x20;
        let mut peer = stage.peer();
        peer.try_write(&bytes);
        peer.ended();
        wait_for(|| stage.counted("proto") == n as u64 + 1);
    }
    let before = stage.counted("other");
    for cut in [0, 1, 7] {
        let mut peer = stage.peer();
        peer.write(&hello(PUSH)[..cut]);
        peer.finish();
        peer.ended();
    }
    wait_for(|| stage.counted("other") == before + 3);
    stage.goes_on("after bad handshakes");
    assert_eq!(stage.counted("proto"), 6);
}

/// We say who we are, and only then find that this is not our peer.
pub fn wrong_protocols(kit: &Kit) {
    let mut stage = Stage::new(kit);
    for (n, number) in [0, 0x51, 0x10, 0x30, 0x0150, 0xffff].into_iter().enumerate() {
        let mut peer = stage.peer();
        peer.try_write(&hello(number));
        assert_eq!(peer.read(8), hello(0x51));
        peer.ended();
        wait_for(|| stage.counted("proto") == n as u64 + 1);
    }
    assert_eq!(stage.pull.pipes().len(), 1);
    stage.goes_on("after strangers");
}

/// After the handshake: another type byte where there is one; anything else is a length.
pub fn garbage(kit: &Kit) {
    let mut stage = Stage::new(kit);
    let mut bad = 0;
    for kind in [0, 2, b'G', 0xff] {
        let mut peer = stage.member();
        peer.try_write(&[kind]);
        peer.try_write(b"ET / HTTP/1.1\r\n\r\n");
        peer.ended();
        if peer.framing == Framing::Typed {
            bad += 1;
        }
        wait_for(|| stage.counted("proto") == bad);
        wait_for(|| stage.pull.pipes().len() == 1);
    }
    let large = if stage.friend.framing == Framing::Typed { 0 } else { 4 };
    assert_eq!(stage.counted("too_large"), large);
    stage.goes_on("after garbage");
}

/// A message of exactly the limit is received; a longer one ends the connection as soon as its length is known.
pub fn the_limit(kit: &Kit) {
    let mut stage = Stage::with_limit(kit, Some(1000));
    stage.friend.send(&[5; 1000]);
    assert_eq!(recv(&stage.pull, LONG).unwrap().body(), [5; 1000]);
    let mut peer = stage.member();
    peer.send(b"first");
    let prefix = peer.prefix(1001);
    peer.write(&prefix);
    peer.ended();
    assert_eq!(recv(&stage.pull, LONG).unwrap().body(), b"first");
    wait_for(|| stage.counted("too_large") == 1);
    stage.goes_on("within the limit");
    assert_eq!(stage.counted("too_large"), 1);
}

/// Lengths that no message has, with and without a limit.
pub fn absurd_lengths(kit: &Kit) {
    let mut stage = Stage::new(kit);
    let lengths = [64 * 1024 * 1024 + 1, 1 << 40, 1 << 63, u64::MAX - 8, u64::MAX];
    for (n, len) in lengths.into_iter().enumerate() {
        let mut peer = stage.member();
        let prefix = peer.prefix(len);
        peer.write(&prefix);
        peer.ended();
        wait_for(|| stage.counted("too_large") == n as u64 + 1);
    }
    stage.goes_on("after absurd lengths");

    // Without a limit the length is believed, and costs nothing before the bytes come.
    let mut unlimited = Stage::with_limit(kit, Some(0));
    for len in lengths {
        let mut peer = unlimited.member();
        let prefix = peer.prefix(len);
        peer.write(&prefix);
        peer.try_write(&[0; 100]);
        unlimited.friend.send(b"meanwhile");
        assert_eq!(recv(&unlimited.pull, LONG).unwrap().body(), b"meanwhile");
        peer.finish();
        peer.ended();
        wait_for(|| unlimited.pull.pipes().len() == 1);
    }
    unlimited.goes_on("after promises");
}

/// A peer that sends one byte at a time holds up nobody, and its message arrives.
pub fn byte_by_byte(kit: &Kit) {
    let mut stage = Stage::new(kit);
    let mut slow = stage.peer();
    let mut script = hello(PUSH).to_vec();
    for message in [&b"slow"[..], b"", b"and steady"] {
        script.extend(slow.prefix(message.len() as u64));
        script.extend(message);
    }
    for (n, byte) in script.iter().enumerate() {
        slow.write(&[*byte]);
        let text = n.to_string();
        stage.friend.send(text.as_bytes());
        loop {
            let msg = recv(&stage.pull, LONG).unwrap();
            if msg.body() == text.as_bytes() {
                break;
            }
            assert!([&b"slow"[..], b"", b"and steady"].contains(&msg.body()), "{msg:?}");
        }
    }
    // Of the slow peer's messages, those came above that were complete; the last one may come now.
    wait_for(|| counted(&stage.pull, &["rx_msgs"]) == script.len() as u64 + 3);
}

/// Peers that connect and say nothing.
pub fn silence(kit: &Kit) {
    let mut stage = Stage::new(kit);
    let mut silent: Vec<_> = (0..20).map(|_| stage.peer()).collect();
    stage.goes_on("beside silent peers");
    // They are not forgotten either.
    let mut last = silent.pop().unwrap();
    last.shake_hands(PUSH);
    last.send(b"at last");
    assert_eq!(recv(&stage.pull, LONG).unwrap().body(), b"at last");
    // Nobody has to wait for them.
    stage.listener.close().unwrap();
    silent.into_iter().for_each(|mut peer| {
        peer.try_write(&hello(PUSH));
        peer.ended();
    });
}

/// A connection that ends in the middle of a prefix or a message delivers what was complete, and nothing else.
pub fn abrupt_ends(kit: &Kit) {
    let mut stage = Stage::new(kit);
    for (announced, sent) in [(100, 50), (100, 0), (100_000, 99_999), (10_000_000, 300_000)] {
        let mut peer = stage.member();
        peer.send(b"whole");
        let prefix = peer.prefix(announced);
        peer.write(&prefix);
        peer.write(&vec![1; sent]);
        drop(peer);
        assert_eq!(recv(&stage.pull, LONG).unwrap().body(), b"whole");
        wait_for(|| stage.pull.pipes().len() == 1);
    }
    for cut in [1, 7] {
        let mut peer = stage.member();
        let prefix = peer.prefix(5);
        peer.write(&prefix[..cut]);
        drop(peer);
        wait_for(|| stage.pull.pipes().len() == 1);
    }
    assert_eq!(recv(&stage.pull, Duration::ZERO), Err(Error::TimedOut));
    stage.goes_on("after abrupt ends");
}

/// A peer that ends its sending is gone, and what it sent before is received, even if nobody received at that time.
pub fn half_closed(kit: &Kit) {
    let mut stage = Stage::new(kit);
    let mut peer = stage.member();
    for n in 0..200_u8 {
        peer.send(&[n; 100]);
    }
    peer.finish();
    for n in 0..200_u8 {
        assert_eq!(recv(&stage.pull, LONG).unwrap().body(), [n; 100]);
    }
    peer.ended();
    wait_for(|| stage.pull.pipes().len() == 1);
    stage.goes_on("after a half close");
}

/// Many connections at once, half of which are nonsense.
pub fn a_flood_of_connections(kit: &Kit) {
    let mut stage = Stage::new(kit);
    for round in 1..=4 {
        let mut peers: Vec<_> = (0..50).map(|_| stage.peer()).collect();
        for (n, peer) in peers.iter_mut().enumerate() {
            peer.try_write(&hello(if n % 2 == 0 { PUSH } else { 1 }));
        }
        wait_for(|| stage.pull.pipes().len() == 26);
        for peer in peers.iter_mut().step_by(2) {
            peer.send(b"x");
        }
        for _ in 0..25 {
            assert_eq!(recv(&stage.pull, LONG).unwrap().body(), b"x");
        }
        // One that leaves before its handshake was seen would not be counted as what it is.
        wait_for(|| stage.counted("proto") == round * 25);
        drop(peers);
        wait_for(|| stage.pull.pipes().len() == 1);
    }
    stage.goes_on("after a flood");
}
