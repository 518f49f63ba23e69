//! Memory that C allocates and frees: the C library's own, as with NNG, so that `free` frees it as well as [`nng_free`].

use std::ffi::{CStr, c_char, c_void};

use crate::error::{Code, Result};
use crate::guard::export;

export! {
    /// `size` bytes, or null if there is no memory or nothing is asked for.
    fn nng_alloc(size: usize) -> *mut c_void {
        alloc(size)
    }

    /// Frees what [`nng_alloc`] or a receive with `NNG_FLAG_ALLOC` answered. Null is allowed.
    fn nng_free(ptr: *mut c_void, _size: usize) {
        // SAFETY: the caller's promise that it comes from `malloc` and is not used again.
        unsafe { libc::free(ptr) }
    }

    /// A copy of a text, to be freed with [`nng_strfree`]; null for null.
    fn nng_strdup(text: *const c_char) -> *mut c_char {
        if text.is_null() {
            return std::ptr::null_mut();
        }
        // SAFETY: not null, and the caller's promise that it is a text.
        copy_text(unsafe { CStr::from_ptr(text) }.to_bytes()).unwrap_or(std::ptr::null_mut())
    }

    /// Frees a text that this library has answered. Null is allowed.
    fn nng_strfree(text: *mut c_char) {
        // SAFETY: the caller's promise that it comes from `malloc` and is not used again.
        unsafe { libc::free(text.cast()) }
    }
}

/// `size` bytes for C to free; null if there is no memory or nothing is asked for.
pub(crate) fn alloc(size: usize) -> *mut c_void {
    if size == 0 {
        return std::ptr::null_mut();
    }
    // SAFETY: any size is allowed.
    unsafe { libc::malloc(size) }
}

/// A copy of bytes for C to free; null if there are none.
pub(crate) fn copy(bytes: &[u8]) -> Result<*mut c_void> {
    let ptr = alloc(bytes.len());
    if bytes.is_empty() {
        return Ok(ptr);
    }
    if ptr.is_null() {
        return Err(Code::ENOMEM);
    }
    // SAFETY: as many bytes as have just been allocated, which nobody else knows of.
    unsafe { ptr.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    Ok(ptr)
}

/// A copy of a text, without its zero byte, for C to free. Ends at the first zero byte, if there is one within.
pub(crate) fn copy_text(text: &[u8]) -> Result<*mut c_char> {
    let ptr = alloc(text.len() + 1).cast::<u8>();
    if ptr.is_null() {
        return Err(Code::ENOMEM);
    }
    // SAFETY: one byte more has just been allocated, which nobody else knows of.
    unsafe {
        ptr.copy_from_nonoverlapping(text.as_ptr(), text.len());
        ptr.add(text.len()).write(0);
    }
    Ok(ptr.cast())
}
