//! Sockets.

use std::ffi::{c_char, c_int, c_void};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::block_on;
use spanwire::op::{Close, Op};
use spanwire::{AnySocket, Message, SendError};

use crate::aio::{self, Aio, Target, nng_aio, untried};
use crate::body;
use crate::context::CONTEXTS;
use crate::endpoint::{DIALERS, LISTENERS};
use crate::error::{Code, Result};
use crate::fork;
use crate::guard::{bytes, export, object_mut, out};
use crate::handle::{Table, id};
use crate::mem;
use crate::message::{give, nng_msg};
use crate::pipe::Watch;
use crate::types::{FLAG_ALLOC, FLAG_NONBLOCK, nng_socket};

/// A socket, and what only C's sockets have.
pub(crate) struct Sock {
    pub(crate) any: AnySocket,
    /// Callbacks for pipe events.
    pub(crate) watch: Arc<Watch>,
    /// `recv-buffer` and `send-buffer` of protocols that have none: NNG's sockets have them all the same.
    pub(crate) buffers: [AtomicI32; 2],
}

/// All sockets that C has open.
pub(crate) static SOCKETS: Table<Arc<Sock>> = Table::new();

/// The socket with this number.
#[inline]
pub(crate) fn find(socket: nng_socket) -> Result<Arc<Sock>> {
    SOCKETS.get(socket.id).ok_or(Code::ECLOSED)
}

/// Opens a socket with NNG's defaults, which differ from those of the Rust API.
pub(crate) fn open(name: &str, raw: bool) -> Result<nng_socket> {
    fork::begin()?;
    let any = if raw { AnySocket::open_raw(name) } else { AnySocket::open(name) }?;
    any.set_linger(Duration::ZERO)?;
    any.set_recv_max(0)?;
    any.set_reconnect(Duration::from_secs(1), Duration::ZERO)?;
    let id = any.id().get();
    let sock = Sock { any, watch: Arc::default(), buffers: [AtomicI32::new(1), AtomicI32::new(0)] };
    SOCKETS.insert(id, Arc::new(sock));
    Ok(nng_socket { id })
}

/// Closes a socket and all that belongs to it. Its pipe callbacks have returned when this does, unless it is called from one.
pub(crate) fn close(socket: nng_socket) -> Result<()> {
    let sock = SOCKETS.remove(socket.id).ok_or(Code::ECLOSED)?;
    Closing::begin(socket.id, &sock).end()
}

/// The close of a socket that is in no table any more.
///
/// ```text
/// open ──begin: whoever waits on the socket has its end──► lingers ──end──► closed
/// ```
struct Closing<'a> {
    id: u32,
    sock: &'a Sock,
    close: Op<Close<'a>>,
    /// What it came to, if there was nothing to linger for.
    over: Poll<spanwire::Result<()>>,
}

impl<'a> Closing<'a> {
    fn begin(id: u32, sock: &'a Sock) -> Self {
        CONTEXTS.remove_all(|context| context.socket == id);
        let mut close = sock.any.close();
        let over = aio::settled(|| Pin::new(&mut close).poll(&mut Context::from_waker(Waker::noop())));
        Self { id, sock, close, over }
    }

    /// Whether it still lingers.
    fn lingers(&mut self, cx: &mut Context<'_>) -> bool {
        if self.over.is_pending() {
            self.over = Pin::new(&mut self.close).poll(cx);
        }
        self.over.is_pending()
    }

    fn end(self) -> Result<()> {
        let closed = match self.over {
            Poll::Ready(closed) => closed,
            Poll::Pending => self.close.wait(),
        };
        DIALERS.remove_all(|dialer| dialer.socket == self.id);
        LISTENERS.remove_all(|listener| listener.socket == self.id);
        self.sock.watch.wait_for_end();
        Ok(closed?)
    }
}

macro_rules! opens {
    ($($open:ident = $name:literal $raw:literal;)*) => {
        export! {
            $(
                #[doc = concat!("Opens a socket: ", $name, ".")]
                fn $open(socket: *mut nng_socket) -> status {
                    // SAFETY: the caller's promise.
                    let socket = unsafe { out(socket) }?;
                    socket.write(open($name, $raw)?);
                    Ok(())
                }
            )*
        }
    };
}

opens! {
    nng_bus0_open = "bus" false;
    nng_bus0_open_raw = "bus" true;
    nng_pair0_open = "pair0" false;
    nng_pair0_open_raw = "pair0" true;
    nng_pair1_open = "pair1" false;
    nng_pair1_open_raw = "pair1" true;
    nng_pair1_open_poly = "pair1-poly" false;
    nng_push0_open = "push" false;
    nng_push0_open_raw = "push" true;
    nng_pull0_open = "pull" false;
    nng_pull0_open_raw = "pull" true;
    nng_pub0_open = "pub" false;
    nng_pub0_open_raw = "pub" true;
    nng_sub0_open = "sub" false;
    nng_sub0_open_raw = "sub" true;
    nng_req0_open = "req" false;
    nng_req0_open_raw = "req" true;
    nng_rep0_open = "rep" false;
    nng_rep0_open_raw = "rep" true;
    nng_surveyor0_open = "surveyor" false;
    nng_surveyor0_open_raw = "surveyor" true;
    nng_respondent0_open = "respondent" false;
    nng_respondent0_open_raw = "respondent" true;
}

