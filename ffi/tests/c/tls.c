// TLS: configurations, both ends of a connection, what pipes tell, and who is refused; byte streams over TLS and over WebSocket with TLS. The test puts
// the PEM files here.
#include "show.h"

#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>

// The whole of a file.
static char *
file(const char *name)
{
	FILE *f    = fopen(name, "r");
	char *text = calloc(1, 65536);
	if (f == NULL || fread(text, 1, 65535, f) == 0) {
		printf("no file %s\n", name);
		exit(1);
	}
	fclose(f);
	return text;
}

static nng_tls_config *
config(nng_tls_mode mode)
{
	nng_tls_config *cfg;
	MUST(nng_tls_config_alloc(&cfg, mode));
	return cfg;
}

static void
configurations(const char *cert, const char *key)
{
	nng_tls_config *cfg;
	SHOW(nng_tls_config_alloc(&cfg, (nng_tls_mode) 7));
	SHOW(nng_tls_config_alloc(NULL, NNG_TLS_MODE_CLIENT));
	SHOW(nng_tls_config_alloc(&cfg, NNG_TLS_MODE_CLIENT));
	SHOW(nng_tls_config_server_name(cfg, "example.org"));
	SHOW(nng_tls_config_server_name(cfg, NULL));
	SHOW(nng_tls_config_ca_chain(cfg, cert, NULL));
	SHOW(nng_tls_config_ca_chain(cfg, "garbage", NULL));
	SHOW(nng_tls_config_ca_chain(cfg, cert, "garbage"));
	SHOW(nng_tls_config_ca_file(cfg, "cert.pem"));
	SHOW(nng_tls_config_ca_file(cfg, "missing.pem"));
	SHOW(nng_tls_config_own_cert(cfg, cert, key, NULL));
	SHOW(nng_tls_config_own_cert(cfg, cert, cert, NULL));
	SHOW(nng_tls_config_own_cert(cfg, cert, NULL, NULL));
	SHOW(nng_tls_config_own_cert(cfg,
	    cert, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIH0\n-----END ENCRYPTED PRIVATE KEY-----\n", "secret"));
	SHOW(nng_tls_config_cert_key_file(cfg, "both.pem", NULL));
	SHOW(nng_tls_config_cert_key_file(cfg, "cert.pem", NULL));
	SHOW(nng_tls_config_auth_mode(cfg, NNG_TLS_AUTH_MODE_OPTIONAL));
	SHOW(nng_tls_config_auth_mode(cfg, (nng_tls_auth_mode) 3));
	SHOW(nng_tls_config_version(cfg, NNG_TLS_1_2, NNG_TLS_1_3));
	SHOW(nng_tls_config_version(cfg, NNG_TLS_1_3, NNG_TLS_1_2));
	SHOW(nng_tls_config_version(cfg, NNG_TLS_1_0, NNG_TLS_1_2));
	SHOW(nng_tls_config_psk(cfg, "me", (const uint8_t *) "x", 1));
	nng_tls_config_hold(cfg);
	nng_tls_config_free(cfg);
	SHOW(nng_tls_config_server_name(cfg, "still.here"));
	nng_tls_config_free(cfg);
	nng_tls_config_free(NULL);
	TEXT(nng_tls_engine_name());
	NUMBER(nng_tls_engine_fips_mode());
	SHOW(nng_tls_register());
}

static void
connections(const char *cert, const char *key)
{
	nng_socket      server, client, stranger;
	nng_listener    listener;
	nng_dialer      dialer;
	nng_tls_config *mine, *theirs;
	nng_msg        *msg;
	nng_pipe        pipe;
	int             port;
	bool            verified;
	char            url[64], *text, **names;

	MUST(nng_pair0_open(&server));
	MUST(nng_pair0_open(&client));
	MUST(nng_pair0_open(&stranger));
	mine   = config(NNG_TLS_MODE_SERVER);
	theirs = config(NNG_TLS_MODE_CLIENT);
	MUST(nng_listener_create(&listener, server, "tls+tcp://127.0.0.1:0"));
	SHOW(nng_listener_start(listener, 0));
	MUST(nng_tls_config_own_cert(mine, cert, key, NULL));
	MUST(nng_tls_config_ca_chain(mine, cert, NULL));
	MUST(nng_tls_config_auth_mode(mine, NNG_TLS_AUTH_MODE_REQUIRED));
	SHOW(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, NULL));
	SHOW(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, mine));
	SHOW(nng_listener_set_string(listener, NNG_OPT_TLS_CONFIG, "x"));
	SHOW(nng_tls_config_server_name(mine, "too.late"));
	nng_tls_config_free(mine);
	SHOW(nng_listener_start(listener, 0));
	MUST(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", port);

	// Who shows no certificate, or trusts no authority, is refused.
	MUST(nng_dialer_create(&dialer, stranger, url));
	SHOW(nng_dialer_start(dialer, 0));
	SHOW(nng_dialer_set_string(dialer, NNG_OPT_TLS_CA_FILE, "cert.pem"));
	SHOW(nng_dialer_start(dialer, 0));
	SHOW(nng_dialer_set_string(dialer, NNG_OPT_TLS_SERVER_NAME, "elsewhere.example"));
	SHOW(nng_dialer_start(dialer, 0));

	MUST(nng_tls_config_ca_chain(theirs, cert, NULL));
	MUST(nng_tls_config_own_cert(theirs, cert, key, NULL));
	SHOW(nng_socket_set_ptr(client, NNG_OPT_TLS_CONFIG, theirs));
	nng_tls_config_free(theirs);
	SHOW(nng_dial(client, url, &dialer, 0));

	MUST(nng_msg_alloc(&msg, 0));
	MUST(nng_msg_append(msg, "over TLS", 9));
	SHOW(nng_sendmsg(client, msg, 0));
	SHOW(nng_recvmsg(server, &msg, 0));
	TEXT((char *) nng_msg_body(msg));
	pipe = nng_msg_get_pipe(msg);
	SHOW(nng_pipe_get_bool(pipe, NNG_OPT_TLS_VERIFIED, &verified));
	NUMBER(verified);
	SHOW(nng_pipe_get_string(pipe, NNG_OPT_TLS_PEER_CN, &text));
	TEXT(text);
	nng_strfree(text);
	SHOW(nng_pipe_get_ptr(pipe, NNG_OPT_TLS_PEER_ALT_NAMES, (void **) &names));
	for (int i = 0; names[i] != NULL; i++) {
		TEXT(names[i]);
		nng_strfree(names[i]);
	}
	nng_free(names, 0);
	nng_msg_free(msg);
	nng_close(client);
	nng_close(stranger);
	nng_close(server);
}

// One read or write; how many bytes it was, or less than nothing.
static long
once(void (*what)(nng_stream *, nng_aio *), nng_stream *s, void *buf, size_t len)
{
	nng_aio *aio;
	nng_iov  iov = { buf, len };
	MUST(nng_aio_alloc(&aio, NULL, NULL));
	MUST(nng_aio_set_iov(aio, 1, &iov));
	nng_aio_set_timeout(aio, 20000);
	what(s, aio);
	nng_aio_wait(aio);
	long n = nng_aio_result(aio) == 0 ? (long) nng_aio_count(aio) : -nng_aio_result(aio);
	nng_aio_free(aio);
	return n;
}

static void
all(void (*what)(nng_stream *, nng_aio *), nng_stream *s, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		long n = once(what, s, (char *) buf + done, len - done);
		if (n <= 0) {
			printf("%s after %zu bytes\n", nng_strerror((int) -n), done);
			exit(1);
		}
		done += (size_t) n;
	}
}

