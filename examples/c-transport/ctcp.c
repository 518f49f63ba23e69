/*
 * An example of a transport in C: ctcp://, which is TCP with the bytes that tcp:// has on the wire, so that the two talk to each other.
 *
 *     cc -std=gnu99 -O2 -fPIC -shared -I ffi/include -o ctcp.so examples/c-transport/ctcp.c -lpthread
 *     spanwire rep --plugin ./ctcp.so --listen ctcp://127.0.0.1:5555 --data pong
 *
 * It has one thread, which sleeps on all its descriptors and does nothing but wake: since a wake is a number, the thread knows no
 * object, and there is nothing to lock. Hosts are addresses, not names: to look up a name would block.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <spanwire.h>

/* -------- waiting -------- */

static const struct spanwire_host *host;
static int                         reactor = -1;

static void *
react(void *unused)
{
	struct epoll_event events[64];

	(void) unused;
	for (;;) {
		int n = epoll_wait(reactor, events, 64, -1);
		for (int i = 0; i < n; i++) {
			host->wake(events[i].data.u64);
		}
		if (n < 0 && errno != EINTR) {
			return (NULL);
		}
	}
}

static void
start_reactor(void)
{
	pthread_t thread;

	reactor = epoll_create1(EPOLL_CLOEXEC);
	if (reactor >= 0 && pthread_create(&thread, NULL, react, NULL) == 0) {
		pthread_detach(thread);
	}
}

/* What errno stands for. */
static int
failed(int error)
{
	switch (error) {
	case ENOMEM: case ENOBUFS: return (NNG_ENOMEM);
	case EMFILE: case ENFILE: return (NNG_ENOFILES);
	case ECONNREFUSED: return (NNG_ECONNREFUSED);
	case ECONNRESET: return (NNG_ECONNRESET);
	case ECONNABORTED: return (NNG_ECONNABORTED);
	case EPIPE: return (NNG_ECONNSHUT);
	case EADDRINUSE: return (NNG_EADDRINUSE);
	case EADDRNOTAVAIL: return (NNG_EADDRINVAL);
	case EACCES: case EPERM: return (NNG_EPERM);
	case ETIMEDOUT: return (NNG_ETIMEDOUT);
	case ENETUNREACH: case EHOSTUNREACH: return (NNG_EUNREACHABLE);
	default: return (NNG_ESYSERR + error);
	}
}

/* Asks to be woken once, when the descriptor is ready. The answer is what the caller is to answer. */
static int
wait_for(int fd, uint32_t events, spanwire_waker waker)
{
	struct epoll_event event;
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_reactor);
	memset(&event, 0, sizeof(event));
	event.events   = events | EPOLLONESHOT;
	event.data.u64 = waker;
	if (epoll_ctl(reactor, EPOLL_CTL_MOD, fd, &event) != 0 &&
	    (errno != ENOENT || epoll_ctl(reactor, EPOLL_CTL_ADD, fd, &event) != 0)) {
		return (failed(errno));
	}
	return (SPANWIRE_PENDING);
}

static int
would_block(int error)
{
	return (error == EAGAIN || error == EWOULDBLOCK || error == EINTR);
}

/* -------- addresses -------- */

struct address {
	struct sockaddr_storage storage;
	socklen_t               len;
};

/* "ctcp://127.0.0.1:80" or "ctcp://[::1]:80" */
static int
parse(const char *url, struct address *address)
{
	char             hostname[64];
	const char      *start = strstr(url, "://");
	const char      *port;
	size_t           len;
	struct addrinfo  hints;
	struct addrinfo *found;

	if (start == NULL || (port = strrchr(start += 3, ':')) == NULL) {
		return (NNG_EADDRINVAL);
	}
	len = (size_t) (port++ - start);
	if (len >= 2 && start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(hostname)) {
		return (NNG_EADDRINVAL);
	}
	memcpy(hostname, start, len);
	hostname[len] = '\0';
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags    = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(hostname, port, &hints, &found) != 0) {
		return (NNG_EADDRINVAL);
	}
	memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
	address->len = found->ai_addrlen;
	freeaddrinfo(found);
	return (0);
}

