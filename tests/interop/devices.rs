//! Devices: theirs between our sockets, and chains of ours and theirs.

use futures_lite::future::block_on;
use spanwire_core::driver::device;

use crate::beyond::each;
use crate::ours::{Ours, S};
use crate::peer::{Address, Fallible, Library, Puppet, Role};

/// Our sockets on both sides of their device.
#[test]
fn their_device_forwards_between_ours() {
    each(|library| {
        for (a, b) in [("req", "rep"), ("push", "pull"), ("surveyor", "respondent"), ("pair1", "pair1"), ("pub", "sub")]
        {
            if library == Library::Nanomsg && a == "pair1" {
                continue;
            }
            let (front, back) = (Address::new("ipc"), Address::new("tcp"));
            let mut peer = Puppet::open(library, &format!("{b}/raw"))?;
            peer.ok(&format!("open 1 {a}/raw"))?;
            if a == "pub" && library == Library::Nanomsg {
                peer.ok("sub 0 -")?;
            }
            peer.ok(&format!("listen 0 {}", front.0))?;
            peer.ok(&format!("listen 1 {}", back.0))?;
            peer.ok("device 0 1")?;
            let (a, b) = (Ours::open(a)?, Ours::open(b)?);
            b.start(Role::Dial, &back)?;
            b.connected()?;
            a.start(Role::Dial, &front)?;
            a.connected()?;
            through(&a, &b).map_err(|e| format!("{:?}: {e}", a.socket))?;
        }
        Ok(())
    });
}

/// Their device chained behind ours.
#[test]
fn our_device_forwards_to_their_device() {
    each(|library| {
        for (a, b) in [("req", "rep"), ("surveyor", "respondent"), ("push", "pull"), ("bus", "bus"), ("pair", "pair")] {
            let (front, middle, back) = (Address::new("ipc"), Address::new("ipc"), Address::new("ipc"));
            let (near, far) = (Ours::open(&format!("{b}/raw"))?, Ours::open(&format!("{a}/raw"))?);
            near.start(Role::Listen, &front)?;
            let mut peer = Puppet::open(library, &format!("{b}/raw"))?;
            peer.ok(&format!("open 1 {a}/raw"))?;
            peer.ok(&format!("listen 0 {}", middle.0))?;
            peer.ok(&format!("listen 1 {}", back.0))?;
            peer.ok("device 0 1")?;
            far.start(Role::Dial, &middle)?;
            far.connected()?;
            let (a, b) = (Ours::open(a)?, Ours::open(b)?);
            let sockets = (near.socket.clone(), far.socket.clone());
            let forwarding = std::thread::spawn(move || block_on(device(&sockets.0, Some(&sockets.1))));
            a.start(Role::Dial, &front)?;
            a.connected()?;
            b.start(Role::Dial, &back)?;
            b.connected()?;
            through(&a, &b).map_err(|e| format!("{:?}: {e}", a.socket))?;
            block_on(near.socket.close()).map_err(|e| e.to_string())?;
            let ended = forwarding.join().map_err(|_| "the device panicked")?;
            ended.expect_err("a device ends when a socket is closed");
        }
        Ok(())
    });
}

/// There and, where the protocol has that, back; also what is large.
fn through(a: &Ours, b: &Ours) -> Fallible<()> {
    // Until the device's side of a connection is up, what fans out to it is lost.
    let fans_out = matches!(a.socket.info().name, "pub" | "bus" | "surveyor");
    if fans_out {
        for tries in 0.. {
            a.send(5)?;
            if b.polled()?.is_some() {
                break;
            }
            if tries == 100 {
                return Err("nothing comes through".into());
            }
        }
    }
    for n in [100, 100_000] {
        a.send(n)?;
        while fans_out && b.recv_any(S)?.len() != n {}
        if !fans_out {
            b.recv(n)?;
        }
        if a.socket.info().receives && b.socket.info().sends {
            b.send(n + 1)?;
            a.recv(n + 1)?;
        }
    }
    Ok(())
}
