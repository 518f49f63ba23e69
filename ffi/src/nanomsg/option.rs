//! `nn_setsockopt` and `nn_getsockopt`.

use std::ffi::{CStr, c_int, c_void};

use super::{AF_SP, AF_SP_RAW, Errno, bytes, check, functions, object_mut, sock};
use crate::error::{Code, Result};
use crate::option::{
    nng_socket_get, nng_socket_get_bool, nng_socket_get_int, nng_socket_get_size, nng_socket_set, nng_socket_set_bool,
    nng_socket_set_int, nng_socket_set_ms, nng_socket_set_size,
};
use crate::types::nng_socket;

/// What an option of nanomsg's is here.
#[derive(Clone, Copy)]
enum Meaning {
    /// An option whose value has the same bytes.
    Same(&'static CStr),
    /// [`Same`](Self::Same), and from then on it is looked at more often.
    ResendTime,
    /// A number of messages instead of bytes: one for each KiB.
    Buffer(&'static CStr),
    /// -1 is no limit, which is 0 here.
    LargestMessage,
    /// Truth as a number.
    NoDelay,
    /// Raw or not.
    Domain,
    /// Taken and not used: connections are given up at once.
    Linger,
    /// Messages are binary; nothing else can be chosen.
    MessageType,
    /// A descriptor, to be read only.
    Descriptor(&'static CStr),
}

fn meaning(level: c_int, option: c_int) -> Result<Meaning, Errno> {
    Ok(match (level, option) {
        (SOCKET, 1) => Meaning::Linger,
        (SOCKET, 2) => Meaning::Buffer(c"send-buffer"),
        (SOCKET, 3) => Meaning::Buffer(c"recv-buffer"),
        (SOCKET, 4) => Meaning::Same(c"send-timeout"),
        (SOCKET, 5) => Meaning::Same(c"recv-timeout"),
        (SOCKET, 6) => Meaning::Same(c"reconnect-time-min"),
        (SOCKET, 7) => Meaning::Same(c"reconnect-time-max"),
        (SOCKET, 10) => Meaning::Descriptor(c"send-fd"),
        (SOCKET, 11) => Meaning::Descriptor(c"recv-fd"),
        (SOCKET, 12) => Meaning::Domain,
        (SOCKET, 13) => Meaning::Same(c"protocol"),
        (SOCKET, 15) => Meaning::Same(c"socket-name"),
        (SOCKET, 16) => Meaning::LargestMessage,
        (SOCKET, 17) => Meaning::Same(c"ttl-max"),
        (SUB, SUBSCRIBE) => Meaning::Same(c"sub:subscribe"),
        (SUB, UNSUBSCRIBE) => Meaning::Same(c"sub:unsubscribe"),
        (REQ, RESEND_IVL) => Meaning::ResendTime,
        (SURVEYOR, DEADLINE) => Meaning::Same(c"surveyor:survey-time"),
        (TCP, 1) => Meaning::NoDelay,
        (WS, 1) => Meaning::MessageType,
        _ => return Err(Errno::ENOPROTOOPT),
    })
}

functions! {
    /// Sets an option of a level: of all sockets, a protocol, or a transport.
    fn nn_setsockopt(s: c_int, level: c_int, option: c_int, value: *const c_void, size: usize) {
        let meaning = meaning(level, option)?;
        // SAFETY: the caller's promise that there are so many bytes.
        let bytes = unsafe { bytes(value.cast(), size) }.map_err(|_| Errno::EFAULT)?;
        set(sock(s), meaning, bytes)?;
        Ok(0)
    }

    /// Reads an option into so many bytes; the size becomes that of the value.
    fn nn_getsockopt(s: c_int, level: c_int, option: c_int, value: *mut c_void, size: *mut usize) {
        let meaning = meaning(level, option)?;
        // SAFETY: the caller's promise that the pointer is null or a number of its own.
        let size = unsafe { object_mut(size) }.map_err(|_| Errno::EFAULT)?;
        if value.is_null() && *size > 0 {
            return Err(Errno::EFAULT);
        }
        // SAFETY: not null, and the caller's promise that there are so many bytes.
        unsafe { get(sock(s), meaning, value, size) }?;
        Ok(0)
    }
}

fn set(s: nng_socket, meaning: Meaning, value: &[u8]) -> Result<(), Errno> {
    let number = || value.try_into().map(c_int::from_ne_bytes).map_err(|_| Errno::EINVAL);
    // SAFETY: names are texts, and values have the size that is said.
    unsafe {
        let same = |name: &CStr| check(nng_socket_set(s, name.as_ptr(), value.as_ptr().cast(), value.len()));
        match meaning {
            Meaning::Same(name) => same(name),
            Meaning::ResendTime => {
                same(c"req:resend-time")?;
                // nanomsg's programs ask for times that are shorter than the tick.
                check(nng_socket_set_ms(s, c"req:resend-tick".as_ptr(), RESEND_TICK))
            }
            Meaning::Buffer(name) => {
                let messages = number()?.max(0).saturating_add(1023) / 1024;
                check(nng_socket_set_int(s, name.as_ptr(), messages))
            }
            Meaning::LargestMessage => {
                let largest = match number()? {
                    -1 => 0,
                    largest => usize::try_from(largest).map_err(|_| Errno::EINVAL)?,
                };
                check(nng_socket_set_size(s, c"recv-size-max".as_ptr(), largest))
            }
            Meaning::NoDelay => match number()? {
                0 => Ok(set_nodelay(s, false)?),
                1 => Ok(set_nodelay(s, true)?),
                _ => Err(Errno::EINVAL),
            },
            Meaning::Linger => number().map(drop),
            Meaning::MessageType if number()? == BINARY => Ok(()),
            Meaning::MessageType => Err(Errno::EINVAL),
            Meaning::Domain => Err(Errno::ENOPROTOOPT),
            Meaning::Descriptor(_) => Err(Code::EREADONLY.into()),
        }
    }
}

/// # Safety
/// There are `*size` bytes at `value`.
unsafe fn get(s: nng_socket, meaning: Meaning, value: *mut c_void, size: &mut usize) -> Result<(), Errno> {
    // SAFETY: names are texts, the other places our own, and the caller's promise.
    let number = unsafe {
        match meaning {
            Meaning::Same(name) => return check(nng_socket_get(s, name.as_ptr(), value, size)),
            Meaning::ResendTime => return check(nng_socket_get(s, c"req:resend-time".as_ptr(), value, size)),
            Meaning::Buffer(name) => {
                let mut messages = 0;
                check(nng_socket_get_int(s, name.as_ptr(), &mut messages))?;
                messages.saturating_mul(1024)
            }
            Meaning::LargestMessage => {
                let mut largest = 0;
                check(nng_socket_get_size(s, c"recv-size-max".as_ptr(), &mut largest))?;
                c_int::try_from(largest).ok().filter(|largest| *largest > 0).unwrap_or(-1)
            }
            Meaning::NoDelay => c_int::from(truth(s, c"tcp-nodelay")?),
            Meaning::Domain => {
                if truth(s, c"raw")? {
                    AF_SP_RAW
                } else {
                    AF_SP
                }
            }
            Meaning::Linger => 0,
            Meaning::MessageType => BINARY,
            Meaning::Descriptor(name) => descriptor(s, name)?,
        }
    };
    let number = number.to_ne_bytes();
    // SAFETY: no more than there is room for, and the caller's promise.
    unsafe { value.cast::<u8>().copy_from_nonoverlapping(number.as_ptr(), number.len().min(*size)) }
    *size = number.len();
    Ok(())
}

fn truth(s: nng_socket, name: &CStr) -> Result<bool, Errno> {
    let mut value = false;
    // SAFETY: a text, and a place of our own.
    check(unsafe { nng_socket_get_bool(s, name.as_ptr(), &mut value) })?;
    Ok(value)
}

pub(super) fn set_nodelay(s: nng_socket, on: bool) -> Result<()> {
    // SAFETY: a text.
    Code::new(unsafe { nng_socket_set_bool(s, c"tcp-nodelay".as_ptr(), on) }).map_or(Ok(()), Err)
}

/// The descriptor that tells whether a socket can send or receive.
pub(super) fn descriptor(s: nng_socket, name: &CStr) -> Result<c_int, Errno> {
    let mut fd = -1;
    // SAFETY: a text, and a place of our own.
    check(unsafe { nng_socket_get_int(s, name.as_ptr(), &mut fd) })?;
    Ok(fd)
}

/// The levels: all sockets, protocols by their number, transports.
const SOCKET: c_int = 0;
const SUB: c_int = 0x21;
const REQ: c_int = 0x30;
const SURVEYOR: c_int = 0x62;
const TCP: c_int = -3;
const WS: c_int = -4;

const SUBSCRIBE: c_int = SUB * 16 + 1;
const UNSUBSCRIBE: c_int = SUB * 16 + 2;
const RESEND_IVL: c_int = REQ * 16 + 1;
const DEADLINE: c_int = SURVEYOR * 16 + 1;

const BINARY: c_int = 2;
/// Milliseconds.
const RESEND_TICK: c_int = 10;
