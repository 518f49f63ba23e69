//! Connections within this process: `inproc://any-name`.
//!
//! The name is known to all sockets of the process, and to nobody else. A dialer waits in its listener's queue until the
//! listener sees it; then both learn the other's protocol number, and each gets one end of a
//! [`local_pair`]. No bytes are copied and no system call is made.
//!
//! After a `fork`, the names of the parent are free in the child.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{collections::VecDeque, mem, process};

use spanwire_core::option::{Address, EndpointOptions, OptionValue, names};
use spanwire_core::transport::{
    Connection, Dialer, Handshake, Hello, Link, Listener, LocalLink, Transport, local_pair,
};
use spanwire_core::{Error, OptionMap, Result, Url};

use crate::pending::Attempt;

/// The transport of `inproc://`.
#[derive(Debug)]
pub struct Inproc;

impl Transport for Inproc {
    fn schemes(&self) -> &[&'static str] {
        &["inproc"]
    }

    fn dialer(&self, url: &Url, _: &Arc<EndpointOptions>) -> Result<Box<dyn Dialer>> {
        Ok(Box::new(InprocDialer { name: url.path().into_owned(), attempt: Attempt::default() }))
    }

    fn listener(&self, url: &Url, options: &Arc<EndpointOptions>) -> Result<Box<dyn Listener>> {
        Ok(Box::new(InprocListener { url: url.clone(), options: options.clone(), room: None }))
    }
}

struct InprocDialer {
    name: String,
    attempt: Attempt,
}

impl Dialer for InprocDialer {
    fn poll_dial(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Connection>> {
        let Self { name, attempt } = self;
        attempt.poll(cx, || {
            let name = name.clone();
            Box::pin(async move {
                let guest = Guest::enter(&name, hello)?;
                let met = poll_fn(|cx| guest.poll(cx)).await?;
                Ok(connection(&name, met))
            })
        })
    }
}

struct InprocListener {
    url: Url,
    options: Arc<EndpointOptions>,
    room: Option<Arc<Room>>,
}

impl InprocListener {
    fn name(&self) -> String {
        self.url.path().into_owned()
    }
}

impl Listener for InprocListener {
    fn poll_bind(&mut self, _: &mut Context<'_>) -> Poll<Result<Url>> {
        let room = Room::open(&self.name())?;
        self.room = Some(room);
        self.options.set(names::LOCAL_ADDRESS, OptionValue::Address(Address::Inproc(self.name())));
        Poll::Ready(Ok(self.url.clone()))
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, hello: Hello) -> Poll<Result<Handshake>> {
        let Some(room) = &self.room else {
            return Poll::Ready(Err(Error::State("the listener is not bound yet".into())));
        };
        loop {
            let visit = match &mut *room.lock() {
                Queue::Closed => return Poll::Ready(Err(Error::Closed)),
                Queue::Open { guests, waker } => match guests.pop_front() {
                    Some(visit) => visit,
                    None => {
                        *waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                },
            };
            if visit.is_over() {
                continue;
            }
            let (seen, name) = (Seen(Some(visit)), self.name());
            // The listener's end becomes a pipe in the same poll as they meet, and the dialer's in a later one: what is sent after a dial arrives,
            // unless the listening socket has pipe callbacks, for which its pipe waits.
            return Poll::Ready(Ok(Box::pin(async move { Ok(connection(&name, seen.meet(hello)?)) })));
        }
    }
}

impl Drop for InprocListener {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            room.close(&self.name());
        }
    }
}

/// Where the dialers of a name wait for its listener. Locks: the table, then a room, then a visit; none while waking.
struct Room(Mutex<Queue>);

enum Queue {
    Open { guests: VecDeque<Arc<Visit>>, waker: Option<Waker> },
    Closed,
}

impl Room {
    fn open(name: &str) -> Result<Arc<Self>> {
        let mut table = table();
        if table.get(name).is_some_and(|entry| entry.process == process::id()) {
            return Err(Error::AddressInUse(format!("inproc://{name}").into()));
        }
        let room = Arc::new(Self(Mutex::new(Queue::Open { guests: VecDeque::new(), waker: None })));
        table.insert(name.to_owned(), Entry { process: process::id(), room: room.clone() });
        Ok(room)
    }

