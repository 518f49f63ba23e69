//! Pipes, and the callbacks for what happens to them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use spanwire::{Pipe, PipeChange, PipeId};

use crate::aio::Pointer;
use crate::error::{Code, Result};
use crate::guard::export;
use crate::handle::{Table, id};
use crate::socket::{self, SOCKETS};
use crate::types::{nng_dialer, nng_listener, nng_pipe, nng_socket};

/// A function of the application that is called for pipe events.
type PipeCallback = unsafe extern "C" fn(nng_pipe, c_int, *mut c_void);

/// Pipes of sockets with callbacks, from before-add until removed: the socket itself knows them for a shorter time.
static PIPES: Table<Pipe> = Table::new();

/// The callbacks of a socket.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    life: Life,
    callbacks: [Option<(PipeCallback, Pointer)>; EVENTS],
    /// Pipes whose last callback has not been called.
    pipes: Vec<u32>,
}

/// ```text
/// Idle ──first nng_pipe_notify──► Watching ──the socket was closed, and all was told──► Ended
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Idle,
    Watching,
    Ended,
}

/// Before-add, after-add, removed.
const EVENTS: usize = 3;

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: PipeChange, pipe: &Pipe) {
        let id = pipe.id().get();
        if change == PipeChange::BeforeAdd {
            self.lock().pipes.push(id);
            PIPES.insert(id, pipe.clone());
        }
        self.call(change as usize, id);
        if change == PipeChange::Removed {
            self.lock().pipes.retain(|other| *other != id);
            PIPES.remove(id);
        }
    }

    fn call(&self, event: usize, id: u32) {
        let callback = self.lock().callbacks[event];
        if let Some((callback, arg)) = callback {
            let before = TELLING.replace(true);
            // SAFETY: the application's function, with what it was to be called with.
            unsafe { callback(nng_pipe { id }, event as c_int, arg.0) }
            TELLING.set(before);
        }
    }

    /// After the socket's close: waits until the last callback has returned, unless this is called from one.
    pub(crate) fn wait_for_end(&self) {
        if TELLING.get() {
            return;
        }
        let mut st = self.lock();
        while st.life == Life::Watching {
            st = self.ended.wait(st).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the socket's list of callbacks holds, and drops on the callback thread when all has been told.
struct Teller(Arc<Watch>);

impl Drop for Teller {
    fn drop(&mut self) {
        // Those whose handshake the close gave up.
        let rest = std::mem::take(&mut self.0.lock().pipes);
        for id in rest {
            self.0.call(PipeChange::Removed as usize, id);
            PIPES.remove(id);
        }
        self.0.lock().life = Life::Ended;
        self.0.ended.notify_all();
    }
}

thread_local! {
    /// Whether this thread is in a callback.
    static TELLING: Cell<bool> = const { Cell::new(false) };
}

/// The pipe with this number.
pub(crate) fn find(pipe: nng_pipe) -> Result<Pipe> {
    if let Some(pipe) = PIPES.get(pipe.id) {
        return Ok(pipe);
    }
    let id = PipeId::new(pipe.id).ok_or(Code::ENOENT)?;
    SOCKETS.all().iter().find_map(|(_, sock)| sock.any.pipe(id)).ok_or(Code::ENOENT)
}

export! {
    /// Calls back for one kind of pipe event from now on; null: no more.
    fn nng_pipe_notify(socket: nng_socket, event: c_int, callback: Option<PipeCallback>, arg: *mut c_void) -> status {
        let sock = socket::find(socket)?;
        let mut st = sock.watch.lock();
        // NNG answers nothing for events that it does not have.
        if let Some(slot) = usize::try_from(event).ok().and_then(|event| st.callbacks.get_mut(event)) {
            *slot = callback.map(|callback| (callback, Pointer(arg)));
        }
        if st.life == Life::Idle {
            st.life = Life::Watching;
            drop(st);
            let teller = Teller(Arc::clone(&sock.watch));
            sock.any.on_pipe(move |change, pipe| teller.0.tell(change, pipe));
        }
        Ok(())
    }

    /// Closes a pipe.
    fn nng_pipe_close(pipe: nng_pipe) -> status {
        find(pipe)?.close();
        Ok(())
    }

    /// Its number; -1 for one that never was.
    fn nng_pipe_id(pipe: nng_pipe) -> c_int {
        id(pipe.id)
    }

    /// The socket that it belongs to; 0 if there is no such pipe.
    fn nng_pipe_socket(pipe: nng_pipe) -> nng_socket {
        nng_socket { id: find(pipe).map_or(0, |pipe| pipe.socket_id().get()) }
    }

    /// The dialer that made it; 0 if none did.
    fn nng_pipe_dialer(pipe: nng_pipe) -> nng_dialer {
        nng_dialer { id: find(pipe).ok().and_then(|pipe| pipe.dialer_id()).map_or(0, |id| id.get()) }
    }

    /// The listener that took it; 0 if none did.
    fn nng_pipe_listener(pipe: nng_pipe) -> nng_listener {
        nng_listener { id: find(pipe).ok().and_then(|pipe| pipe.listener_id()).map_or(0, |id| id.get()) }
    }
}
