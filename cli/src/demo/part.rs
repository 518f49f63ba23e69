//! A process of the demonstration, as it sees itself.

use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::Value;
use spanwire::pattern::Pattern;
use spanwire::{Error, PipeChange, SendError, Socket, Url};

use super::crew::Line;
use super::{feed, pipeline, requests};
use crate::endpoint::cant;
use crate::exit::{Doing, Exit};

/// What the process is.
#[derive(Args, Debug)]
pub(crate) struct PartArgs {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    Source(pipeline::SourceArgs),
    Worker(pipeline::WorkerArgs),
    Sink(pipeline::SinkArgs),
    Server(requests::ServerArgs),
    Client(requests::ClientArgs),
    Publisher(feed::PublisherArgs),
    Subscriber(feed::SubscriberArgs),
}

impl PartArgs {
    /// Plays its role, and then stays until it is dismissed: what it sent last may be on its way yet.
    pub(crate) fn run(self) -> Result<(), Exit> {
        let (lifeline, end) = mpsc::channel::<()>();
        let watch = move || {
            let _lifeline = lifeline;
            let _ = io::stdin().lock().read_to_end(&mut Vec::new());
            std::process::exit(0);
        };
        thread::Builder::new().spawn(watch).doing(|| "can't start a thread".into())?;
        match self.role {
            Role::Source(source) => source.run(),
            Role::Worker(worker) => worker.run(),
            Role::Sink(sink) => sink.run(),
            Role::Server(server) => server.run(),
            Role::Client(client) => client.run(),
            Role::Publisher(publisher) => publisher.run(),
            Role::Subscriber(subscriber) => subscriber.run(),
        }?;
        let _ = end.recv();
        Ok(())
    }
}

/// Tells how far it is, every now and then.
pub(crate) struct Reporter {
    last: Instant,
}

impl Reporter {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self { last: Instant::now() }
    }

    /// Tells it, unless it was told a moment ago.
    pub(crate) fn at(&mut self, position: u64, amount: u64) -> Result<(), Exit> {
        if self.last.elapsed() < EVERY {
            return Ok(());
        }
        self.last = Instant::now();
        say(&Line::At(position, amount))
    }
}

/// Its work is done.
pub(crate) fn done(measured: Value) -> Result<(), Exit> {
    say(&Line::Done(measured))
}

/// Opens a socket and listens at these URLs, which are reported as they came out.
pub(crate) fn listen<P: Pattern>(urls: &[Url]) -> Result<Socket<P>, Exit> {
    let socket = open()?;
    listen_with(&socket, urls)?;
    Ok(socket)
}

/// As [`listen`], and waits until so many peers have come.
pub(crate) fn listen_for_peers<P: Pattern>(urls: &[Url], peers: u32) -> Result<Socket<P>, Exit> {
    let socket = open::<P>()?;
    let (tx, added) = mpsc::channel();
    socket.on_pipe(move |change, _| {
        if change == PipeChange::AfterAdd {
            let _ = tx.send(());
        }
    });
    listen_with(&socket, urls)?;
    for _ in 0..peers {
        added.recv_timeout(PATIENCE).doing(|| "the others did not connect".into())?;
    }
    Ok(socket)
}

/// Opens a socket and dials.
pub(crate) fn dial<P: Pattern>(url: &Url) -> Result<Socket<P>, Exit> {
    let socket = open()?;
    dial_with(&socket, url)?;
    Ok(socket)
}

/// What a send failed with.
pub(crate) fn cant_send(e: SendError) -> Exit {
    Exit::Failed(format!("can't send: {}", e.error))
}

/// What a receive failed with.
pub(crate) fn cant_receive(e: Error) -> Exit {
    Exit::Failed(format!("can't receive: {e}"))
}

/// Opens a socket.
pub(crate) fn open<P: Pattern>() -> Result<Socket<P>, Exit> {
    Socket::open().doing(|| "can't open a socket".into())
}

/// Dials with a socket that has been set up.
pub(crate) fn dial_with<P: Pattern>(socket: &Socket<P>, url: &Url) -> Result<(), Exit> {
    socket.dial(url).wait().map(|_| ()).map_err(|e| cant("dial", url, &e))
}

/// What setting an option failed with.
pub(crate) fn cant_set(e: Error) -> Exit {
    Exit::Failed(format!("can't set an option: {e}"))
}

fn listen_with<P: Pattern>(socket: &Socket<P>, urls: &[Url]) -> Result<(), Exit> {
    for url in urls {
        let listener = socket.listen(url).wait().map_err(|e| cant("listen at", url, &e))?;
        say(&Line::Url(listener.url().to_string()))?;
    }
    Ok(())
}

fn say(line: &Line) -> Result<(), Exit> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Exit::writing)
}

const EVERY: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(30);
