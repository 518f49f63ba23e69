//! Transports that are written in C, or in whatever speaks its ABI.
//!
//! `ffi/include/spanwire.h` declares the table of functions that such a transport fills in. It mirrors the trait
//! [`Transport`](spanwire::transport::Transport) one to one, and `docs/plugins.md` has the contract of each function.
//! [`register`] takes a table of this process, [`load`] one out of a shared object.
//!
//! | file | what |
//! |---|---|
//! | `abi.rs` | the structures of the header |
//! | `host.rs` | what the library offers to a transport: wakes, messages, options, log |
//! | `waker.rs` | wakes by number |
//! | `table.rs` | the checked table, the objects that a transport makes, and what its answers mean |
//! | `adapter.rs` | the table as a `Transport` |
//!
//! A transport in C shares our memory, so what it writes where it must not can't be undone. What it *answers* is checked:
//! nonsense becomes [`Error::Internal`] and a closed pipe. Wakes are numbers, so that a late one finds nothing.

mod abi;
mod adapter;
mod host;
mod table;
mod waker;

use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;

use libloading::Library;
use spanwire::{Error, Result, transport};

pub use abi::{ABI, Host, Vtable};
pub use host::HOST;

/// Registers a transport for its URL schemes, for all sockets of this process. The table is copied.
///
/// # Errors
/// [`Error::InvalidArgument`] that says what is wrong with the table.
///
/// # Safety
/// A pointer that is not null points to a `struct_size` and as many bytes as that says, up to those of the header's structure;
/// the functions keep to the contract of the header, and stay as long as the process does.
pub unsafe fn register(vtable: *const Vtable) -> Result<()> {
    // SAFETY: the caller's promise.
    let table = unsafe { table::Table::new(vtable) }?;
    transport::register(Arc::new(adapter::Plugin::new(table)));
    Ok(())
}

/// Loads a shared object and registers the transport that it has. It is never unloaded.
///
/// Its code becomes a part of this process, so load only what you trust. The file has the ABI's version under the name
/// `spanwire_plugin_abi`, and a function `spanwire_plugin` that answers the table; a bare file name is searched where the system's
/// loader searches.
///
/// # Errors
/// [`Error::NotFound`] if there is no such file, [`Error::NotSupported`] if it is no plugin or one for another version,
/// [`Error::InvalidArgument`] if something is wrong with its table.
///
/// ```
/// let error = spanwire_plugins::load("/no/such/file.so").unwrap_err();
/// assert!(error.to_string().contains("/no/such/file.so"));
/// ```
pub fn load(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let shown = path.display();
    let unfit = |why: &dyn std::fmt::Display| Error::NotSupported(format!("{shown}: {why}").into());
    // SAFETY: what runs when a library is loaded is as trusted as the rest of it: the caller chose it.
    let library = unsafe { Library::new(path) }.map_err(|e| match path.exists() {
        true => unfit(&e),
        false => Error::NotFound(format!("{shown}: {e}").into()),
    })?;
    let none = |what: &str| unfit(&format!("no plugin: it has no {what}"));
    // SAFETY: by the contract this name is a 32-bit number.
    let abi = unsafe { library.get::<*const u32>("spanwire_plugin_abi") }.map_err(|_| none("spanwire_plugin_abi"))?;
    // SAFETY: the address of a number in the library, which is loaded.
    let abi = unsafe { **abi };
    if abi != ABI {
        return Err(unfit(&format!("a plugin for version {abi} of the ABI; this library has version {ABI}")));
    }
    // SAFETY: by the contract, of which this is the right version, this name is such a function.
    let entry = unsafe { library.get::<Entry>("spanwire_plugin") }.map_err(|_| none("spanwire_plugin"))?;
    // SAFETY: called as the contract says.
    let vtable = unsafe { entry(&HOST) };
    // From here on its threads may run.
    std::mem::forget(library);
    if vtable.is_null() {
        return Err(unfit(&"the plugin does not want to be loaded"));
    }
    // SAFETY: by the contract it is a table that stays, as the library does.
    unsafe { register(vtable) }.map_err(|e| Error::InvalidArgument(format!("{shown}: {}", e.detail()).into()))
}

/// Runs the example of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/plugins.md")]
struct Guide;

/// The function `spanwire_plugin` of a shared object.
type Entry = unsafe extern "C" fn(*const Host) -> *const Vtable;

/// What a function answers when it has to wait.
const PENDING: c_int = -1;
