//! Contexts.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};

use spanwire::{AnyContext, Message};

use crate::aio::{self, Aio, Target, nng_aio, untried};
use crate::error::{Code, Result};
use crate::guard::{bytes, export, out};
use crate::handle::{Table, id};
use crate::message::{give, nng_msg};
use crate::socket::{self, Unsent, send_boxed};
use crate::types::{FLAG_NONBLOCK, nng_ctx, nng_socket};

/// A context, and the number of its socket.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) any: AnyContext,
    pub(crate) socket: u32,
}

/// All contexts that C has open.
pub(crate) static CONTEXTS: Table<Ctx> = Table::new();

/// The context with this number.
#[inline]
pub(crate) fn find(ctx: nng_ctx) -> Result<Ctx> {
    CONTEXTS.get(ctx.id).ok_or(Code::ECLOSED)
}

export! {
    /// Opens a context of a socket.
    fn nng_ctx_open(ctx: *mut nng_ctx, socket: nng_socket) -> status {
        // SAFETY: the caller's promise.
        let ctx = unsafe { out(ctx) }?;
        let sock = socket::find(socket)?;
        let any = sock.any.context()?;
        let id = fresh();
        CONTEXTS.insert(id, Ctx { any, socket: socket.id });
        if sock.any.is_closed() {
            // Its close may have come too early to see this one.
            CONTEXTS.remove(id);
            return Err(Code::ECLOSED);
        }
        ctx.write(nng_ctx { id });
        Ok(())
    }

    /// Closes a context. Whoever waits on it gets `NNG_ECLOSED`.
    fn nng_ctx_close(ctx: nng_ctx) -> status {
        let context = CONTEXTS.remove(ctx.id).ok_or(Code::ECLOSED)?;
        Ok(aio::settled(|| context.any.close())?)
    }

    /// Its number; -1 for one that was never opened.
    fn nng_ctx_id(ctx: nng_ctx) -> c_int {
        id(ctx.id)
    }

    /// Sends a message, which is the library's if that succeeds, and else stays the caller's.
    fn nng_ctx_sendmsg(ctx: nng_ctx, msg: *mut nng_msg, flags: c_int) -> status {
        // SAFETY: the caller's promise.
        unsafe { send_boxed(msg, || find(ctx), |context, msg| sent(&context.any, msg, flags)) }
    }

    /// Receives a message, which is the caller's to free.
    fn nng_ctx_recvmsg(ctx: nng_ctx, msg: *mut *mut nng_msg, flags: c_int) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { out(msg) }?;
        let context = find(ctx)?;
        let op = context.any.recv();
        msg.write(give(if flags & FLAG_NONBLOCK != 0 { op.try_now()? } else { op.wait().map_err(untried)? }));
        Ok(())
    }

    /// Sends the aio's message.
    fn nng_ctx_send(ctx: nng_ctx, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.send(find(ctx).map(|context| Target::Context(context.any)));
        }
    }

    /// Receives a message into the aio.
    fn nng_ctx_recv(ctx: nng_ctx, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.recv(find(ctx).map(|context| Target::Context(context.any)));
        }
    }

    /// Subscribes to a topic.
    fn nng_sub0_ctx_subscribe(ctx: nng_ctx, topic: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let topic = unsafe { bytes(topic.cast(), len) }?;
        Ok(find(ctx)?.any.set_option("sub:subscribe", topic)?)
    }

    /// Gives a subscription up.
    fn nng_sub0_ctx_unsubscribe(ctx: nng_ctx, topic: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let topic = unsafe { bytes(topic.cast(), len) }?;
        Ok(find(ctx)?.any.set_option("sub:unsubscribe", topic)?)
    }
}

fn sent(context: &AnyContext, msg: Message, flags: c_int) -> Result<(), Unsent> {
    let op = context.send(msg);
    if flags & FLAG_NONBLOCK != 0 { Ok(op.try_now()?) } else { op.wait().map_err(Unsent::late) }
}

/// Numbers of contexts, through all 31 bits.
fn fresh() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    loop {
        match NEXT.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff {
            0 => {}
            id => return id,
        }
    }
}
