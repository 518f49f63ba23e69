//! Addresses that several listeners share, each with a path of its own.
//!
//! All listeners of a process at one host and port accept from the same socket. Whoever accepts a connection reads its request, and
//! hands it over if its path is another's. The last listener that goes closes the socket.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use spanwire_core::{Error, OptionMap};

use super::http::Request;
use super::secure::{Made, Secured};
use super::upgrade::Half;
use crate::stream::FdStream;
use crate::sys::{Acceptor, tcp_listen};

/// A path at an address. It is free again when this is dropped.
pub(super) struct Place {
    hub: Arc<Hub>,
    path: String,
}

/// What arrives at a path.
pub(super) enum Visit {
    /// A connection that has said nothing yet.
    New(FdStream),
    /// One whose request another listener has read.
    Asked(Box<Asked>),
}

/// A connection and its request.
pub(super) struct Asked {
    pub(super) half: Half,
    pub(super) found: OptionMap,
    pub(super) request: Request,
    /// By the options of whoever listens at this address, which need not be those of this path.
    pub(super) made: Made,
}

/// The sockets that are shared, by their address.
pub(super) struct Hubs(Mutex<Option<HashMap<SocketAddr, Arc<Hub>>>>);

struct Hub {
    /// Until the last listener goes: a handshake that is under way must not keep the port.
    acceptor: Mutex<Option<Acceptor>>,
    addr: SocketAddr,
    v6_only: Option<bool>,
    /// The path whose listener says how connections are secured, on all paths; nobody knows a connection's path before.
    first: Mutex<String>,
    hubs: &'static Hubs,
    /// Under the lock of `hubs` when one comes or goes.
    paths: Mutex<HashMap<String, Spot>>,
    bell: Arc<Bell>,
    ring: Waker,
}

/// A path that is taken.
struct Spot {
    waiting: VecDeque<Box<Asked>>,
    secured: Secured,
}

/// Wakes all listeners of a hub: each looks whether there is something for it.
#[derive(Default)]
struct Bell(Mutex<Vec<Waker>>);

impl Hubs {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Takes a path at an address, which is bound if it is not one of ours.
    pub(super) fn listen(
        &'static self,
        at: SocketAddr,
        v6_only: Option<bool>,
        path: &str,
        secured: &Secured,
    ) -> io::Result<(Place, SocketAddr)> {
        let mut hubs = lock(&self.0);
        let hubs = hubs.get_or_insert_default();
        let hub = match hubs.get(&at) {
            Some(hub) if hub.secured().is_some_and(|other| !secured.is_as(&other)) => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "listeners there are secured in another way"));
            }
            // Both versions of IP, or one: only for a wildcard is it not the same.
            Some(hub) if at.ip().is_unspecified() && hub.v6_only != v6_only => {
                return Err(io::Error::new(io::ErrorKind::AddrInUse, "listeners there have other versions of IP"));
            }
            Some(hub) => hub.clone(),
            None => {
                let acceptor = tcp_listen(at, v6_only)?;
                let addr = acceptor.local_addr()?;
                let bell = Arc::new(Bell::default());
                let (first, ring) = (Mutex::new(path.to_owned()), bell.clone().into());
                let (acceptor, paths) = (Mutex::new(Some(acceptor)), Mutex::default());
                let hub = Arc::new(Hub { acceptor, addr, v6_only, first, hubs: self, paths, bell, ring });
                hubs.insert(addr, hub.clone());
                hub
            }
        };
        match lock(&hub.paths).entry(path.to_owned()) {
            Entry::Occupied(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "the path is taken")),
            Entry::Vacant(entry) => {
                entry.insert(Spot { waiting: VecDeque::new(), secured: secured.clone() });
            }
        }
        let addr = hub.addr;
        Ok((Place { hub, path: path.to_owned() }, addr))
    }
}

impl Hub {
    /// How connections are secured; `None` if nobody listens any more.
    fn secured(&self) -> Option<Secured> {
        let paths = lock(&self.paths);
        paths.get(&*lock(&self.first)).map(|spot| spot.secured.clone())
    }
}

impl Place {
    /// How all connections at this address are secured.
    pub(super) fn secured(&self) -> Option<Secured> {
        self.hub.secured()
    }

    /// Whoever takes connections that are asked for this path.
    pub(super) fn door(&self) -> Door {
        Door { hub: self.hub.clone(), path: self.path.clone() }
    }

    /// The next connection.
    pub(super) fn poll_visit(&self, cx: &mut Context<'_>) -> Poll<io::Result<Visit>> {
        let asked = || lock(&self.hub.paths).get_mut(&self.path).and_then(|spot| spot.waiting.pop_front());
        if let Some(asked) = asked() {
            return Poll::Ready(Ok(Visit::Asked(asked)));
        }
        self.hub.bell.enter(cx.waker());
        // One may have been handed over before this listener could hear of it.
        if let Some(asked) = asked() {
            return Poll::Ready(Ok(Visit::Asked(asked)));
        }
        match &*lock(&self.hub.acceptor) {
            Some(acceptor) => acceptor.poll_accept(&mut Context::from_waker(&self.hub.ring)).map_ok(Visit::New),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut hubs = lock(&self.hub.hubs.0);
        let mut paths = lock(&self.hub.paths);
        let waiting = paths.remove(&self.path);
        let mut first = lock(&self.hub.first);
        if let (true, Some(heir)) = (*first == self.path, paths.keys().next()) {
            first.clone_from(heir);
        }
        drop(first);
        let mut gone = None;
        if let (Some(hubs), true) = (&mut *hubs, paths.is_empty()) {
            hubs.remove(&self.hub.addr);
            gone = lock(&self.hub.acceptor).take();
        }
        drop(paths);
        drop(hubs);
        drop((waiting, gone));
        // Others have to take what this one was woken for.
        self.hub.bell.ring();
    }
}

/// Where connections are handed over to the listener of their path.
pub(super) struct Door {
    hub: Arc<Hub>,
    path: String,
}

/// Whose path a request names.
pub(super) enum Owner {
    /// The listener's whose door this is.
    Me(Box<Asked>),
    /// Another's, who has it now.
    Another,
    Nobody(Box<Asked>),
    /// Another's, for whom too many wait.
    Busy(Box<Asked>),
}

impl Door {
    /// Hands a connection over to the listener of its path, if that is another one.
    pub(super) fn deliver(&self, asked: Box<Asked>) -> Owner {
        let path = asked.request.path();
        if path == self.path {
            return Owner::Me(asked);
        }
        match lock(&self.hub.paths).get_mut(&path) {
            Some(spot) if spot.waiting.len() < WAITING => spot.waiting.push_back(asked),
            Some(_) => return Owner::Busy(asked),
            None => return Owner::Nobody(asked),
        }
        self.hub.bell.ring();
        Owner::Another
    }
}

impl Bell {
    fn enter(&self, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn ring(&self) {
        let wakers = std::mem::take(&mut *lock(&self.0));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// What a handshake answers that was handed over to another listener: it is neither a connection of this one nor a failure.
pub(super) fn elsewhere() -> Error {
    Error::TryAgain
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connections that wait for the listener of their path.
const WAITING: usize = 4096;
