/*
 * spanwire.h: what Spanwire has beyond NNG's interface, which is in <nng/nng.h> and the headers beside it.
 */
#ifndef SPANWIRE_H
#define SPANWIRE_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0". nng_version() has that of NNG's interface. */
NNG_DECL const char *spanwire_version(void);

/* Options that NNG lacks; they are set and read as all others. */
#define SPANWIRE_OPT_LINGER "linger"               /* ms, sockets: how long closing may take to send what is left; 0 */
#define SPANWIRE_OPT_SEND_PRIORITY "send-priority" /* int 1 to 16, dialers and listeners: the lowest number is served first; 8 */
#define SPANWIRE_OPT_RECV_PRIORITY "recv-priority" /* the same for what comes in; 8 */

/*
 * Transports of your own.
 *
 * A transport is a table of functions. It makes dialers, listeners, handshakes and pipes: objects of its own, which the library holds as
 * pointers and gives back to be freed, each exactly once. docs/plugins.md has the whole contract, with an example.
 *
 * Threads: functions are called on any thread, and no two at a time for one object. None may block: what has to wait answers
 * SPANWIRE_PENDING, and calls wake() with the waker that it was given when it is worth asking again. The last waker of an object counts.
 * A wake is a number: waking once more, too early, too late, or after the object is gone does no harm.
 *
 * Answers: 0, SPANWIRE_PENDING, or one of the numbers of nng_errno_enum, NNG_ESYSERR + errno and NNG_ETRANERR + n included.
 * An error of a pipe closes it. Any other answer is a mistake of the transport: NNG_EINTERNAL, and a closed pipe.
 */
#define SPANWIRE_PLUGIN_ABI 1
#define SPANWIRE_PENDING (-1)
#define SPANWIRE_ADDRESS_SIZE 512

typedef uint64_t spanwire_waker;

/* The options of a dialer or listener. Good from its open until its free has returned. */
typedef struct spanwire_options spanwire_options;

/* What the library offers. All of it may be called from any thread. */
struct spanwire_host {
	size_t struct_size;

	void (*wake)(spanwire_waker);

	/* Messages, as nng_msg_alloc() and the like have them: null if there is no memory; zero bytes. */
	nng_msg *(*msg_alloc)(size_t size);
	void (*msg_free)(nng_msg *);
	int (*msg_append)(nng_msg *, const void *, size_t);
	void *(*msg_body)(nng_msg *);
	size_t (*msg_len)(const nng_msg *);
	void *(*msg_header)(nng_msg *);
	size_t (*msg_header_len)(const nng_msg *);

	/* Options by name: 0, NNG_ENOENT if it is not set, NNG_EBADTYPE. "recv-size-max" always is; 0 is unlimited. */
	int (*option_bool)(const spanwire_options *, const char *name, bool *);
	int (*option_int)(const spanwire_options *, const char *name, int *);
	int (*option_size)(const spanwire_options *, const char *name, size_t *);
	int (*option_ms)(const spanwire_options *, const char *name, nng_duration *);
	int (*option_string)(const spanwire_options *, const char *name, char *, size_t size);

	/* Into the library's log; the level is one of nng_log_level. */
	void (*log)(int level, const char *text);
};

/* The socket that a connection is for. */
struct spanwire_hello {
	size_t struct_size;
	uint16_t self; /* the number of its protocol, which the other side is to be told */
	uint16_t peer; /* the number that the other side should have */
};

/* A connection after its handshake, filled in by the transport. All is zero before, but for struct_size. */
struct spanwire_connection {
	size_t struct_size;
	void *pipe;
	uint16_t peer;                       /* the number that the other side told */
	char local[SPANWIRE_ADDRESS_SIZE];  /* this side's address as a URL, or empty */
	char remote[SPANWIRE_ADDRESS_SIZE]; /* the other side's */
};

struct spanwire_transport {
	size_t struct_size; /* sizeof(struct spanwire_transport) */
	const char *const *schemes; /* without "://", lower case; NULL ends them */
	void *arg; /* handed to the two functions that open */

	/* A dialer for this URL. Checks it, and touches no network. */
	int (*dialer_open)(void *arg, const char *url, const spanwire_options *, void **dialer);
	/* Connects and shakes hands. The next call after one that did not answer SPANWIRE_PENDING is a new attempt. */
	int (*dialer_dial)(void *dialer, const struct spanwire_hello *, spanwire_waker, struct spanwire_connection *);
	/* Gives up an attempt, too. */
	void (*dialer_free)(void *dialer);

	int (*listener_open)(void *arg, const char *url, const spanwire_options *, void **listener);
	/* Binds the address. The buffer has the URL; what was left to the system, such as port 0, is filled in there. */
	int (*listener_bind)(void *listener, spanwire_waker, char *url, size_t size);
	/* The next connection, which has yet to shake hands. */
	int (*listener_accept)(void *listener, const struct spanwire_hello *, spanwire_waker, void **handshake);
	/* The address is free when it returns. Handshakes and pipes go on. */
	void (*listener_free)(void *listener);

	/* Shakes hands. The pipe that comes of it does not depend on the handshake, which is freed then. */
	int (*handshake_shake)(void *handshake, spanwire_waker, struct spanwire_connection *);
	void (*handshake_free)(void *handshake);

	/*
	 * Takes messages, from the first one on, as many as it can, and says how many in *taken, whatever it answers: they are the
	 * transport's then, to be freed. On the way header and body are one, the header first. 0: all that it ever took is
	 * delivered. SPANWIRE_PENDING: it will wake when it can take more, or has delivered; the count may be 0 then, which asks for
	 * nothing but that.
	 */
	int (*pipe_send)(void *pipe, spanwire_waker, nng_msg *const *msgs, size_t count, size_t *taken);
	/*
	 * Fills in messages, at most max, and says how many in *count; they are the library's then. All bytes belong into the body.
	 * 0 with no message is the end of the connection. Above "recv-size-max": NNG_EMSGSIZE.
	 */
	int (*pipe_recv)(void *pipe, spanwire_waker, nng_msg **msgs, size_t max, size_t *count);
	/* Closes the connection: after the last pipe_send, and within a second, or it is freed as it is. */
	int (*pipe_close)(void *pipe, spanwire_waker);
	void (*pipe_free)(void *pipe);
};

/*
 * What a shared object exports that is a plugin: the version of all this, as `const uint32_t spanwire_plugin_abi = SPANWIRE_PLUGIN_ABI;`,
 * and this function, which answers its table, or null if it does not want to be loaded. Neither needs to be linked with the library.
 */
typedef const struct spanwire_transport *(*spanwire_plugin_fn)(const struct spanwire_host *);

/* What the library offers, for a transport that is a part of the program. */
NNG_DECL const struct spanwire_host *spanwire_host(void);

/*
 * Registers a transport for its schemes, for all sockets of the process. One that had a scheme before is replaced. The table is
 * copied; what it points to stays. NNG_EINVAL: something is missing, or has no sense.
 */
NNG_DECL int spanwire_transport_register(const struct spanwire_transport *);

/*
 * Loads a shared object and registers its transport, for as long as the process lives. NNG_ENOENT: no such file; NNG_ENOTSUP: no plugin,
 * or one for another version; NNG_EINVAL: a bad table. The log says more.
 */
NNG_DECL int spanwire_transport_load(const char *path);

#ifdef __cplusplus
}
#endif

#endif
