/*
 * A transport that breaks every rule, one at a time: broken://CASE does it. Connections need no other side: a dialer succeeds at once, and
 * so does a listener, once. What is not the case in question behaves: messages are swallowed, and none arrives.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spanwire.h>

static const struct spanwire_host *host;

/* What lives, for the test to see that all is freed. */
static int live;

struct thing {
	char           name[40];
	int            calls;
	spanwire_waker waker;
};

static int
is(const struct thing *thing, const char *name)
{
	return (strcmp(thing->name, name) == 0);
}

static struct thing *
make(const char *name)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	snprintf(thing->name, sizeof(thing->name), "%s", name);
	__atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
	return (thing);
}

static void *
wake_wildly(void *arg)
{
	spanwire_waker waker = *(spanwire_waker *) arg;

	free(arg);
	/* Too early, twice, and long after the object is gone. */
	for (int i = 0; i < 2000; i++) {
		host->wake(waker);
		host->wake(waker);
		host->wake(waker + 1000000);
		host->wake(0);
		if (i % 100 == 0) {
			usleep(1000);
		}
	}
	return (NULL);
}

static void
wildly(spanwire_waker waker)
{
	pthread_t       thread;
	spanwire_waker *arg = malloc(sizeof(*arg));

	*arg = waker;
	if (pthread_create(&thread, NULL, wake_wildly, arg) == 0) {
		pthread_detach(thread);
	}
}

static void
thing_free(void *arg)
{
	struct thing *thing = arg;

	host->wake(thing->waker);
	free(thing);
	host->wake(1);
	__atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
}

static int
thing_open(void *arg, const char *url, const spanwire_options *options, void **made)
{
	const char *name = strstr(url, "://") + 3;
	bool        flag;
	int         number;

	(void) arg;
	/* Not a bool, not set, not an option, no place for the answer. */
	if (host->option_bool(options, "recv-size-max", &flag) != NNG_EBADTYPE ||
	    host->option_int(options, "send-priority", &number) != NNG_ENOENT ||
	    host->option_int(options, "nonsense", &number) != NNG_ENOENT ||
	    host->option_int(options, "nonsense", NULL) != NNG_EINVAL || host->option_int(NULL, "x", &number) != NNG_EINVAL) {
		return (NNG_EINTERNAL);
	}
	if (strcmp(name, "open-status") == 0) {
		return (4711);
	}
	if (strcmp(name, "open-pending") == 0) {
		return (SPANWIRE_PENDING);
	}
	if (strcmp(name, "open-null") != 0) {
		*made = make(name);
	}
	return (0);
}

static int
connection(struct thing *thing, const struct spanwire_hello *hello, struct spanwire_connection *made)
{
	static struct thing *same;

	made->peer = hello->peer;
	if (is(thing, "dial-null")) {
		return (0);
	}
	if (is(thing, "dial-same")) {
		if (same == NULL) {
			same = make(thing->name);
		}
		made->pipe = same;
		return (0);
	}
	made->pipe = make(thing->name);
	if (is(thing, "dial-address")) {
		memset(made->local, 'x', sizeof(made->local));
		memset(made->remote, 0xff, sizeof(made->remote));
	}
	if (is(thing, "dial-peer")) {
		made->peer = 0xffff;
	}
	return (0);
}

static int
dialer_dial(void *arg, const struct spanwire_hello *hello, spanwire_waker waker, struct spanwire_connection *made)
{
	struct thing *thing = arg;

	thing->waker = waker;
	thing->calls++;
	if (is(thing, "dial-status")) {
		return (-7);
	}
	if (is(thing, "dial-error")) {
		return (NNG_ECONNREFUSED);
	}
	if (is(thing, "dial-own-error")) {
		return (NNG_ETRANERR + 5);
	}
	if (is(thing, "dial-never")) {
		return (SPANWIRE_PENDING);
	}
	if (is(thing, "wakes") && thing->calls < 50) {
		/* Within the call, and from another thread. */
		host->wake(waker);
		host->wake(waker);
		if (thing->calls == 1) {
			wildly(waker);
		}
		return (SPANWIRE_PENDING);
	}
	return (connection(thing, hello, made));
}

static int
listener_bind(void *arg, spanwire_waker waker, char *url, size_t size)
{
	struct thing *thing = arg;

	thing->waker = waker;
	if (is(thing, "bind-endless")) {
		memset(url, 'x', size);
	}
	if (is(thing, "bind-foreign")) {
		snprintf(url, size, "tcp://127.0.0.1:80");
	}
	return (is(thing, "bind-status") ? 99 : 0);
}

