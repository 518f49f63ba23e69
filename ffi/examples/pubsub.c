/* News for subscribers: each hears what it asked for. */
#include <string.h>

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

#include "example.h"

#define URL "inproc://pubsub"

static nng_mtx *lock;
static nng_cv *joined;
static int subscribers;

static void count(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void) pipe;
    (void) event;
    (void) arg;
    nng_mtx_lock(lock);
    subscribers++;
    nng_cv_wake(joined);
    nng_mtx_unlock(lock);
}

static nng_socket subscriber(const char *topic)
{
    nng_socket sub;
    check(nng_sub0_open(&sub), "open");
    check(nng_sub0_socket_subscribe(sub, topic, strlen(topic)), "subscribe");
    check(nng_socket_set_ms(sub, NNG_OPT_RECVTIMEO, 10000), "timeout");
    check(nng_dial(sub, URL, NULL, 0), "dial");
    return sub;
}

static void hear(const char *who, nng_socket sub, int count)
{
    while (count-- > 0) {
        nng_msg *msg;
        check(nng_recvmsg(sub, &msg, 0), "receive");
        printf("%s: %.*s\n", who, (int) nng_msg_len(msg), (char *) nng_msg_body(msg));
        nng_msg_free(msg);
    }
}

int main(void)
{
    static const char *const news[] = { "sports: 3 to 2", "weather: rain", "sports: overtime" };
    nng_socket pub, all, sports;

    check(nng_mtx_alloc(&lock), "mutex");
    check(nng_cv_alloc(&joined, lock), "condition");
    check(nng_pub0_open(&pub), "open");
    check(nng_pipe_notify(pub, NNG_PIPE_EV_ADD_POST, count, NULL), "notify");
    check(nng_listen(pub, URL, NULL, 0), "listen");

    all = subscriber("");
    sports = subscriber("sports");

    /* Who is not there when something is published misses it. */
    nng_mtx_lock(lock);
    while (subscribers < 2) {
        nng_cv_wait(joined);
    }
    nng_mtx_unlock(lock);

    for (size_t i = 0; i < sizeof news / sizeof news[0]; i++) {
        check(nng_send(pub, (void *) news[i], strlen(news[i]), 0), "publish");
    }
    hear("all", all, 3);
    hear("sports", sports, 2);

    check(nng_close(all), "close");
    check(nng_close(sports), "close");
    check(nng_close(pub), "close");
    nng_cv_free(joined);
    nng_mtx_free(lock);
    nng_fini();
    return 0;
}
