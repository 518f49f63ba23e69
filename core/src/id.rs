//! Identifiers of sockets, contexts, dialers, listeners and pipes.
//!
//! All of them are positive 31-bit numbers, so that they pass through a C API unchanged. Pipe ids start at a random
//! number and count up, because they travel on the wire as hop ids and must not be reused soon.

use std::fmt;
use std::num::NonZeroU32;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// The id with this number; `None` unless it is between 1 and 2³¹ − 1.
            ///
            /// ```
            #[doc = concat!("use spanwire_core::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert!(", stringify!($name), "::new(7).is_some());")]
            #[doc = concat!("assert!(", stringify!($name), "::new(0).is_none());")]
            /// ```
            pub const fn new(raw: u32) -> Option<Self> {
                match NonZeroU32::new(raw) {
                    Some(raw) if raw.get() <= i32::MAX as u32 => Some(Self(raw)),
                    Some(_) | None => None,
                }
            }

            /// The number, between 1 and 2³¹ − 1.
            ///
            /// ```
            #[doc = concat!("use spanwire_core::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::new(7).unwrap().get(), 7);")]
            /// ```
            pub const fn get(self) -> u32 {
                self.0.get()
            }

            /// The id that follows; after the largest comes 1.
            ///
            /// ```
            #[doc = concat!("use spanwire_core::", stringify!($name), ";")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::new(7).unwrap().next().get(), 8);")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::new(0x7fff_ffff).unwrap().next().get(), 1);")]
            /// ```
            #[must_use]
            pub const fn next(self) -> Self {
                match Self::new(self.get() + 1) {
                    Some(id) => id,
                    None => Self(NonZeroU32::MIN),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// A socket, unique in this process.
    SocketId
}
id! {
    /// A dialer, unique in this process.
    DialerId
}
id! {
    /// A listener, unique in this process.
    ListenerId
}
id! {
    /// A pipe: one connection of one socket, unique in this process. Serves as hop id on the wire.
    PipeId
}
id! {
    /// A context of a socket. [`ContextId::SOCKET`] is the one that the socket itself uses.
    ContextId
}

impl ContextId {
    /// The context behind the socket's own send and receive calls; it always exists.
    pub const SOCKET: Self = Self(NonZeroU32::MIN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_within_31_bits() {
        assert_eq!(PipeId::new(0), None);
        assert_eq!(PipeId::new(0x8000_0000), None);
        let last = PipeId::new(0x7fff_ffff).unwrap();
        assert_eq!(last.next().get(), 1);
    }
}
