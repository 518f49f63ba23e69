//! Byte streams: `nng_stream_*`, over TCP and the sockets of one machine.
//!
//! The operations are futures that the aio carries out. Those of one direction take turns, in the order in which they were begun.

use std::ffi::{c_char, c_int, c_void};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use async_io::Async;
use async_lock::Mutex;
use spanwire::OptionValue;
use spanwire::option::OptionMap;
use spanwire::transport::ByteStream;
use spanwire::transport::stream::FdStream;

use crate::aio::{Aio, Outcome, Pointer, nng_aio};
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::{Gate, Memory};
use crate::guard::{bytes, export, object, text};
use crate::option::{Given, Options, Wanted, get, option_function, options, set};
use crate::sockaddr::nng_sockaddr;
use crate::types::nng_duration;

mod dialer;
mod listener;

/// A connection, as C holds it: what an `Arc` of it points to.
pub struct nng_stream {
    io: Async<FdStream>,
    found: OptionMap,
    gate: Gate,
    /// Held by the operation whose turn it is.
    reading: Mutex<()>,
    writing: Mutex<()>,
}

impl nng_stream {
    /// A new connection, for an aio to answer to C.
    fn connected(connection: (FdStream, OptionMap)) -> Outcome {
        let (stream, found) = connection;
        match Async::new_nonblocking(stream) {
            Ok(io) => {
                let gate = Gate::default();
                let stream = Self { io, found, gate, reading: Mutex::new(()), writing: Mutex::new(()) };
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
            match self.io.read_with(|stream| read(stream, &memory)).await? {
                0 => Err(Code::ECONNSHUT),
                len => Ok(len),
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
            let write = |stream: &FdStream| {
                // SAFETY: within the operation.
                let pieces: Vec<_> = unsafe { memory.slices() }.map(IoSlice::new).collect();
                stream.try_write(&pieces)
            };
            Ok(self.io.write_with(write).await?)
        };
        self.gate.pass(work).await
    }

    fn close(&self) {
        self.gate.close();
        self.io.get_ref().shutdown();
    }
}

fn read(stream: &FdStream, memory: &Memory) -> io::Result<usize> {
    let pieces = memory.pieces();
    let count = c_int::try_from(pieces.len()).unwrap_or(c_int::MAX);
    loop {
        // SAFETY: `nng_iov` has the layout of `iovec`, and the memory is ours to fill within the operation.
        let len = unsafe { libc::readv(stream.as_fd().as_raw_fd(), pieces.as_ptr().cast(), count) };
        match usize::try_from(len) {
            Ok(len) => return Ok(len),
            Err(_) => match io::Error::last_os_error() {
                e if e.kind() == io::ErrorKind::Interrupted => {}
                e => return Err(e),
            },
        }
    }
}

impl Options for Arc<nng_stream> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        match self.found.get(name) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.io.get_ref().option(name)?),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        match self.found.get(name) {
            Some(_) => Err(Code::EREADONLY),
            None => Ok(self.io.get_ref().set_option(name, &value)?),
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
    /// Reads at least one byte into the aio's memory. `ECONNSHUT` if the peer sends no more.
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
