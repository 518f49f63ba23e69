//! What the processes of a measurement do. Each goes on after it has reported, so that the other side can finish; whoever started it ends it.

mod connect;
mod exchange;
mod fan;
mod mixed;
mod stream;
mod subscribe;

use std::sync::mpsc;
use std::thread;

use crate::job::{Answer, Job, Kind, Side, Transport};
use crate::measure;
use crate::peers::{Coalescing, Libzmq, Name, Nanomsg, Nng, Peer, Plain, Res, Ring, Span, SpanAsync, ZeromqRs};

/// Carries out one side of a job.
pub(crate) fn play(job: Job, side: Side) {
    measure::raise_file_limit();
    let inproc = job.transport == Transport::Inproc;
    match job.peer {
        Name::Spanwire => start::<Span>(job, side),
        Name::SpanwireAsync => start::<SpanAsync>(job, side),
        Name::Libzmq => start::<Libzmq>(job, side),
        Name::Nng => start::<Nng>(job, side),
        Name::Nanomsg => start::<Nanomsg>(job, side),
        Name::ZeromqRs => start::<ZeromqRs>(job, side),
        Name::Raw if inproc => start::<Ring>(job, side),
        Name::Raw => start::<Plain>(job, side),
        Name::Rawb => start::<Coalescing>(job, side),
    }
}

fn start<P: Peer>(job: Job, side: Side) {
    if side != Side::Both {
        return one::<P>(&job, Answer { side, gate: None });
    }
    let (gate, opened) = mpsc::channel();
    let listening = job.clone();
    thread::spawn(move || one::<P>(&listening, Answer { side: Side::Listen, gate: Some(gate) }));
    if opened.recv().is_ok() {
        one::<P>(&job, Answer { side: Side::Dial, gate: None });
    }
    forever();
}

fn one<P: Peer>(job: &Job, answer: Answer) {
    if let Some(Err(e)) = job.cores.of(answer.side).map(measure::pin) {
        return answer.failed(&format!("this core can't be used: {e}"));
    }
    match side::<P>(job, &answer) {
        Ok(()) => forever(),
        Err(e) => answer.failed(&e.to_string()),
    }
}

fn side<P: Peer>(job: &Job, answer: &Answer) -> Res {
    let listens = answer.side == Side::Listen;
    match job.kind {
        _ if answer.side == Side::Idle => connect::idle::<P>(job, answer),
        Kind::RoundTrip if listens => exchange::echo::<P>(job, answer),
        Kind::RoundTrip => exchange::round_trips::<P>(job, answer),
        Kind::InFlight | Kind::Burst if listens => exchange::echo::<P>(job, answer),
        Kind::InFlight => exchange::in_flight::<P>(job, answer),
        Kind::Burst => exchange::bursts::<P>(job, answer),
        Kind::OneWay if listens => stream::receive::<P>(job, answer),
        Kind::OneWay => stream::send::<P>(job, answer),
        Kind::FanOut if listens => fan::publish::<P>(job, answer),
        Kind::FanOut => fan::subscribers::<P>(job, answer),
        Kind::FanIn if listens => fan::collect::<P>(job, answer),
        Kind::FanIn => fan::senders::<P>(job, answer),
        Kind::Subscribe if listens => subscribe::publish::<P>(job, answer),
        Kind::Subscribe => subscribe::subscribe::<P>(job, answer),
        Kind::Mixed if listens => mixed::listen::<P>(job, answer),
        Kind::Mixed => mixed::dial::<P>(job, answer),
        Kind::Connect if listens => connect::accept::<P>(job, answer),
        Kind::Connect => connect::connect::<P>(job, answer),
    }
}

fn forever() -> ! {
    loop {
        thread::park();
    }
}
