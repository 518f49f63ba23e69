//! What makes byte streams by being connected to: `nng_stream_listener_*`.

use std::ffi::{c_char, c_int, c_void};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use async_io::Timer;
use futures_lite::future::block_on;
use spanwire::option::{EndpointOptions, names};
use spanwire::transport::bytes as plain;
use spanwire::{Error, OptionValue, Url};

use super::dialer::{Family, HANDSHAKE_LIMIT, address, common, defaults, family, of_tls, with_parts};
use super::{find, nng_stream, run};
use crate::aio::nng_aio;
use crate::error::{Code, Result};
use crate::fork;
use crate::gate::Gate;
use crate::guard::{bytes, export, object, out, text};
use crate::option::{Given, Options, Wanted, get, option_function, options, set};
use crate::sockaddr::nng_sockaddr;
use crate::types::nng_duration;
use crate::url::nng_url;

/// A listener, as C holds it: what an `Arc` of it points to.
pub struct nng_stream_listener {
    url: Url,
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
    /// Who has not shaken hands yet, each with its time limit. Held by the operation whose turn it is.
    arriving: async_lock::Mutex<Vec<(plain::Arriving, Timer)>>,
}

impl Bound {
    /// The next connection that is of use: nobody is held up by who is slow, late, or no peer at all.
    ///
    /// Given up, it leaves those who have arrived to the next one.
    async fn accept(&self) -> spanwire::Result<plain::Connected> {
        let mut arriving = self.arriving.lock().await;
        // While nobody accepted nobody looked after them: that was not their time.
        for (_, late) in arriving.iter_mut() {
            late.set_after(HANDSHAKE_LIMIT);
        }
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
                        Ok(connection) => return Poll::Ready(Ok(connection)),
                        Err(e) => tracing::warn!("{}: a connection has come to nothing: {e}", self.url),
                    }
                }
                // More of them wait in the system's queue.
                if n >= HANDSHAKES {
                    return Poll::Pending;
                }
                let next = ready!(self.listener.poll_accept(cx))?;
                arriving.push((next, Timer::after(HANDSHAKE_LIMIT)));
            }
        })
        .await
    }
}

impl nng_stream_listener {
    fn binding(&self) -> MutexGuard<'_, Binding> {
        self.binding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self) -> Result<()> {
        let mut binding = self.binding();
        match *binding {
            Binding::Unbound => {}
            Binding::Bound(_) => return Err(Code::ESTATE),
            Binding::Closed => return Err(Code::ECLOSED),
        }
        let (listener, url) = block_on(plain::listen(&self.url, &self.options))?;
        *binding = Binding::Bound(Arc::new(Bound { url, listener, arriving: async_lock::Mutex::default() }));
        Ok(())
    }

    async fn accept(&self) -> crate::aio::Outcome {
        let bound = match &*self.binding() {
            Binding::Unbound => Err(Code::ESTATE),
            Binding::Bound(bound) => Ok(bound.clone()),
            Binding::Closed => Err(Code::ECLOSED),
        };
        let accept = async { Ok(bound?.accept().await?) };
        match self.gate.pass(accept).await {
            Ok(connection) => nng_stream::connected(connection),
            Err(code) => Err(code).into(),
        }
    }

    fn close(&self) {
        self.gate.close();
        *self.binding() = Binding::Closed;
    }
}

impl Options for Arc<nng_stream_listener> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        let bound = || self.options.get(name).ok_or(Code::ESTATE);
        match (name, family(&self.url)) {
            (names::LOCAL_ADDRESS, _) | (names::TCP_BOUND_PORT, Family::Tcp | Family::Tls) => bound(),
            (names::IPC_PERMISSIONS, Family::Ipc) => Err(Code::EWRITEONLY),
            (name, family) => common(&self.options, name, family),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        let binding = self.binding();
        match (name, family(&self.url), &*binding) {
            (names::LOCAL_ADDRESS, _, _) => Err(Code::EREADONLY),
            (
                names::TCP_NODELAY | names::TCP_KEEPALIVE,
                Family::Tcp | Family::Tls,
                Binding::Unbound | Binding::Bound(_),
            ) => Ok(()),
            (name, Family::Tls, Binding::Unbound | Binding::Bound(_)) if of_tls(name) => Ok(()),
            (name, Family::Tls, Binding::Closed) if of_tls(name) => Err(Code::ECLOSED),
            (names::IPC_PERMISSIONS, Family::Ipc, Binding::Unbound) => match value {
                // The bits of a file that may be set: who may do what.
                OptionValue::Int(0..=0o777) => Ok(()),
                _ => Err(Code::EINVAL),
            },
            (names::IPC_PERMISSIONS, Family::Ipc, Binding::Bound(_)) => Err(Code::EBUSY),
            (names::TCP_NODELAY | names::TCP_KEEPALIVE, Family::Tcp | Family::Tls, Binding::Closed)
            | (names::IPC_PERMISSIONS, Family::Ipc, Binding::Closed) => Err(Code::ECLOSED),
            _ => Err(Code::ENOTSUP),
        }?;
        self.options.set(name.to_owned(), value);
        Ok(())
    }
}

/// # Safety
/// As [`address`]; `listener` is null or can be written to.
unsafe fn alloc(listener: *mut *mut nng_stream_listener, url: *const nng_url) -> Result<()> {
    // SAFETY: the caller's promise.
    let (listener, url) = unsafe { (out(listener)?, address(url, true)?) };
    fork::begin()?;
    let made = Arc::new(nng_stream_listener {
        url,
        options: defaults(),
        gate: Gate::default(),
        binding: Mutex::new(Binding::Unbound),
    });
    listener.write(Arc::into_raw(made).cast_mut());
    Ok(())
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

/// How many may shake hands at a time.
const HANDSHAKES: usize = 64;
