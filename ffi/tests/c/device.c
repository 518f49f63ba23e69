// A device that forwards until one of its sockets is closed. NNG 1.5 may miss that close while a message is on its way, and then waits for ever.
#include "show.h"

static nng_socket front, back;

static void
forward(void *arg)
{
	*(int *) arg = nng_device(front, back);
}

int
main(void)
{
	nng_socket  req, rep;
	nng_thread *thread;
	int         result;
	char        buf[16];
	size_t      len;

	MUST(nng_rep0_open_raw(&front));
	MUST(nng_req0_open_raw(&back));
	MUST(nng_req0_open(&req));
	MUST(nng_rep0_open(&rep));
	MUST(nng_listen(front, "inproc://front", NULL, 0));
	MUST(nng_listen(back, "inproc://back", NULL, 0));
	MUST(nng_thread_create(&thread, forward, &result));
	MUST(nng_dial(req, "inproc://front", NULL, 0));
	MUST(nng_dial(rep, "inproc://back", NULL, 0));
	SHOW(nng_send(req, "ping", 5, 0));
	len = sizeof(buf);
	SHOW(nng_recv(rep, buf, &len, 0));
	TEXT(buf);
	SHOW(nng_send(rep, "pong", 5, 0));
	len = sizeof(buf);
	SHOW(nng_recv(req, buf, &len, 0));
	TEXT(buf);
	MUST(nng_close(front));
	nng_thread_destroy(thread);
	SHOW(result);
	MUST(nng_close(back));
	MUST(nng_close(req));
	MUST(nng_close(rep));
	nng_fini();
	return (0);
}
