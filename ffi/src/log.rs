//! Logging: what the library has to say, and what C programs add, goes to one logger of the program's choice.
//!
//! The events that the library emits through `tracing` are passed on from the moment that a logger is set. A logger is called on
//! whatever thread has something to say, also within the library: it must not call the library, other than its loggers.
//!
//! The state is in `log.c`, together with the functions that take any number of arguments.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::guard::{export, text};

/// A function that takes a text: level, facility, an id of the message or null, and the text.
type Logger = unsafe extern "C" fn(c_int, c_int, *const c_char, *const c_char);

unsafe extern "C" {
    fn spanwire_log_set_level(level: c_int);
    fn spanwire_log_get_level() -> c_int;
    fn spanwire_log_set_facility(facility: c_int);
    fn spanwire_log_set_logger(logger: Option<Logger>);
    fn spanwire_log_wanted(level: c_int) -> Option<Logger>;
    fn spanwire_log_text(level: c_int, msgid: *const c_char, msg: *const c_char);
}

export! {
    /// Sets the level: texts that are less severe are dropped.
    fn nng_log_set_level(level: c_int) {
        // SAFETY: any number is allowed.
        unsafe { spanwire_log_set_level(level) }
    }

    /// The level that is set.
    fn nng_log_get_level() -> c_int {
        // SAFETY: takes no pointer.
        unsafe { spanwire_log_get_level() }
    }

    /// Sets the facility of texts that have none of their own.
    fn nng_log_set_facility(facility: c_int) {
        // SAFETY: any number is allowed.
        unsafe { spanwire_log_set_facility(facility) }
    }

    /// Sets the logger. Null drops all texts.
    fn nng_log_set_logger(logger: Option<Logger>) {
        // SAFETY: the caller's promise that the function may be called from any thread from now on.
        unsafe { spanwire_log_set_logger(logger) }
        if logger.is_some() {
            static FORWARD: Once = Once::new();
            // It fails if a Rust program that this is linked into has a subscriber: then the events are there.
            FORWARD.call_once(|| drop(tracing::subscriber::set_global_default(Forward)));
        }
    }

    /// A logger that drops all texts.
    fn nng_null_logger(_level: c_int, _facility: c_int, _msgid: *const c_char, _msg: *const c_char) {}

    /// A logger that writes lines to standard error.
    fn nng_stderr_logger(level: c_int, _facility: c_int, msgid: *const c_char, msg: *const c_char) {
        // SAFETY: the caller's promise that the pointers are null or texts.
        let (msgid, msg) = unsafe { (text(msgid).ok(), text(msg)) };
        if let Ok(msg) = msg {
            let colors = std::io::stderr().is_terminal() && ["NO_COLOR", "NNG_LOG_NO_COLOR"].iter().all(|name| std::env::var_os(name).is_none());
            // There is nobody to tell that standard error is gone.
            let _ = std::io::stderr().write_all(line(level, msgid, msg, &time_of_day(), colors).as_bytes());
        }
    }

    /// A logger that hands the texts to the system: to syslog.
    fn nng_system_logger(level: c_int, facility: c_int, msgid: *const c_char, msg: *const c_char) {
        // SAFETY: the caller's promise that the pointers are null or texts.
        let (msgid, msg) = unsafe { (text(msgid).ok(), text(msg)) };
        if let Ok(msg) = msg {
            system(level, facility, msgid, msg);
        }
    }
}

/// Exports functions that take any number of arguments. They jump to the C functions of the same arguments, which find registers
/// and stack as the caller left them.
macro_rules! variadic {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) => $target:ident;)*) => {
        $(
            unsafe extern "C" {
                fn $target($($arg: $type,)* ...);
            }

            $(#[$doc])*
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name($($arg: $type),*) {
                #[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
                core::arch::naked_asm!("jmp {}", sym $target);
                #[cfg(any(target_arch = "aarch64", target_arch = "arm"))]
                core::arch::naked_asm!("b {}", sym $target);
                #[cfg(any(target_arch = "riscv64", target_arch = "riscv32", target_arch = "loongarch64"))]
                core::arch::naked_asm!("tail {}", sym $target);
            }
        )*
    };
}

