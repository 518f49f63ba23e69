//! The real peers, as child processes: the command-line tools of NNG and nanomsg, and a puppet for each of the two libraries.
//! A child is killed when it goes out of scope, and nothing waits for one longer than [`PATIENCE`].

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

/// What went wrong, in words.
pub type Fallible<T> = Result<T, String>;

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The largest message, with its SP header, that nanomsg's tool receives: the library's default limit, which the tool can't change.
pub const NANOCAT_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Nngcat,
    Nanocat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Nng,
    Nanomsg,
}

pub const LIBRARIES: [Library; 2] = [Library::Nng, Library::Nanomsg];

/// Where a peer is to be found, or to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Listen,
    Dial,
}

impl Role {
    pub fn other(self) -> Self {
        match self {
            Self::Listen => Self::Dial,
            Self::Dial => Self::Listen,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Listen => "listens",
            Self::Dial => "dials",
        })
    }
}

/// Whether all peers are there. Under CI they must be.
pub fn available() -> bool {
    static FOUND: OnceLock<Fallible<()>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        for tool in ["nngcat", "nanocat"] {
            let path = std::env::var_os("PATH").unwrap_or_default();
            if !std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()) {
                return Err(format!("{tool} is not installed"));
            }
        }
        LIBRARIES.into_iter().try_for_each(|library| library.puppet().map(drop))
    });
    match found {
        Ok(()) => true,
        Err(why) if std::env::var_os("CI").is_some() => panic!("no interop peers: {why}"),
        Err(why) => {
            println!("SKIPPED: {why} (Debian: apt-get install nng-utils nanomsg-utils libnng-dev libnanomsg-dev)");
            false
        }
    }
}

impl Library {
    /// The puppet's program, compiled once.
    fn puppet(self) -> Fallible<&'static Path> {
        static NNG: OnceLock<Fallible<PathBuf>> = OnceLock::new();
        static NANOMSG: OnceLock<Fallible<PathBuf>> = OnceLock::new();
        let (cell, source, lib) = match self {
            Self::Nng => (&NNG, "peer_nng.c", "-lnng"),
            Self::Nanomsg => (&NANOMSG, "peer_nn.c", "-lnanomsg"),
        };
        let path = cell.get_or_init(|| {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(source);
            let program = scratch().join(format!("puppet-{lib}"));
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program).arg(source).args([lib, "-lpthread"]);
            let out = spawnable(&mut cc)?.wait_with_output().map_err(|e| format!("cc: {e}"))?;
            match out.status.success() {
                true => Ok(program),
                false => Err(format!("no puppet for {lib}: {}", String::from_utf8_lossy(&out.stderr))),
            }
        });
        path.as_deref().map_err(String::clone)
    }
}

