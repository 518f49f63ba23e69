//! Dialers and listeners: what makes pipes and keeps them coming.

use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_executor::Task;
use async_io::Timer;
use event_listener::Event;
use futures_lite::future::or;

use super::events::PipeChange;
use super::executor::{contained, guarded, spawn};
use super::notify::Signal;
use super::pipe::{PipeLink, PipeShared};
use super::socket::Inner;
use super::{dirty, pump};
pub(crate) use crate::option::DEFAULT_RECV_MAX;
use crate::option::{self, Address, EndpointOptions, Scope, names};
use crate::protocol::{PipeAttrs, Reject};
use crate::transport::{self, Connection, Hello, Link};
use crate::{DialerId, Error, ListenerId, OptionValue, Result, Url};

/// Makes connections to one address and renews them when they are lost. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Dialer(pub(crate) Arc<Endpoint>);

/// Takes connections at one address. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Listener(pub(crate) Arc<Endpoint>);

impl Dialer {
    /// Its id.
    pub fn id(&self) -> DialerId {
        self.0.dialer_id().unwrap_or_else(|| unreachable!("a dialer has a dialer's id"))
    }

    /// The address that it dials.
    pub fn url(&self) -> Url {
        self.0.url()
    }

    /// Connects. When the first attempt succeeds, the connection is kept up from then on; when it fails, the dialer is as it was before.
    /// Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// What the attempt failed with; [`Error::State`] if it was started before, [`Error::Closed`].
    pub async fn start(&self) -> Result<()> {
        self.first_attempt(|_| false).await
    }

    /// As [`start`](Self::start), but to reach the peer is enough: if this side refuses the connection, because a callback closes it, the
    /// peer speaks another protocol or the protocol has no place for it, the dialer tries again later, as if it had been lost.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn start_once_reached(&self) -> Result<()> {
        self.first_attempt(|failure| matches!(failure, Failure::Refused(_))).await
    }

    async fn first_attempt(&self, go_on: impl FnOnce(&Failure) -> bool) -> Result<()> {
        let ep = &self.0;
        let dialer = ep.begin(|ep| ep.transport()?.dialer(&ep.url(), &ep.options))?;
        let guard = Unbegin(ep);
        let first = spawn(or(dial_once(ep.clone(), dialer), closed(ep.clone())));
        let (dialer, result) = first.await;
        let next = match result {
            Ok(dialed) => Next::Lost(dialed.keep()),
            Err(failure) if go_on(&failure) => Next::Later,
            Err(failure) => return Err(failure.into()),
        };
        let Some(dialer) = dialer else { return Err(Error::Closed) };
        std::mem::forget(guard);
        ep.run(spawn(keep_dialing(ep.clone(), dialer, next)));
        Ok(())
    }

    /// Starts connecting and keeps trying, without waiting for the first attempt.
    ///
    /// # Errors
    /// For an address or options that can't be dialed; [`Error::State`] if it was started before, [`Error::Closed`].
    pub fn start_in_background(&self) -> Result<()> {
        let ep = &self.0;
        let dialer = ep.begin(|ep| ep.transport()?.dialer(&ep.url(), &ep.options))?;
        ep.run(spawn(keep_dialing(ep.clone(), dialer, Next::Now)));
        Ok(())
    }

    /// Sets an option.
    ///
    /// # Errors
    /// As [`OptionSpec::check_set`](crate::option::OptionSpec::check_set); [`Error::Busy`] for one that must be set before the start.
    pub fn set_option(&self, name: &str, value: OptionValue) -> Result<()> {
        self.0.set_option(Scope::DIALER, name, value)
    }

    /// Reads an option.
    ///
    /// # Errors
    /// [`Error::NotSupported`] or [`Error::WriteOnly`].
    pub fn option(&self, name: &str) -> Result<OptionValue> {
        self.0.option(name)
    }

    /// Closes the dialer and its connection.
    ///
    /// # Errors
    /// [`Error::Closed`] if it was closed before.
    pub fn close(&self) -> Result<()> {
        self.0.close_by_user()
    }
}

impl Listener {
    /// Its id.
    pub fn id(&self) -> ListenerId {
        self.0.listener_id().unwrap_or_else(|| unreachable!("a listener has a listener's id"))
    }

