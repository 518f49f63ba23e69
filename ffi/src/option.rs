//! All functions that read or set an option, from one table.

use std::ffi::{c_char, c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use spanwire::option::{OptionType, names, spec};
use spanwire::{Dialer, Error, Listener, OptionValue};

use crate::context::{self, Ctx};
use crate::endpoint::{self, Endpoint};
use crate::error::{Code, Result};
use crate::guard::{bytes, export, object, out, text, utf8};
use crate::mem;
use crate::sockaddr::nng_sockaddr;
use crate::socket::{self, Sock};
use crate::tls;
use crate::types::{nng_ctx, nng_dialer, nng_duration, nng_listener, nng_pipe, nng_socket};

/// What has options.
pub(crate) trait Options {
    /// Reads one.
    fn get(&self, name: &str) -> Result<OptionValue>;

    /// Sets one.
    fn set(&self, name: &str, value: OptionValue) -> Result<()>;

    /// What is to be said whatever the value.
    fn check_set(&self, name: &str) -> Result<()> {
        let _ = name;
        Ok(())
    }
}

/// A value of C's, before it is known which type the option has.
pub(crate) enum Given<'a> {
    Bool(bool),
    Int(c_int),
    Size(usize),
    U64(u64),
    Ms(nng_duration),
    Text(&'a [u8]),
    Pointer(*const c_void),
    Address(Result<OptionValue>),
    /// As the option wants it.
    Raw(&'a [u8]),
}

/// Where C wants a value, and of which type.
pub(crate) enum Wanted {
    Bool(*mut bool),
    Int(*mut c_int),
    Size(*mut usize),
    U64(*mut u64),
    Ms(*mut nng_duration),
    Text(*mut *mut c_char),
    Pointer(*mut *mut c_void),
    Address(*mut nng_sockaddr),
    /// As the option has it, into so many bytes.
    Raw(*mut c_void, *mut usize),
}

impl Given<'_> {
    /// The value for an option of this type.
    ///
    /// # Safety
    /// A pointer is null, or points to what the option is a pointer to.
    unsafe fn value(self, kind: OptionType) -> Result<OptionValue> {
        Ok(match (self, kind) {
            (Self::Bool(value), OptionType::Bool) => value.into(),
            (Self::Int(value), OptionType::Int) => value.into(),
            (Self::Size(value), OptionType::Size) => value.into(),
            (Self::U64(value), OptionType::U64) => value.into(),
            (Self::Ms(value), OptionType::Duration) => OptionValue::Duration(duration(value)?),
            (Self::Text(text), OptionType::Str) => OptionValue::Str(string(text)?),
            // What the option does with the bytes is its own business.
            (Self::Bool(value), OptionType::Bytes) => [u8::from(value)][..].into(),
            (Self::Int(value) | Self::Ms(value), OptionType::Bytes) => value.to_ne_bytes()[..].into(),
            (Self::Size(value), OptionType::Bytes) => value.to_ne_bytes()[..].into(),
            (Self::U64(value), OptionType::Bytes) => value.to_ne_bytes()[..].into(),
            // NNG counts the zero byte in.
            (Self::Text(text), OptionType::Bytes) => [text, &[0]].concat().into(),
            (Self::Address(value), OptionType::Address) => value?,
            // The only options that are pointers are TLS configurations.
            // SAFETY: the caller's promise.
            (Self::Pointer(config), OptionType::Object) => unsafe { tls::option(config) }?,
            (Self::Raw(bytes), kind) => raw(bytes, kind)?,
            _ => return Err(Code::EBADTYPE),
        })
    }
}

fn raw(bytes: &[u8], kind: OptionType) -> Result<OptionValue> {
    fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
        bytes.try_into().map_err(|_| Code::EINVAL)
    }
    Ok(match kind {
        OptionType::Bool => OptionValue::Bool(exactly::<1>(bytes)? != [0]),
        OptionType::Int => c_int::from_ne_bytes(exactly(bytes)?).into(),
        OptionType::Size => usize::from_ne_bytes(exactly(bytes)?).into(),
        OptionType::U64 => u64::from_ne_bytes(exactly(bytes)?).into(),
        OptionType::Duration => OptionValue::Duration(duration(nng_duration::from_ne_bytes(exactly(bytes)?))?),
        OptionType::Str => {
            let end = bytes.iter().position(|byte| *byte == 0).ok_or(Code::EINVAL)?;
            OptionValue::Str(string(&bytes[..end])?)
        }
        OptionType::Bytes => bytes.into(),
        OptionType::Address => {
            let bytes = exactly::<{ size_of::<nng_sockaddr>() }>(bytes)?;
            // SAFETY: the size is right, and any bits are valid for a union of numbers.
            let sa = unsafe { bytes.as_ptr().cast::<nng_sockaddr>().read_unaligned() };
            sa.address()?.into()
        }
        OptionType::Strings | OptionType::Object => return Err(Code::EBADTYPE),
    })
}