    fn close(self: Arc<Self>, name: &str) {
        let mut table = table();
        if table.get(name).is_some_and(|entry| Arc::ptr_eq(&entry.room, &self)) {
            table.remove(name);
        }
        drop(table);
        let before = mem::replace(&mut *self.lock(), Queue::Closed);
        if let Queue::Open { guests, .. } = before {
            guests.iter().for_each(|visit| visit.turn_away());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A dialer's side of a visit, which it ends by dropping this.
struct Guest {
    name: String,
    visit: Arc<Visit>,
}

impl Guest {
    fn enter(name: &str, hello: Hello) -> Result<Self> {
        let refused = || Error::ConnectionRefused(format!("nobody listens at inproc://{name}").into());
        let room = match table().get(name) {
            Some(entry) if entry.process == process::id() => entry.room.clone(),
            Some(_) | None => return Err(refused()),
        };
        let visit = Arc::new(Visit(Mutex::new(State::Waiting { hello, waker: None })));
        let waker = match &mut *room.lock() {
            Queue::Closed => return Err(refused()),
            Queue::Open { guests, waker } => {
                guests.push_back(visit.clone());
                waker.take()
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(Self { name: name.to_owned(), visit })
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Met>> {
        let mut state = self.visit.lock();
        if let State::Waiting { waker, .. } = &mut *state {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(match mem::replace(&mut *state, State::Over) {
            State::Met(met) => Ok(met),
            State::Waiting { .. } | State::Over => {
                Err(Error::ConnectionRefused(format!("the listener at inproc://{} closed", self.name).into()))
            }
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.visit.turn_away();
    }
}

/// One dialer's attempt to meet the listener.
struct Visit(Mutex<State>);

/// A visit that the listener has seen and not answered yet. Dropped, it turns the dialer away.
struct Seen(Option<Arc<Visit>>);

impl Seen {
    fn meet(mut self, listener: Hello) -> Result<Met> {
        // The dialer may have given up just now.
        self.0.take().and_then(|visit| visit.meet(listener)).ok_or(Error::Canceled)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        if let Some(visit) = self.0.take() {
            visit.turn_away();
        }
    }
}

/// What each side gets of a meeting.
struct Met {
    peer: u16,
    link: LocalLink,
}

/// ```text
/// Waiting ──the listener sees it──► Met ──the dialer sees it──► Over
///    └──────the dialer gives up, or the listener closes───────────┘
/// ```
enum State {
    Waiting { hello: Hello, waker: Option<Waker> },
    Met(Met),
    Over,
}

impl Visit {
    /// Introduces the dialer to the listener, and answers the listener's end. `None` if the dialer has given up.
    fn meet(&self, listener: Hello) -> Option<Met> {
        let mut state = self.lock();
        let State::Waiting { hello: dialer, waker } = &mut *state else { return None };
        let (waker, dialer) = (waker.take(), *dialer);
        let depth = dialer.protocol.pipe_depth.min(listener.protocol.pipe_depth);
        let (theirs, ours) = local_pair(depth);
        let theirs = Met { peer: listener.protocol.number, link: theirs };
        let ours = Met { peer: dialer.protocol.number, link: ours };
        *state = State::Met(theirs);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some(ours)
    }

    fn is_over(&self) -> bool {
        matches!(*self.lock(), State::Over)
    }

    fn turn_away(&self) {
        let before = mem::replace(&mut *self.lock(), State::Over);
        if let State::Waiting { waker: Some(waker), .. } = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entry {
    process: u32,
    room: Arc<Room>,
}

fn table() -> MutexGuard<'static, HashMap<String, Entry>> {
    static TABLE: OnceLock<Mutex<HashMap<String, Entry>>> = OnceLock::new();
    TABLE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

fn connection(name: &str, met: Met) -> Connection {
    let mut options = OptionMap::new();
    for side in [names::LOCAL_ADDRESS, names::REMOTE_ADDRESS] {
        options.set(side, OptionValue::Address(Address::Inproc(name.to_owned())));
    }
    Connection { peer: met.peer, link: Link::Local(met.link), options }
}
