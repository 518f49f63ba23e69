//! nanomsg's functions, `nn_*`, as NNG has them: on the same sockets, with NNG's numbers.
//!
//! Sockets and endpoints are numbers here; -1 is an error, whose number is `errno`.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_int};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::device::nng_device;
use crate::endpoint::{nng_dial, nng_dialer_close, nng_listen, nng_listener_close};
use crate::error::{Code, Result, nng_strerror};
use crate::guard::{bytes, export, object_mut};
use crate::handle::Table;
use crate::socket;
use crate::types::{FLAG_NONBLOCK, nng_dialer, nng_listener, nng_socket};

mod message;
mod option;

/// Exports functions whose result is a number, or -1 and `errno`. Their bodies answer a `Result<c_int, Errno>`.
macro_rules! functions {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block)*) => {
        $crate::guard::export! {
            $(
                $(#[$doc])*
                fn $name($($arg: $type),*) -> std::ffi::c_int {
                    $crate::nanomsg::number(|| -> Result<std::ffi::c_int, $crate::nanomsg::Errno> { $body })
                }
            )*
        }
    };
}
use functions;

/// A number of the system, or one that nanomsg adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(c_int);

impl Errno {
    const EFAULT: Self = Self(libc::EFAULT);
    const EINVAL: Self = Self(libc::EINVAL);
    const ENOENT: Self = Self(libc::ENOENT);
    const ENOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
}

impl From<Code> for Errno {
    fn from(code: Code) -> Self {
        Self(ERRNOS.iter().find(|(other, _)| *other == code).map_or(libc::EIO, |(_, errno)| *errno))
    }
}

fn number(body: impl FnOnce() -> Result<c_int, Errno>) -> c_int {
    body().unwrap_or_else(|errno| {
        set_errno(errno);
        -1
    })
}

fn set_errno(errno: Errno) {
    // SAFETY: the place is this thread's own.
    unsafe { *errno_place() = errno.0 }
}

fn errno_place() -> *mut c_int {
    #[cfg(any(target_os = "linux", target_os = "emscripten"))]
    // SAFETY: always allowed.
    return unsafe { libc::__errno_location() };
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    // SAFETY: always allowed.
    return unsafe { libc::__errno() };
    #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "dragonfly"))]
    // SAFETY: always allowed.
    return unsafe { libc::__error() };
}

/// The socket with a number of C's.
fn sock(s: c_int) -> nng_socket {
    nng_socket { id: u32::try_from(s).unwrap_or(0) }
}

/// What functions of NNG's answer.
fn check(answer: c_int) -> Result<(), Errno> {
    Code::new(answer).map_or(Ok(()), |code| Err(code.into()))
}

/// The flags of sending and receiving.
fn flags(flags: c_int) -> Result<c_int, Errno> {
    match flags {
        0 => Ok(0),
        DONTWAIT => Ok(FLAG_NONBLOCK),
        _ => Err(Errno::EINVAL),
    }
}

/// An endpoint, and the number of its socket. nanomsg has one row of numbers for dialers and listeners.
#[derive(Clone, Copy)]
struct Endpoint {
    socket: c_int,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Dialer(nng_dialer),
    Listener(nng_listener),
}

static ENDPOINTS: Table<Endpoint> = Table::new();

fn add(socket: c_int, kind: Kind) -> c_int {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // 31 bits, and not 0: the numbers are positive.
    let id = (NEXT.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff).max(1);
    ENDPOINTS.insert(id, Endpoint { socket, kind });
    c_int::try_from(id).unwrap_or(1)
}

