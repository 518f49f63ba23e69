/* A question to everybody, and their answers within a time. */
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>

#include "example.h"

enum { RESPONDENTS = 3 };

static void respond(void *arg)
{
    nng_socket *respondent = arg;
    nng_msg *msg;

    check(nng_recvmsg(*respondent, &msg, 0), "receive the survey");
    nng_msg_clear(msg);
    check(nng_msg_append_u32(msg, (uint32_t) nng_socket_id(*respondent)), "append");
    check(nng_sendmsg(*respondent, msg, 0), "respond");
}

int main(void)
{
    nng_socket surveyor, respondents[RESPONDENTS];
    nng_thread *threads[RESPONDENTS];
    nng_msg *msg;
    int answers = 0, rv;

    check(nng_surveyor0_open(&surveyor), "open");
    for (int i = 0; i < RESPONDENTS; i++) {
        char url[32];
        snprintf(url, sizeof url, "inproc://survey%d", i);
        check(nng_respondent0_open(&respondents[i]), "open");
        check(nng_listen(respondents[i], url, NULL, 0), "listen");
        /* Who is not there when the question is asked is not asked. */
        check(nng_dial(surveyor, url, NULL, 0), "dial");
        check(nng_thread_create(&threads[i], respond, &respondents[i]), "thread");
    }

    check(nng_socket_set_ms(surveyor, NNG_OPT_SURVEYOR_SURVEYTIME, 2000), "survey time");
    check(nng_send(surveyor, "who?", 4, 0), "ask");
    while ((rv = nng_recvmsg(surveyor, &msg, 0)) == 0) {
        uint32_t id;
        check(nng_msg_trim_u32(msg, &id), "trim");
        nng_msg_free(msg);
        answers++;
    }
    /* The time is over. */
    printf("%d answers, then: %s\n", answers, nng_strerror(rv));

    check(nng_close(surveyor), "close");
    for (int i = 0; i < RESPONDENTS; i++) {
        nng_thread_destroy(threads[i]);
        check(nng_close(respondents[i]), "close");
    }
    nng_fini();
    return answers == RESPONDENTS && rv == NNG_ETIMEDOUT ? 0 : 1;
}