    /// The address that it listens at; once started, with the port that was chosen.
    pub fn url(&self) -> Url {
        self.0.url()
    }

    /// Binds the address and starts taking connections. Dropping the future before it is ready undoes it.
    ///
    /// # Errors
    /// [`Error::AddressInUse`], [`Error::AddressInvalid`], [`Error::PermissionDenied`] and what else the system says;
    /// [`Error::State`] if it was started before, [`Error::Closed`].
    pub async fn start(&self) -> Result<()> {
        let ep = &self.0;
        let mut listener = ep.begin(Endpoint::take_prepared)?;
        let guard = Unbegin(ep);
        let bound = limited(DIAL_LIMIT, poll_fn(|cx| contained(|| listener.poll_bind(cx))));
        let url = or(bound, async {
            ep.closed.wait().await;
            Err(Error::Closed)
        })
        .await?;
        std::mem::forget(guard);
        let slot = Arc::new(Mutex::new(Some(listener)));
        let mut state = ep.lock();
        if ep.closed.is_set() {
            return Err(Error::Closed);
        }
        state.url = url;
        state.listener = Some(slot.clone());
        drop(state);
        ep.run(spawn(keep_accepting(ep.clone(), slot)));
        Ok(())
    }

    /// Sets an option.
    ///
    /// # Errors
    /// As [`OptionSpec::check_set`](crate::option::OptionSpec::check_set); [`Error::Busy`] for one that must be set before the start.
    pub fn set_option(&self, name: &str, value: OptionValue) -> Result<()> {
        self.0.set_option(Scope::LISTENER, name, value)
    }

    /// Reads an option.
    ///
    /// # Errors
    /// [`Error::NotSupported`] or [`Error::WriteOnly`].
    pub fn option(&self, name: &str) -> Result<OptionValue> {
        self.0.option(name)
    }

    /// The options as the transport sees them, for those that are no plain values.
    pub fn endpoint_options(&self) -> &Arc<EndpointOptions> {
        &self.0.options
    }

    /// Closes the listener and its connections. The address is free when this returns.
    ///
    /// # Errors
    /// [`Error::Closed`] if it was closed before.
    pub fn close(&self) -> Result<()> {
        self.0.close_by_user()
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialer({}, {})", self.id(), self.url())
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({}, {})", self.id(), self.url())
    }
}

/// A dialer or a listener.
pub(crate) struct Endpoint {
    pub(crate) socket: Weak<Inner>,
    kind: Kind,
    pub(crate) options: Arc<EndpointOptions>,
    pub(crate) counters: EndpointCounters,
    closed: Signal,
    state: Mutex<EndpointState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Dialer(DialerId),
    Listener(ListenerId),
}

struct EndpointState {
    url: Url,
    life: EndpointLife,
    /// A listener that was made to check its address, for the first start.
    prepared: Option<Box<dyn transport::Listener>>,
    /// What the accept task uses; taken out and dropped at close, which frees the address.
    listener: Option<Accepting>,
}

type Accepting = Arc<Mutex<Option<Box<dyn transport::Listener>>>>;

/// ```text
/// Idle ──start──► Starting ──first attempt, bind──► Running
///   ▲                │                                 │
///   └────failed──────┘            close from anywhere ─┴─► Closed
/// ```
enum EndpointLife {
    Idle,
    Starting,
    /// Dropping the task ends it.
    Running(#[expect(dead_code, reason = "held to be dropped")] Task<()>),
    Closed,
}

/// What an endpoint counts.
#[derive(Debug, Default)]
pub(crate) struct EndpointCounters {
    pub(crate) pipes: AtomicU64,
    pub(crate) connect: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) disconnect: AtomicU64,
    pub(crate) canceled: AtomicU64,
    pub(crate) other: AtomicU64,
    pub(crate) timeout: AtomicU64,
    pub(crate) proto: AtomicU64,
    pub(crate) auth: AtomicU64,
    pub(crate) oom: AtomicU64,
    pub(crate) reject: AtomicU64,
    pub(crate) too_large: AtomicU64,
}