variadic! {
    /// Logs an error.
    fn nng_log_err(msgid: *const c_char, msg: *const c_char) => spanwire_log_err;
    /// Logs a warning.
    fn nng_log_warn(msgid: *const c_char, msg: *const c_char) => spanwire_log_warn;
    /// Logs what is worth to be noticed.
    fn nng_log_notice(msgid: *const c_char, msg: *const c_char) => spanwire_log_notice;
    /// Logs what is of interest.
    fn nng_log_info(msgid: *const c_char, msg: *const c_char) => spanwire_log_info;
    /// Logs what is of interest when searching for a fault.
    fn nng_log_debug(msgid: *const c_char, msg: *const c_char) => spanwire_log_debug;
    /// Logs what belongs to the facility `auth`.
    fn nng_log_auth(level: c_int, msgid: *const c_char, msg: *const c_char) => spanwire_log_auth;
}

fn line(level: c_int, msgid: Option<&CStr>, msg: &CStr, time: &str, colors: bool) -> String {
    let (name, color) = match level {
        ERR => ("ERROR", "\x1b[31m"),
        WARN => ("WARN", "\x1b[33m"),
        NOTICE => ("NOTICE", "\x1b[1m"),
        INFO => ("INFO", ""),
        DEBUG => ("DEBUG", "\x1b[36m"),
        _ => ("NONE", ""),
    };
    let (on, off) = if colors && !color.is_empty() { (color, "\x1b[0m") } else { ("", "") };
    let msgid = msgid.map(|id| format!("{}: ", id.to_string_lossy())).unwrap_or_default();
    let msg = msg.to_string_lossy();
    format!("{on}{name:<6} {time}: {msgid}{}{off}\n", msg.strip_suffix('\n').unwrap_or(&msg))
}

/// `12:34:56.789`, local time.
fn time_of_day() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = now.as_secs() as libc::time_t;
    // SAFETY: all bits zero are valid for a structure of numbers and a null pointer.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: a number to read and a structure to write.
    unsafe { libc::localtime_r(&seconds, &mut tm) };
    format!("{:02}:{:02}:{:02}.{:03}", tm.tm_hour, tm.tm_min, tm.tm_sec, now.subsec_millis())
}

fn system(level: c_int, facility: c_int, msgid: Option<&CStr>, msg: &CStr) {
    // The levels are those of syslog, and so are the facilities; its macros shift them by three bits.
    let priority = facility << 3 | if (ERR..=DEBUG).contains(&level) { level } else { INFO };
    match msgid {
        // SAFETY: a format and the texts that it wants.
        Some(msgid) => unsafe { libc::syslog(priority, c"%s: %s".as_ptr(), msgid.as_ptr(), msg.as_ptr()) },
        // SAFETY: as above.
        None => unsafe { libc::syslog(priority, c"%s".as_ptr(), msg.as_ptr()) },
    }
}

/// Passes the events of the library on to the logger.
struct Forward;

