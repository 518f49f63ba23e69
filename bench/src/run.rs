//! Starts the processes of a measurement, and ends them.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::job::{Job, Kind, Line, Numbers, Side, Transport};
use crate::peers::Res;

/// Carries out a job. Numbers are named by side, `dial.rate` for instance; nothing of it runs on when this returns.
pub(crate) fn run(mut job: Job, folder: &Path, serial: usize) -> Res<Numbers> {
    job.url = address(job.transport, folder, &serial.to_string())?;
    job.second = address(job.transport, folder, &format!("{serial}-second"))?;
    let until = Instant::now() + job.warm() + job.run() + patience(&job);
    let mut numbers = Numbers::new();
    if job.transport == Transport::Inproc {
        let both = Process::start(&job, Side::Both)?;
        for _ in 0..2 {
            both.done(until, &mut numbers)?;
        }
    } else {
        let listener = Process::start(&job, Side::Listen)?;
        listener.ready(until)?;
        let mut _idle = None;
        if job.kind == Kind::RoundTrip && job.n > 0 {
            let process = Process::start(&job, Side::Idle)?;
            process.ready(until)?;
            _idle = Some(process);
        }
        let dialer = Process::start(&job, Side::Dial)?;
        dialer.done(until, &mut numbers)?;
        listener.done(until, &mut numbers)?;
    }
    derive(&job, &mut numbers);
    Ok(numbers)
}

/// Where nobody else listens.
fn address(transport: Transport, folder: &Path, name: &str) -> Res<String> {
    Ok(match transport {
        Transport::Tcp => format!("tcp://127.0.0.1:{}", TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()),
        Transport::Ipc => format!("ipc://{}", folder.join(format!("{name}.ipc")).display()),
        Transport::Inproc => format!("inproc://{name}"),
    })
}

/// A child and what it writes. Dropped, it is killed.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    fn start(job: &Job, side: Side) -> Res<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("role")
            .arg(serde_json::to_string(&side)?.trim_matches('"'))
            .arg(serde_json::to_string(job)?)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()?;
        let (found, lines) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            thread::spawn(move || {
                BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| found.send(line))
            });
        }
        Ok(Self { child, lines })
    }

    fn ready(&self, until: Instant) -> Res {
        match self.line(until)? {
            Line::Ready => Ok(()),
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn done(&self, until: Instant, numbers: &mut Numbers) -> Res {
        match self.line(until)? {
            Line::Done { side, numbers: found } => {
                let name = if side == Side::Listen { "listen" } else { "dial" };
                numbers.extend(found.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
                Ok(())
            }
            other => Err(format!("unexpected: {other:?}").into()),
        }
    }

    fn line(&self, until: Instant) -> Res<Line> {
        let text = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).map_err(|e| match e {
            RecvTimeoutError::Timeout => "took too long",
            RecvTimeoutError::Disconnected => "ended early",
        })?;
        match serde_json::from_str(&text)? {
            Line::Failed { error, .. } => Err(error.into()),
            line => Ok(line),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a job may take besides its window.
fn patience(job: &Job) -> Duration {
    Duration::from_secs(match job.kind {
        Kind::Subscribe | Kind::Connect => 8 + job.n as u64 / 40_000,
        _ if job.n >= 1000 => 20,
        _ => 5,
    })
}

/// What follows from the numbers of both sides.
fn derive(job: &Job, numbers: &mut Numbers) {
    let get = |name: &str| numbers.get(name).copied();
    let mut more = Vec::new();
    // A publisher counts what it sends, its subscribers what each of them receives: no sum of the two means anything. Beside a stream the
    // time is the stream's.
    let adds_up = !matches!(job.kind, Kind::FanOut | Kind::Mixed);
    if let (true, Some(listen), Some(dial)) = (adds_up, get("listen.cpu_us"), get("dial.cpu_us")) {
        let inproc = job.transport == Transport::Inproc;
        // Two threads of one process both see the CPU time of the whole.
        more.push(("cpu_us", if inproc { listen } else { listen + dial }));
    }
    if let (Some(listen), Some(dial)) = (get("listen.switches"), get("dial.switches")) {
        more.push(("switches", listen + dial));
    }
    let receiver = match job.kind {
        Kind::OneWay | Kind::FanIn => "listen.rate",
        _ => "dial.rate",
    };
    more.extend(get(receiver).map(|rate| ("rate", rate)));
    if let (Some(begin), Some(end), Some(seen)) = (get("dial.begin"), get("dial.end"), get("listen.end")) {
        more.push(("connect_s", end.max(seen) - begin));
    }
    numbers.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
}
