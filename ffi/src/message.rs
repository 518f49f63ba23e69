//! Messages.

use std::ffi::c_void;

use spanwire::{Message, PipeId};

use crate::body;
pub use crate::body::nng_msg;
use crate::error::{Code, Result};
use crate::guard::{bytes, export, object, object_mut, out};
use crate::types::nng_pipe;

/// Hands a message to C.
pub(crate) fn give(msg: Message) -> *mut nng_msg {
    Box::into_raw(body::boxed(msg.into()))
}

export! {
    /// Makes a message with a body of `size` zero bytes.
    fn nng_msg_alloc(msg: *mut *mut nng_msg, size: usize) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { out(msg) }?;
        msg.write(Box::into_raw(nng_msg::zeroed(size)?));
        Ok(())
    }

    /// Frees a message. Null is allowed.
    fn nng_msg_free(msg: *mut nng_msg) {
        if !msg.is_null() {
            // SAFETY: the caller's promise that it is a message of this library, and not used again.
            body::free(unsafe { Box::from_raw(msg) });
        }
    }

    /// Makes a copy of a message, header and pipe included.
    fn nng_msg_dup(dup: *mut *mut nng_msg, msg: *const nng_msg) -> status {
        // SAFETY: the caller's promise.
        let (dup, msg) = unsafe { (out(dup)?, object(msg)?) };
        dup.write(Box::into_raw(body::boxed(msg.clone())));
        Ok(())
    }

    /// Makes the body this long. If it grows, what was behind its end comes back, or zero bytes if it never was that long.
    fn nng_msg_realloc(msg: *mut nng_msg, size: usize) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { object_mut(msg) }?;
        match size.checked_sub(msg.len()) {
            Some(more) => msg.extend(more),
            None => msg.chop(msg.len() - size),
        }
    }

    /// Makes room for a body of this length.
    fn nng_msg_reserve(msg: *mut nng_msg, capacity: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }?.reserve(capacity)
    }

    /// How long the body can become where it is; 0 for null.
    fn nng_msg_capacity(msg: *mut nng_msg) -> usize {
        // SAFETY: the caller's promise.
        unsafe { object(msg) }.map_or(0, nng_msg::capacity)
    }

    /// The body, with room behind it as far as `nng_msg_capacity` says; good until the message is changed. Null for null.
    fn nng_msg_body(msg: *mut nng_msg) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }.map_or(std::ptr::null_mut(), |msg| msg.body_and_room().as_mut_ptr().cast())
    }

    /// Length of the body in bytes; 0 for null.
    fn nng_msg_len(msg: *const nng_msg) -> usize {
        // SAFETY: the caller's promise.
        unsafe { object(msg) }.map_or(0, nng_msg::len)
    }

    /// The header; good until the message is changed. Null for null.
    fn nng_msg_header(msg: *mut nng_msg) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }.map_or(std::ptr::null_mut(), |msg| msg.head_mut().header_mut().as_mut_ptr().cast())
    }

    /// Length of the header in bytes; 0 for null.
    fn nng_msg_header_len(msg: *const nng_msg) -> usize {
        // SAFETY: the caller's promise.
        unsafe { object(msg) }.map_or(0, |msg| msg.header().len())
    }

    /// Adds bytes at the end of the body; what is behind it already, if there are none to copy from.
    fn nng_msg_append(msg: *mut nng_msg, data: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { object_mut(msg) }?;
        if data.is_null() {
            return msg.extend(len);
        }
        // SAFETY: the caller's promise.
        msg.append(unsafe { bytes(data.cast(), len) }?)
    }

    /// Adds bytes in front of the body; what is there already, if there are none to copy from.
    fn nng_msg_insert(msg: *mut nng_msg, data: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        let msg = unsafe { object_mut(msg) }?;
        if data.is_null() {
            return msg.extend_front(len);
        }
        // SAFETY: the caller's promise.
        msg.insert(unsafe { bytes(data.cast(), len) }?)
    }

    /// Removes bytes at the front of the body; `NNG_EINVAL` if there are not so many.
    fn nng_msg_trim(msg: *mut nng_msg, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }?.trim(len)
    }

    /// Removes bytes at the end of the body; `NNG_EINVAL` if there are not so many.
    fn nng_msg_chop(msg: *mut nng_msg, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }?.chop(len)
    }

    /// Adds bytes at the end of the header; `NNG_EINVAL` above 64 in all.
    fn nng_msg_header_append(msg: *mut nng_msg, data: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg)?.header_append(bytes(data.cast(), len)?) }
    }

    /// Adds bytes in front of the header; `NNG_EINVAL` above 64 in all.
    fn nng_msg_header_insert(msg: *mut nng_msg, data: *const c_void, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg)?.header_insert(bytes(data.cast(), len)?) }
    }

    /// Removes bytes at the front of the header; `NNG_EINVAL` if there are not so many.
    fn nng_msg_header_trim(msg: *mut nng_msg, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }?.header_trim(len)
    }

    /// Removes bytes at the end of the header; `NNG_EINVAL` if there are not so many.
    fn nng_msg_header_chop(msg: *mut nng_msg, len: usize) -> status {
        // SAFETY: the caller's promise.
        unsafe { object_mut(msg) }?.header_chop(len)
    }

    /// Empties the body.
    fn nng_msg_clear(msg: *mut nng_msg) {
        // SAFETY: the caller's promise.
        if let Ok(msg) = unsafe { object_mut(msg) } {
            msg.clear();
        }
    }

    /// Empties the header.
    fn nng_msg_header_clear(msg: *mut nng_msg) {
        // SAFETY: the caller's promise.
        if let Ok(msg) = unsafe { object_mut(msg) } {
            msg.head_mut().clear_header();
        }
    }

    /// Sets the pipe that the message is to go to.
    fn nng_msg_set_pipe(msg: *mut nng_msg, pipe: nng_pipe) {
        // SAFETY: the caller's promise.
        if let Ok(msg) = unsafe { object_mut(msg) } {
            msg.head_mut().set_pipe(PipeId::new(pipe.id));
        }
    }

    /// The pipe that the message came from; 0 if it came from none.
    fn nng_msg_get_pipe(msg: *const nng_msg) -> nng_pipe {
        // SAFETY: the caller's promise.
        let pipe = unsafe { object(msg) }.ok().and_then(|msg| msg.head().pipe());
        nng_pipe { id: pipe.map_or(0, PipeId::get) }
    }

    /// Nothing: messages have no options.
    fn nng_msg_getopt(_msg: *mut nng_msg, _option: std::ffi::c_int, _value: *mut c_void, _size: *mut usize) -> status {
        Err(Code::ENOTSUP)
    }
}

