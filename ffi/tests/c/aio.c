// Asynchronous operations: results, timeouts, cancels from everywhere, providers.
#include "show.h"

typedef struct {
	nng_aio *aio;
	flag     done;
	int      calls;
	int      mode;
} work;

static void
called(void *arg)
{
	work *w = arg;
	w->calls++;
	flag_set(&w->done);
}

static void
work_init(work *w, void (*cb)(void *))
{
	memset(w, 0, sizeof(*w));
	flag_init(&w->done);
	MUST(nng_aio_alloc(&w->aio, cb, w));
}

static void
work_fini(work *w)
{
	nng_aio_free(w->aio);
	flag_fini(&w->done);
}

// Runs something a little later, on a thread of its own.
typedef struct {
	void (*fn)(void *);
	void *arg;
} later;

static void
later_run(void *arg)
{
	later *l = arg;
	nng_msleep(50);
	l->fn(l->arg);
}

static void
cancel(void *arg)
{
	nng_aio_cancel(arg);
}

static void
abort_it(void *arg)
{
	nng_aio_abort(arg, NNG_ECONNABORTED);
}

static void
stop(void *arg)
{
	nng_aio_stop(arg);
}

static nng_socket closing;

static void
close_it(void *arg)
{
	(void) arg;
	nng_close(closing);
}

static void
with(void (*fn)(void *), void *arg, work *w, int count)
{
	nng_thread *t;
	later       l = { fn, arg };
	MUST(nng_thread_create(&t, later_run, &l));
	flag_wait(&w->done, count);
	nng_thread_destroy(t);
}

static void
results(void)
{
	nng_socket a, b;
	work       w;
	nng_msg   *m;

	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_listen(a, "inproc://results", NULL, 0));
	MUST(nng_dial(b, "inproc://results", NULL, 0));
	work_init(&w, called);

	// A receive, then the message.
	nng_recv_aio(a, w.aio);
	MUST(nng_send(b, "hello", 5, 0));
	flag_wait(&w.done, 1);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_count(w.aio));
	m = nng_aio_get_msg(w.aio);
	printf("%.5s\n", (char *) nng_msg_body(m));

	// The same message back.
	nng_aio_set_msg(w.aio, m);
	nng_send_aio(a, w.aio);
	flag_wait(&w.done, 2);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_count(w.aio));
	NUMBER(nng_aio_get_msg(w.aio) == NULL);
	MUST(nng_recvmsg(b, &m, 0));
	printf("%.5s\n", (char *) nng_msg_body(m));

	// Nothing to send.
	nng_aio_set_msg(w.aio, NULL);
	nng_send_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));

	// It can't be sent, and stays ours.
	MUST(nng_close(b));
	nng_aio_set_timeout(w.aio, 20);
	nng_aio_set_msg(w.aio, m);
	nng_send_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_get_msg(w.aio) == m);
	printf("%.5s\n", (char *) nng_msg_body(m));
	nng_aio_set_timeout(w.aio, NNG_DURATION_ZERO);
	nng_send_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_get_msg(w.aio) == m);

	// Timeouts.
	nng_recv_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	nng_aio_set_timeout(w.aio, 20);
	nng_recv_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	MUST(nng_socket_set_ms(a, NNG_OPT_RECVTIMEO, 20));
	nng_aio_set_timeout(w.aio, NNG_DURATION_DEFAULT);
	nng_recv_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));

	// A socket that is none.
	MUST(nng_close(a));
	nng_recv_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	nng_aio_set_msg(w.aio, m);
	nng_send_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	nng_msg_free(m);
	NUMBER(w.calls);
	work_fini(&w);
}

