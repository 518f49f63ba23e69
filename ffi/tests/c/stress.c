// Many operations that are ended in all ways at once: by messages, timeouts, cancels, stops and closes.
#include "show.h"

#define WORKERS 8
#define ROUNDS 200

typedef struct {
	nng_aio   *aio;
	nng_socket socket;
	unsigned   seed;
	int        ended;
} worker;

static void
finished(void *arg)
{
	worker *w = arg;
	w->ended++;
	if (nng_aio_result(w->aio) == 0 && nng_aio_get_msg(w->aio) != NULL) {
		nng_msg_free(nng_aio_get_msg(w->aio));
		nng_aio_set_msg(w->aio, NULL);
	}
}

static void
work(void *arg)
{
	worker *w = arg;
	for (int i = 0; i < ROUNDS; i++) {
		nng_msg *m;
		int      how = rand_r(&w->seed) % 6;
		nng_aio_set_timeout(w->aio, how == 0 ? 1 : how == 1 ? NNG_DURATION_ZERO : 5000);
		if (how == 2) {
			if (nng_msg_alloc(&m, 100) == 0 && nng_sendmsg(w->socket, m, NNG_FLAG_NONBLOCK) != 0) {
				nng_msg_free(m);
			}
		}
		nng_recv_aio(w->socket, w->aio);
		if (how == 3) {
			nng_aio_cancel(w->aio);
		} else if (how == 4) {
			nng_aio_abort(w->aio, NNG_EBUSY);
		} else if (how > 1) {
			MUST(nng_msg_alloc(&m, 10));
			if (nng_sendmsg(w->socket, m, NNG_FLAG_NONBLOCK) != 0) {
				nng_msg_free(m);
				nng_aio_cancel(w->aio);
			}
		}
		if (how == 2 || how == 5) {
			nng_aio_cancel(w->aio);
		}
		nng_aio_wait(w->aio);
	}
}

int
main(void)
{
	nng_socket  s[2];
	worker      w[WORKERS];
	nng_thread *t[WORKERS];
	nng_aio    *extra[WORKERS];
	char        url[64];

	for (int round = 0; round < 2; round++) {
		snprintf(url, sizeof(url), round == 0 ? "inproc://stress" : "ipc://spanwire-stress-test");
		MUST(nng_bus0_open(&s[0]));
		MUST(nng_bus0_open(&s[1]));
		MUST(nng_listen(s[0], url, NULL, 0));
		MUST(nng_dial(s[1], url, NULL, 0));
		for (int i = 0; i < WORKERS; i++) {
			w[i] = (worker) { .socket = s[i % 2], .seed = (unsigned) i };
			MUST(nng_aio_alloc(&w[i].aio, finished, &w[i]));
			MUST(nng_aio_alloc(&extra[i], NULL, NULL));
			nng_sleep_aio(60000, extra[i]);
			MUST(nng_thread_create(&t[i], work, &w[i]));
		}
		for (int i = 0; i < WORKERS; i++) {
			nng_thread_destroy(t[i]);
			nng_aio_free(w[i].aio);
			NUMBER(w[i].ended);
		}
		// Ended by the sockets' close, and by being freed.
		for (int i = 0; i < WORKERS; i++) {
			if (i % 2 == 0) {
				nng_aio_reap(extra[i]);
			} else {
				nng_aio_free(extra[i]);
			}
			MUST(nng_aio_alloc(&extra[i], NULL, NULL));
			nng_recv_aio(s[i % 2], extra[i]);
		}
		MUST(nng_close(s[0]));
		MUST(nng_close(s[1]));
		for (int i = 0; i < WORKERS; i++) {
			nng_aio_wait(extra[i]);
			int rv = nng_aio_result(extra[i]);
			if (rv == 0) {
				nng_msg_free(nng_aio_get_msg(extra[i]));
			} else if (rv != NNG_ECLOSED) {
				SHOW(rv);
			}
			nng_aio_free(extra[i]);
		}
	}
	nng_fini();
	return (0);
}