functions! {
    /// Opens a socket: domain 1 (`AF_SP`) or 2 (`AF_SP_RAW`), and the number of a protocol.
    fn nn_socket(domain: c_int, protocol: c_int) {
        if ![AF_SP, AF_SP_RAW].contains(&domain) {
            return Err(Errno(libc::EAFNOSUPPORT));
        }
        let (_, name) = PROTOCOLS.iter().find(|(number, _)| *number == protocol).ok_or(Errno(libc::ENOTSUP))?;
        let opened = socket::open(name, domain == AF_SP_RAW)?;
        // nanomsg's sockets leave small packets to the system, unless they are told not to.
        option::set_nodelay(opened, false)?;
        Ok(c_int::try_from(opened.id).unwrap_or(-1))
    }

    /// Closes a socket.
    fn nn_close(s: c_int) {
        socket::close(sock(s))?;
        ENDPOINTS.remove_all(|endpoint| endpoint.socket == s);
        Ok(0)
    }

    /// Listens. Answers the number of the endpoint.
    fn nn_bind(s: c_int, addr: *const c_char) {
        let mut made = nng_listener { id: 0 };
        // SAFETY: the caller's promise that the pointer is null or a text.
        check(unsafe { nng_listen(sock(s), addr, &mut made, 0) })?;
        Ok(add(s, Kind::Listener(made)))
    }

    /// Connects, in the background. Answers the number of the endpoint.
    fn nn_connect(s: c_int, addr: *const c_char) {
        let mut made = nng_dialer { id: 0 };
        // SAFETY: the caller's promise that the pointer is null or a text.
        check(unsafe { nng_dial(sock(s), addr, &mut made, FLAG_NONBLOCK) })?;
        Ok(add(s, Kind::Dialer(made)))
    }

    /// Closes an endpoint.
    fn nn_shutdown(s: c_int, endpoint: c_int) {
        let id = u32::try_from(endpoint).map_err(|_| Errno::ENOENT)?;
        ENDPOINTS.get(id).filter(|endpoint| endpoint.socket == s).ok_or(Errno::ENOENT)?;
        match ENDPOINTS.remove(id).ok_or(Errno::ENOENT)?.kind {
            // SAFETY: takes no pointer.
            Kind::Dialer(dialer) => check(unsafe { nng_dialer_close(dialer) })?,
            // SAFETY: takes no pointer.
            Kind::Listener(listener) => check(unsafe { nng_listener_close(listener) })?,
        }
        Ok(0)
    }

    /// Forwards between two raw sockets until one is closed.
    fn nn_device(s1: c_int, s2: c_int) {
        // SAFETY: takes no pointer.
        check(unsafe { nng_device(sock(s1), sock(s2)) })?;
        Ok(0)
    }

    /// Waits until sockets are ready, no longer than so many milliseconds. Answers how many are.
    fn nn_poll(fds: *mut nn_pollfd, count: c_int, timeout: c_int) {
        let count = usize::try_from(count).map_err(|_| Errno::EINVAL)?;
        if fds.is_null() && count > 0 {
            return Err(Errno::EFAULT);
        }
        // SAFETY: not null unless it is empty, and the caller's promise that there are so many.
        let fds = if count == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(fds, count) } };
        poll(fds, timeout)
    }
}

/// A socket to wait for.
#[repr(C)]
#[derive(Debug)]
pub struct nn_pollfd {
    fd: c_int,
    /// What to wait for.
    events: u16,
    /// What has happened.
    revents: u16,
}

fn poll(fds: &mut [nn_pollfd], timeout: c_int) -> Result<c_int, Errno> {
    let mut wanted = Vec::new();
    for fd in &*fds {
        for (event, name) in EVENTS {
            if fd.events & event != 0 {
                wanted.push(libc::pollfd {
                    fd: option::descriptor(sock(fd.fd), name)?,
                    events: libc::POLLIN,
                    revents: 0,
                });
            }
        }
    }
    let len = libc::nfds_t::try_from(wanted.len()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: as many structures as it says.
    if unsafe { libc::poll(wanted.as_mut_ptr(), len, timeout) } < 0 {
        return Err(Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)));
    }
    let mut polled = wanted.iter();
    let mut ready = 0;
    for fd in fds {
        fd.revents = 0;
        for (event, _) in EVENTS {
            // Both descriptors become readable when there is something to do.
            if fd.events & event != 0 && polled.next().is_some_and(|polled| polled.revents & libc::POLLIN != 0) {
                fd.revents |= event;
            }
        }
        ready += c_int::from(fd.revents != 0);
    }
    Ok(ready)
}

