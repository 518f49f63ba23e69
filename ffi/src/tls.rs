//! TLS configurations.

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spanwire::OptionValue;
use spanwire::tls::{AuthMode, TlsConfig, TlsConfigBuilder, TlsVersion};

use crate::absent::{no_op, not_yet};
use crate::error::{Code, Result};
use crate::guard::{export, object, out, utf8};

/// A configuration, as C holds it: what an `Arc` of it points to.
pub struct nng_tls_config(Mutex<State>);

/// `Open ──a socket, dialer or listener takes it──► Used`
enum State {
    /// It can be changed.
    Open(Box<TlsConfigBuilder>),
    /// It can't any more.
    Used(TlsConfig),
}

impl nng_tls_config {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it, unless that makes no sense.
    fn change(&self, change: impl FnOnce(TlsConfigBuilder) -> TlsConfigBuilder) -> Result<()> {
        match &mut *self.lock() {
            State::Open(builder) => {
                let changed = change((**builder).clone());
                changed.clone().build()?;
                **builder = changed;
                Ok(())
            }
            State::Used(_) => Err(Code::EBUSY),
        }
    }

    /// The configuration, for an option.
    fn take(&self) -> Result<OptionValue> {
        let mut state = self.lock();
        let config = match &*state {
            State::Open(builder) => (**builder).clone().build()?,
            State::Used(config) => config.clone(),
        };
        *state = State::Used(config.clone());
        Ok(config.into())
    }
}

/// The value of the option `tls-config` for a pointer from C.
///
/// # Safety
/// Null, or a configuration that has not been freed.
pub(crate) unsafe fn option(config: *const c_void) -> Result<OptionValue> {
    // SAFETY: the caller's promise.
    unsafe { object(config.cast::<nng_tls_config>()) }?.take()
}

/// A text that may be missing.
///
/// # Safety
/// Null, or a text.
unsafe fn optional<'a>(text: *const c_char) -> Result<Option<&'a str>> {
    // SAFETY: the caller's promise.
    if text.is_null() { Ok(None) } else { unsafe { utf8(text) }.map(Some) }
}

