//! The checked table of a transport, the objects that it makes, and what its answers mean.

use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Display;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use spanwire::{Error, Result};

use crate::PENDING;
use crate::abi::{Accept, Bind, Close, Dial, Free, Open, Recv, Send, Shake, Vtable};

/// A table in which nothing is missing.
pub(crate) struct Table {
    pub(crate) schemes: Vec<&'static str>,
    pub(crate) arg: Pointer,
    pub(crate) dialer_open: Open,
    pub(crate) dialer_dial: Dial,
    pub(crate) dialer_free: Free,
    pub(crate) listener_open: Open,
    pub(crate) listener_bind: Bind,
    pub(crate) listener_accept: Accept,
    pub(crate) listener_free: Free,
    pub(crate) handshake_shake: Shake,
    pub(crate) handshake_free: Free,
    pub(crate) pipe_send: Send,
    pub(crate) pipe_recv: Recv,
    pub(crate) pipe_close: Close,
    pub(crate) pipe_free: Free,
    /// The addresses of its objects that have not been freed: the same one does not come twice.
    live: Mutex<HashSet<usize>>,
}

impl Table {
    /// Checks a table and copies it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    ///
    /// # Safety
    /// As [`register`](crate::register).
    pub(crate) unsafe fn new(vtable: *const Vtable) -> Result<Self> {
        if vtable.is_null() || !vtable.is_aligned() {
            return Err(bad("there is no table"));
        }
        // SAFETY: the caller's promise; the size is first, and no more than it is read.
        let size = unsafe { (&raw const (*vtable).struct_size).read() };
        // Members that a later version adds are optional there, and unknown here.
        if !(size_of::<Vtable>()..=SIZE_MAX).contains(&size) {
            return Err(bad(format!("struct_size is {size}, and {} is the least", size_of::<Vtable>())));
        }
        // SAFETY: the caller's promise, for that size.
        let vtable = unsafe { *vtable };
        let missing = |name: &str| bad(format!("{name} is missing"));
        Ok(Self {
            // SAFETY: the caller's promise.
            schemes: unsafe { schemes(vtable.schemes) }?,
            arg: Pointer(vtable.arg),
            dialer_open: vtable.dialer_open.ok_or_else(|| missing("dialer_open"))?,
            dialer_dial: vtable.dialer_dial.ok_or_else(|| missing("dialer_dial"))?,
            dialer_free: vtable.dialer_free.ok_or_else(|| missing("dialer_free"))?,
            listener_open: vtable.listener_open.ok_or_else(|| missing("listener_open"))?,
            listener_bind: vtable.listener_bind.ok_or_else(|| missing("listener_bind"))?,
            listener_accept: vtable.listener_accept.ok_or_else(|| missing("listener_accept"))?,
            listener_free: vtable.listener_free.ok_or_else(|| missing("listener_free"))?,
            handshake_shake: vtable.handshake_shake.ok_or_else(|| missing("handshake_shake"))?,
            handshake_free: vtable.handshake_free.ok_or_else(|| missing("handshake_free"))?,
            pipe_send: vtable.pipe_send.ok_or_else(|| missing("pipe_send"))?,
            pipe_recv: vtable.pipe_recv.ok_or_else(|| missing("pipe_recv"))?,
            pipe_close: vtable.pipe_close.ok_or_else(|| missing("pipe_close"))?,
            pipe_free: vtable.pipe_free.ok_or_else(|| missing("pipe_free"))?,
            live: Mutex::default(),
        })
    }

    /// What a function's answer means. An error without a detail gets this one.
    pub(crate) fn answered(&self, function: &str, status: c_int, detail: &str) -> Poll<Result<()>> {
        match status {
            0 => Poll::Ready(Ok(())),
            PENDING => Poll::Pending,
            status => {
                let known = u32::try_from(status).ok().and_then(Error::from_code);
                let error = known.map(|error| error.or_detail(detail));
                Poll::Ready(Err(error.unwrap_or_else(|| self.nonsense(function, format!("answered {status}")))))
            }
        }
    }

    /// The error for a function that broke the rules.
    pub(crate) fn nonsense(&self, function: &str, what: impl Display) -> Error {
        let scheme = self.schemes.first().copied().unwrap_or_default();
        let error = Error::Internal(format!("the transport {scheme}: {function} {what}").into());
        tracing::error!("{error}");
        error
    }

    fn live(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pointer that belongs to the transport, which may be called on any thread.
#[derive(Clone, Copy)]
pub(crate) struct Pointer(pub(crate) *mut c_void);

// SAFETY: it is only handed back to the transport, whose contract it is to be called on any thread.
unsafe impl std::marker::Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

/// An object that a transport has made. Freed once, by its own function, when this is dropped.
pub(crate) struct Object {
    pointer: NonNull<c_void>,
    free: Free,
    table: Arc<Table>,
}

// SAFETY: it is the contract of a transport that its objects may be used on any thread, one call at a time, which `&mut` gives.
unsafe impl std::marker::Send for Object {}

impl Object {
    /// Takes over what a function has answered.
    ///
    /// # Errors
    /// [`Error::Internal`] if that is nothing, or an object that we have already.
    pub(crate) fn new(table: &Arc<Table>, function: &str, pointer: *mut c_void, free: Free) -> Result<Self> {
        let Some(pointer) = NonNull::new(pointer) else {
            return Err(table.nonsense(function, "succeeded, and there is no object"));
        };
        if !table.live().insert(pointer.addr().get()) {
            return Err(table.nonsense(function, "answered an object that is in use"));
        }
        Ok(Self { pointer, free, table: table.clone() })
    }

    /// To be handed to the transport.
    pub(crate) fn pointer(&mut self) -> *mut c_void {
        self.pointer.as_ptr()
    }

    /// Whose it is.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // Before: once it is free, its address may come again.
        self.table.live().remove(&self.pointer.addr().get());
        // SAFETY: an object of this transport that is not used any more.
        unsafe { (self.free)(self.pointer.as_ptr()) }
    }
}

/// The URL schemes of a table.
///
/// # Safety
/// As [`register`](crate::register).
unsafe fn schemes(mut list: *const *const c_char) -> Result<Vec<&'static str>> {
    let mut schemes = Vec::new();
    loop {
        // SAFETY: the caller's promise: a null pointer ends the list, and was not seen yet.
        let scheme = if list.is_null() { std::ptr::null() } else { unsafe { *list } };
        if scheme.is_null() {
            break;
        }
        // SAFETY: the caller's promise that it is a text.
        let scheme = unsafe { CStr::from_ptr(scheme) }.to_str().unwrap_or_default();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(fits) {
            return Err(bad(format!("{scheme:?} is no scheme")));
        }
        if schemes.len() == SCHEMES {
            return Err(bad(format!("there are more than {SCHEMES} schemes")));
        }
        schemes.push(scheme);
        // SAFETY: the list goes on, since this was not its end.
        list = unsafe { list.add(1) };
    }
    if schemes.is_empty() {
        return Err(bad("there is no scheme"));
    }
    Ok(schemes.into_iter().map(kept).collect())
}

/// A scheme for as long as the process lives. Each is kept once, however often it is registered.
fn kept(scheme: &str) -> &'static str {
    static KEPT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.iter().find(|known| **known == scheme) {
        return known;
    }
    let new = &*scheme.to_owned().leak();
    all.push(new);
    new
}

fn bad(why: impl Into<String>) -> Error {
    Error::InvalidArgument(format!("table of a transport: {}", why.into()).into())
}

const SCHEMES: usize = 16;
/// No table is as large as that: what is in its place is no size.
const SIZE_MAX: usize = 4096;
