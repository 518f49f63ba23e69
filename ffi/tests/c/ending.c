// What waits when a byte stream, its listener, its dialer or a UDP socket is closed.
#include "show.h"

static void
streams(void)
{
	nng_stream_listener *l;
	nng_stream_dialer   *d;
	nng_stream          *s;
	nng_aio             *a[3];
	nng_iov              v;
	char                 c;

	v.iov_buf = &c;
	v.iov_len = 1;
	for (int i = 0; i < 3; i++) {
		MUST(nng_aio_alloc(&a[i], NULL, NULL));
		MUST(nng_aio_set_iov(a[i], 1, &v));
	}
	MUST(nng_stream_listener_alloc(&l, "ipc://ending.sock"));
	MUST(nng_stream_listener_listen(l));
	MUST(nng_stream_dialer_alloc(&d, "ipc://ending.sock"));
	nng_stream_dialer_dial(d, a[0]);
	nng_aio_wait(a[0]);
	SHOW(nng_aio_result(a[0]));
	s = nng_aio_get_output(a[0], 0);
	for (int i = 0; i < 3; i++) {
		nng_stream_recv(s, a[i]);
	}
	nng_stream_close(s);
	for (int i = 0; i < 3; i++) {
		nng_aio_wait(a[i]);
		SHOW(nng_aio_result(a[i]));
	}
	nng_stream_free(s);
	// The connection of the dialer is the first; the others wait.
	nng_stream_listener_accept(l, a[0]);
	nng_aio_wait(a[0]);
	SHOW(nng_aio_result(a[0]));
	nng_stream_free(nng_aio_get_output(a[0], 0));
	for (int i = 0; i < 3; i++) {
		nng_stream_listener_accept(l, a[i]);
	}
	// An aio that is freed ends its operation, and the stream of the others goes on.
	nng_aio_free(a[0]);
	nng_stream_listener_free(l);
	for (int i = 1; i < 3; i++) {
		nng_aio_wait(a[i]);
		SHOW(nng_aio_result(a[i]));
	}
	nng_stream_dialer_free(d);
	nng_aio_free(a[1]);
	nng_aio_free(a[2]);
}

static void
datagrams(void)
{
	nng_sockaddr sa, from;
	nng_udp     *u;
	nng_aio     *a1, *a2;
	nng_iov      v[2];
	char         in[4];

	memset(&sa, 0, sizeof(sa));
	SHOW(nng_udp_open(&u, &sa));
	sa.s_in.sa_family = NNG_AF_INET;
	memcpy(&sa.s_in.sa_addr, "\x7f\0\0\1", 4);
	SHOW(nng_udp_open(&u, &sa));
	SHOW(nng_udp_sockname(u, &sa));
	NUMBER(sa.s_in.sa_port != 0);
	MUST(nng_aio_alloc(&a1, NULL, NULL));
	MUST(nng_aio_alloc(&a2, NULL, NULL));
	// To itself; what does not fit is lost.
	v[0].iov_buf = "abc";
	v[0].iov_len = 3;
	v[1].iov_buf = "defg";
	v[1].iov_len = 4;
	MUST(nng_aio_set_iov(a1, 2, v));
	MUST(nng_aio_set_input(a1, 0, &sa));
	nng_udp_send(u, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	NUMBER(nng_aio_count(a1));
	v[0].iov_buf = in;
	v[0].iov_len = 1;
	v[1].iov_buf = in + 1;
	v[1].iov_len = 3;
	MUST(nng_aio_set_iov(a2, 2, v));
	MUST(nng_aio_set_input(a2, 0, &from));
	nng_udp_recv(u, a2);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a2));
	NUMBER(nng_aio_count(a2));
	NUMBER(memcmp(in, "abcd", 4));
	NUMBER(from.s_in.sa_port == sa.s_in.sa_port);
	// Nowhere.
	MUST(nng_aio_set_input(a1, 0, NULL));
	nng_udp_send(u, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	// Nothing comes.
	nng_aio_set_timeout(a2, 10);
	nng_udp_recv(u, a2);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a2));
	nng_aio_set_timeout(a2, NNG_DURATION_INFINITE);
	nng_udp_recv(u, a2);
	nng_udp_close(u);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a2));
	nng_aio_free(a1);
	nng_aio_free(a2);
}

int
main(void)
{
	streams();
	datagrams();
	nng_fini();
	return (0);
}
