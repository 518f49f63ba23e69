/*
 * nng.h: the C interface of NNG 1.11, as libspanwire provides it.
 *
 * Programs that were written for libnng compile and link against this header without a change. Functions return 0 or one of the
 * NNG_E... numbers unless they say otherwise; nng_strerror() has their texts. Handles (nng_socket, nng_ctx, nng_dialer, nng_listener,
 * nng_pipe) are small structs passed by value. An id of 0 is no object. An object that was closed answers NNG_ECLOSED or NNG_ENOENT.
 *
 * Every function may be called from any thread, except where it says otherwise.
 */
#ifndef NNG_NNG_H
#define NNG_NNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linkage. Define NNG_STATIC_LIB on Windows when linking with the static library. */
#ifndef NNG_DECL
#if defined(_WIN32) && !defined(NNG_STATIC_LIB)
#ifdef NNG_SHARED_LIB
#define NNG_DECL __declspec(dllexport)
#else
#define NNG_DECL __declspec(dllimport)
#endif
#elif defined(NNG_SHARED_LIB) && defined(NNG_HIDDEN_VISIBILITY)
#define NNG_DECL __attribute__((visibility("default")))
#else
#define NNG_DECL extern
#endif
#endif

#ifndef NNG_DEPRECATED
#if defined(__GNUC__) || defined(__clang__)
#define NNG_DEPRECATED __attribute__((deprecated))
#else
#define NNG_DEPRECATED
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the interface: what nng_version() answers. Spanwire's own version is in <spanwire.h>. */
#define NNG_MAJOR_VERSION 1
#define NNG_MINOR_VERSION 11
#define NNG_PATCH_VERSION 0
#define NNG_RELEASE_SUFFIX ""

/* Bytes of an address, with its final NUL. */
#define NNG_MAXADDRLEN (128)
/* Room for the printable form of any address: see nng_str_sockaddr(). */
#define NNG_MAXADDRSTRLEN (NNG_MAXADDRLEN + 16)

/* The number of a protocol from its major and minor number. */
#define NNG_PROTOCOL_NUMBER(maj, min) (((maj) * 16) + (min))

/* ---- Types ---- */

typedef struct nng_ctx_s {
    uint32_t id;
} nng_ctx;

typedef struct nng_dialer_s {
    uint32_t id;
} nng_dialer;

typedef struct nng_listener_s {
    uint32_t id;
} nng_listener;

typedef struct nng_pipe_s {
    uint32_t id;
} nng_pipe;

typedef struct nng_socket_s {
    uint32_t id;
} nng_socket;

#define NNG_CTX_INITIALIZER { 0 }
#define NNG_DIALER_INITIALIZER { 0 }
#define NNG_LISTENER_INITIALIZER { 0 }
#define NNG_PIPE_INITIALIZER { 0 }
#define NNG_SOCKET_INITIALIZER { 0 }

/* A span of time in milliseconds, or one of the values below. */
typedef int32_t nng_duration;
#define NNG_DURATION_ZERO (0)
#define NNG_DURATION_INFINITE (-1)
#define NNG_DURATION_DEFAULT (-2)

/* A point in time: milliseconds since some fixed moment; see nng_clock(). */
typedef uint64_t nng_time;

typedef struct nng_aio nng_aio;
typedef struct nng_msg nng_msg;
typedef struct nng_stat nng_stat;
typedef struct nng_stream nng_stream;
typedef struct nng_stream_dialer nng_stream_dialer;
typedef struct nng_stream_listener nng_stream_listener;
typedef struct nng_udp nng_udp;

/* One piece of memory to read into or to write from. */
typedef struct nng_iov {
    void *iov_buf;
    size_t iov_len;
} nng_iov;

/* A URL in its parts. Parts that are absent are NULL; see nng_url_parse(). */
typedef struct nng_url {
    char *u_rawurl;   /* as it was given */
    char *u_scheme;   /* in lower case */
    char *u_userinfo; /* before an "@" */
    char *u_host;     /* name and port, in lower case */
    char *u_hostname; /* without port and brackets */
    char *u_port;     /* digits; the scheme's default port, or "" */
    char *u_path;     /* canonical; for ipc, unix, abstract and inproc all that follows "://" */
    char *u_query;    /* after the "?" */
    char *u_fragment; /* after the "#" */
    char *u_requri;   /* path, query and fragment */
} nng_url;

/* ---- Addresses ---- */

enum nng_sockaddr_family {
    NNG_AF_UNSPEC = 0,
    NNG_AF_INPROC = 1,
    NNG_AF_IPC = 2,
    NNG_AF_INET = 3,
    NNG_AF_INET6 = 4,
    NNG_AF_ZT = 5,
    NNG_AF_ABSTRACT = 6
};

struct nng_sockaddr_inproc {
    uint16_t sa_family;
    char sa_name[NNG_MAXADDRLEN];
};

struct nng_sockaddr_path {
    uint16_t sa_family;
    char sa_path[NNG_MAXADDRLEN];
};

/* Port and address are in network byte order, here and below. */
struct nng_sockaddr_in6 {
    uint16_t sa_family;
    uint16_t sa_port;
    uint8_t sa_addr[16];
    uint32_t sa_scope;
};

struct nng_sockaddr_in {
    uint16_t sa_family;
    uint16_t sa_port;
    uint32_t sa_addr;
};

struct nng_sockaddr_zt {
    uint16_t sa_family;
    uint64_t sa_nwid;
    uint64_t sa_nodeid;
    uint32_t sa_port;
};

/* A name in Linux' abstract namespace: any bytes, without the leading NUL. A length of 0 lets the system choose. */
struct nng_sockaddr_abstract {
    uint16_t sa_family;
    uint16_t sa_len;
    uint8_t sa_name[107];
};

struct nng_sockaddr_storage {
    uint16_t sa_family;
    uint64_t sa_pad[16];
};

typedef struct nng_sockaddr_inproc nng_sockaddr_inproc;
typedef struct nng_sockaddr_path nng_sockaddr_path;
typedef struct nng_sockaddr_path nng_sockaddr_ipc;
typedef struct nng_sockaddr_in6 nng_sockaddr_in6;
typedef struct nng_sockaddr_in nng_sockaddr_in;
typedef struct nng_sockaddr_zt nng_sockaddr_zt;
typedef struct nng_sockaddr_abstract nng_sockaddr_abstract;
typedef struct nng_sockaddr_storage nng_sockaddr_storage;

