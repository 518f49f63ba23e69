//! Dialers and listeners.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::sync::Arc;

use spanwire::{Dialer, Listener};

use crate::error::{Code, Result};
use crate::guard::{export, out, text};
use crate::handle::{Table, id};
use crate::socket;
use crate::types::{FLAG_NONBLOCK, nng_dialer, nng_listener, nng_socket};
use crate::url::{self, nng_url};

/// A dialer or listener, the number of its socket, and its URL in parts.
pub(crate) struct Endpoint<T> {
    pub(crate) any: T,
    pub(crate) socket: u32,
    url: Parts,
}

/// A URL in parts, as C sees it. Nobody changes it.
struct Parts(*const nng_url);

// SAFETY: it is only read once it has been made.
unsafe impl Send for Parts {}
// SAFETY: as above.
unsafe impl Sync for Parts {}

impl Parts {
    /// A part as a text; empty if it has none.
    fn get(&self, part: impl FnOnce(&nng_url) -> *mut c_char) -> &str {
        // SAFETY: it comes from `url::parse`.
        let part = part(unsafe { &*self.0 });
        // SAFETY: as above: null, or a text that lives as long as the URL.
        unsafe { text(part) }.ok().and_then(|part| part.to_str().ok()).unwrap_or("")
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // SAFETY: it comes from `url::parse`; C may use it only as long as the dialer or listener is open.
        unsafe { url::free(self.0.cast_mut()) }
    }
}

/// All dialers that C has open.
pub(crate) static DIALERS: Table<Arc<Endpoint<Dialer>>> = Table::new();

/// All listeners that C has open.
pub(crate) static LISTENERS: Table<Arc<Endpoint<Listener>>> = Table::new();

/// The dialer with this number.
pub(crate) fn dialer(dialer: nng_dialer) -> Result<Arc<Endpoint<Dialer>>> {
    DIALERS.get(dialer.id).ok_or(Code::ENOENT)
}

/// The listener with this number.
pub(crate) fn listener(listener: nng_listener) -> Result<Arc<Endpoint<Listener>>> {
    LISTENERS.get(listener.id).ok_or(Code::ENOENT)
}

macro_rules! endpoints {
    ($($what:literal: $type:ident $handle:ident $table:ident $find:ident $address:ident $make:ident $begin:ident; $now:ident $create:ident $start:ident $close:ident $id:ident $get_url:ident;)*) => {
        $(
            export! {
                #[doc = concat!("Makes a ", $what, " and starts it. Nothing remains of one that does not start.")]
                fn $now(socket: nng_socket, url: *const c_char, made: *mut $handle, flags: c_int) -> status {
                    // SAFETY: the caller's promise.
                    let endpoint = $make(socket, unsafe { text(url) }?)?;
                    let id = endpoint.any.id().get();
                    if let Err(code) = $begin(&endpoint.any, flags) {
                        $table.remove(id);
                        let _ = endpoint.any.close();
                        return Err(code);
                    }
                    // SAFETY: the caller's promise; null is allowed.
                    if let Ok(made) = unsafe { out(made) } {
                        made.write($handle { id });
                    }
                    Ok(())
                }

                #[doc = concat!("Makes a ", $what, ", to be started later.")]
                fn $create(made: *mut $handle, socket: nng_socket, url: *const c_char) -> status {
                    // SAFETY: the caller's promise.
                    let (made, url) = unsafe { (out(made)?, text(url)?) };
                    made.write($handle { id: $make(socket, url)?.any.id().get() });
                    Ok(())
                }

                #[doc = concat!("Starts a ", $what, ".")]
                fn $start(handle: $handle, flags: c_int) -> status {
                    $begin(&$find(handle)?.any, flags)
                }

                #[doc = concat!("Closes a ", $what, " and its pipes.")]
                fn $close(handle: $handle) -> status {
                    Ok($table.remove(handle.id).ok_or(Code::ENOENT)?.any.close()?)
                }

                #[doc = concat!("The number of a ", $what, "; -1 for one that was never made.")]
                fn $id(handle: $handle) -> c_int {
                    id(handle.id)
                }

                #[doc = concat!("The URL that a ", $what, " was made with; good until it is closed.")]
                fn $get_url(handle: $handle, url: *mut *const nng_url) -> status {
                    // SAFETY: the caller's promise.
                    let to = unsafe { out(url) }?;
                    to.write($find(handle)?.url.0);
                    Ok(())
                }
            }

            fn $make(handle: nng_socket, url: &CStr) -> Result<Arc<Endpoint<$type>>> {
                let sock = socket::find(handle)?;
                let parts = Parts(url::parse(url)?);
                let any = sock.any.$find(&*$address(&parts, url)?)?;
                let made = Arc::new(Endpoint { any, socket: handle.id, url: parts });
                $table.insert(made.any.id().get(), made.clone());
                if sock.any.is_closed() {
                    // Its close may have come too early to see this one.
                    $table.remove(made.any.id().get());
                    return Err(Code::ECLOSED);
                }
                Ok(made)
            }
        )*
    };
}

endpoints! {
    "dialer": Dialer nng_dialer DIALERS dialer dialer_address make_dialer start_dialer;
        nng_dial nng_dialer_create nng_dialer_start nng_dialer_close nng_dialer_id nng_dialer_get_url;
    "listener": Listener nng_listener LISTENERS listener listener_address make_listener start_listener;
        nng_listen nng_listener_create nng_listener_start nng_listener_close nng_listener_id nng_listener_get_url;
}

/// What a dialer is to dial.
fn dialer_address<'a>(parts: &Parts, url: &'a CStr) -> Result<Cow<'a, str>> {
    match (parts.get(|url| url.u_scheme), parts.get(|url| url.u_path)) {
        ("", _) => Err(Code::ENOTSUP),
        // Where nobody listens: an empty name has the system choose one.
        ("abstract", "") => Err(Code::EINVAL),
        _ => Ok(Cow::Borrowed(url.to_str().map_err(|_| Code::EINVAL)?)),
    }
}

/// Where a listener is to listen. Without a port, any will do.
fn listener_address<'a>(parts: &Parts, url: &'a CStr) -> Result<Cow<'a, str>> {
    let url = url.to_str().map_err(|_| Code::EINVAL)?;
    let (host, name) = (parts.get(|url| url.u_host), parts.get(|url| url.u_hostname));
    match parts.get(|url| url.u_scheme) {
        "" => Err(Code::ENOTSUP),
        "tcp" | "tcp4" | "tcp6" if !name.is_empty() && (host == name || host.ends_with(']')) => {
            Ok(Cow::Owned(format!("{url}:0")))
        }
        // NNG listens everywhere then.
        "tcp" | "tcp4" | "tcp6" if url.contains("://:") => Ok(Cow::Owned(url.replacen("://", "://*", 1))),
        _ => Ok(Cow::Borrowed(url)),
    }
}

/// Waits for the first attempt, unless it must not wait. A pipe that our own side refuses is none of NNG's failures.
fn start_dialer(dialer: &Dialer, flags: c_int) -> Result<()> {
    if flags & FLAG_NONBLOCK != 0 {
        Ok(dialer.start_in_background()?)
    } else {
        Ok(dialer.start_once_reached().wait()?)
    }
}

fn start_listener(listener: &Listener, _flags: c_int) -> Result<()> {
    Ok(listener.start().wait()?)
}
