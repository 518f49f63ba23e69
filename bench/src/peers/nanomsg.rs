//! nanomsg as Debian has it, loaded at run time: where it is missing, the table has a gap.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;

use libloading::Library;

use super::{Got, Pattern, Peer, Res, Setup};

pub(crate) struct Nanomsg {
    api: &'static Api,
    socket: c_int,
    buf: Vec<u8>,
}

struct Api {
    socket: unsafe extern "C" fn(c_int, c_int) -> c_int,
    bind: unsafe extern "C" fn(c_int, *const c_char) -> c_int,
    connect: unsafe extern "C" fn(c_int, *const c_char) -> c_int,
    send: unsafe extern "C" fn(c_int, *const c_void, usize, c_int) -> c_int,
    recv: unsafe extern "C" fn(c_int, *mut c_void, usize, c_int) -> c_int,
    setsockopt: unsafe extern "C" fn(c_int, c_int, c_int, *const c_void, usize) -> c_int,
    get_statistic: unsafe extern "C" fn(c_int, c_int) -> u64,
    errno: unsafe extern "C" fn() -> c_int,
    strerror: unsafe extern "C" fn(c_int) -> *const c_char,
}

impl Peer for Nanomsg {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self> {
        let protocol = match pattern {
            Pattern::Pub => 32,
            Pattern::Sub => 33,
            Pattern::Req => 48,
            Pattern::Rep => 49,
            Pattern::Push => 80,
            Pattern::Pull => 81,
            Pattern::Client | Pattern::Server => return super::unsupported("requests in flight"),
        };
        let api = api()?;
        // SAFETY: plain calls of the C interface; the option's value outlives the call.
        unsafe {
            let socket = api.check((api.socket)(AF_SP, protocol))?;
            if matches!(pattern, Pattern::Pull | Pattern::Rep | Pattern::Req | Pattern::Sub) {
                let unlimited: c_int = -1;
                let value = (&raw const unlimited).cast();
                api.check((api.setsockopt)(socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, value, size_of::<c_int>()))?;
            }
            Ok(Self { api, socket, buf: vec![0; setup.size.max(64)] })
        }
    }

    fn listen(&mut self, url: &str) -> Res {
        let url = CString::new(url)?;
        // SAFETY: the text outlives the call.
        self.api.check(unsafe { (self.api.bind)(self.socket, url.as_ptr()) }).map(drop)
    }

    fn dial(&mut self, url: &str) -> Res {
        let url = CString::new(url)?;
        // SAFETY: the text outlives the call.
        self.api.check(unsafe { (self.api.connect)(self.socket, url.as_ptr()) }).map(drop)
    }

    fn send(&mut self, body: &[u8]) -> Res {
        // SAFETY: the body outlives the call.
        self.api.check(unsafe { (self.api.send)(self.socket, body.as_ptr().cast(), body.len(), 0) }).map(drop)
    }

    fn try_send(&mut self, body: &[u8]) -> Res<bool> {
        // SAFETY: the body outlives the call.
        unsafe {
            let sent = (self.api.send)(self.socket, body.as_ptr().cast(), body.len(), NN_DONTWAIT);
            if sent < 0 && (self.api.errno)() == libc::EAGAIN {
                return Ok(false);
            }
            self.api.check(sent)?;
            Ok(true)
        }
    }

    fn recv(&mut self) -> Res<Got> {
        let len = self.receive()?;
        Ok(Got::of(&self.buf[..len]))
    }

    fn echo(&mut self) -> Res {
        let len = self.receive()?;
        // SAFETY: the buffer outlives the call.
        self.api.check(unsafe { (self.api.send)(self.socket, self.buf.as_ptr().cast(), len, 0) }).map(drop)
    }

    fn subscribe(&mut self, topic: &[u8]) -> Res {
        let value = topic.as_ptr().cast();
        // SAFETY: the topic outlives the call.
        self.api
            .check(unsafe { (self.api.setsockopt)(self.socket, NN_SUB, NN_SUB_SUBSCRIBE, value, topic.len()) })
            .map(drop)
    }

    fn share(&mut self) -> Res<Self> {
        Ok(Self { api: self.api, socket: self.socket, buf: self.buf.clone() })
    }

    fn connections(&mut self) -> Res<usize> {
        // SAFETY: a plain call.
        let n = unsafe { (self.api.get_statistic)(self.socket, NN_STAT_CURRENT_CONNECTIONS) };
        Ok(usize::try_from(n)?)
    }
}

impl Nanomsg {
    fn receive(&mut self) -> Res<usize> {
        // SAFETY: it writes at most as many bytes as the buffer has.
        let len = unsafe { (self.api.recv)(self.socket, self.buf.as_mut_ptr().cast(), self.buf.len(), 0) };
        Ok(usize::try_from(self.api.check(len)?)?.min(self.buf.len()))
    }
}

impl Api {
    fn load() -> Result<Self, libloading::Error> {
        // SAFETY: the signatures are those of nanomsg's headers; the library is never unloaded.
        unsafe {
            let lib: &'static Library = Box::leak(Box::new(Library::new("libnanomsg.so.5")?));
            Ok(Self {
                socket: *lib.get(b"nn_socket\0")?,
                bind: *lib.get(b"nn_bind\0")?,
                connect: *lib.get(b"nn_connect\0")?,
                send: *lib.get(b"nn_send\0")?,
                recv: *lib.get(b"nn_recv\0")?,
                setsockopt: *lib.get(b"nn_setsockopt\0")?,
                get_statistic: *lib.get(b"nn_get_statistic\0")?,
                errno: *lib.get(b"nn_errno\0")?,
                strerror: *lib.get(b"nn_strerror\0")?,
            })
        }
    }

    fn check(&self, code: c_int) -> Res<c_int> {
        if code >= 0 {
            return Ok(code);
        }
        // SAFETY: it answers a text for any number.
        let text = unsafe { CStr::from_ptr((self.strerror)((self.errno)())) };
        Err(format!("nanomsg: {}", text.to_string_lossy()).into())
    }
}

fn api() -> Res<&'static Api> {
    static API: OnceLock<Result<Api, String>> = OnceLock::new();
    API.get_or_init(|| Api::load().map_err(|e| e.to_string())).as_ref().map_err(|e| e.clone().into())
}

const AF_SP: c_int = 1;
const NN_SOL_SOCKET: c_int = 0;
const NN_RCVMAXSIZE: c_int = 16;
const NN_DONTWAIT: c_int = 1;
const NN_SUB: c_int = 33;
const NN_SUB_SUBSCRIBE: c_int = 1;
const NN_STAT_CURRENT_CONNECTIONS: c_int = 201;