/// A process on one of the libraries that obeys commands.
pub struct Puppet {
    process: Process,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Puppet {
    pub fn start(library: Library) -> Fallible<Self> {
        let mut process = Process::start(&mut Command::new(library.puppet()?))?;
        let stdin = process.child.stdin.take().ok_or("no standard input")?;
        let stdout = process.child.stdout.take().ok_or("no standard output")?;
        let (tell, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { process, stdin, lines })
    }

    /// With one open socket.
    pub fn open(library: Library, protocol: &str) -> Fallible<Self> {
        let mut puppet = Self::start(library)?;
        puppet.ok(&format!("open 0 {protocol}"))?;
        if protocol == "sub" {
            puppet.ok("sub 0 -")?;
        }
        Ok(puppet)
    }

    /// Tells it to do something; [`answer`](Self::answer) says what came of it.
    pub fn tell(&mut self, command: &str) -> Fallible<()> {
        writeln!(self.stdin, "{command}").map_err(|e| format!("{command}: {e}; {}", self.process.said()))
    }

    pub fn answer(&mut self) -> Fallible<String> {
        self.lines.recv_timeout(PATIENCE).map_err(|e| format!("no answer: {e}; {}", self.process.said()))
    }

    pub fn ask(&mut self, command: &str) -> Fallible<String> {
        self.tell(command)?;
        self.answer().map_err(|e| format!("{command}: {e}"))
    }

    pub fn ok(&mut self, command: &str) -> Fallible<()> {
        match self.ask(command)?.as_str() {
            "ok" => Ok(()),
            other => Err(format!("{command}: {other}")),
        }
    }

    /// Receives a message of `n` bytes. What else is said of it: its pipe and header, in NNG.
    pub fn got(&mut self, command: &str, n: usize) -> Fallible<Vec<String>> {
        let answer = self.ask(command)?;
        let words: Vec<_> = answer.split(' ').map(str::to_owned).collect();
        match words.first().map(String::as_str) == Some("got") && words.get(1) == Some(&n.to_string()) {
            true => Ok(words),
            false => Err(format!("{command}: {answer}, and not {n} bytes")),
        }
    }

    /// Kills it, as a crash would.
    pub fn kill(self) {}
}

/// A run of a command-line tool.
pub struct Cat {
    process: Process,
    messages: Receiver<Fallible<Vec<u8>>>,
}

impl Cat {
    /// `data`: what it sends, or replies with.
    pub fn start(tool: Tool, protocol: &str, role: Role, url: &str, data: Option<usize>) -> Fallible<Self> {
        let mut command = Command::new(match tool {
            Tool::Nngcat => "nngcat",
            Tool::Nanocat => "nanocat",
        });
        let flag = match (tool, protocol) {
            (Tool::Nngcat, "pair1" | "bus") | (Tool::Nanocat, _) => format!("--{protocol}"),
            (Tool::Nngcat, _) => format!("--{protocol}0"),
        };
        command.arg(flag);
        if !matches!(protocol, "push" | "pub") {
            command.arg("--msgpack");
        }
        command.arg(match (tool, role) {
            (Tool::Nngcat, Role::Listen) => "--listen",
            (Tool::Nngcat, Role::Dial) => "--dial",
            (Tool::Nanocat, Role::Listen) => "--bind",
            (Tool::Nanocat, Role::Dial) => "--connect",
        });
        command.arg(url);
        if tool == Tool::Nngcat {
            // 0 is the largest limit that the tool knows.
            command.args(["--recv-maxsz", "0"]);
        }
        if protocol == "sub" && tool == Tool::Nngcat {
            command.args(["--subscribe", ""]);
        }
        match data {
            // nanocat fails on an empty file.
            Some(0) => drop(command.args(["--data", ""])),
            Some(n) => drop(command.arg("--file").arg(file_of(n)?)),
            None => {}
        }
        match (protocol, tool) {
            // Nobody may be there for the first one, so that it is sent again and again.
            ("pub", Tool::Nngcat) => drop(command.args(["--interval", "1"])),
            // Not at the very end of the survey before, a second after its start: NNG 1.5 may deadlock on that one's timer.
            ("surveyor", Tool::Nngcat) => drop(command.args(["--interval", "2"])),
            // The reply to one survey is lost with the next, and nanomsg takes its time to mask 8 MiB.
            ("surveyor", Tool::Nanocat) if url.starts_with("ws") => drop(command.args(["--interval", "1"])),
            ("pub" | "bus" | "surveyor", Tool::Nanocat) if data.is_some() => drop(command.args(["--interval", "0.2"])),
            // One message, and it stays until it is killed.
            ("push", _) => drop(command.args(["--interval", "86400"])),
            _ => {}
        }
        let mut process = Process::start(&mut command)?;
        let stdout = process.child.stdout.take().ok_or("no standard output")?;
        let (tell, messages) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(message) = msgpack(&mut stdout).transpose() {
                if tell.send(message).is_err() {
                    break;
                }
            }
        });
        Ok(Self { process, messages })
    }

    /// The next message that it printed has these bytes.
    pub fn printed(&self, n: usize) -> Fallible<()> {
        let message = self.messages.recv_timeout(PATIENCE);
        let message = message.map_err(|e| format!("{n} bytes were not printed: {e}; {}", self.process.said()))??;
        match message == pattern(n) {
            true => Ok(()),
            false => Err(format!("{n} bytes became {} bytes {:?}..", message.len(), &message[..message.len().min(16)])),
        }
    }

    pub fn said(&self) -> String {
        self.process.said()
    }
}

