//! The socket as its users hold it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use super::dirty;
use super::endpoint::{DEFAULT_RECONNECT, DEFAULT_RECV_MAX, Dialer, Endpoint, Listener};
use super::events::PipeChange;
use super::executor;
use super::handover::{Sleeper, Ticket};
use super::ledger::Life;
use super::ops::{Handle, Limit, Operation, Recv, Send};
use super::pipe::Pipe;
use super::socket::Inner;
use super::sync::thread;
use crate::option::{self, EndpointOptions, Owner, Scope, names};
use crate::protocol::{Protocol, ProtocolInfo};
use crate::stats::Stat;
use crate::transport;
use crate::{ContextId, Error, Message, OptionMap, OptionValue, PipeId, Result, SocketId, Url};

/// A socket of any protocol. Cheap to clone; usable from any thread at any time. The last handle closes it, as
/// [`close`](Self::close) does.
pub struct Socket {
    inner: Arc<Inner>,
}

impl Socket {
    /// Opens a socket that speaks this protocol. The first one starts the I/O thread.
    ///
    /// # Errors
    /// [`Error::OutOfFiles`] and the like.
    pub fn open(protocol: Box<dyn Protocol>) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = loop {
            if let Some(id) = SocketId::new(NEXT.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff) {
                break id;
            }
        };
        Ok(Self { inner: Inner::open(id, protocol, OptionMap::new())? })
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Its id.
    pub fn id(&self) -> SocketId {
        self.inner.id
    }

