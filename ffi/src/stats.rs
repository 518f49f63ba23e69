//! Statistics: a snapshot of all sockets as a tree.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io::Write;

use spanwire::stats::{Stat, StatUnit, StatValue};

use crate::error::Code;
use crate::guard::{export, object, out, text};
use crate::socket::SOCKETS;
use crate::timer;
use crate::types::{nng_dialer, nng_listener, nng_socket, nng_time};

/// A node of a snapshot.
pub struct nng_stat {
    name: CString,
    desc: CString,
    value: Value,
    timestamp: nng_time,
    children: Box<[nng_stat]>,
    /// Null for the last child.
    next: *mut nng_stat,
}

/// The value of a node.
enum Value {
    /// The id of what this is the group of.
    Scope(u64),
    Level(u64),
    Counter(u64, c_int),
    Text(CString),
    Bool(bool),
    Id(u64),
}

export! {
    /// Makes a snapshot of the statistics of all sockets.
    fn nng_stats_get(stats: *mut *mut nng_stat) -> status {
        // SAFETY: the caller's promise.
        let stats = unsafe { out(stats) }?;
        let sockets = SOCKETS.all().into_iter().map(|(_, sock)| sock.any.stats()).collect();
        let tree = Stat::scope("", "all statistics", sockets);
        let mut root = Box::new(nng_stat::new(&tree, timer::clock()));
        root.link();
        stats.write(Box::into_raw(root));
        Ok(())
    }

    /// Frees a snapshot. Null is allowed.
    fn nng_stats_free(stats: *mut nng_stat) {
        if !stats.is_null() {
            // SAFETY: the caller's promise that it comes from `nng_stats_get` and is not used again.
            drop(unsafe { Box::from_raw(stats) });
        }
    }

    /// Prints a snapshot to the standard output.
    fn nng_stats_dump(stats: *mut nng_stat) {
        let mut text = Vec::new();
        // SAFETY: the caller's promise.
        if let Ok(stats) = unsafe { object(stats) } {
            stats.print(&mut String::new(), &mut text);
        }
        // There is nobody to tell that it can't be written.
        let _ = std::io::stdout().write_all(&text);
    }

    /// The node after this one under the same parent; null after the last.
    fn nng_stat_next(stat: *mut nng_stat) -> *mut nng_stat {
        // SAFETY: the caller's promise.
        unsafe { object(stat) }.map_or(std::ptr::null_mut(), |stat| stat.next)
    }

    /// The first node below this one; null if there is none.
    fn nng_stat_child(stat: *mut nng_stat) -> *mut nng_stat {
        // SAFETY: the caller's promise. Nodes are never changed, so a pointer to read from is enough.
        unsafe { object(stat) }.ok().and_then(|stat| stat.children.first()).map_or(std::ptr::null_mut(), nng_stat::to_c)
    }

    /// Its name; null for null.
    fn nng_stat_name(stat: *mut nng_stat) -> *const c_char {
        // SAFETY: the caller's promise.
        unsafe { object(stat) }.map_or(std::ptr::null(), |stat| stat.name.as_ptr())
    }

    /// What it says; null for null.
    fn nng_stat_desc(stat: *mut nng_stat) -> *const c_char {
        // SAFETY: the caller's promise.
        unsafe { object(stat) }.map_or(std::ptr::null(), |stat| stat.desc.as_ptr())
    }

    /// The type of its value.
    fn nng_stat_type(stat: *mut nng_stat) -> c_int {
        // SAFETY: the caller's promise.
        let Ok(stat) = (unsafe { object(stat) }) else { return Code::EINVAL.get() };
        match stat.value {
            Value::Scope(_) => 0,
            Value::Level(_) => 1,
            Value::Counter(..) => 2,
            Value::Text(_) => 3,
            Value::Bool(_) => 4,
            Value::Id(_) => 5,
        }
    }

    /// The unit of its value.
    fn nng_stat_unit(stat: *mut nng_stat) -> c_int {
        // SAFETY: the caller's promise.
        match unsafe { object(stat) }.map(|stat| &stat.value) {
            Ok(Value::Counter(_, unit)) => *unit,
            _ => 0,
        }
    }

    /// Its value, if it is a number; of a group the id.
    fn nng_stat_value(stat: *mut nng_stat) -> u64 {
        // SAFETY: the caller's promise.
        match unsafe { object(stat) }.map(|stat| &stat.value) {
            Ok(Value::Scope(n) | Value::Level(n) | Value::Counter(n, _) | Value::Id(n)) => *n,
            Ok(Value::Bool(value)) => u64::from(*value),
            Ok(Value::Text(_)) | Err(_) => 0,
        }
    }

    /// Its value, if it is a truth value.
    fn nng_stat_bool(stat: *mut nng_stat) -> bool {
        // SAFETY: the caller's promise.
        matches!(unsafe { object(stat) }.map(|stat| &stat.value), Ok(Value::Bool(true)))
    }

    /// Its value, if it is a text; else empty.
    fn nng_stat_string(stat: *mut nng_stat) -> *const c_char {
        // SAFETY: the caller's promise.
        match unsafe { object(stat) }.map(|stat| &stat.value) {
            Ok(Value::Text(text)) => text.as_ptr(),
            _ => c"".as_ptr(),
        }
    }

    /// When the snapshot was made, by `nng_clock`.
    fn nng_stat_timestamp(stat: *mut nng_stat) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { object(stat) }.map_or(0, |stat| stat.timestamp)
    }

    /// The first node of this name, this one or one below; null if there is none.
    fn nng_stat_find(stat: *mut nng_stat, name: *const c_char) -> *mut nng_stat {
        // SAFETY: the caller's promise.
        let (Ok(stat), Ok(name)) = (unsafe { (object(stat), text(name)) }) else { return std::ptr::null_mut() };
        stat.find(&|stat| stat.name.as_c_str() == name).map_or(std::ptr::null_mut(), nng_stat::to_c)
    }

    /// The group of a socket; null if there is none.
    fn nng_stat_find_socket(stat: *mut nng_stat, socket: nng_socket) -> *mut nng_stat {
        // SAFETY: the caller's promise.
        unsafe { find_scope(stat, c"socket", socket.id) }
    }

    /// The group of a dialer; null if there is none.
    fn nng_stat_find_dialer(stat: *mut nng_stat, dialer: nng_dialer) -> *mut nng_stat {
        // SAFETY: the caller's promise.
        unsafe { find_scope(stat, c"dialer", dialer.id) }
    }

    /// The group of a listener; null if there is none.
    fn nng_stat_find_listener(stat: *mut nng_stat, listener: nng_listener) -> *mut nng_stat {
        // SAFETY: the caller's promise.
        unsafe { find_scope(stat, c"listener", listener.id) }
    }
}

