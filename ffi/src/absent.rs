//! Functions that are exported, as NNG's are, and do nothing.
//!
//! Loaders that resolve all symbols at start find them, and their callers learn that there is no such thing. `cargo xtask abi` reads the
//! lists, so that the table of functions (`FUNCTIONS.md`) says what is true.

use crate::error::{Code, Result};

/// Exports functions that are not there yet: they answer `ENOTSUP`, null or 0, and write nothing. Those with `-> aio` have an aio as their
/// last argument, which ends with `ENOTSUP`. The text says why, in the table of functions.
macro_rules! not_yet {
    ($why:literal; $($rest:tt)*) => {
        $crate::absent::absent! { $why, Some($crate::error::Code::ENOTSUP); $($rest)* }
    };
}
pub(crate) use not_yet;

/// Exports functions that have nothing to do, and succeed. The text says why, in the table of functions.
macro_rules! no_op {
    ($why:literal; $($rest:tt)*) => {
        $crate::absent::absent! { $why, None; $($rest)* }
    };
}
pub(crate) use no_op;

macro_rules! absent {
    ($why:literal, $result:expr;) => {};
    ($why:literal, $result:expr; fn $name:ident($($arg:ident: $type:ty),*) -> status; $($rest:tt)*) => {
        $crate::guard::export! {
            #[doc = concat!("Does nothing: ", $why, ".")]
            fn $name($($arg: $type),*) -> status {
                $(let _ = $arg;)*
                $crate::absent::answer($result)?;
                Ok(())
            }
        }
        $crate::absent::absent! { $why, $result; $($rest)* }
    };
    ($why:literal, $result:expr; fn $name:ident($($arg:ident: $type:ty),*) -> aio; $($rest:tt)*) => {
        $crate::guard::export! {
            #[doc = concat!("Does nothing: ", $why, ".")]
            fn $name($($arg: $type,)* aio: *mut $crate::aio::nng_aio) {
                $(let _ = $arg;)*
                // SAFETY: the caller's promise that the pointer is null or an aio that has not been freed.
                if let Some(aio) = unsafe { $crate::aio::Aio::from_c(aio) } {
                    if aio.begin() {
                        aio.finish($crate::absent::answer($result));
                    }
                }
            }
        }
        $crate::absent::absent! { $why, $result; $($rest)* }
    };
    ($why:literal, $result:expr; fn $name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty)?; $($rest:tt)*) => {
        $crate::guard::export! {
            #[doc = concat!("Does nothing: ", $why, ".")]
            fn $name($($arg: $type),*) $(-> $ret)? {
                $(let _ = $arg;)*
                $(<$ret as $crate::guard::Answer>::panicked())?
            }
        }
        $crate::absent::absent! { $why, $result; $($rest)* }
    };
}
pub(crate) use absent;

/// The answer of a function that is not there, or has nothing to do.
pub(crate) fn answer(code: Option<Code>) -> Result<usize> {
    code.map_or(Ok(0), Err)
}