typedef union nng_sockaddr {
    uint16_t s_family;
    nng_sockaddr_ipc s_ipc;
    nng_sockaddr_inproc s_inproc;
    nng_sockaddr_in6 s_in6;
    nng_sockaddr_in s_in;
    nng_sockaddr_zt s_zt;
    nng_sockaddr_abstract s_abstract;
    nng_sockaddr_storage s_storage;
} nng_sockaddr;

/* Writes the printable form of an address into BUF, cut to BUFSZ bytes with the final NUL, and returns BUF. */
NNG_DECL const char *nng_str_sockaddr(const nng_sockaddr *sa, char *buf, size_t bufsz);

/* ---- Errors ---- */

enum nng_errno_enum {
    NNG_EINTR = 1,
    NNG_ENOMEM = 2,
    NNG_EINVAL = 3,
    NNG_EBUSY = 4,
    NNG_ETIMEDOUT = 5,
    NNG_ECONNREFUSED = 6,
    NNG_ECLOSED = 7,
    NNG_EAGAIN = 8,
    NNG_ENOTSUP = 9,
    NNG_EADDRINUSE = 10,
    NNG_ESTATE = 11,
    NNG_ENOENT = 12,
    NNG_EPROTO = 13,
    NNG_EUNREACHABLE = 14,
    NNG_EADDRINVAL = 15,
    NNG_EPERM = 16,
    NNG_EMSGSIZE = 17,
    NNG_ECONNABORTED = 18,
    NNG_ECONNRESET = 19,
    NNG_ECANCELED = 20,
    NNG_ENOFILES = 21,
    NNG_ENOSPC = 22,
    NNG_EEXIST = 23,
    NNG_EREADONLY = 24,
    NNG_EWRITEONLY = 25,
    NNG_ECRYPTO = 26,
    NNG_EPEERAUTH = 27,
    NNG_ENOARG = 28,
    NNG_EAMBIGUOUS = 29,
    NNG_EBADTYPE = 30,
    NNG_ECONNSHUT = 31,
    NNG_EINTERNAL = 1000,
    NNG_ESYSERR = 0x10000000, /* plus an errno of the system */
    NNG_ETRANERR = 0x20000000 /* plus a number of a transport */
};

/* The text of an error number; never NULL, and never to be freed. */
NNG_DECL const char *nng_strerror(int err);

/* ---- The library ---- */

/* "1.11.0": the version of the interface. */
NNG_DECL const char *nng_version(void);

/*
 * Closes everything and lets the library's memory go, so that a memory checker finds nothing. No other function may run meanwhile.
 * The library may be used again afterwards.
 */
NNG_DECL void nng_fini(void);

typedef int nng_init_parameter;

/* Numbers of threads that NNG lets programs tune. Accepted; Spanwire starts the threads that it needs. */
enum {
    NNG_INIT_PARAMETER_NONE = 0,
    NNG_INIT_NUM_TASK_THREADS = 1,
    NNG_INIT_NUM_EXPIRE_THREADS = 2,
    NNG_INIT_NUM_POLLER_THREADS = 3,
    NNG_INIT_NUM_RESOLVER_THREADS = 4,
    NNG_INIT_MAX_TASK_THREADS = 5,
    NNG_INIT_MAX_EXPIRE_THREADS = 6,
    NNG_INIT_MAX_POLLER_THREADS = 7
};

NNG_DECL void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value);

/* Memory that is handed to the library or comes from it. nng_free() wants the size that was allocated. */
NNG_DECL void *nng_alloc(size_t size);
NNG_DECL void nng_free(void *ptr, size_t size);
NNG_DECL char *nng_strdup(const char *text);
NNG_DECL void nng_strfree(char *text);

/* ---- Sockets ---- */

/* A socket is opened by its protocol's function, in <nng/protocol/...>. Closing ends all that waits on it with NNG_ECLOSED. */
NNG_DECL int nng_close(nng_socket s);
NNG_DECL int nng_socket_close(nng_socket s);
/* The id, or -1 if the socket is closed or was never opened. */
NNG_DECL int nng_socket_id(nng_socket s);

/* Numbers and names of the socket's own and of its peers' protocol. The names are never to be freed. */
NNG_DECL int nng_socket_proto_id(nng_socket s, uint16_t *id);
NNG_DECL int nng_socket_peer_id(nng_socket s, uint16_t *id);
NNG_DECL int nng_socket_proto_name(nng_socket s, const char **name);
NNG_DECL int nng_socket_peer_name(nng_socket s, const char **name);
NNG_DECL int nng_socket_raw(nng_socket s, bool *raw);

NNG_DECL int nng_socket_get(nng_socket s, const char *name, void *value, size_t *size);
NNG_DECL int nng_socket_get_bool(nng_socket s, const char *name, bool *value);
NNG_DECL int nng_socket_get_int(nng_socket s, const char *name, int *value);
NNG_DECL int nng_socket_get_size(nng_socket s, const char *name, size_t *value);
NNG_DECL int nng_socket_get_uint64(nng_socket s, const char *name, uint64_t *value);
NNG_DECL int nng_socket_get_string(nng_socket s, const char *name, char **value);
NNG_DECL int nng_socket_get_ptr(nng_socket s, const char *name, void **value);
NNG_DECL int nng_socket_get_ms(nng_socket s, const char *name, nng_duration *value);
NNG_DECL int nng_socket_get_addr(nng_socket s, const char *name, nng_sockaddr *value);
NNG_DECL int nng_socket_set(nng_socket s, const char *name, const void *value, size_t size);
NNG_DECL int nng_socket_set_bool(nng_socket s, const char *name, bool value);
NNG_DECL int nng_socket_set_int(nng_socket s, const char *name, int value);
NNG_DECL int nng_socket_set_size(nng_socket s, const char *name, size_t value);
NNG_DECL int nng_socket_set_uint64(nng_socket s, const char *name, uint64_t value);
NNG_DECL int nng_socket_set_string(nng_socket s, const char *name, const char *value);
NNG_DECL int nng_socket_set_ptr(nng_socket s, const char *name, void *value);
NNG_DECL int nng_socket_set_ms(nng_socket s, const char *name, nng_duration value);
NNG_DECL int nng_socket_set_addr(nng_socket s, const char *name, const nng_sockaddr *value);

/* ---- Sending and receiving ---- */

/* Flags of nng_send(), nng_recv() and their like; NONBLOCK for nng_dial() and nng_dialer_start() as well. */
#define NNG_FLAG_ALLOC 1u
#define NNG_FLAG_NONBLOCK 2u