fn string(text: &[u8]) -> Result<String> {
    String::from_utf8(text.to_vec()).map_err(|_| Code::EINVAL)
}

fn duration(ms: nng_duration) -> Result<Option<Duration>> {
    match ms {
        -1 => Ok(None),
        ms => Ok(Some(Duration::from_millis(u64::try_from(ms).map_err(|_| Code::EINVAL)?))),
    }
}

fn ms(time: Option<Duration>) -> nng_duration {
    time.map_or(-1, |time| nng_duration::try_from(time.as_millis()).unwrap_or(nng_duration::MAX))
}

impl Wanted {
    /// Answers a value.
    ///
    /// # Safety
    /// The pointers are null, or can be written to.
    unsafe fn write(self, value: OptionValue) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            match (self, value) {
                (Self::Bool(to), OptionValue::Bool(value)) => put(to, value),
                (Self::Int(to), OptionValue::Int(value)) => put(to, value),
                (Self::Size(to), OptionValue::Size(value)) => put(to, value),
                (Self::U64(to), OptionValue::U64(value)) => put(to, value),
                (Self::Ms(to), OptionValue::Duration(time)) => put(to, ms(time)),
                (Self::Address(to), OptionValue::Address(address)) => put(to, nng_sockaddr::from(&address)),
                (Self::Text(to), OptionValue::Str(text)) => {
                    let to = out(to)?;
                    to.write(mem::copy_text(text.as_bytes())?);
                    Ok(())
                }
                (Self::Pointer(to), OptionValue::Strings(texts)) => {
                    let to = out(to)?;
                    to.write(list(&texts)?);
                    Ok(())
                }
                (Self::Raw(to, size), value) => match value {
                    OptionValue::Bool(value) => copy(to, size, &[u8::from(value)]),
                    OptionValue::Int(value) => copy(to, size, &value.to_ne_bytes()),
                    OptionValue::Size(value) => copy(to, size, &value.to_ne_bytes()),
                    OptionValue::U64(value) => copy(to, size, &value.to_ne_bytes()),
                    OptionValue::Duration(time) => copy(to, size, &ms(time).to_ne_bytes()),
                    OptionValue::Str(text) => copy(to, size, &[text.as_bytes(), &[0]].concat()),
                    OptionValue::Bytes(bytes) => copy(to, size, &bytes),
                    OptionValue::Address(address) => {
                        let sa = nng_sockaddr::from(&address);
                        // SAFETY: `UNSPEC` has set every byte, so none is uninitialized.
                        copy(to, size, bytes((&raw const sa).cast(), size_of::<nng_sockaddr>())?)
                    }
                    _ => Err(Code::EBADTYPE),
                },
                _ => Err(Code::EBADTYPE),
            }
        }
    }
}

