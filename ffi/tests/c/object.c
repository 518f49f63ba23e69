// Contexts, subscriptions, surveys, devices and statistics.
#include "show.h"

static void
contexts(void)
{
	nng_socket   req, rep;
	nng_ctx      c1, c2, r1;
	nng_aio     *a1, *a2, *ar;
	nng_msg     *m;
	nng_duration ms;
	int          i;

	MUST(nng_req0_open(&req));
	MUST(nng_rep0_open(&rep));
	SHOW(nng_ctx_open(&c1, req));
	SHOW(nng_ctx_open(&c2, req));
	SHOW(nng_ctx_open(&r1, rep));
	NUMBER(nng_ctx_id(c1) > 0 && nng_ctx_id(c1) != nng_ctx_id(c2));
	SHOW(nng_ctx_get_ms(c1, NNG_OPT_RECVTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_ctx_set_ms(c1, NNG_OPT_SENDTIMEO, 77));
	SHOW(nng_ctx_get_ms(c1, NNG_OPT_SENDTIMEO, &ms));
	NUMBER(ms);
	SHOW(nng_ctx_get_ms(c1, NNG_OPT_REQ_RESENDTIME, &ms));
	NUMBER(ms);
	SHOW(nng_ctx_get_int(c1, NNG_OPT_MAXTTL, &i));
	SHOW(nng_ctx_set_int(c1, NNG_OPT_SENDTIMEO, 77));
	SHOW(nng_ctx_set_ms(c1, NNG_OPT_SENDTIMEO, -1));
	MUST(nng_listen(rep, "inproc://contexts", NULL, 0));
	MUST(nng_dial(req, "inproc://contexts", NULL, 0));
	MUST(nng_aio_alloc(&a1, NULL, NULL));
	MUST(nng_aio_alloc(&a2, NULL, NULL));
	MUST(nng_aio_alloc(&ar, NULL, NULL));

	// A receive with no request.
	nng_ctx_recv(c1, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));

	for (int n = 0; n < 2; n++) {
		MUST(nng_msg_alloc(&m, 0));
		MUST(nng_msg_append_u32(m, n));
		nng_aio_set_msg(a1, m);
		nng_ctx_send(n == 0 ? c1 : c2, a1);
		nng_aio_wait(a1);
		SHOW(nng_aio_result(a1));
		nng_ctx_recv(r1, ar);
		nng_aio_wait(ar);
		SHOW(nng_aio_result(ar));
		m = nng_aio_get_msg(ar);
		nng_aio_set_msg(ar, m);
		nng_ctx_send(r1, ar);
		nng_aio_wait(ar);
		SHOW(nng_aio_result(ar));
		nng_ctx_recv(n == 0 ? c1 : c2, a2);
		nng_aio_wait(a2);
		SHOW(nng_aio_result(a2));
		uint32_t v = 99;
		SHOW(nng_msg_trim_u32(nng_aio_get_msg(a2), &v));
		NUMBER(v);
		nng_msg_free(nng_aio_get_msg(a2));
	}

	// A reply without a request.
	MUST(nng_msg_alloc(&m, 0));
	nng_aio_set_msg(ar, m);
	nng_ctx_send(r1, ar);
	nng_aio_wait(ar);
	SHOW(nng_aio_result(ar));
	nng_msg_free(nng_aio_get_msg(ar));

	// A second request ends the first.
	MUST(nng_msg_alloc(&m, 0));
	nng_aio_set_msg(a1, m);
	nng_ctx_send(c1, a1);
	nng_aio_wait(a1);
	nng_ctx_recv(c1, a2);
	MUST(nng_msg_alloc(&m, 0));
	nng_aio_set_msg(a1, m);
	nng_ctx_send(c1, a1);
	nng_aio_wait(a1);
	nng_aio_wait(a2);
	SHOW(nng_aio_result(a1));
	SHOW(nng_aio_result(a2));

	// Closing ends who waits.
	nng_ctx_recv(c1, a1);
	SHOW(nng_ctx_close(c1));
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	SHOW(nng_ctx_close(c1));
	nng_ctx_recv(c1, a1);
	nng_aio_wait(a1);
	SHOW(nng_aio_result(a1));
	MUST(nng_close(req));
	SHOW(nng_ctx_close(c2));
	MUST(nng_close(rep));
	nng_aio_free(a1);
	nng_aio_free(a2);
	nng_aio_free(ar);
}

static void
subscriptions(void)
{
	nng_socket pub, sub;
	char       buf[16];
	size_t     len;
	bool       on;

	MUST(nng_pub0_open(&pub));
	MUST(nng_sub0_open(&sub));
	SHOW(nng_socket_set(sub, NNG_OPT_SUB_SUBSCRIBE, "a", 1));
	SHOW(nng_socket_set(sub, NNG_OPT_SUB_SUBSCRIBE, "a", 1));
	// A text is subscribed to with its zero byte.
	SHOW(nng_socket_set_string(sub, NNG_OPT_SUB_SUBSCRIBE, "b"));
	SHOW(nng_socket_set(sub, NNG_OPT_SUB_UNSUBSCRIBE, "zz", 2));
	SHOW(nng_socket_get(sub, NNG_OPT_SUB_SUBSCRIBE, buf, &len));
	SHOW(nng_socket_get_bool(sub, NNG_OPT_SUB_PREFNEW, &on));
	NUMBER(on);
	SHOW(nng_socket_set_bool(sub, NNG_OPT_SUB_PREFNEW, false));
	SHOW(nng_socket_set(pub, NNG_OPT_SUB_SUBSCRIBE, "a", 1));
	MUST(nng_listen(sub, "inproc://topics", NULL, 0));
	MUST(nng_dial(pub, "inproc://topics", NULL, 0));
	MUST(nng_socket_set_ms(sub, NNG_OPT_RECVTIMEO, 2000));
	nng_msleep(50);
	MUST(nng_send(pub, "bx", 3, 0));
	MUST(nng_send(pub, "ax", 3, 0));
	MUST(nng_send(pub, "b", 2, 0));
	len = sizeof(buf);
	MUST(nng_recv(sub, buf, &len, 0));
	TEXT(buf);
	len = sizeof(buf);
	MUST(nng_recv(sub, buf, &len, 0));
	TEXT(buf);
	SHOW(nng_socket_set(sub, NNG_OPT_SUB_UNSUBSCRIBE, "a", 1));
	len = sizeof(buf);
	SHOW(nng_recv(sub, buf, &len, NNG_FLAG_NONBLOCK));
	SHOW(nng_send(sub, "x", 1, 0));
	SHOW(nng_recv(pub, buf, &len, 0));
	MUST(nng_close(pub));
	MUST(nng_close(sub));
}

