// Dialers, listeners, pipes and their events.
#include "show.h"

typedef struct {
	flag     told;
	char     log[4096];
	nng_pipe last;
	int      refuse;
} watch;

static void
event(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	watch *w = arg;
	nng_mtx_lock(w->told.mtx);
	strcat(w->log, ev == NNG_PIPE_EV_ADD_PRE ? "pre " : ev == NNG_PIPE_EV_ADD_POST ? "post " : "removed ");
	w->last = p;
	nng_mtx_unlock(w->told.mtx);
	if (ev == NNG_PIPE_EV_ADD_PRE && w->refuse) {
		w->refuse = 0;
		nng_pipe_close(p);
	}
	flag_set(&w->told);
}

static void
watch_init(watch *w, nng_socket s)
{
	memset(w, 0, sizeof(*w));
	flag_init(&w->told);
	SHOW(nng_pipe_notify(s, NNG_PIPE_EV_ADD_PRE, event, w));
	SHOW(nng_pipe_notify(s, NNG_PIPE_EV_ADD_POST, event, w));
	SHOW(nng_pipe_notify(s, NNG_PIPE_EV_REM_POST, event, w));
}

static int
count(const char *log, const char *word)
{
	int n = 0;
	while ((log = strstr(log, word)) != NULL) {
		n++;
		log++;
	}
	return (n);
}

// There is a second pipe, and all others have gone. Their events may come in any order.
static int
is_back(watch *w)
{
	int back;
	nng_mtx_lock(w->told.mtx);
	back = count(w->log, "post") == 2 && count(w->log, "removed") == count(w->log, "pre") - 1;
	nng_mtx_unlock(w->told.mtx);
	return (back);
}

static void
show_addr(const char *what, nng_sockaddr *sa)
{
	switch (sa->s_family) {
	case NNG_AF_INPROC:
		printf("%s: inproc %s\n", what, sa->s_inproc.sa_name);
		break;
	case NNG_AF_IPC:
		printf("%s: ipc %s\n", what, sa->s_ipc.sa_path);
		break;
	case NNG_AF_INET:
		printf("%s: inet %x\n", what, sa->s_in.sa_addr);
		break;
	default:
		printf("%s: family %d\n", what, sa->s_family);
		break;
	}
}

