// What NNG 1.5 does not have, and what it can't do: callbacks that stop, wait for and free their own aio, and that block.
#include "show.h"

typedef struct {
	nng_aio *aio;
	flag    *done;
	int      what;
} job;

static void
on_itself(void *arg)
{
	job *j = arg;
	switch (j->what) {
	case 0:
		nng_aio_stop(j->aio);
		break;
	case 1:
		nng_aio_wait(j->aio);
		break;
	case 2:
		nng_aio_free(j->aio);
		break;
	case 3:
		nng_aio_reap(j->aio);
		break;
	case 4:
		NUMBER(nng_aio_busy(j->aio));
		break;
	}
	flag_set(j->done);
}

static void
inside(void)
{
	flag done;
	flag_init(&done);
	for (int i = 0; i < 5; i++) {
		job j = { .done = &done, .what = i };
		MUST(nng_aio_alloc(&j.aio, on_itself, &j));
		nng_sleep_aio(1, j.aio);
		flag_wait(&done, i + 1);
		if (i != 2 && i != 3) {
			nng_aio_wait(j.aio);
			NUMBER(nng_aio_busy(j.aio));
			SHOW(nng_aio_result(j.aio));
			nng_aio_free(j.aio);
		}
	}
	flag_fini(&done);
}

// Many callbacks that block until a last one lets them go on.
#define BLOCKED 40
static nng_socket gate_in, gate_out;

static void
blocked(void *arg)
{
	nng_msg *m;
	if (nng_recvmsg(gate_in, &m, 0) == 0) {
		nng_msg_free(m);
		flag_set(arg);
	}
}

static void
opener(void *arg)
{
	(void) arg;
	for (int i = 0; i < BLOCKED; i++) {
		MUST(nng_send(gate_out, "go", 2, 0));
	}
}

static void
blocking(void)
{
	nng_aio *aio[BLOCKED], *last;
	flag     through;

	flag_init(&through);
	MUST(nng_pull0_open(&gate_in));
	MUST(nng_push0_open(&gate_out));
	MUST(nng_listen(gate_in, "inproc://gate", NULL, 0));
	MUST(nng_dial(gate_out, "inproc://gate", NULL, 0));
	for (int i = 0; i < BLOCKED; i++) {
		MUST(nng_aio_alloc(&aio[i], blocked, &through));
		nng_sleep_aio(1, aio[i]);
	}
	MUST(nng_aio_alloc(&last, opener, NULL));
	nng_sleep_aio(20, last);
	flag_wait(&through, BLOCKED);
	NUMBER(through.count);
	for (int i = 0; i < BLOCKED; i++) {
		nng_aio_free(aio[i]);
	}
	nng_aio_free(last);
	MUST(nng_close(gate_in));
	MUST(nng_close(gate_out));
	flag_fini(&through);
}

static void
names(void)
{
	nng_socket     s;
	uint16_t       n;
	const char    *name;
	bool           raw;
	nng_dialer     d;
	nng_listener   l;
	const nng_url *url;

	MUST(nng_surveyor0_open_raw(&s));
	SHOW(nng_socket_proto_id(s, &n));
	NUMBER(n);
	SHOW(nng_socket_peer_id(s, &n));
	NUMBER(n);
	SHOW(nng_socket_proto_name(s, &name));
	TEXT(name);
	SHOW(nng_socket_peer_name(s, &name));
	TEXT(name);
	SHOW(nng_socket_raw(s, &raw));
	NUMBER(raw);
	SHOW(nng_dialer_create(&d, s, "tcp://127.0.0.1:5555"));
	SHOW(nng_listener_create(&l, s, "ipc:///tmp/x"));
	SHOW(nng_dialer_get_url(d, &url));
	TEXT(url->u_rawurl);
	TEXT(url->u_hostname);
	TEXT(url->u_port);
	SHOW(nng_listener_get_url(l, &url));
	TEXT(url->u_scheme);
	TEXT(url->u_path);
	SHOW(nng_socket_set_string(s, NNG_OPT_SOCKNAME,
	    "012345678901234567890123456789012345678901234567890123456789012"));
	SHOW(nng_socket_set_string(s, NNG_OPT_SOCKNAME,
	    "0123456789012345678901234567890123456789012345678901234567890123"));
	MUST(nng_socket_close(s));
	SHOW(nng_dialer_get_url(d, &url));
	SHOW(nng_socket_proto_id(s, &n));
	TEXT(nng_version());
}

static void
contexts(void)
{
	nng_socket req, rep, sub;
	nng_ctx    c, r;
	nng_msg   *m;

	MUST(nng_req0_open(&req));
	MUST(nng_rep0_open(&rep));
	MUST(nng_listen(rep, "inproc://late", NULL, 0));
	MUST(nng_dial(req, "inproc://late", NULL, 0));
	MUST(nng_ctx_open(&c, req));
	MUST(nng_ctx_open(&r, rep));
	SHOW(nng_ctx_recvmsg(r, &m, NNG_FLAG_NONBLOCK));
	SHOW(nng_ctx_sendmsg(c, NULL, 0));
	MUST(nng_msg_alloc(&m, 7));
	SHOW(nng_ctx_sendmsg(c, m, 0));
	SHOW(nng_ctx_recvmsg(r, &m, 0));
	SHOW(nng_ctx_sendmsg(r, m, 0));
	SHOW(nng_ctx_recvmsg(c, &m, 0));
	NUMBER(nng_msg_len(m));
	SHOW(nng_ctx_sendmsg(r, m, 0));
	NUMBER(nng_msg_len(m));
	MUST(nng_close(req));
	SHOW(nng_ctx_sendmsg(c, m, 0));
	nng_msg_free(m);
	SHOW(nng_ctx_recvmsg(c, &m, 0));
	MUST(nng_close(rep));
	MUST(nng_sub0_open(&sub));
	SHOW(nng_sub0_socket_subscribe(sub, "topic", 5));
	SHOW(nng_sub0_socket_unsubscribe(sub, "topic", 5));
	SHOW(nng_sub0_socket_unsubscribe(sub, "topic", 5));
	MUST(nng_ctx_open(&c, sub));
	SHOW(nng_sub0_ctx_subscribe(c, "", 0));
	SHOW(nng_sub0_ctx_unsubscribe(c, "", 0));
	SHOW(nng_sub0_ctx_unsubscribe(c, "", 0));
	MUST(nng_close(sub));
	SHOW(nng_sub0_socket_subscribe(sub, "topic", 5));
	SHOW(nng_sub0_ctx_subscribe(c, "topic", 5));
}

