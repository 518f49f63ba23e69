//! Byte streams: `nng_stream_*`, over TCP, TLS, WebSocket and the sockets of one machine.
//!
//! The operations are futures that the aio carries out. Those of one direction take turns, in the order in which they were begun.

use std::ffi::{c_char, c_int, c_void};
use std::io::{ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use async_io::Async;
use async_lock::Mutex;
use futures_lite::future::yield_now;
use spanwire::option::OptionMap;
use spanwire::transport::ByteStream;
use spanwire::transport::bytes::Connected;
use spanwire::{Error, OptionValue};

use crate::aio::{Aio, Outcome, Pointer, nng_aio};
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::{Gate, Memory};
use crate::guard::{bytes, export, object, text};
use crate::option::{Given, Options, Wanted, get, option_function, options, set};
use crate::sockaddr::nng_sockaddr;
use crate::types::nng_duration;

use dialer::Family;

mod dialer;
mod listener;

/// A connection, as C holds it: what an `Arc` of it points to.
pub struct nng_stream {
    family: Family,
    io: Async<Io>,
    found: OptionMap,
    gate: Gate,
    /// Held by the operation whose turn it is.
    reading: Mutex<()>,
    writing: Mutex<()>,
}

/// What can be waited for.
struct Io(Box<dyn ByteStream>);

impl AsFd for Io {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }
}

impl nng_stream {
    /// A new connection, for an aio to answer to C.
    fn connected(family: Family, (stream, found): Connected) -> Outcome {
        match Async::new_nonblocking(Io(stream)) {
            Ok(io) => {
                let gate = Gate::default();
                let stream = Self { family, io, found, gate, reading: Mutex::new(()), writing: Mutex::new(()) };
                let stream = Arc::into_raw(Arc::new(stream)).cast_mut();
                Outcome { result: Ok(0), output: Some(Pointer(stream.cast())) }
            }
            Err(e) => Err(e.into()).into(),
        }
    }

    async fn recv(&self, memory: Memory) -> Result<usize> {
        if memory.is_empty() {
            return Err(Code::EINVAL);
        }
        let work = async {
            let _turn = self.reading.lock().await;
            let max = memory.len().min(CHUNK);
            let mut bytes = Vec::with_capacity(max);
            loop {
                let read = self.io.read_with(|io| io.0.try_read(&mut bytes, max)).await;
                match read {
                    // What came before it counts.
                    Err(e) if e.kind() == ErrorKind::Interrupted && bytes.is_empty() => yield_now().await,
                    Err(e) if e.kind() != ErrorKind::Interrupted => return Err(self.cut_off(e)),
                    // NNG's word for it, which it says whatever has ended a WebSocket.
                    _ if bytes.is_empty() && self.family.is_ws() => return Err(Code::ECLOSED),
                    _ if bytes.is_empty() => return Err(Code::ECONNSHUT),
                    // SAFETY: within the operation.
                    _ => return Ok(unsafe { memory.fill(&bytes) }),
                }
            }
        };
        self.gate.pass(work).await
    }

    async fn send(&self, memory: Memory) -> Result<usize> {
        if memory.is_empty() {
            return Err(Code::EINVAL);
        }
        let work = async {
            let _turn = self.writing.lock().await;
            let mut offer = Offer { stream: self, open: false };
            let write = |io: &Io| {
                // Of what is counted in whole records only, one at a time: nothing is under way that has not been counted. The frames of a
                // WebSocket go one at a time anyway.
                let mut room = if self.family == Family::Tls { RECORD } else { usize::MAX };
                // SAFETY: within the operation.
                let pieces = unsafe { memory.slices() }.map(|piece| {
                    let now = &piece[..piece.len().min(room)];
                    room -= now.len();
                    IoSlice::new(now)
                });
                let pieces: Vec<_> = pieces.collect();
                let written = io.0.try_write(&pieces);
                offer.open = matches!(&written, Err(e) if e.kind() == ErrorKind::WouldBlock);
                written
            };
            match self.io.write_with(write).await {
                Err(e) if e.kind() == ErrorKind::BrokenPipe && self.family.is_ws() => Err(Code::ECLOSED),
                written => Ok(written?),
            }
        };
        self.gate.pass(work).await
    }

    /// The number of what has ended a receive.
    fn cut_off(&self, e: std::io::Error) -> Code {
        if !self.family.is_ws() {
            return e.into();
        }
        tracing::warn!("a WebSocket has ended: {}", Error::from(e));
        Code::ECLOSED
    }

    /// A WebSocket that was closed has no options.
    fn check_open(&self) -> Result<()> {
        if self.family.is_ws() && self.gate.is_closed() { Err(Code::ECLOSED) } else { Ok(()) }
    }

