// URLs, command lines, threads, and nanomsg's functions.
#include "show.h"
#include <nng/compat/nanomsg/nn.h>
#include <nng/compat/nanomsg/pair.h>
#include <nng/compat/nanomsg/pubsub.h>
#include <nng/compat/nanomsg/reqrep.h>
#include <nng/compat/nanomsg/survey.h>
#include <nng/compat/nanomsg/tcp.h>
#include <nng/supplemental/util/options.h>

static const char *
part(const char *text)
{
	return (text == NULL ? "-" : text);
}

static void
urls(void)
{
	static const char *const all[] = { "http://www.Example.com:8080/a/b/../c?x=1&y=2#z", "HTTP://me@host", "https://[::1]/x", "ws://h/%41%2f%c3%a9",
		"tcp://*:5555", "tcp://*", "tcp6://[fe80::1%25eth0]:1", "ipc:///tmp/x?y#z", "inproc://Name", "tcp://h:", "tcp://[::1", "http://h/%zz",
		"http://h/%c0%80", "a@b", "", "http:/h", "http://a@b@c/", "wss4://h/./a//b/", "gopher://h", "http://h/../..", "http://h?q#f" };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		nng_url *u, *copy;
		int      rv = nng_url_parse(&u, all[i]);
		printf("%s: %s\n", all[i], nng_strerror(rv));
		if (rv != 0) {
			continue;
		}
		MUST(nng_url_clone(&copy, u));
		nng_url_free(u);
		printf("%s|%s|%s|%s|%s|%s|%s|%s|%s|%s\n", part(copy->u_rawurl), part(copy->u_scheme), part(copy->u_userinfo), part(copy->u_host),
		    part(copy->u_hostname), part(copy->u_port), part(copy->u_path), part(copy->u_query), part(copy->u_fragment), part(copy->u_requri));
		nng_url_free(copy);
	}
}

static void
command_line(void)
{
	static const nng_optspec opts[] = {
		{ .o_name = "flag", .o_short = 'f', .o_val = 1 },
		{ .o_name = "value", .o_short = 'v', .o_val = 2, .o_arg = true },
		{ .o_name = "verbose", .o_val = 3 },
		{ .o_val = 0 },
	};
	static char *const words[] = { "x", "-f", "--flag", "-v", "a", "-vb", "--value=c", "--val:d", "--verb", "--v", "--none", "-q", "--flag=1", "-fx", "-",
		"word", "--value" };
	int argc = sizeof(words) / sizeof(words[0]);
	for (int i = 1; i < argc;) {
		int   val = 0, index = i, rv;
		char *arg = NULL;
		rv        = nng_opts_parse(argc, words, opts, &val, &arg, &index);
		printf("%s: %d, %d, %s, %d\n", words[i], rv, val, part(arg), index - i);
		i = index > i ? index : i + 1;
	}
}

static void
errors(void)
{
	for (int i = -1; i < 135; i++) {
		if (strncmp(nn_strerror(i), "Unknown", 7) != 0) {
			printf("%d: %s\n", i, nn_strerror(i));
		}
	}
	TEXT(nn_strerror(EFSM));
	TEXT(nn_strerror(12345));
	TEXT(nn_strerror(EIO));
}