typedef struct {
	nng_stream *stream;
	char       *bytes;
} half;

#define BULK (4 << 20)

static void
transmit(void *arg)
{
	half *h = arg;
	all(nng_stream_send, h->stream, h->bytes, BULK);
}

// A connection without TLS.
static nng_stream *
reach(int port)
{
	nng_stream_dialer *dialer;
	nng_stream        *stream;
	nng_aio           *aio;
	char               url[64];

	snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
	MUST(nng_aio_alloc(&aio, NULL, NULL));
	MUST(nng_stream_dialer_alloc(&dialer, url));
	nng_stream_dialer_dial(dialer, aio);
	nng_aio_wait(aio);
	MUST(nng_aio_result(aio));
	stream = nng_aio_get_output(aio, 0);
	nng_stream_dialer_free(dialer);
	nng_aio_free(aio);
	return (stream);
}

// TLS as a byte stream, without messages.
static void
streams(const char *cert, const char *key)
{
	nng_stream_listener *listener;
	nng_stream_dialer   *dialer;
	nng_stream          *near, *far, *silent, *garbled;
	nng_tls_config      *mine = config(NNG_TLS_MODE_SERVER), *theirs = config(NNG_TLS_MODE_CLIENT), *none;
	nng_aio             *accept, *dial;
	nng_thread          *thread;
	int                  port;
	bool                 verified;
	char                 url[64], buf[16] = { 0 }, *text, *sent = malloc(BULK), *got = malloc(BULK);

	MUST(nng_aio_alloc(&accept, NULL, NULL));
	MUST(nng_aio_alloc(&dial, NULL, NULL));
	MUST(nng_stream_listener_alloc(&listener, "tls+tcp://127.0.0.1:0"));
	SHOW(nng_stream_listener_listen(listener));
	MUST(nng_tls_config_own_cert(mine, cert, key, NULL));
	SHOW(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, mine));
	SHOW(nng_stream_listener_get_ptr(listener, NNG_OPT_TLS_CONFIG, (void **) &none));
	SHOW(nng_stream_listener_listen(listener));
	MUST(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", port);
	MUST(nng_stream_dialer_alloc(&dialer, url));

	// One says nothing, one does not speak TLS, one does not trust the other side: none is a connection, and none holds up who comes next.
	nng_stream_listener_accept(listener, accept);
	silent  = reach(port);
	garbled = reach(port);
	NUMBER(once(nng_stream_send, garbled, "not TLS", 7));
	nng_stream_dialer_dial(dialer, dial);
	nng_aio_wait(dial);
	SHOW(nng_aio_result(dial));

	MUST(nng_tls_config_ca_chain(theirs, cert, NULL));
	SHOW(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, theirs));
	SHOW(nng_stream_dialer_set_string(dialer, NNG_OPT_TLS_CONFIG, "x"));
	SHOW(nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true));
	nng_stream_dialer_dial(dialer, dial);
	nng_aio_wait(dial);
	SHOW(nng_aio_result(dial));
	nng_aio_wait(accept);
	SHOW(nng_aio_result(accept));
	near = nng_aio_get_output(dial, 0);
	far  = nng_aio_get_output(accept, 0);
	SHOW(nng_stream_get_bool(near, NNG_OPT_TLS_VERIFIED, &verified));
	NUMBER(verified);
	SHOW(nng_stream_get_string(near, NNG_OPT_TLS_PEER_CN, &text));
	TEXT(text);
	nng_strfree(text);
	NUMBER(once(nng_stream_send, near, "over TLS", 8));
	NUMBER(once(nng_stream_recv, far, buf, 4));
	NUMBER(once(nng_stream_recv, far, buf + 4, 12));
	TEXT(buf);

	for (int i = 0; i < BULK; i++) {
		sent[i] = (char) (i * 31 + i / 251);
	}
	half h = { far, sent };
	MUST(nng_thread_create(&thread, transmit, &h));
	all(nng_stream_recv, near, got, BULK);
	nng_thread_destroy(thread);
	NUMBER(memcmp(sent, got, BULK));

	// A write that is given up may be under way in part: nothing can follow it.
	nng_aio_set_timeout(dial, 20);
	do {
		nng_iov iov = { sent, BULK };
		MUST(nng_aio_set_iov(dial, 1, &iov));
		nng_stream_send(near, dial);
		nng_aio_wait(dial);
	} while (nng_aio_result(dial) == 0);
	SHOW(nng_aio_result(dial));
	SHOW((int) -once(nng_stream_send, near, "more", 4));

	nng_stream_free(near);
	nng_stream_free(far);
	nng_stream_free(silent);
	nng_stream_free(garbled);
	nng_stream_dialer_free(dialer);
	nng_stream_listener_free(listener);
	nng_tls_config_free(mine);
	nng_tls_config_free(theirs);
	nng_aio_free(accept);
	nng_aio_free(dial);
	free(sent);
	free(got);
}