export! {
    /// Closes a socket. Whoever waits on it gets `NNG_ECLOSED` at once; what was accepted has the time of the option `linger` to reach
    /// the kernel, which is none unless it is set.
    fn nng_close(socket: nng_socket) -> status {
        close(socket)
    }

    /// [`nng_close`].
    fn nng_socket_close(socket: nng_socket) -> status {
        close(socket)
    }

    /// Closes all sockets: [`nng_close`].
    fn nng_closeall() {
        close_all();
    }

    /// Closes all sockets. The library may be used again.
    fn nng_fini() {
        close_all();
    }

    /// Its number; -1 for one that was never opened.
    fn nng_socket_id(socket: nng_socket) -> c_int {
        id(socket.id)
    }

    /// The protocol's number.
    fn nng_socket_proto_id(socket: nng_socket, number: *mut u16) -> status {
        // SAFETY: the caller's promise.
        let number = unsafe { out(number) }?;
        number.write(find(socket)?.any.protocol().number);
        Ok(())
    }

    /// The peer protocol's number.
    fn nng_socket_peer_id(socket: nng_socket, number: *mut u16) -> status {
        // SAFETY: the caller's promise.
        let number = unsafe { out(number) }?;
        number.write(find(socket)?.any.protocol().peer);
        Ok(())
    }

    /// The protocol's name; good for ever.
    fn nng_socket_proto_name(socket: nng_socket, name: *mut *const c_char) -> status {
        // SAFETY: the caller's promise.
        let name = unsafe { out(name) }?;
        name.write(static_name(find(socket)?.any.protocol().name));
        Ok(())
    }

    /// The peer protocol's name; good for ever.
    fn nng_socket_peer_name(socket: nng_socket, name: *mut *const c_char) -> status {
        // SAFETY: the caller's promise.
        let name = unsafe { out(name) }?;
        name.write(static_name(find(socket)?.any.protocol().peer_name));
        Ok(())
    }

    /// Whether it is raw.
    fn nng_socket_raw(socket: nng_socket, raw: *mut bool) -> status {
        // SAFETY: the caller's promise.
        let raw = unsafe { out(raw) }?;
        raw.write(find(socket)?.any.protocol().raw);
        Ok(())
    }

    /// Sends a copy of these bytes. With `NNG_FLAG_ALLOC` they are freed by `nng_free` if that succeeds.
    fn nng_send(socket: nng_socket, data: *mut c_void, len: usize, flags: c_int) -> status {
        // SAFETY: the caller's promise.
        let msg = Message::copy_from(unsafe { bytes(data.cast(), len) }?);
        sent(&find(socket)?.any, msg, flags)?;
        if flags & FLAG_ALLOC != 0 {
            // SAFETY: the caller's promise that it comes from `nng_alloc` and is not used again.
            unsafe { mem::nng_free(data, len) }
        }
        Ok(())
    }

    /// Receives into a buffer of `*len` bytes, what fits, and sets `*len` to the whole length. With `NNG_FLAG_ALLOC` `data` points to
    /// where a pointer to new memory is stored, for `nng_free`.
    fn nng_recv(socket: nng_socket, data: *mut c_void, len: *mut usize, flags: c_int) -> status {
        // SAFETY: the caller's promise; a length that is only an answer need not be initialized.
        let len = match unsafe { out(len) } {
            Ok(len) => len,
            // What can't receive at all says that first.
            Err(_) if !find(socket)?.any.protocol().receives => return Err(Code::ENOTSUP),
            Err(code) => return Err(code),
        };
        let room = if flags & FLAG_ALLOC != 0 {
            0
        } else {
            // SAFETY: without the flag the caller has set it.
            unsafe { len.assume_init_read() }
        };
        if data.is_null() && (flags & FLAG_ALLOC != 0 || room > 0) {
            return Err(Code::EINVAL);
        }
        let msg = received(&find(socket)?.any, flags)?;
        if flags & FLAG_ALLOC != 0 {
            // SAFETY: the caller's promise that a pointer can be stored there.
            unsafe { data.cast::<*mut c_void>().write(mem::copy(msg.body())?) }
        } else {
            // SAFETY: the caller's promise that there are so many bytes; the message is nobody else's.
            unsafe { data.cast::<u8>().copy_from_nonoverlapping(msg.body().as_ptr(), msg.len().min(room)) }
        }
        len.write(msg.len());
        Ok(())
    }

    /// Sends a message, which is the library's if that succeeds, and else stays the caller's.
    fn nng_sendmsg(socket: nng_socket, msg: *mut nng_msg, flags: c_int) -> status {
        // SAFETY: the caller's promise.
        unsafe { send_boxed(msg, || find(socket), |sock, msg| sent(&sock.any, msg, flags)) }
    }

    /// Receives a message, which is the caller's to free.
    fn nng_recvmsg(socket: nng_socket, msg: *mut *mut nng_msg, flags: c_int) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { out(msg) }?;
        msg.write(give(received(&find(socket)?.any, flags)?));
        Ok(())
    }

    /// Sends the aio's message.
    fn nng_send_aio(socket: nng_socket, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.send(find(socket).map(|sock| Target::Socket(sock.any.clone())));
        }
    }

    /// [`nng_send_aio`].
    fn nng_sock_send(socket: nng_socket, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        unsafe { nng_send_aio(socket, aio) }
    }

    /// Receives a message into the aio.
    fn nng_recv_aio(socket: nng_socket, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        if let Some(aio) = unsafe { Aio::from_c(aio) } {
            aio.recv(find(socket).map(|sock| Target::Socket(sock.any.clone())));
        }
    }

    /// [`nng_recv_aio`].
    fn nng_sock_recv(socket: nng_socket, aio: *mut nng_aio) {
        // SAFETY: the caller's promise.
        unsafe { nng_recv_aio(socket, aio) }
    }

    /// Subscribes to a topic.
    fn nng_sub0_socket_subscribe(socket: nng_socket, topic: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let topic = unsafe { bytes(topic.cast(), len) }?;
        Ok(find(socket)?.any.set_option("sub:subscribe", topic)?)
    }

    /// Gives a subscription up.
    fn nng_sub0_socket_unsubscribe(socket: nng_socket, topic: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let topic = unsafe { bytes(topic.cast(), len) }?;
        Ok(find(socket)?.any.set_option("sub:unsubscribe", topic)?)
    }

    /// The version of NNG's API that this is.
    fn nng_version() -> *const c_char {
        c"1.11.0".as_ptr()
    }
}

