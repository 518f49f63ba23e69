//! What every exported function goes through: a panic goes no further than this, and pointers are checked.

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Code, Result, status};

/// Exports functions to C under their own names. A panic of a body is logged and answered by [`Answer::panicked`].
///
/// A function with `-> status` has a body of type [`Result<()>`] and answers its number to C, 0 for success.
macro_rules! export {
    () => {};
    ($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> status $body:block $($rest:tt)*) => {
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $type),*) -> std::ffi::c_int {
            $crate::guard::checked(stringify!($name), || -> $crate::error::Result<()> { $body })
        }
        $crate::guard::export! { $($rest)* }
    };
    ($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $type),*) $(-> $ret)? {
            $crate::guard::guarded(stringify!($name), || $body)
        }
        $crate::guard::export! { $($rest)* }
    };
}
pub(crate) use export;

/// What a function answers to C.
pub(crate) trait Answer {
    /// Its answer when its body panicked.
    fn panicked() -> Self;
}

impl Answer for () {
    fn panicked() {}
}

impl Answer for c_int {
    fn panicked() -> Self {
        Code::EINTERNAL.get()
    }
}

impl Answer for bool {
    fn panicked() -> Self {
        false
    }
}

impl<T> Answer for *mut T {
    fn panicked() -> Self {
        std::ptr::null_mut()
    }
}

impl<T> Answer for *const T {
    fn panicked() -> Self {
        std::ptr::null()
    }
}

macro_rules! zero {
    ($($type:ty),*) => {
        $(impl Answer for $type {
            fn panicked() -> Self {
                0
            }
        })*
    };
}

zero!(u16, u32, u64, usize);

/// Runs the body of an exported function.
#[inline]
pub(crate) fn guarded<R: Answer>(name: &str, body: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(answer) => answer,
        Err(payload) => {
            panicked(name, &*payload);
            // What was thrown may panic when it is dropped.
            std::mem::forget(payload);
            R::panicked()
        }
    }
}

/// Runs the body of an exported function that answers an error number.
#[inline]
pub(crate) fn checked(name: &str, body: impl FnOnce() -> Result<()>) -> c_int {
    guarded(name, || status(body()))
}

#[cold]
fn panicked(name: &str, payload: &(dyn std::any::Any + Send)) {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic");
    tracing::error!("{name}: {text}");
}

/// The object behind a pointer from C; `EINVAL` for a null pointer.
///
/// # Safety
/// A pointer that is not null points to a `T` that nobody changes during `'a`.
#[inline]
pub(crate) unsafe fn object<'a, T>(ptr: *const T) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { ptr.as_ref() }.ok_or(Code::EINVAL)
}

/// The object behind a pointer from C, to be changed; `EINVAL` for a null pointer.
///
/// # Safety
/// A pointer that is not null points to a `T` that nobody else uses during `'a`.
#[inline]
pub(crate) unsafe fn object_mut<'a, T>(ptr: *mut T) -> Result<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { ptr.as_mut() }.ok_or(Code::EINVAL)
}

/// Where C wants a result; what is there need not be initialized. `EINVAL` for a null pointer.
///
/// # Safety
/// A pointer that is not null may be written to during `'a`.
#[inline]
pub(crate) unsafe fn out<'a, T>(ptr: *mut T) -> Result<&'a mut std::mem::MaybeUninit<T>> {
    // SAFETY: the caller's promise; `MaybeUninit<T>` has the layout of `T` and any content is valid for it.
    unsafe { ptr.cast::<std::mem::MaybeUninit<T>>().as_mut() }.ok_or(Code::EINVAL)
}

/// Bytes from C; `EINVAL` for a null pointer with a length.
///
/// # Safety
/// A pointer that is not null points to `len` bytes that nobody changes during `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(ptr: *const u8, len: usize) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() || isize::try_from(len).is_err() {
        return Err(Code::EINVAL);
    }
    // SAFETY: the caller's promise; neither null nor longer than a slice may be.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len) })
}

/// A text from C; `EINVAL` for a null pointer.
///
/// # Safety
/// A pointer that is not null points to a text that ends with a zero byte and that nobody changes during `'a`.
pub(crate) unsafe fn text<'a>(ptr: *const c_char) -> Result<&'a CStr> {
    if ptr.is_null() {
        return Err(Code::EINVAL);
    }
    // SAFETY: the caller's promise; not null.
    Ok(unsafe { CStr::from_ptr(ptr) })
}

/// A text from C that is UTF-8, such as a name or a URL; otherwise `EINVAL`.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn utf8<'a>(ptr: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { text(ptr) }?.to_str().map_err(|_| Code::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(guarded::<c_int>("test", || panic!("on purpose")), 1000);
        assert!(guarded::<*mut u8>("test", || panic!("on purpose")).is_null());
    }

    #[test]
    fn null_is_an_invalid_argument() {
        // SAFETY: null is allowed.
        unsafe {
            assert_eq!(object::<u8>(std::ptr::null()).err(), Some(Code::EINVAL));
            assert_eq!(utf8(std::ptr::null()).err(), Some(Code::EINVAL));
            assert_eq!(bytes(std::ptr::null(), 1).err(), Some(Code::EINVAL));
            assert_eq!(bytes(std::ptr::null(), 0), Ok(&[][..]));
        }
    }
}