/// # Safety
/// Null, or a node of a snapshot that is not freed meanwhile.
unsafe fn find_scope(stat: *mut nng_stat, name: &CStr, id: u32) -> *mut nng_stat {
    // SAFETY: the caller's promise.
    let Ok(stat) = (unsafe { object(stat) }) else { return std::ptr::null_mut() };
    let wanted =
        |stat: &nng_stat| matches!(stat.value, Value::Scope(n) if n == u64::from(id)) && stat.name.as_c_str() == name;
    stat.find(&wanted).map_or(std::ptr::null_mut(), nng_stat::to_c)
}

impl nng_stat {
    fn new(stat: &Stat, timestamp: nng_time) -> Self {
        let value = match &stat.value {
            StatValue::Scope => Value::Scope(stat.number(&["id"]).unwrap_or(0)),
            StatValue::Level(n) => Value::Level(*n),
            StatValue::Counter(n, StatUnit::Bytes) => Value::Counter(*n, 1),
            StatValue::Counter(n, StatUnit::Messages) => Value::Counter(*n, 2),
            // NNG has a unit for events, and does not use it.
            StatValue::Counter(n, StatUnit::Events) => Value::Counter(*n, 0),
            StatValue::Text(text) => Value::Text(CString::new(text.as_str()).unwrap_or_default()),
            StatValue::Bool(value) => Value::Bool(*value),
            StatValue::Id(id) => Value::Id(u64::from(*id)),
            _ => Value::Text(CString::default()),
        };
        Self {
            name: CString::new(stat.name).unwrap_or_default(),
            desc: CString::new(stat.doc).unwrap_or_default(),
            value,
            timestamp,
            children: stat.children.iter().map(|child| Self::new(child, timestamp)).collect(),
            next: std::ptr::null_mut(),
        }
    }

    /// Sets the links between the children, now that all are in their places.
    fn link(&mut self) {
        let mut next = std::ptr::null_mut();
        for child in self.children.iter_mut().rev() {
            child.link();
            child.next = next;
            next = child;
        }
    }

    fn to_c(&self) -> *mut Self {
        std::ptr::from_ref(self).cast_mut()
    }

    fn find(&self, wanted: &dyn Fn(&Self) -> bool) -> Option<&Self> {
        if wanted(self) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(wanted))
    }

    /// NNG's form: a heading for each group, and a line for each value.
    fn print(&self, scope: &mut String, to: &mut Vec<u8>) {
        let name = self.name.to_string_lossy();
        let line = match &self.value {
            Value::Scope(id) => {
                let len = scope.len();
                if !name.is_empty() {
                    let dot = if scope.is_empty() { "" } else { "." };
                    scope.push_str(&format!("{dot}{name}#{id}"));
                    to.extend_from_slice(format!("\n{scope}:\n").as_bytes());
                }
                for child in &self.children {
                    child.print(scope, to);
                }
                scope.truncate(len);
                return;
            }
            Value::Level(n) | Value::Id(n) => n.to_string(),
            Value::Counter(n, 1) => format!("{n} bytes"),
            Value::Counter(n, 2) => format!("{n} msgs"),
            Value::Counter(n, _) => n.to_string(),
            Value::Text(text) => format!("\"{}\"", text.to_string_lossy()),
            Value::Bool(value) => value.to_string(),
        };
        to.extend_from_slice(format!("        {name:<32}{line}\n").as_bytes());
    }
}
