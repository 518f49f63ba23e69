// Buffers, limits, and what a socket that meets the wrong peer says of it.
#include "show.h"

typedef int (*open_fn)(nng_socket *);

static const struct {
	const char *name;
	open_fn     open;
} kinds[] = {
	{ "bus", nng_bus0_open },
	{ "raw bus", nng_bus0_open_raw },
	{ "pair0", nng_pair0_open },
	{ "raw pair0", nng_pair0_open_raw },
	{ "pair1", nng_pair1_open },
	{ "raw pair1", nng_pair1_open_raw },
	{ "poly pair1", nng_pair1_open_poly },
	{ "push", nng_push0_open },
	{ "raw push", nng_push0_open_raw },
	{ "pull", nng_pull0_open },
	{ "raw pull", nng_pull0_open_raw },
	{ "pub", nng_pub0_open },
	{ "raw pub", nng_pub0_open_raw },
	{ "sub", nng_sub0_open },
	{ "raw sub", nng_sub0_open_raw },
	{ "req", nng_req0_open },
	{ "raw req", nng_req0_open_raw },
	{ "rep", nng_rep0_open },
	{ "raw rep", nng_rep0_open_raw },
	{ "surveyor", nng_surveyor0_open },
	{ "raw surveyor", nng_surveyor0_open_raw },
	{ "respondent", nng_respondent0_open },
	{ "raw respondent", nng_respondent0_open_raw },
};

static const char *
text(int rv)
{
	return (nng_strerror(rv));
}

static void
ranges(void)
{
	static const char *names[]  = { NNG_OPT_RECVBUF, NNG_OPT_SENDBUF, NNG_OPT_MAXTTL };
	static const int   values[] = { -1, 0, 1, 15, 16, 255, 8192, 8193 };
	nng_socket         s;
	int                v;

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		MUST(kinds[k].open(&s));
		for (size_t n = 0; n < 3; n++) {
			printf("%s: %s:", kinds[k].name, names[n]);
			for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
				int rv = nng_socket_set_int(s, names[n], values[i]);
				printf(" %d %s", values[i], text(rv));
				if (rv == 0) {
					MUST(nng_socket_get_int(s, names[n], &v));
					printf(" (%d)", v);
				}
				printf(";");
			}
			printf("\n");
		}
		MUST(nng_close(s));
	}
}

static void
sizes(void)
{
	static const size_t values[] = { 0, 1, 1234, 0xffffffffu, (size_t) 1 << 32, (size_t) 1 << 46 };
	nng_socket          s;
	nng_dialer          d;
	nng_listener        l;
	size_t              v;

	MUST(nng_pair0_open(&s));
	MUST(nng_dialer_create(&d, s, "tcp://127.0.0.1:1"));
	MUST(nng_listener_create(&l, s, "tcp://127.0.0.1:0"));
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		printf("recv-size-max %zu: socket %s", values[i], text(nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, values[i])));
		printf(", dialer %s", text(nng_dialer_set_size(d, NNG_OPT_RECVMAXSZ, values[i])));
		printf(", listener %s", text(nng_listener_set_size(l, NNG_OPT_RECVMAXSZ, values[i])));
		MUST(nng_socket_get_size(s, NNG_OPT_RECVMAXSZ, &v));
		printf(": %zu\n", v);
	}
	MUST(nng_close(s));
}

// Options whose value is bytes take those of a number, too.
static void
topics(void)
{
	nng_socket s;

	MUST(nng_sub0_open(&s));
	SHOW(nng_socket_set_int(s, NNG_OPT_SUB_SUBSCRIBE, 32));
	SHOW(nng_socket_set_bool(s, NNG_OPT_SUB_SUBSCRIBE, true));
	SHOW(nng_socket_set_ms(s, NNG_OPT_SUB_UNSUBSCRIBE, 32));
	SHOW(nng_socket_set_ms(s, NNG_OPT_SUB_UNSUBSCRIBE, 32));
	SHOW(nng_socket_set(s, NNG_OPT_SUB_UNSUBSCRIBE, "\1", 1));
	MUST(nng_close(s));
}

// Which addresses can be read and set.
static void
addresses(void)
{
	static const char *urls[] = { "tcp://127.0.0.1:0", "ipc://spanwire-options", "inproc://options", "abstract://spanwire-options" };
	nng_socket         s;
	nng_dialer         d;
	nng_listener       l;
	nng_sockaddr       sa, own;

	memset(&own, 0, sizeof(own));
	own.s_family = NNG_AF_INET;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		MUST(nng_pair0_open(&s));
		MUST(nng_dialer_create(&d, s, i == 0 ? "tcp://127.0.0.1:1" : urls[i]));
		MUST(nng_listener_create(&l, s, urls[i]));
		printf("%s: dialer get %s", urls[i], text(nng_dialer_get_addr(d, NNG_OPT_LOCADDR, &sa)));
		printf(", set %s", text(nng_dialer_set_addr(d, NNG_OPT_LOCADDR, &own)));
		printf(", listener get %s", text(nng_listener_get_addr(l, NNG_OPT_LOCADDR, &sa)));
		printf(", set %s\n", text(nng_listener_set_addr(l, NNG_OPT_LOCADDR, &own)));
		MUST(nng_close(s));
	}
}

