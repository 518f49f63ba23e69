/* A server without threads of its own: each context serves one request at a time, by callbacks. */
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "example.h"

#define URL "inproc://async"

enum { WORKERS = 4, CLIENTS = 8 };

/* RECV ──request──► WORK ──time is over──► SEND ──sent──► RECV */
struct worker {
    enum { RECV, WORK, SEND } state;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *reply;
};

static void step(void *arg)
{
    struct worker *w = arg;
    uint32_t ms;
    int rv = nng_aio_result(w->aio);

    if (rv != 0) {
        if (w->state == SEND) {
            nng_msg_free(nng_aio_get_msg(w->aio));
        } else if (w->state == WORK) {
            nng_msg_free(w->reply);
        }
        if (rv != NNG_ECLOSED && rv != NNG_ECANCELED) {
            check(rv, "serve");
        }
        return; /* The server ends. */
    }
    switch (w->state) {
    case RECV:
        w->reply = nng_aio_get_msg(w->aio);
        check(nng_msg_trim_u32(w->reply, &ms), "a request is a number");
        check(nng_msg_append_u32(w->reply, ms * 2), "append");
        w->state = WORK;
        nng_sleep_aio((nng_duration) ms, w->aio);
        break;
    case WORK:
        nng_aio_set_msg(w->aio, w->reply);
        w->state = SEND;
        nng_ctx_send(w->ctx, w->aio);
        break;
    case SEND:
        w->state = RECV;
        nng_ctx_recv(w->ctx, w->aio);
        break;
    }
}

int main(void)
{
    struct worker workers[WORKERS];
    nng_socket rep, req;
    nng_ctx clients[CLIENTS];
    nng_aio *aios[CLIENTS];

    check(nng_rep0_open(&rep), "open");
    for (int i = 0; i < WORKERS; i++) {
        workers[i].state = RECV;
        check(nng_ctx_open(&workers[i].ctx, rep), "context");
        check(nng_aio_alloc(&workers[i].aio, step, &workers[i]), "aio");
        nng_ctx_recv(workers[i].ctx, workers[i].aio);
    }
    check(nng_listen(rep, URL, NULL, 0), "listen");

    /* All ask at the same time. */
    check(nng_req0_open(&req), "open");
    check(nng_dial(req, URL, NULL, 0), "dial");
    for (int i = 0; i < CLIENTS; i++) {
        nng_msg *msg;
        check(nng_ctx_open(&clients[i], req), "context");
        check(nng_aio_alloc(&aios[i], NULL, NULL), "aio");
        nng_aio_set_timeout(aios[i], 10000);
        check(nng_msg_alloc(&msg, 0), "message");
        check(nng_msg_append_u32(msg, (uint32_t) i), "append");
        nng_aio_set_msg(aios[i], msg);
        nng_ctx_send(clients[i], aios[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        nng_aio_wait(aios[i]);
        check(nng_aio_result(aios[i]), "ask");
        nng_ctx_recv(clients[i], aios[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        nng_msg *msg;
        uint32_t twice;
        nng_aio_wait(aios[i]);
        check(nng_aio_result(aios[i]), "receive the reply");
        msg = nng_aio_get_msg(aios[i]);
        check(nng_msg_trim_u32(msg, &twice), "a reply is a number");
        printf("twice %d is %u\n", i, (unsigned) twice);
        nng_msg_free(msg);
        nng_aio_free(aios[i]);
        check(nng_ctx_close(clients[i]), "close");
    }

    for (int i = 0; i < WORKERS; i++) {
        nng_aio_stop(workers[i].aio);
        nng_aio_free(workers[i].aio);
        check(nng_ctx_close(workers[i].ctx), "close");
    }
    check(nng_close(req), "close");
    check(nng_close(rep), "close");
    nng_fini();
    return 0;
}
