//! The hand-over of the real driver in the hands of the model checker loom. `cargo xtask loom` runs it.
//!
//! Each scenario is run in every order of its threads' steps that needs at most as many preemptions as it says: 3, or 2 where there are
//! so many with 3 that they take a minute. A caller who is forgotten, or a message that is lost, is a deadlock, which loom reports.

#![cfg(spanwire_loom)]

use std::sync::Arc;
use std::time::Duration;

use spanwire_core::driver::model::{IoThread, Peer, block_on, check, connect, poll_once, run_time, spawn};
use spanwire_core::driver::{Limit, Operation, Recv, Send, Socket};
use spanwire_core::option::names;
use spanwire_core::{ContextId, Message, Protocol, Result};
use spanwire_protocols::{Pair0, Pull, Push};
use spanwire_transports::codec::Length;

/// Two threads wait, two messages come: each gets one.
#[test]
fn receivers_share() {
    check(3, || {
        let (socket, peer) = pull();
        let other = spawn(recv(&socket));
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
        });
        assert_eq!(sorted([recv(&socket)(), other.join().unwrap()]), ["a", "b"]);
        sender.join().unwrap();
    });
}

/// The same, and the I/O thread may read as well.
#[test]
fn receivers_share_beside_the_io_thread() {
    check(2, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let other = spawn(recv(&socket));
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
        });
        assert_eq!(sorted([recv(&socket)(), other.join().unwrap()]), ["a", "b"]);
        sender.join().unwrap();
        io.stop();
    });
}

/// The time of one receiver ends, wherever it is: the message is for the other one.
#[test]
fn timeout_beside_a_thread() {
    check(3, || {
        let (socket, peer) = pull();
        let patient = spawn(recv(&socket));
        let world = spawn(move || {
            peer.send("a");
            run_time();
            peer
        });
        let hasty = recv_within(&socket)();
        let peer = world.join().unwrap();
        if hasty != "TimedOut" {
            peer.send("b");
        }
        let expected = if hasty == "TimedOut" { ["TimedOut", "a"] } else { ["a", "b"] };
        assert_eq!(sorted([hasty, patient.join().unwrap()]), expected);
    });
}

/// A leader has seen that two pipes are readable. The first holds half a message, and then its time is over. A task waits for the message of
/// the second, of which no edge tells any more.
#[test]
fn timeout_after_the_edge() {
    check(2, || {
        let (socket, half) = pull();
        let peer = Peer::connect(&socket, Length, ROOM);
        let io = IoThread::start();
        let hasty = spawn(recv_within(&socket));
        let task = spawn(recv_async(&socket));
        half.write(&[0; 4]);
        peer.send("a");
        run_time();
        let hasty = hasty.join().unwrap();
        if hasty != "TimedOut" {
            peer.send("b");
        }
        let expected = if hasty == "TimedOut" { ["TimedOut", "a"] } else { ["a", "b"] };
        assert_eq!(sorted([hasty, task.join().unwrap()]), expected);
        io.stop();
    });
}

/// A leader leaves with its message and promotes a thread whose time ends meanwhile: the one behind it leads.
#[test]
fn timeout_of_the_promoted() {
    check(2, || {
        let (socket, peer) = pull();
        let hasty = spawn(recv_within(&socket));
        let patient = [spawn(recv(&socket)), spawn(recv(&socket))];
        peer.send("a");
        run_time();
        peer.send("b");
        let hasty = hasty.join().unwrap();
        if hasty != "TimedOut" {
            peer.send("c");
        }
        let expected = if hasty == "TimedOut" { ["TimedOut", "a", "b"] } else { ["a", "b", "c"] };
        let [one, two] = patient.map(|p| p.join().unwrap());
        assert_eq!(sorted([hasty, one, two]), expected);
    });
}

/// A future that came first is dropped, with or without a reservation: the thread behind it gets the message.
#[test]
fn dropped_future_beside_a_thread() {
    check(3, || {
        let (socket, peer) = pull();
        let mut future = Recv::new(socket.clone(), ContextId::SOCKET);
        assert!(poll_once(&mut future).is_pending());
        let other = spawn(recv(&socket));
        let sender = spawn(move || peer.send("a"));
        drop(future);
        assert_eq!(other.join().unwrap(), "a");
        sender.join().unwrap();
    });
}

/// The same with a task behind it, for which the I/O thread reads.
#[test]
fn dropped_future_beside_a_task() {
    check(3, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let mut future = Recv::new(socket.clone(), ContextId::SOCKET);
        assert!(poll_once(&mut future).is_pending());
        let other = spawn(recv_async(&socket));
        let sender = spawn(move || peer.send("a"));
        drop(future);
        assert_eq!(other.join().unwrap(), "a");
        sender.join().unwrap();
        io.stop();
    });
}