/* With NNG_FLAG_ALLOC the buffer comes from nng_alloc() and is the library's once the call succeeds. */
NNG_DECL int nng_send(nng_socket s, void *data, size_t size, int flags);
/*
 * *SIZE is the room in DATA, and then the length of the message, which may be more: what does not fit is lost. With NNG_FLAG_ALLOC, DATA is
 * a void ** that receives memory to be freed with nng_free(*data, *size).
 */
NNG_DECL int nng_recv(nng_socket s, void *data, size_t *size, int flags);

/* The message is the library's once the call succeeds, and still the caller's if it fails. */
NNG_DECL int nng_sendmsg(nng_socket s, nng_msg *msg, int flags);
NNG_DECL int nng_recvmsg(nng_socket s, nng_msg **msg, int flags);

/* The same without waiting: the aio carries the message and the result. */
NNG_DECL void nng_send_aio(nng_socket s, nng_aio *aio);
NNG_DECL void nng_recv_aio(nng_socket s, nng_aio *aio);
NNG_DECL void nng_sock_send(nng_socket s, nng_aio *aio);
NNG_DECL void nng_sock_recv(nng_socket s, nng_aio *aio);

/* ---- Contexts: independent conversations on one socket ---- */

NNG_DECL int nng_ctx_open(nng_ctx *ctx, nng_socket s);
NNG_DECL int nng_ctx_close(nng_ctx ctx);
/* The id, or -1 if the context is closed or was never opened. */
NNG_DECL int nng_ctx_id(nng_ctx ctx);
NNG_DECL void nng_ctx_recv(nng_ctx ctx, nng_aio *aio);
NNG_DECL int nng_ctx_recvmsg(nng_ctx ctx, nng_msg **msg, int flags);
NNG_DECL void nng_ctx_send(nng_ctx ctx, nng_aio *aio);
NNG_DECL int nng_ctx_sendmsg(nng_ctx ctx, nng_msg *msg, int flags);

NNG_DECL int nng_ctx_get(nng_ctx ctx, const char *name, void *value, size_t *size);
NNG_DECL int nng_ctx_get_bool(nng_ctx ctx, const char *name, bool *value);
NNG_DECL int nng_ctx_get_int(nng_ctx ctx, const char *name, int *value);
NNG_DECL int nng_ctx_get_size(nng_ctx ctx, const char *name, size_t *value);
NNG_DECL int nng_ctx_get_uint64(nng_ctx ctx, const char *name, uint64_t *value);
NNG_DECL int nng_ctx_get_string(nng_ctx ctx, const char *name, char **value);
NNG_DECL int nng_ctx_get_ptr(nng_ctx ctx, const char *name, void **value);
NNG_DECL int nng_ctx_get_ms(nng_ctx ctx, const char *name, nng_duration *value);
NNG_DECL int nng_ctx_set(nng_ctx ctx, const char *name, const void *value, size_t size);
NNG_DECL int nng_ctx_set_bool(nng_ctx ctx, const char *name, bool value);
NNG_DECL int nng_ctx_set_int(nng_ctx ctx, const char *name, int value);
NNG_DECL int nng_ctx_set_size(nng_ctx ctx, const char *name, size_t value);
NNG_DECL int nng_ctx_set_uint64(nng_ctx ctx, const char *name, uint64_t value);
NNG_DECL int nng_ctx_set_string(nng_ctx ctx, const char *name, const char *value);
NNG_DECL int nng_ctx_set_ptr(nng_ctx ctx, const char *name, void *value);
NNG_DECL int nng_ctx_set_ms(nng_ctx ctx, const char *name, nng_duration value);

/* ---- Dialers and listeners ---- */

/* Connects to URL, in the background if FLAGS has NNG_FLAG_NONBLOCK. D may be NULL. Lost connections are dialed again. */
NNG_DECL int nng_dial(nng_socket s, const char *url, nng_dialer *d, int flags);
/* Accepts connections at URL. L may be NULL. No flag has a meaning here. */
NNG_DECL int nng_listen(nng_socket s, const char *url, nng_listener *l, int flags);

/* In two steps, so that options can be set in between. */
NNG_DECL int nng_dialer_create(nng_dialer *d, nng_socket s, const char *url);
NNG_DECL int nng_listener_create(nng_listener *l, nng_socket s, const char *url);
NNG_DECL int nng_dialer_start(nng_dialer d, int flags);
NNG_DECL int nng_listener_start(nng_listener l, int flags);

/* Ends the endpoint and its pipes. */
NNG_DECL int nng_dialer_close(nng_dialer d);
NNG_DECL int nng_listener_close(nng_listener l);
/* The id, or -1 if the endpoint is closed or was never created. */
NNG_DECL int nng_dialer_id(nng_dialer d);
NNG_DECL int nng_listener_id(nng_listener l);

/* The URL that the endpoint was created with. It belongs to the endpoint and must not be freed. */
NNG_DECL int nng_dialer_get_url(nng_dialer d, const nng_url **url);
NNG_DECL int nng_listener_get_url(nng_listener l, const nng_url **url);

