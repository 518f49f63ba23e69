/* A request and its reply: one thread asks, another one answers. */
#include <string.h>

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "example.h"

enum { REQUESTS = 3 };

static void serve(void *arg)
{
    nng_socket *rep = arg;

    for (int i = 0; i < REQUESTS; i++) {
        nng_msg *msg;
        check(nng_recvmsg(*rep, &msg, 0), "receive a request");
        check(nng_msg_append(msg, "!", 1), "append");
        /* Its way back is in the message's header: the same message is the reply. */
        check(nng_sendmsg(*rep, msg, 0), "reply");
    }
}

int main(void)
{
    nng_socket rep, req;
    nng_listener listener;
    nng_thread *server;
    char *url;
    int port;

    check(nng_rep0_open(&rep), "open");
    check(nng_listen(rep, "tcp://127.0.0.1:0", &listener, 0), "listen");
    check(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), "port");
    check(nng_thread_create(&server, serve, &rep), "thread");

    url = nng_alloc(64);
    snprintf(url, 64, "tcp://127.0.0.1:%d", port);
    check(nng_req0_open(&req), "open");
    check(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 10000), "timeout");
    check(nng_dial(req, url, NULL, 0), "dial");
    nng_free(url, 64);

    for (int i = 0; i < REQUESTS; i++) {
        char text[16], *reply;
        size_t size;

        snprintf(text, sizeof text, "hello %d", i);
        check(nng_send(req, text, strlen(text), 0), "ask");
        check(nng_recv(req, &reply, &size, NNG_FLAG_ALLOC), "receive the reply");
        printf("%.*s\n", (int) size, reply);
        nng_free(reply, size);
    }

    nng_thread_destroy(server);
    check(nng_close(req), "close");
    check(nng_close(rep), "close");
    nng_fini();
    return 0;
}
