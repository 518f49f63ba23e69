/* HTTP clients and servers. */
#ifndef NNG_SUPPLEMENTAL_HTTP_HTTP_H
#define NNG_SUPPLEMENTAL_HTTP_HTTP_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nng_tls_config;

enum nng_http_status {
    NNG_HTTP_STATUS_CONTINUE = 100,
    NNG_HTTP_STATUS_SWITCHING = 101,
    NNG_HTTP_STATUS_PROCESSING = 102,
    NNG_HTTP_STATUS_OK = 200,
    NNG_HTTP_STATUS_CREATED = 201,
    NNG_HTTP_STATUS_ACCEPTED = 202,
    NNG_HTTP_STATUS_NOT_AUTHORITATIVE = 203,
    NNG_HTTP_STATUS_NO_CONTENT = 204,
    NNG_HTTP_STATUS_RESET_CONTENT = 205,
    NNG_HTTP_STATUS_PARTIAL_CONTENT = 206,
    NNG_HTTP_STATUS_MULTI_STATUS = 207,
    NNG_HTTP_STATUS_ALREADY_REPORTED = 208,
    NNG_HTTP_STATUS_IM_USED = 226,
    NNG_HTTP_STATUS_MULTIPLE_CHOICES = 300,
    NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY = 301,
    NNG_HTTP_STATUS_FOUND = 302,
    NNG_HTTP_STATUS_SEE_OTHER = 303,
    NNG_HTTP_STATUS_NOT_MODIFIED = 304,
    NNG_HTTP_STATUS_USE_PROXY = 305,
    NNG_HTTP_STATUS_TEMPORARY_REDIRECT = 307,
    NNG_HTTP_STATUS_PERMANENT_REDIRECT = 308,
    NNG_HTTP_STATUS_BAD_REQUEST = 400,
    NNG_HTTP_STATUS_UNAUTHORIZED = 401,
    NNG_HTTP_STATUS_PAYMENT_REQUIRED = 402,
    NNG_HTTP_STATUS_FORBIDDEN = 403,
    NNG_HTTP_STATUS_NOT_FOUND = 404,
    NNG_HTTP_STATUS_METHOD_NOT_ALLOWED = 405,
    NNG_HTTP_STATUS_NOT_ACCEPTABLE = 406,
    NNG_HTTP_STATUS_PROXY_AUTH_REQUIRED = 407,
    NNG_HTTP_STATUS_REQUEST_TIMEOUT = 408,
    NNG_HTTP_STATUS_CONFLICT = 409,
    NNG_HTTP_STATUS_GONE = 410,
    NNG_HTTP_STATUS_LENGTH_REQUIRED = 411,
    NNG_HTTP_STATUS_PRECONDITION_FAILED = 412,
    NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE = 413,
    NNG_HTTP_STATUS_ENTITY_TOO_LONG = 414,
    NNG_HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE = 415,
    NNG_HTTP_STATUS_RANGE_NOT_SATISFIABLE = 416,
    NNG_HTTP_STATUS_EXPECTATION_FAILED = 417,
    NNG_HTTP_STATUS_TEAPOT = 418,
    NNG_HTTP_STATUS_UNPROCESSABLE_ENTITY = 422,
    NNG_HTTP_STATUS_LOCKED = 423,
    NNG_HTTP_STATUS_FAILED_DEPENDENCY = 424,
    NNG_HTTP_STATUS_UPGRADE_REQUIRED = 426,
    NNG_HTTP_STATUS_PRECONDITION_REQUIRED = 428,
    NNG_HTTP_STATUS_TOO_MANY_REQUESTS = 429,
    NNG_HTTP_STATUS_HEADERS_TOO_LARGE = 431,
    NNG_HTTP_STATUS_UNAVAIL_LEGAL_REASONS = 451,
    NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR = 500,
    NNG_HTTP_STATUS_NOT_IMPLEMENTED = 501,
    NNG_HTTP_STATUS_BAD_GATEWAY = 502,
    NNG_HTTP_STATUS_SERVICE_UNAVAILABLE = 503,
    NNG_HTTP_STATUS_GATEWAY_TIMEOUT = 504,
    NNG_HTTP_STATUS_HTTP_VERSION_NOT_SUPP = 505,
    NNG_HTTP_STATUS_VARIANT_ALSO_NEGOTIATES = 506,
    NNG_HTTP_STATUS_INSUFFICIENT_STORAGE = 507,
    NNG_HTTP_STATUS_LOOP_DETECTED = 508,
    NNG_HTTP_STATUS_NOT_EXTENDED = 510,
    NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED = 511
};