/// An array of texts with a null pointer at its end. The caller frees each of them, and the array, as `nng_free` does.
fn list(texts: &[String]) -> Result<*mut c_void> {
    let size = (texts.len() + 1) * size_of::<*mut c_char>();
    let array = mem::alloc(size).cast::<*mut c_char>();
    if array.is_null() {
        return Err(Code::ENOMEM);
    }
    for (i, text) in texts.iter().enumerate() {
        // SAFETY: within what has just been allocated, which is aligned for everything.
        let place = unsafe { array.add(i) };
        match mem::copy_text(text.as_bytes()) {
            // SAFETY: as above.
            Ok(text) => unsafe { place.write(text) },
            Err(code) => {
                for i in 0..i {
                    // SAFETY: what has been written before, and nobody else knows of.
                    unsafe { mem::nng_strfree(array.add(i).read()) }
                }
                // SAFETY: as above.
                unsafe { mem::nng_free(array.cast(), size) }
                return Err(code);
            }
        }
    }
    // SAFETY: as above.
    unsafe { array.add(texts.len()).write(std::ptr::null_mut()) }
    Ok(array.cast())
}

/// # Safety
/// Null, or it can be written to.
unsafe fn put<T>(to: *mut T, value: T) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { out(to) }?.write(value);
    Ok(())
}

/// Copies what fits, and sets the size to the whole length: `EINVAL` if that was not enough room.
///
/// # Safety
/// `size` is null or points to the number of bytes at `to`, which can be written to unless it is null.
unsafe fn copy(to: *mut c_void, size: *mut usize, bytes: &[u8]) -> Result<()> {
    // SAFETY: the caller's promise.
    let size = unsafe { crate::guard::object_mut(size) }?;
    let fits = bytes.len().min(*size);
    if to.is_null() && fits > 0 {
        return Err(Code::EINVAL);
    }
    // SAFETY: the caller's promise; the bytes are our own.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), fits) }
    *size = bytes.len();
    if fits < bytes.len() { Err(Code::EINVAL) } else { Ok(()) }
}

/// Reads an option for C.
///
/// # Safety
/// `name` is null or a text; for the value as [`Wanted::write`].
pub(crate) unsafe fn get<T: Options>(object: Result<T>, name: *const c_char, wanted: Wanted) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let name = utf8(name)?;
        wanted.write(object?.get(name)?)
    }
}

/// Sets an option for C.
///
/// # Safety
/// `name` is null or a text; for the value as [`Given::value`].
pub(crate) unsafe fn set<T: Options>(object: Result<T>, name: *const c_char, given: Result<Given<'_>>) -> Result<()> {
    // SAFETY: the caller's promise.
    let name = unsafe { utf8(name) }?;
    let object = object?;
    object.check_set(name)?;
    // SAFETY: the caller's promise.
    let value = unsafe { given?.value(spec(name)?.kind) }?;
    object.set(name, value)
}

impl Options for std::sync::Arc<Sock> {
    fn get(&self, name: &str) -> Result<OptionValue> {
        match (self.any.option(name), buffer(name)) {
            (Err(Error::NotSupported(_)), Some(i)) => Ok(self.buffers[i].load(Ordering::Relaxed).into()),
            (value, _) => Ok(value?),
        }
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        let size = if let OptionValue::Int(size) = value { size } else { 0 };
        let allowed = in_range(name, &value).is_ok() && (size != 0 || !self.keeps_one(name));
        let done = if allowed { self.any.set_option(name, value) } else { Err(Error::InvalidArgument("".into())) };
        match (done, buffer(name)) {
            (Err(Error::NotSupported(_)), Some(i)) => self.buffers[i].store(size, Ordering::Relaxed),
            // Not to have the option comes before a value that is out of range.
            (Err(Error::InvalidArgument(_)), _) => {
                return Err(match self.get(name) {
                    Err(Code::ENOTSUP) => Code::ENOTSUP,
                    _ => Code::EINVAL,
                });
            }
            (done, _) => done?,
        }
        Ok(())
    }
}

impl Sock {
    /// Whether NNG wants that this buffer holds a message at least.
    fn keeps_one(&self, name: &str) -> bool {
        let protocol = self.any.protocol();
        match name {
            names::RECV_BUFFER => protocol.name == "bus" || (protocol.name == "sub" && !protocol.raw),
            names::SEND_BUFFER => matches!(protocol.name, "bus" | "pub"),
            _ => false,
        }
    }
}

/// Which of [`Sock::buffers`] an option is.
fn buffer(name: &str) -> Option<usize> {
    [names::RECV_BUFFER, names::SEND_BUFFER].iter().position(|other| *other == name)
}

