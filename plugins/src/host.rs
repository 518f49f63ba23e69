//! What the library offers to a transport. Every function may be called from any thread, and none of them lets a panic through.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use spanwire::option::{EndpointOptions, names};
use spanwire::{Message, OptionValue};

use crate::abi::{Host, Waker};
use crate::waker;

/// The table of these functions.
pub static HOST: Host = Host {
    struct_size: size_of::<Host>(),
    wake,
    msg_alloc,
    msg_free,
    msg_append,
    msg_body,
    msg_len,
    msg_header,
    msg_header_len,
    option_bool,
    option_int,
    option_size,
    option_ms,
    option_string,
    log,
};

/// Runs the body of such a function; `otherwise` if it panics.
fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        tracing::error!("a function of the plugin host panicked");
        // What was thrown may panic when it is dropped.
        std::mem::forget(payload);
        otherwise
    })
}

unsafe extern "C" fn wake(number: Waker) {
    guarded((), || waker::wake(number));
}

unsafe extern "C" fn msg_alloc(size: usize) -> *mut Message {
    guarded(std::ptr::null_mut(), || {
        let mut body = Vec::new();
        if body.try_reserve_exact(size).is_err() {
            return std::ptr::null_mut();
        }
        body.resize(size, 0);
        Box::into_raw(Box::new(Message::from(body)))
    })
}

unsafe extern "C" fn msg_free(msg: *mut Message) {
    guarded((), || {
        if !msg.is_null() {
            // SAFETY: the plugin's promise that it is a message of this library which it owns.
            drop(unsafe { Box::from_raw(msg) });
        }
    });
}

unsafe extern "C" fn msg_append(msg: *mut Message, data: *const c_void, len: usize) -> c_int {
    guarded(EINTERNAL, || {
        // SAFETY: the plugin's promise that it is a message which it owns.
        let Some(msg) = (unsafe { msg.as_mut() }) else { return EINVAL };
        if len == 0 {
            return 0;
        }
        if data.is_null() || isize::try_from(len).is_err() {
            return EINVAL;
        }
        // SAFETY: the plugin's promise; neither null nor longer than a slice may be.
        msg.append(unsafe { std::slice::from_raw_parts(data.cast(), len) });
        0
    })
}

unsafe extern "C" fn msg_body(msg: *mut Message) -> *mut c_void {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: the plugin's promise that it is a message which it has, and which nobody else uses meanwhile.
        let msg = unsafe { msg.as_mut() };
        msg.map_or(std::ptr::null_mut(), |msg| msg.body_mut().as_mut_ptr().cast())
    })
}

unsafe extern "C" fn msg_len(msg: *const Message) -> usize {
    // SAFETY: as in `msg_body`.
    guarded(0, || unsafe { msg.as_ref() }.map_or(0, Message::len))
}

unsafe extern "C" fn msg_header(msg: *mut Message) -> *mut c_void {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: the plugin's promise that it is a message which it has, and which nobody else uses meanwhile.
        let msg = unsafe { msg.as_mut() };
        msg.map_or(std::ptr::null_mut(), |msg| msg.header_mut().as_mut_ptr().cast())
    })
}

unsafe extern "C" fn msg_header_len(msg: *const Message) -> usize {
    // SAFETY: as in `msg_body`.
    guarded(0, || unsafe { msg.as_ref() }.map_or(0, |m| m.header().len()))
}

/// Reads an option, and writes what `convert` makes of it.
///
/// # Safety
/// Pointers that are not null are what their types say, and `into` may be written to.
unsafe fn option<T>(
    options: *const EndpointOptions,
    name: *const c_char,
    into: *mut T,
    convert: impl FnOnce(OptionValue) -> Option<T>,
) -> c_int {
    guarded(EINTERNAL, || {
        if name.is_null() || into.is_null() {
            return EINVAL;
        }
        // SAFETY: the caller's promise.
        let (Some(options), name) = (unsafe { (options.as_ref(), CStr::from_ptr(name)) }) else { return EINVAL };
        let Ok(name) = name.to_str() else { return EINVAL };
        let value = match name {
            names::RECV_SIZE_MAX => Some(options.recv_size_max().into()),
            name => options.get(name),
        };
        let Some(value) = value else { return ENOENT };
        let Some(value) = convert(value) else { return EBADTYPE };
        // SAFETY: the caller's promise; not null.
        unsafe { into.write(value) };
        0
    })
}

unsafe extern "C" fn option_bool(options: *const EndpointOptions, name: *const c_char, into: *mut bool) -> c_int {
    // SAFETY: the plugin's promise.
    unsafe { option(options, name, into, |value| value.try_into().ok()) }
}

unsafe extern "C" fn option_int(options: *const EndpointOptions, name: *const c_char, into: *mut c_int) -> c_int {
    // SAFETY: the plugin's promise.
    unsafe { option(options, name, into, |value| value.try_into().ok()) }
}

unsafe extern "C" fn option_size(options: *const EndpointOptions, name: *const c_char, into: *mut usize) -> c_int {
    // SAFETY: the plugin's promise.
    unsafe { option(options, name, into, |value| value.try_into().ok()) }
}

unsafe extern "C" fn option_ms(options: *const EndpointOptions, name: *const c_char, into: *mut i32) -> c_int {
    let convert = |value| match Option::<Duration>::try_from(value) {
        Ok(Some(time)) => Some(i32::try_from(time.as_millis()).unwrap_or(i32::MAX)),
        Ok(None) => Some(-1),
        Err(_) => None,
    };
    // SAFETY: the plugin's promise.
    unsafe { option(options, name, into, convert) }
}

unsafe extern "C" fn option_string(
    options: *const EndpointOptions,
    name: *const c_char,
    into: *mut c_char,
    size: usize,
) -> c_int {
    let mut text = String::new();
    // SAFETY: the plugin's promise.
    let read = unsafe { option(options, name, &raw mut text, |value| value.try_into().ok()) };
    if read != 0 {
        return read;
    }
    if into.is_null() {
        return EINVAL;
    }
    if text.len() >= size {
        return ENOSPC;
    }
    // SAFETY: the plugin's promise that `size` bytes may be written; the text and its zero byte are not more.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), into.cast(), text.len());
        into.add(text.len()).write(0);
    }
    0
}

unsafe extern "C" fn log(level: c_int, text: *const c_char) {
    guarded((), || {
        if text.is_null() {
            return;
        }
        // SAFETY: the plugin's promise; not null.
        let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
        match level {
            ..=3 => tracing::error!("plugin: {text}"),
            4 => tracing::warn!("plugin: {text}"),
            5 | 6 => tracing::info!("plugin: {text}"),
            7.. => tracing::debug!("plugin: {text}"),
        }
    });
}

// Error numbers, as in nng.h.
const EINVAL: c_int = 3;
const ENOENT: c_int = 12;
const ENOSPC: c_int = 22;
const EBADTYPE: c_int = 30;
const EINTERNAL: c_int = 1000;