typedef struct nng_http_req nng_http_req;
typedef struct nng_http_res nng_http_res;
typedef struct nng_http_conn nng_http_conn;
typedef struct nng_http_handler nng_http_handler;
typedef struct nng_http_server nng_http_server;
typedef struct nng_http_client nng_http_client;

/* ---- Requests ---- */

/* URL may be NULL. */
NNG_DECL int nng_http_req_alloc(nng_http_req **req, const nng_url *url);
NNG_DECL void nng_http_req_free(nng_http_req *req);
NNG_DECL int nng_http_req_set_method(nng_http_req *req, const char *method);
NNG_DECL const char *nng_http_req_get_method(nng_http_req *req);
NNG_DECL int nng_http_req_set_uri(nng_http_req *req, const char *uri);
NNG_DECL const char *nng_http_req_get_uri(nng_http_req *req);
NNG_DECL int nng_http_req_set_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_add_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_del_header(nng_http_req *req, const char *name);
NNG_DECL const char *nng_http_req_get_header(nng_http_req *req, const char *name);
NNG_DECL int nng_http_req_set_version(nng_http_req *req, const char *version);
NNG_DECL const char *nng_http_req_get_version(nng_http_req *req);
/* "copy" copies the memory, "set" keeps the pointer. */
NNG_DECL int nng_http_req_set_data(nng_http_req *req, const void *data, size_t size);
NNG_DECL int nng_http_req_copy_data(nng_http_req *req, const void *data, size_t size);
NNG_DECL void nng_http_req_get_data(nng_http_req *req, void **data, size_t *size);
NNG_DECL void nng_http_req_reset(nng_http_req *req);

/* ---- Responses ---- */

NNG_DECL int nng_http_res_alloc(nng_http_res **res);
/* With a page that tells the error. */
NNG_DECL int nng_http_res_alloc_error(nng_http_res **res, uint16_t status);
NNG_DECL void nng_http_res_free(nng_http_res *res);
NNG_DECL int nng_http_res_set_status(nng_http_res *res, uint16_t status);
NNG_DECL uint16_t nng_http_res_get_status(nng_http_res *res);
NNG_DECL int nng_http_res_set_reason(nng_http_res *res, const char *reason);
NNG_DECL const char *nng_http_res_get_reason(nng_http_res *res);
NNG_DECL int nng_http_res_set_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_add_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_del_header(nng_http_res *res, const char *name);
NNG_DECL const char *nng_http_res_get_header(nng_http_res *res, const char *name);
NNG_DECL int nng_http_res_set_version(nng_http_res *res, const char *version);
NNG_DECL const char *nng_http_res_get_version(nng_http_res *res);
/* "copy" copies the memory, "set" keeps the pointer. */
NNG_DECL int nng_http_res_set_data(nng_http_res *res, const void *data, size_t size);
NNG_DECL int nng_http_res_copy_data(nng_http_res *res, const void *data, size_t size);
NNG_DECL void nng_http_res_get_data(nng_http_res *res, void **data, size_t *size);
NNG_DECL void nng_http_res_reset(nng_http_res *res);

/* ---- Connections ---- */

