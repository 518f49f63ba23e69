//! Sending, receiving, and memory for both: a message that was allocated has its length in front of it.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use spanwire::Message;

use super::{Errno, check, flags, functions, object_mut, set_errno, sock};
use crate::error::{Code, Result};
use crate::guard::{export, object};
use crate::message::{give, nng_msg, nng_msg_free};
use crate::socket::{nng_recvmsg, nng_sendmsg};

/// A piece of memory.
#[repr(C)]
#[derive(Debug)]
pub struct nn_iovec {
    iov_base: *mut c_void,
    iov_len: usize,
}

/// What to send, or where to receive to.
#[repr(C)]
#[derive(Debug)]
pub struct nn_msghdr {
    msg_iov: *mut nn_iovec,
    msg_iovlen: c_int,
    msg_control: *mut c_void,
    msg_controllen: usize,
}

/// In front of each piece of control data.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nn_cmsghdr {
    /// With this structure.
    cmsg_len: usize,
    cmsg_level: c_int,
    cmsg_type: c_int,
}

/// The length that stands for "allocated", here and in C.
const NN_MSG: usize = usize::MAX;

/// Memory of `nn_allocmsg`: behind its length, aligned like that of `malloc`.
struct Chunk(*mut u8);

const PREFIX: usize = 16;

impl Chunk {
    fn alloc(len: usize) -> Result<Self> {
        // SAFETY: null is allowed.
        unsafe { Self(std::ptr::null_mut()).resized(len) }
    }

    /// With another length. If it fails, the old one remains.
    ///
    /// # Safety
    /// Null, or a chunk, which is not used again if this succeeds.
    unsafe fn resized(self, len: usize) -> Result<Self> {
        let size = len.checked_add(PREFIX).filter(|size| isize::try_from(*size).is_ok()).ok_or(Code::EINVAL)?;
        let base = if self.0.is_null() { self.0 } else { self.0.wrapping_sub(PREFIX) };
        // SAFETY: the caller's promise.
        let base = unsafe { libc::realloc(base.cast(), size) }.cast::<u8>();
        if base.is_null() {
            return Err(Code::ENOMEM);
        }
        // SAFETY: aligned and large enough.
        unsafe { base.cast::<usize>().write(len) }
        Ok(Self(base.wrapping_add(PREFIX)))
    }

    /// # Safety
    /// A chunk, not null.
    unsafe fn len(&self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.0.wrapping_sub(PREFIX).cast::<usize>().read() }
    }

    /// # Safety
    /// A chunk that is not changed meanwhile, not null.
    unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.0, self.len()) }
    }

    /// # Safety
    /// A chunk that is not used again, not null.
    unsafe fn free(self) {
        // SAFETY: the caller's promise.
        unsafe { libc::free(self.0.wrapping_sub(PREFIX).cast()) }
    }

    fn copied(bytes: &[u8]) -> Result<Self> {
        let chunk = Self::alloc(bytes.len())?;
        // SAFETY: as many bytes as have just been allocated.
        unsafe { chunk.0.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
        Ok(chunk)
    }
}

export! {
    /// Memory for a message, to be sent or freed. The type is 0.
    fn nn_allocmsg(size: usize, kind: c_int) -> *mut c_void {
        match if kind == 0 && size > 0 { Chunk::alloc(size) } else { Err(Code::EINVAL) } {
            Ok(chunk) => chunk.0.cast(),
            Err(code) => {
                set_errno(code.into());
                std::ptr::null_mut()
            }
        }
    }

    /// The same memory with another length. If it fails, the old one remains.
    fn nn_reallocmsg(msg: *mut c_void, size: usize) -> *mut c_void {
        // SAFETY: the caller's promise that it is null or a message of this library, which is not used again.
        match unsafe { Chunk(msg.cast()).resized(size) } {
            Ok(chunk) => chunk.0.cast(),
            Err(code) => {
                set_errno(code.into());
                std::ptr::null_mut()
            }
        }
    }

    /// The control data that follows; null if there is none. There is at most one piece.
    fn nn_cmsg_next(msg: *mut nn_msghdr, after: *mut nn_cmsghdr) -> *mut nn_cmsghdr {
        // SAFETY: the caller's promise that the pointer is null, or a message with its control data.
        let control = unsafe { object(msg).ok().and_then(|msg| control(msg)) };
        match control {
            Some((data, len)) if after.is_null() && len >= size_of::<nn_cmsghdr>() => data.cast(),
            _ => std::ptr::null_mut(),
        }
    }
}

