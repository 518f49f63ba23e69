//! Pipes, and the callbacks for what happens to them.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use spanwire::{Pipe, PipeChange};

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
    watching: bool,
    callbacks: [Option<(PipeCallback, Pointer)>; EVENTS],
    /// Pipes whose last callback has not returned.
    pipes: usize,
}

/// Before-add, after-add, removed.
const EVENTS: usize = 3;

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: PipeChange, pipe: &Pipe) {
        let (event, id) = (change as usize, pipe.id().get());
        let mut st = self.lock();
        if change == PipeChange::BeforeAdd {
            st.pipes += 1;
            PIPES.insert(id, pipe.clone());
        }
        let known = PIPES.get(id).is_some();
        let callback = st.callbacks[event];
        drop(st);
        if let Some((callback, arg)) = callback {
            let before = TELLING.replace(true);
            // SAFETY: the application's function, with what it was to be called with.
            unsafe { callback(nng_pipe { id }, event as c_int, arg.0) }
            TELLING.set(before);
        }
        // A pipe that was there before anybody watched has not been counted.
        if change == PipeChange::Removed && known {
            PIPES.remove(id);
            self.lock().pipes -= 1;
            self.ended.notify_all();
        }
    }

    /// After the socket's close: waits until the last callback has returned, unless this is called from one.
    pub(crate) fn wait_for_end(&self) {
        if TELLING.get() {
            return;
        }
        let mut st = self.lock();
        while st.pipes > 0 {
            st = self.ended.wait(st).unwrap_or_else(PoisonError::into_inner);
        }
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
    let all = SOCKETS.all();
    let mut pipes = all.iter().flat_map(|(_, sock)| sock.any.pipes());
    pipes.find(|other| other.id().get() == pipe.id).ok_or(Code::ENOENT)
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
        if !std::mem::replace(&mut st.watching, true) {
            drop(st);
            let watch = Arc::clone(&sock.watch);
            sock.any.on_pipe(move |change, pipe| watch.tell(change, pipe));
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
