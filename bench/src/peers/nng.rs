//! NNG, through its C interface; messages are handed over without a copy.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nng_sys as sys;

use super::{Got, Pattern, Peer, Res, Setup};

pub(crate) struct Nng {
    socket: sys::nng_socket,
    contexts: Vec<sys::nng_ctx>,
    connections: Arc<AtomicUsize>,
}

impl Peer for Nng {
    fn open(pattern: Pattern, setup: Setup) -> Res<Self> {
        // SAFETY: plain calls of the C interface with valid pointers; the counter that the callback uses is never freed.
        unsafe {
            let mut socket: sys::nng_socket = std::mem::zeroed();
            check(match pattern {
                Pattern::Req | Pattern::Client => sys::nng_req0_open(&mut socket),
                Pattern::Rep | Pattern::Server => sys::nng_rep0_open(&mut socket),
                Pattern::Push => sys::nng_push0_open(&mut socket),
                Pattern::Pull => sys::nng_pull0_open(&mut socket),
                Pattern::Pub => sys::nng_pub0_open(&mut socket),
                Pattern::Sub => sys::nng_sub0_open(&mut socket),
            })?;
            let connections = Arc::new(AtomicUsize::new(0));
            if setup.watch {
                let count = Arc::into_raw(connections.clone()).cast_mut().cast();
                check(sys::nng_pipe_notify(socket, sys::NNG_PIPE_EV_ADD_POST, Some(added), count))?;
            }
            let slots = if pattern == Pattern::Client { setup.slots } else { 0 };
            let mut contexts = Vec::new();
            for _ in 0..slots {
                let mut ctx: sys::nng_ctx = std::mem::zeroed();
                check(sys::nng_ctx_open(&mut ctx, socket))?;
                contexts.push(ctx);
            }
            Ok(Self { socket, contexts, connections })
        }
    }

    fn listen(&mut self, url: &str) -> Res {
        let url = CString::new(url)?;
        // SAFETY: the text outlives the call.
        check(unsafe { sys::nng_listen(self.socket, url.as_ptr(), ptr::null_mut(), 0) })
    }

    fn dial(&mut self, url: &str) -> Res {
        let url = CString::new(url)?;
        // SAFETY: the text outlives the call.
        check(unsafe { sys::nng_dial(self.socket, url.as_ptr(), ptr::null_mut(), NONBLOCK) })
    }

    fn send(&mut self, body: &[u8]) -> Res {
        self.transmit(body, 0).map(drop)
    }

    fn try_send(&mut self, body: &[u8]) -> Res<bool> {
        self.transmit(body, NONBLOCK)
    }

    fn recv(&mut self) -> Res<Got> {
        // SAFETY: a message that was received is ours until it is freed.
        unsafe {
            let mut msg = ptr::null_mut();
            check(sys::nng_recvmsg(self.socket, &mut msg, 0))?;
            let got = Got::of(body_of(msg));
            sys::nng_msg_free(msg);
            Ok(got)
        }
    }

    fn echo(&mut self) -> Res {
        // SAFETY: the message is ours between receive and send.
        unsafe {
            let mut msg = ptr::null_mut();
            check(sys::nng_recvmsg(self.socket, &mut msg, 0))?;
            check(sys::nng_sendmsg(self.socket, msg, 0))
        }
    }

    fn submit(&mut self, slot: usize, body: &[u8]) -> Res {
        let msg = message(body)?;
        // SAFETY: the message is ours until the send has taken it.
        check(unsafe { sys::nng_ctx_sendmsg(self.contexts[slot], msg, 0) })
    }

    fn complete(&mut self, slot: usize) -> Res {
        // SAFETY: a message that was received is ours until it is freed.
        unsafe {
            let mut msg = ptr::null_mut();
            check(sys::nng_ctx_recvmsg(self.contexts[slot], &mut msg, 0))?;
            sys::nng_msg_free(msg);
        }
        Ok(())
    }

    fn subscribe(&mut self, topic: &[u8]) -> Res {
        // SAFETY: the topic outlives the call.
        check(unsafe {
            sys::nng_socket_set(self.socket, c"sub:subscribe".as_ptr(), topic.as_ptr().cast(), topic.len())
        })
    }

    fn share(&mut self) -> Res<Self> {
        Ok(Self { socket: self.socket, contexts: Vec::new(), connections: self.connections.clone() })
    }

    fn connections(&mut self) -> Res<usize> {
        Ok(self.connections.load(Ordering::Relaxed))
    }
}

impl Nng {
    fn transmit(&mut self, body: &[u8], flags: c_int) -> Res<bool> {
        let msg = message(body)?;
        // SAFETY: the message is ours until the send has taken it, which it has not when it fails.
        unsafe {
            match sys::nng_sendmsg(self.socket, msg, flags) {
                0 => Ok(true),
                AGAIN if flags == NONBLOCK => {
                    sys::nng_msg_free(msg);
                    Ok(false)
                }
                e => check(e).map(|()| true),
            }
        }
    }
}

fn message(body: &[u8]) -> Res<*mut sys::nng_msg> {
    // SAFETY: the message has room for as many bytes as are copied.
    unsafe {
        let mut msg = ptr::null_mut();
        check(sys::nng_msg_alloc(&mut msg, body.len()))?;
        ptr::copy_nonoverlapping(body.as_ptr(), sys::nng_msg_body(msg).cast(), body.len());
        Ok(msg)
    }
}

/// # Safety
/// The message must be valid and outlive the slice.
unsafe fn body_of<'a>(msg: *mut sys::nng_msg) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(sys::nng_msg_body(msg).cast(), sys::nng_msg_len(msg)) }
}

unsafe extern "C" fn added(_pipe: sys::nng_pipe, _event: sys::nng_pipe_ev, count: *mut c_void) {
    // SAFETY: `open` passed a counter that is never freed.
    unsafe { &*count.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

fn check(code: c_int) -> Res {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: it answers a static text for any number.
    let text = unsafe { CStr::from_ptr(sys::nng_strerror(code)) };
    Err(format!("nng: {}", text.to_string_lossy()).into())
}

const NONBLOCK: c_int = sys::NNG_FLAG_NONBLOCK as c_int;
const AGAIN: c_int = 8;