functions! {
    /// Frees the memory of a message.
    fn nn_freemsg(msg: *mut c_void) {
        if msg.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: not null, and the caller's promise that it is a message of this library, which is not used again.
        unsafe { Chunk(msg.cast()).free() }
        Ok(0)
    }

    /// Sends so many bytes, or, with the length `NN_MSG`, the message that `buf` points to. Answers how many.
    fn nn_send(s: c_int, buf: *const c_void, len: usize, flags: c_int) {
        let mut iov = nn_iovec { iov_base: buf.cast_mut(), iov_len: len };
        let msg = nn_msghdr { msg_iov: &mut iov, msg_iovlen: 1, msg_control: std::ptr::null_mut(), msg_controllen: 0 };
        // SAFETY: the caller's promise about the buffer.
        unsafe { send(s, &msg, flags) }
    }

    /// Receives into so many bytes, or, with the length `NN_MSG`, a new message that `buf` points to then. Answers the whole length.
    fn nn_recv(s: c_int, buf: *mut c_void, len: usize, flags: c_int) {
        let mut iov = nn_iovec { iov_base: buf, iov_len: len };
        let msg = nn_msghdr { msg_iov: &mut iov, msg_iovlen: 1, msg_control: std::ptr::null_mut(), msg_controllen: 0 };
        // SAFETY: the caller's promise about the buffer.
        unsafe { recv(s, &msg, flags) }
    }

    /// Sends from several pieces, with control data.
    fn nn_sendmsg(s: c_int, msg: *const nn_msghdr, flags: c_int) {
        // SAFETY: the caller's promise that the pointer is null, or a message with its pieces.
        unsafe { send(s, object(msg)?, flags) }
    }

    /// Receives into several pieces, with control data.
    fn nn_recvmsg(s: c_int, msg: *mut nn_msghdr, flags: c_int) {
        // SAFETY: the caller's promise that the pointer is null, or a message with its pieces.
        unsafe { recv(s, object_mut(msg)?, flags) }
    }
}

/// The pieces of a message.
///
/// # Safety
/// As C's caller promises.
unsafe fn pieces(msg: &nn_msghdr) -> Result<&[nn_iovec], Errno> {
    match usize::try_from(msg.msg_iovlen).map_err(|_| Errno::from(Code::EMSGSIZE))? {
        0 => Ok(&[]),
        _ if msg.msg_iov.is_null() => Err(Errno::EFAULT),
        // SAFETY: not null, and the caller's promise that there are so many.
        len => Ok(unsafe { std::slice::from_raw_parts(msg.msg_iov, len) }),
    }
}

/// The control data of a message.
///
/// # Safety
/// As C's caller promises.
unsafe fn control(msg: &nn_msghdr) -> Option<(*mut u8, usize)> {
    if msg.msg_control.is_null() {
        return None;
    }
    if msg.msg_controllen != NN_MSG {
        return Some((msg.msg_control.cast(), msg.msg_controllen));
    }
    // SAFETY: the caller's promise: it points to a pointer to a chunk.
    unsafe {
        let chunk = Chunk(msg.msg_control.cast::<*mut u8>().read_unaligned());
        (!chunk.0.is_null()).then(|| (chunk.0, chunk.len()))
    }
}

/// # Safety
/// As C's caller promises.
unsafe fn send(s: c_int, msg: &nn_msghdr, how: c_int) -> Result<c_int, Errno> {
    let how = flags(how)?;
    let mut chunk = None;
    let mut body = Vec::new();
    // SAFETY: the caller's promise.
    let mut content = unsafe {
        match pieces(msg)? {
            [nn_iovec { iov_base, iov_len: NN_MSG }] => {
                if iov_base.is_null() {
                    return Err(Errno::EFAULT);
                }
                let whole = Chunk(iov_base.cast::<*mut u8>().read_unaligned());
                if whole.0.is_null() {
                    return Err(Errno::EFAULT);
                }
                let content = Message::copy_from(whole.bytes());
                chunk = Some(whole);
                content
            }
            pieces => {
                for piece in pieces {
                    if piece.iov_len == NN_MSG {
                        return Err(Errno::EINVAL);
                    }
                    let bytes = crate::guard::bytes(piece.iov_base.cast(), piece.iov_len);
                    body.extend_from_slice(bytes.map_err(|_| Errno::EFAULT)?);
                }
                Message::from(body)
            }
        }
    };
    // SAFETY: the caller's promise.
    if let Some((data, len)) = unsafe { control(msg) } {
        // SAFETY: the caller's promise that there are so many bytes.
        let control = unsafe { crate::guard::bytes(data, len) }.map_err(|_| Errno::EFAULT)?;
        if let Some(header) = header_of(control)? {
            if header.len() > LONGEST_HEADER {
                return Err(Errno::EINVAL);
            }
            content.append_header(header);
        }
    }
    let sent = c_int::try_from(content.len()).map_err(|_| Errno::from(Code::EMSGSIZE))?;
    let content = give(content);
    // SAFETY: a message that has just been made.
    if let Err(errno) = check(unsafe { nng_sendmsg(sock(s), content, how) }) {
        // SAFETY: it was not sent, so it still is ours.
        unsafe { nng_msg_free(content) }
        return Err(errno);
    }
    // What was sent was a copy of these.
    if let Some(chunk) = chunk {
        // SAFETY: the caller's promise that it is a message of this library; it is the library's now.
        unsafe { chunk.free() }
    }
    if !msg.msg_control.is_null() && msg.msg_controllen == NN_MSG {
        // SAFETY: as above.
        unsafe {
            let chunk = Chunk(msg.msg_control.cast::<*mut u8>().read_unaligned());
            if !chunk.0.is_null() {
                chunk.free();
            }
        }
    }
    Ok(sent)
}

