/* Sockets in the program's own poll loop. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>

#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include "example.h"

enum { MESSAGES = 5 };

static nng_socket pull[2], push[2];

static void work(void *arg)
{
    (void) arg;
    for (int i = 0; i < MESSAGES; i++) {
        check(nng_send(push[i % 2], &i, sizeof i, 0), "send");
    }
}

int main(void)
{
    static const char *const urls[] = { "inproc://even", "inproc://odd" };
    struct pollfd fds[2];
    nng_thread *worker;
    int received = 0;

    for (int i = 0; i < 2; i++) {
        check(nng_pull0_open(&pull[i]), "open");
        check(nng_listen(pull[i], urls[i], NULL, 0), "listen");
        /* Readable while there is something to receive. The library's: neither read nor close it. */
        check(nng_socket_get_int(pull[i], NNG_OPT_RECVFD, &fds[i].fd), "descriptor");
        fds[i].events = POLLIN;
        check(nng_push0_open(&push[i]), "open");
        check(nng_dial(push[i], urls[i], NULL, 0), "dial");
    }
    check(nng_thread_create(&worker, work, NULL), "thread");

    while (received < MESSAGES) {
        if (poll(fds, 2, 10000) <= 0) {
            fprintf(stderr, "nothing comes\n");
            return 1;
        }
        for (int i = 0; i < 2; i++) {
            int number, rv;
            size_t size = sizeof number;
            /* All that there is: until it would have to wait. */
            while (fds[i].revents != 0 && (rv = nng_recv(pull[i], &number, &size, NNG_FLAG_NONBLOCK)) != NNG_EAGAIN) {
                check(rv, "receive");
                printf("%s: %d\n", urls[i], number);
                received++;
            }
        }
    }

    nng_thread_destroy(worker);
    for (int i = 0; i < 2; i++) {
        check(nng_close(push[i]), "close");
        check(nng_close(pull[i]), "close");
    }
    nng_fini();
    return 0;
}
