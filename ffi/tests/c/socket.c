// Sockets: opening, names, options, sending and receiving, handles that are none.
#include "show.h"

typedef int (*open_fn)(nng_socket *);

static void
options(nng_socket s)
{
	bool         b;
	int          i;
	size_t       z;
	uint64_t     u;
	nng_duration ms;
	char        *str;
	void        *ptr;
	nng_sockaddr sa;
	char         buf[64];

	SHOW(nng_socket_get_bool(s, NNG_OPT_RAW, &b));
	NUMBER(b);
	SHOW(nng_socket_get_int(s, NNG_OPT_PROTO, &i));
	NUMBER(i);
	SHOW(nng_socket_get_int(s, NNG_OPT_PEER, &i));
	NUMBER(i);
	SHOW(nng_socket_get_string(s, NNG_OPT_PROTONAME, &str));
	TEXT(str);
	nng_strfree(str);
	SHOW(nng_socket_get_string(s, NNG_OPT_PEERNAME, &str));
	TEXT(str);
	nng_strfree(str);
	SHOW(nng_socket_get_ms(s, NNG_OPT_RECVTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_socket_get_ms(s, NNG_OPT_SENDTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_socket_get_ms(s, NNG_OPT_RECONNMINT, &ms));
	NUMBER(ms);
	SHOW(nng_socket_get_ms(s, NNG_OPT_RECONNMAXT, &ms));
	NUMBER(ms);
	SHOW(nng_socket_get_size(s, NNG_OPT_RECVMAXSZ, &z));
	NUMBER(z);
	// Their defaults differ from one version of NNG to the next.
	SHOW(nng_socket_get_int(s, NNG_OPT_RECVBUF, &i));
	SHOW(nng_socket_get_int(s, NNG_OPT_SENDBUF, &i));
	SHOW(nng_socket_set_int(s, NNG_OPT_RECVBUF, 3));
	SHOW(nng_socket_get_int(s, NNG_OPT_RECVBUF, &i));
	NUMBER(i);
	SHOW(nng_socket_set_int(s, NNG_OPT_RECVBUF, 8193));
	SHOW(nng_socket_set_int(s, NNG_OPT_RECVBUF, -1));
	SHOW(nng_socket_set_int(s, NNG_OPT_SENDBUF, 3));
	SHOW(nng_socket_get_int(s, NNG_OPT_SENDBUF, &i));
	NUMBER(i);
	SHOW(nng_socket_set_int(s, NNG_OPT_SENDBUF, 8193));
	SHOW(nng_socket_set_int(s, NNG_OPT_MAXTTL, 3));
	SHOW(nng_socket_get_int(s, NNG_OPT_MAXTTL, &i));
	SHOW(nng_socket_set_int(s, NNG_OPT_MAXTTL, 0));
	SHOW(nng_socket_set_int(s, NNG_OPT_MAXTTL, 16));
	SHOW(nng_socket_set_bool(s, NNG_OPT_RAW, true));
	SHOW(nng_socket_set_string(s, NNG_OPT_SOCKNAME, "name"));
	SHOW(nng_socket_get_string(s, NNG_OPT_SOCKNAME, &str));
	TEXT(str);
	nng_strfree(str);

	// Wrong types, and none.
	SHOW(nng_socket_get_int(s, NNG_OPT_RECVTIMEO, &i));
	SHOW(nng_socket_get_size(s, NNG_OPT_RECVTIMEO, &z));
	SHOW(nng_socket_get_uint64(s, NNG_OPT_RECVTIMEO, &u));
	SHOW(nng_socket_get_string(s, NNG_OPT_RECVTIMEO, &str));
	SHOW(nng_socket_get_ptr(s, NNG_OPT_RECVTIMEO, &ptr));
	SHOW(nng_socket_get_addr(s, NNG_OPT_RECVTIMEO, &sa));
	SHOW(nng_socket_get_bool(s, NNG_OPT_RECVTIMEO, &b));
	SHOW(nng_socket_set_int(s, NNG_OPT_RECVTIMEO, 1));
	SHOW(nng_socket_set_string(s, NNG_OPT_RECVTIMEO, "1"));
	SHOW(nng_socket_set_ptr(s, NNG_OPT_RECVTIMEO, &i));
	SHOW(nng_socket_set_uint64(s, NNG_OPT_RECVTIMEO, 1));
	SHOW(nng_socket_set_size(s, NNG_OPT_RECVTIMEO, 1));
	SHOW(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, -2));
	SHOW(nng_socket_set_int(s, "no-such-option", 1));
	SHOW(nng_socket_get_int(s, "no-such-option", &i));

	// As bytes.
	z  = sizeof(ms);
	ms = 0;
	SHOW(nng_socket_get(s, NNG_OPT_RECVTIMEO, &ms, &z));
	printf("%d %zu\n", ms, z);
	z = 1;
	SHOW(nng_socket_get(s, NNG_OPT_RECVTIMEO, &ms, &z));
	NUMBER(z);
	z = sizeof(buf);
	SHOW(nng_socket_get(s, NNG_OPT_SOCKNAME, buf, &z));
	TEXT(buf);
	NUMBER(z);
	ms = 17;
	SHOW(nng_socket_set(s, NNG_OPT_RECVTIMEO, &ms, sizeof(ms)));
	SHOW(nng_socket_get_ms(s, NNG_OPT_RECVTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_socket_set(s, NNG_OPT_RECVTIMEO, &ms, 1));
	SHOW(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, -1));
}

static void
deprecated(nng_socket s)
{
	nng_duration ms;
	size_t       z = sizeof(ms);

	SHOW(nng_setopt_ms(s, NNG_OPT_SENDTIMEO, 5));
	SHOW(nng_getopt_ms(s, NNG_OPT_SENDTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_getopt(s, NNG_OPT_SENDTIMEO, &ms, &z));
	SHOW(nng_setopt(s, NNG_OPT_SENDTIMEO, &ms, sizeof(ms)));
	SHOW(nng_setopt_ms(s, NNG_OPT_SENDTIMEO, -1));
}

static void
transfer(void)
{
	nng_socket a, b;
	char       buf[8] = "........";
	size_t     len    = 4;
	char      *all    = NULL;
	char      *own;
	nng_msg   *m;

	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	len = sizeof(buf);
	SHOW(nng_recv(a, buf, &len, NNG_FLAG_NONBLOCK));
	SHOW(nng_send(a, "x", 1, NNG_FLAG_NONBLOCK));
	MUST(nng_socket_set_ms(a, NNG_OPT_RECVTIMEO, 10));
	MUST(nng_socket_set_ms(a, NNG_OPT_SENDTIMEO, 10));
	SHOW(nng_recv(a, buf, &len, 0));
	SHOW(nng_send(a, "x", 1, 0));
	MUST(nng_socket_set_ms(a, NNG_OPT_RECVTIMEO, 0));
	SHOW(nng_recv(a, buf, &len, 0));
	MUST(nng_socket_set_ms(a, NNG_OPT_RECVTIMEO, 5000));
	MUST(nng_socket_set_ms(a, NNG_OPT_SENDTIMEO, 5000));
	SHOW(nng_listen(a, "inproc://transfer", NULL, 0));
	SHOW(nng_dial(b, "inproc://transfer", NULL, 0));

	SHOW(nng_send(b, "hello", 5, 0));
	len = 4;
	SHOW(nng_recv(a, buf, &len, 0));
	printf("%.8s %zu\n", buf, len);
	SHOW(nng_send(b, "hello", 5, 0));
	len = 0;
	SHOW(nng_recv(a, &all, &len, NNG_FLAG_ALLOC));
	printf("%.5s %zu\n", all, len);
	nng_free(all, len);
	SHOW(nng_send(b, NULL, 0, 0));
	SHOW(nng_recv(a, &all, &len, NNG_FLAG_ALLOC));
	printf("%d %zu\n", all == NULL, len);
	own = nng_alloc(3);
	memcpy(own, "own", 3);
	SHOW(nng_send(b, own, 3, NNG_FLAG_ALLOC));
	len = sizeof(buf);
	SHOW(nng_recv(a, buf, &len, 0));
	printf("%.3s %zu\n", buf, len);

	// A message that is not sent stays the caller's.
	SHOW(nng_sendmsg(b, NULL, 0));
	MUST(nng_msg_alloc(&m, 0));
	MUST(nng_msg_append(m, "again", 5));
	SHOW(nng_close(b));
	SHOW(nng_sendmsg(b, m, 0));
	SHOW(nng_sendmsg(a, m, NNG_FLAG_NONBLOCK));
	printf("%.5s %zu\n", (char *) nng_msg_body(m), nng_msg_len(m));
	nng_msg_free(m);
	SHOW(nng_close(a));
	SHOW(nng_close(a));
}

static void
nothing(void)
{
	nng_socket   s = NNG_SOCKET_INITIALIZER;
	nng_socket   none = { 0x7ffffff0 };
	nng_ctx      c = NNG_CTX_INITIALIZER;
	nng_dialer   d = NNG_DIALER_INITIALIZER;
	nng_listener l = NNG_LISTENER_INITIALIZER;
	nng_pipe     p = NNG_PIPE_INITIALIZER;
	nng_msg     *m;
	char         buf[1];
	size_t       z = 1;
	int          i;

	NUMBER(nng_socket_id(s));
	NUMBER(nng_ctx_id(c));
	NUMBER(nng_dialer_id(d));
	NUMBER(nng_listener_id(l));
	NUMBER(nng_pipe_id(p));
	SHOW(nng_close(s));
	SHOW(nng_close(none));
	SHOW(nng_send(s, "x", 1, 0));
	SHOW(nng_recv(s, buf, &z, 0));
	SHOW(nng_recvmsg(s, &m, 0));
	SHOW(nng_socket_get_int(s, NNG_OPT_PROTO, &i));
	SHOW(nng_socket_set_int(s, NNG_OPT_PROTO, 1));
	SHOW(nng_listen(s, "inproc://none", NULL, 0));
	SHOW(nng_dial(s, "inproc://none", NULL, 0));
	SHOW(nng_ctx_open(&c, s));
	SHOW(nng_ctx_close(c));
	SHOW(nng_ctx_get_int(c, NNG_OPT_RECVTIMEO, &i));
	SHOW(nng_dialer_close(d));
	SHOW(nng_dialer_start(d, 0));
	SHOW(nng_dialer_get_int(d, NNG_OPT_URL, &i));
	SHOW(nng_listener_close(l));
	SHOW(nng_listener_start(l, 0));
	SHOW(nng_listener_get_int(l, NNG_OPT_URL, &i));
	SHOW(nng_pipe_close(p));
	SHOW(nng_pipe_get_int(p, NNG_OPT_URL, &i));
	SHOW(nng_pipe_notify(s, NNG_PIPE_EV_ADD_PRE, NULL, NULL));
	NUMBER(nng_pipe_socket(p).id);
	NUMBER(nng_pipe_dialer(p).id);
	NUMBER(nng_pipe_listener(p).id);
	SHOW(nng_device(s, s));
	SHOW(nng_device(none, s));
}

static void
errors(void)
{
	for (int i = 0; i <= 32; i++) {
		TEXT(nng_strerror(i));
	}
	TEXT(nng_strerror(NNG_EINTERNAL));
	TEXT(nng_strerror(NNG_ESYSERR + 2));
	TEXT(nng_strerror(NNG_ETRANERR + 2));
	TEXT(nng_strerror(999));
}

int
main(void)
{
	struct {
		const char *name;
		open_fn     open;
	} all[] = {
		{ "bus", nng_bus0_open },
		{ "bus raw", nng_bus0_open_raw },
		{ "pair0", nng_pair0_open },
		{ "pair0 raw", nng_pair0_open_raw },
		{ "pair1", nng_pair1_open },
		{ "pair1 raw", nng_pair1_open_raw },
		{ "pair1 poly", nng_pair1_open_poly },
		{ "push", nng_push0_open },
		{ "push raw", nng_push0_open_raw },
		{ "pull", nng_pull0_open },
		{ "pull raw", nng_pull0_open_raw },
		{ "pub", nng_pub0_open },
		{ "pub raw", nng_pub0_open_raw },
		{ "sub", nng_sub0_open },
		{ "sub raw", nng_sub0_open_raw },
		{ "req", nng_req0_open },
		{ "req raw", nng_req0_open_raw },
		{ "rep", nng_rep0_open },
		{ "rep raw", nng_rep0_open_raw },
		{ "surveyor", nng_surveyor0_open },
		{ "surveyor raw", nng_surveyor0_open_raw },
		{ "respondent", nng_respondent0_open },
		{ "respondent raw", nng_respondent0_open_raw },
	};
	nng_socket s;
	nng_ctx    c;
	int        fd;
	char       buf[8];
	size_t     len;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		printf("== %s\n", all[i].name);
		SHOW(all[i].open(&s));
		NUMBER(nng_socket_id(s) > 0);
		SHOW(nng_socket_get_int(s, NNG_OPT_RECVFD, &fd));
		SHOW(nng_socket_get_int(s, NNG_OPT_SENDFD, &fd));
		len = sizeof(buf);
		SHOW(nng_recv(s, buf, &len, NNG_FLAG_NONBLOCK));
		// NNG's respondent confuses "nothing to answer" with "try again".
		if (all[i].open != nng_respondent0_open) {
			SHOW(nng_send(s, "x", 1, NNG_FLAG_NONBLOCK));
		}
		SHOW(nng_ctx_open(&c, s));
		options(s);
		SHOW(nng_close(s));
	}
	printf("== deprecated\n");
	MUST(nng_req0_open(&s));
	deprecated(s);
	MUST(nng_close(s));
	printf("== transfer\n");
	transfer();
	printf("== nothing\n");
	nothing();
	printf("== errors\n");
	errors();
	nng_fini();
	return (0);
}