NNG_DECL int nng_dialer_get(nng_dialer d, const char *name, void *value, size_t *size);
NNG_DECL int nng_dialer_get_bool(nng_dialer d, const char *name, bool *value);
NNG_DECL int nng_dialer_get_int(nng_dialer d, const char *name, int *value);
NNG_DECL int nng_dialer_get_size(nng_dialer d, const char *name, size_t *value);
NNG_DECL int nng_dialer_get_uint64(nng_dialer d, const char *name, uint64_t *value);
NNG_DECL int nng_dialer_get_string(nng_dialer d, const char *name, char **value);
NNG_DECL int nng_dialer_get_ptr(nng_dialer d, const char *name, void **value);
NNG_DECL int nng_dialer_get_ms(nng_dialer d, const char *name, nng_duration *value);
NNG_DECL int nng_dialer_get_addr(nng_dialer d, const char *name, nng_sockaddr *value);
NNG_DECL int nng_dialer_set(nng_dialer d, const char *name, const void *value, size_t size);
NNG_DECL int nng_dialer_set_bool(nng_dialer d, const char *name, bool value);
NNG_DECL int nng_dialer_set_int(nng_dialer d, const char *name, int value);
NNG_DECL int nng_dialer_set_size(nng_dialer d, const char *name, size_t value);
NNG_DECL int nng_dialer_set_uint64(nng_dialer d, const char *name, uint64_t value);
NNG_DECL int nng_dialer_set_string(nng_dialer d, const char *name, const char *value);
NNG_DECL int nng_dialer_set_ptr(nng_dialer d, const char *name, void *value);
NNG_DECL int nng_dialer_set_ms(nng_dialer d, const char *name, nng_duration value);
NNG_DECL int nng_dialer_set_addr(nng_dialer d, const char *name, const nng_sockaddr *value);
NNG_DECL int nng_listener_get(nng_listener l, const char *name, void *value, size_t *size);
NNG_DECL int nng_listener_get_bool(nng_listener l, const char *name, bool *value);
NNG_DECL int nng_listener_get_int(nng_listener l, const char *name, int *value);
NNG_DECL int nng_listener_get_size(nng_listener l, const char *name, size_t *value);
NNG_DECL int nng_listener_get_uint64(nng_listener l, const char *name, uint64_t *value);
NNG_DECL int nng_listener_get_string(nng_listener l, const char *name, char **value);
NNG_DECL int nng_listener_get_ptr(nng_listener l, const char *name, void **value);
NNG_DECL int nng_listener_get_ms(nng_listener l, const char *name, nng_duration *value);
NNG_DECL int nng_listener_get_addr(nng_listener l, const char *name, nng_sockaddr *value);
NNG_DECL int nng_listener_set(nng_listener l, const char *name, const void *value, size_t size);
NNG_DECL int nng_listener_set_bool(nng_listener l, const char *name, bool value);
NNG_DECL int nng_listener_set_int(nng_listener l, const char *name, int value);
NNG_DECL int nng_listener_set_size(nng_listener l, const char *name, size_t value);
NNG_DECL int nng_listener_set_uint64(nng_listener l, const char *name, uint64_t value);
NNG_DECL int nng_listener_set_string(nng_listener l, const char *name, const char *value);
NNG_DECL int nng_listener_set_ptr(nng_listener l, const char *name, void *value);
NNG_DECL int nng_listener_set_ms(nng_listener l, const char *name, nng_duration value);
NNG_DECL int nng_listener_set_addr(nng_listener l, const char *name, const nng_sockaddr *value);

/* ---- Pipes: single connections ---- */

NNG_DECL int nng_pipe_close(nng_pipe p);
/* The id, or -1 if there is no such pipe. */
NNG_DECL int nng_pipe_id(nng_pipe p);
NNG_DECL nng_socket nng_pipe_socket(nng_pipe p);
/* The dialer or listener that made the pipe; the other one has an id of 0. */
NNG_DECL nng_dialer nng_pipe_dialer(nng_pipe p);
NNG_DECL nng_listener nng_pipe_listener(nng_pipe p);

NNG_DECL int nng_pipe_get(nng_pipe p, const char *name, void *value, size_t *size);
NNG_DECL int nng_pipe_get_bool(nng_pipe p, const char *name, bool *value);
NNG_DECL int nng_pipe_get_int(nng_pipe p, const char *name, int *value);
NNG_DECL int nng_pipe_get_size(nng_pipe p, const char *name, size_t *value);
NNG_DECL int nng_pipe_get_uint64(nng_pipe p, const char *name, uint64_t *value);
NNG_DECL int nng_pipe_get_string(nng_pipe p, const char *name, char **value);
NNG_DECL int nng_pipe_get_ptr(nng_pipe p, const char *name, void **value);
NNG_DECL int nng_pipe_get_ms(nng_pipe p, const char *name, nng_duration *value);
NNG_DECL int nng_pipe_get_addr(nng_pipe p, const char *name, nng_sockaddr *value);

typedef enum {
    NNG_PIPE_EV_ADD_PRE = 0,  /* about to be added: nng_pipe_close() refuses it */
    NNG_PIPE_EV_ADD_POST = 1, /* was added */
    NNG_PIPE_EV_REM_POST = 2, /* was removed */
    NNG_PIPE_EV_NUM = 3       /* how many events there are */
} nng_pipe_ev;

typedef void (*nng_pipe_cb)(nng_pipe p, nng_pipe_ev event, void *arg);

/* Calls CB at each such event, one callback for each event and socket; NULL takes it away. */
NNG_DECL int nng_pipe_notify(nng_socket s, nng_pipe_ev event, nng_pipe_cb cb, void *arg);

/* ---- Asynchronous operations ---- */

/*
 * An aio is one operation at a time: its message or memory, its timeout, and its result. CB may be NULL; it runs on a thread of the library
 * when an operation ends, whether well or not.
 */
NNG_DECL int nng_aio_alloc(nng_aio **aio, void (*cb)(void *), void *arg);
/* Stops the aio, waits for its callback and frees it. Never from that callback. */
NNG_DECL void nng_aio_free(nng_aio *aio);
/* The same in the background: may be called from the aio's own callback. */
NNG_DECL void nng_aio_reap(nng_aio *aio);
/* Cancels what runs, waits for the callback, and refuses new operations. Never from that callback. */
NNG_DECL void nng_aio_stop(nng_aio *aio);
/* Waits until no operation runs and the callback has returned. Never from that callback. */
NNG_DECL void nng_aio_wait(nng_aio *aio);
NNG_DECL bool nng_aio_busy(nng_aio *aio);
/* What the operation came to, once it has ended. */
NNG_DECL int nng_aio_result(nng_aio *aio);
/* The bytes that the operation moved. */
NNG_DECL size_t nng_aio_count(nng_aio *aio);
/* Ends the operation with NNG_ECANCELED, or with ERR. */
NNG_DECL void nng_aio_cancel(nng_aio *aio);
NNG_DECL void nng_aio_abort(nng_aio *aio, int err);

NNG_DECL void nng_aio_set_msg(nng_aio *aio, nng_msg *msg);
NNG_DECL nng_msg *nng_aio_get_msg(nng_aio *aio);
/* Four values each, for operations that have parameters and results beyond the message. */
NNG_DECL int nng_aio_set_input(nng_aio *aio, unsigned index, void *value);
NNG_DECL void *nng_aio_get_input(nng_aio *aio, unsigned index);
NNG_DECL int nng_aio_set_output(nng_aio *aio, unsigned index, void *value);
NNG_DECL void *nng_aio_get_output(nng_aio *aio, unsigned index);
/* How long the next operations may take, or when they must have ended. */
NNG_DECL void nng_aio_set_timeout(nng_aio *aio, nng_duration timeout);
NNG_DECL void nng_aio_set_expire(nng_aio *aio, nng_time when);
/* Memory for byte streams and UDP, at most eight pieces. The array is copied, the memory is not. */
NNG_DECL int nng_aio_set_iov(nng_aio *aio, unsigned count, const nng_iov *iov);

