//! TLS configurations.

use std::ffi::{c_char, c_int, c_void};

use crate::absent::{no_op, not_yet};
use crate::guard::export;

/// A configuration, behind a pointer.
#[derive(Debug)]
pub enum nng_tls_config {}

not_yet! {
    "the library has no TLS yet";
    fn nng_tls_config_alloc(config: *mut *mut nng_tls_config, mode: c_int) -> status;
    fn nng_tls_config_hold(config: *mut nng_tls_config);
    fn nng_tls_config_free(config: *mut nng_tls_config);
    fn nng_tls_config_server_name(config: *mut nng_tls_config, name: *const c_char) -> status;
    fn nng_tls_config_ca_chain(config: *mut nng_tls_config, chain: *const c_char, crl: *const c_char) -> status;
    fn nng_tls_config_own_cert(config: *mut nng_tls_config, cert: *const c_char, key: *const c_char, password: *const c_char) -> status;
    fn nng_tls_config_key(config: *mut nng_tls_config, key: *const u8, size: usize) -> status;
    fn nng_tls_config_pass(config: *mut nng_tls_config, password: *const c_char) -> status;
    fn nng_tls_config_auth_mode(config: *mut nng_tls_config, mode: c_int) -> status;
    fn nng_tls_config_ca_file(config: *mut nng_tls_config, path: *const c_char) -> status;
    fn nng_tls_config_cert_key_file(config: *mut nng_tls_config, path: *const c_char, password: *const c_char) -> status;
    fn nng_tls_config_psk(config: *mut nng_tls_config, identity: *const c_char, key: *const u8, size: usize) -> status;
    fn nng_tls_config_version(config: *mut nng_tls_config, min: c_int, max: c_int) -> status;
    fn nng_tls_register() -> status;
    fn nng_wss_register() -> status;
}

not_yet! {
    "engines of programs are not taken";
    fn nng_tls_engine_register(engine: *const c_void) -> status;
    fn nng_tls_engine_send(arg: *mut c_void, data: *const u8, size: *mut usize) -> status;
    fn nng_tls_engine_recv(arg: *mut c_void, data: *mut u8, size: *mut usize) -> status;
}

export! {
    /// What does the work: nothing.
    fn nng_tls_engine_name() -> *const c_char {
        c"none".as_ptr()
    }

    /// The same at length.
    fn nng_tls_engine_description() -> *const c_char {
        c"".as_ptr()
    }

    /// Whether it was validated under FIPS 140.
    fn nng_tls_engine_fips_mode() -> bool {
        false
    }
}

// Transports are there without being registered.
no_op! {
    "transports are always there";
    fn nng_inproc_register() -> status;
    fn nng_ipc_register() -> status;
    fn nng_tcp_register() -> status;
}

not_yet! {
    "the library has no WebSocket yet";
    fn nng_ws_register() -> status;
}

not_yet! {
    "ZeroTier is no part of the library";
    fn nng_zt_register() -> status;
}