NNG_DECL void nng_http_conn_close(nng_http_conn *conn);
/* Into or from the memory of the aio; "all" does not end before all of it was moved. */
NNG_DECL void nng_http_conn_read(nng_http_conn *conn, nng_aio *aio);
NNG_DECL void nng_http_conn_read_all(nng_http_conn *conn, nng_aio *aio);
NNG_DECL void nng_http_conn_write(nng_http_conn *conn, nng_aio *aio);
NNG_DECL void nng_http_conn_write_all(nng_http_conn *conn, nng_aio *aio);
NNG_DECL void nng_http_conn_write_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_write_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);
NNG_DECL void nng_http_conn_read_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_read_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);
NNG_DECL void nng_http_conn_transact(nng_http_conn *conn, nng_http_req *req, nng_http_res *res, nng_aio *aio);
/* Takes a connection away from the server that serves it. */
NNG_DECL int nng_http_hijack(nng_http_conn *conn);

/* ---- Handlers ---- */

/* The aio has the request (0), the handler (1) and the connection (2) as inputs, and gets the response as output 0. */
NNG_DECL int nng_http_handler_alloc(nng_http_handler **handler, const char *path, void (*fn)(nng_aio *));
NNG_DECL void nng_http_handler_free(nng_http_handler *handler);
NNG_DECL int nng_http_handler_alloc_file(nng_http_handler **handler, const char *path, const char *file);
NNG_DECL int nng_http_handler_alloc_directory(nng_http_handler **handler, const char *path, const char *directory);
NNG_DECL int nng_http_handler_alloc_static(nng_http_handler **handler, const char *path, const void *data, size_t size, const char *type);
NNG_DECL int nng_http_handler_alloc_redirect(nng_http_handler **handler, const char *path, uint16_t status, const char *where);
NNG_DECL int nng_http_handler_set_method(nng_http_handler *handler, const char *method);
NNG_DECL int nng_http_handler_set_host(nng_http_handler *handler, const char *host);
NNG_DECL int nng_http_handler_collect_body(nng_http_handler *handler, bool collect, size_t max);
NNG_DECL int nng_http_handler_set_tree(nng_http_handler *handler);
NNG_DECL int nng_http_handler_set_tree_exclusive(nng_http_handler *handler);
NNG_DECL int nng_http_handler_set_data(nng_http_handler *handler, void *data, void (*done)(void *));
NNG_DECL void *nng_http_handler_get_data(nng_http_handler *handler);

/* ---- Servers: one for each address, shared by all who hold it ---- */

NNG_DECL int nng_http_server_hold(nng_http_server **server, const nng_url *url);
NNG_DECL void nng_http_server_release(nng_http_server *server);
NNG_DECL int nng_http_server_start(nng_http_server *server);
NNG_DECL void nng_http_server_stop(nng_http_server *server);
NNG_DECL int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *handler);
NNG_DECL int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *handler);
NNG_DECL int nng_http_server_set_tls(nng_http_server *server, struct nng_tls_config *config);
NNG_DECL int nng_http_server_get_tls(nng_http_server *server, struct nng_tls_config **config);
NNG_DECL int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr);
NNG_DECL int nng_http_server_set_error_page(nng_http_server *server, uint16_t status, const char *html);
NNG_DECL int nng_http_server_set_error_file(nng_http_server *server, uint16_t status, const char *path);
NNG_DECL int nng_http_server_res_error(nng_http_server *server, nng_http_res *res);

/* ---- Clients ---- */

NNG_DECL int nng_http_client_alloc(nng_http_client **client, const nng_url *url);
NNG_DECL void nng_http_client_free(nng_http_client *client);
NNG_DECL int nng_http_client_set_tls(nng_http_client *client, struct nng_tls_config *config);
NNG_DECL int nng_http_client_get_tls(nng_http_client *client, struct nng_tls_config **config);
/* The connection is output 0 of the aio. */
NNG_DECL void nng_http_client_connect(nng_http_client *client, nng_aio *aio);
NNG_DECL void nng_http_client_transact(nng_http_client *client, nng_http_req *req, nng_http_res *res, nng_aio *aio);

#ifdef __cplusplus
}
#endif

#endif
