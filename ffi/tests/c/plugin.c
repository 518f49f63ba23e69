/*
 * Transports of C: one from a shared object, one that is a part of the program, and tables that are none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <spanwire.h>

static void
say(const char *what, int rv)
{
	printf("%s: %s\n", what, nng_strerror(rv));
}

/* A transport on which nothing can be reached. */
static int
place_open(void *arg, const char *url, const spanwire_options *options, void **place)
{
	size_t limit = 1;

	say("recv-size-max", spanwire_host()->option_size(options, NNG_OPT_RECVMAXSZ, &limit));
	printf("%s %s %zu\n", (char *) arg, url, limit);
	*place = malloc(1);
	return (0);
}

static int
dialer_dial(void *dialer, const struct spanwire_hello *hello, spanwire_waker waker, struct spanwire_connection *made)
{
	(void) dialer;
	(void) waker;
	printf("dial: %#x to %#x, %d\n", hello->self, hello->peer, made->pipe == NULL);
	return (NNG_EUNREACHABLE);
}

static int
listener_bind(void *listener, spanwire_waker waker, char *url, size_t size)
{
	(void) listener;
	(void) waker;
	printf("bind: %s\n", url);
	snprintf(url, size, "void://bound");
	return (0);
}

static int
listener_accept(void *listener, const struct spanwire_hello *hello, spanwire_waker waker, void **handshake)
{
	(void) listener;
	(void) hello;
	(void) waker;
	(void) handshake;
	return (SPANWIRE_PENDING);
}

static int
shake(void *handshake, spanwire_waker waker, struct spanwire_connection *made)
{
	(void) handshake;
	(void) waker;
	(void) made;
	return (NNG_ECLOSED);
}

static int
pipe_send(void *pipe, spanwire_waker waker, nng_msg *const *msgs, size_t count, size_t *taken)
{
	(void) pipe;
	(void) waker;
	(void) msgs;
	(void) count;
	(void) taken;
	return (NNG_ECLOSED);
}

static int
pipe_recv(void *pipe, spanwire_waker waker, nng_msg **msgs, size_t max, size_t *count)
{
	(void) pipe;
	(void) waker;
	(void) msgs;
	(void) max;
	(void) count;
	return (NNG_ECLOSED);
}

static int
pipe_close(void *pipe, spanwire_waker waker)
{
	(void) pipe;
	(void) waker;
	return (0);
}

static void
registered(void)
{
	static const char *const  schemes[] = { "void", "nothing", NULL };
	struct spanwire_transport table;
	nng_socket                s;
	nng_listener              l;
	char                     *url;

	memset(&table, 0, sizeof(table));
	say("no table", spanwire_transport_register(NULL));
	say("no size", spanwire_transport_register(&table));
	table.struct_size     = sizeof(table);
	table.schemes         = schemes;
	table.arg             = "open";
	table.dialer_open     = place_open;
	table.dialer_dial     = dialer_dial;
	table.dialer_free     = free;
	table.listener_open   = place_open;
	table.listener_bind   = listener_bind;
	table.listener_accept = listener_accept;
	table.listener_free   = free;
	table.handshake_shake = shake;
	table.handshake_free  = free;
	table.pipe_send       = pipe_send;
	table.pipe_recv       = pipe_recv;
	table.pipe_close      = pipe_close;
	say("no pipe_free", spanwire_transport_register(&table));
	table.pipe_free = free;
	say("whole", spanwire_transport_register(&table));
	/* It has been copied. */
	memset(&table, 0xff, sizeof(table));

	say("open", nng_pair0_open(&s));
	say("dial", nng_dial(s, "void://somewhere", NULL, 0));
	say("dial", nng_dial(s, "nothing://somewhere", NULL, 0));
	say("listen", nng_listen(s, "void://else", &l, 0));
	say("url", nng_listener_get_string(l, NNG_OPT_URL, &url));
	printf("%s\n", url);
	nng_strfree(url);
	say("close", nng_close(s));
}

static void
loaded(const char *path)
{
	nng_socket   req, rep;
	nng_listener l;
	char        *url;
	char        *reply;
	size_t       len;

	say("load null", spanwire_transport_load(NULL));
	say("load nothing", spanwire_transport_load("./nothing.so"));
	say("dial", (nng_req0_open(&req), nng_dial(req, "ctcp://127.0.0.1:1", NULL, 0)));
	say("load", spanwire_transport_load(path));
	say("open", nng_rep0_open(&rep));
	say("listen", nng_listen(rep, "ctcp://127.0.0.1:0", &l, 0));
	say("url", nng_listener_get_string(l, NNG_OPT_URL, &url));
	say("dial", nng_dial(req, url, NULL, 0));
	nng_strfree(url);
	say("send", nng_send(req, "ping", 5, 0));
	say("recv", nng_recv(rep, &reply, &len, NNG_FLAG_ALLOC));
	printf("%s\n", reply);
	say("send", nng_send(rep, reply, len, NNG_FLAG_ALLOC));
	say("recv", nng_recv(req, &reply, &len, NNG_FLAG_ALLOC));
	printf("%s\n", reply);
	nng_free(reply, len);
	say("dial", nng_dial(req, "ctcp://name:80", NULL, 0));
	say("dial", nng_dial(req, "ctcp://127.0.0.1:1", NULL, 0));
	say("close", nng_close(req));
	say("close", nng_close(rep));
}

int
main(void)
{
	const struct spanwire_host *host = spanwire_host();

	printf("host: %d\n", host->struct_size == sizeof(*host));
	registered();
	loaded(getenv("PLUGIN"));
	return (0);
}