impl Options for Ctx {
    fn get(&self, name: &str) -> Result<OptionValue> {
        Ok(self.any.option(name)?)
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        if let (names::RECV_BUFFER, OptionValue::Int(0)) = (name, &value) {
            return Err(Code::EINVAL);
        }
        Ok(self.any.set_option(name, value)?)
    }
}

impl Options for std::sync::Arc<Endpoint<Dialer>> {
    /// What it does not have is read from its socket.
    fn get(&self, name: &str) -> Result<OptionValue> {
        if name == names::LOCAL_ADDRESS && self.is_ipc() {
            return Err(Code::ENOTSUP);
        }
        get_or(self.any.option(name), self.socket, name)
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        in_range(name, &value)?;
        Ok(self.any.set_option(name, value)?)
    }

    fn check_set(&self, name: &str) -> Result<()> {
        match name {
            names::LOCAL_ADDRESS if self.is_ipc() => Err(Code::ENOTSUP),
            names::LOCAL_ADDRESS if self.any.url().scheme() == "inproc" => Err(Code::EREADONLY),
            _ => Ok(()),
        }
    }
}

impl Endpoint<Dialer> {
    /// NNG knows no address of this side with these.
    fn is_ipc(&self) -> bool {
        matches!(self.any.url().scheme(), "ipc" | "unix" | "abstract")
    }
}

impl Options for std::sync::Arc<Endpoint<Listener>> {
    /// What it does not have is read from its socket.
    fn get(&self, name: &str) -> Result<OptionValue> {
        get_or(self.any.option(name), self.socket, name)
    }

    fn set(&self, name: &str, value: OptionValue) -> Result<()> {
        if let (names::SOCKET_FD, OptionValue::Int(fd)) = (name, &value) {
            return take_over(&self.any, *fd);
        }
        in_range(name, &value)?;
        Ok(self.any.set_option(name, value)?)
    }

    fn check_set(&self, name: &str) -> Result<()> {
        if name == names::LOCAL_ADDRESS { Err(Code::EREADONLY) } else { Ok(()) }
    }
}

/// Takes a connected descriptor over; it stays the caller's if that fails.
fn take_over(listener: &Listener, fd: c_int) -> Result<()> {
    if listener.url().scheme() != "socket" {
        return Err(Code::ENOTSUP);
    }
    // What the listener refuses it closes: so that is a copy.
    // SAFETY: it makes a descriptor from a number.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        let error = std::io::Error::last_os_error();
        return Err(if error.raw_os_error() == Some(libc::EBADF) { Code::EINVAL } else { error.into() });
    }
    // SAFETY: it has just been made, and nobody else knows of it.
    listener.accept_fd(unsafe { OwnedFd::from_raw_fd(copy) })?;
    // SAFETY: it is open, and the caller's promise that it is the library's from now on.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// What a dialer or listener has as an option, or otherwise its socket.
fn get_or(value: std::result::Result<OptionValue, Error>, socket: u32, name: &str) -> Result<OptionValue> {
    // A configuration of TLS can't be read back. Programs such as nngcat take this for a transport without TLS, and any other answer for a fault.
    if name == "tls-config" {
        return Err(Code::ENOTSUP);
    }
    match value {
        Err(Error::NotSupported(_)) => socket::find(nng_socket { id: socket })?.get(name),
        value => Ok(value?),
    }
}

/// What NNG does not allow, while Rust's sockets do.
pub(crate) fn in_range(name: &str, value: &OptionValue) -> Result<()> {
    match (name, value) {
        (names::TTL_MAX, OptionValue::Int(16..)) => Err(Code::EINVAL),
        (names::RECV_SIZE_MAX | names::WS_TXFRAME_MAX | names::WS_RXFRAME_MAX, OptionValue::Size(size))
            if *size > SIZE_MAX =>
        {
            Err(Code::EINVAL)
        }
        _ => Ok(()),
    }
}

/// 4 GiB.
const SIZE_MAX: usize = 0xffff_ffff;

