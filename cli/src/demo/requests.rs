//! One server, many clients over tcp and ipc.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use spanwire::{Message, Rep, Req, Url};

use super::crew::{Crew, Line};
use super::part::{self, Reporter};
use super::show::{self, Stage, Table};
use crate::exit::{Doing, Exit};

/// Runs the stage.
pub(crate) fn run(crew: &mut Crew, clients: u32, time: Duration, table: &mut Table) -> Result<(), Exit> {
    let server = crew.start("server", &[&"--listen", &"tcp://127.0.0.1:0", &"--listen", &crew.ipc("server")])?;
    let urls: [String; 2] = crew.urls(server)?;
    let millis = time.as_millis().to_string();
    let mut members = Vec::new();
    for id in 0..clients * 2 {
        let over = (id % 2) as usize;
        let (id, log) = (id.to_string(), crew.dir().join(format!("times-{id}")));
        let args: [&dyn AsRef<std::ffi::OsStr>; 8] =
            [&"--dial", &urls[over], &"--id", &id, &"--millis", &millis, &"--log", &log];
        let member = crew.start("client", &args)?;
        members.push(Client { member, over, log, requests: 0, seconds: None });
    }
    let stage = Stage::new("requests", time.as_millis() as u64);
    while members.iter().any(|client| client.seconds.is_none()) {
        let (from, line) = crew.next()?;
        let Some(client) = members.iter_mut().find(|client| client.member == from) else { continue };
        match line {
            Line::At(millis, requests) => {
                client.requests = requests;
                let sum = members.iter().map(|client| client.requests).sum();
                stage.at(millis, &format!("{} replies", show::number(sum)));
            }
            Line::Done(measured) => {
                client.requests = measured["requests"].as_u64().unwrap_or(0);
                client.seconds = measured["seconds"].as_f64();
            }
            Line::Url(_) => {}
        }
    }
    crew.dismiss();
    let per_second = |over: Option<usize>| -> u64 {
        let of = members.iter().filter(|client| over.is_none_or(|over| client.over == over));
        of.map(|client| show::rate(client.requests, client.seconds.unwrap_or(0.0))).sum()
    };
    let all = show::number(per_second(None));
    stage.done(&format!("{all} requests/s"));
    table.row("requests", format!("{} clients → server", clients * 2), format!("{all} requests/s"));
    for (over, name) in ["tcp", "ipc"].into_iter().enumerate() {
        let mut times = Vec::new();
        for client in members.iter().filter(|client| client.over == over) {
            times.extend(read_times(&client.log)?);
        }
        times.sort_unstable();
        let at = |share: f64| f64::from(*times.get((times.len() as f64 * share) as usize).unwrap_or(&0)) / 1e3;
        let (speed, p50, p99) = (show::number(per_second(Some(over))), at(0.5), at(0.99));
        let measured = format!("{speed} requests/s, p50 {p50:.0} µs, p99 {p99:.0} µs");
        table.row("", format!("{clients} of them over {name}"), measured);
    }
    Ok(())
}

struct Client {
    member: super::crew::Member,
    /// 0: tcp, 1: ipc.
    over: usize,
    log: PathBuf,
    requests: u64,
    /// Once it is done.
    seconds: Option<f64>,
}

/// Sends every request back.
#[derive(Args, Debug)]
pub(crate) struct ServerArgs {
    #[arg(long, value_parser = Url::parse)]
    listen: Vec<Url>,
}

impl ServerArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let socket = part::listen::<Rep>(&self.listen)?;
        loop {
            let request = socket.recv().wait().map_err(part::cant_receive)?;
            socket.send(request).wait().map_err(part::cant_send)?;
        }
    }
}

/// Asks again and again.
#[derive(Args, Debug)]
pub(crate) struct ClientArgs {
    #[arg(long, value_parser = Url::parse)]
    dial: Url,
    #[arg(long)]
    id: u64,
    #[arg(long)]
    millis: u64,
    #[arg(long)]
    log: PathBuf,
}

impl ClientArgs {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let socket = part::dial::<Req>(&self.dial)?;
        socket.set_recv_timeout(PATIENCE).map_err(part::cant_set)?;
        let (mut times, mut reporter) = (Vec::<u8>::new(), Reporter::new());
        let begun = Instant::now();
        let mut n = 0_u64;
        let mut body = [0; SIZE];
        while begun.elapsed() < Duration::from_millis(self.millis) || n == 0 {
            body[..8].copy_from_slice(&self.id.to_be_bytes());
            body[8..16].copy_from_slice(&n.to_be_bytes());
            let asked = Instant::now();
            socket.send(Message::copy_from(&body)).wait().map_err(part::cant_send)?;
            let reply = socket.recv().wait().map_err(part::cant_receive)?;
            let nanos = u32::try_from(asked.elapsed().as_nanos()).unwrap_or(u32::MAX);
            if reply.body() != body {
                return Err(Exit::Failed(format!("request {n} got the reply of another")));
            }
            times.extend(nanos.to_ne_bytes());
            n += 1;
            reporter.at(begun.elapsed().as_millis() as u64, n)?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        fs::write(&self.log, &times).doing(|| format!("can't write {}", self.log.display()))?;
        part::done(json!({ "requests": n, "seconds": seconds }))
    }
}

fn read_times(log: &PathBuf) -> Result<Vec<u32>, Exit> {
    let bytes = fs::read(log).doing(|| format!("can't read {}", log.display()))?;
    Ok(bytes.chunks_exact(4).map_while(|nanos| nanos.try_into().ok()).map(u32::from_ne_bytes).collect())
}

/// Bytes of a request.
const SIZE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);
