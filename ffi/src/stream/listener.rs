//! What makes byte streams by being connected to: `nng_stream_listener_*`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};
use std::time::Duration;

use async_io::Timer;
use event_listener::Event;
use futures_lite::future::block_on;
use spanwire::option::{Address, EndpointOptions, names};
use spanwire::transport::{bytes as plain, spawn};
use spanwire::{Error, OptionValue, Url};

use super::dialer::{Family, HANDSHAKE_LIMIT, address, common, defaults, family, settable, with_parts};
use super::{find, nng_stream, run};
use crate::aio::nng_aio;
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::Gate;
use crate::guard::{bytes, export, object, out, text};
use crate::option::{Given, Options, Wanted, get, in_range, option_function, options, set};
use crate::sockaddr::nng_sockaddr;
use crate::types::nng_duration;
use crate::url::nng_url;

/// A listener, as C holds it: what an `Arc` of it points to.
pub struct nng_stream_listener {
    url: Url,
    /// As C has given it.
    raw_url: String,
    options: Arc<EndpointOptions>,
    gate: Gate,
    binding: Mutex<Binding>,
}

/// ```text
/// Unbound ──listen──► Bound ──close──► Closed
///    └────────────────close──────────────▲
/// ```
enum Binding {
    Unbound,
    Bound(Arc<Bound>),
    Closed,
}

struct Bound {
    url: Url,
    listener: plain::Listener,
    /// Held by the accept whose turn it is, where no handshake is needed.
    turn: async_lock::Mutex<()>,
    /// Who has shaken hands, and has not been accepted yet.
    ready: Mutex<Ready>,
    came: Event,
}

#[derive(Default)]
struct Ready {
    waiting: VecDeque<plain::Connected>,
    /// Wakes who shakes hands, if there was no room.
    room: Option<Waker>,
}

impl Bound {
    /// Shakes hands with all who come, for as long as it is polled: nobody is held up by who is slow, late, or no peer at all.
    async fn serve(&self) -> Result<Infallible> {
        let mut arriving: Vec<(plain::Arriving, Timer)> = Vec::new();
        let mut pause: Option<Timer> = None;
        poll_fn(|cx| {
            loop {
                let mut n = 0;
                while let Some((handshake, late)) = arriving.get_mut(n) {
                    let done = match (handshake.as_mut().poll(cx), Pin::new(late).poll(cx)) {
                        (Poll::Ready(done), _) => done,
                        (Poll::Pending, Poll::Ready(_)) => Err(Error::TimedOut),
                        (Poll::Pending, Poll::Pending) => {
                            n += 1;
                            continue;
                        }
                    };
                    drop(arriving.remove(n));
                    match done {
                        Ok(connection) => self.admit(connection),
                        Err(e) => self.missed(&e),
                    }
                }
                // More of them wait in the system's queue.
                if !self.has_room(n, cx.waker()) {
                    return Poll::Pending;
                }
                if let Some(pause) = &mut pause {
                    ready!(Pin::new(pause).poll(cx));
                }
                pause = None;
                match ready!(self.listener.poll_accept(cx)) {
                    Ok(next) => arriving.push((next, Timer::after(HANDSHAKE_LIMIT))),
                    Err(e) => {
                        self.missed(&e);
                        pause = Some(Timer::after(PAUSE));
                    }
                }
            }
        })
        .await
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, connection: plain::Connected) {
        self.ready().waiting.push_back(connection);
        self.came.notify_additional(1);
    }

    /// Whether one more may shake hands, besides so many. If not, this is woken when it may be so.
    fn has_room(&self, arriving: usize, waker: &Waker) -> bool {
        let mut ready = self.ready();
        let has_room = arriving + ready.waiting.len() < HANDSHAKES;
        ready.room = (!has_room).then(|| waker.clone());
        has_room
    }

    /// Who has waited longest, and who is to be woken because there is room now.
    fn take(&self) -> (Option<plain::Connected>, Option<Waker>) {
        let mut ready = self.ready();
        (ready.waiting.pop_front(), ready.room.take())
    }

    /// The next who has shaken hands.
    async fn next(&self) -> plain::Connected {
        loop {
            let came = self.came.listen();
            let (next, room) = self.take();
            room.into_iter().for_each(Waker::wake);
            match next {
                Some(connection) => return connection,
                None => came.await,
            }
        }
    }

