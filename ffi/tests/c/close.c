// Closing with a linger, which NNG does not have: whoever waits on the socket has its end at once, and only what was accepted is waited for.
#include "show.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIG (32 << 20)

// A peer that shakes hands and reads nothing more before it is told to.
typedef struct {
	int         fd;
	char        url[64];
	flag        read, there;
	size_t      bytes;
	nng_thread *thread;
} peer;

static void
peer_run(void *arg)
{
	peer *p = arg;
	int   fd = accept(p->fd, NULL, NULL);
	char  buf[65536];

	if (write(fd, "\0SP\0\0\x10\0\0", 8) != 8 || recv(fd, buf, 8, MSG_WAITALL) != 8) {
		puts("no handshake");
		exit(1);
	}
	flag_set(&p->there);
	flag_wait(&p->read, 1);
	for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;) {
		p->bytes += (size_t) n;
	}
	close(fd);
}

// A socket of this process that listens, and takes nothing by itself.
static int
listening(char *url)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t          len = sizeof(sin);
	int                fd  = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *) &sin, len) != 0 || listen(fd, 5) != 0 ||
	    getsockname(fd, (struct sockaddr *) &sin, &len) != 0) {
		perror("listen");
		exit(1);
	}
	snprintf(url, 64, "tcp://127.0.0.1:%d", ntohs(sin.sin_port));
	return (fd);
}

static void
removed(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	(void) p;
	(void) ev;
	flag_set(arg);
}

// A pair whose peer has not read the one message that it has sent.
static nng_socket
lingering(peer *p, flag *gone)
{
	nng_socket s;
	nng_msg   *m;

	memset(p, 0, sizeof(*p));
	flag_init(&p->read);
	flag_init(&p->there);
	flag_init(gone);
	p->fd = listening(p->url);
	MUST(nng_thread_create(&p->thread, peer_run, p));
	MUST(nng_pair0_open(&s));
	MUST(nng_socket_set_ms(s, "linger", NNG_DURATION_INFINITE));
	MUST(nng_pipe_notify(s, NNG_PIPE_EV_REM_POST, removed, gone));
	MUST(nng_dial(s, p->url, NULL, 0));
	flag_wait(&p->there, 1);
	MUST(nng_msg_alloc(&m, BIG));
	MUST(nng_sendmsg(s, m, 0));
	return (s);
}

static void
peer_fini(peer *p, flag *gone)
{
	nng_thread_destroy(p->thread);
	// Whole messages: a sender may have had more of them accepted.
	NUMBER(p->bytes > 0 && p->bytes % (BIG + 8) == 0);
	// Its callback has returned.
	NUMBER(gone->count);
	close(p->fd);
	flag_fini(&p->read);
	flag_fini(&p->there);
	flag_fini(gone);
}

typedef struct {
	nng_socket  s;
	char       *url;
	int         result;
	flag        done;
	nng_aio    *aio;
	nng_thread *thread;
} job;

static void
receive(void *arg)
{
	job     *j = arg;
	nng_msg *m;
	j->result = nng_recvmsg(j->s, &m, 0);
	flag_set(&j->done);
}

static void
transmit(void *arg)
{
	job     *j = arg;
	nng_msg *m;
	MUST(nng_msg_alloc(&m, BIG));
	// As many as there is room for.
	while ((j->result = nng_sendmsg(j->s, m, 0)) == 0) {
		MUST(nng_msg_alloc(&m, BIG));
	}
	nng_msg_free(m);
	flag_set(&j->done);
}

static void
dialing(void *arg)
{
	job *j = arg;
	j->result = nng_dial(j->s, j->url, NULL, 0);
	flag_set(&j->done);
}

static void
closing(void *arg)
{
	job *j = arg;
	j->result = nng_close(j->s);
	flag_set(&j->done);
}

static void
called(void *arg)
{
	job *j = arg;
	j->result = nng_aio_result(j->aio);
	flag_set(&j->done);
}

static void
job_init(job *j, nng_socket s, void (*run)(void *))
{
	memset(j, 0, sizeof(*j));
	j->s = s;
	flag_init(&j->done);
	if (run != NULL) {
		MUST(nng_thread_create(&j->thread, run, j));
	} else {
		MUST(nng_aio_alloc(&j->aio, called, j));
	}
}

static void
job_fini(job *j)
{
	if (j->thread != NULL) {
		nng_thread_destroy(j->thread);
	}
	nng_aio_free(j->aio);
	flag_fini(&j->done);
}