impl Options for spanwire::Pipe {
    /// What it does not have is read from its dialer or listener, and from its socket.
    fn get(&self, name: &str) -> Result<OptionValue> {
        match self.option(name) {
            Err(Error::NotSupported(_)) => socket::find(nng_socket { id: self.socket_id().get() })?.get(name),
            value => Ok(value?),
        }
    }

    fn set(&self, _name: &str, _value: OptionValue) -> Result<()> {
        Err(Code::EREADONLY)
    }
}

/// One function for each form in which C reads or sets a value: `form function` for an object of this type.
macro_rules! options {
    ($($handle:ty, $find:path { $($form:ident $name:ident)* })*) => {
        $($($crate::option::option_function! { $form $name $handle, $find })*)*
    };
}
pub(crate) use options;

macro_rules! option_function {
    (get $name:ident $handle:ty, $find:path) => {
        export! {
            /// Reads an option as bytes. The size is that of the buffer, and becomes that of the value.
            fn $name(handle: $handle, name: *const c_char, value: *mut c_void, size: *mut usize) -> status {
                // SAFETY: the caller's promise.
                unsafe { get($find(handle), name, Wanted::Raw(value, size)) }
            }
        }
    };
    (set $name:ident $handle:ty, $find:path) => {
        export! {
            /// Sets an option from bytes.
            fn $name(handle: $handle, name: *const c_char, value: *const c_void, size: usize) -> status {
                // SAFETY: the caller's promise.
                unsafe { set($find(handle), name, bytes(value.cast(), size).map(Given::Raw)) }
            }
        }
    };
    (get_bool $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut bool, Bool } };
    (get_int $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut c_int, Int } };
    (get_size $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut usize, Size } };
    (get_uint64 $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut u64, U64 } };
    (get_ms $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut nng_duration, Ms } };
    (get_string $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut *mut c_char, Text } };
    (get_addr $name:ident $handle:ty, $find:path) => { option_function! { @get $name $handle, $find, *mut nng_sockaddr, Address } };
    (get_ptr $name:ident $handle:ty, $find:path) => {
        export! {
            /// Reads an option that is a pointer, such as a list of texts.
            fn $name(handle: $handle, name: *const c_char, value: *mut *mut c_void) -> status {
                // SAFETY: the caller's promise.
                unsafe { get($find(handle), name, Wanted::Pointer(value)) }
            }
        }
    };
    (@get $name:ident $handle:ty, $find:path, $type:ty, $form:ident) => {
        export! {
            /// Reads an option; `NNG_EBADTYPE` if it has another type. A text is the caller's to free by `nng_strfree`.
            fn $name(handle: $handle, name: *const c_char, value: $type) -> status {
                // SAFETY: the caller's promise.
                unsafe { get($find(handle), name, Wanted::$form(value)) }
            }
        }
    };
    (set_bool $name:ident $handle:ty, $find:path) => { option_function! { @set $name $handle, $find, bool, Bool } };
    (set_int $name:ident $handle:ty, $find:path) => { option_function! { @set $name $handle, $find, c_int, Int } };
    (set_size $name:ident $handle:ty, $find:path) => { option_function! { @set $name $handle, $find, usize, Size } };
    (set_uint64 $name:ident $handle:ty, $find:path) => { option_function! { @set $name $handle, $find, u64, U64 } };
    (set_ms $name:ident $handle:ty, $find:path) => { option_function! { @set $name $handle, $find, nng_duration, Ms } };
    (@set $name:ident $handle:ty, $find:path, $type:ty, $form:ident) => {
        export! {
            /// Sets an option; `NNG_EBADTYPE` if it has another type.
            fn $name(handle: $handle, name: *const c_char, value: $type) -> status {
                // SAFETY: the caller's promise.
                unsafe { set($find(handle), name, Ok(Given::$form(value))) }
            }
        }
    };
    (set_string $name:ident $handle:ty, $find:path) => {
        export! {
            /// Sets an option that is a text.
            fn $name(handle: $handle, name: *const c_char, value: *const c_char) -> status {
                // SAFETY: the caller's promise.
                unsafe { set($find(handle), name, text(value).map(|text| Given::Text(text.to_bytes()))) }
            }
        }
    };
    (set_addr $name:ident $handle:ty, $find:path) => {
        export! {
            /// Sets an option that is an address.
            fn $name(handle: $handle, name: *const c_char, value: *const nng_sockaddr) -> status {
                // SAFETY: the caller's promise.
                unsafe { set($find(handle), name, object(value).map(|sa| Given::Address(sa.address().map(Into::into)))) }
            }
        }
    };
    (set_ptr $name:ident $handle:ty, $find:path) => {
        export! {
            /// Sets an option that is a pointer.
            fn $name(handle: $handle, name: *const c_char, value: *mut c_void) -> status {
                // SAFETY: the caller's promise.
                unsafe { set($find(handle), name, Ok(Given::Pointer(value))) }
            }
        }
    };
}
pub(crate) use option_function;