/// The forms that add or remove a number, in network byte order.
macro_rules! words {
    ($($type:ty, $part:ident: $append:ident by $add_end:ident, $insert:ident by $add:ident, $chop:ident by $cut_end:ident, $trim:ident by $cut:ident;)*) => {
        $(
            export! {
                #[doc = concat!("Adds a `", stringify!($type), "` at the end, in network byte order.")]
                fn $append(msg: *mut nng_msg, value: $type) -> status {
                    // SAFETY: the caller's promise.
                    unsafe { object_mut(msg) }?.$add_end(&value.to_be_bytes())
                }

                #[doc = concat!("Adds a `", stringify!($type), "` in front, in network byte order.")]
                fn $insert(msg: *mut nng_msg, value: $type) -> status {
                    // SAFETY: the caller's promise.
                    unsafe { object_mut(msg) }?.$add(&value.to_be_bytes())
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the end; `NNG_EINVAL` if there is none.")]
                fn $chop(msg: *mut nng_msg, value: *mut $type) -> status {
                    // SAFETY: the caller's promise.
                    let (msg, value) = unsafe { (object_mut(msg)?, out(value)?) };
                    value.write(<$type>::from_be_bytes(*msg.$part().last_chunk().ok_or(Code::EINVAL)?));
                    msg.$cut_end(size_of::<$type>())
                }

                #[doc = concat!("Takes a `", stringify!($type), "` off the front; `NNG_EINVAL` if there is none.")]
                fn $trim(msg: *mut nng_msg, value: *mut $type) -> status {
                    // SAFETY: the caller's promise.
                    let (msg, value) = unsafe { (object_mut(msg)?, out(value)?) };
                    value.write(<$type>::from_be_bytes(*msg.$part().first_chunk().ok_or(Code::EINVAL)?));
                    msg.$cut(size_of::<$type>())
                }
            }
        )*
    };
}

words! {
    u16, body: nng_msg_append_u16 by append, nng_msg_insert_u16 by insert, nng_msg_chop_u16 by chop, nng_msg_trim_u16 by trim;
    u32, body: nng_msg_append_u32 by append, nng_msg_insert_u32 by insert, nng_msg_chop_u32 by chop, nng_msg_trim_u32 by trim;
    u64, body: nng_msg_append_u64 by append, nng_msg_insert_u64 by insert, nng_msg_chop_u64 by chop, nng_msg_trim_u64 by trim;
    u16, header: nng_msg_header_append_u16 by header_append, nng_msg_header_insert_u16 by header_insert, nng_msg_header_chop_u16 by header_chop, nng_msg_header_trim_u16 by header_trim;
    u32, header: nng_msg_header_append_u32 by header_append, nng_msg_header_insert_u32 by header_insert, nng_msg_header_chop_u32 by header_chop, nng_msg_header_trim_u32 by header_trim;
    u64, header: nng_msg_header_append_u64 by header_append, nng_msg_header_insert_u64 by header_insert, nng_msg_header_chop_u64 by header_chop, nng_msg_header_trim_u64 by header_trim;
}

/// The header.
impl nng_msg {
    fn header(&self) -> &[u8] {
        self.head().header()
    }

    fn header_append(&mut self, bytes: &[u8]) -> Result<()> {
        self.header_room(bytes)?;
        self.head_mut().append_header(bytes);
        Ok(())
    }

    fn header_insert(&mut self, bytes: &[u8]) -> Result<()> {
        self.header_room(bytes)?;
        self.head_mut().insert_header(bytes);
        Ok(())
    }

    fn header_room(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() > HEADER_MAX - self.header().len().min(HEADER_MAX) { Err(Code::EINVAL) } else { Ok(()) }
    }

    fn header_trim(&mut self, len: usize) -> Result<()> {
        if self.head_mut().trim_header(len) { Ok(()) } else { Err(Code::EINVAL) }
    }

    fn header_chop(&mut self, len: usize) -> Result<()> {
        if self.head_mut().chop_header(len) { Ok(()) } else { Err(Code::EINVAL) }
    }
}

/// NNG's headers have room for 16 words.
const HEADER_MAX: usize = 64;
