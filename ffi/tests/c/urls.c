// Addresses: what is refused, when, and how.
#include "show.h"

int
main(void)
{
	static const char *urls[] = { "://localhost", "localhost", "", ":", "://", "nope://x", "tcp://", "tcp:/x", "tcp://127.0.0.1",
		"tcp://127.0.0.1:", "tcp://:0", "ipc://", "inproc://", "abstract://%00spanwire-urls", "abstract://a%zz", "unix://",
		"TCP://127.0.0.1:1", "tcp://*:0", "tcp://[::1]", "tcp://[::1", "tcp://127.0.0.1:1/path" };
	nng_socket         s;
	nng_dialer         d;
	nng_listener       l;
	nng_url           *u;
	int                rv;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		MUST(nng_pair0_open(&s));
		if ((rv = nng_url_parse(&u, urls[i])) == 0) {
			nng_url_free(u);
		}
		printf("%s: parse %s", urls[i], nng_strerror(rv));
		printf("; dialer %s", nng_strerror(nng_dialer_create(&d, s, urls[i])));
		printf("; listener %s", nng_strerror(nng_listener_create(&l, s, urls[i])));
		printf("; dial %s", nng_strerror(nng_dial(s, urls[i], NULL, 0)));
		printf("; in background %s", nng_strerror(nng_dial(s, urls[i], NULL, NNG_FLAG_NONBLOCK)));
		printf("; listen %s\n", nng_strerror(nng_listen(s, urls[i], NULL, 0)));
		MUST(nng_close(s));
	}
	// An empty name has the system choose one; there is none to dial.
	MUST(nng_pair0_open(&s));
	SHOW(nng_listen(s, "abstract://", NULL, 0));
	SHOW(nng_dial(s, "abstract://", NULL, 0));
	MUST(nng_close(s));
	nng_fini();
	return (0);
}