impl Subscriber for Forward {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // The level and the logger may change at any time.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // SAFETY: any number is allowed.
        metadata.is_event()
            && severity(*metadata.level()).is_some_and(|level| unsafe { spanwire_log_wanted(level) }.is_some())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let Some(level) = severity(*event.metadata().level()) else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let text = [text.message, text.fields].concat().replace('\0', "");
        if let Ok(text) = CString::new(text) {
            // SAFETY: two texts.
            unsafe { spanwire_log_text(level, MSGID.as_ptr(), text.as_ptr()) }
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// An event as text: its message, then `name=value` of its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

fn severity(level: Level) -> Option<c_int> {
    match level {
        Level::ERROR => Some(ERR),
        Level::WARN => Some(WARN),
        Level::INFO => Some(INFO),
        Level::DEBUG => Some(DEBUG),
        Level::TRACE => None,
    }
}

/// The id of what the library says. NNG's begin with "NNG-" as well.
const MSGID: &CStr = c"NNG-SPW";

const ERR: c_int = 3;
const WARN: c_int = 4;
const NOTICE: c_int = 5;
const INFO: c_int = 6;
const DEBUG: c_int = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static SEEN: Mutex<Vec<(c_int, c_int, String, String)>> = Mutex::new(Vec::new());

    unsafe extern "C" fn remember(level: c_int, facility: c_int, msgid: *const c_char, msg: *const c_char) {
        // SAFETY: null or a text.
        let [msgid, msg] = [msgid, msg]
            .map(|ptr| unsafe { text(ptr) }.map_or(String::new(), |text| text.to_string_lossy().into_owned()));
        SEEN.lock().unwrap().push((level, facility, msgid, msg));
    }

    fn seen() -> Vec<(c_int, c_int, String, String)> {
        // Other tests of this process may say something as well.
        SEEN.lock().unwrap().drain(..).filter(|(_, _, _, msg)| msg.starts_with("test")).collect()
    }

    fn entry(level: c_int, facility: c_int, msgid: &str, msg: &str) -> (c_int, c_int, String, String) {
        (level, facility, msgid.to_owned(), msg.to_owned())
    }

    type Variadic = unsafe extern "C" fn(*const c_char, *const c_char, ...);

    #[test]
    fn texts_reach_the_logger() {
        // What C calls is the exported function with any number of arguments.
        let as_c = |f: unsafe extern "C" fn(*const c_char, *const c_char)| {
            // SAFETY: it jumps to a function of this type.
            unsafe { std::mem::transmute::<_, Variadic>(f) }
        };
        let (warn, debug) = (as_c(nng_log_warn), as_c(nng_log_debug));
        // SAFETY: formats, and the arguments that they want.
        unsafe {
            nng_log_set_logger(Some(remember));
            assert_eq!(nng_log_get_level(), NOTICE);
            warn(c"ID".as_ptr(), c"test %d %s %.2f %ld %d %d %d".as_ptr(), 1, c"two".as_ptr(), 3.5, 4_i64, 5, 6, 7);
            debug(c"ID".as_ptr(), c"test".as_ptr());
            tracing::debug!("test");
            assert_eq!(seen(), [entry(WARN, 1, "ID", "test 1 two 3.50 4 5 6 7")]);

            nng_log_set_level(DEBUG);
            nng_log_set_facility(16);
            debug(std::ptr::null(), c"test".as_ptr());
            tracing::warn!(pipe = 7, "test {}", "event");
            let auth: unsafe extern "C" fn(c_int, *const c_char, *const c_char, ...) =
                std::mem::transmute(nng_log_auth as *const ());
            auth(ERR, c"WHO".as_ptr(), c"test %s".as_ptr(), c"auth".as_ptr());
            assert_eq!(
                seen(),
                [
                    entry(DEBUG, 16, "", "test"),
                    entry(WARN, 16, "NNG-SPW", "test event pipe=7"),
                    entry(ERR, 10, "WHO", "test auth")
                ]
            );

            warn(std::ptr::null(), c"test%600d".as_ptr(), 1);
            assert_eq!(seen()[0].3.len(), 511);

            nng_log_set_level(0);
            warn(std::ptr::null(), c"test".as_ptr());
            nng_log_set_level(NOTICE);
            nng_log_set_logger(None);
            warn(std::ptr::null(), c"test".as_ptr());
            warn(std::ptr::null(), std::ptr::null());
            assert_eq!(seen(), []);
            nng_log_set_facility(1);
        }
    }

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(line(ERR, Some(c"ID"), c"text\n", "12:00:00.000", false), "ERROR  12:00:00.000: ID: text\n");
        assert_eq!(line(WARN, None, c"text", "12:00:00.000", true), "\x1b[33mWARN   12:00:00.000: text\x1b[0m\n");
        assert_eq!(line(INFO, None, c"text", "12:00:00.000", true), "INFO   12:00:00.000: text\n");
    }
}
