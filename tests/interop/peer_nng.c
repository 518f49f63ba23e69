// A puppet on libnng: does what it is told on standard input, one command a line, and answers each with one line.
//
//   open S NAME          socket S of this protocol: "req", "pair1-poly"; "rep/raw" is the raw form
//   listen S URL, dial S URL, close S
//   sub S TOPIC, unsub S TOPIC        TOPIC "-" is the empty one
//   ms S OPTION N, int S OPTION N, size S OPTION N
//   send S N             a message of N bytes in the pattern that recv checks
//   text S TEXT          a message of this text
//   hsend S HEX N        with this header
//   psend S PIPE N       to this pipe
//   recv S               "got N PIPE HEADER", "text TEXT" for one that begins with '/', or "bad N" if the bytes are wrong
//   bounce S             receives a message and sends it back with its header
//   ctx C S, csend C N, crecv C
//   device S T           forwards between two raw sockets from now on
//
// What fails is answered with "error ..." .

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/bus0/bus.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>

#include "puppet.h"

#define SOCKETS 8
#define CONTEXTS 32

static const struct {
    const char *name;
    int (*open)(nng_socket *);
} protocols[] = {
    {"pair", nng_pair0_open},
    {"pair/raw", nng_pair0_open_raw},
    {"pair1", nng_pair1_open},
    {"pair1/raw", nng_pair1_open_raw},
    {"pair1-poly", nng_pair1_open_poly},
    {"bus", nng_bus0_open},
    {"bus/raw", nng_bus0_open_raw},
    {"push", nng_push0_open},
    {"push/raw", nng_push0_open_raw},
    {"pull", nng_pull0_open},
    {"pull/raw", nng_pull0_open_raw},
    {"pub", nng_pub0_open},
    {"pub/raw", nng_pub0_open_raw},
    {"sub", nng_sub0_open},
    {"sub/raw", nng_sub0_open_raw},
    {"req", nng_req0_open},
    {"req/raw", nng_req0_open_raw},
    {"rep", nng_rep0_open},
    {"rep/raw", nng_rep0_open_raw},
    {"surveyor", nng_surveyor0_open},
    {"surveyor/raw", nng_surveyor0_open_raw},
    {"respondent", nng_respondent0_open},
    {"respondent/raw", nng_respondent0_open_raw},
};

static nng_socket sockets[SOCKETS];
static nng_ctx contexts[CONTEXTS];

static void result(int rv) {
    if (rv == 0) {
        say("ok");
    } else {
        say("error %s", nng_strerror(rv));
    }
}

static int open_socket(nng_socket *s, const char *name) {
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (strcmp(protocols[i].name, name) == 0) {
            int rv = protocols[i].open(s);
            if (rv == 0) {
                // Not every protocol or form has each of them.
                nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, TIMEOUT_MS);
                nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, TIMEOUT_MS);
                nng_socket_set_ms(*s, NNG_OPT_RECONNMINT, 10);
                nng_socket_set_ms(*s, NNG_OPT_RECONNMAXT, 100);
                nng_socket_set_size(*s, NNG_OPT_RECVMAXSZ, 0);
                nng_socket_set_ms(*s, NNG_OPT_SURVEYOR_SURVEYTIME, TIMEOUT_MS);
            }
            return rv;
        }
    }
    return NNG_ENOTSUP;
}

static nng_msg *patterned(size_t n) {
    nng_msg *m;
    if (nng_msg_alloc(&m, n) != 0) {
        abort();
    }
    fill(nng_msg_body(m), n);
    return m;
}

static void hex(const void *bytes, size_t n, char *out, size_t room) {
    for (size_t i = 0; i < n && 2 * i + 3 <= room; i++) {
        snprintf(out + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    }
}

static void tell(nng_msg *m) {
    char header[3 * 64] = "";
    if (nng_msg_len(m) > 0 && *(char *)nng_msg_body(m) == '/') {
        say("text %.*s", (int)nng_msg_len(m), (char *)nng_msg_body(m));
        return;
    }
    hex(nng_msg_header(m), nng_msg_header_len(m), header, sizeof header);
    say("%s %zu %d %s", right(nng_msg_body(m), nng_msg_len(m)) ? "got" : "bad", nng_msg_len(m),
        (int)nng_msg_get_pipe(m).id, header);
}

static void sent(int rv, nng_msg *m) {
    if (rv != 0) {
        nng_msg_free(m);
    }
    result(rv);
}

static void through_context(nng_ctx ctx, nng_msg *m) {
    nng_aio *aio;
    if (nng_aio_alloc(&aio, NULL, NULL) != 0) {
        abort();
    }
    nng_aio_set_timeout(aio, TIMEOUT_MS);
    if (m != NULL) {
        nng_aio_set_msg(aio, m);
        nng_ctx_send(ctx, aio);
        nng_aio_wait(aio);
        sent(nng_aio_result(aio), m);
    } else {
        nng_ctx_recv(ctx, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) == 0) {
            m = nng_aio_get_msg(aio);
            tell(m);
            nng_msg_free(m);
        } else {
            result(nng_aio_result(aio));
        }
    }
    nng_aio_free(aio);
}

