//! Plain blocking sockets with a length of 8 bytes before each message: what the machine itself can do.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use super::{Got, Pattern, Peer, Res, Setup, unsupported};

/// One system call a message.
pub(crate) struct Plain {
    ends: Ends,
    buf: Vec<u8>,
}

/// Messages collected up to 64 KiB, and read in chunks of as many.
pub(crate) struct Coalescing {
    ends: Ends,
    out: Vec<u8>,
    chunk: Vec<u8>,
    start: usize,
    end: usize,
    size: usize,
}

struct Ends {
    listener: Listener,
    missing: usize,
    conns: VecDeque<File>,
}

enum Listener {
    None,
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Peer for Plain {
    fn open(_pattern: Pattern, setup: Setup) -> Res<Self> {
        Ok(Self { ends: Ends::new(setup), buf: vec![0; HEADER + setup.size] })
    }

    fn listen(&mut self, url: &str) -> Res {
        self.ends.listen(url)
    }

    fn dial(&mut self, url: &str) -> Res {
        self.ends.dial(url)
    }

    fn send(&mut self, body: &[u8]) -> Res {
        self.ends.ready()?;
        for conn in &mut self.ends.conns {
            write_message(conn, body)?;
        }
        Ok(())
    }

    fn recv(&mut self) -> Res<Got> {
        self.ends.last()?.read_exact(&mut self.buf)?;
        Ok(Got::of(&self.buf[HEADER..]))
    }

    fn echo(&mut self) -> Res {
        let conn = self.ends.last()?;
        conn.read_exact(&mut self.buf)?;
        Ok(conn.write_all(&self.buf)?)
    }

    fn submit(&mut self, _slot: usize, body: &[u8]) -> Res {
        write_message(self.ends.last()?, body)
    }

    fn complete(&mut self, _slot: usize) -> Res {
        self.recv().map(drop)
    }

    fn subscribe(&mut self, _topic: &[u8]) -> Res {
        Ok(())
    }

    fn connections(&mut self) -> Res<usize> {
        self.ends.ready()?;
        Ok(self.ends.conns.len())
    }
}

impl Peer for Coalescing {
    fn open(_pattern: Pattern, setup: Setup) -> Res<Self> {
        let chunk = vec![0; CHUNK];
        Ok(Self {
            ends: Ends::new(setup),
            out: Vec::with_capacity(2 * CHUNK),
            chunk,
            start: 0,
            end: 0,
            size: setup.size,
        })
    }

    fn listen(&mut self, url: &str) -> Res {
        self.ends.listen(url)
    }

    fn dial(&mut self, url: &str) -> Res {
        self.ends.dial(url)
    }

    #[inline]
    fn send(&mut self, body: &[u8]) -> Res {
        self.out.extend_from_slice(&(body.len() as u64).to_be_bytes());
        self.out.extend_from_slice(body);
        if self.out.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    #[inline]
    fn recv(&mut self) -> Res<Got> {
        let body = self.next()?;
        Ok(Got::of(&self.chunk[body..body + self.size]))
    }

    #[inline]
    fn echo(&mut self) -> Res {
        let body = self.next()?;
        let frame = body - HEADER..body + self.size;
        self.out.extend_from_slice(&self.chunk[frame]);
        Ok(())
    }

    #[inline]
    fn submit(&mut self, _slot: usize, body: &[u8]) -> Res {
        self.send(body)
    }

    #[inline]
    fn complete(&mut self, _slot: usize) -> Res {
        self.recv().map(drop)
    }

    fn subscribe(&mut self, _topic: &[u8]) -> Res {
        Ok(())
    }
}

impl Coalescing {
    #[cold]
    fn flush(&mut self) -> Res {
        if self.out.is_empty() {
            return Ok(());
        }
        self.ends.ready()?;
        for conn in &mut self.ends.conns {
            conn.write_all(&self.out)?;
        }
        self.out.clear();
        Ok(())
    }

    /// Where the next message's body begins in the chunk.
    #[inline]
    fn next(&mut self) -> Res<usize> {
        let frame = HEADER + self.size;
        while self.end - self.start < frame {
            self.fill()?;
        }
        let body = self.start + HEADER;
        self.start += frame;
        Ok(body)
    }

    #[cold]
    fn fill(&mut self) -> Res {
        self.flush()?;
        self.chunk.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        match self.ends.last()?.read(&mut self.chunk[self.end..])? {
            0 => Err("connection closed".into()),
            n => {
                self.end += n;
                Ok(())
            }
        }
    }
}

impl Ends {
    fn new(setup: Setup) -> Self {
        Self { listener: Listener::None, missing: setup.peers.max(1), conns: VecDeque::new() }
    }

    fn listen(&mut self, url: &str) -> Res {
        self.listener = match split(url)? {
            ("tcp", address) => Listener::Tcp(TcpListener::bind(address)?),
            (_, path) => Listener::Unix(UnixListener::bind(path)?),
        };
        let fd = match &self.listener {
            Listener::Tcp(listener) => listener.as_raw_fd(),
            Listener::Unix(listener) => listener.as_raw_fd(),
            Listener::None => return Ok(()),
        };
        // SAFETY: a plain call. The standard library's backlog of 128 is soon full, and then the system waits a second to try again.
        unsafe { libc::listen(fd, 65_535) };
        Ok(())
    }

    fn dial(&mut self, url: &str) -> Res {
        self.missing = 0;
        let fd = match split(url)? {
            ("tcp", address) => OwnedFd::from(nodelay(TcpStream::connect(address)?)?),
            (_, path) => OwnedFd::from(loop {
                match UnixStream::connect(path) {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
                    done => break done?,
                }
            }),
        };
        self.conns.push_back(File::from(fd));
        Ok(())
    }

    #[inline]
    fn ready(&mut self) -> Res {
        while self.missing > 0 {
            self.accept()?;
        }
        Ok(())
    }

    #[inline]
    fn last(&mut self) -> Res<&mut File> {
        self.ready()?;
        self.conns.back_mut().ok_or_else(|| "not connected".into())
    }

    #[cold]
    fn accept(&mut self) -> Res {
        let fd = match &self.listener {
            Listener::Tcp(listener) => OwnedFd::from(nodelay(listener.accept()?.0)?),
            Listener::Unix(listener) => OwnedFd::from(listener.accept()?.0),
            Listener::None => return unsupported("accepting without a listener"),
        };
        self.conns.push_back(File::from(fd));
        self.missing -= 1;
        Ok(())
    }
}

fn write_message(conn: &mut File, body: &[u8]) -> Res {
    let header = (body.len() as u64).to_be_bytes();
    let sent = conn.write_vectored(&[IoSlice::new(&header), IoSlice::new(body)])?;
    if sent < HEADER {
        conn.write_all(&header[sent..])?;
    }
    Ok(conn.write_all(&body[sent.saturating_sub(HEADER)..])?)
}

fn nodelay(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn split(url: &str) -> Res<(&str, &str)> {
    url.split_once("://").ok_or_else(|| format!("not a URL: {url}").into())
}

const HEADER: usize = 8;
const CHUNK: usize = 64 * 1024;