static void
surveys(void)
{
	nng_socket   sur, res;
	char         buf[16];
	size_t       len = sizeof(buf);
	nng_duration ms;

	MUST(nng_surveyor0_open(&sur));
	MUST(nng_respondent0_open(&res));
	SHOW(nng_recv(sur, buf, &len, 0));
	SHOW(nng_socket_get_ms(sur, NNG_OPT_SURVEYOR_SURVEYTIME, &ms));
	NUMBER(ms);
	SHOW(nng_socket_set_ms(sur, NNG_OPT_SURVEYOR_SURVEYTIME, 300));
	MUST(nng_listen(sur, "inproc://survey", NULL, 0));
	MUST(nng_dial(res, "inproc://survey", NULL, 0));
	nng_msleep(50);
	SHOW(nng_send(sur, "who", 4, 0));
	len = sizeof(buf);
	SHOW(nng_recv(res, buf, &len, 0));
	TEXT(buf);
	SHOW(nng_send(res, "me", 3, 0));
	len = sizeof(buf);
	SHOW(nng_recv(sur, buf, &len, 0));
	TEXT(buf);
	len = sizeof(buf);
	SHOW(nng_recv(sur, buf, &len, 0));
	SHOW(nng_recv(sur, buf, &len, 0));
	MUST(nng_close(sur));
	MUST(nng_close(res));
}

// What is no pair of raw sockets that fit is no device.
static void
devices(void)
{
	nng_socket front, req, rep;

	MUST(nng_rep0_open_raw(&front));
	MUST(nng_req0_open(&req));
	MUST(nng_rep0_open(&rep));
	SHOW(nng_device(req, rep));
	SHOW(nng_device(front, front));
	SHOW(nng_device(front, rep));
	MUST(nng_close(front));
	MUST(nng_close(req));
	MUST(nng_close(rep));
}

static void
stats(void)
{
	nng_socket   a, b;
	nng_dialer   d;
	nng_listener l;
	nng_stat    *root, *s, *x;
	char         buf[16];
	size_t       len = sizeof(buf);

	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_listen(a, "inproc://stats", &l, 0));
	MUST(nng_dial(b, "inproc://stats", &d, 0));
	MUST(nng_send(b, "hello", 5, 0));
	MUST(nng_recv(a, buf, &len, 0));
	SHOW(nng_stats_get(&root));
	TEXT(nng_stat_name(root));
	NUMBER(nng_stat_type(root));
	NUMBER(nng_stat_next(root) == NULL);
	NUMBER(nng_stat_child(root) != NULL);
	s = nng_stat_find_socket(root, a);
	NUMBER(s != NULL);
	TEXT(nng_stat_name(s));
	const char *names[] = { "id", "name", "protocol", "dialers", "listeners", "pipes", "tx_msgs", "tx_bytes" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		x = nng_stat_find(s, names[i]);
		if (x == NULL) {
			printf("%s: missing\n", names[i]);
			continue;
		}
		printf("%s: type %d unit %d", names[i], nng_stat_type(x), nng_stat_unit(x));
		if (nng_stat_type(x) == NNG_STAT_STRING) {
			printf(" %s", strcmp(names[i], "name") == 0 ? "-" : nng_stat_string(x));
		} else if (nng_stat_type(x) != NNG_STAT_ID) {
			printf(" %llu", (unsigned long long) nng_stat_value(x));
		} else {
			printf(" %d", nng_stat_value(x) == (uint64_t) nng_socket_id(a));
		}
		printf(" %d\n", nng_stat_desc(x)[0] != 0);
	}
	NUMBER(nng_stat_find_dialer(root, d) != NULL);
	NUMBER(nng_stat_find_listener(root, l) != NULL);
	NUMBER(nng_stat_value(nng_stat_find(nng_stat_find_dialer(root, d), "connect")));
	NUMBER(nng_stat_value(nng_stat_find(nng_stat_find_listener(root, l), "accept")));
	NUMBER(nng_stat_find(root, "no such") == NULL);
	NUMBER(nng_stat_timestamp(s) > 0);
	nng_stats_free(root);
	MUST(nng_close(a));
	MUST(nng_close(b));
}

int
main(void)
{
	printf("== contexts\n");
	contexts();
	printf("== subscriptions\n");
	subscriptions();
	printf("== surveys\n");
	surveys();
	printf("== devices\n");
	devices();
	printf("== stats\n");
	stats();
	nng_fini();
	return (0);
}