static void
format(const struct address *address, char *url, size_t size)
{
	char hostname[64];
	char port[8];

	if (getnameinfo((const struct sockaddr *) &address->storage, address->len, hostname, sizeof(hostname), port,
	        sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
		const char *form = address->storage.ss_family == AF_INET6 ? "ctcp://[%s]:%s" : "ctcp://%s:%s";
		snprintf(url, size, form, hostname, port);
	}
}

/* -------- pipes -------- */

enum { BUFFER = 64 * 1024, PREFIX = 8 };

struct pipe {
	int    in;  /* the connection */
	int    out; /* a second descriptor for it, to be waited for by itself */
	size_t limit;

	/* What has been read and not been taken apart. */
	unsigned char *buffer;
	size_t         start, end;
	/* The message that arrives, and how much of it is missing. */
	nng_msg *arriving;
	uint64_t missing;

	/* The message that leaves, what stands before it, and how much of both is gone. */
	nng_msg      *leaving;
	unsigned char prefix[PREFIX];
	size_t        gone;
};

static void
pipe_free(void *arg)
{
	struct pipe *pipe = arg;

	host->msg_free(pipe->arriving);
	host->msg_free(pipe->leaving);
	close(pipe->out);
	close(pipe->in);
	free(pipe->buffer);
	free(pipe);
}

static struct pipe *
pipe_new(int fd, size_t limit)
{
	int          on   = 1;
	struct pipe *pipe = calloc(1, sizeof(*pipe));

	if (pipe == NULL) {
		return (NULL);
	}
	pipe->buffer = malloc(BUFFER);
	pipe->out    = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	pipe->limit  = limit;
	if (pipe->buffer == NULL || pipe->out < 0) {
		free(pipe->buffer);
		free(pipe);
		return (NULL);
	}
	pipe->in = fd;
	(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return (pipe);
}

/* Writes what is left of the message that leaves. */
static int
flush(struct pipe *pipe, spanwire_waker waker)
{
	while (pipe->leaving != NULL) {
		struct iovec  parts[3];
		struct msghdr all;
		size_t        skip = pipe->gone;
		size_t        len  = 0;
		ssize_t       sent;

		parts[0].iov_base = pipe->prefix;
		parts[0].iov_len  = PREFIX;
		parts[1].iov_base = host->msg_header(pipe->leaving);
		parts[1].iov_len  = host->msg_header_len(pipe->leaving);
		parts[2].iov_base = host->msg_body(pipe->leaving);
		parts[2].iov_len  = host->msg_len(pipe->leaving);
		for (int i = 0; i < 3; i++) {
			size_t cut = skip < parts[i].iov_len ? skip : parts[i].iov_len;
			len += parts[i].iov_len;
			skip -= cut;
			parts[i].iov_base = (char *) parts[i].iov_base + cut;
			parts[i].iov_len -= cut;
		}
		memset(&all, 0, sizeof(all));
		all.msg_iov    = parts;
		all.msg_iovlen = 3;
		sent           = sendmsg(pipe->out, &all, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0) {
			return (would_block(errno) ? wait_for(pipe->out, EPOLLOUT, waker) : failed(errno));
		}
		pipe->gone += (size_t) sent;
		if (pipe->gone == len) {
			host->msg_free(pipe->leaving);
			pipe->leaving = NULL;
		}
	}
	return (0);
}

static int
pipe_send(void *arg, spanwire_waker waker, nng_msg *const *msgs, size_t count, size_t *taken)
{
	struct pipe *pipe = arg;
	int          rv;

	while ((rv = flush(pipe, waker)) == 0 && *taken < count) {
		uint64_t len;

		pipe->leaving = msgs[(*taken)++];
		pipe->gone    = 0;
		len           = (uint64_t) host->msg_header_len(pipe->leaving) + host->msg_len(pipe->leaving);
		for (int i = PREFIX - 1; i >= 0; i--) {
			pipe->prefix[i] = (unsigned char) len;
			len >>= 8;
		}
	}
	return (rv);
}

/* Takes the next message, or a part of it, out of the buffer. */
static int
parse_message(struct pipe *pipe, nng_msg **msg)
{
	size_t n = pipe->end - pipe->start;

	if (pipe->arriving == NULL) {
		if (n < PREFIX) {
			return (0);
		}
		pipe->missing = 0;
		for (int i = 0; i < PREFIX; i++) {
			pipe->missing = (pipe->missing << 8) | pipe->buffer[pipe->start + (size_t) i];
		}
		if (pipe->limit != 0 && pipe->missing > pipe->limit) {
			return (NNG_EMSGSIZE);
		}
		if ((pipe->arriving = host->msg_alloc(0)) == NULL) {
			return (NNG_ENOMEM);
		}
		pipe->start += PREFIX;
		n -= PREFIX;
	}
	/* The other side's word for a length costs nothing: room is made for what is there. */
	if (n > pipe->missing) {
		n = (size_t) pipe->missing;
	}
	if (host->msg_append(pipe->arriving, pipe->buffer + pipe->start, n) != 0) {
		return (NNG_ENOMEM);
	}
	pipe->start += n;
	pipe->missing -= n;
	if (pipe->missing == 0) {
		*msg           = pipe->arriving;
		pipe->arriving = NULL;
	}
	return (0);
}

static int
pipe_recv(void *arg, spanwire_waker waker, nng_msg **msgs, size_t max, size_t *count)
{
	struct pipe *pipe = arg;

	for (;;) {
		ssize_t got;

		while (*count < max) {
			nng_msg *msg = NULL;
			int      rv  = parse_message(pipe, &msg);

			if (rv != 0) {
				/* What came before it is delivered first; it is found again. */
				return (*count > 0 ? 0 : rv);
			}
			if (msg == NULL) {
				break;
			}
			msgs[(*count)++] = msg;
		}
		if (*count > 0) {
			return (0);
		}
		memmove(pipe->buffer, pipe->buffer + pipe->start, pipe->end - pipe->start);
		pipe->end -= pipe->start;
		pipe->start = 0;
		got         = recv(pipe->in, pipe->buffer + pipe->end, BUFFER - pipe->end, MSG_DONTWAIT);
		if (got < 0) {
			return (would_block(errno) ? wait_for(pipe->in, EPOLLIN, waker) : failed(errno));
		}
		if (got == 0) {
			return (0);
		}
		pipe->end += (size_t) got;
	}
}

static int
pipe_close(void *arg, spanwire_waker waker)
{
	struct pipe *pipe = arg;

	(void) waker;
	(void) shutdown(pipe->in, SHUT_RDWR);
	/* Unread bytes would make the kernel send a reset, which destroys what the other side has not read yet. */
	for (int i = 0; i < 100 && recv(pipe->in, pipe->buffer, BUFFER, MSG_DONTWAIT) > 0; i++) {
	}
	return (0);
}

/* -------- handshakes -------- */

struct shake {
	int           fd;
	uint16_t      self;
	size_t        limit;
	size_t        sent, got;
	unsigned char theirs[8];
};

static int
shake_hands(struct shake *shake, spanwire_waker waker, struct spanwire_connection *made)
{
	unsigned char  ours[8] = { 0, 'S', 'P', 0, 0, 0, 0, 0 };
	struct address local, remote;
	ssize_t        n;

	ours[4] = (unsigned char) (shake->self >> 8);
	ours[5] = (unsigned char) shake->self;
	while (shake->sent < 8) {
		n = send(shake->fd, ours + shake->sent, 8 - shake->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			return (would_block(errno) ? wait_for(shake->fd, EPOLLOUT, waker) : failed(errno));
		}
		shake->sent += (size_t) n;
	}
	while (shake->got < 8) {
		n = recv(shake->fd, shake->theirs + shake->got, 8 - shake->got, MSG_DONTWAIT);
		if (n < 0) {
			return (would_block(errno) ? wait_for(shake->fd, EPOLLIN, waker) : failed(errno));
		}
		if (n == 0) {
			return (NNG_ECONNSHUT);
		}
		shake->got += (size_t) n;
	}
	made->peer     = (uint16_t) (shake->theirs[4] << 8 | shake->theirs[5]);
	shake->theirs[4] = ours[4];
	shake->theirs[5] = ours[5];
	if (memcmp(shake->theirs, ours, 8) != 0) {
		return (NNG_EPROTO);
	}
	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
	local.len = remote.len = sizeof(local.storage);
	(void) getsockname(shake->fd, (struct sockaddr *) &local.storage, &local.len);
	(void) getpeername(shake->fd, (struct sockaddr *) &remote.storage, &remote.len);
	format(&local, made->local, sizeof(made->local));
	format(&remote, made->remote, sizeof(made->remote));
	if ((made->pipe = pipe_new(shake->fd, shake->limit)) == NULL) {
		return (NNG_ENOMEM);
	}
	shake->fd = -1;
	return (0);
}

static int
handshake_shake(void *arg, spanwire_waker waker, struct spanwire_connection *made)
{
	return (shake_hands(arg, waker, made));
}

static void
handshake_free(void *arg)
{
	struct shake *shake = arg;

	if (shake->fd >= 0) {
		close(shake->fd);
	}
	free(shake);
}

static size_t
limit_of(const spanwire_options *options)
{
	size_t limit = 0;

	(void) host->option_size(options, NNG_OPT_RECVMAXSZ, &limit);
	return (limit);
}

/* -------- dialers and listeners -------- */

struct place {
	struct address          address;
	const spanwire_options *options;
	int                     fd;         /* the listener's; -1 before it is bound */
	int                     connecting; /* the dialer's, of which the handshake has the descriptor */
	struct shake            shake;
};

static int
place_open(void *arg, const char *url, const spanwire_options *options, void **made)
{
	struct place *place = calloc(1, sizeof(*place));
	int           rv;

	(void) arg;
	if (place == NULL) {
		return (NNG_ENOMEM);
	}
	if ((rv = parse(url, &place->address)) != 0) {
		free(place);
		return (rv);
	}
	place->options  = options;
	place->fd       = -1;
	place->shake.fd = -1;
	*made           = place;
	return (0);
}

static void
give_up(struct place *place)
{
	if (place->shake.fd >= 0) {
		close(place->shake.fd);
		place->shake.fd = -1;
	}
}

static void
place_free(void *arg)
{
	struct place *place = arg;

	give_up(place);
	if (place->fd >= 0) {
		close(place->fd);
	}
	free(place);
}

static int
begin_to_dial(struct place *place, const struct spanwire_hello *hello)
{
	struct shake *shake = &place->shake;

	memset(shake, 0, sizeof(*shake));
	shake->self  = hello->self;
	shake->limit = limit_of(place->options);
	shake->fd    = socket(place->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (shake->fd < 0) {
		return (failed(errno));
	}
	place->connecting = 1;
	if (connect(shake->fd, (struct sockaddr *) &place->address.storage, place->address.len) != 0 &&
	    errno != EINPROGRESS) {
		return (failed(errno));
	}
	return (0);
}

/* Whether the connection stands. */
static int
connected(struct place *place, spanwire_waker waker)
{
	struct address local, remote;
	int            fd    = place->shake.fd;
	int            error = 0;
	socklen_t      len   = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
		return (failed(error != 0 ? error : errno));
	}
	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
	local.len = remote.len = sizeof(local.storage);
	if (getpeername(fd, (struct sockaddr *) &remote.storage, &remote.len) != 0) {
		return (errno == ENOTCONN ? wait_for(fd, EPOLLOUT, waker) : failed(errno));
	}
	/* The system may have chosen the very port that nobody listens at, and then a socket connects to itself. */
	if (getsockname(fd, (struct sockaddr *) &local.storage, &local.len) == 0 && local.len == remote.len &&
	    memcmp(&local.storage, &remote.storage, local.len) == 0) {
		return (NNG_ECONNREFUSED);
	}
	place->connecting = 0;
	return (0);
}

static int
dialer_dial(void *arg, const struct spanwire_hello *hello, spanwire_waker waker, struct spanwire_connection *made)
{
	struct place *place = arg;
	int           rv    = 0;

	if (place->shake.fd < 0) {
		rv = begin_to_dial(place, hello);
	}
	if (rv == 0 && place->connecting) {
		rv = connected(place, waker);
	}
	if (rv == 0) {
		rv = shake_hands(&place->shake, waker, made);
	}
	if (rv != SPANWIRE_PENDING) {
		give_up(place);
	}
	return (rv);
}

static int
listener_bind(void *arg, spanwire_waker waker, char *url, size_t size)
{
	struct place  *place = arg;
	struct address bound;
	int            on = 1;
	int            rv;

	(void) waker;
	place->fd = socket(place->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (place->fd < 0) {
		return (failed(errno));
	}
	memset(&bound, 0, sizeof(bound));
	bound.len = sizeof(bound.storage);
	(void) setsockopt(place->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(place->fd, (struct sockaddr *) &place->address.storage, place->address.len) != 0 ||
	    listen(place->fd, SOMAXCONN) != 0 || getsockname(place->fd, (struct sockaddr *) &bound.storage, &bound.len) != 0) {
		rv = failed(errno);
		close(place->fd);
		place->fd = -1;
		return (rv);
	}
	format(&bound, url, size);
	return (0);
}

static int
listener_accept(void *arg, const struct spanwire_hello *hello, spanwire_waker waker, void **made)
{
	struct place *place = arg;
	struct shake *shake;
	int           fd = accept4(place->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		return (would_block(errno) ? wait_for(place->fd, EPOLLIN, waker) : failed(errno));
	}
	if ((shake = calloc(1, sizeof(*shake))) == NULL) {
		close(fd);
		return (NNG_ENOMEM);
	}
	shake->fd    = fd;
	shake->self  = hello->self;
	shake->limit = limit_of(place->options);
	*made        = shake;
	return (0);
}

/* -------- the plugin -------- */

static const char *const schemes[] = { "ctcp", NULL };

static const struct spanwire_transport transport = {
	.struct_size     = sizeof(transport),
	.schemes         = schemes,
	.dialer_open     = place_open,
	.dialer_dial     = dialer_dial,
	.dialer_free     = place_free,
	.listener_open   = place_open,
	.listener_bind   = listener_bind,
	.listener_accept = listener_accept,
	.listener_free   = place_free,
	.handshake_shake = handshake_shake,
	.handshake_free  = handshake_free,
	.pipe_send       = pipe_send,
	.pipe_recv       = pipe_recv,
	.pipe_close      = pipe_close,
	.pipe_free       = pipe_free,
};

extern const uint32_t                   spanwire_plugin_abi;
extern const struct spanwire_transport *spanwire_plugin(const struct spanwire_host *);

const uint32_t spanwire_plugin_abi = SPANWIRE_PLUGIN_ABI;

const struct spanwire_transport *
spanwire_plugin(const struct spanwire_host *theirs)
{
	/* A later library offers more, and this one must be there as a whole. */
	if (theirs->struct_size < sizeof(*theirs)) {
		return (NULL);
	}
	host = theirs;
	return (&transport);
}