/* For those who provide operations: begin (false: don't), then either finish at once, or defer and finish later. */
typedef void (*nng_aio_cancelfn)(nng_aio *aio, void *arg, int err);
NNG_DECL bool nng_aio_begin(nng_aio *aio);
NNG_DECL void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *arg);
NNG_DECL void nng_aio_finish(nng_aio *aio, int err);

/* An operation that does nothing but take its time. */
NNG_DECL void nng_sleep_aio(nng_duration time, nng_aio *aio);

/* ---- Messages: a header, which protocols use, and a body ---- */

NNG_DECL int nng_msg_alloc(nng_msg **msg, size_t size);
NNG_DECL void nng_msg_free(nng_msg *msg);
NNG_DECL int nng_msg_dup(nng_msg **copy, const nng_msg *msg);
/* The body's length: bytes are cut off or added at its end. */
NNG_DECL int nng_msg_realloc(nng_msg *msg, size_t size);
/* Room for a body of this length, so that appending does not move it. */
NNG_DECL int nng_msg_reserve(nng_msg *msg, size_t size);
NNG_DECL size_t nng_msg_capacity(nng_msg *msg);
NNG_DECL void nng_msg_clear(nng_msg *msg);
NNG_DECL void nng_msg_header_clear(nng_msg *msg);
/* The pipe that a message came from, or shall go to. */
NNG_DECL void nng_msg_set_pipe(nng_msg *msg, nng_pipe p);
NNG_DECL nng_pipe nng_msg_get_pipe(const nng_msg *msg);

/* Valid until the message is changed or freed. */
NNG_DECL void *nng_msg_body(nng_msg *msg);
NNG_DECL size_t nng_msg_len(const nng_msg *msg);
NNG_DECL void *nng_msg_header(nng_msg *msg);
NNG_DECL size_t nng_msg_header_len(const nng_msg *msg);

