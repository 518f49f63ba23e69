// A message that goes round between two sockets, so many times.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call) \
	do { \
		if ((call) != 0) { \
			abort(); \
		} \
	} while (0)

int
main(int argc, char **argv)
{
	nng_socket a, b;
	nng_msg   *m;

	MUST(argc != 2);
	MUST(nng_pair0_open(&a));
	MUST(nng_pair0_open(&b));
	MUST(nng_listen(a, "inproc://gate", NULL, 0));
	MUST(nng_dial(b, "inproc://gate", NULL, 0));
	MUST(nng_msg_alloc(&m, 64));
	for (long n = atol(argv[1]); n > 0; n--) {
		MUST(nng_sendmsg(b, m, 0));
		MUST(nng_recvmsg(a, &m, 0));
	}
	nng_msg_free(m);
	nng_close(a);
	nng_close(b);
	return (0);
}
