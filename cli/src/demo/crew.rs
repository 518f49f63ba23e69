//! The processes of the demonstration, and what they report.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::exit::{Doing, Exit};

/// All processes that were started. Dropped, it ends them.
pub(crate) struct Crew {
    dir: PathBuf,
    members: Vec<Process>,
    tx: Sender<Note>,
    notes: Receiver<Note>,
    interrupted: Arc<AtomicBool>,
    deadline: Deadline,
}

/// One of the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member(usize);

/// What a process reports, a line each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// It listens at this URL.
    Url(String),
    /// How far it is, and how much it has done.
    At(u64, u64),
    /// It has done its work; what it measured.
    Done(Value),
}

struct Process {
    role: &'static str,
    child: Child,
    done: bool,
}

enum Note {
    Said(Member, String),
    Ended(Member),
    Interrupted,
}

#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    after: Duration,
}

impl Crew {
    /// An empty crew that works in this directory. From now on Ctrl-C is seen by [`check`](Self::check) and [`next`](Self::next).
    pub(crate) fn new(dir: &Path) -> Result<Self, Exit> {
        let (tx, notes) = mpsc::channel();
        let interrupted = Arc::new(AtomicBool::new(false));
        let (flag, sender) = (interrupted.clone(), tx.clone());
        ctrlc::set_handler(move || {
            flag.store(true, Ordering::Relaxed);
            let _ = sender.send(Note::Interrupted);
        })
        .doing(|| "can't watch for Ctrl-C".into())?;
        let after = Duration::from_secs(600);
        let deadline = Deadline { at: Instant::now() + after, after };
        Ok(Self { dir: dir.to_owned(), members: Vec::new(), tx, notes, interrupted, deadline })
    }

    /// The directory for socket files and copies.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// An ipc URL of this name in that directory.
    pub(crate) fn ipc(&self, name: &str) -> String {
        format!("ipc://{}", self.dir.join(name).display())
    }

    /// How many processes there have been.
    pub(crate) fn started(&self) -> usize {
        self.members.len()
    }

    /// When this time is over, whatever is still going on fails.
    pub(crate) fn set_deadline(&mut self, after: Duration) {
        self.deadline = Deadline { at: Instant::now() + after, after };
    }

    /// Fails if the user wants to stop.
    pub(crate) fn check(&self) -> Result<(), Exit> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Exit::Interrupted) } else { Ok(()) }
    }

    /// Starts a process: this program with a hidden subcommand.
    pub(crate) fn start(&mut self, role: &'static str, args: &[&dyn AsRef<OsStr>]) -> Result<Member, Exit> {
        let program = std::env::current_exe().doing(|| "can't find this program".into())?;
        let mut command = Command::new(program);
        command.arg("demo-part").arg(role).args(args.iter().map(|arg| arg.as_ref()));
        // Its standard input is its lifeline: it ends when this end goes away, however that happens.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for this process, which then ends the others.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().doing(|| format!("can't start a {role}"))?;
        let member = Member(self.members.len());
        let (out, tx) = (child.stdout.take(), self.tx.clone());
        self.members.push(Process { role, child, done: false });
        let read = move || {
            for line in out.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok) {
                let _ = tx.send(Note::Said(member, line));
            }
            let _ = tx.send(Note::Ended(member));
        };
        thread::Builder::new().spawn(read).doing(|| "can't start a thread".into())?;
        Ok(member)
    }

    /// The next report of any process.
    pub(crate) fn next(&mut self) -> Result<(Member, Line), Exit> {
        loop {
            let left = self.deadline.at.saturating_duration_since(Instant::now());
            match self.notes.recv_timeout(left) {
                Ok(Note::Said(member, text)) => {
                    let role = self.members[member.0].role;
                    let line = Line::parse(&text);
                    let line = line.ok_or_else(|| Exit::Failed(format!("the {role} process said {text:?}")))?;
                    self.members[member.0].done |= matches!(line, Line::Done(_));
                    return Ok((member, line));
                }
                Ok(Note::Ended(member)) => self.ended(member)?,
                Ok(Note::Interrupted) => return Err(Exit::Interrupted),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let seconds = self.deadline.after.as_secs();
                    return Err(Exit::Failed(format!("given up: not done after {seconds} s")));
                }
            }
        }
    }

    /// The URLs that a process has just begun to listen at.
    pub(crate) fn urls<const N: usize>(&mut self, member: Member) -> Result<[String; N], Exit> {
        let mut urls = [const { String::new() }; N];
        for url in &mut urls {
            *url = loop {
                match self.next()? {
                    (from, Line::Url(url)) if from == member => break url,
                    _ => {}
                }
            };
        }
        Ok(urls)
    }

    /// Ends all processes, whether they are done or not.
    pub(crate) fn dismiss(&mut self) {
        for process in &mut self.members {
            process.done = true;
            let _ = process.child.kill();
        }
        for process in &mut self.members {
            let _ = process.child.wait();
        }
    }

    fn ended(&mut self, member: Member) -> Result<(), Exit> {
        let Process { role, child, done } = &mut self.members[member.0];
        if *done {
            return Ok(());
        }
        let _ = child.kill();
        let how = child.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
        Err(Exit::Failed(format!("the {role} process ended before its work was done ({how})")))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.dismiss();
    }
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ')?;
        match word {
            "url" => Some(Self::Url(rest.to_owned())),
            "at" => {
                let (position, amount) = rest.split_once(' ')?;
                Some(Self::At(position.parse().ok()?, amount.parse().ok()?))
            }
            "done" => serde_json::from_str(rest).ok().map(Self::Done),
            _ => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "url {url}"),
            Self::At(position, amount) => write!(f, "at {position} {amount}"),
            Self::Done(value) => write!(f, "done {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let lines = [Line::Url("ipc:///a b".into()), Line::At(7, 9), Line::Done(serde_json::json!({ "n": 1 }))];
        for line in lines {
            assert_eq!(Line::parse(&line.to_string()), Some(line));
        }
        for bad in ["", "at", "at 1", "at x y", "done {", "hello world"] {
            assert_eq!(Line::parse(bad), None, "{bad}");
        }
    }
}