/* Append and chop work at the end, insert and trim at the front. The numbers are in network byte order in the message. */
NNG_DECL int nng_msg_append(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_insert(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_trim(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_chop(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_chop_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_header_append(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_header_insert(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_header_trim(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_header_chop(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_header_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_header_chop_u64(nng_msg *msg, uint64_t *value);

/* ---- Options ---- */

#define NNG_OPT_SOCKNAME "socket-name"
#define NNG_OPT_RAW "raw"
#define NNG_OPT_PROTO "protocol"
#define NNG_OPT_PROTONAME "protocol-name"
#define NNG_OPT_PEER "peer"
#define NNG_OPT_PEERNAME "peer-name"
#define NNG_OPT_RECVBUF "recv-buffer"
#define NNG_OPT_SENDBUF "send-buffer"
#define NNG_OPT_RECVFD "recv-fd"
#define NNG_OPT_SENDFD "send-fd"
#define NNG_OPT_RECVTIMEO "recv-timeout"
#define NNG_OPT_SENDTIMEO "send-timeout"
#define NNG_OPT_LOCADDR "local-address"
#define NNG_OPT_REMADDR "remote-address"
#define NNG_OPT_URL "url"
#define NNG_OPT_MAXTTL "ttl-max"
#define NNG_OPT_RECVMAXSZ "recv-size-max"
#define NNG_OPT_RECONNMINT "reconnect-time-min"
#define NNG_OPT_RECONNMAXT "reconnect-time-max"

#define NNG_OPT_TCP_NODELAY "tcp-nodelay"
#define NNG_OPT_TCP_KEEPALIVE "tcp-keepalive"
#define NNG_OPT_TCP_BOUND_PORT "tcp-bound-port"

#define NNG_OPT_IPC_PERMISSIONS "ipc:permissions"
#define NNG_OPT_IPC_SECURITY_DESCRIPTOR "ipc:security-descriptor"
#define NNG_OPT_PEER_UID "ipc:peer-uid"
#define NNG_OPT_PEER_GID "ipc:peer-gid"
#define NNG_OPT_PEER_PID "ipc:peer-pid"
#define NNG_OPT_PEER_ZONEID "ipc:peer-zoneid"
#define NNG_OPT_IPC_PEER_UID NNG_OPT_PEER_UID
#define NNG_OPT_IPC_PEER_GID NNG_OPT_PEER_GID
#define NNG_OPT_IPC_PEER_PID NNG_OPT_PEER_PID
#define NNG_OPT_IPC_PEER_ZONEID NNG_OPT_PEER_ZONEID

#define NNG_OPT_TLS_CONFIG "tls-config"
#define NNG_OPT_TLS_AUTH_MODE "tls-authmode"
#define NNG_OPT_TLS_CERT_KEY_FILE "tls-cert-key-file"
#define NNG_OPT_TLS_CA_FILE "tls-ca-file"
#define NNG_OPT_TLS_SERVER_NAME "tls-server-name"
#define NNG_OPT_TLS_VERIFIED "tls-verified"
#define NNG_OPT_TLS_PEER_CN "tls-peer-cn"
#define NNG_OPT_TLS_PEER_ALT_NAMES "tls-peer-alt-names"

#define NNG_OPT_WS_REQUEST_HEADERS "ws:request-headers"
#define NNG_OPT_WS_RESPONSE_HEADERS "ws:response-headers"
#define NNG_OPT_WS_REQUEST_HEADER "ws:request-header:"
#define NNG_OPT_WS_RESPONSE_HEADER "ws:response-header:"
#define NNG_OPT_WS_REQUEST_URI "ws:request-uri"
#define NNG_OPT_WS_SENDMAXFRAME "ws:txframe-max"
#define NNG_OPT_WS_RECVMAXFRAME "ws:rxframe-max"
#define NNG_OPT_WS_PROTOCOL "ws:protocol"
#define NNG_OPT_WS_SEND_TEXT "ws:send-text"
#define NNG_OPT_WS_RECV_TEXT "ws:recv-text"

#define NNG_OPT_SOCKET_FD "socket:fd"

/* ---- Statistics: a tree of counters at one moment ---- */

enum nng_stat_type_enum {
    NNG_STAT_SCOPE = 0,
    NNG_STAT_LEVEL = 1,
    NNG_STAT_COUNTER = 2,
    NNG_STAT_STRING = 3,
    NNG_STAT_BOOLEAN = 4,
    NNG_STAT_ID = 5
};

enum nng_unit_enum {
    NNG_UNIT_NONE = 0,
    NNG_UNIT_BYTES = 1,
    NNG_UNIT_MESSAGES = 2,
    NNG_UNIT_MILLIS = 3,
    NNG_UNIT_EVENTS = 4
};

NNG_DECL int nng_stats_get(nng_stat **root);
/* Frees the whole tree. */
NNG_DECL void nng_stats_free(nng_stat *root);
/* Prints the tree on standard output. */
NNG_DECL void nng_stats_dump(nng_stat *root);
NNG_DECL nng_stat *nng_stat_next(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_child(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_find(nng_stat *root, const char *name);
NNG_DECL nng_stat *nng_stat_find_socket(nng_stat *root, nng_socket s);
NNG_DECL nng_stat *nng_stat_find_dialer(nng_stat *root, nng_dialer d);
NNG_DECL nng_stat *nng_stat_find_listener(nng_stat *root, nng_listener l);
NNG_DECL const char *nng_stat_name(nng_stat *stat);
NNG_DECL const char *nng_stat_desc(nng_stat *stat);
NNG_DECL int nng_stat_type(nng_stat *stat);
NNG_DECL int nng_stat_unit(nng_stat *stat);
NNG_DECL uint64_t nng_stat_value(nng_stat *stat);
NNG_DECL bool nng_stat_bool(nng_stat *stat);
NNG_DECL const char *nng_stat_string(nng_stat *stat);
NNG_DECL uint64_t nng_stat_timestamp(nng_stat *stat);

/* ---- Devices: forwarding between two raw sockets ---- */

/* Runs until one of the sockets is closed. The second may be an id of 0: the first then reflects. */
NNG_DECL int nng_device(nng_socket s1, nng_socket s2);
NNG_DECL void nng_device_aio(nng_aio *aio, nng_socket s1, nng_socket s2);

/* ---- URLs ---- */

NNG_DECL int nng_url_parse(nng_url **url, const char *text);
NNG_DECL void nng_url_free(nng_url *url);
NNG_DECL int nng_url_clone(nng_url **copy, const nng_url *url);

/* ---- Byte streams, without any protocol of ours ---- */

/* Moves at least one byte of the aio's memory; nng_aio_count() has how many. */
NNG_DECL void nng_stream_send(nng_stream *st, nng_aio *aio);
NNG_DECL void nng_stream_recv(nng_stream *st, nng_aio *aio);
NNG_DECL void nng_stream_close(nng_stream *st);
NNG_DECL void nng_stream_free(nng_stream *st);

NNG_DECL int nng_stream_get(nng_stream *st, const char *name, void *value, size_t *size);
NNG_DECL int nng_stream_get_bool(nng_stream *st, const char *name, bool *value);
NNG_DECL int nng_stream_get_int(nng_stream *st, const char *name, int *value);
NNG_DECL int nng_stream_get_size(nng_stream *st, const char *name, size_t *value);
NNG_DECL int nng_stream_get_uint64(nng_stream *st, const char *name, uint64_t *value);
NNG_DECL int nng_stream_get_string(nng_stream *st, const char *name, char **value);
NNG_DECL int nng_stream_get_ptr(nng_stream *st, const char *name, void **value);
NNG_DECL int nng_stream_get_ms(nng_stream *st, const char *name, nng_duration *value);
NNG_DECL int nng_stream_get_addr(nng_stream *st, const char *name, nng_sockaddr *value);
NNG_DECL int nng_stream_set(nng_stream *st, const char *name, const void *value, size_t size);
NNG_DECL int nng_stream_set_bool(nng_stream *st, const char *name, bool value);
NNG_DECL int nng_stream_set_int(nng_stream *st, const char *name, int value);
NNG_DECL int nng_stream_set_size(nng_stream *st, const char *name, size_t value);
NNG_DECL int nng_stream_set_uint64(nng_stream *st, const char *name, uint64_t value);
NNG_DECL int nng_stream_set_string(nng_stream *st, const char *name, const char *value);
NNG_DECL int nng_stream_set_ptr(nng_stream *st, const char *name, void *value);
NNG_DECL int nng_stream_set_ms(nng_stream *st, const char *name, nng_duration value);

/* Schemes: tcp, tcp4, tcp6, ipc, unix, abstract. The stream is output 0 of the aio. */
NNG_DECL int nng_stream_dialer_alloc(nng_stream_dialer **d, const char *url);
NNG_DECL int nng_stream_dialer_alloc_url(nng_stream_dialer **d, const nng_url *url);
NNG_DECL void nng_stream_dialer_dial(nng_stream_dialer *d, nng_aio *aio);
NNG_DECL void nng_stream_dialer_close(nng_stream_dialer *d);
NNG_DECL void nng_stream_dialer_free(nng_stream_dialer *d);

NNG_DECL int nng_stream_dialer_get(nng_stream_dialer *d, const char *name, void *value, size_t *size);
NNG_DECL int nng_stream_dialer_get_bool(nng_stream_dialer *d, const char *name, bool *value);
NNG_DECL int nng_stream_dialer_get_int(nng_stream_dialer *d, const char *name, int *value);
NNG_DECL int nng_stream_dialer_get_size(nng_stream_dialer *d, const char *name, size_t *value);
NNG_DECL int nng_stream_dialer_get_uint64(nng_stream_dialer *d, const char *name, uint64_t *value);
NNG_DECL int nng_stream_dialer_get_string(nng_stream_dialer *d, const char *name, char **value);
NNG_DECL int nng_stream_dialer_get_ptr(nng_stream_dialer *d, const char *name, void **value);
NNG_DECL int nng_stream_dialer_get_ms(nng_stream_dialer *d, const char *name, nng_duration *value);
NNG_DECL int nng_stream_dialer_get_addr(nng_stream_dialer *d, const char *name, nng_sockaddr *value);
NNG_DECL int nng_stream_dialer_set(nng_stream_dialer *d, const char *name, const void *value, size_t size);
NNG_DECL int nng_stream_dialer_set_bool(nng_stream_dialer *d, const char *name, bool value);
NNG_DECL int nng_stream_dialer_set_int(nng_stream_dialer *d, const char *name, int value);
NNG_DECL int nng_stream_dialer_set_size(nng_stream_dialer *d, const char *name, size_t value);
NNG_DECL int nng_stream_dialer_set_uint64(nng_stream_dialer *d, const char *name, uint64_t value);
NNG_DECL int nng_stream_dialer_set_string(nng_stream_dialer *d, const char *name, const char *value);
NNG_DECL int nng_stream_dialer_set_ptr(nng_stream_dialer *d, const char *name, void *value);
NNG_DECL int nng_stream_dialer_set_ms(nng_stream_dialer *d, const char *name, nng_duration value);
NNG_DECL int nng_stream_dialer_set_addr(nng_stream_dialer *d, const char *name, const nng_sockaddr *value);

NNG_DECL int nng_stream_listener_alloc(nng_stream_listener **l, const char *url);
NNG_DECL int nng_stream_listener_alloc_url(nng_stream_listener **l, const nng_url *url);
NNG_DECL int nng_stream_listener_listen(nng_stream_listener *l);
NNG_DECL void nng_stream_listener_accept(nng_stream_listener *l, nng_aio *aio);
NNG_DECL void nng_stream_listener_close(nng_stream_listener *l);
NNG_DECL void nng_stream_listener_free(nng_stream_listener *l);

NNG_DECL int nng_stream_listener_get(nng_stream_listener *l, const char *name, void *value, size_t *size);
NNG_DECL int nng_stream_listener_get_bool(nng_stream_listener *l, const char *name, bool *value);
NNG_DECL int nng_stream_listener_get_int(nng_stream_listener *l, const char *name, int *value);
NNG_DECL int nng_stream_listener_get_size(nng_stream_listener *l, const char *name, size_t *value);
NNG_DECL int nng_stream_listener_get_uint64(nng_stream_listener *l, const char *name, uint64_t *value);
NNG_DECL int nng_stream_listener_get_string(nng_stream_listener *l, const char *name, char **value);
NNG_DECL int nng_stream_listener_get_ptr(nng_stream_listener *l, const char *name, void **value);
NNG_DECL int nng_stream_listener_get_ms(nng_stream_listener *l, const char *name, nng_duration *value);
NNG_DECL int nng_stream_listener_get_addr(nng_stream_listener *l, const char *name, nng_sockaddr *value);
NNG_DECL int nng_stream_listener_set(nng_stream_listener *l, const char *name, const void *value, size_t size);
NNG_DECL int nng_stream_listener_set_bool(nng_stream_listener *l, const char *name, bool value);
NNG_DECL int nng_stream_listener_set_int(nng_stream_listener *l, const char *name, int value);
NNG_DECL int nng_stream_listener_set_size(nng_stream_listener *l, const char *name, size_t value);
NNG_DECL int nng_stream_listener_set_uint64(nng_stream_listener *l, const char *name, uint64_t value);
NNG_DECL int nng_stream_listener_set_string(nng_stream_listener *l, const char *name, const char *value);
NNG_DECL int nng_stream_listener_set_ptr(nng_stream_listener *l, const char *name, void *value);
NNG_DECL int nng_stream_listener_set_ms(nng_stream_listener *l, const char *name, nng_duration value);
NNG_DECL int nng_stream_listener_set_addr(nng_stream_listener *l, const char *name, const nng_sockaddr *value);

/* ---- UDP ---- */

/* Binds to SA, whose port may be 0. Input 0 of the aio is the nng_sockaddr * of the peer: read by send, filled by recv. */
NNG_DECL int nng_udp_open(nng_udp **udp, nng_sockaddr *sa);
NNG_DECL void nng_udp_close(nng_udp *udp);
NNG_DECL int nng_udp_sockname(nng_udp *udp, nng_sockaddr *sa);
NNG_DECL void nng_udp_send(nng_udp *udp, nng_aio *aio);
NNG_DECL void nng_udp_recv(nng_udp *udp, nng_aio *aio);
NNG_DECL int nng_udp_multicast_membership(nng_udp *udp, nng_sockaddr *sa, bool join);

/* ---- Logging ---- */

/* The severities of syslog. A level admits itself and what is more severe. */
typedef enum nng_log_level {
    NNG_LOG_NONE = 0,
    NNG_LOG_ERR = 3,
    NNG_LOG_WARN = 4,
    NNG_LOG_NOTICE = 5,
    NNG_LOG_INFO = 6,
    NNG_LOG_DEBUG = 7
} nng_log_level;

typedef enum nng_log_facility {
    NNG_LOG_USER = 1,
    NNG_LOG_DAEMON = 3,
    NNG_LOG_AUTH = 10,
    NNG_LOG_LOCAL0 = 16,
    NNG_LOG_LOCAL1 = 17,
    NNG_LOG_LOCAL2 = 18,
    NNG_LOG_LOCAL3 = 19,
    NNG_LOG_LOCAL4 = 20,
    NNG_LOG_LOCAL5 = 21,
    NNG_LOG_LOCAL6 = 22,
    NNG_LOG_LOCAL7 = 23
} nng_log_facility;

/* The texts are valid during the call only. MSGID may be NULL. */
typedef void (*nng_logger)(nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

NNG_DECL void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);
NNG_DECL void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);
/* syslog where there is one. */
NNG_DECL void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg);

/* NULL is nng_null_logger, which is the default. */
NNG_DECL void nng_log_set_logger(nng_logger logger);
/* The default is NNG_LOG_NOTICE. */
NNG_DECL void nng_log_set_level(nng_log_level level);
NNG_DECL nng_log_level nng_log_get_level(void);
/* The default is NNG_LOG_USER. */
NNG_DECL void nng_log_set_facility(nng_log_facility facility);

/* MSG is a format as for printf; texts are cut at 511 bytes. */
NNG_DECL void nng_log_err(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_warn(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_notice(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_info(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_debug(const char *msgid, const char *msg, ...);
/* With the facility NNG_LOG_AUTH. */
NNG_DECL void nng_log_auth(nng_log_level level, const char *msgid, const char *msg, ...);

/* ---- Time, chance, threads ---- */

/* Milliseconds on a clock that only goes forward. */
NNG_DECL nng_time nng_clock(void);
NNG_DECL void nng_msleep(nng_duration time);
/* 32 bits from the system's secure source. */
NNG_DECL uint32_t nng_random(void);
/* Two connected byte-stream sockets of the system. */
NNG_DECL int nng_socket_pair(int fds[2]);

typedef struct nng_thread nng_thread;
typedef struct nng_mtx nng_mtx;
typedef struct nng_cv nng_cv;

NNG_DECL int nng_thread_create(nng_thread **thread, void (*fn)(void *), void *arg);
/* The name of the thread itself; with NULL that of the caller. */
NNG_DECL void nng_thread_set_name(nng_thread *thread, const char *name);
/* Waits for the thread's end. */
NNG_DECL void nng_thread_destroy(nng_thread *thread);

NNG_DECL int nng_mtx_alloc(nng_mtx **mtx);
NNG_DECL void nng_mtx_free(nng_mtx *mtx);
NNG_DECL void nng_mtx_lock(nng_mtx *mtx);
NNG_DECL void nng_mtx_unlock(nng_mtx *mtx);

/* A condition is bound to one mutex, which its waiters hold. */
NNG_DECL int nng_cv_alloc(nng_cv **cv, nng_mtx *mtx);
NNG_DECL void nng_cv_free(nng_cv *cv);
NNG_DECL void nng_cv_wait(nng_cv *cv);
/* NNG_ETIMEDOUT if nobody woke it until WHEN, on nng_clock()'s clock. */
NNG_DECL int nng_cv_until(nng_cv *cv, nng_time when);
NNG_DECL void nng_cv_wake(nng_cv *cv);
NNG_DECL void nng_cv_wake1(nng_cv *cv);

/* ---- Deprecated: other names for the functions above. Define NNG_ELIDE_DEPRECATED to hide them. ---- */

#ifndef NNG_ELIDE_DEPRECATED

NNG_DECL void nng_closeall(void) NNG_DEPRECATED;

NNG_DECL int nng_getopt(nng_socket s, const char *name, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_getopt_bool(nng_socket s, const char *name, bool *value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_int(nng_socket s, const char *name, int *value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_size(nng_socket s, const char *name, size_t *value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_uint64(nng_socket s, const char *name, uint64_t *value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_string(nng_socket s, const char *name, char **value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_ptr(nng_socket s, const char *name, void **value) NNG_DEPRECATED;
NNG_DECL int nng_getopt_ms(nng_socket s, const char *name, nng_duration *value) NNG_DEPRECATED;
NNG_DECL int nng_setopt(nng_socket s, const char *name, const void *value, size_t size) NNG_DEPRECATED;
NNG_DECL int nng_setopt_bool(nng_socket s, const char *name, bool value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_int(nng_socket s, const char *name, int value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_size(nng_socket s, const char *name, size_t value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_uint64(nng_socket s, const char *name, uint64_t value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_string(nng_socket s, const char *name, const char *value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_ptr(nng_socket s, const char *name, void *value) NNG_DEPRECATED;
NNG_DECL int nng_setopt_ms(nng_socket s, const char *name, nng_duration value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_getopt(nng_ctx ctx, const char *name, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_ctx_getopt_bool(nng_ctx ctx, const char *name, bool *value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_getopt_int(nng_ctx ctx, const char *name, int *value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_getopt_size(nng_ctx ctx, const char *name, size_t *value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_getopt_ms(nng_ctx ctx, const char *name, nng_duration *value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_setopt(nng_ctx ctx, const char *name, const void *value, size_t size) NNG_DEPRECATED;
NNG_DECL int nng_ctx_setopt_bool(nng_ctx ctx, const char *name, bool value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_setopt_int(nng_ctx ctx, const char *name, int value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_setopt_size(nng_ctx ctx, const char *name, size_t value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_setopt_ms(nng_ctx ctx, const char *name, nng_duration value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt(nng_dialer d, const char *name, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_bool(nng_dialer d, const char *name, bool *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_int(nng_dialer d, const char *name, int *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_size(nng_dialer d, const char *name, size_t *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_uint64(nng_dialer d, const char *name, uint64_t *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_string(nng_dialer d, const char *name, char **value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_ptr(nng_dialer d, const char *name, void **value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_ms(nng_dialer d, const char *name, nng_duration *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_getopt_sockaddr(nng_dialer d, const char *name, nng_sockaddr *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt(nng_dialer d, const char *name, const void *value, size_t size) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_bool(nng_dialer d, const char *name, bool value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_int(nng_dialer d, const char *name, int value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_size(nng_dialer d, const char *name, size_t value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_uint64(nng_dialer d, const char *name, uint64_t value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_string(nng_dialer d, const char *name, const char *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_ptr(nng_dialer d, const char *name, void *value) NNG_DEPRECATED;
NNG_DECL int nng_dialer_setopt_ms(nng_dialer d, const char *name, nng_duration value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt(nng_listener l, const char *name, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_bool(nng_listener l, const char *name, bool *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_int(nng_listener l, const char *name, int *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_size(nng_listener l, const char *name, size_t *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_uint64(nng_listener l, const char *name, uint64_t *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_string(nng_listener l, const char *name, char **value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_ptr(nng_listener l, const char *name, void **value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_ms(nng_listener l, const char *name, nng_duration *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_getopt_sockaddr(nng_listener l, const char *name, nng_sockaddr *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt(nng_listener l, const char *name, const void *value, size_t size) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_bool(nng_listener l, const char *name, bool value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_int(nng_listener l, const char *name, int value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_size(nng_listener l, const char *name, size_t value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_uint64(nng_listener l, const char *name, uint64_t value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_string(nng_listener l, const char *name, const char *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_ptr(nng_listener l, const char *name, void *value) NNG_DEPRECATED;
NNG_DECL int nng_listener_setopt_ms(nng_listener l, const char *name, nng_duration value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt(nng_pipe p, const char *name, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_bool(nng_pipe p, const char *name, bool *value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_int(nng_pipe p, const char *name, int *value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_size(nng_pipe p, const char *name, size_t *value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_uint64(nng_pipe p, const char *name, uint64_t *value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_string(nng_pipe p, const char *name, char **value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_ptr(nng_pipe p, const char *name, void **value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_ms(nng_pipe p, const char *name, nng_duration *value) NNG_DEPRECATED;
NNG_DECL int nng_pipe_getopt_sockaddr(nng_pipe p, const char *name, nng_sockaddr *value) NNG_DEPRECATED;

/* Answers NNG_ENOTSUP: messages have no options. */
NNG_DECL int nng_msg_getopt(nng_msg *msg, int option, void *value, size_t *size) NNG_DEPRECATED;
NNG_DECL int nng_ctx_get_addr(nng_ctx ctx, const char *name, nng_sockaddr *value) NNG_DEPRECATED;
NNG_DECL int nng_ctx_set_addr(nng_ctx ctx, const char *name, const nng_sockaddr *value) NNG_DEPRECATED;
NNG_DECL int nng_stream_set_addr(nng_stream *st, const char *name, const nng_sockaddr *value) NNG_DEPRECATED;

#endif

#ifdef __cplusplus
}
#endif

#endif
