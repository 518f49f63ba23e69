//! The rules of bus.

mod common;

use common::*;
use spanwire_core::Error;
use spanwire_protocols::sim::Sim;

#[test]
fn a_message_reaches_every_direct_peer_and_nobody_else() {
    let mut sim = Sim::new(1);
    let nodes: Vec<_> = (0..4).map(|_| sim.socket("bus")).collect();
    sim.connect(nodes[0], nodes[1]).unwrap();
    sim.connect(nodes[2], nodes[0]).unwrap();
    sim.connect(nodes[2], nodes[3]).unwrap();
    sim.send(nodes[0], "x").unwrap();
    assert_eq!(drain(&mut sim, nodes[1]), ["x"]);
    assert_eq!(drain(&mut sim, nodes[2]), ["x"]);
    assert_eq!(sim.recv(nodes[0]), Err(Error::TryAgain), "never to oneself");
    assert_eq!(sim.recv(nodes[3]), Err(Error::TryAgain), "never forwarded");
}

#[test]
fn send_never_blocks_and_a_full_pipe_drops_the_newest() {
    let mut sim = Sim::new(1);
    let (a, b) = (sim.socket("bus"), sim.socket("bus"));
    sim.set(b, SOCKET, names::RECV_BUFFER, 100).unwrap();
    sim.send(a, "nobody is there").unwrap();
    let link = sim.connect_with(a, b, deep(1)).unwrap();
    sim.stall(link, a);
    for n in 0..20 {
        sim.send(a, format!("{n}")).unwrap();
    }
    assert_eq!(sim.drops(a, DropCause::SendQueueFull), 3);
    sim.unstall(link, a);
    assert_eq!(drain(&mut sim, b), (0..17).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_full_receive_queue_drops_the_arriving_message() {
    let (mut sim, a, b, _) = pair_of("bus", "bus");
    for n in 0..20 {
        sim.send(a, format!("{n}")).unwrap();
    }
    assert_eq!(sim.drops(b, DropCause::RecvQueueFull), 4);
    assert_eq!(drain(&mut sim, b), (0..16).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn raw_bus_tells_the_source_and_does_not_send_back_there() {
    let mut sim = Sim::new(1);
    let (hub, a, b) = (sim.socket("bus-raw"), sim.socket("bus"), sim.socket("bus"));
    let link = sim.connect(hub, a).unwrap();
    sim.connect(hub, b).unwrap();
    sim.send(a, "x").unwrap();
    let msg = sim.recv(hub).unwrap();
    assert_eq!(msg.header(), sim.pipe(link, hub).get().to_be_bytes());
    sim.send(hub, msg).unwrap();
    assert_eq!(drain(&mut sim, b), ["x"], "and the header stays at home");
    assert_eq!(sim.recv(a), Err(Error::TryAgain));
    sim.send(hub, "to all").unwrap();
    assert_eq!((drain(&mut sim, a).len(), drain(&mut sim, b).len()), (1, 1));
}