    /// The next connection, where no handshake is needed.
    async fn accept(&self) -> spanwire::Result<plain::Connected> {
        let _turn = self.turn.lock().await;
        loop {
            match poll_fn(|cx| self.listener.poll_accept(cx)).await?.await {
                Ok(connection) => return Ok(connection),
                Err(e) => self.missed(&e),
            }
        }
    }

    fn missed(&self, e: &Error) {
        match e {
            // Another listener at the port has it.
            Error::TryAgain => {}
            e => tracing::warn!("{}: a connection has come to nothing: {e}", self.url),
        }
    }
}

impl nng_stream_listener {
    fn binding(&self) -> MutexGuard<'_, Binding> {
        self.binding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>) -> Result<()> {
        let mut binding = self.binding();
        match *binding {
            Binding::Unbound => {}
            Binding::Bound(_) => return Err(Code::ESTATE),
            Binding::Closed => return Err(Code::ECLOSED),
        }
        let (listener, url) = block_on(plain::listen(&self.url, &self.options))?;
        let (turn, ready, came) = Default::default();
        let bound = Arc::new(Bound { url, listener, turn, ready, came });
        if family(&self.url).shakes_hands() {
            let (me, bound) = (self.clone(), bound.clone());
            spawn(async move { _ = me.gate.pass(bound.serve()).await });
        }
        *binding = Binding::Bound(bound);
        Ok(())
    }

    async fn accept(&self) -> crate::aio::Outcome {
        let bound = match &*self.binding() {
            Binding::Unbound => Err(Code::ESTATE),
            Binding::Bound(bound) => Ok(bound.clone()),
            Binding::Closed => Err(Code::ECLOSED),
        };
        let family = family(&self.url);
        let accept = async {
            match family.shakes_hands() {
                true => Ok(bound?.next().await),
                false => Ok(bound?.accept().await?),
            }
        };
        match self.gate.pass(accept).await {
            Ok(connection) => nng_stream::connected(family, connection),
            Err(code) => Err(code).into(),
        }
    }

    fn close(&self) {
        self.gate.close();
        let was = std::mem::replace(&mut *self.binding(), Binding::Closed);
        if let Binding::Bound(bound) = was {
            let waiting = std::mem::take(&mut bound.ready().waiting);
            waiting.iter().for_each(|(stream, _)| stream.shutdown());
        }
    }
}

impl Options for Arc<nng_stream_listener> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        let family = family(&self.url);
        match name {
            names::LOCAL_ADDRESS if family.has_port() => {
                Ok(self.options.get(name).unwrap_or(OptionValue::Address(Address::Unspecified)))
            }
            names::LOCAL_ADDRESS => self.options.get(name).ok_or(Code::ESTATE),
            names::TCP_BOUND_PORT if family.has_port() => self.options.get(name).ok_or(Code::ESTATE),
            names::IPC_PERMISSIONS if family == Family::Ipc => Err(Code::EWRITEONLY),
            names::WS_RESPONSE_HEADERS if family.is_ws() => Err(Code::EWRITEONLY),
            names::URL if family.is_ws() => Ok(self.raw_url.clone().into()),
            _ => common(&self.options, name, family),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        let (binding, family) = (self.binding(), family(&self.url));
        let is_known = match name {
            names::LOCAL_ADDRESS => return Err(Code::EREADONLY),
            names::URL if family.is_ws() => return Err(Code::EREADONLY),
            names::IPC_PERMISSIONS => family == Family::Ipc,
            names::WS_RESPONSE_HEADERS => family.is_ws(),
            _ if name.starts_with(names::WS_RESPONSE_HEADER) => family.is_ws(),
            _ => settable(name, family),
        };
        match (name, &*binding) {
            _ if !is_known => return Err(Code::ENOTSUP),
            (names::IPC_PERMISSIONS, Binding::Unbound) => match value {
                // The bits of a file that may be set: who may do what.
                OptionValue::Int(0..=0o777) => {}
                _ => return Err(Code::EINVAL),
            },
            (names::IPC_PERMISSIONS, Binding::Bound(_)) => return Err(Code::EBUSY),
            (_, Binding::Closed) => return Err(Code::ECLOSED),
            (_, Binding::Unbound | Binding::Bound(_)) => in_range(name, &value)?,
        }
        self.options.set(name.to_owned(), value);
        Ok(())
    }
}

