// Receives, sends and sleeps on aios that another thread cancels and aborts all the time: each operation ends once, and none is left.
// SPANWIRE_AIO_OPERATIONS says how many there are for each transport. The figures go to standard error.
#include "show.h"
#include <stdatomic.h>

#define WORKERS 4
#define AIOS 16

typedef struct {
	nng_aio   *aio;
	nng_socket s;
	atomic_int running;
	long       callbacks, ok, canceled, aborted, timed_out, other;
} op;

static op          ops[WORKERS][AIOS];
static atomic_long started;
static atomic_int  stop;
static long        total;

// Called for one operation after the other.
static void
finished(void *arg)
{
	op      *o  = arg;
	int      rv = nng_aio_result(o->aio);
	nng_msg *m  = nng_aio_get_msg(o->aio);

	// Received, or not sent.
	if (m != NULL) {
		nng_msg_free(m);
		nng_aio_set_msg(o->aio, NULL);
	}
	switch (rv) {
	case 0:
		o->ok++;
		break;
	case NNG_ECANCELED:
		o->canceled++;
		break;
	case NNG_EBUSY:
		o->aborted++;
		break;
	case NNG_ETIMEDOUT:
		o->timed_out++;
		break;
	default:
		o->other++;
	}
	o->callbacks++;
	atomic_store(&o->running, 0);
}

static void
cancel(void *arg)
{
	unsigned seed = 7;
	long     n    = 0;

	while (!stop) {
		op *o = &ops[rand_r(&seed) % WORKERS][rand_r(&seed) % AIOS];
		if (n++ % 2) {
			nng_aio_cancel(o->aio);
		} else {
			nng_aio_abort(o->aio, NNG_EBUSY);
		}
	}
	*(long *) arg = n;
}

static void
work(void *arg)
{
	op      *mine = arg;
	unsigned seed = (unsigned) (mine - &ops[0][0]) + 1;
	nng_msg *m;

	for (int i = 0;; i = (i + 1) % AIOS) {
		op *o = &mine[i];
		if (atomic_load(&o->running) && i != 0) {
			continue;
		}
		nng_aio_wait(o->aio);
		if (atomic_fetch_add(&started, 1) >= total) {
			atomic_fetch_sub(&started, 1);
			return;
		}
		atomic_store(&o->running, 1);
		int how = rand_r(&seed) % 8;
		nng_aio_set_timeout(o->aio, how == 0 ? 1 : 50);
		if (how < 4) {
			nng_recv_aio(o->s, o->aio);
		} else if (how < 7) {
			MUST(nng_msg_alloc(&m, 64));
			nng_aio_set_msg(o->aio, m);
			nng_send_aio(o->s, o->aio);
		} else {
			nng_sleep_aio(5, o->aio);
		}
	}
}

static void
resident(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char  line[200];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "VmHWM", 5) == 0 || strncmp(line, "Threads", 7) == 0) {
			fputs(line, stderr);
		}
	}
	if (f != NULL) {
		fclose(f);
	}
}

static void
run(const char *url)
{
	nng_socket  s[2];
	nng_thread *threads[WORKERS], *canceler;
	long        cancels = 0, callbacks = 0, ok = 0, canceled = 0, aborted = 0, timed_out = 0, other = 0;
	int         busy = 0, running = 0;
	nng_time    begin = nng_clock();

	memset(ops, 0, sizeof(ops));
	started = stop = 0;
	MUST(nng_pair0_open(&s[0]));
	MUST(nng_pair0_open(&s[1]));
	MUST(nng_listen(s[0], url, NULL, 0));
	MUST(nng_dial(s[1], url, NULL, 0));
	for (int i = 0; i < WORKERS; i++) {
		for (int j = 0; j < AIOS; j++) {
			ops[i][j].s = s[(i + j) % 2];
			MUST(nng_aio_alloc(&ops[i][j].aio, finished, &ops[i][j]));
		}
	}
	MUST(nng_thread_create(&canceler, cancel, &cancels));
	for (int i = 0; i < WORKERS; i++) {
		MUST(nng_thread_create(&threads[i], work, ops[i]));
	}
	for (int i = 0; i < WORKERS; i++) {
		nng_thread_destroy(threads[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		for (int j = 0; j < AIOS; j++) {
			nng_aio_wait(ops[i][j].aio);
		}
	}
	stop = 1;
	nng_thread_destroy(canceler);
	for (int i = 0; i < WORKERS; i++) {
		for (int j = 0; j < AIOS; j++) {
			op *o = &ops[i][j];
			callbacks += o->callbacks;
			ok += o->ok;
			canceled += o->canceled;
			aborted += o->aborted;
			timed_out += o->timed_out;
			other += o->other;
			busy += nng_aio_busy(o->aio);
			running += o->running;
			nng_aio_free(o->aio);
		}
	}
	MUST(nng_close(s[0]));
	MUST(nng_close(s[1]));
	fprintf(stderr,
	    "%s: started %ld, callbacks %ld: %ld done, %ld canceled, %ld aborted, %ld timed out, %ld other; "
	    "%ld calls to cancel; %ld ms\n",
	    url, (long) started, callbacks, ok, canceled, aborted, timed_out, other, cancels, (long) (nng_clock() - begin));
	printf("%.3s\n", url);
	NUMBER(started == total);
	NUMBER(callbacks - started);
	NUMBER(other);
	NUMBER(busy);
	NUMBER(running);
	NUMBER(ok > 0 && canceled > 0 && aborted > 0);
}

int
main(void)
{
	const char *operations = getenv("SPANWIRE_AIO_OPERATIONS");
	char        tcp[64];
	nng_socket  probe;
	nng_listener l;
	int         port;

	total = operations == NULL ? 5000 : atol(operations);
	run("inproc://million");
	run("ipc://spanwire-million");
	// A port that is free.
	MUST(nng_pair0_open(&probe));
	MUST(nng_listen(probe, "tcp://127.0.0.1:0", &l, 0));
	MUST(nng_listener_get_int(l, NNG_OPT_TCP_BOUND_PORT, &port));
	MUST(nng_close(probe));
	snprintf(tcp, sizeof(tcp), "tcp://127.0.0.1:%d", port);
	run(tcp);
	resident();
	nng_fini();
	return (0);
}
