// A child that has inherited sockets: each call answers that they are closed, none hangs, and the parent does not notice.
#include "show.h"
#include <nng/supplemental/util/platform.h>
#include <sys/wait.h>
#include <unistd.h>

static nng_socket   req, rep, idle;
static nng_ctx      ctx;
static nng_aio     *pending, *sleeping;
static nng_dialer   dialer;
static nng_listener listener;
static nng_pipe     pipe_;
static nng_stream_listener *stream;

static void
child(void)
{
	nng_socket s;
	nng_msg   *m;
	nng_stat  *stats;
	nng_aio   *aio;
	nng_pipe   p = pipe_;
	char       buf[8];
	size_t     len = sizeof(buf);
	int        v;

	alarm(20);
	SHOW(nng_send(req, "x", 1, 0));
	SHOW(nng_recv(req, buf, &len, 0));
	MUST(nng_msg_alloc(&m, 3));
	SHOW(nng_sendmsg(rep, m, 0));
	nng_msg_free(m);
	SHOW(nng_recvmsg(rep, &m, NNG_FLAG_NONBLOCK));
	SHOW(nng_socket_get_int(idle, NNG_OPT_RECVFD, &v));
	SHOW(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 1));
	SHOW(nng_ctx_recvmsg(ctx, &m, 0));
	SHOW(nng_ctx_close(ctx));
	SHOW(nng_ctx_open(&ctx, rep));
	SHOW(nng_dial(idle, "ipc://spanwire-fork", NULL, 0));
	SHOW(nng_dialer_close(dialer));
	SHOW(nng_listener_close(listener));
	SHOW(nng_pipe_close(p));
	SHOW(nng_aio_result(pending));
	NUMBER(nng_aio_busy(pending));
	nng_aio_cancel(pending);
	nng_aio_wait(pending);
	nng_aio_wait(sleeping);
	nng_recv_aio(idle, sleeping);
	nng_aio_stop(sleeping);
	nng_aio_free(sleeping);
	nng_aio_free(pending);
	nng_stream_listener_free(stream);
	SHOW(nng_stats_get(&stats));
	NUMBER(nng_stat_child(stats) == NULL);
	nng_stats_free(stats);
	SHOW(nng_close(idle));
	SHOW(nng_close(req));
	SHOW(nng_close(rep));
	nng_closeall();
	// Nor is there anything new: its threads are the parent's.
	SHOW(nng_pair0_open(&s));
	SHOW(nng_aio_alloc(&aio, NULL, NULL));
	SHOW(nng_stream_dialer_alloc((nng_stream_dialer **) &aio, "tcp://127.0.0.1:1"));
	nng_fini();
	exit(0);
}

static void
callback(void *arg)
{
	flag_set(arg);
}

static void
ask(const char *what)
{
	nng_msg *m;

	MUST(nng_msg_alloc(&m, 0));
	MUST(nng_msg_append(m, what, strlen(what) + 1));
	MUST(nng_sendmsg(req, m, 0));
	MUST(nng_ctx_recvmsg(ctx, &m, 0));
	TEXT((char *) nng_msg_body(m));
	MUST(nng_ctx_sendmsg(ctx, m, 0));
	MUST(nng_recvmsg(req, &m, 0));
	pipe_ = nng_msg_get_pipe(m);
	nng_msg_free(m);
}

int
main(void)
{
	flag ended;
	int  status;

	flag_init(&ended);
	MUST(nng_req0_open(&req));
	MUST(nng_rep0_open(&rep));
	MUST(nng_pair0_open(&idle));
	MUST(nng_ctx_open(&ctx, rep));
	MUST(nng_listen(rep, "ipc://spanwire-fork", &listener, 0));
	MUST(nng_dial(req, "ipc://spanwire-fork", &dialer, 0));
	MUST(nng_listen(idle, "tcp://127.0.0.1:0", NULL, 0));
	MUST(nng_stream_listener_alloc(&stream, "tcp://127.0.0.1:0"));
	MUST(nng_aio_alloc(&pending, callback, &ended));
	MUST(nng_aio_alloc(&sleeping, NULL, NULL));
	nng_recv_aio(idle, pending);
	nng_sleep_aio(3600 * 1000, sleeping);
	ask("before");
	for (int i = 0; i < 5; i++) {
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			if (i > 0) {
				// Said once.
				if (freopen("/dev/null", "w", stdout) == NULL) {
					exit(1);
				}
			}
			child();
		}
		MUST(pid < 0 ? NNG_ENOMEM : 0);
		if (i > 0) {
			ask("meanwhile");
		}
		waitpid(pid, &status, 0);
		NUMBER(status);
		ask("after");
	}
	NUMBER(nng_aio_busy(pending));
	NUMBER(nng_aio_busy(sleeping));
	MUST(nng_close(idle));
	flag_wait(&ended, 1);
	SHOW(nng_aio_result(pending));
	nng_aio_free(pending);
	nng_aio_free(sleeping);
	nng_stream_listener_free(stream);
	MUST(nng_close(req));
	MUST(nng_close(rep));
	flag_fini(&ended);
	nng_fini();
	return (0);
}
