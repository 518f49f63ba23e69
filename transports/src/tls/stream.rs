//! A TLS connection as the byte stream that the driver's engine reads and writes.
//!
//! Plaintext goes out in records of 16 KiB, up to 64 KiB of them in one system call. Bytes count as written when the whole record
//! that holds them is with the kernel: what the engine keeps as unsent can't have reached the peer.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, BufRead, ErrorKind, IoSlice, Write};
use std::net::Shutdown;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::Connection;
use spanwire_core::transport::ByteStream;
use spanwire_core::{Error, OptionValue, Result};

use super::fault;
use crate::stream::FdStream;

/// A stream after, or during, its TLS handshake.
pub(crate) struct TlsStream {
    fd: FdStream,
    tls: Mutex<Tls>,
}

/// What a handshake waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    Readable,
    Writable,
}

impl TlsStream {
    pub(super) fn new(fd: FdStream, conn: Connection) -> Self {
        let tls = Tls {
            conn,
            read: Vec::new(),
            fed: 0,
            unsent: Vec::new(),
            sent: 0,
            records: VecDeque::new(),
            delivered: 0,
            life: Life::Open,
        };
        Self { fd, tls: Mutex::new(tls) }
    }

    /// Goes on with the handshake as far as it goes without waiting.
    pub(super) fn shake(&self) -> Result<Step> {
        let mut tls = self.lock();
        loop {
            tls.collect();
            tls.flush(&self.fd)?;
            if !tls.unsent.is_empty() {
                return Ok(Step::Writable);
            }
            if !tls.conn.is_handshaking() {
                return Ok(Step::Done);
            }
            if tls.read.is_empty() {
                match tls.fill(&self.fd, CHUNK) {
                    Ok(0) => return Err(Error::ConnectionShutdown),
                    Ok(_) => {}
                    Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(Step::Readable),
                    Err(e) => return Err(e.into()),
                }
            }
            if let Err(e) = tls.feed() {
                // The alert that tells the peer why.
                tls.collect();
                let _ = tls.flush(&self.fd);
                return Err(fault::of(&e));
            }
        }
    }

    /// Ends the sending, and discards what has come, but not for ever. Answers whether the peer has ended its sending as well.
    pub(super) fn refuse(&self) -> bool {
        self.fd.end(Shutdown::Write);
        let mut tls = self.lock();
        for _ in 0..VAIN {
            tls.release_read();
            match tls.fill(&self.fd, CHUNK) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
                Err(_) => return true,
            }
        }
        false
    }

    /// What the connection has agreed on.
    pub(super) fn with_connection<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.lock().conn)
    }

    fn lock(&self) -> MutexGuard<'_, Tls> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByteStream for TlsStream {
    fn try_read(&self, into: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let mut tls = self.lock();
        let begin = into.len();
        let goal = begin + max.min(into.capacity() - begin);
        let (mut blocked, mut short) = (false, false);
        let (mut before, mut read, mut vain) = (begin, 0, 0);
        let ended = loop {
            tls.take(into, goal);
            let got = into.len() - begin;
            if into.len() == goal {
                return Ok(got);
            }
            if tls.life != Life::Open {
                break got;
            }
            if !tls.read.is_empty() {
                if let Err(e) = tls.feed() {
                    tls.collect();
                    let _ = tls.flush(&self.fd);
                    tls.life = Life::Failed(fault::of(&e));
                }
                continue;
            }
            // Behind a short read may be the end, of which nobody would tell if this call gave nothing.
            if blocked || (short && got > 0) {
                tls.shrink();
                return if got > 0 { Ok(got) } else { Err(ErrorKind::WouldBlock.into()) };
            }
            vain += usize::from((into.len() - before) * WORTH < read);
            before = into.len();
            if vain >= VAIN {
                // Others have a turn. What came so far counts.
                tls.shrink();
                return Err(ErrorKind::Interrupted.into());
            }
            let want = (goal - into.len()).clamp(READ_MIN, CHUNK);
            match tls.fill(&self.fd, want) {
                // The system says so again.
                Ok(0) if got > 0 => return Ok(got),
                Ok(0) => return Err(io::Error::new(ErrorKind::ConnectionAborted, TRUNCATED)),
                Ok(n) => (read, short) = (n, n < want),
                Err(e) if e.kind() == ErrorKind::WouldBlock => blocked = true,
                Err(_) if got > 0 => return Ok(got),
                Err(e) => return Err(e),
            }
        };
        tls.release_read();
        if ended > 0 {
            // The end is for the next read, of which the system would not tell.
            self.fd.end(Shutdown::Read);
            return Ok(ended);
        }
        match &tls.life {
            Life::Failed(error) => Err(error.clone().into()),
            Life::Open | Life::Ended => Ok(0),
        }
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        let mut tls = self.lock();
        // What is left of the last call, of which these bytes are a part.
        tls.flush(&self.fd)?;
        if tls.delivered == 0 && tls.unsent.is_empty() {
            tls.seal(bufs)?;
            tls.flush(&self.fd)?;
        }
        match std::mem::take(&mut tls.delivered) {
            0 => Err(ErrorKind::WouldBlock.into()),
            delivered => Ok(delivered),
        }
    }

    fn has_buffered(&self) -> bool {
        let mut tls = self.lock();
        !tls.read.is_empty() || tls.conn.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    fn shutdown(&self) {
        let mut tls = self.lock();
        // The peer could not make sense of it behind half a record.
        if tls.unsent.is_empty() {
            tls.conn.send_close_notify();
            tls.collect();
            let _ = tls.flush(&self.fd);
        }
        self.fd.shutdown();
    }

    #[cfg(unix)]
    fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.fd()
    }

    fn set_option(&self, name: &str, value: &OptionValue) -> Result<()> {
        self.fd.set_option(name, value)
    }

    fn option(&self, name: &str) -> Result<OptionValue> {
        self.fd.option(name)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for TlsStream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for TlsStream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.fd.as_socket()
    }
}