/// A close meets a leader, a parked follower and a message that arrives.
#[test]
fn close_wakes_threads() {
    check(3, || {
        let (socket, peer) = pull();
        let waiting = [spawn(recv(&socket)), spawn(recv(&socket))];
        let sender = spawn(move || peer.try_send("a"));
        assert_eq!(socket.close().wait(Limit::Never), Ok(()));
        let got = sorted(waiting.map(|w| w.join().unwrap()));
        assert!(got == ["Closed", "Closed"] || got == ["Closed", "a"], "{got:?}");
        sender.join().unwrap();
    });
}

/// A close meets a task for which the I/O thread reads, and a message that arrives.
#[test]
fn close_wakes_a_task() {
    check(3, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let task = spawn(recv_async(&socket));
        let sender = spawn(move || peer.try_send("a"));
        assert_eq!(socket.close().wait(Limit::Never), Ok(()));
        let got = task.join().unwrap();
        assert!(got == "Closed" || got == "a", "{got:?}");
        sender.join().unwrap();
        io.stop();
    });
}

/// A close meets a sender that is blocked at the high-water mark, a leader, and a peer that makes room.
#[test]
fn close_wakes_a_blocked_sender() {
    check(2, || {
        let (socket, peer) = full_pair();
        socket.set_option(ContextId::SOCKET, names::LINGER, Duration::ZERO.into()).unwrap();
        let blocked = spawn(send(&socket, "a"));
        let leader = spawn(recv(&socket));
        let reader = spawn(move || peer.read().len());
        assert_eq!(socket.close().wait(Limit::Options), Ok(()));
        let sent = blocked.join().unwrap();
        assert!(sent == "Closed" || sent == "sent", "{sent:?}");
        assert_eq!(leader.join().unwrap(), "Closed");
        reader.join().unwrap();
    });
}

/// The I/O thread reads for a task, whether the message comes before the socket is armed or after.
#[test]
fn arming_sees_what_was_there() {
    check(3, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
        });
        assert_eq!([recv_async(&socket)(), recv_async(&socket)()], ["a", "b"]);
        sender.join().unwrap();
        io.stop();
    });
}

/// A thread and a task wait for two messages: the leader serves the task, or the I/O thread does.
#[test]
fn thread_and_task_share() {
    check(2, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let task = spawn(recv_async(&socket));
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
        });
        assert_eq!(sorted([recv(&socket)(), task.join().unwrap()]), ["a", "b"]);
        sender.join().unwrap();
        io.stop();
    });
}

/// Leaders have had the pipe to themselves, and the I/O thread may have forgotten it: it looks after it again for a task.
#[test]
fn task_after_leaders() {
    check(2, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
            peer.send("c");
        });
        assert_eq!([recv(&socket)(), recv(&socket)(), recv_async(&socket)()], ["a", "b", "c"]);
        sender.join().unwrap();
        io.stop();
    });
}

/// Messages come, and the end of their pipe behind them, while a leader sleeps with it; then another pipe.
#[test]
fn hang_up_under_the_leader() {
    check(3, || {
        let (socket, peer) = pull();
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
            peer.shutdown();
        });
        assert_eq!([recv(&socket)(), recv(&socket)()], ["a", "b"]);
        let last = spawn(recv(&socket));
        sender.join().unwrap();
        Peer::connect(&socket, Length, ROOM).send("c");
        assert_eq!(last.join().unwrap(), "c");
    });
}

/// The only pipe is closed by its own side while a leader sleeps with it; then another one comes.
#[test]
fn pipe_closed_under_the_leader() {
    check(3, || {
        let (socket, _peer) = pull();
        let receiver = spawn(recv(&socket));
        socket.pipes()[0].close();
        Peer::connect(&socket, Length, ROOM).send("a");
        assert_eq!(receiver.join().unwrap(), "a");
    });
}

/// Two tasks, each of which reads for itself before it waits: an edge may be seen while the other one reads that pipe.
#[test]
fn tasks_share() {
    check(3, || {
        let (socket, peer) = pull();
        let io = IoThread::start();
        let other = spawn(recv_async(&socket));
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
        });
        assert_eq!(sorted([recv_async(&socket)(), other.join().unwrap()]), ["a", "b"]);
        sender.join().unwrap();
        io.stop();
    });
}