    /// What is fixed about its protocol.
    pub fn info(&self) -> &'static ProtocolInfo {
        self.inner.info
    }

    /// A send. Nothing happens before it is awaited or waited for.
    #[inline]
    pub fn send(&self, ctx: ContextId, msg: Message) -> Send<&Self> {
        Send::new(self, ctx, msg)
    }

    /// A receive. Nothing happens before it is awaited or waited for.
    #[inline]
    pub fn recv(&self, ctx: ContextId) -> Recv<&Self> {
        Recv::new(self, ctx)
    }

    /// Puts a received message back, so that it is the next one to be received.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn unrecv(&self, ctx: ContextId, msg: Message) -> Result<()> {
        self.while_open(|st| {
            st.core.context(ctx).ok_or(Error::Closed)?;
            st.drive(|proto, out| proto.unrecv(ctx, msg, out));
            Ok(())
        })
    }

    /// Opens a context, which copies the socket's timeouts and options.
    ///
    /// # Errors
    /// [`Error::NotSupported`] if the protocol has none, [`Error::Closed`].
    pub fn open_context(&self) -> Result<ContextId> {
        self.while_open(|st| {
            let id = st.core.add_context();
            if let Err(e) = st.proto.open_context(id) {
                st.core.remove_context(id);
                return Err(e);
            }
            Ok(id)
        })
    }

    /// Closes a context. Whoever waits on it gets [`Error::Closed`].
    ///
    /// # Errors
    /// [`Error::Closed`] if it was closed before.
    pub fn close_context(&self, ctx: ContextId) -> Result<()> {
        self.while_open(|st| {
            if !st.core.remove_context(ctx) {
                return Err(Error::Closed);
            }
            st.drive(|proto, out| proto.close_context(ctx, out));
            st.core.look_again();
            Ok(())
        })
    }

    /// Sets an option of the socket, or of a context. An option that dialers and listeners have applies to the present and
    /// future ones.
    ///
    /// # Errors
    /// As [`OptionSpec::check_set`](crate::option::OptionSpec::check_set); [`Error::Closed`].
    pub fn set_option(&self, ctx: ContextId, name: &str, value: OptionValue) -> Result<()> {
        let spec = option::spec(name)?;
        spec.check_set(if ctx == ContextId::SOCKET { Scope::SOCKET } else { Scope::CONTEXT }, &value)?;
        self.while_open(|st| {
            let context = st.core.context_mut(ctx).ok_or(Error::Closed)?;
            match (name, value) {
                (names::RECV_TIMEOUT, OptionValue::Duration(time)) => context.recv_timeout = time,
                (names::SEND_TIMEOUT, OptionValue::Duration(time)) => context.send_timeout = time,
                (names::LINGER, OptionValue::Duration(time)) => st.core.linger = time,
                (names::SOCKET_NAME, OptionValue::Str(text)) => {
                    if text.len() > NAME_MAX {
                        let text = format!("{name} {text:?} is longer than {NAME_MAX} bytes");
                        return Err(Error::InvalidArgument(text.into()));
                    }
                    st.core.name = text;
                }
                (_, value) if spec.owner == Owner::Protocol => {
                    st.drive(|proto, out| proto.set_option(ctx, name, &value, out))?;
                    st.core.look_again();
                }
                (_, value) => {
                    for ep in &st.core.endpoints {
                        ep.options.set(spec.name, value.clone());
                    }
                    if name == names::TCP_NODELAY || name == names::TCP_KEEPALIVE {
                        st.core.set_on_pipes(name, &value);
                    }
                    st.core.defaults.set(spec.name, value);
                }
            }
            Ok(())
        })
    }

    /// Reads an option of the socket, or of a context.
    ///
    /// # Errors
    /// [`Error::NotSupported`], [`Error::WriteOnly`], [`Error::Closed`].
    pub fn option(&self, ctx: ContextId, name: &str) -> Result<OptionValue> {
        let spec = option::spec(name)?;
        spec.check_get(if ctx == ContextId::SOCKET { Scope::SOCKET } else { Scope::CONTEXT })?;
        let info = self.info();
        self.while_open(|st| {
            let context = st.core.context(ctx).ok_or(Error::Closed)?;
            Ok(match name {
                names::RECV_TIMEOUT => context.recv_timeout.into(),
                names::SEND_TIMEOUT => context.send_timeout.into(),
                names::LINGER => st.core.linger.into(),
                names::SOCKET_NAME => st.core.name.clone().into(),
                names::RAW => info.raw.into(),
                names::PROTOCOL => i32::from(info.number).into(),
                names::PEER => i32::from(info.peer).into(),
                names::PROTOCOL_NAME => info.name.into(),
                names::PEER_NAME => info.peer_name.into(),
                names::RECV_FD | names::SEND_FD => st.poll_fd(name == names::RECV_FD)?,
                _ if spec.owner == Owner::Protocol => st.proto.option(ctx, name)?,
                _ => match st.core.defaults.get(name) {
                    Some(value) => value.clone(),
                    None => match name {
                        names::RECV_SIZE_MAX => DEFAULT_RECV_MAX.into(),
                        names::RECONNECT_TIME_MIN => DEFAULT_RECONNECT.0.into(),
                        names::RECONNECT_TIME_MAX => DEFAULT_RECONNECT.1.into(),
                        names::TCP_NODELAY => true.into(),
                        names::TCP_KEEPALIVE => false.into(),
                        _ => return Err(Error::NotFound(format!("option {name:?} is not set").into())),
                    },
                },
            })
        })
    }

    /// A dialer for this address, not yet started.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for an unknown scheme, [`Error::AddressInvalid`], [`Error::Closed`].
    pub fn dialer(&self, url: &Url) -> Result<Dialer> {
        let transport = transport::lookup(url.scheme())?;
        let ep = self.endpoint(|options| Endpoint::new_dialer(&self.inner, url.clone(), options))?;
        transport.dialer(url, &ep.options).map_err(|e| self.forget(&ep, e))?;
        Ok(Dialer(ep))
    }

    /// A listener for this address, not yet started.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for an unknown scheme, [`Error::AddressInvalid`], [`Error::Closed`].
    pub fn listener(&self, url: &Url) -> Result<Listener> {
        let transport = transport::lookup(url.scheme())?;
        let ep = self.endpoint(|options| Endpoint::new_listener(&self.inner, url.clone(), options))?;
        ep.prepare(transport.listener(url, &ep.options).map_err(|e| self.forget(&ep, e))?);
        Ok(Listener(ep))
    }

    /// Calls back for each pipe event from now on, on the library's callback thread, with no lock held. A callback may use and close
    /// sockets and pipes. While a before-add callback runs, its pipe waits.
    pub fn on_pipe(&self, callback: impl Fn(PipeChange, &Pipe) + std::marker::Send + Sync + 'static) {
        self.inner.add_callback(Arc::new(callback));
    }

    /// Runs this on the library's callback thread, after the pipe callbacks for all that has happened so far.
    pub fn after_callbacks(&self, f: impl FnOnce() + std::marker::Send + 'static) {
        executor::call(f);
    }

    /// The open pipes.
    pub fn pipes(&self) -> Vec<Pipe> {
        self.inner.lock().core.pipes.values().map(|slot| Pipe(slot.pipe.clone())).collect()
    }

    /// The open pipe with this id.
    pub fn pipe(&self, id: PipeId) -> Option<Pipe> {
        self.inner.lock().core.pipes.get(id).map(|slot| Pipe(slot.pipe.clone()))
    }

    /// The open dialers.
    pub fn dialers(&self) -> Vec<Dialer> {
        let st = self.inner.lock();
        st.core.endpoints.iter().filter(|ep| ep.dialer_id().is_some()).map(|ep| Dialer(ep.clone())).collect()
    }

    /// The open listeners.
    pub fn listeners(&self) -> Vec<Listener> {
        let st = self.inner.lock();
        st.core.endpoints.iter().filter(|ep| ep.listener_id().is_some()).map(|ep| Listener(ep.clone())).collect()
    }

    /// A snapshot of its statistics.
    pub fn stats(&self) -> Stat {
        self.inner.stats()
    }

    /// Closes the socket. Whoever waits on it, or for the start of one of its endpoints, gets [`Error::Closed`] at once; messages that were
    /// accepted are given the time of the option `linger` to reach the kernel. Legal from everywhere, callbacks included.
    pub fn close(&self) -> Close<'_> {
        Close { socket: self, begun: false }
    }

    /// Whether it has been closed.
    pub fn is_closed(&self) -> bool {
        !matches!(self.inner.lock().core.life, Life::Open)
    }

    fn while_open<R>(&self, f: impl FnOnce(&mut super::state::State) -> Result<R>) -> Result<R> {
        self.inner.turn(|st| match st.core.life {
            Life::Open => f(st),
            Life::Lingering(_) | Life::Closed => Err(Error::Closed),
        })
    }

    fn endpoint(&self, make: impl FnOnce(EndpointOptions) -> Arc<Endpoint>) -> Result<Arc<Endpoint>> {
        self.while_open(|st| {
            let ep = make(EndpointOptions::new(st.core.defaults.clone()));
            st.core.endpoints.push(ep.clone());
            Ok(ep)
        })
    }

    fn forget(&self, ep: &Arc<Endpoint>, error: Error) -> Error {
        self.inner.turn(|st| st.core.endpoints.retain(|other| !Arc::ptr_eq(other, ep)));
        error
    }
}

