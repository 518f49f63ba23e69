//! Transports that are written in C; the crate `spanwire-plugins` has what they are to the library.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

use spanwire::Error;
use spanwire_plugins::{HOST, Host, Vtable, load, register};

use crate::error::Code;
use crate::guard::{export, text};

export! {
    /// What the library offers to a transport.
    fn spanwire_host() -> *const Host {
        &raw const HOST
    }

    /// Registers a transport for its schemes; `NNG_EINVAL` for a bad table.
    fn spanwire_transport_register(transport: *const Vtable) -> status {
        // SAFETY: the caller's promise, which is the contract of the header.
        unsafe { register(transport) }.map_err(|e| logged(&e))
    }

    /// Loads a shared object and registers its transport.
    fn spanwire_transport_load(path: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let path = unsafe { text(path) }.map(CStr::to_bytes)?;
        load(OsStr::from_bytes(path)).map_err(|e| logged(&e))
    }
}

/// C sees a number only, so the log has the reason.
fn logged(error: &Error) -> Code {
    tracing::error!("transport: {error}");
    error.clone().into()
}