pub(crate) fn close_all() {
    // Those that somebody else closes at the same time are not here.
    let socks: Vec<_> = SOCKETS.all().into_iter().filter_map(|(id, _)| Some((id, SOCKETS.remove(id)?))).collect();
    // They linger together: whose time is up waits for no other.
    let mut closing: Vec<_> = socks.iter().map(|(id, sock)| Closing::begin(*id, sock)).collect();
    block_on(poll_fn(|cx| {
        let linger = closing.iter_mut().fold(false, |linger, closing| closing.lingers(cx) | linger);
        if linger { Poll::Pending } else { Poll::Ready(()) }
    }));
    for closing in closing {
        if let Err(code) = closing.end() {
            tracing::warn!("a socket was not closed as it should be: {code:?}");
        }
    }
}

#[inline]
fn sent(socket: &AnySocket, msg: Message, flags: c_int) -> Result<(), Unsent> {
    let op = socket.send(msg);
    if flags & FLAG_NONBLOCK != 0 { Ok(op.try_now()?) } else { op.wait().map_err(Unsent::late) }
}

#[inline]
fn received(socket: &AnySocket, flags: c_int) -> Result<Message> {
    let op = socket.recv();
    if flags & FLAG_NONBLOCK != 0 { Ok(op.try_now()?) } else { op.wait().map_err(untried) }
}

/// A send that failed: why, and the message.
pub(crate) struct Unsent(Code, Message);

impl Unsent {
    /// Of a send that was allowed to wait.
    pub(crate) fn late(e: SendError) -> Self {
        Self(untried(e.error), e.message)
    }
}

impl From<SendError> for Unsent {
    fn from(e: SendError) -> Self {
        Self(e.error.into(), e.message)
    }
}

impl From<Unsent> for Code {
    fn from(e: Unsent) -> Self {
        e.0
    }
}

/// Sends a message of C's: freed if that succeeds, put back if not.
///
/// # Safety
/// Null, or a message of this library, which nobody else uses meanwhile, nor afterwards if this succeeds.
#[inline]
pub(crate) unsafe fn send_boxed<T>(
    msg: *mut nng_msg,
    find: impl FnOnce() -> Result<T>,
    send: impl FnOnce(&T, Message) -> Result<(), Unsent>,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let content = unsafe { object_mut(msg) }?;
    let to = find()?;
    match send(&to, content.take()) {
        Ok(()) => {
            // SAFETY: the caller's promise; its content has been sent.
            body::free(unsafe { Box::from_raw(msg) });
            Ok(())
        }
        Err(Unsent(code, message)) => {
            content.put_back(message);
            Err(code)
        }
    }
}

/// A protocol's name with a zero byte at its end.
fn static_name(name: &str) -> *const c_char {
    const NAMES: [&std::ffi::CStr; 11] =
        [c"bus", c"pair", c"pair1", c"push", c"pull", c"pub", c"sub", c"req", c"rep", c"surveyor", c"respondent"];
    NAMES.iter().find(|other| other.to_str() == Ok(name)).map_or(c"".as_ptr(), |name| name.as_ptr())
}
