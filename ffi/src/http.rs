//! HTTP.

use std::ffi::{c_char, c_void};

use crate::absent::not_yet;
use crate::aio::nng_aio;
use crate::sockaddr::nng_sockaddr;
use crate::tls::nng_tls_config;
use crate::url::nng_url;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub enum $name {})*
    };
}

opaque! {
    /// Behind a pointer.
    nng_http_client;
    /// Behind a pointer.
    nng_http_conn;
    /// Behind a pointer.
    nng_http_handler;
    /// Behind a pointer.
    nng_http_req;
    /// Behind a pointer.
    nng_http_res;
    /// Behind a pointer.
    nng_http_server;
}

not_yet! {
    "the library has no HTTP yet";
    fn nng_http_req_alloc(req: *mut *mut nng_http_req, url: *const nng_url) -> status;
    fn nng_http_req_free(req: *mut nng_http_req);
    fn nng_http_req_set_method(req: *mut nng_http_req, method: *const c_char) -> status;
    fn nng_http_req_get_method(req: *mut nng_http_req) -> *const c_char;
    fn nng_http_req_set_uri(req: *mut nng_http_req, uri: *const c_char) -> status;
    fn nng_http_req_get_uri(req: *mut nng_http_req) -> *const c_char;
    fn nng_http_req_set_header(req: *mut nng_http_req, name: *const c_char, value: *const c_char) -> status;
    fn nng_http_req_add_header(req: *mut nng_http_req, name: *const c_char, value: *const c_char) -> status;
    fn nng_http_req_del_header(req: *mut nng_http_req, name: *const c_char) -> status;
    fn nng_http_req_get_header(req: *mut nng_http_req, name: *const c_char) -> *const c_char;
    fn nng_http_req_set_version(req: *mut nng_http_req, version: *const c_char) -> status;
    fn nng_http_req_get_version(req: *mut nng_http_req) -> *const c_char;
    fn nng_http_req_set_data(req: *mut nng_http_req, data: *const c_void, size: usize) -> status;
    fn nng_http_req_copy_data(req: *mut nng_http_req, data: *const c_void, size: usize) -> status;
    fn nng_http_req_get_data(req: *mut nng_http_req, data: *mut *mut c_void, size: *mut usize);
    fn nng_http_req_reset(req: *mut nng_http_req);
    fn nng_http_res_alloc(res: *mut *mut nng_http_res) -> status;
    fn nng_http_res_alloc_error(res: *mut *mut nng_http_res, status: u16) -> status;
    fn nng_http_res_free(res: *mut nng_http_res);
    fn nng_http_res_set_status(res: *mut nng_http_res, status: u16) -> status;
    fn nng_http_res_get_status(res: *mut nng_http_res) -> u16;
    fn nng_http_res_set_reason(res: *mut nng_http_res, reason: *const c_char) -> status;
    fn nng_http_res_get_reason(res: *mut nng_http_res) -> *const c_char;
    fn nng_http_res_set_header(res: *mut nng_http_res, name: *const c_char, value: *const c_char) -> status;
    fn nng_http_res_add_header(res: *mut nng_http_res, name: *const c_char, value: *const c_char) -> status;
    fn nng_http_res_del_header(res: *mut nng_http_res, name: *const c_char) -> status;
    fn nng_http_res_get_header(res: *mut nng_http_res, name: *const c_char) -> *const c_char;
    fn nng_http_res_set_version(res: *mut nng_http_res, version: *const c_char) -> status;
    fn nng_http_res_get_version(res: *mut nng_http_res) -> *const c_char;
    fn nng_http_res_set_data(res: *mut nng_http_res, data: *const c_void, size: usize) -> status;
    fn nng_http_res_copy_data(res: *mut nng_http_res, data: *const c_void, size: usize) -> status;
    fn nng_http_res_get_data(res: *mut nng_http_res, data: *mut *mut c_void, size: *mut usize);
    fn nng_http_res_reset(res: *mut nng_http_res);
    fn nng_http_conn_close(conn: *mut nng_http_conn);
    fn nng_http_conn_read(conn: *mut nng_http_conn) -> aio;
    fn nng_http_conn_read_all(conn: *mut nng_http_conn) -> aio;
    fn nng_http_conn_write(conn: *mut nng_http_conn) -> aio;
    fn nng_http_conn_write_all(conn: *mut nng_http_conn) -> aio;
    fn nng_http_conn_write_req(conn: *mut nng_http_conn, req: *mut nng_http_req) -> aio;
    fn nng_http_conn_write_res(conn: *mut nng_http_conn, res: *mut nng_http_res) -> aio;
    fn nng_http_conn_read_req(conn: *mut nng_http_conn, req: *mut nng_http_req) -> aio;
    fn nng_http_conn_read_res(conn: *mut nng_http_conn, res: *mut nng_http_res) -> aio;
    fn nng_http_conn_transact(conn: *mut nng_http_conn, req: *mut nng_http_req, res: *mut nng_http_res) -> aio;
    fn nng_http_hijack(conn: *mut nng_http_conn) -> status;
    fn nng_http_handler_alloc(handler: *mut *mut nng_http_handler, path: *const c_char, handle: Option<unsafe extern "C" fn(*mut nng_aio)>) -> status;
    fn nng_http_handler_free(handler: *mut nng_http_handler);
    fn nng_http_handler_alloc_file(handler: *mut *mut nng_http_handler, path: *const c_char, file: *const c_char) -> status;
    fn nng_http_handler_alloc_directory(handler: *mut *mut nng_http_handler, path: *const c_char, directory: *const c_char) -> status;
    fn nng_http_handler_alloc_static(handler: *mut *mut nng_http_handler, path: *const c_char, data: *const c_void, size: usize, content_type: *const c_char) -> status;
    fn nng_http_handler_alloc_redirect(handler: *mut *mut nng_http_handler, path: *const c_char, status: u16, target: *const c_char) -> status;
    fn nng_http_handler_set_method(handler: *mut nng_http_handler, method: *const c_char) -> status;
    fn nng_http_handler_set_host(handler: *mut nng_http_handler, host: *const c_char) -> status;
    fn nng_http_handler_collect_body(handler: *mut nng_http_handler, collect: bool, max: usize) -> status;
    fn nng_http_handler_set_tree(handler: *mut nng_http_handler) -> status;
    fn nng_http_handler_set_tree_exclusive(handler: *mut nng_http_handler) -> status;
    fn nng_http_handler_set_data(handler: *mut nng_http_handler, data: *mut c_void, done: Option<unsafe extern "C" fn(*mut c_void)>) -> status;
    fn nng_http_handler_get_data(handler: *mut nng_http_handler) -> *mut c_void;
    fn nng_http_server_hold(server: *mut *mut nng_http_server, url: *const nng_url) -> status;
    fn nng_http_server_release(server: *mut nng_http_server);
    fn nng_http_server_start(server: *mut nng_http_server) -> status;
    fn nng_http_server_stop(server: *mut nng_http_server);
    fn nng_http_server_add_handler(server: *mut nng_http_server, handler: *mut nng_http_handler) -> status;
    fn nng_http_server_del_handler(server: *mut nng_http_server, handler: *mut nng_http_handler) -> status;
    fn nng_http_server_set_tls(server: *mut nng_http_server, config: *mut nng_tls_config) -> status;
    fn nng_http_server_get_tls(server: *mut nng_http_server, config: *mut *mut nng_tls_config) -> status;
    fn nng_http_server_get_addr(server: *mut nng_http_server, addr: *mut nng_sockaddr) -> status;
    fn nng_http_server_set_error_page(server: *mut nng_http_server, status: u16, html: *const c_char) -> status;
    fn nng_http_server_set_error_file(server: *mut nng_http_server, status: u16, path: *const c_char) -> status;
    fn nng_http_server_res_error(server: *mut nng_http_server, res: *mut nng_http_res) -> status;
    fn nng_http_client_alloc(client: *mut *mut nng_http_client, url: *const nng_url) -> status;
    fn nng_http_client_free(client: *mut nng_http_client);
    fn nng_http_client_set_tls(client: *mut nng_http_client, config: *mut nng_tls_config) -> status;
    fn nng_http_client_get_tls(client: *mut nng_http_client, config: *mut *mut nng_tls_config) -> status;
    fn nng_http_client_connect(client: *mut nng_http_client) -> aio;
    fn nng_http_client_transact(client: *mut nng_http_client, req: *mut nng_http_req, res: *mut nng_http_res) -> aio;
}