/// A protocol that takes one message at a time: what was read with it is delivered when that one is taken, by whoever waits.
#[test]
fn paused_pipe_goes_on() {
    check(3, || {
        let (socket, peer) = pair(ROOM);
        let other = spawn(recv(&socket));
        let sender = spawn(move || {
            peer.send("a");
            peer.send("b");
            peer.send("c");
        });
        assert_eq!(sorted([recv(&socket)(), recv(&socket)(), other.join().unwrap()]), ["a", "b", "c"]);
        sender.join().unwrap();
    });
}

/// A peer makes room for a sender at the high-water mark; nobody but the I/O thread sees it.
#[test]
fn room_wakes_a_sender() {
    check(2, || {
        let (socket, peer) = full_pair();
        let io = IoThread::start();
        let blocked = spawn(send(&socket, "a"));
        let reader = spawn(move || drop(peer.read()));
        assert_eq!(blocked.join().unwrap(), "sent");
        reader.join().unwrap();
        socket.set_option(ContextId::SOCKET, names::LINGER, Duration::ZERO.into()).unwrap();
        io.stop();
    });
}

/// Two senders wait for the same room, one of them a task: the one that is woken passes the turn on. A leader, who sleeps on the pipes,
/// may be the one who sees the room.
#[test]
fn room_wakes_all_senders() {
    check(2, || {
        let (socket, peer) = full_pair();
        socket.set_option(ContextId::SOCKET, names::LINGER, Duration::ZERO.into()).unwrap();
        let leader = spawn(recv(&socket));
        let blocked = [spawn(send(&socket, "a")), spawn(send_async(&socket, "b"))];
        drop(peer.read());
        assert_eq!(blocked.map(|b| b.join().unwrap()), ["sent", "sent"]);
        peer.send("c");
        assert_eq!(leader.join().unwrap(), "c");
    });
}

/// A push within the process meets receivers that go to sleep.
#[test]
fn local_push_wakes_threads() {
    check(3, || {
        let (to, from) = (open(Push::new(0)), open(Pull::new(0)));
        connect(&to, &from);
        let other = spawn(recv(&from));
        let sender = spawn(move || [send(&to, "a")(), send(&to, "b")()]);
        assert_eq!(sorted([recv(&from)(), other.join().unwrap()]), ["a", "b"]);
        assert_eq!(sender.join().unwrap(), ["sent", "sent"]);
    });
}

/// The same with a task. The pusher reads for it, and the I/O thread looks again.
#[test]
fn local_push_wakes_a_task() {
    check(3, || {
        let (to, from) = (open(Push::new(0)), open(Pull::new(0)));
        connect(&to, &from);
        let io = IoThread::start();
        let sender = {
            let sends = [send(&to, "a"), send(&to, "b")];
            spawn(move || sends.map(|send| send()))
        };
        assert_eq!([recv_async(&from)(), recv_async(&from)()], ["a", "b"]);
        assert_eq!(sender.join().unwrap(), ["sent", "sent"]);
        io.stop();
    });
}

/// A queue within the process that holds one message: its sender and its receiver wait for each other in turn.
#[test]
fn local_sender_waits_for_room() {
    check(3, || {
        let (to, from) = (open(Pair0::new(0)), open(Pair0::new(0)));
        connect(&to, &from);
        let sender = spawn(move || {
            let sent = ["a", "b", "c", "d"].map(|text| send(&to, text)());
            (sent, to)
        });
        assert_eq!([(); 4].map(|()| recv(&from)()), ["a", "b", "c", "d"]);
        assert_eq!(sender.join().unwrap().0, ["sent"; 4]);
    });
}

/// A received message is put back while another receiver goes to sleep on the pipes.
#[test]
fn message_put_back_wakes_the_leader() {
    check(3, || {
        let (socket, peer) = pull();
        peer.send("a");
        let msg = Recv::new(&*socket, ContextId::SOCKET).wait(Limit::Never).unwrap();
        let other = spawn(recv(&socket));
        socket.unrecv(ContextId::SOCKET, msg).unwrap();
        assert_eq!(other.join().unwrap(), "a");
    });
}

/// Messages that were appended to a pipe in stream mode, by threads that do nothing else afterwards, are written once and in order: by the next sender
/// or by the I/O thread's tick.
#[test]
fn stragglers_are_written_once() {
    check(2, || {
        let (socket, peer) = pair(ROOM);
        for _ in 0..STREAK {
            assert_eq!(send(&socket, "x")(), "sent");
        }
        let io = IoThread::start();
        let two = {
            let sends = [send(&socket, "a"), send(&socket, "b")];
            spawn(move || sends.map(|send| send()))
        };
        let one = spawn(send(&socket, "c"));
        run_time();
        assert_eq!(two.join().unwrap(), ["sent", "sent"]);
        assert_eq!(one.join().unwrap(), "sent");
        // Lingers until all is written.
        assert_eq!(socket.close().wait(Limit::Never), Ok(()));
        let mut got = peer.messages();
        assert_eq!(got.drain(..STREAK).collect::<Vec<_>>(), ["x"; STREAK]);
        let c = got.iter().position(|text| text == "c").map(|place| got.remove(place));
        assert_eq!((c.is_some(), got), (true, vec!["a".to_owned(), "b".to_owned()]));
        io.stop();
    });
}

