/* Byte streams and datagrams, without any protocol of ours: an echo. */
#include <string.h>

#include "example.h"

/* Carries out one operation on all of the memory. */
static void all(void (*operation)(nng_stream *, nng_aio *), nng_stream *stream, nng_aio *aio, char *data, size_t size)
{
    while (size > 0) {
        nng_iov iov = { data, size };
        check(nng_aio_set_iov(aio, 1, &iov), "iov");
        operation(stream, aio);
        nng_aio_wait(aio);
        check(nng_aio_result(aio), "transfer");
        data += nng_aio_count(aio);
        size -= nng_aio_count(aio);
    }
}

static void streams(const char *scheme, const char *where)
{
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_stream *mine, *theirs;
    nng_aio *dial, *accept;
    nng_sockaddr addr;
    char url[256], text[NNG_MAXADDRSTRLEN], data[5];
    int port;

    check(nng_aio_alloc(&dial, NULL, NULL), "aio");
    check(nng_aio_alloc(&accept, NULL, NULL), "aio");
    nng_aio_set_timeout(dial, 10000);
    nng_aio_set_timeout(accept, 10000);
    snprintf(url, sizeof url, "%s://%s", scheme, where);
    check(nng_stream_listener_alloc(&listener, url), "listener");
    check(nng_stream_listener_listen(listener), "listen");
    if (nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0) {
        snprintf(url, sizeof url, "%s://127.0.0.1:%d", scheme, port);
    }

    check(nng_stream_dialer_alloc(&dialer, url), "dialer");
    nng_stream_listener_accept(listener, accept);
    nng_stream_dialer_dial(dialer, dial);
    nng_aio_wait(dial);
    nng_aio_wait(accept);
    check(nng_aio_result(dial), "dial");
    check(nng_aio_result(accept), "accept");
    mine = nng_aio_get_output(dial, 0);
    theirs = nng_aio_get_output(accept, 0);
    check(nng_stream_get_addr(mine, NNG_OPT_REMADDR, &addr), "address");
    printf("%s: connected to %s\n", scheme, addr.s_family == NNG_AF_INET ? "a port" : nng_str_sockaddr(&addr, text, sizeof text));

    memcpy(data, "hello", 5);
    all(nng_stream_send, mine, dial, data, 5);
    all(nng_stream_recv, theirs, accept, data, 5);
    all(nng_stream_send, theirs, accept, data, 5);
    memset(data, 0, 5);
    all(nng_stream_recv, mine, dial, data, 5);
    printf("%s: %.5s\n", scheme, data);

    /* The peer goes: there is no more to receive. */
    nng_stream_free(theirs);
    nng_stream_recv(mine, dial);
    nng_aio_wait(dial);
    printf("%s: %s\n", scheme, nng_strerror(nng_aio_result(dial)));
    if (nng_aio_result(dial) != NNG_ECONNSHUT) {
        exit(1);
    }
    nng_stream_free(mine);
    nng_stream_dialer_free(dialer);
    nng_stream_listener_free(listener);
    nng_aio_free(dial);
    nng_aio_free(accept);
}

static void datagrams(void)
{
    nng_sockaddr at[2], from;
    nng_udp *udp[2];
    nng_aio *aio;
    char data[] = "datagram", got[64];
    nng_iov out[2], in;

    for (int i = 0; i < 2; i++) {
        memset(&at[i], 0, sizeof at[i]);
        at[i].s_in.sa_family = NNG_AF_INET;
        memcpy(&at[i].s_in.sa_addr, "\x7f\0\0\1", 4);
        check(nng_udp_open(&udp[i], &at[i]), "udp");
        check(nng_udp_sockname(udp[i], &at[i]), "name");
    }
    check(nng_aio_alloc(&aio, NULL, NULL), "aio");
    nng_aio_set_timeout(aio, 10000);

    out[0].iov_buf = data;
    out[0].iov_len = 4;
    out[1].iov_buf = data + 4;
    out[1].iov_len = 4;
    check(nng_aio_set_iov(aio, 2, out), "iov");
    check(nng_aio_set_input(aio, 0, &at[1]), "input");
    nng_udp_send(udp[0], aio);
    nng_aio_wait(aio);
    check(nng_aio_result(aio), "send");

    in.iov_buf = got;
    in.iov_len = sizeof got;
    check(nng_aio_set_iov(aio, 1, &in), "iov");
    check(nng_aio_set_input(aio, 0, &from), "input");
    nng_udp_recv(udp[1], aio);
    nng_aio_wait(aio);
    check(nng_aio_result(aio), "receive");
    printf("udp: %.*s\n", (int) nng_aio_count(aio), got);
    if (nng_aio_count(aio) != 8 || from.s_in.sa_port != at[0].s_in.sa_port) {
        exit(1);
    }
    nng_aio_free(aio);
    nng_udp_close(udp[0]);
    nng_udp_close(udp[1]);
}

int main(void)
{
    streams("tcp", "127.0.0.1:0");
#ifdef __linux__
    streams("abstract", "spanwire-example-stream");
#endif
    datagrams();
    nng_fini();
    return 0;
}