impl Endpoint {
    pub(crate) fn new_dialer(socket: &Arc<Inner>, url: Url, options: EndpointOptions) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::new(socket, Kind::Dialer(fresh(&NEXT, DialerId::new)), url, options)
    }

    pub(crate) fn new_listener(socket: &Arc<Inner>, url: Url, options: EndpointOptions) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::new(socket, Kind::Listener(fresh(&NEXT, ListenerId::new)), url, options)
    }

    fn new(socket: &Arc<Inner>, kind: Kind, url: Url, options: EndpointOptions) -> Arc<Self> {
        Arc::new(Self {
            socket: Arc::downgrade(socket),
            kind,
            options: Arc::new(options),
            counters: EndpointCounters::default(),
            closed: Signal::default(),
            state: Mutex::new(EndpointState { url, life: EndpointLife::Idle, prepared: None, listener: None }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, EndpointState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn dialer_id(&self) -> Option<DialerId> {
        match self.kind {
            Kind::Dialer(id) => Some(id),
            Kind::Listener(_) => None,
        }
    }

    pub(crate) fn listener_id(&self) -> Option<ListenerId> {
        match self.kind {
            Kind::Dialer(_) => None,
            Kind::Listener(id) => Some(id),
        }
    }

    pub(crate) fn url(&self) -> Url {
        self.lock().url.clone()
    }

    pub(crate) fn attrs(&self) -> PipeAttrs {
        let priority = |name| self.options.int(name).and_then(|n| u8::try_from(n).ok()).unwrap_or(8);
        PipeAttrs { send_priority: priority(names::SEND_PRIORITY), recv_priority: priority(names::RECV_PRIORITY) }
    }

    /// The option's value, its default where it was not set.
    pub(crate) fn option(&self, name: &str) -> Result<OptionValue> {
        let scope = match self.kind {
            Kind::Dialer(_) => Scope::DIALER,
            Kind::Listener(_) => Scope::LISTENER,
        };
        option::spec(name)?.check_get(scope)?;
        if let Some(value) = self.options.get(name) {
            return Ok(value);
        }
        let url = self.url();
        Ok(match name {
            names::URL => url.to_string().into(),
            names::RECV_SIZE_MAX => DEFAULT_RECV_MAX.into(),
            names::RECONNECT_TIME_MIN => DEFAULT_RECONNECT.0.into(),
            names::RECONNECT_TIME_MAX => DEFAULT_RECONNECT.1.into(),
            names::SEND_PRIORITY | names::RECV_PRIORITY => 8.into(),
            names::WS_TXFRAME_MAX => option::WS_TXFRAME_MAX_DEFAULT.into(),
            names::WS_RXFRAME_MAX => 0_usize.into(),
            names::WS_PING_INTERVAL => None.into(),
            names::WS_REQUEST_HEADERS | names::WS_RESPONSE_HEADERS => "".into(),
            names::TCP_NODELAY => true.into(),
            names::TCP_KEEPALIVE => false.into(),
            names::TCP_BOUND_PORT => match url.port() {
                Some(port) if port != 0 => i32::from(port).into(),
                _ => return Err(Error::State("the listener has no port yet".into())),
            },
            names::LOCAL_ADDRESS => Address::Unspecified.into(),
            _ => return Err(Error::NotFound(format!("option {name:?} is not set").into())),
        })
    }

    pub(crate) fn set_option(&self, scope: Scope, name: &str, value: OptionValue) -> Result<()> {
        option::spec(name)?.check_set(scope, &value)?;
        let early =
            matches!(name, names::LOCAL_ADDRESS | names::IPC_PERMISSIONS | names::SEND_PRIORITY | names::RECV_PRIORITY);
        let state = self.lock();
        match state.life {
            EndpointLife::Closed => return Err(Error::Closed),
            EndpointLife::Starting | EndpointLife::Running(_) if early => {
                return Err(Error::Busy(format!("option {name:?} must be set before the start").into()));
            }
            EndpointLife::Idle | EndpointLife::Starting | EndpointLife::Running(_) => {}
        }
        self.options.set(name.to_owned(), value);
        Ok(())
    }

    /// A pipe of this endpoint was lost.
    pub(crate) fn pipe_gone(&self) {
        self.counters.pipes.fetch_sub(1, Ordering::Relaxed);
        self.counters.disconnect.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts why an attempt or a connection failed.
    pub(crate) fn count_error(&self, error: &Error) {
        let c = &self.counters;
        let counter = match error {
            Error::ConnectionRefused(_) => &c.refused,
            Error::Canceled | Error::Closed => &c.canceled,
            Error::TimedOut => &c.timeout,
            Error::Protocol(_) => &c.proto,
            Error::PeerAuth(_) | Error::Crypto(_) => &c.auth,
            Error::OutOfMemory | Error::OutOfFiles => &c.oom,
            Error::MessageTooLarge(_) => &c.too_large,
            _ => &c.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what the protocol refused.
    pub(crate) fn count_reject(&self, reject: Reject) {
        let counter = match reject {
            Reject::Already => &self.counters.reject,
            Reject::Malformed | Reject::Mismatch => &self.counters.proto,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends it: no more pipes from here. Its pipes are closed by the caller.
    pub(crate) fn close(&self) -> bool {
        self.end(self.lock())
    }

    /// Ends it unless it runs: whoever waits for its start does not wait for what a closing socket still writes, and nobody starts it then.
    pub(crate) fn close_unless_running(&self) {
        let state = self.lock();
        if let EndpointLife::Idle | EndpointLife::Starting = state.life {
            self.end(state);
        }
    }

    fn end(&self, mut state: MutexGuard<'_, EndpointState>) -> bool {
        let first = self.closed.mark();
        let life = std::mem::replace(&mut state.life, EndpointLife::Closed);
        let listener = state.listener.take();
        let prepared = state.prepared.take();
        drop(state);
        self.closed.tell();
        let accepting = listener.and_then(|listener| listener.lock().unwrap_or_else(PoisonError::into_inner).take());
        // These are the transport's, which may do as it likes: under no lock, and if it panics the rest is closed all the same.
        guarded("a transport's listener", || drop((prepared, accepting)));
        guarded("a transport's task", || drop(life));
        first
    }

    fn close_by_user(self: &Arc<Self>) -> Result<()> {
        if !self.close() {
            return Err(Error::Closed);
        }
        if let Some(socket) = self.socket.upgrade() {
            socket.turn(|st| {
                st.core.endpoints.retain(|ep| !Arc::ptr_eq(ep, self));
                let pipes: Vec<_> =
                    st.core.pipes.values().filter(|slot| Arc::ptr_eq(&slot.pipe.endpoint, self)).collect();
                let pipes: Vec<_> = pipes.into_iter().map(|slot| slot.pipe.clone()).collect();
                for pipe in pipes {
                    pipe.set_closing();
                    st.detach(&socket, pipe.id, None);
                }
            });
        }
        Ok(())
    }

    fn transport(&self) -> Result<Arc<dyn transport::Transport>> {
        transport::lookup(self.url().scheme())
    }

    /// From Idle to Starting.
    fn begin<T>(&self, make: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let mut state = self.lock();
        match state.life {
            EndpointLife::Idle => state.life = EndpointLife::Starting,
            EndpointLife::Starting | EndpointLife::Running(_) => {
                return Err(Error::State(format!("{} was started before", state.url).into()));
            }
            EndpointLife::Closed => return Err(Error::Closed),
        }
        drop(state);
        let guard = Unbegin(self);
        let made = make(self)?;
        std::mem::forget(guard);
        Ok(made)
    }

    /// Keeps what was made to check the address: whoever hands descriptors to a listener may do so before it starts.
    pub(crate) fn prepare(&self, listener: Box<dyn transport::Listener>) {
        self.lock().prepared = Some(listener);
    }

    fn take_prepared(&self) -> Result<Box<dyn transport::Listener>> {
        let prepared = self.lock().prepared.take();
        prepared.map_or_else(|| self.transport()?.listener(&self.url(), &self.options), Ok)
    }

    /// From Starting to Running.
    fn run(&self, task: Task<()>) {
        let mut state = self.lock();
        if let EndpointLife::Starting = state.life {
            state.life = EndpointLife::Running(task);
        }
    }

    fn hello(&self) -> Result<(Arc<Inner>, Hello)> {
        let socket = self.socket.upgrade().ok_or(Error::Closed)?;
        let hello = Hello { protocol: socket.info };
        Ok((socket, hello))
    }

    /// The bounds of the random wait before the next attempt.
    fn reconnect(&self) -> (Duration, Duration) {
        let time = |name, default| self.options.duration(name).map_or(default, |t| t.unwrap_or(Duration::MAX));
        (time(names::RECONNECT_TIME_MIN, DEFAULT_RECONNECT.0), time(names::RECONNECT_TIME_MAX, DEFAULT_RECONNECT.1))
    }
}

/// Back from Starting to Idle, unless the start succeeded.
struct Unbegin<'a>(&'a Endpoint);

impl Drop for Unbegin<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if let EndpointLife::Starting = state.life {
            state.life = EndpointLife::Idle;
        }
    }
}

type Attempt = (Option<Box<dyn transport::Dialer>>, Result<Dialed, Failure>);

/// Why an attempt failed.
#[derive(Debug)]
enum Failure {
    /// There is no connection.
    Unreached(Error),
    /// There was one, and this side did not want it.
    Refused(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unreached(e) | Failure::Refused(e) => e,
        }
    }
}

/// When a dialer tries next.
enum Next {
    Now,
    /// After the usual wait.
    Later,
    /// When this pipe has been lost.
    Lost(Arc<PipeShared>),
}

/// A pipe that nobody looks after yet. Closed when this is dropped: the start was given up just when it had succeeded.
struct Dialed(Option<Arc<PipeShared>>);

impl Dialed {
    fn keep(mut self) -> Arc<PipeShared> {
        self.0.take().unwrap_or_else(|| unreachable!("taken once, by value"))
    }
}

impl Drop for Dialed {
    fn drop(&mut self) {
        if let Some(pipe) = self.0.take()
            && let Some(socket) = pipe.socket.upgrade()
        {
            socket.close_pipe(&pipe);
        }
    }
}

async fn closed(ep: Arc<Endpoint>) -> Attempt {
    ep.closed.wait().await;
    (None, Err(Failure::Unreached(Error::Closed)))
}

/// One attempt to connect, from the address to a pipe that the protocol accepted.
async fn dial_once(ep: Arc<Endpoint>, mut dialer: Box<dyn transport::Dialer>) -> Attempt {
    let hello = match ep.hello() {
        Ok((_, hello)) => hello,
        Err(e) => return (None, Err(Failure::Unreached(e))),
    };
    let connect = limited(DIAL_LIMIT, poll_fn(|cx| contained(|| dialer.poll_dial(cx, hello))));
    let result = match connect.await {
        Ok(connection) => match attach(&ep, connection).await {
            Ok(pipe) => Ok(Dialed(Some(pipe))),
            Err(Error::Closed) => Err(Failure::Unreached(Error::Closed)),
            Err(e) => Err(Failure::Refused(e)),
        },
        Err(e) => {
            // The attempt is still the dialer's, and is given up with it: the next one begins anew.
            if let Error::TimedOut | Error::Internal(_) = e
                && let Ok(fresh) = ep.transport().and_then(|transport| transport.dialer(&ep.url(), &ep.options))
            {
                dialer = fresh;
            }
            Err(Failure::Unreached(e))
        }
    };
    if let Err(Failure::Unreached(e) | Failure::Refused(e)) = &result {
        ep.count_error(e);
        tracing::debug!(url = %ep.url(), "dial failed: {e}");
    }
    (Some(dialer), result)
}

async fn keep_dialing(ep: Arc<Endpoint>, mut dialer: Box<dyn transport::Dialer>, mut next: Next) {
    let mut bound = ep.reconnect().0;
    loop {
        let first = matches!(next, Next::Now);
        if let Next::Lost(pipe) = std::mem::replace(&mut next, Next::Later) {
            bound = ep.reconnect().0;
            pipe.gone.wait().await;
        }
        if !first {
            Timer::after(bound.min(RECONNECT_LIMIT).mul_f64(fastrand::f64()).max(RECONNECT_FLOOR)).await;
            let (_, max) = ep.reconnect();
            if !max.is_zero() {
                bound = bound.saturating_mul(2).min(max);
            }
        }
        let (again, result) = dial_once(ep.clone(), dialer).await;
        let Some(again) = again else { return };
        dialer = again;
        next = result.map_or(Next::Later, |dialed| Next::Lost(dialed.keep()));
    }
}

async fn keep_accepting(ep: Arc<Endpoint>, listener: Accepting) {
    let shaking = Arc::new(Shaking::default());
    loop {
        shaking.room().await;
        let Ok((socket, hello)) = ep.hello() else { return };
        drop(socket);
        let accepted = poll_fn(|cx| {
            let mut listener = listener.lock().unwrap_or_else(PoisonError::into_inner);
            match listener.as_mut() {
                Some(listener) => contained(|| listener.poll_accept(cx, hello)).map(Some),
                None => std::task::Poll::Ready(None),
            }
        });
        let mut handshake = match accepted.await {
            None => return,
            Some(Ok(handshake)) => handshake,
            Some(Err(e)) => {
                ep.count_error(&e);
                match e {
                    Error::Closed => return,
                    // The fault of one connection: the next one may be better.
                    Error::ConnectionAborted | Error::ConnectionReset | Error::Protocol(_) | Error::Interrupted => {
                        tracing::debug!(url = %ep.url(), "accept: {e}");
                    }
                    _ => {
                        tracing::warn!(url = %ep.url(), "accept pauses for {ACCEPT_PAUSE:?}: {e}");
                        Timer::after(ACCEPT_PAUSE).await;
                    }
                }
                continue;
            }
        };
        let place = shaking.enter();
        let ep = ep.clone();
        spawn(async move {
            let _place = place;
            let shaken = async {
                let shake = poll_fn(|cx| contained(|| handshake.as_mut().poll(cx)));
                let connection = limited(HANDSHAKE_LIMIT, shake).await?;
                attach(&ep, connection).await
            };
            let closed = async {
                ep.closed.wait().await;
                Err(Error::Closed)
            };
            if let Err(e) = or(closed, shaken).await {
                if e != Error::TryAgain {
                    ep.count_error(&e);
                }
                match e {
                    // Handed over to another listener.
                    Error::TryAgain => {}
                    // Somebody may be trying, or a certificate may have to be renewed.
                    Error::PeerAuth(_) | Error::Crypto(_) => {
                        tracing::warn!(url = %ep.url(), "handshake failed: {e}");
                    }
                    _ => tracing::debug!(url = %ep.url(), "handshake failed: {e}"),
                }
            }
        })
        .detach();
    }
}

/// Makes a pipe of a connection.
pub(super) async fn attach(ep: &Arc<Endpoint>, connection: Connection) -> Result<Arc<PipeShared>> {
    let (socket, _) = ep.hello()?;
    let Connection { peer, link, options } = connection;
    let limit = ep.options.recv_size_max();
    let link = match link {
        Link::Stream(stream, codec) => PipeLink::Stream(stream, codec),
        Link::Local(local) => PipeLink::from(local),
        Link::Messages(tx, rx) => PipeLink::from(pump::start(tx, rx, ep, limit)),
    };
    let pipe = Arc::new(PipeShared::new(&socket, ep.clone(), options, link));
    let (entered, given_up, result) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::new(None));
    let entry = Entry { socket: socket.clone(), pipe: pipe.clone(), peer, limit, entered, given_up, result };
    let entry = Arc::new(entry);
    let candidate = Candidate(Some(entry.clone()));
    let entering = entry.clone();
    // The callback's thread goes on with it: whoever has been told of a pipe need not wait for another thread before it is of use.
    match socket.notify_then(PipeChange::BeforeAdd, &pipe, move || entering.enter()) {
        // A callback that waits for a connection whose callbacks wait for this one must not wait for ever.
        Some(told) => {
            let told = async {
                told.wait().await;
                Ok(())
            };
            limited(HANDSHAKE_LIMIT, told).await?;
        }
        None => entry.enter(),
    }
    candidate.accept()?;
    Ok(pipe)
}

/// A pipe that is to belong to the socket.
struct Entry {
    socket: Arc<Inner>,
    pipe: Arc<PipeShared>,
    peer: u16,
    limit: usize,
    /// It belongs to the socket, or has. Changes under the socket's lock.
    entered: AtomicBool,
    /// Nobody wants it any more. Changes under the socket's lock.
    given_up: AtomicBool,
    result: Mutex<Option<Result<()>>>,
}

impl Entry {
    /// Takes the pipe into the socket, unless somebody has closed it.
    fn enter(&self) {
        let result = self.attach();
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        dirty::flush();
    }

    fn attach(&self) -> Result<()> {
        let Self { socket, pipe, .. } = self;
        let ep = &pipe.endpoint;
        let (peer, wanted) = (self.peer, socket.info.peer);
        socket.turn(|st| {
            if !st.core.is_alive() || ep.closed.is_set() || self.given_up.load(Ordering::Relaxed) {
                return Err(Error::Closed);
            }
            if pipe.is_closing() || peer != wanted {
                ep.counters.reject.fetch_add(1, Ordering::Relaxed);
                st.core.counters.rejects += 1;
                return Err(match pipe.is_closing() {
                    true => Error::ConnectionAborted,
                    false => {
                        Error::Protocol(format!("peer speaks protocol {peer:#06x}, {wanted:#06x} expected").into())
                    }
                });
            }
            ep.counters.pipes.fetch_add(1, Ordering::Relaxed);
            match st.attach(socket, pipe, self.limit) {
                Ok(()) => {
                    self.entered.store(true, Ordering::Relaxed);
                    ep.counters.connect.fetch_add(1, Ordering::Relaxed);
                    // Before anybody hears of the pipe.
                    st.core.fds.update(&*st.proto);
                    socket.notify(PipeChange::AfterAdd, pipe);
                    Ok(())
                }
                Err(reject) => {
                    ep.counters.pipes.fetch_sub(1, Ordering::Relaxed);
                    ep.count_reject(reject);
                    Err(Error::ConnectionAborted)
                }
            }
        })
    }
}

/// A pipe that has been announced, and whose entry nobody has seen yet. When this is dropped it goes: refused by a callback or by the
/// protocol, or because the endpoint closes or the start is given up meanwhile.
struct Candidate(Option<Arc<Entry>>);

impl Candidate {
    /// It is the socket's, or has been refused.
    fn accept(mut self) -> Result<()> {
        let entry = self.0.as_ref();
        let result = entry.and_then(|entry| entry.result.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Only a panic leaves nothing behind.
        result.unwrap_or_else(|| Err(Error::Internal("the pipe could not be taken in".into())))?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        let Some(entry) = self.0.take() else { return };
        let Entry { socket, pipe, .. } = &*entry;
        let entered = socket.turn(|st| {
            let entered = entry.entered.load(Ordering::Relaxed);
            entry.given_up.store(true, Ordering::Relaxed);
            // Whoever closes an endpoint closes its pipes, and tells of that before the end.
            if !entered || !pipe.endpoint.closed.is_set() {
                pipe.set_closing();
                st.detach(socket, pipe.id, None);
            }
            entered
        });
        if !entered {
            pipe.end();
            pipe.gone.set();
            socket.notify(PipeChange::Removed, pipe);
        }
    }
}

async fn limited<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    or(work, async {
        Timer::after(limit).await;
        Err(Error::TimedOut)
    })
    .await
}

/// The handshakes that are under way at one listener.
#[derive(Default)]
struct Shaking {
    count: AtomicUsize,
    left: Event,
}

struct Place(Arc<Shaking>);

impl Shaking {
    async fn room(&self) {
        while self.count.load(Ordering::Acquire) >= HANDSHAKES {
            let listener = self.left.listen();
            if self.count.load(Ordering::Acquire) < HANDSHAKES {
                return;
            }
            listener.await;
        }
    }

    fn enter(self: &Arc<Self>) -> Place {
        self.count.fetch_add(1, Ordering::AcqRel);
        Place(self.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify(1);
    }
}

fn fresh<T>(next: &AtomicU32, id: impl Fn(u32) -> Option<T>) -> T {
    loop {
        if let Some(id) = id(next.fetch_add(1, Ordering::Relaxed) & 0x7fff_ffff) {
            return id;
        }
    }
}

pub(crate) const DEFAULT_RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Whatever the options say: no tight loop, and no time that overflows.
const RECONNECT_FLOOR: Duration = Duration::from_millis(1);
const RECONNECT_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// A peer that has not shaken hands by then is given up.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Name resolution, connection and handshake together; and binding.
const DIAL_LIMIT: Duration = Duration::from_secs(30);
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Handshakes at one time; more connections wait in the system's queue.
const HANDSHAKES: usize = 8192;