export! {
    /// A new configuration, counted once. What a server and a client have by default differs, and follows from how it is used.
    fn nng_tls_config_alloc(config: *mut *mut nng_tls_config, mode: c_int) -> status {
        if !matches!(mode, CLIENT | SERVER) {
            return Err(Code::EINVAL);
        }
        let state = Mutex::new(State::Open(Box::new(TlsConfig::builder())));
        // SAFETY: the caller's promise.
        unsafe { out(config) }?.write(Arc::into_raw(Arc::new(nng_tls_config(state))).cast_mut());
        Ok(())
    }

    /// Counts it once more. Null is allowed.
    fn nng_tls_config_hold(config: *mut nng_tls_config) {
        if !config.is_null() {
            // SAFETY: it points into an `Arc` that the application holds a reference of.
            unsafe { Arc::increment_strong_count(config.cast_const()) }
        }
    }

    /// Counts it once less, and frees it with the last. Sockets that use it go on. Null is allowed.
    fn nng_tls_config_free(config: *mut nng_tls_config) {
        if !config.is_null() {
            // SAFETY: it points into an `Arc`, and the application gives up one reference.
            unsafe { Arc::decrement_strong_count(config.cast_const()) }
        }
    }

    /// Sets the name that the server must prove.
    fn nng_tls_config_server_name(config: *mut nng_tls_config, name: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let (config, name) = unsafe { (object(config)?, utf8(name)?) };
        config.change(|builder| builder.server_name(name))
    }

    /// Trusts authorities, in PEM, and refuses what is on their revocation lists. The lists may be null.
    fn nng_tls_config_ca_chain(config: *mut nng_tls_config, chain: *const c_char, crl: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let (config, chain, crl) = unsafe { (object(config)?, utf8(chain)?, optional(crl)?) };
        config.change(|builder| {
            let builder = builder.ca_pem(chain);
            match crl {
                Some(crl) => builder.crl_pem(crl),
                None => builder,
            }
        })
    }

    /// Sets the own certificate, with the chain behind it, and its key, in PEM. A key with a password is not supported.
    fn nng_tls_config_own_cert(config: *mut nng_tls_config, cert: *const c_char, key: *const c_char, _password: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let (config, cert, key) = unsafe { (object(config)?, utf8(cert)?, optional(key)?) };
        config.change(|builder| builder.cert_pem(cert, key.unwrap_or(cert)))
    }

    /// Sets whether the peer must prove who it is.
    fn nng_tls_config_auth_mode(config: *mut nng_tls_config, mode: c_int) -> status {
        // SAFETY: the caller's promise.
        let config = unsafe { object(config) }?;
        let mode = match mode {
            0 => AuthMode::None,
            1 => AuthMode::Optional,
            2 => AuthMode::Required,
            _ => return Err(Code::EINVAL),
        };
        config.change(|builder| builder.auth_mode(mode))
    }

    /// Trusts the authorities in a PEM file.
    fn nng_tls_config_ca_file(config: *mut nng_tls_config, path: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let (config, path) = unsafe { (object(config)?, utf8(path)?) };
        config.change(|builder| builder.ca_file(path))
    }

    /// Sets the own certificate and its key from one PEM file. A key with a password is not supported.
    fn nng_tls_config_cert_key_file(config: *mut nng_tls_config, path: *const c_char, _password: *const c_char) -> status {
        // SAFETY: the caller's promise.
        let (config, path) = unsafe { (object(config)?, utf8(path)?) };
        config.change(|builder| builder.cert_key_file(path))
    }

    /// Sets the lowest and the highest version. There is nothing below 1.2.
    fn nng_tls_config_version(config: *mut nng_tls_config, min: c_int, max: c_int) -> status {
        // SAFETY: the caller's promise.
        let config = unsafe { object(config) }?;
        let version = |number| match number {
            0x303 => Ok(TlsVersion::V1_2),
            0x304 => Ok(TlsVersion::V1_3),
            _ => Err(Code::ENOTSUP),
        };
        let (min, max) = (version(min)?, version(max)?);
        if min > max {
            return Err(Code::ENOTSUP);
        }
        config.change(|builder| builder.min_version(min).max_version(max))
    }

    /// What does the work.
    fn nng_tls_engine_name() -> *const c_char {
        c"rustls".as_ptr()
    }

    /// The same at length.
    fn nng_tls_engine_description() -> *const c_char {
        c"rustls with the ciphers of ring".as_ptr()
    }

    /// Whether it was validated under FIPS 140.
    fn nng_tls_engine_fips_mode() -> bool {
        false
    }
}

const CLIENT: c_int = 0;
const SERVER: c_int = 1;

not_yet! {
    "nng_tls_config_own_cert takes the key";
    fn nng_tls_config_key(config: *mut nng_tls_config, key: *const u8, size: usize) -> status;
    fn nng_tls_config_pass(config: *mut nng_tls_config, password: *const c_char) -> status;
}

not_yet! {
    "there are no pre-shared keys";
    fn nng_tls_config_psk(config: *mut nng_tls_config, identity: *const c_char, key: *const u8, size: usize) -> status;
}

not_yet! {
    "engines of programs are not taken";
    fn nng_tls_engine_register(engine: *const c_void) -> status;
    fn nng_tls_engine_send(arg: *mut c_void, data: *const u8, size: *mut usize) -> status;
    fn nng_tls_engine_recv(arg: *mut c_void, data: *mut u8, size: *mut usize) -> status;
}

// Transports are there without being registered.
no_op! {
    "transports are always there";
    fn nng_inproc_register() -> status;
    fn nng_ipc_register() -> status;
    fn nng_tcp_register() -> status;
    fn nng_tls_register() -> status;
    fn nng_ws_register() -> status;
    fn nng_wss_register() -> status;
}

not_yet! {
    "ZeroTier is no part of the library";
    fn nng_zt_register() -> status;
}