// Byte streams over WebSocket with TLS, and what NNG's library has no answer to: see websocket.c.
static void
websockets(const char *cert, const char *key)
{
	nng_stream_listener *listener, *other;
	nng_stream_dialer   *dialer;
	nng_stream          *near, *far, *silent;
	nng_tls_config      *mine = config(NNG_TLS_MODE_SERVER), *theirs = config(NNG_TLS_MODE_CLIENT), *none;
	nng_aio             *accept, *dial;
	nng_socket           pull, push;
	nng_listener         messages;
	nng_thread          *thread;
	int                  port;
	bool                 verified;
	char                 url[64], buf[16] = { 0 }, *text, *sent = malloc(BULK), *got = malloc(BULK);

	MUST(nng_aio_alloc(&accept, NULL, NULL));
	MUST(nng_aio_alloc(&dial, NULL, NULL));
	MUST(nng_stream_listener_alloc(&listener, "wss4://127.0.0.1:0/path"));
	SHOW(nng_stream_listener_listen(listener));
	MUST(nng_tls_config_own_cert(mine, cert, key, NULL));
	SHOW(nng_stream_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, mine));
	SHOW(nng_stream_listener_get_ptr(listener, NNG_OPT_TLS_CONFIG, (void **) &none));
	SHOW(nng_stream_listener_set_string(listener, NNG_OPT_WS_RESPONSE_HEADERS, "no colon"));
	SHOW(nng_stream_listener_listen(listener));
	SHOW(nng_stream_listener_set_string(listener, NNG_OPT_WS_RESPONSE_HEADERS, "X-One: 1\r\nX-Two: 2\r\n"));
	SHOW(nng_stream_listener_set_string(listener, NNG_OPT_WS_RESPONSE_HEADER "X-Two", "two"));
	SHOW(nng_stream_listener_listen(listener));
	MUST(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
	// One says nothing, and holds up nobody. Who is not trusted gets no connection.
	silent = reach(port);
	snprintf(url, sizeof(url), "wss://127.0.0.1:%d/path?query", port);
	MUST(nng_stream_dialer_alloc(&dialer, url));
	nng_stream_dialer_dial(dialer, dial);
	SHOW(ended(dial));
	MUST(nng_tls_config_ca_chain(theirs, cert, NULL));
	SHOW(nng_stream_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, theirs));
	SHOW(nng_stream_dialer_set_size(dialer, NNG_OPT_WS_SENDMAXFRAME, 4));
	nng_stream_dialer_dial(dialer, dial);
	SHOW(ended(dial));
	nng_stream_listener_accept(listener, accept);
	SHOW(ended(accept));
	near = nng_aio_get_output(dial, 0);
	far  = nng_aio_get_output(accept, 0);
	SHOW(nng_stream_get_bool(near, NNG_OPT_TLS_VERIFIED, &verified));
	NUMBER(verified);
	SHOW(nng_stream_get_string(far, NNG_OPT_WS_REQUEST_URI, &text));
	TEXT(text);
	nng_strfree(text);
	SHOW(nng_stream_get_string(near, NNG_OPT_WS_RESPONSE_HEADER "x-two", &text));
	TEXT(text);
	nng_strfree(text);
	NUMBER(once(nng_stream_send, near, "longer", 6));
	NUMBER(once(nng_stream_recv, far, buf, 16));
	TEXT(buf);
	// What comes after the peer's close is the end, as often as one asks.
	nng_stream_close(near);
	SHOW((int) -once(nng_stream_recv, far, buf, 16));
	SHOW((int) -once(nng_stream_recv, far, buf, 16));
	SHOW((int) -once(nng_stream_send, far, buf, 16));
	nng_stream_free(near);
	nng_stream_free(far);

	SHOW(nng_stream_dialer_set_size(dialer, NNG_OPT_WS_SENDMAXFRAME, 0));
	SHOW(nng_stream_listener_set_size(listener, NNG_OPT_WS_RECVMAXFRAME, 0));
	nng_stream_dialer_dial(dialer, dial);
	nng_stream_listener_accept(listener, accept);
	SHOW(ended(dial));
	SHOW(ended(accept));
	near = nng_aio_get_output(dial, 0);
	far  = nng_aio_get_output(accept, 0);
	for (int i = 0; i < BULK; i++) {
		sent[i] = (char) (i * 31 + i / 251);
	}
	half h = { far, sent };
	MUST(nng_thread_create(&thread, transmit, &h));
	all(nng_stream_recv, near, got, BULK);
	nng_thread_destroy(thread);
	NUMBER(memcmp(sent, got, BULK));
	half back = { near, got };
	MUST(nng_thread_create(&thread, transmit, &back));
	all(nng_stream_recv, far, sent, BULK);
	nng_thread_destroy(thread);
	NUMBER(memcmp(sent, got, BULK));
	// A frame that is given up may be under way in part: nothing can follow it.
	nng_aio_set_timeout(dial, 20);
	do {
		nng_iov iov = { sent, BULK };
		MUST(nng_aio_set_iov(dial, 1, &iov));
		nng_stream_send(near, dial);
	} while (ended(dial) == 0);
	SHOW(nng_aio_result(dial));
	SHOW((int) -once(nng_stream_send, near, "more", 4));
	nng_stream_free(near);
	nng_stream_free(far);

	// Text is refused by who has not asked for it.
	nng_aio_set_timeout(dial, 20000);
	SHOW(nng_stream_dialer_set_bool(dialer, NNG_OPT_WS_SEND_TEXT, true));
	nng_stream_dialer_dial(dialer, dial);
	nng_stream_listener_accept(listener, accept);
	SHOW(ended(dial));
	SHOW(ended(accept));
	near = nng_aio_get_output(dial, 0);
	far  = nng_aio_get_output(accept, 0);
	NUMBER(once(nng_stream_send, near, "text", 4));
	SHOW((int) -once(nng_stream_recv, far, buf, 16));
	SHOW((int) -once(nng_stream_recv, near, buf, 16));
	nng_stream_free(near);
	nng_stream_free(far);

	// Messages, and other bytes, at the same port.
	MUST(nng_pull0_open(&pull));
	MUST(nng_push0_open(&push));
	snprintf(url, sizeof(url), "wss4://127.0.0.1:%d/messages", port);
	MUST(nng_listener_create(&messages, pull, url));
	MUST(nng_listener_set_ptr(messages, NNG_OPT_TLS_CONFIG, mine));
	SHOW(nng_listener_start(messages, 0));
	MUST(nng_socket_set_ptr(push, NNG_OPT_TLS_CONFIG, theirs));
	snprintf(url, sizeof(url), "wss://127.0.0.1:%d/messages", port);
	SHOW(nng_dial(push, url, NULL, 0));
	SHOW(nng_send(push, "message", 8, 0));
	size_t size = sizeof(buf);
	SHOW(nng_recv(pull, buf, &size, 0));
	TEXT(buf);
	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/plain", port);
	MUST(nng_stream_listener_alloc(&other, url));
	SHOW(nng_stream_listener_listen(other));
	nng_stream_listener_free(other);
	nng_close(push);
	nng_close(pull);

	nng_stream_listener_accept(listener, accept);
	nng_stream_listener_close(listener);
	SHOW(ended(accept));
	nng_stream_free(silent);
	nng_stream_dialer_free(dialer);
	nng_stream_listener_free(listener);
	// What can't be asked for.
	MUST(nng_stream_dialer_alloc(&dialer, "ws://127.0.0.1:1/path"));
	SHOW(nng_stream_dialer_set_string(dialer, NNG_OPT_WS_PROTOCOL, "a\r\nX: y"));
	nng_stream_dialer_dial(dialer, dial);
	SHOW(ended(dial));
	nng_stream_dialer_free(dialer);
	SHOW(nng_stream_dialer_alloc(&dialer, "ws://127.0.0.1:1/path#part"));
	nng_tls_config_free(mine);
	nng_tls_config_free(theirs);
	nng_aio_free(accept);
	nng_aio_free(dial);
	free(sent);
	free(got);
}

int
main(void)
{
	char *cert = file("cert.pem"), *key = file("key.pem");
	configurations(cert, key);
	connections(cert, key);
	streams(cert, key);
	websockets(cert, key);
	free(cert);
	free(key);
	return 0;
}