/// The first message that is left in stream mode, by a thread that ends: the I/O thread, which sleeps without a time, is told of the tick.
#[test]
fn straggler_wakes_the_io_thread() {
    check(3, || {
        let (socket, peer) = pair(ROOM);
        let io = IoThread::start();
        let sends = [(); STREAK].map(|()| send(&socket, "x"));
        let sender = spawn(move || sends.map(|send| send()));
        run_time();
        assert_eq!(sender.join().unwrap(), ["sent"; STREAK]);
        assert_eq!(socket.close().wait(Limit::Never), Ok(()));
        assert_eq!(peer.messages(), ["x"; STREAK]);
        io.stop();
    });
}

/// A thread that goes to sleep in a receive first writes what it has left.
#[test]
fn receive_flushes() {
    check(3, || {
        let (socket, peer) = pair(ROOM);
        let asks = spawn(move || {
            for _ in 0..STREAK {
                assert_eq!(send(&socket, "x")(), "sent");
            }
            recv(&socket)()
        });
        let mut got = Vec::new();
        while got.len() < STREAK {
            peer.wait();
            got.append(&mut peer.messages());
        }
        peer.send("a");
        assert_eq!(asks.join().unwrap(), "a");
    });
}

fn open(protocol: impl Protocol + 'static) -> Arc<Socket> {
    Arc::new(Socket::open(Box::new(protocol)).unwrap())
}

fn pull() -> (Arc<Socket>, Peer) {
    let socket = open(Pull::new(0));
    let peer = Peer::connect(&socket, Length, ROOM);
    (socket, peer)
}

fn pair(capacity: usize) -> (Arc<Socket>, Peer) {
    let socket = open(Pair0::new(0));
    let peer = Peer::connect(&socket, Length, capacity);
    (socket, peer)
}

/// A pair whose pipe is at its high-water mark. When the peer has read once, and the rest was written on, it is below half of it.
fn full_pair() -> (Arc<Socket>, Peer) {
    let (socket, peer) = pair(HIGH_WATER / 3);
    let sent = Send::new(&*socket, ContextId::SOCKET, vec![0; HIGH_WATER].into()).wait(Limit::Never);
    sent.unwrap();
    (socket, peer)
}

fn recv(socket: &Arc<Socket>) -> impl FnOnce() -> String + 'static {
    let mut op = Recv::new(socket.clone(), ContextId::SOCKET);
    move || text(op.wait(Limit::Never))
}

fn recv_within(socket: &Arc<Socket>) -> impl FnOnce() -> String + 'static {
    let mut op = Recv::new(socket.clone(), ContextId::SOCKET);
    move || text(op.wait(Limit::After(Duration::from_secs(1))))
}

fn recv_async(socket: &Arc<Socket>) -> impl FnOnce() -> String + 'static {
    let op = Recv::new(socket.clone(), ContextId::SOCKET);
    move || text(block_on(op))
}

fn send(socket: &Arc<Socket>, body: &'static str) -> impl FnOnce() -> String + 'static {
    let mut op = Send::new(socket.clone(), ContextId::SOCKET, body.into());
    move || op.wait(Limit::Never).map_or_else(|e| format!("{:?}", e.error), |()| "sent".to_owned())
}

fn send_async(socket: &Arc<Socket>, body: &'static str) -> impl FnOnce() -> String + 'static {
    let op = Send::new(socket.clone(), ContextId::SOCKET, body.into());
    move || block_on(op).map_or_else(|e| format!("{:?}", e.error), |()| "sent".to_owned())
}

/// The body, or the error's name.
fn text(result: Result<Message>) -> String {
    result.map_or_else(|e| format!("{e:?}"), |msg| String::from_utf8_lossy(msg.body()).into_owned())
}

fn sorted<const N: usize>(mut texts: [String; N]) -> [String; N] {
    texts.sort();
    texts
}

/// So much a stream holds where that does not matter.
const ROOM: usize = 1024;
/// As in the driver's `stream.rs`.
const HIGH_WATER: usize = 256 * 1024;
/// So many sends without a pause begin the stream mode.
const STREAK: usize = 4;
