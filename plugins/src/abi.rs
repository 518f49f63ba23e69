//! The structures of `spanwire.h`, field by field.

use std::ffi::{c_char, c_int, c_void};

use spanwire::Message;
use spanwire::option::EndpointOptions;

/// The version of all this. A structure that only grows keeps it.
pub const ABI: u32 = 1;

/// A wake, by number.
pub(crate) type Waker = u64;

/// What a transport must know of the socket.
#[repr(C)]
pub(crate) struct Hello {
    /// Size of this structure.
    pub struct_size: usize,
    /// The number of the socket's protocol.
    pub own: u16,
    /// The number that the other side should have.
    pub peer: u16,
}

/// A connection after its handshake.
#[repr(C)]
pub(crate) struct Connection {
    /// Size of this structure.
    pub struct_size: usize,
    /// The pipe, an object of the transport.
    pub pipe: *mut c_void,
    /// The protocol number that the other side sent.
    pub peer: u16,
    /// This side's address as a URL, or empty.
    pub local: [c_char; ADDRESS],
    /// The other side's address as a URL, or empty.
    pub remote: [c_char; ADDRESS],
}

/// Bytes of an address in [`Connection`].
pub(crate) const ADDRESS: usize = 512;
/// Bytes for the URL of a listener.
pub(crate) const URL: usize = 1024;

pub(crate) type Open =
    unsafe extern "C" fn(*mut c_void, *const c_char, *const EndpointOptions, *mut *mut c_void) -> c_int;
pub(crate) type Dial = unsafe extern "C" fn(*mut c_void, *const Hello, Waker, *mut Connection) -> c_int;
pub(crate) type Bind = unsafe extern "C" fn(*mut c_void, Waker, *mut c_char, usize) -> c_int;
pub(crate) type Accept = unsafe extern "C" fn(*mut c_void, *const Hello, Waker, *mut *mut c_void) -> c_int;
pub(crate) type Shake = unsafe extern "C" fn(*mut c_void, Waker, *mut Connection) -> c_int;
pub(crate) type Send = unsafe extern "C" fn(*mut c_void, Waker, *const *mut Message, usize, *mut usize) -> c_int;
pub(crate) type Recv = unsafe extern "C" fn(*mut c_void, Waker, *mut *mut Message, usize, *mut usize) -> c_int;
pub(crate) type Close = unsafe extern "C" fn(*mut c_void, Waker) -> c_int;
pub(crate) type Free = unsafe extern "C" fn(*mut c_void);

/// `struct spanwire_transport`: the functions of a transport.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Vtable {
    /// Size of this structure, as the transport knows it.
    pub struct_size: usize,
    /// The URL schemes, without `://`; a null pointer ends them.
    pub schemes: *const *const c_char,
    /// Handed to the two functions that open.
    pub arg: *mut c_void,
    pub(crate) dialer_open: Option<Open>,
    pub(crate) dialer_dial: Option<Dial>,
    pub(crate) dialer_free: Option<Free>,
    pub(crate) listener_open: Option<Open>,
    pub(crate) listener_bind: Option<Bind>,
    pub(crate) listener_accept: Option<Accept>,
    pub(crate) listener_free: Option<Free>,
    pub(crate) handshake_shake: Option<Shake>,
    pub(crate) handshake_free: Option<Free>,
    pub(crate) pipe_send: Option<Send>,
    pub(crate) pipe_recv: Option<Recv>,
    pub(crate) pipe_close: Option<Close>,
    pub(crate) pipe_free: Option<Free>,
}

/// `struct spanwire_host`: what the library offers to a transport.
#[repr(C)]
pub struct Host {
    /// Size of this structure.
    pub struct_size: usize,
    pub(crate) wake: unsafe extern "C" fn(Waker),
    pub(crate) msg_alloc: unsafe extern "C" fn(usize) -> *mut Message,
    pub(crate) msg_free: unsafe extern "C" fn(*mut Message),
    pub(crate) msg_append: unsafe extern "C" fn(*mut Message, *const c_void, usize) -> c_int,
    pub(crate) msg_body: unsafe extern "C" fn(*mut Message) -> *mut c_void,
    pub(crate) msg_len: unsafe extern "C" fn(*const Message) -> usize,
    pub(crate) msg_header: unsafe extern "C" fn(*mut Message) -> *mut c_void,
    pub(crate) msg_header_len: unsafe extern "C" fn(*const Message) -> usize,
    pub(crate) option_bool: unsafe extern "C" fn(*const EndpointOptions, *const c_char, *mut bool) -> c_int,
    pub(crate) option_int: unsafe extern "C" fn(*const EndpointOptions, *const c_char, *mut c_int) -> c_int,
    pub(crate) option_size: unsafe extern "C" fn(*const EndpointOptions, *const c_char, *mut usize) -> c_int,
    pub(crate) option_ms: unsafe extern "C" fn(*const EndpointOptions, *const c_char, *mut i32) -> c_int,
    pub(crate) option_string: unsafe extern "C" fn(*const EndpointOptions, *const c_char, *mut c_char, usize) -> c_int,
    pub(crate) log: unsafe extern "C" fn(c_int, *const c_char),
}