/// The connection, and bytes on their way between it and the kernel. The buffers are this thread's scratch memory while a call lasts, and
/// belong to the stream only while something is left in them: an idle stream has none.
struct Tls {
    conn: Connection,
    /// Ciphertext that was read, of which the first `fed` bytes are with the connection. Empty, or not all of it is.
    read: Vec<u8>,
    fed: usize,
    /// Ciphertext to be written, of which the first `sent` bytes are with the kernel. Empty, or not all of it is.
    unsent: Vec<u8>,
    sent: usize,
    /// The records in `unsent`: where each ends, and how many bytes of plaintext it holds.
    records: VecDeque<(usize, usize)>,
    /// Bytes of plaintext whose records are with the kernel, and which the writer was not told of.
    delivered: usize,
    life: Life,
}

/// ```text
/// Open ──close_notify──► Ended
///   └──a bad record, an alert──► Failed
/// ```
#[derive(PartialEq, Eq)]
enum Life {
    Open,
    Ended,
    Failed(Error),
}

impl Tls {
    /// Reads ciphertext, at most `max` bytes; 0 at the end.
    fn fill(&mut self, fd: &FdStream, max: usize) -> io::Result<usize> {
        debug_assert!(self.read.is_empty());
        self.read = scratch();
        let result = fd.try_read(&mut self.read, max);
        if self.read.is_empty() {
            self.release_read();
        }
        result
    }

    /// Gives the connection some of the ciphertext that was read.
    fn feed(&mut self) -> Result<(), rustls::Error> {
        let mut rest = self.read.get(self.fed..).unwrap_or_default();
        // It takes nothing behind a close_notify; it has room, because all plaintext has been taken out.
        match self.conn.read_tls(&mut rest) {
            Ok(n) if n > 0 => self.fed += n,
            Ok(_) | Err(_) => self.fed = self.read.len(),
        }
        if self.fed >= self.read.len() {
            self.release_read();
        }
        if self.conn.process_new_packets()?.peer_has_closed() {
            self.life = Life::Ended;
        }
        Ok(())
    }