static int
rejected(nng_socket s)
{
	nng_stat *stats, *reject;
	int       count;

	MUST(nng_stats_get(&stats));
	reject = nng_stat_find(nng_stat_find_socket(stats, s), "reject");
	count  = reject != NULL && nng_stat_value(reject) > 0;
	nng_stats_free(stats);
	return (count);
}

static void
refuse(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	nng_pipe_close(p);
	(void) ev;
	(void) arg;
}

// A dialer that reaches a peer has done its work, whether or not its own side wants that peer.
static void
refusals(const char *url)
{
	nng_socket a, b, c;

	MUST(nng_bus0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_listen(a, url, NULL, 0));
	SHOW(nng_dial(b, url, NULL, 0));
	while (!rejected(a) || !rejected(b)) {
		nng_msleep(1);
	}
	MUST(nng_close(a));
	MUST(nng_close(b));

	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_pair0_open(&c));
	MUST(nng_listen(a, url, NULL, 0));
	MUST(nng_pipe_notify(b, NNG_PIPE_EV_ADD_PRE, refuse, NULL));
	SHOW(nng_dial(b, url, NULL, 0));
	NUMBER(rejected(b));
	MUST(nng_close(b));
	MUST(nng_dial(c, url, NULL, NNG_FLAG_NONBLOCK));
	MUST(nng_close(c));
	MUST(nng_close(a));
	MUST(nng_pair0_open(&b));
	SHOW(nng_dial(b, url, NULL, 0));
	NUMBER(rejected(b));
	MUST(nng_close(b));
}

// What is closed has ended its operations when it returns.
static void
ends(void)
{
	nng_socket s;
	nng_ctx    ctx;
	nng_aio   *aio[3];

	for (int round = 0; round < 100; round++) {
		MUST(nng_rep0_open(&s));
		MUST(nng_ctx_open(&ctx, s));
		for (int i = 0; i < 3; i++) {
			MUST(nng_aio_alloc(&aio[i], NULL, NULL));
		}
		nng_recv_aio(s, aio[0]);
		nng_recv_aio(s, aio[1]);
		nng_ctx_recv(ctx, aio[2]);
		nng_aio_wait(aio[1]);
		MUST(nng_ctx_close(ctx));
		int closed = nng_aio_result(aio[2]);
		MUST(nng_close(s));
		if (round == 0 || nng_aio_result(aio[0]) != NNG_ECLOSED || closed != NNG_ECLOSED) {
			SHOW(nng_aio_result(aio[0]));
			SHOW(nng_aio_result(aio[1]));
			SHOW(closed);
		}
		for (int i = 0; i < 3; i++) {
			nng_aio_free(aio[i]);
		}
	}
	SHOW(nng_recv(s, "", NULL, 0));
	MUST(nng_pub0_open(&s));
	SHOW(nng_recv(s, "", NULL, 0));
	MUST(nng_close(s));
}

// The header of a received message is the count of its hops.
static void
hops(void)
{
	nng_socket poly, raw;
	nng_msg   *m;
	uint32_t   count = 0;

	MUST(nng_pair1_open_poly(&poly));
	MUST(nng_pair1_open_raw(&raw));
	MUST(nng_listen(poly, "inproc://hops", NULL, 0));
	MUST(nng_dial(raw, "inproc://hops", NULL, 0));
	MUST(nng_msg_alloc(&m, 0));
	MUST(nng_msg_append_u32(m, 7));
	MUST(nng_msg_header_append_u32(m, 3));
	MUST(nng_sendmsg(raw, m, 0));
	MUST(nng_recvmsg(poly, &m, 0));
	NUMBER(nng_msg_len(m));
	NUMBER(nng_msg_header_len(m));
	SHOW(nng_msg_header_trim_u32(m, &count));
	NUMBER(count);
	nng_msg_free(m);
	MUST(nng_close(poly));
	MUST(nng_close(raw));
}

int
main(void)
{
	ranges();
	sizes();
	topics();
	addresses();
	refusals("inproc://refusals");
	refusals("ipc://spanwire-refusals");
	ends();
	hops();
	nng_fini();
	return (0);
}
