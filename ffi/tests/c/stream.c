// Byte streams.
#include "show.h"
#include <sys/stat.h>
#include <unistd.h>

static nng_aio *a1, *a2;

// A listener, a dialer and a connection between them.
typedef struct {
	nng_stream_listener *l;
	nng_stream_dialer   *d;
	nng_stream          *mine;
	nng_stream          *theirs;
} pair;

static pair
connect_pair(const char *url)
{
	pair p;
	char real[64];
	int  port;

	SHOW(nng_stream_listener_alloc(&p.l, url));
	SHOW(nng_stream_listener_listen(p.l));
	snprintf(real, sizeof(real), "%s", url);
	if (nng_stream_listener_get_int(p.l, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
		snprintf(real, sizeof(real), "tcp://127.0.0.1:%d", port);
	}
	SHOW(nng_stream_dialer_alloc(&p.d, real));
	nng_stream_listener_accept(p.l, a1);
	nng_stream_dialer_dial(p.d, a2);
	nng_aio_wait(a1);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a1));
	SHOW(nng_aio_result(a2));
	p.theirs = nng_aio_get_output(a1, 0);
	p.mine   = nng_aio_get_output(a2, 0);
	return (p);
}

static void
free_pair(pair *p)
{
	nng_stream_free(p->mine);
	nng_stream_free(p->theirs);
	nng_stream_dialer_free(p->d);
	nng_stream_listener_free(p->l);
}