/// A child that is killed on drop.
struct Process {
    child: Child,
    name: String,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    fn start(command: &mut Command) -> Fallible<Self> {
        let name = format!("{command:?}");
        let mut child = spawnable(command)?;
        let stderr = Arc::new(Mutex::new(String::new()));
        if let Some(mut pipe) = child.stderr.take() {
            let text = stderr.clone();
            thread::spawn(move || {
                let mut buf = [0; 1024];
                while let Ok(n @ 1..) = pipe.read(&mut buf) {
                    text.lock().unwrap().push_str(&String::from_utf8_lossy(&buf[..n]));
                }
            });
        }
        Ok(Self { child, name, stderr })
    }

    fn said(&self) -> String {
        format!("{} said {:?}", self.name, self.stderr.lock().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address for one use, and the file that it may leave behind.
pub struct Address(pub String);

impl Address {
    pub fn new(transport: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        Self(match transport {
            // All of 127/8 is loopback, and nobody else binds an address of it that has our process id in it: no port can be
            // taken between its choice and its use.
            "tcp" | "ws" => {
                let port = 10_000 + (pid >> 16) * 100 + n / 254;
                // No path: nanomsg listens at all paths, and knows no other way.
                format!("{transport}://127.{}.{}.{}:{port}", pid >> 8 & 0xff, pid & 0xff, n % 254 + 1)
            }
            "abstract" => format!("abstract://spanwire-interop-{pid}-{n}"),
            other => format!("{other}://{}/{n}.sock", scratch().display()),
        })
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        if let Some(path) = self.0.strip_prefix("ipc://") {
            let _ = fs::remove_file(path);
        }
    }
}

/// The bytes of a message of this size. The same as in puppet.h.
pub fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 + (i >> 8) * 7 + n) as u8).collect()
}

/// A folder for this process' files. Short, because a socket's path must be.
fn scratch() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let parent = std::env::temp_dir().join("spanwire-interop");
        // What earlier processes left behind.
        for entry in fs::read_dir(&parent).into_iter().flatten().flatten() {
            let gone = !Path::new("/proc").join(entry.file_name()).exists();
            if gone && Path::new("/proc/self").exists() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let dir = parent.join(std::process::id().to_string());
        fs::create_dir_all(&dir).unwrap();
        dir
    })
}

fn file_of(n: usize) -> Fallible<PathBuf> {
    static WRITTEN: Mutex<()> = Mutex::new(());
    let _one = WRITTEN.lock().unwrap();
    let path = scratch().join(format!("{n}.bin"));
    if !path.exists() {
        fs::write(&path, pattern(n)).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(path)
}

fn spawnable(command: &mut Command) -> Fallible<Child> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    piped.spawn().map_err(|e| format!("{command:?}: {e}"))
}

/// One binary of msgpack, as both tools print messages. `None` at the end.
fn msgpack(from: &mut impl Read) -> Fallible<Option<Vec<u8>>> {
    let mut kind = [0];
    if from.read_exact(&mut kind).is_err() {
        return Ok(None);
    }
    let digits = match kind[0] {
        0xc4 => 1,
        0xc5 => 2,
        0xc6 => 4,
        other => return Err(format!("{other:#x} is no msgpack binary")),
    };
    let mut len = [0; 4];
    from.read_exact(&mut len[4 - digits..]).map_err(|e| e.to_string())?;
    let mut body = vec![0; u32::from_be_bytes(len) as usize];
    from.read_exact(&mut body).map_err(|e| e.to_string())?;
    Ok(Some(body))
}
