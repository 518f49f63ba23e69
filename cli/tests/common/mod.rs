//! Runs the command, and waits for what it says.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// The command, running. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    out: Receiver<Vec<u8>>,
    err: Receiver<String>,
    said: String,
}

/// What it came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub err: String,
}

/// Starts it with these arguments, separated by blanks.
pub(crate) fn start(line: &str) -> Running {
    start_command(spanwire(line))
}

/// Runs it to its end.
pub(crate) fn run(line: &str) -> Ended {
    start(line).end()
}

/// The command with these arguments, not yet started.
pub(crate) fn spanwire(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanwire"));
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

pub(crate) fn start_command(mut command: Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out_tx, out) = mpsc::channel();
    let (err_tx, err) = mpsc::channel();
    let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        let _ = out_tx.send(bytes);
    });
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            let _ = err_tx.send(line.unwrap());
        }
    });
    Running { child, out, err, said: String::new() }
}

impl Running {
    /// The rest of the next line on standard error that begins so.
    pub(crate) fn says(&mut self, start: &str) -> String {
        loop {
            let line = self.err.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|e| panic!("it never said {start:?}, but {:?} ({e})", self.said));
            self.said += &line;
            self.said.push('\n');
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// The URL that it listens at; wants `--verbose`.
    pub(crate) fn url(&mut self) -> String {
        self.says("listening on ")
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let out = self.out.recv_timeout(PATIENCE).expect("it did not end");
        while let Ok(line) = self.err.recv_timeout(PATIENCE) {
            self.said += &line;
            self.said.push('\n');
        }
        let code = self.child.wait().unwrap().code();
        Ended { code, out, err: std::mem::take(&mut self.said) }
    }

    /// Asks it to end, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// It went well, and printed this.
    #[track_caller]
    pub(crate) fn printed(&self, out: impl AsRef<[u8]>) {
        let lossy = String::from_utf8_lossy(&self.out);
        assert_eq!((self.code, &self.out[..]), (Some(0), out.as_ref()), "printed {lossy:?}, said {:?}", self.err);
    }

    /// It failed with this code and one line that contains the text.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{}", self.err);
        let line = self.err.lines().last().unwrap_or_default();
        assert!(line.starts_with("spanwire: ") && line.contains(text), "{:?} lacks {text:?}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