static void
transfer(pair *p)
{
	char    out[] = "one two three", in[64];
	nng_iov v[3];
	size_t  got = 0;

	v[0].iov_buf = out;
	v[0].iov_len = 4;
	v[1].iov_buf = out + 4;
	v[1].iov_len = 0;
	v[2].iov_buf = out + 4;
	v[2].iov_len = 9;
	SHOW(nng_aio_set_iov(a1, 3, v));
	nng_stream_send(p->mine, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	NUMBER(nng_aio_count(a1));
	v[0].iov_buf = in;
	v[0].iov_len = 2;
	v[1].iov_buf = in + 2;
	v[1].iov_len = 11;
	while (got < 13) {
		if (got > 0) {
			v[0].iov_buf = in + got;
			v[0].iov_len = 13 - got;
			v[1].iov_len = 0;
		}
		MUST(nng_aio_set_iov(a2, 2, v));
		nng_stream_recv(p->theirs, a2);
		nng_aio_wait(a2);
		MUST(nng_aio_result(a2));
		got += nng_aio_count(a2);
	}
	in[13] = 0;
	TEXT(in);
	// Two receives take turns.
	iov(a1, in, 1);
	iov(a2, in + 1, 1);
	nng_stream_recv(p->mine, a1);
	nng_stream_recv(p->mine, a2);
	nng_aio *a3;
	MUST(nng_aio_alloc(&a3, NULL, NULL));
	iov(a3, "ab", 2);
	nng_stream_send(p->theirs, a3);
	nng_aio_wait(a3);
	SHOW(nng_aio_result(a3));
	nng_aio_wait(a1);
	nng_aio_wait(a2);
	in[2] = 0;
	TEXT(in);
	// One that is canceled makes room for the next.
	iov(a1, in, 1);
	iov(a2, in, 1);
	nng_stream_recv(p->mine, a1);
	nng_stream_recv(p->mine, a2);
	nng_aio_cancel(a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	iov(a3, "c", 1);
	nng_stream_send(p->theirs, a3);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a2));
	NUMBER(in[0]);
	nng_aio_wait(a3);
	// Time is over.
	nng_aio_set_timeout(a3, 10);
	iov(a3, in, 1);
	nng_stream_recv(p->mine, a3);
	nng_aio_wait(a3);
	SHOW(nng_aio_result(a3));
	nng_stream_close(p->mine);
	// The peer sees the end.
	iov(a1, in, 1);
	nng_stream_recv(p->theirs, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	nng_aio_free(a3);
}

static void
tcp(void)
{
	pair         p = connect_pair("tcp://127.0.0.1:0");
	nng_sockaddr sa, sb;
	bool         on;
	int          n;
	size_t       sz;
	char        *s;

	SHOW(nng_stream_get_addr(p.mine, NNG_OPT_REMADDR, &sa));
	SHOW(nng_stream_get_addr(p.theirs, NNG_OPT_LOCADDR, &sb));
	NUMBER(sa.s_family);
	NUMBER(sa.s_in.sa_port == sb.s_in.sa_port && sa.s_in.sa_addr == sb.s_in.sa_addr);
	SHOW(nng_stream_get_bool(p.mine, NNG_OPT_TCP_NODELAY, &on));
	NUMBER(on);
	SHOW(nng_stream_get_bool(p.mine, NNG_OPT_TCP_KEEPALIVE, &on));
	NUMBER(on);
	SHOW(nng_stream_set_bool(p.mine, NNG_OPT_TCP_NODELAY, false));
	SHOW(nng_stream_get_bool(p.mine, NNG_OPT_TCP_NODELAY, &on));
	NUMBER(on);
	SHOW(nng_stream_set_bool(p.mine, NNG_OPT_TCP_KEEPALIVE, true));
	SHOW(nng_stream_get_bool(p.mine, NNG_OPT_TCP_KEEPALIVE, &on));
	NUMBER(on);
	SHOW(nng_stream_set_int(p.mine, NNG_OPT_TCP_KEEPALIVE, 1));
	SHOW(nng_stream_get_int(p.mine, NNG_OPT_TCP_KEEPALIVE, &n));
	SHOW(nng_stream_get_string(p.mine, NNG_OPT_REMADDR, &s));
	SHOW(nng_stream_get_bool(p.mine, "nonsense", &on));
	SHOW(nng_stream_set_bool(p.mine, "nonsense", true));
	SHOW(nng_stream_get_uint64(p.mine, NNG_OPT_IPC_PEER_UID, NULL));
	sz = sizeof(on);
	SHOW(nng_stream_get(p.mine, NNG_OPT_TCP_NODELAY, &on, &sz));
	NUMBER(sz);
	// Of the endpoints.
	SHOW(nng_stream_dialer_get_bool(p.d, NNG_OPT_TCP_NODELAY, &on));
	NUMBER(on);
	SHOW(nng_stream_dialer_set_bool(p.d, NNG_OPT_TCP_NODELAY, false));
	SHOW(nng_stream_dialer_get_bool(p.d, NNG_OPT_TCP_NODELAY, &on));
	NUMBER(on);
	SHOW(nng_stream_dialer_set_int(p.d, NNG_OPT_TCP_NODELAY, 0));
	SHOW(nng_stream_dialer_get_addr(p.d, NNG_OPT_LOCADDR, &sa));
	NUMBER(sa.s_family);
	memset(&sa, 0, sizeof(sa));
	sa.s_in.sa_family = NNG_AF_INET;
	sa.s_in.sa_port   = 1;
	SHOW(nng_stream_dialer_set_addr(p.d, NNG_OPT_LOCADDR, &sa));
	sa.s_in.sa_port = 0;
	memcpy(&sa.s_in.sa_addr, "\x7f\0\0\1", 4);
	SHOW(nng_stream_dialer_set_addr(p.d, NNG_OPT_LOCADDR, &sa));
	SHOW(nng_stream_dialer_get_bool(p.d, "nonsense", &on));
	SHOW(nng_stream_listener_get_bool(p.l, NNG_OPT_TCP_KEEPALIVE, &on));
	NUMBER(on);
	SHOW(nng_stream_listener_get_addr(p.l, NNG_OPT_LOCADDR, &sa));
	NUMBER(sa.s_in.sa_port == sb.s_in.sa_port);
	SHOW(nng_stream_listener_set_int(p.l, NNG_OPT_TCP_BOUND_PORT, 5));
	SHOW(nng_stream_listener_listen(p.l));
	transfer(&p);
	// A closed listener.
	nng_stream_listener_accept(p.l, a1);
	nng_stream_listener_close(p.l);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	// Nobody listens there any more.
	nng_stream_dialer_dial(p.d, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	nng_stream_dialer_close(p.d);
	nng_stream_dialer_dial(p.d, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	free_pair(&p);
}

static void
ipc(void)
{
	pair         p = connect_pair("ipc://stream.sock");
	nng_sockaddr sa;
	uint64_t     id;
	bool         on;
	struct stat  st;

	SHOW(nng_stream_get_addr(p.theirs, NNG_OPT_LOCADDR, &sa));
	NUMBER(sa.s_family);
	TEXT(sa.s_ipc.sa_path);
	SHOW(nng_stream_get_uint64(p.mine, NNG_OPT_IPC_PEER_PID, &id));
	NUMBER(id == (uint64_t) getpid());
	SHOW(nng_stream_get_uint64(p.theirs, NNG_OPT_IPC_PEER_UID, &id));
	NUMBER(id == (uint64_t) getuid());
	SHOW(nng_stream_get_bool(p.mine, NNG_OPT_TCP_NODELAY, &on));
	SHOW(nng_stream_listener_set_int(p.l, NNG_OPT_IPC_PERMISSIONS, 0600));
	transfer(&p);
	NUMBER(stat("stream.sock", &st));
	free_pair(&p);
	NUMBER(stat("stream.sock", &st));

	SHOW(nng_stream_listener_alloc(&p.l, "ipc://mode.sock"));
	SHOW(nng_stream_listener_set_int(p.l, NNG_OPT_IPC_PERMISSIONS, 0600));
	SHOW(nng_stream_listener_listen(p.l));
	NUMBER(stat("mode.sock", &st));
	NUMBER(st.st_mode & 0777);
	nng_stream_listener_free(p.l);
}

static void
mistakes(void)
{
	nng_stream_dialer   *d;
	nng_stream_listener *l;

	SHOW(nng_stream_dialer_alloc(&d, "tcp"));
	SHOW(nng_stream_dialer_alloc(&d, "inproc://name"));
	SHOW(nng_stream_dialer_alloc(&d, "pigeon://roof"));
	SHOW(nng_stream_dialer_alloc(&d, "tcp://127.0.0.1"));
	SHOW(nng_stream_dialer_alloc(&d, "tcp://:5555"));
	SHOW(nng_stream_listener_alloc(&l, "inproc://name"));
	SHOW(nng_stream_listener_alloc(&l, "pigeon://roof"));
	SHOW(nng_stream_dialer_alloc(&d, "ipc://nobody.sock"));
	nng_stream_dialer_dial(d, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	nng_stream_dialer_free(d);
	nng_stream_dialer_free(NULL);
	nng_stream_listener_free(NULL);
	nng_stream_free(NULL);
}

int
main(void)
{
	MUST(nng_aio_alloc(&a1, NULL, NULL));
	MUST(nng_aio_alloc(&a2, NULL, NULL));
	tcp();
	ipc();
	mistakes();
	nng_aio_free(a1);
	nng_aio_free(a2);
	nng_fini();
	return (0);
}
