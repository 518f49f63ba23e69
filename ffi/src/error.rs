//! NNG's error numbers and texts.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::num::NonZero;

use spanwire::{Error, SendError};

use crate::guard::export;

/// What most functions come to.
pub(crate) type Result<T, E = Code> = std::result::Result<T, E>;

/// One of NNG's error numbers; 0, success, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(NonZero<c_int>);

impl Code {
    /// The number that C sees.
    #[inline]
    pub(crate) const fn get(self) -> c_int {
        self.0.get()
    }

    /// The error with this number; `None` for 0.
    #[inline]
    pub(crate) const fn new(number: c_int) -> Option<Self> {
        match NonZero::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

/// The number of a result, 0 for success.
#[inline]
pub(crate) fn status(result: Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(code) => code.get(),
    }
}

impl From<Error> for Code {
    fn from(e: Error) -> Self {
        c_int::try_from(e.code()).ok().and_then(Self::new).unwrap_or(Self::EINTERNAL)
    }
}

impl From<SendError> for Code {
    fn from(e: SendError) -> Self {
        e.error.into()
    }
}

impl From<std::io::Error> for Code {
    fn from(e: std::io::Error) -> Self {
        Error::from(e).into()
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Code {
            $(
                #[doc = $text]
                pub(crate) const $name: Self = match Self::new($number) {
                    Some(code) => code,
                    None => unreachable!(),
                };
            )*
        }

        /// The text of a number that has one of its own.
        fn text(number: c_int) -> Option<&'static CStr> {
            let text = match number {
                0 => "Hunky dory\0",
                $($number => concat!($text, "\0"),)*
                _ => return None,
            };
            CStr::from_bytes_with_nul(text.as_bytes()).ok()
        }
    };
}

codes! {
    EINTR = 1, "Interrupted";
    ENOMEM = 2, "Out of memory";
    EINVAL = 3, "Invalid argument";
    EBUSY = 4, "Resource busy";
    ETIMEDOUT = 5, "Timed out";
    ECONNREFUSED = 6, "Connection refused";
    ECLOSED = 7, "Object closed";
    EAGAIN = 8, "Try again";
    ENOTSUP = 9, "Not supported";
    EADDRINUSE = 10, "Address in use";
    ESTATE = 11, "Incorrect state";
    ENOENT = 12, "Entry not found";
    EPROTO = 13, "Protocol error";
    EUNREACHABLE = 14, "Destination unreachable";
    EADDRINVAL = 15, "Address invalid";
    EPERM = 16, "Permission denied";
    EMSGSIZE = 17, "Message too large";
    ECONNABORTED = 18, "Connection aborted";
    ECONNRESET = 19, "Connection reset";
    ECANCELED = 20, "Operation canceled";
    ENOFILES = 21, "Out of files";
    ENOSPC = 22, "Out of space";
    EEXIST = 23, "Resource already exists";
    EREADONLY = 24, "Read only resource";
    EWRITEONLY = 25, "Write only resource";
    ECRYPTO = 26, "Cryptographic error";
    EPEERAUTH = 27, "Peer could not be authenticated";
    ENOARG = 28, "Option requires argument";
    EAMBIGUOUS = 29, "Ambiguous option";
    EBADTYPE = 30, "Incorrect type";
    ECONNSHUT = 31, "Connection shutdown";
    EINTERNAL = 1000, "Internal error detected";
}

/// The operating system's errors start here.
const ESYSERR: c_int = 0x1000_0000;
/// Those of transports.
const ETRANERR: c_int = 0x2000_0000;

export! {
    /// The text of an error number. For numbers that have none of their own it is good until this thread's next call.
    fn nng_strerror(number: c_int) -> *const c_char {
        match text(number) {
            Some(text) => text.as_ptr(),
            None => made(number),
        }
    }
}

fn made(number: c_int) -> *const c_char {
    thread_local! {
        static TEXT: RefCell<CString> = RefCell::default();
    }
    let text = if number & ESYSERR != 0 {
        // The standard library adds the number in brackets.
        let text = std::io::Error::from_raw_os_error(number & !ESYSERR).to_string();
        text.split(" (os error").next().unwrap_or_default().to_owned()
    } else if number & ETRANERR != 0 {
        format!("Transport error #{}", number & !ETRANERR)
    } else {
        format!("Unknown error #{number}")
    };
    TEXT.with(|slot| {
        *slot.borrow_mut() = CString::new(text).unwrap_or_default();
        slot.borrow().as_ptr()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_errors() {
        for number in (1..=31).chain([1000]) {
            let error = Error::from_code(number as u32).unwrap();
            assert_eq!(text(number).unwrap().to_str(), Ok(error.text()));
            assert_eq!(Code::from(error).get(), number);
        }
    }

    #[test]
    fn every_number_has_a_text() {
        let text = |number| {
            // SAFETY: takes no pointer.
            let text = unsafe { nng_strerror(number) };
            // SAFETY: a text of this thread, not asked for again meanwhile.
            unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
        };
        assert_eq!(text(0), "Hunky dory");
        assert_eq!(text(ESYSERR + 2), "No such file or directory");
        assert_eq!(text(ETRANERR + 7), "Transport error #7");
        assert_eq!(text(4095), "Unknown error #4095");
    }
}