export! {
    /// The number of this thread's last error.
    fn nn_errno() -> c_int {
        // SAFETY: the place is this thread's own.
        unsafe { *errno_place() }
    }

    /// The text of an error. For numbers that are not known it is good until this thread's next call.
    fn nn_strerror(errno: c_int) -> *const c_char {
        match ERRNOS.iter().find(|(_, other)| *other == errno) {
            // SAFETY: takes no pointer.
            Some((code, _)) => unsafe { nng_strerror(code.get()) },
            None if errno == libc::EIO => c"Unknown I/O error".as_ptr(),
            None => unknown(errno),
        }
    }

    /// Closes all sockets.
    fn nn_term() {
        socket::close_all();
        ENDPOINTS.remove_all(|_| true);
    }

    /// Always 0, as with NNG: there are other statistics.
    fn nn_get_statistic(_s: c_int, _statistic: c_int) -> u64 {
        0
    }
}

fn unknown(errno: c_int) -> *const c_char {
    thread_local! {
        static TEXT: RefCell<CString> = RefCell::default();
    }
    TEXT.with(|slot| {
        *slot.borrow_mut() = CString::new(format!("Unknown error {errno}")).unwrap_or_default();
        slot.borrow().as_ptr()
    })
}

/// nanomsg's own numbers begin here.
const ERRBASE: c_int = 0x1000_0000;
/// The socket is in the wrong state.
const EFSM: c_int = ERRBASE + 30;

/// The numbers of NNG's errors.
const ERRNOS: [(Code, c_int); 29] = [
    (Code::EINTR, libc::EINTR),
    (Code::ENOMEM, libc::ENOMEM),
    (Code::EINVAL, libc::EINVAL),
    (Code::EBUSY, libc::EBUSY),
    (Code::ETIMEDOUT, libc::ETIMEDOUT),
    (Code::ECONNREFUSED, libc::ECONNREFUSED),
    (Code::ECLOSED, libc::EBADF),
    (Code::EAGAIN, libc::EAGAIN),
    (Code::ENOTSUP, libc::ENOTSUP),
    (Code::EADDRINUSE, libc::EADDRINUSE),
    (Code::ESTATE, EFSM),
    (Code::ENOENT, libc::ENOENT),
    (Code::EPROTO, libc::EPROTO),
    (Code::EUNREACHABLE, libc::EHOSTUNREACH),
    (Code::EADDRINVAL, libc::EINVAL),
    (Code::EPERM, libc::EACCES),
    (Code::EMSGSIZE, libc::EMSGSIZE),
    (Code::ECONNABORTED, libc::ECONNABORTED),
    (Code::ECONNRESET, libc::ECONNRESET),
    (Code::ECANCELED, libc::EBADF),
    (Code::EEXIST, libc::EEXIST),
    (Code::EWRITEONLY, libc::EACCES),
    (Code::EREADONLY, libc::EACCES),
    (Code::ECRYPTO, libc::EACCES),
    (Code::EPEERAUTH, libc::EACCES),
    (Code::EBADTYPE, libc::EINVAL),
    (Code::EAMBIGUOUS, libc::EINVAL),
    (Code::ENOFILES, libc::EMFILE),
    (Code::ENOSPC, libc::ENOSPC),
];

const AF_SP: c_int = 1;
const AF_SP_RAW: c_int = 2;
const DONTWAIT: c_int = 1;

/// The events of [`nn_poll`], and the option whose descriptor tells them.
const EVENTS: [(u16, &std::ffi::CStr); 2] = [(1, c"recv-fd"), (2, c"send-fd")];

/// The protocols that nanomsg knows.
const PROTOCOLS: [(c_int, &str); 10] = [
    (0x10, "pair0"),
    (0x20, "pub"),
    (0x21, "sub"),
    (0x30, "req"),
    (0x31, "rep"),
    (0x50, "push"),
    (0x51, "pull"),
    (0x62, "surveyor"),
    (0x63, "respondent"),
    (0x70, "bus"),
];
