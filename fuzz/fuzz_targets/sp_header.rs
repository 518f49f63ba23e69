//! Whatever a peer sends to a socket of any protocol: no panic, bounded queues, and nothing left after the close.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spanwire_protocols::PROTOCOLS;
use spanwire_protocols::sim::Sim;

#[derive(Arbitrary, Debug)]
struct Input {
    seed: u64,
    protocol: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// The peer sends these bytes.
    Peer(Vec<u8>),
    /// The peer sends these words, the last one with its top bit set, and a body.
    Stack(Vec<u32>, u8),
    Send(Vec<u8>),
    Recv,
    Wait(u16),
    Reconnect,
}

fuzz_target!(|input: Input| {
    let entry = &PROTOCOLS[usize::from(input.protocol) % PROTOCOLS.len()];
    let name =
        |entry: &spanwire_protocols::Entry| format!("{}{}", entry.name, if entry.info.raw { "-raw" } else { "" });
    let Some(other) = PROTOCOLS.iter().find(|other| other.info.number == entry.info.peer) else { return };
    let mut sim = Sim::new(input.seed);
    let (socket, peer) = (sim.socket(&name(entry)), sim.socket(&name(other)));
    let Ok(mut link) = sim.connect(socket, peer) else { return };
    for step in input.steps {
        match step {
            Step::Peer(bytes) if sim.is_up(link) => sim.inject(link, socket, &bytes),
            Step::Stack(words, body) if sim.is_up(link) => {
                let mut bytes: Vec<u8> = words.iter().flat_map(|word| (word & 0x7fff_ffff).to_be_bytes()).collect();
                bytes.extend([0x80, 0, 0, body, body]);
                sim.inject(link, socket, &bytes);
            }
            Step::Peer(_) | Step::Stack(..) => {}
            Step::Send(body) => drop(sim.send(socket, body)),
            Step::Recv => drop(sim.recv(socket)),
            Step::Wait(ms) => sim.advance(Duration::from_millis(ms.into())),
            Step::Reconnect => {
                if sim.is_up(link) {
                    sim.disconnect(link);
                }
                match sim.connect(socket, peer) {
                    Ok(new) => link = new,
                    Err(_) => return,
                }
            }
        }
        assert!(sim.machine(socket).held() < 10_000);
    }
    sim.close(socket);
    sim.close(peer);
    assert_eq!((sim.machine(socket).held(), sim.machine(peer).held()), (0, 0));
});
