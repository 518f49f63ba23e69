//! Structures that C sees, as NNG's headers lay them out.

use std::ffi::c_void;

use crate::guard::Answer;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name {
                /// Its number; 0 is none.
                pub id: u32,
            }

            impl Answer for $name {
                fn panicked() -> Self {
                    Self { id: 0 }
                }
            }
        )*
    };
}

ids! {
    /// A socket.
    nng_socket;
    /// A context.
    nng_ctx;
    /// A dialer.
    nng_dialer;
    /// A listener.
    nng_listener;
    /// A pipe.
    nng_pipe;
}

/// Milliseconds; -1 is infinite, -2 the default.
pub type nng_duration = i32;

/// Milliseconds of a clock that starts anywhere.
pub type nng_time = u64;

/// A piece of memory to read into or to write from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nng_iov {
    /// Where it is.
    pub iov_buf: *mut c_void,
    /// Its length in bytes.
    pub iov_len: usize,
}

/// As long as it takes.
pub(crate) const INFINITE: nng_duration = -1;
/// What the options say.
pub(crate) const DEFAULT: nng_duration = -2;

/// Receive: allocate the buffer. Send: free it afterwards.
pub(crate) const FLAG_ALLOC: std::ffi::c_int = 1;
/// Don't wait.
pub(crate) const FLAG_NONBLOCK: std::ffi::c_int = 2;