static int
listener_accept(void *arg, const struct spanwire_hello *hello, spanwire_waker waker, void **made)
{
	struct thing *thing = arg;

	(void) hello;
	thing->waker = waker;
	thing->calls++;
	if (is(thing, "accept-status")) {
		return (-99);
	}
	if (is(thing, "accept-null")) {
		return (0);
	}
	if (is(thing, "accept-self")) {
		/* The listener itself, which is in use. */
		*made = thing;
		return (0);
	}
	if (thing->calls > 1) {
		return (SPANWIRE_PENDING);
	}
	*made = make(thing->name);
	return (0);
}

static int
handshake_shake(void *arg, spanwire_waker waker, struct spanwire_connection *made)
{
	struct thing *thing = arg;

	(void) made;
	thing->waker = waker;
	if (is(thing, "shake-null")) {
		return (0);
	}
	return (is(thing, "shake-status") ? 0x7000 : NNG_EPROTO);
}

static int
pipe_send(void *arg, spanwire_waker waker, nng_msg *const *msgs, size_t count, size_t *taken)
{
	struct thing *thing = arg;

	thing->waker = waker;
	if (is(thing, "send-never")) {
		return (SPANWIRE_PENDING);
	}
	if (is(thing, "send-status")) {
		return (-1000);
	}
	if (is(thing, "send-nothing")) {
		return (0);
	}
	for (size_t i = 0; i < count; i++) {
		host->msg_free(msgs[i]);
	}
	*taken = is(thing, "send-too-many") ? (size_t) -1 : count;
	return (0);
}

static int
pipe_recv(void *arg, spanwire_waker waker, nng_msg **msgs, size_t max, size_t *count)
{
	struct thing *thing = arg;

	thing->calls++;
	thing->waker = waker;
	if (is(thing, "recv-status")) {
		return (-1000);
	}
	if (is(thing, "recv-too-many")) {
		*count = max + 1;
		return (0);
	}
	if (is(thing, "recv-null")) {
		*count = 1;
		return (0);
	}
	if (is(thing, "recv-same")) {
		msgs[0] = msgs[1] = host->msg_alloc(4);
		*count            = 2;
		return (0);
	}
	if (is(thing, "recv-too-few")) {
		msgs[0] = host->msg_alloc(4);
		msgs[5] = host->msg_alloc(4);
		*count  = 1;
		return (0);
	}
	if (is(thing, "recv-pending")) {
		msgs[0] = host->msg_alloc(4);
		*count  = 1;
		return (SPANWIRE_PENDING);
	}
	if (is(thing, "recv-large")) {
		msgs[0] = host->msg_alloc(1001);
		*count  = 1;
		return (0);
	}
	if (is(thing, "recv-end")) {
		return (0);
	}
	if (is(thing, "wakes") && thing->calls == 1) {
		wildly(waker);
	}
	return (SPANWIRE_PENDING);
}

static int
pipe_close(void *arg, spanwire_waker waker)
{
	struct thing *thing = arg;

	thing->waker = waker;
	if (is(thing, "close-never")) {
		return (SPANWIRE_PENDING);
	}
	return (is(thing, "close-status") ? -1000 : 0);
}

#ifndef SCHEMES
#define SCHEMES "broken", NULL
#endif
#ifndef SIZE
#define SIZE sizeof(transport)
#endif
#ifndef VERSION
#define VERSION SPANWIRE_PLUGIN_ABI
#endif
#ifndef SEND
#define SEND pipe_send
#endif

static const char *const schemes[] = { SCHEMES };

static const struct spanwire_transport transport = {
	.struct_size     = SIZE,
	.schemes         = schemes,
	.dialer_open     = thing_open,
	.dialer_dial     = dialer_dial,
	.dialer_free     = thing_free,
	.listener_open   = thing_open,
	.listener_bind   = listener_bind,
	.listener_accept = listener_accept,
	.listener_free   = thing_free,
	.handshake_shake = handshake_shake,
	.handshake_free  = thing_free,
	.pipe_send       = SEND,
	.pipe_recv       = pipe_recv,
	.pipe_close      = pipe_close,
	.pipe_free       = thing_free,
};

extern const uint32_t                   spanwire_plugin_abi;
extern const struct spanwire_transport *spanwire_plugin(const struct spanwire_host *);
extern int                              broken_live(void);

#ifndef NO_VERSION
const uint32_t spanwire_plugin_abi = VERSION;
#endif

int
broken_live(void)
{
	return (__atomic_load_n(&live, __ATOMIC_SEQ_CST));
}

const struct spanwire_transport *
spanwire_plugin(const struct spanwire_host *theirs)
{
	host = theirs;
#ifdef UNWILLING
	return (NULL);
#else
	/* Null does no harm. */
	host->msg_free(NULL);
	if (host->msg_body(NULL) != NULL || host->msg_len(NULL) != 0 || host->msg_append(NULL, "x", 1) != NNG_EINVAL) {
		return (NULL);
	}
	host->log(NNG_LOG_DEBUG, "loaded");
	(void) pipe_send;
	return (&transport);
#endif
}