impl Clone for Socket {
    fn clone(&self) -> Self {
        self.inner.handles.fetch_add(1, Ordering::Relaxed);
        Self { inner: self.inner.clone() }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.inner.handles.fetch_sub(1, Ordering::AcqRel) == 1 && !self.is_closed() {
            let _ = self.close().wait(Limit::Options);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({}, {}{})", self.inner.id, self.info().name, if self.info().raw { ", raw" } else { "" })
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Socket {}

impl Handle for Arc<Socket> {
    fn socket(&self) -> &Socket {
        self
    }
}

/// The close of a socket. Dropped before it is ready, the socket closes without lingering further.
#[must_use = "a close does nothing until it is awaited or waited for"]
#[derive(Debug)]
pub struct Close<'a> {
    socket: &'a Socket,
    begun: bool,
}

impl Close<'_> {
    /// One attempt: `None` while messages are being written.
    fn step(&mut self, sleeper: impl FnOnce() -> Sleeper) -> Option<Result<()>> {
        let inner = self.socket.inner();
        let mut st = inner.lock();
        if !self.begun {
            if !matches!(st.core.life, Life::Open) {
                return Some(Err(Error::Closed));
            }
            self.begun = true;
            st.core.life = Life::Lingering(Vec::new());
            st.core.end_waiters(None, Ticket::MAX);
            st.core.fds.close();
            let endpoints = st.core.endpoints.clone();
            inner.finish(st);
            endpoints.iter().for_each(|ep| ep.close_unless_running());
            dirty::flush();
            st = inner.lock();
        }
        let done = st.is_written() || st.core.linger == Some(Duration::ZERO);
        if !done && let Life::Lingering(closers) = &mut st.core.life {
            closers.clear();
            closers.push(sleeper());
        }
        inner.finish(st);
        if done {
            self.finish();
        }
        done.then_some(Ok(()))
    }

    fn finish(&mut self) {
        self.begun = false;
        let inner = self.socket.inner();
        // Listeners before pipes: a peer that lost its pipe and dials again must not find one that is about to go.
        let endpoints = std::mem::take(&mut inner.lock().core.endpoints);
        for ep in endpoints {
            ep.close();
        }
        let mut st = inner.lock();
        if let Life::Closed = st.core.life {
            return;
        }
        st.core.life = Life::Closed;
        let pipes: Vec<_> = st.core.pipes.values().map(|slot| slot.pipe.clone()).collect();
        for pipe in pipes {
            pipe.set_closing();
            st.detach(inner, pipe.id, None);
        }
        st.core.end_waiters(None, Ticket::MAX);
        st.drive(|proto, out| proto.close_context(ContextId::SOCKET, out));
        inner.poll.close(inner.io().poll());
        inner.finish(st);
    }
}

impl Operation for Close<'_> {
    type Output = Result<()>;

    fn poll_op(&mut self, cx: &mut Context<'_>, _: Limit) -> Poll<Self::Output> {
        self.step(|| Sleeper::Task(cx.waker().clone())).map_or(Poll::Pending, Poll::Ready)
    }

    fn wait(&mut self, mut limit: Limit) -> Self::Output {
        loop {
            if let Some(result) = self.step(|| Sleeper::Thread(thread::current())) {
                return result;
            }
            match limit.left(|| self.default_timeout()) {
                Some(Duration::ZERO) => return self.time_out(),
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
    }

    fn try_now(&mut self) -> Self::Output {
        self.wait(Limit::after(Duration::ZERO))
    }

    fn time_out(&mut self) -> Self::Output {
        self.finish();
        Ok(())
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.socket.inner().lock().core.linger
    }
}

impl Future for Close<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_op(cx, Limit::Never)
    }
}

impl Drop for Close<'_> {
    fn drop(&mut self) {
        if self.begun {
            self.finish();
        }
    }
}

const NAME_MAX: usize = 63;
