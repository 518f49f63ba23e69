// Descriptors for poll, select and epoll.
#define _GNU_SOURCE
#include "show.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

// Whether a descriptor is readable, by three ways to ask.
static int
readable(int fd, int ms)
{
	struct pollfd      pfd = { .fd = fd, .events = POLLIN };
	struct epoll_event ev  = { .events = EPOLLIN };
	struct timeval     tv  = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
	fd_set             set;
	int                a, b, c, ep;

	a = poll(&pfd, 1, ms);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	if (a > 0) {
		tv.tv_sec = tv.tv_usec = 0;
	}
	b  = select(fd + 1, &set, NULL, NULL, &tv);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
	c = epoll_wait(ep, &ev, 1, 0);
	close(ep);
	return (a * 100 + b * 10 + c);
}

// What poll says of a descriptor, whatever is asked for.
static void
events(const char *what, int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLRDNORM | POLLPRI | POLLOUT };

	poll(&pfd, 1, ms);
	printf("%s:%s%s%s%s%s%s\n", what, pfd.revents & POLLIN ? " in" : "", pfd.revents & POLLRDNORM ? " rdnorm" : "",
	    pfd.revents & POLLOUT ? " out" : "", pfd.revents & POLLPRI ? " pri" : "", pfd.revents & POLLHUP ? " hup" : "",
	    pfd.revents & POLLERR ? " err" : "");
}

static void
both(const char *url)
{
	nng_socket a, b;
	int        afd, bfd, asend, same;
	char       buf[8];
	size_t     len;

	printf("== %s\n", url);
	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_socket_get_int(a, NNG_OPT_RECVFD, &afd));
	MUST(nng_socket_get_int(a, NNG_OPT_SENDFD, &asend));
	MUST(nng_socket_get_int(b, NNG_OPT_RECVFD, &bfd));
	MUST(nng_socket_get_int(b, NNG_OPT_RECVFD, &same));
	NUMBER(bfd == same);
	NUMBER(readable(afd, 0));
	NUMBER(readable(asend, 0));
	MUST(nng_listen(a, url, NULL, 0));
	MUST(nng_dial(b, url, NULL, 0));
	NUMBER(readable(asend, 2000));
	MUST(nng_send(a, "one", 4, 0));
	NUMBER(readable(bfd, 2000));
	events("to receive", bfd, 2000);
	events("to send", asend, 2000);
	events("nothing to receive", afd, 0);
	MUST(nng_send(a, "two", 4, 0));
	len = sizeof(buf);
	MUST(nng_recv(b, buf, &len, 0));
	TEXT(buf);
	// Still readable: level-triggered.
	NUMBER(readable(bfd, 2000));
	len = sizeof(buf);
	MUST(nng_recv(b, buf, &len, NNG_FLAG_NONBLOCK));
	TEXT(buf);
	NUMBER(readable(bfd, 0));
	len = sizeof(buf);
	SHOW(nng_recv(b, buf, &len, NNG_FLAG_NONBLOCK));
	MUST(nng_close(a));
	MUST(nng_close(b));
}

// A thousand times up and down: never up without a message, never down with one. At the end the one side has gone.
static void
levels(const char *url)
{
	nng_socket a, b;
	int        fd, ready = 0, empty = 0;
	char       byte;
	size_t     len;

	MUST(nng_pair1_open(&a));
	MUST(nng_pair1_open(&b));
	MUST(nng_socket_set_int(a, NNG_OPT_SENDBUF, 3));
	MUST(nng_socket_set_int(b, NNG_OPT_RECVBUF, 3));
	MUST(nng_socket_get_int(b, NNG_OPT_RECVFD, &fd));
	MUST(nng_listen(a, url, NULL, 0));
	MUST(nng_dial(b, url, NULL, 0));
	for (int i = 0; i < 1000; i++) {
		for (int n = 0; n <= i % 3; n++) {
			MUST(nng_send(a, "x", 1, 0));
		}
		for (int n = 0; n <= i % 3; n++) {
			ready += readable(fd, 10000) == 111;
			len = 1;
			MUST(nng_recv(b, &byte, &len, NNG_FLAG_NONBLOCK));
		}
		empty += readable(fd, 0) == 0;
	}
	NUMBER(ready);
	NUMBER(empty);
	MUST(nng_close(a));
	MUST(nng_close(b));
}

int
main(void)
{
	nng_socket s;
	int        fd;

	both("inproc://poll");
	both("ipc://spanwire-poll-test");
	levels("inproc://levels");
	levels("ipc://spanwire-levels");
	MUST(nng_push0_open(&s));
	SHOW(nng_socket_get_int(s, NNG_OPT_RECVFD, &fd));
	SHOW(nng_socket_get_int(s, NNG_OPT_SENDFD, &fd));
	SHOW(nng_socket_set_int(s, NNG_OPT_SENDFD, fd));
	MUST(nng_close(s));
	MUST(nng_pull0_open(&s));
	SHOW(nng_socket_get_int(s, NNG_OPT_SENDFD, &fd));
	MUST(nng_close(s));
	nng_fini();
	return (0);
}