#define NN(call) \
	do { \
		int rv_ = (call); \
		printf("%s: %s\n", #call, rv_ < 0 ? nn_strerror(nn_errno()) : "ok"); \
	} while (0)

static void
option(int s, int level, int opt)
{
	int    v  = -77, rv;
	size_t sz = sizeof(v);
	rv        = nn_getsockopt(s, level, opt, &v, &sz);
	printf("%d/%d: %s %d %d\n", level, opt, rv < 0 ? nn_strerror(nn_errno()) : "ok", rv < 0 ? 0 : v, rv < 0 ? 0 : (int) sz);
}

static void
nanomsg(void)
{
	int    s, r, v;
	char   name[16], buf[8];
	size_t sz;
	void  *msg;

	NN(nn_socket(3, NN_PAIR));
	NN(nn_socket(AF_SP, 77));
	s = nn_socket(AF_SP, NN_REQ);
	NUMBER(s > 0);
	for (int opt = 0; opt < 20; opt++) {
		// Descriptors, and the name, are numbers of their own.
		if (opt != NN_SNDFD && opt != NN_RCVFD && opt != NN_SOCKET_NAME) {
			option(s, NN_SOL_SOCKET, opt);
		}
	}
	option(s, NN_TCP, NN_TCP_NODELAY);
	option(s, NN_REQ, NN_REQ_RESEND_IVL);
	option(s, NN_SURVEYOR, NN_SURVEYOR_DEADLINE);
	option(s, 99, 1);
	v = 5000;
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_SNDBUF, &v, sizeof(v)));
	option(s, NN_SOL_SOCKET, NN_SNDBUF);
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_RCVMAXSIZE, &v, sizeof(v)));
	option(s, NN_SOL_SOCKET, NN_RCVMAXSIZE);
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_LINGER, &v, sizeof(v)));
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_LINGER, &v, 1));
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_SNDTIMEO, &v, 1));
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_SNDTIMEO, &v, sizeof(v)));
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_DOMAIN, &v, sizeof(v)));
	NN(nn_setsockopt(s, NN_TCP, NN_TCP_NODELAY, &v, sizeof(v)));
	v = 1;
	NN(nn_setsockopt(s, NN_TCP, NN_TCP_NODELAY, &v, sizeof(v)));
	option(s, NN_TCP, NN_TCP_NODELAY);
	v = -1;
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_RCVMAXSIZE, &v, sizeof(v)));
	option(s, NN_SOL_SOCKET, NN_RCVMAXSIZE);
	v = -2;
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_RCVMAXSIZE, &v, sizeof(v)));
	NN(nn_setsockopt(s, NN_SOL_SOCKET, NN_SOCKET_NAME, "me", 3));
	sz = sizeof(name);
	NN(nn_getsockopt(s, NN_SOL_SOCKET, NN_SOCKET_NAME, name, &sz));
	TEXT(name);
	NN(nn_connect(s, "nonsense"));
	NN(nn_bind(s, "pigeon://roof"));
	NN(nn_shutdown(s, 12345));
	NN(nn_recv(s, buf, sizeof(buf), 0));
	NN(nn_send(s, "x", 1, 77));

	r = nn_socket(AF_SP_RAW, NN_REP);
	option(r, NN_SOL_SOCKET, NN_DOMAIN);
	NN(nn_bind(r, "inproc://tools"));
	NN(nn_bind(r, "inproc://tools"));
	NN(nn_connect(s, "inproc://tools"));
	NN(nn_send(s, "hello", 5, 0));

	// A request with its header, and the reply that carries it back.
	struct nn_iovec  iov[2] = { { buf, 2 }, { buf + 2, 2 } };
	void            *control;
	struct nn_msghdr hdr = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = NN_MSG };
	NUMBER(nn_recvmsg(r, &hdr, 0));
	NUMBER(memcmp(buf, "hell", 4));
	struct nn_cmsghdr *cmsg = NN_CMSG_FIRSTHDR(&hdr);
	NUMBER(cmsg != NULL);
	NUMBER(cmsg->cmsg_level);
	NUMBER(cmsg->cmsg_type);
	NUMBER(cmsg->cmsg_len);
	memcpy(&sz, NN_CMSG_DATA(cmsg), sizeof(sz));
	NUMBER(sz);
	NUMBER(NN_CMSG_NXTHDR(&hdr, cmsg) == NULL);
	NUMBER(nn_sendmsg(r, &hdr, 0));
	NUMBER(nn_recv(s, &msg, NN_MSG, 0));
	NUMBER(memcmp(msg, "hell", 4));
	NN(nn_freemsg(msg));
	NN(nn_recv(s, buf, sizeof(buf), 0));
	NUMBER(nn_allocmsg(0, 0) == NULL);
	NUMBER(nn_allocmsg(5, 1) == NULL);
	NUMBER((int) nn_get_statistic(s, 1));
	NN(nn_close(s));
	NN(nn_close(s));
	NN(nn_close(r));
	NN(nn_send(s, "x", 1, 0));
	nn_term();
}

int
main(void)
{
	urls();
	command_line();
	errors();
	nanomsg();
	nng_fini();
	return (0);
}
