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

#[cfg(all(test, unix))]
mod tests {
    use std::mem::offset_of;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// A C compiler finds each member of the header's structures where ours is.
    #[test]
    fn the_header_has_the_same_layout() {
        macro_rules! layout {
            ($($structure:literal $type:ty { $($member:ident),+ })+) => {
                [$(
                    (concat!("sizeof(struct ", $structure, ")"), size_of::<$type>()),
                    $((concat!("offsetof(struct ", $structure, ", ", stringify!($member), ")"), offset_of!($type, $member)),)+
                )+]
            };
        }
        let layout = layout! {
            "spanwire_hello" Hello { struct_size, peer }
            "spanwire_connection" Connection { struct_size, pipe, peer, local, remote }
            "spanwire_transport" Vtable {
                struct_size, schemes, arg, dialer_open, dialer_dial, dialer_free, listener_open, listener_bind, listener_accept,
                listener_free, handshake_shake, handshake_free, pipe_send, pipe_recv, pipe_close, pipe_free
            }
            "spanwire_host" Host {
                struct_size, wake, msg_alloc, msg_free, msg_append, msg_body, msg_len, msg_header, msg_header_len, option_bool,
                option_int, option_size, option_ms, option_string, log
            }
        };
        let checks = layout.map(|(c, ours)| format!("_Static_assert({c} == {ours}, \"{c}\");\n"));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("layout.c");
        std::fs::write(&file, format!("#include <stddef.h>\n#include <spanwire.h>\n{}", checks.concat())).unwrap();
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ffi/include");
        let mut cc = Command::new("cc");
        let done = cc.args(["-std=gnu11", "-fsyntax-only", "-I"]).arg(include).arg(file).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}