options! {
    nng_socket, socket::find {
        get nng_socket_get
        get_bool nng_socket_get_bool
        get_int nng_socket_get_int
        get_size nng_socket_get_size
        get_uint64 nng_socket_get_uint64
        get_string nng_socket_get_string
        get_ptr nng_socket_get_ptr
        get_ms nng_socket_get_ms
        get_addr nng_socket_get_addr
        set nng_socket_set
        set_bool nng_socket_set_bool
        set_int nng_socket_set_int
        set_size nng_socket_set_size
        set_uint64 nng_socket_set_uint64
        set_string nng_socket_set_string
        set_ptr nng_socket_set_ptr
        set_ms nng_socket_set_ms
        set_addr nng_socket_set_addr
        get nng_getopt
        get_bool nng_getopt_bool
        get_int nng_getopt_int
        get_ms nng_getopt_ms
        get_ptr nng_getopt_ptr
        get_size nng_getopt_size
        get_string nng_getopt_string
        get_uint64 nng_getopt_uint64
        set nng_setopt
        set_bool nng_setopt_bool
        set_int nng_setopt_int
        set_ms nng_setopt_ms
        set_ptr nng_setopt_ptr
        set_size nng_setopt_size
        set_string nng_setopt_string
        set_uint64 nng_setopt_uint64
    }
    nng_ctx, context::find {
        get nng_ctx_get
        get_bool nng_ctx_get_bool
        get_int nng_ctx_get_int
        get_size nng_ctx_get_size
        get_uint64 nng_ctx_get_uint64
        get_string nng_ctx_get_string
        get_ptr nng_ctx_get_ptr
        get_ms nng_ctx_get_ms
        get_addr nng_ctx_get_addr
        set nng_ctx_set
        set_bool nng_ctx_set_bool
        set_int nng_ctx_set_int
        set_size nng_ctx_set_size
        set_uint64 nng_ctx_set_uint64
        set_string nng_ctx_set_string
        set_ptr nng_ctx_set_ptr
        set_ms nng_ctx_set_ms
        set_addr nng_ctx_set_addr
        get nng_ctx_getopt
        get_bool nng_ctx_getopt_bool
        get_int nng_ctx_getopt_int
        get_ms nng_ctx_getopt_ms
        get_size nng_ctx_getopt_size
        set nng_ctx_setopt
        set_bool nng_ctx_setopt_bool
        set_int nng_ctx_setopt_int
        set_ms nng_ctx_setopt_ms
        set_size nng_ctx_setopt_size
    }
    nng_dialer, endpoint::dialer {
        get nng_dialer_get
        get_bool nng_dialer_get_bool
        get_int nng_dialer_get_int
        get_size nng_dialer_get_size
        get_uint64 nng_dialer_get_uint64
        get_string nng_dialer_get_string
        get_ptr nng_dialer_get_ptr
        get_ms nng_dialer_get_ms
        get_addr nng_dialer_get_addr
        set nng_dialer_set
        set_bool nng_dialer_set_bool
        set_int nng_dialer_set_int
        set_size nng_dialer_set_size
        set_uint64 nng_dialer_set_uint64
        set_string nng_dialer_set_string
        set_ptr nng_dialer_set_ptr
        set_ms nng_dialer_set_ms
        set_addr nng_dialer_set_addr
        get nng_dialer_getopt
        get_bool nng_dialer_getopt_bool
        get_int nng_dialer_getopt_int
        get_ms nng_dialer_getopt_ms
        get_ptr nng_dialer_getopt_ptr
        get_size nng_dialer_getopt_size
        get_addr nng_dialer_getopt_sockaddr
        get_string nng_dialer_getopt_string
        get_uint64 nng_dialer_getopt_uint64
        set nng_dialer_setopt
        set_bool nng_dialer_setopt_bool
        set_int nng_dialer_setopt_int
        set_ms nng_dialer_setopt_ms
        set_ptr nng_dialer_setopt_ptr
        set_size nng_dialer_setopt_size
        set_string nng_dialer_setopt_string
        set_uint64 nng_dialer_setopt_uint64
    }
    nng_listener, endpoint::listener {
        get nng_listener_get
        get_bool nng_listener_get_bool
        get_int nng_listener_get_int
        get_size nng_listener_get_size
        get_uint64 nng_listener_get_uint64
        get_string nng_listener_get_string
        get_ptr nng_listener_get_ptr
        get_ms nng_listener_get_ms
        get_addr nng_listener_get_addr
        set nng_listener_set
        set_bool nng_listener_set_bool
        set_int nng_listener_set_int
        set_size nng_listener_set_size
        set_uint64 nng_listener_set_uint64
        set_string nng_listener_set_string
        set_ptr nng_listener_set_ptr
        set_ms nng_listener_set_ms
        set_addr nng_listener_set_addr
        get nng_listener_getopt
        get_bool nng_listener_getopt_bool
        get_int nng_listener_getopt_int
        get_ms nng_listener_getopt_ms
        get_ptr nng_listener_getopt_ptr
        get_size nng_listener_getopt_size
        get_addr nng_listener_getopt_sockaddr
        get_string nng_listener_getopt_string
        get_uint64 nng_listener_getopt_uint64
        set nng_listener_setopt
        set_bool nng_listener_setopt_bool
        set_int nng_listener_setopt_int
        set_ms nng_listener_setopt_ms
        set_ptr nng_listener_setopt_ptr
        set_size nng_listener_setopt_size
        set_string nng_listener_setopt_string
        set_uint64 nng_listener_setopt_uint64
    }
    nng_pipe, crate::pipe::find {
        get nng_pipe_get
        get_bool nng_pipe_get_bool
        get_int nng_pipe_get_int
        get_size nng_pipe_get_size
        get_uint64 nng_pipe_get_uint64
        get_string nng_pipe_get_string
        get_ptr nng_pipe_get_ptr
        get_ms nng_pipe_get_ms
        get_addr nng_pipe_get_addr
        get nng_pipe_getopt
        get_bool nng_pipe_getopt_bool
        get_int nng_pipe_getopt_int
        get_ms nng_pipe_getopt_ms
        get_ptr nng_pipe_getopt_ptr
        get_size nng_pipe_getopt_size
        get_addr nng_pipe_getopt_sockaddr
        get_string nng_pipe_getopt_string
        get_uint64 nng_pipe_getopt_uint64
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_that_is_refused_stays_the_callers() {
        let socket = spanwire::AnySocket::open("pair0").unwrap();
        let listener = socket.listener("socket://").unwrap();
        // Nobody takes any as long as it has not been started.
        let (mut mine, mut refused) = UnixStream::pair().unwrap();
        let refusal = loop {
            let (_, theirs) = UnixStream::pair().unwrap();
            let fd = theirs.as_raw_fd();
            match take_over(&listener, fd) {
                Ok(()) => assert_eq!(theirs.into_raw_fd(), fd),
                Err(code) => break code,
            }
        };
        assert_eq!(refusal, Code::from(Error::OutOfSpace));
        take_over(&listener, refused.as_raw_fd()).unwrap_err();
        refused.write_all(b"!").unwrap();
        mine.read_exact(&mut [0]).unwrap();
        assert_eq!(take_over(&listener, -1), Err(Code::EINVAL));
    }
}