    /// Moves plaintext, until there is none or `into` has this length.
    fn take(&mut self, into: &mut Vec<u8>, goal: usize) {
        let mut reader = self.conn.reader();
        while into.len() < goal
            && let Ok(bytes) = reader.fill_buf()
            && !bytes.is_empty()
        {
            let n = bytes.len().min(goal - into.len());
            into.extend(bytes.iter().take(n));
            reader.consume(n);
        }
    }

    /// Encrypts at most [`BATCH`] bytes of these.
    fn seal(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<()> {
        let mut record = Vec::new();
        let (mut len, mut sealed) = (0, 0);
        for buf in bufs {
            let mut rest = &**buf;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(RECORD - len));
                record.push(IoSlice::new(piece));
                len += piece.len();
                rest = behind;
                if len == RECORD {
                    self.seal_record(&record)?;
                    sealed += len;
                    record.clear();
                    len = 0;
                    if sealed >= BATCH {
                        return Ok(());
                    }
                }
            }
        }
        if len > 0 { self.seal_record(&record) } else { Ok(()) }
    }

    fn seal_record(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let plain = self.conn.writer().write_vectored(parts)?;
        self.collect();
        self.records.push_back((self.unsent.len(), plain));
        Ok(())
    }

    /// Takes what the connection wants to send.
    fn collect(&mut self) {
        while self.conn.wants_write() {
            if self.unsent.is_empty() {
                self.unsent = scratch();
            }
            // Writing to memory does not fail.
            let _ = self.conn.write_tls(&mut self.unsent);
        }
    }

    /// Writes what is to be written, until the kernel takes no more. Nothing that was delivered is reported as an error.
    fn flush(&mut self, fd: &FdStream) -> io::Result<()> {
        let mut result = Ok(());
        while let Some(rest) = self.unsent.get(self.sent..)
            && !rest.is_empty()
        {
            match fd.try_write(&[IoSlice::new(rest)]) {
                Ok(0) => result = Err(ErrorKind::WriteZero.into()),
                Ok(n) => {
                    self.sent += n;
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => result = Err(e),
            }
            break;
        }
        while let Some((end, plain)) = self.records.front().copied()
            && end <= self.sent
        {
            self.delivered += plain;
            self.records.pop_front();
        }
        if self.sent == self.unsent.len() {
            self.sent = 0;
            give_back(std::mem::take(&mut self.unsent));
        }
        if self.delivered > 0 { Ok(()) } else { result }
    }

    fn release_read(&mut self) {
        self.fed = 0;
        give_back(std::mem::take(&mut self.read));
    }

    /// The connection's own buffer has grown with the records. It shrinks when it is asked to read and holds nothing.
    fn shrink(&mut self) {
        let _ = self.conn.read_tls(&mut NothingNow);
    }
}

struct NothingNow;

impl io::Read for NothingNow {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// This thread's memory for ciphertext, empty.
fn scratch() -> Vec<u8> {
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    scratch.reserve(SCRATCH_LEN);
    scratch
}

fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() >= SCRATCH_LEN && buffer.capacity() <= 2 * SCRATCH_LEN {
        buffer.clear();
        let _ = SCRATCH.try_with(|scratch| scratch.set(buffer));
    }
}

/// The most plaintext in one record.
const RECORD: usize = 16 * 1024;
/// How much is encrypted for one system call.
const BATCH: usize = 64 * 1024;
/// One read of ciphertext, at the most and at the least: a whole record.
const CHUNK: usize = 64 * 1024;
const READ_MIN: usize = 18 * 1024;
/// How often one call reads what holds next to no plaintext, such as empty records and new keys: 12,000 records of 22 bytes, or about 4 ms.
const VAIN: usize = 4;
/// Next to none is less than this part. The smallest message in a record of its own is a quarter.
const WORTH: usize = 8;
/// A batch with what the records add: a header and a tag each, and a message of the connection's own in between.
const SCRATCH_LEN: usize = BATCH + 1024;

const TRUNCATED: &str = "the connection ended without TLS's close_notify: what came last may be missing";

#[cfg(all(test, unix, not(spanwire_portable)))]
mod tests;