    fn close(&self) {
        self.gate.close();
        self.io.get_ref().0.shutdown();
    }
}

/// Bytes that a stream has been offered. Once it has begun to transform them it can't take others instead: when the operation is given up,
/// the stream ends.
struct Offer<'a> {
    stream: &'a nng_stream,
    open: bool,
}

impl Drop for Offer<'_> {
    fn drop(&mut self) {
        if self.open && self.stream.family.shakes_hands() {
            self.stream.close();
        }
    }
}

impl Options for Arc<nng_stream> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        self.check_open()?;
        match self.found.get(name) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.io.get_ref().0.option(name)?),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        self.check_open()?;
        match self.found.get(name) {
            Some(_) => Err(Code::EREADONLY),
            None => Ok(self.io.get_ref().0.set_option(name, &value)?),
        }
    }

    fn check_set(&self, name: &str) -> Result<()> {
        // Not to have it comes before a value of the wrong type.
        match self.get(name) {
            Err(Code::ENOTSUP) => Err(Code::ENOTSUP),
            _ => Ok(()),
        }
    }
}

/// The object behind a pointer from C; `EINVAL` for null.
///
/// # Safety
/// A pointer that is not null comes from `Arc::into_raw`, and C has not given it back.
unsafe fn find<T>(ptr: *mut T) -> Result<Arc<T>> {
    if ptr.is_null() {
        return Err(Code::EINVAL);
    }
    if fork::inherited() {
        return Err(Code::ECLOSED);
    }
    // SAFETY: it points into an `Arc` that C holds one reference of.
    unsafe {
        Arc::increment_strong_count(ptr);
        Ok(Arc::from_raw(ptr))
    }
}

/// Runs an operation of an object that C wants; without the object it ends with `EINVAL`.
///
/// # Safety
/// The aio is null or has not been freed.
unsafe fn run<T, F>(object: Result<Arc<T>>, aio: *mut nng_aio, work: impl FnOnce(Arc<T>, &Aio) -> F)
where
    F: Future<Output = Outcome> + Send + 'static,
{
    // SAFETY: the caller's promise.
    let Some(aio) = (unsafe { Aio::from_c(aio) }) else { return };
    match object {
        Ok(object) => aio.run(work(object, &aio)),
        Err(code) if aio.begin() => aio.finish(Err(code)),
        Err(_) => {}
    }
}

export! {
    /// Reads at least one byte into the aio's memory. `ECONNSHUT` if the peer sends no more; over WebSocket `ECLOSED`.
    fn nng_stream_recv(stream: *mut nng_stream, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a stream and an aio that have not been freed.
        unsafe {
            run(find(stream), aio, |stream, aio| {
                let memory = Memory::new(aio.iov());
                async move { stream.recv(memory).await.into() }
            });
        }
    }

    /// Writes at least one byte of the aio's memory.
    fn nng_stream_send(stream: *mut nng_stream, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a stream and an aio that have not been freed.
        unsafe {
            run(find(stream), aio, |stream, aio| {
                let memory = Memory::new(aio.iov());
                async move { stream.send(memory).await.into() }
            });
        }
    }

    /// Ends the connection and its operations.
    fn nng_stream_close(stream: *mut nng_stream) {
        // SAFETY: the caller's promise that the pointer is null or a stream that has not been freed.
        if let Ok(stream) = unsafe { find(stream) } {
            stream.close();
        }
    }

    /// Closes and frees a stream. Null is allowed.
    fn nng_stream_free(stream: *mut nng_stream) {
        if !stream.is_null() && !fork::inherited() {
            // SAFETY: the caller's promise that it is a stream of this library, which is not used again.
            unsafe { Arc::from_raw(stream) }.close();
        }
    }
}

options! {
    *mut nng_stream, find {
        get nng_stream_get
        get_bool nng_stream_get_bool
        get_int nng_stream_get_int
        get_size nng_stream_get_size
        get_uint64 nng_stream_get_uint64
        get_string nng_stream_get_string
        get_ptr nng_stream_get_ptr
        get_ms nng_stream_get_ms
        get_addr nng_stream_get_addr
        set nng_stream_set
        set_bool nng_stream_set_bool
        set_int nng_stream_set_int
        set_size nng_stream_set_size
        set_uint64 nng_stream_set_uint64
        set_string nng_stream_set_string
        set_ptr nng_stream_set_ptr
        set_ms nng_stream_set_ms
        set_addr nng_stream_set_addr
    }
}

/// The most that a record of TLS holds.
const RECORD: usize = 16 << 10;
/// The most that one receive reads.
const CHUNK: usize = 4 * RECORD;