static void
connection(const char *url)
{
	int          told;
	nng_socket   a, b;
	nng_dialer   d;
	nng_listener l;
	nng_msg     *m;
	nng_pipe     p;
	watch        wa, wb;
	char        *str;
	char         real[128];
	int          port = 0;
	bool         on;
	uint64_t     u;
	nng_sockaddr sa;

	printf("== %s\n", url);
	MUST(nng_pair1_open(&a));
	MUST(nng_pair1_open(&b));
	watch_init(&wa, a);
	watch_init(&wb, b);
	SHOW(nng_listener_create(&l, a, url));
	NUMBER(nng_listener_id(l) > 0);
	SHOW(nng_listener_start(l, 0));
	SHOW(nng_listener_start(l, 0));
	snprintf(real, sizeof(real), "%s", url);
	if (nng_listener_get_int(l, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
		snprintf(real, sizeof(real), "tcp://127.0.0.1:%d", port);
	}
	NUMBER(port > 0);
	SHOW(nng_dialer_create(&d, b, real));
	NUMBER(nng_dialer_id(d) > 0);
	SHOW(nng_dialer_set_ms(d, NNG_OPT_RECONNMINT, 10));
	SHOW(nng_dialer_set_ms(d, NNG_OPT_RECONNMAXT, 20));
	SHOW(nng_dialer_set_string(d, NNG_OPT_URL, "tcp://x:1"));
	SHOW(nng_dialer_start(d, 0));
	SHOW(nng_dialer_start(d, 0));
	flag_wait(&wa.told, 2);
	flag_wait(&wb.told, 2);
	TEXT(wa.log);
	TEXT(wb.log);

	MUST(nng_send(b, "x", 2, 0));
	MUST(nng_recvmsg(a, &m, 0));
	p = nng_msg_get_pipe(m);
	NUMBER(nng_pipe_id(p) == nng_pipe_id(wa.last));
	NUMBER(nng_pipe_socket(p).id == a.id);
	NUMBER(nng_pipe_listener(p).id == l.id);
	NUMBER(nng_pipe_dialer(p).id > 0);
	NUMBER(nng_pipe_dialer(wb.last).id == d.id);
	nng_msg_free(m);
	SHOW(nng_pipe_get_string(wb.last, NNG_OPT_URL, &str));
	NUMBER(strcmp(str, real) == 0);
	nng_strfree(str);
	if (nng_pipe_get_addr(p, NNG_OPT_REMADDR, &sa) == 0 && strncmp(url, "tcp", 3) == 0) {
		show_addr("remote", &sa);
	}
	SHOW(nng_pipe_get_addr(p, NNG_OPT_LOCADDR, &sa));
	show_addr("local", &sa);
	SHOW(nng_pipe_get_int(p, NNG_OPT_LOCADDR, &port));
	SHOW(nng_pipe_get_string(p, "no-such-option", &str));
	SHOW(nng_pipe_get_bool(p, NNG_OPT_RAW, &on));
	if (strncmp(url, "ipc", 3) == 0) {
		SHOW(nng_pipe_get_uint64(p, NNG_OPT_IPC_PEER_PID, &u));
		NUMBER(u > 0);
	}
	if (strncmp(url, "tcp", 3) == 0) {
		SHOW(nng_pipe_get_bool(p, NNG_OPT_TCP_NODELAY, &on));
		NUMBER(on);
		SHOW(nng_pipe_get_bool(p, NNG_OPT_TCP_KEEPALIVE, &on));
		NUMBER(on);
	}
	SHOW(nng_dialer_get_string(d, NNG_OPT_URL, &str));
	NUMBER(strcmp(str, real) == 0);
	nng_strfree(str);
	SHOW(nng_dialer_get_bool(d, NNG_OPT_RAW, &on));
	SHOW(nng_dialer_get_bool(d, "no-such-option", &on));
	SHOW(nng_dialer_set_bool(d, "no-such-option", true));
	SHOW(nng_listener_set_bool(l, "no-such-option", true));

	// It comes back, and the second attempt is refused once; one that comes before the first pipe has gone is refused as well.
	wa.refuse = 1;
	SHOW(nng_pipe_close(p));
	for (told = 7; !is_back(&wa); told++) {
		flag_wait(&wa.told, told);
	}
	NUMBER(count(wa.log, "pre") >= 3);
	SHOW(nng_pipe_notify(a, NNG_PIPE_EV_REM_POST, NULL, NULL));
	SHOW(nng_dialer_close(d));
	SHOW(nng_dialer_close(d));
	SHOW(nng_listener_close(l));
	SHOW(nng_listener_close(l));
	SHOW(nng_close(b));
	// What the close removed has been told.
	NUMBER(strstr(wb.log, "removed") != NULL);
	SHOW(nng_close(a));
	flag_fini(&wa.told);
	flag_fini(&wb.told);
}

static void
addresses(void)
{
	nng_socket   s, t;
	nng_dialer   d;
	nng_listener l;

	MUST(nng_pair0_open(&s));
	MUST(nng_pair0_open(&t));
	SHOW(nng_dial(s, "inproc://nobody", NULL, 0));
	SHOW(nng_dial(s, "tcp://127.0.0.1:1", NULL, 0));
	SHOW(nng_dial(s, "ipc://spanwire-no-such-file", NULL, 0));
	SHOW(nng_dial(s, "bogus://nobody", NULL, 0));
	SHOW(nng_listen(s, "bogus://nobody", NULL, 0));
	SHOW(nng_dial(s, "inproc://nobody", &d, NNG_FLAG_NONBLOCK));
	SHOW(nng_dialer_close(d));
	SHOW(nng_listen(s, "inproc://twice", &l, 0));
	SHOW(nng_listen(t, "inproc://twice", NULL, 0));
	SHOW(nng_dial(t, "inproc://twice", NULL, 0));
	SHOW(nng_listener_close(l));
	SHOW(nng_listen(t, "inproc://twice", NULL, 0));
	MUST(nng_close(s));
	SHOW(nng_dialer_create(&d, s, "inproc://x"));
	SHOW(nng_listener_create(&l, s, "inproc://x"));
	MUST(nng_close(t));
	SHOW(nng_listener_close(l));
}

int
main(void)
{
	connection("inproc://pipe");
	connection("ipc://spanwire-pipe-test");
	connection("tcp://127.0.0.1:0");
	printf("== addresses\n");
	addresses();
	nng_fini();
	return (0);
}