/// # Safety
/// As [`address`]; `listener` is null or can be written to.
unsafe fn alloc(listener: *mut *mut nng_stream_listener, url: *const nng_url) -> Result<()> {
    // SAFETY: the caller's promise.
    let (listener, raw_url, url) = unsafe { (out(listener)?, raw(url)?, address(url, true)?) };
    fork::begin()?;
    let made = Arc::new(nng_stream_listener {
        options: defaults(family(&url)),
        url,
        raw_url,
        gate: Gate::default(),
        binding: Mutex::new(Binding::Unbound),
    });
    listener.write(Arc::into_raw(made).cast_mut());
    Ok(())
}

/// The text of a URL in parts; empty if that is missing.
///
/// # Safety
/// As [`address`].
unsafe fn raw(url: *const nng_url) -> Result<String> {
    // SAFETY: the caller's promise.
    let raw = unsafe { object(url) }?.u_rawurl;
    if raw.is_null() {
        return Ok(String::new());
    }
    // SAFETY: not null, and the caller's promise.
    Ok(unsafe { CStr::from_ptr(raw) }.to_string_lossy().into_owned())
}

export! {
    /// Makes a listener for a URL.
    fn nng_stream_listener_alloc(listener: *mut *mut nng_stream_listener, url: *const c_char) -> status {
        // SAFETY: the caller's promise that the pointers are null, or can be written to, and a text.
        unsafe { with_parts(url, |url| alloc(listener, url)) }
    }

    /// Makes a listener for a URL in parts.
    fn nng_stream_listener_alloc_url(listener: *mut *mut nng_stream_listener, url: *const nng_url) -> status {
        // SAFETY: the caller's promise that the pointers are null, or can be written to, and a URL.
        unsafe { alloc(listener, url) }
    }

    /// Begins to listen.
    fn nng_stream_listener_listen(listener: *mut nng_stream_listener) -> status {
        // SAFETY: the caller's promise that the pointer is null or a listener that has not been freed.
        unsafe { find(listener) }?.listen()
    }

    /// Waits for the next connection. The stream is the aio's first output.
    fn nng_stream_listener_accept(listener: *mut nng_stream_listener, aio: *mut nng_aio) {
        // SAFETY: the caller's promise that the pointers are null, or a listener and an aio that have not been freed.
        unsafe { run(find(listener), aio, |listener, _| async move { listener.accept().await }) }
    }

    /// Ends listening.
    fn nng_stream_listener_close(listener: *mut nng_stream_listener) {
        // SAFETY: the caller's promise that the pointer is null or a listener that has not been freed.
        if let Ok(listener) = unsafe { find(listener) } {
            listener.close();
        }
    }

    /// Closes and frees a listener. Null is allowed.
    fn nng_stream_listener_free(listener: *mut nng_stream_listener) {
        if !listener.is_null() && !fork::inherited() {
            // SAFETY: the caller's promise that it is a listener of this library, which is not used again.
            unsafe { Arc::from_raw(listener) }.close();
        }
    }
}

options! {
    *mut nng_stream_listener, find {
        get nng_stream_listener_get
        get_bool nng_stream_listener_get_bool
        get_int nng_stream_listener_get_int
        get_size nng_stream_listener_get_size
        get_uint64 nng_stream_listener_get_uint64
        get_string nng_stream_listener_get_string
        get_ptr nng_stream_listener_get_ptr
        get_ms nng_stream_listener_get_ms
        get_addr nng_stream_listener_get_addr
        set nng_stream_listener_set
        set_bool nng_stream_listener_set_bool
        set_int nng_stream_listener_set_int
        set_size nng_stream_listener_set_size
        set_uint64 nng_stream_listener_set_uint64
        set_string nng_stream_listener_set_string
        set_ptr nng_stream_listener_set_ptr
        set_ms nng_stream_listener_set_ms
        set_addr nng_stream_listener_set_addr
    }
}

/// How many may shake hands at a time, or have done so and wait to be accepted.
const HANDSHAKES: usize = 64;
/// Before the next attempt to accept, when the system has refused one.
const PAUSE: Duration = Duration::from_millis(100);