static void
cancels(void)
{
	nng_socket a;
	work       w;
	nng_msg   *m;

	MUST(nng_pair0_open(&a));
	work_init(&w, called);
	nng_aio_set_timeout(w.aio, 10000);

	nng_recv_aio(a, w.aio);
	with(cancel, w.aio, &w, 1);
	SHOW(nng_aio_result(w.aio));
	nng_recv_aio(a, w.aio);
	with(abort_it, w.aio, &w, 2);
	SHOW(nng_aio_result(w.aio));
	MUST(nng_msg_alloc(&m, 4));
	nng_aio_set_msg(w.aio, m);
	nng_send_aio(a, w.aio);
	with(cancel, w.aio, &w, 3);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_get_msg(w.aio) == m);
	nng_msg_free(m);
	nng_sleep_aio(10000, w.aio);
	with(cancel, w.aio, &w, 4);
	SHOW(nng_aio_result(w.aio));
	closing = a;
	nng_recv_aio(a, w.aio);
	with(close_it, NULL, &w, 5);
	SHOW(nng_aio_result(w.aio));
	// With nothing under way.
	nng_aio_cancel(w.aio);
	nng_aio_abort(w.aio, NNG_ECLOSED);
	SHOW(nng_aio_result(w.aio));
	nng_aio_wait(w.aio);

	// Stopped: nothing begins any more, and nothing is called.
	MUST(nng_pair0_open(&a));
	nng_recv_aio(a, w.aio);
	with(stop, w.aio, &w, 6);
	SHOW(nng_aio_result(w.aio));
	nng_recv_aio(a, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	nng_sleep_aio(1, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(w.calls);
	MUST(nng_close(a));
	work_fini(&w);
}

static void
sleeps(void)
{
	work     w;
	nng_time before;

	work_init(&w, called);
	before = nng_clock();
	nng_sleep_aio(30, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_clock() - before >= 30);
	nng_aio_set_timeout(w.aio, 10);
	nng_sleep_aio(10000, w.aio);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(w.calls);
	work_fini(&w);

	// Without a callback.
	nng_aio *aio;
	MUST(nng_aio_alloc(&aio, NULL, NULL));
	nng_sleep_aio(1, aio);
	nng_aio_wait(aio);
	SHOW(nng_aio_result(aio));
	nng_aio_free(aio);
	nng_aio_free(NULL);
	nng_aio_stop(NULL);
	nng_aio_reap(NULL);
}

// Callbacks that use their own aio.
static nng_socket pinging;

static void
again(void *arg)
{
	work *w = arg;
	w->calls++;
	if (nng_aio_result(w->aio) == 0) {
		nng_msg_free(nng_aio_get_msg(w->aio));
		nng_recv_aio(pinging, w->aio);
	}
	flag_set(&w->done);
}

static void
cancels_itself(void *arg)
{
	work *w = arg;
	w->calls++;
	if (w->calls == 1) {
		nng_recv_aio(pinging, w->aio);
		nng_aio_cancel(w->aio);
		return;
	}
	flag_set(&w->done);
}

static void
inside(void)
{
	work       w;
	nng_socket peer;

	MUST(nng_pair0_open(&pinging));
	MUST(nng_pair0_open(&peer));
	MUST(nng_listen(pinging, "inproc://inside", NULL, 0));
	MUST(nng_dial(peer, "inproc://inside", NULL, 0));
	work_init(&w, again);
	nng_recv_aio(pinging, w.aio);
	for (int i = 0; i < 1000; i++) {
		MUST(nng_send(peer, "x", 1, 0));
	}
	flag_wait(&w.done, 1000);
	nng_aio_stop(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(w.calls);
	work_fini(&w);

	work_init(&w, cancels_itself);
	nng_sleep_aio(1, w.aio);
	flag_wait(&w.done, 1);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(w.calls);
	work_fini(&w);
	MUST(nng_close(peer));
	MUST(nng_close(pinging));
}

// Providers.
static flag told;
static int  told_error;

static void
provider_cancel(nng_aio *aio, void *arg, int error)
{
	(void) arg;
	told_error = error;
	nng_aio_finish(aio, error);
	flag_set(&told);
}

static void
providers(void)
{
	work w;
	int  in, out;

	flag_init(&told);
	work_init(&w, called);
	SHOW(nng_aio_set_input(w.aio, 0, &in));
	SHOW(nng_aio_set_input(w.aio, 3, &in));
	SHOW(nng_aio_set_input(w.aio, 4, &in));
	NUMBER(nng_aio_get_input(w.aio, 0) == &in);
	NUMBER(nng_aio_get_input(w.aio, 1) == NULL);
	NUMBER(nng_aio_get_input(w.aio, 4) == NULL);
	SHOW(nng_aio_set_output(w.aio, 0, &out));
	SHOW(nng_aio_set_output(w.aio, 4, &out));
	NUMBER(nng_aio_get_output(w.aio, 0) == &out);
	NUMBER(nng_aio_get_output(w.aio, 4) == NULL);
	nng_iov iov[9] = { 0 };
	SHOW(nng_aio_set_iov(w.aio, 8, iov));
	SHOW(nng_aio_set_iov(w.aio, 9, iov));
	SHOW(nng_aio_set_iov(w.aio, 0, NULL));

	// Done at once.
	NUMBER(nng_aio_begin(w.aio));
	NUMBER(nng_aio_get_output(w.aio, 0) == NULL);
	nng_aio_set_output(w.aio, 1, &out);
	nng_aio_finish(w.aio, 0);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_get_output(w.aio, 1) == &out);
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_finish(w.aio, NNG_EEXIST);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));

	// Done later.
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_defer(w.aio, provider_cancel, NULL);
	nng_aio_finish(w.aio, 0);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));

	// Canceled, aborted, expired.
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_defer(w.aio, provider_cancel, NULL);
	nng_aio_cancel(w.aio);
	flag_wait(&told, 1);
	nng_aio_wait(w.aio);
	SHOW(told_error);
	SHOW(nng_aio_result(w.aio));
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_defer(w.aio, provider_cancel, NULL);
	nng_aio_abort(w.aio, NNG_ENOSPC);
	flag_wait(&told, 2);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));
	nng_aio_set_timeout(w.aio, 10);
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_defer(w.aio, provider_cancel, NULL);
	flag_wait(&told, 3);
	nng_aio_wait(w.aio);
	SHOW(told_error);
	SHOW(nng_aio_result(w.aio));

	// No way to cancel it.
	nng_aio_set_timeout(w.aio, NNG_DURATION_INFINITE);
	NUMBER(nng_aio_begin(w.aio));
	nng_aio_defer(w.aio, NULL, NULL);
	nng_aio_cancel(w.aio);
	nng_aio_finish(w.aio, NNG_EBUSY);
	nng_aio_wait(w.aio);
	SHOW(nng_aio_result(w.aio));

	// Stopped.
	nng_aio_stop(w.aio);
	NUMBER(nng_aio_begin(w.aio));
	SHOW(nng_aio_result(w.aio));
	NUMBER(w.calls);
	work_fini(&w);
	flag_fini(&told);
}

int
main(void)
{
	printf("== results\n");
	results();
	printf("== cancels\n");
	cancels();
	printf("== sleeps\n");
	sleeps();
	printf("== inside\n");
	inside();
	printf("== providers\n");
	providers();
	nng_fini();
	return (0);
}