/// The header within control data, if it has one.
fn header_of(mut control: &[u8]) -> Result<Option<&[u8]>, Errno> {
    const HEAD: usize = size_of::<nn_cmsghdr>();
    const LEN: usize = size_of::<usize>();
    while let Some((head, _)) = control.split_first_chunk::<HEAD>() {
        // SAFETY: as many bytes as the structure has, and any bits are valid for numbers.
        let head = unsafe { head.as_ptr().cast::<nn_cmsghdr>().read_unaligned() };
        let piece = control.get(HEAD..head.cmsg_len).ok_or(Errno::EINVAL)?;
        if (head.cmsg_level, head.cmsg_type) == (PROTO_SP, SP_HDR) {
            let (len, rest) = piece.split_first_chunk::<LEN>().ok_or(Errno::EINVAL)?;
            return rest.get(..usize::from_ne_bytes(*len)).map(Some).ok_or(Errno::EINVAL);
        }
        control = control.get(aligned(head.cmsg_len)..).unwrap_or_default();
    }
    Ok(None)
}

/// # Safety
/// As C's caller promises.
unsafe fn recv(s: c_int, msg: &nn_msghdr, how: c_int) -> Result<c_int, Errno> {
    let how = flags(how)?;
    // SAFETY: the caller's promise.
    let pieces = unsafe { pieces(msg) }?;
    let whole = matches!(pieces, [nn_iovec { iov_len: NN_MSG, .. }]);
    for piece in pieces {
        if piece.iov_len == NN_MSG && !whole {
            return Err(Errno::EINVAL);
        }
        if piece.iov_base.is_null() && piece.iov_len > 0 {
            return Err(Errno::EFAULT);
        }
    }
    let mut content = std::ptr::null_mut();
    // SAFETY: a place of our own.
    check(unsafe { nng_recvmsg(sock(s), &mut content, how) })?;
    // SAFETY: a message of this library that has just been handed over.
    let content: Box<nng_msg> = unsafe { Box::from_raw(content) };
    let len = c_int::try_from(content.len()).map_err(|_| Errno::from(Code::EMSGSIZE))?;
    if whole {
        let chunk = Chunk::copied(content.body())?;
        // SAFETY: not null, and the caller's promise that a pointer can be written there.
        unsafe { pieces[0].iov_base.cast::<*mut u8>().write_unaligned(chunk.0) }
    } else {
        let mut rest = content.body();
        for piece in pieces {
            let (now, later) = rest.split_at(piece.iov_len.min(rest.len()));
            // SAFETY: no more than there is room for, and the caller's promise.
            unsafe { piece.iov_base.cast::<u8>().copy_from_nonoverlapping(now.as_ptr(), now.len()) }
            rest = later;
        }
    }
    if !msg.msg_control.is_null() {
        // SAFETY: the caller's promise.
        unsafe { answer_control(msg, content.head().header()) }?;
    }
    Ok(len)
}

/// Answers a header as control data, unless there is too little room.
///
/// # Safety
/// As C's caller promises; there is a place for control data.
unsafe fn answer_control(msg: &nn_msghdr, header: &[u8]) -> Result<(), Errno> {
    let head = size_of::<nn_cmsghdr>();
    let len = head + aligned(size_of::<usize>() + header.len());
    let cmsg = nn_cmsghdr { cmsg_len: len, cmsg_level: PROTO_SP, cmsg_type: SP_HDR };
    let mut control = vec![0; len];
    let mut raw = MaybeUninit::new(cmsg);
    // SAFETY: the structure has no padding: its bytes are all set.
    control[..head].copy_from_slice(unsafe { std::slice::from_raw_parts(raw.as_mut_ptr().cast::<u8>(), head) });
    control[head..][..size_of::<usize>()].copy_from_slice(&header.len().to_ne_bytes());
    control[head + size_of::<usize>()..][..header.len()].copy_from_slice(header);
    if msg.msg_controllen == NN_MSG {
        let chunk = Chunk::copied(&control)?;
        // SAFETY: the caller's promise that a pointer can be written there.
        unsafe { msg.msg_control.cast::<*mut u8>().write_unaligned(chunk.0) }
        return Ok(());
    }
    if len > msg.msg_controllen {
        // Whoever looks finds no control data.
        control.fill(0);
        control.truncate(head.min(msg.msg_controllen));
    }
    // SAFETY: no more than there is room for, and the caller's promise.
    unsafe { msg.msg_control.cast::<u8>().copy_from_nonoverlapping(control.as_ptr(), control.len()) }
    Ok(())
}

fn aligned(len: usize) -> usize {
    len.checked_next_multiple_of(size_of::<usize>()).unwrap_or(usize::MAX)
}

/// The level and the type of a header as control data.
const PROTO_SP: c_int = 1;
const SP_HDR: c_int = 1;

/// As with `nng_msg_header_append`.
const LONGEST_HEADER: usize = 64;