static size_t unhex(const char *text, unsigned char *out, size_t room) {
    size_t n = 0;
    for (unsigned byte; n < room && sscanf(text + 2 * n, "%2x", &byte) == 1; n++) {
        out[n] = (unsigned char)byte;
    }
    return n;
}

static void *run_device(void *arg) {
    nng_socket *pair = arg;
    nng_device(pair[0], pair[1]);
    return NULL;
}

static void obey(char **w, int words) {
    const char *cmd = w[0];
    unsigned i = words > 1 ? (unsigned)atoi(w[1]) : 0;
    nng_socket *s = &sockets[i % SOCKETS];
    nng_msg *m;
    int rv;
    if (strcmp(cmd, "open") == 0) {
        result(open_socket(s, w[2]));
    } else if (strcmp(cmd, "listen") == 0) {
        result(nng_listen(*s, w[2], NULL, 0));
    } else if (strcmp(cmd, "dial") == 0) {
        result(nng_dial(*s, w[2], NULL, NNG_FLAG_NONBLOCK));
    } else if (strcmp(cmd, "close") == 0) {
        result(nng_close(*s));
    } else if (strcmp(cmd, "sub") == 0) {
        result(nng_socket_set(*s, NNG_OPT_SUB_SUBSCRIBE, w[2], strcmp(w[2], "-") == 0 ? 0 : strlen(w[2])));
    } else if (strcmp(cmd, "unsub") == 0) {
        result(nng_socket_set(*s, NNG_OPT_SUB_UNSUBSCRIBE, w[2], strcmp(w[2], "-") == 0 ? 0 : strlen(w[2])));
    } else if (strcmp(cmd, "ms") == 0) {
        result(nng_socket_set_ms(*s, w[2], atoi(w[3])));
    } else if (strcmp(cmd, "int") == 0) {
        result(nng_socket_set_int(*s, w[2], atoi(w[3])));
    } else if (strcmp(cmd, "size") == 0) {
        result(nng_socket_set_size(*s, w[2], strtoul(w[3], NULL, 10)));
    } else if (strcmp(cmd, "send") == 0) {
        m = patterned(strtoul(w[2], NULL, 10));
        sent(nng_sendmsg(*s, m, 0), m);
    } else if (strcmp(cmd, "text") == 0) {
        m = patterned(strlen(w[2]));
        memcpy(nng_msg_body(m), w[2], strlen(w[2]));
        sent(nng_sendmsg(*s, m, 0), m);
    } else if (strcmp(cmd, "hsend") == 0) {
        unsigned char header[64];
        size_t n = unhex(w[2], header, sizeof header);
        m = patterned(strtoul(w[3], NULL, 10));
        nng_msg_header_append(m, header, n);
        sent(nng_sendmsg(*s, m, 0), m);
    } else if (strcmp(cmd, "psend") == 0) {
        nng_pipe pipe = {.id = (uint32_t)strtoul(w[2], NULL, 10)};
        m = patterned(strtoul(w[3], NULL, 10));
        nng_msg_set_pipe(m, pipe);
        sent(nng_sendmsg(*s, m, 0), m);
    } else if (strcmp(cmd, "recv") == 0) {
        if ((rv = nng_recvmsg(*s, &m, 0)) == 0) {
            tell(m);
            nng_msg_free(m);
        } else {
            result(rv);
        }
    } else if (strcmp(cmd, "bounce") == 0) {
        if ((rv = nng_recvmsg(*s, &m, 0)) == 0) {
            sent(nng_sendmsg(*s, m, 0), m);
        } else {
            result(rv);
        }
    } else if (strcmp(cmd, "ctx") == 0) {
        result(nng_ctx_open(&contexts[i % CONTEXTS], sockets[atoi(w[2]) % SOCKETS]));
    } else if (strcmp(cmd, "csend") == 0) {
        through_context(contexts[i % CONTEXTS], patterned(strtoul(w[2], NULL, 10)));
    } else if (strcmp(cmd, "crecv") == 0) {
        through_context(contexts[i % CONTEXTS], NULL);
    } else if (strcmp(cmd, "device") == 0) {
        static nng_socket pair[2];
        pthread_t thread;
        pair[0] = *s;
        pair[1] = sockets[atoi(w[2]) % SOCKETS];
        result(pthread_create(&thread, NULL, run_device, pair) == 0 ? 0 : NNG_ENOMEM);
    } else {
        say("error no such command: %s", cmd);
    }
}

int main(void) {
    puppet(obey);
    return 0;
}