static void
everybody(void)
{
	peer       p;
	flag       gone;
	nng_socket s = lingering(&p, &gone);
	job        receiver, sender, dialer, aio, closer;
	nng_aio   *plain;
	nng_msg   *m;
	char       silent[64];
	int        fd = listening(silent);

	job_init(&receiver, s, receive);
	job_init(&sender, s, transmit);
	job_init(&aio, s, NULL);
	nng_recv_aio(s, aio.aio);
	MUST(nng_aio_alloc(&plain, NULL, NULL));
	nng_recv_aio(s, plain);
	memset(&dialer, 0, sizeof(dialer));
	dialer.s   = s;
	dialer.url = silent;
	flag_init(&dialer.done);
	MUST(nng_thread_create(&dialer.thread, dialing, &dialer));
	// It is under way.
	int connection = accept(fd, NULL, NULL);

	job_init(&closer, s, closing);
	flag_wait(&receiver.done, 1);
	SHOW(receiver.result);
	flag_wait(&sender.done, 1);
	SHOW(sender.result);
	flag_wait(&aio.done, 1);
	SHOW(aio.result);
	flag_wait(&dialer.done, 1);
	SHOW(dialer.result);
	nng_aio_wait(plain);
	SHOW(nng_aio_result(plain));
	// It lingers, and is closed for everybody.
	NUMBER(closer.done.count);
	NUMBER(gone.count);
	SHOW(nng_recvmsg(s, &m, 0));
	SHOW(nng_close(s));
	nng_recv_aio(s, plain);
	nng_aio_wait(plain);
	SHOW(nng_aio_result(plain));
	flag_set(&p.read);
	flag_wait(&closer.done, 1);
	SHOW(closer.result);
	close(connection);
	close(fd);
	nng_aio_free(plain);
	job_fini(&receiver);
	job_fini(&sender);
	job_fini(&dialer);
	job_fini(&aio);
	job_fini(&closer);
	peer_fini(&p, &gone);
}

static void
close_in_callback(void *arg)
{
	job *j = arg;
	j->result = nng_close(j->s);
	flag_set(&j->done);
}

static void
in_a_callback(void)
{
	peer       p;
	flag       gone;
	nng_socket s = lingering(&p, &gone);
	job        closer, other;

	job_init(&other, s, NULL);
	nng_recv_aio(s, other.aio);
	memset(&closer, 0, sizeof(closer));
	closer.s = s;
	flag_init(&closer.done);
	MUST(nng_aio_alloc(&closer.aio, close_in_callback, &closer));
	nng_recv_aio(s, closer.aio);
	nng_aio_cancel(closer.aio);
	flag_wait(&other.done, 1);
	SHOW(other.result);
	NUMBER(closer.done.count);
	flag_set(&p.read);
	flag_wait(&closer.done, 1);
	SHOW(closer.result);
	nng_aio_wait(closer.aio);
	job_fini(&closer);
	job_fini(&other);
	peer_fini(&p, &gone);
}

static void
fini(void *arg)
{
	nng_closeall();
	flag_set(arg);
}

// Both sockets end their waiters before either has lingered.
static void
all_at_once(void)
{
	peer        p[2];
	flag        gone[2], done;
	nng_socket  s[2];
	job         j[2];
	nng_thread *t;

	flag_init(&done);
	for (int i = 0; i < 2; i++) {
		s[i] = lingering(&p[i], &gone[i]);
		job_init(&j[i], s[i], NULL);
		nng_recv_aio(s[i], j[i].aio);
	}
	MUST(nng_thread_create(&t, fini, &done));
	for (int i = 0; i < 2; i++) {
		flag_wait(&j[i].done, 1);
		SHOW(j[i].result);
	}
	NUMBER(done.count);
	for (int i = 0; i < 2; i++) {
		flag_set(&p[i].read);
	}
	nng_thread_destroy(t);
	for (int i = 0; i < 2; i++) {
		job_fini(&j[i]);
		peer_fini(&p[i], &gone[i]);
	}
	flag_fini(&done);
}

// Whose time is up is closed, whoever lingers on.
static void
each_in_its_time(int brief)
{
	peer        p[2];
	flag        gone[2], done;
	nng_thread *t;

	flag_init(&done);
	for (int i = 0; i < 2; i++) {
		nng_socket s = lingering(&p[i], &gone[i]);
		if (i == brief) {
			MUST(nng_socket_set_ms(s, "linger", 1));
		}
	}
	MUST(nng_thread_create(&t, fini, &done));
	flag_wait(&gone[brief], 1);
	NUMBER(done.count);
	flag_set(&p[brief].read);
	nng_thread_destroy(p[brief].thread);
	NUMBER(p[brief].bytes < BIG);
	close(p[brief].fd);
	flag_set(&p[!brief].read);
	nng_thread_destroy(t);
	peer_fini(&p[!brief], &gone[!brief]);
	flag_fini(&p[brief].read);
	flag_fini(&p[brief].there);
	flag_fini(&gone[brief]);
	flag_fini(&done);
}

int
main(void)
{
	everybody();
	in_a_callback();
	all_at_once();
	each_in_its_time(0);
	each_in_its_time(1);
	nng_fini();
	return (0);
}