static void
devices(void)
{
	nng_socket mirror, pair;
	nng_aio   *aio;
	char       buf[8];
	size_t     len = sizeof(buf);

	MUST(nng_pair1_open_raw(&mirror));
	MUST(nng_pair1_open(&pair));
	MUST(nng_listen(mirror, "inproc://mirror", NULL, 0));
	MUST(nng_dial(pair, "inproc://mirror", NULL, 0));
	MUST(nng_aio_alloc(&aio, NULL, NULL));
	nng_device_aio(aio, mirror, mirror);
	MUST(nng_send(pair, "hello", 6, 0));
	MUST(nng_recv(pair, buf, &len, 0));
	TEXT(buf);
	NUMBER(nng_aio_busy(aio));
	nng_aio_cancel(aio);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_device_aio(aio, mirror, pair);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_aio_set_timeout(aio, 20);
	nng_device_aio(aio, mirror, mirror);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_aio_free(aio);
	MUST(nng_close(mirror));
	MUST(nng_close(pair));
}

static void
expiry(void)
{
	nng_socket s;
	nng_aio   *aio;
	nng_time   at = nng_clock() + 30;

	MUST(nng_pull0_open(&s));
	MUST(nng_aio_alloc(&aio, NULL, NULL));
	nng_aio_set_expire(aio, at);
	nng_recv_aio(s, aio);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	NUMBER(nng_clock() >= at);
	// It was for one operation; in the past it is over at once.
	nng_aio_set_timeout(aio, 20);
	nng_recv_aio(s, aio);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_aio_set_expire(aio, at);
	nng_recv_aio(s, aio);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_aio_free(aio);
	MUST(nng_close(s));
}

// Null where a pointer is needed.
static void
nulls(void)
{
	nng_socket s;
	nng_ctx    c;
	size_t     len = 1;

	MUST(nng_pair0_open(&s));
	SHOW(nng_pair0_open(NULL));
	SHOW(nng_send(s, NULL, 1, 0));
	SHOW(nng_recv(s, NULL, &len, NNG_FLAG_NONBLOCK));
	SHOW(nng_recv(s, &len, NULL, NNG_FLAG_NONBLOCK));
	SHOW(nng_recvmsg(s, NULL, NNG_FLAG_NONBLOCK));
	SHOW(nng_listen(s, NULL, NULL, 0));
	SHOW(nng_dial(s, NULL, NULL, 0));
	SHOW(nng_dialer_create(NULL, s, "inproc://x"));
	SHOW(nng_socket_get_int(s, NULL, NULL));
	SHOW(nng_socket_get_int(s, NNG_OPT_PROTO, NULL));
	SHOW(nng_socket_get_string(s, NNG_OPT_SOCKNAME, NULL));
	SHOW(nng_socket_get(s, NNG_OPT_SOCKNAME, NULL, NULL));
	SHOW(nng_socket_set(s, NNG_OPT_SOCKNAME, NULL, 1));
	SHOW(nng_socket_set_string(s, NNG_OPT_SOCKNAME, NULL));
	SHOW(nng_ctx_open(NULL, s));
	SHOW(nng_ctx_recvmsg(c = (nng_ctx) NNG_CTX_INITIALIZER, NULL, 0));
	SHOW(nng_msg_alloc(NULL, 0));
	SHOW(nng_msg_append(NULL, "x", 1));
	SHOW(nng_msg_dup(NULL, NULL));
	SHOW(nng_aio_alloc(NULL, NULL, NULL));
	SHOW(nng_stats_get(NULL));
	NUMBER(nng_msg_len(NULL));
	nng_msg_clear(NULL);
	nng_recv_aio(s, NULL);
	nng_send_aio(s, NULL);
	nng_sleep_aio(1, NULL);
	nng_aio_cancel(NULL);
	nng_aio_finish(NULL, 0);
	NUMBER(nng_aio_begin(NULL));
	NUMBER(nng_stat_find(NULL, "x") == NULL);
	nng_stats_free(NULL);
	nng_stats_dump(NULL);
	nng_free(NULL, 0);
	nng_strfree(NULL);
	NUMBER(nng_strdup(NULL) == NULL);
	TEXT(nng_str_sockaddr(NULL, NULL, 0));
	nng_msg *m;
	SHOW(nng_msg_alloc(&m, (size_t) -1));
	SHOW(nng_msg_alloc(&m, (size_t) 1 << 62));
	MUST(nng_close(s));
}

int
main(void)
{
	printf("== inside\n");
	inside();
	printf("== blocking\n");
	blocking();
	printf("== names\n");
	names();
	printf("== contexts\n");
	contexts();
	printf("== devices\n");
	devices();
	printf("== expiry\n");
	expiry();
	printf("== nulls\n");
	nulls();
	nng_fini();
	return (0);
}
