//! The one error type, with NNG's numbers and texts.

use std::fmt;
use std::io;

use crate::Message;

/// What an operation of this library answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong in particular: the offending value and why. May be empty.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Detail(Option<Box<str>>);

impl Detail {
    /// The text, empty if there is none.
    ///
    /// ```
    /// use spanwire_core::Error;
    ///
    /// let Error::NotFound(detail) = Error::NotFound("topic".into()) else { unreachable!() };
    /// assert_eq!(detail.as_str(), "topic");
    /// ```
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("")
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<T: Into<String>> From<T> for Detail {
    fn from(text: T) -> Self {
        let text: String = text.into();
        Self((!text.is_empty()).then(|| text.into_boxed_str()))
    }
}

macro_rules! errors {
    (
        plain { $($(#[$pdoc:meta])* $plain:ident = $pcode:literal, $ptext:literal;)* }
        detailed { $($(#[$ddoc:meta])* $detailed:ident = $dcode:literal, $dtext:literal;)* }
    ) => {
        /// Why an operation failed.
        ///
        /// The numbers ([`Error::code`]) and texts are those of NNG 1.x, which C and Python programs rely on. Variants with
        /// a [`Detail`] name the offending value. What a *peer* does wrong is never reported here: it closes that peer's
        /// pipe and is counted in the statistics.
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Error {
            $($(#[$pdoc])* $plain,)*
            $($(#[$ddoc])* $detailed(Detail),)*
            /// The operating system reported this error number.
            System(i32),
            /// A transport plugin reported this number of its own.
            Transport(u32),
        }

        impl Error {
            /// NNG's number of this error: 1 to 31, 1000, `0x1000_0000 + errno` or `0x2000_0000 + n`.
            ///
            /// ```
            /// use spanwire_core::Error;
            ///
            /// assert_eq!(Error::TimedOut.code(), 5);
            /// assert_eq!(Error::System(2).code(), 0x1000_0002);
            /// ```
            pub fn code(&self) -> u32 {
                match self {
                    $(Self::$plain => $pcode,)*
                    $(Self::$detailed(_) => $dcode,)*
                    Self::System(errno) => 0x1000_0000_u32.wrapping_add(errno.unsigned_abs()),
                    Self::Transport(n) => 0x2000_0000_u32.wrapping_add(*n),
                }
            }

            /// The error with this number, without a detail; `None` if there is no such number.
            ///
            /// ```
            /// use spanwire_core::Error;
            ///
            /// assert_eq!(Error::from_code(5), Some(Error::TimedOut));
            /// assert_eq!(Error::from_code(0), None);
            /// ```
            pub fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($pcode => Some(Self::$plain),)*
                    $($dcode => Some(Self::$detailed(Detail::default())),)*
                    0x1000_0000..0x2000_0000 => i32::try_from(code - 0x1000_0000).ok().map(Self::System),
                    0x2000_0000..=u32::MAX => Some(Self::Transport(code - 0x2000_0000)),
                    _ => None,
                }
            }

            /// NNG's text for this error, without the detail.
            ///
            /// ```
            /// use spanwire_core::Error;
            ///
            /// assert_eq!(Error::AddressInvalid("where?".into()).text(), "Address invalid");
            /// ```
            pub fn text(&self) -> &'static str {
                match self {
                    $(Self::$plain => $ptext,)*
                    $(Self::$detailed(_) => $dtext,)*
                    Self::System(_) => "System error",
                    Self::Transport(_) => "Transport error",
                }
            }

            /// This error with this detail, if it is one that has a detail and none is known yet.
            ///
            /// ```
            /// use spanwire_core::Error;
            ///
            /// let refused = Error::from_code(6).unwrap_or(Error::Closed).or_detail("tcp://127.0.0.1:1");
            /// assert_eq!(refused.to_string(), "Connection refused: tcp://127.0.0.1:1");
            /// assert_eq!(refused.or_detail("elsewhere").detail(), "tcp://127.0.0.1:1");
            /// ```
            #[must_use]
            pub fn or_detail(self, text: impl Into<Detail>) -> Self {
                match self {
                    $(Self::$detailed(detail) if detail.as_str().is_empty() => Self::$detailed(text.into()),)*
                    other => other,
                }
            }

            /// What was wrong in particular; empty if nothing more is known.
            ///
            /// ```
            /// use spanwire_core::Error;
            ///
            /// assert_eq!(Error::AddressInvalid("where?".into()).detail(), "where?");
            /// assert_eq!(Error::TimedOut.detail(), "");
            /// ```
            pub fn detail(&self) -> &str {
                match self {
                    $(Self::$detailed(detail) => detail.as_str(),)*
                    $(Self::$plain => "",)*
                    Self::System(_) | Self::Transport(_) => "",
                }
            }
        }
    };
}

errors! {
    plain {
        /// The operation was interrupted, by a signal for instance. Try again.
        Interrupted = 1, "Interrupted";
        /// There is no memory for it.
        OutOfMemory = 2, "Out of memory";
        /// The time allowed for the operation is over.
        TimedOut = 5, "Timed out";
        /// The socket, context, dialer, listener or pipe has been closed.
        Closed = 7, "Object closed";
        /// It can't be done without waiting, and waiting was not allowed.
        TryAgain = 8, "Try again";
        /// The connection was given up.
        ConnectionAborted = 18, "Connection aborted";
        /// The peer closed the connection.
        ConnectionReset = 19, "Connection reset";
        /// The operation was canceled, by a later one for instance.
        Canceled = 20, "Operation canceled";
        /// The process has no file descriptor left.
        OutOfFiles = 21, "Out of files";
        /// The storage is full.
        OutOfSpace = 22, "Out of space";
        /// The connection was shut down.
        ConnectionShutdown = 31, "Connection shutdown";
    }
    detailed {
        /// A value is out of range or makes no sense here; the detail names it.
        InvalidArgument = 3, "Invalid argument";
        /// The object is in use and can't be changed now.
        Busy = 4, "Resource busy";
        /// Nobody listens at that address.
        ConnectionRefused = 6, "Connection refused";
        /// This protocol, transport, option or platform can't do it.
        NotSupported = 9, "Not supported";
        /// Somebody else listens at that address.
        AddressInUse = 10, "Address in use";
        /// The operation does not fit the state of the object, such as a reply before a request.
        State = 11, "Incorrect state";
        /// There is no such entry.
        NotFound = 12, "Entry not found";
        /// The peer does not speak the protocol.
        Protocol = 13, "Protocol error";
        /// There is no route to that address.
        Unreachable = 14, "Destination unreachable";
        /// The address has the wrong form or does not exist.
        AddressInvalid = 15, "Address invalid";
        /// The operating system forbids it.
        PermissionDenied = 16, "Permission denied";
        /// The message is larger than allowed.
        MessageTooLarge = 17, "Message too large";
        /// It exists already.
        Exists = 23, "Resource already exists";
        /// The option can be read only.
        ReadOnly = 24, "Read only resource";
        /// The option can be written only.
        WriteOnly = 25, "Write only resource";
        /// A cryptographic operation failed.
        Crypto = 26, "Cryptographic error";
        /// The peer could not prove who it is.
        PeerAuth = 27, "Peer could not be authenticated";
        /// A command-line option lacks its argument.
        NoArgument = 28, "Option requires argument";
        /// A command-line option is ambiguous.
        Ambiguous = 29, "Ambiguous option";
        /// The value has the wrong type for the option.
        BadType = 30, "Incorrect type";
        /// A fault in this library or in a plugin; the detail says where.
        Internal = 1000, "Internal error detected";
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(errno) => write!(f, "{}", io::Error::from_raw_os_error(*errno)),
            Self::Transport(n) => write!(f, "Transport error #{n}"),
            other => match other.detail() {
                "" => f.write_str(other.text()),
                detail => write!(f, "{}: {detail}", other.text()),
            },
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        use io::ErrorKind as K;
        // What a byte stream has wrapped comes out as it was.
        if let Some(inner) = e.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return inner.clone();
        }
        // EMFILE and ENFILE have no kind of their own; 24 and 23 on every Unix, 10024 on Windows.
        if matches!(e.raw_os_error(), Some(23 | 24 | 10024)) {
            return Self::OutOfFiles;
        }
        let detail = || Detail::from(e.to_string());
        match e.kind() {
            K::Interrupted => Self::Interrupted,
            K::OutOfMemory => Self::OutOfMemory,
            K::InvalidInput => Self::InvalidArgument(detail()),
            K::TimedOut => Self::TimedOut,
            K::ConnectionRefused => Self::ConnectionRefused(detail()),
            K::WouldBlock => Self::TryAgain,
            K::Unsupported => Self::NotSupported(detail()),
            K::AddrInUse => Self::AddressInUse(detail()),
            K::NotFound => Self::ConnectionRefused(detail()),
            K::InvalidData => Self::Protocol(detail()),
            K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown => Self::Unreachable(detail()),
            K::AddrNotAvailable | K::InvalidFilename => Self::AddressInvalid(detail()),
            K::PermissionDenied => Self::PermissionDenied(detail()),
            K::ConnectionAborted => Self::ConnectionAborted,
            K::ConnectionReset => Self::ConnectionReset,
            K::BrokenPipe | K::NotConnected | K::UnexpectedEof => Self::ConnectionShutdown,
            K::StorageFull => Self::OutOfSpace,
            K::AlreadyExists => Self::Exists(detail()),
            _ => match e.raw_os_error() {
                Some(errno) => Self::System(errno),
                None => Self::Internal(detail()),
            },
        }
    }
}

impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Error> for io::Error {
    fn from(e: Error) -> Self {
        use io::ErrorKind as K;
        let kind = match &e {
            Error::System(errno) => return Self::from_raw_os_error(*errno),
            Error::Interrupted => K::Interrupted,
            Error::OutOfMemory => K::OutOfMemory,
            Error::InvalidArgument(_) | Error::AddressInvalid(_) => K::InvalidInput,
            Error::TimedOut => K::TimedOut,
            Error::TryAgain => K::WouldBlock,
            Error::ConnectionRefused(_) => K::ConnectionRefused,
            Error::NotSupported(_) => K::Unsupported,
            Error::AddressInUse(_) => K::AddrInUse,
            Error::NotFound(_) => K::NotFound,
            Error::Protocol(_) => K::InvalidData,
            Error::PermissionDenied(_) => K::PermissionDenied,
            Error::ConnectionAborted => K::ConnectionAborted,
            Error::ConnectionReset => K::ConnectionReset,
            Error::ConnectionShutdown | Error::Closed => K::BrokenPipe,
            Error::Exists(_) => K::AlreadyExists,
            _ => K::Other,
        };
        Self::new(kind, e)
    }
}

/// A send that failed, with the message that was not sent.
///
/// ```
/// use spanwire_core::{Error, Message, SendError};
/// let failed = SendError { error: Error::TimedOut, message: Message::from("again") };
/// assert_eq!(failed.message.body(), b"again");
/// assert_eq!(Error::from(failed), Error::TimedOut);
/// ```
#[derive(Clone, Debug)]
pub struct SendError {
    /// Why it failed.
    pub error: Error,
    /// The message, as it was handed in.
    pub message: Message,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (message of {} bytes not sent)", self.error, self.message.len())
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<SendError> for Error {
    fn from(e: SendError) -> Self {
        e.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for code in (1..=31).chain([1000, 0x1000_0002, 0x2000_0007]) {
            assert_eq!(Error::from_code(code).map(|e| e.code()), Some(code));
        }
        assert_eq!(Error::from_code(0), None);
        assert_eq!(Error::from_code(32), None);
    }

    #[test]
    fn errors_come_back_from_the_system_form() {
        for error in [Error::PeerAuth("self-signed".into()), Error::TimedOut, Error::Transport(7), Error::TryAgain] {
            assert_eq!(Error::from(io::Error::from(error.clone())), error);
        }
    }

    #[test]
    fn the_text_names_the_value() {
        let e = Error::AddressInvalid("no such scheme in \"foo\"".into());
        assert_eq!(e.to_string(), "Address invalid: no such scheme in \"foo\"");
        assert_eq!(Error::TimedOut.to_string(), "Timed out");
    }
}
