// A puppet on libnanomsg: does what it is told on standard input, one command a line, and answers each with one line.
//
//   open S NAME          socket S of this protocol: "req"; "rep/raw" is the raw form
//   listen S URL, dial S URL, close S
//   sub S TOPIC, unsub S TOPIC        TOPIC "-" is the empty one
//   send S N             a message of N bytes in the pattern that recv checks
//   text S TEXT          a message of this text
//   recv S               "got N", "text TEXT" for one that begins with '/', or "bad N" if the bytes are wrong
//   bounce S             receives a message and sends it back with its header
//   device S T           forwards between two raw sockets from now on
//
// What fails is answered with "error ..." .

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nanomsg/bus.h>
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/survey.h>

#include "puppet.h"

#define SOCKETS 8

static const struct {
    const char *name;
    int number;
} protocols[] = {
    {"pair", NN_PAIR}, {"bus", NN_BUS}, {"push", NN_PUSH}, {"pull", NN_PULL}, {"pub", NN_PUB}, {"sub", NN_SUB},
    {"req", NN_REQ}, {"rep", NN_REP}, {"surveyor", NN_SURVEYOR}, {"respondent", NN_RESPONDENT},
};

static int sockets[SOCKETS];

static void result(int rv) {
    if (rv >= 0) {
        say("ok");
    } else {
        say("error %s", nn_strerror(nn_errno()));
    }
}

static int set(int s, int level, int option, int value) {
    return nn_setsockopt(s, level, option, &value, sizeof value);
}

static int open_socket(int *s, char *name) {
    char *raw = strstr(name, "/raw");
    if (raw != NULL) {
        *raw = '\0';
    }
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (strcmp(protocols[i].name, name) == 0) {
            *s = nn_socket(raw != NULL ? AF_SP_RAW : AF_SP, protocols[i].number);
            // Not every protocol or form has each of them.
            set(*s, NN_SOL_SOCKET, NN_RCVTIMEO, TIMEOUT_MS);
            set(*s, NN_SOL_SOCKET, NN_SNDTIMEO, TIMEOUT_MS);
            set(*s, NN_SOL_SOCKET, NN_RCVMAXSIZE, -1);
            set(*s, NN_SOL_SOCKET, NN_RECONNECT_IVL, 10);
            set(*s, NN_SURVEYOR, NN_SURVEYOR_DEADLINE, TIMEOUT_MS);
            return *s;
        }
    }
    *s = -1;
    return -1;
}

static int send_bytes(int s, const void *bytes, size_t n) {
    void *buf = nn_allocmsg(n, 0);
    if (bytes != NULL) {
        memcpy(buf, bytes, n);
    } else {
        fill(buf, n);
    }
    int rv = nn_send(s, &buf, NN_MSG, 0);
    if (rv < 0) {
        nn_freemsg(buf);
    }
    return rv;
}

static int bounce(int s) {
    void *body = NULL, *control = NULL;
    struct nn_iovec iov = {.iov_base = &body, .iov_len = NN_MSG};
    struct nn_msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = NN_MSG};
    int rv = nn_recvmsg(s, &hdr, 0);
    return rv < 0 ? rv : nn_sendmsg(s, &hdr, 0);
}

static void *run_device(void *arg) {
    int *pair = arg;
    nn_device(pair[0], pair[1]);
    return NULL;
}

static void obey(char **w, int words) {
    const char *cmd = w[0];
    int *s = &sockets[words > 1 ? atoi(w[1]) % SOCKETS : 0];
    if (strcmp(cmd, "open") == 0) {
        result(open_socket(s, w[2]));
    } else if (strcmp(cmd, "listen") == 0) {
        result(nn_bind(*s, w[2]));
    } else if (strcmp(cmd, "dial") == 0) {
        result(nn_connect(*s, w[2]));
    } else if (strcmp(cmd, "close") == 0) {
        result(nn_close(*s));
    } else if (strcmp(cmd, "sub") == 0 || strcmp(cmd, "unsub") == 0) {
        int option = *cmd == 's' ? NN_SUB_SUBSCRIBE : NN_SUB_UNSUBSCRIBE;
        result(nn_setsockopt(*s, NN_SUB, option, w[2], strcmp(w[2], "-") == 0 ? 0 : strlen(w[2])));
    } else if (strcmp(cmd, "send") == 0) {
        result(send_bytes(*s, NULL, strtoul(w[2], NULL, 10)));
    } else if (strcmp(cmd, "text") == 0) {
        result(send_bytes(*s, w[2], strlen(w[2])));
    } else if (strcmp(cmd, "recv") == 0) {
        char *buf = NULL;
        int n = nn_recv(*s, &buf, NN_MSG, 0);
        if (n < 0) {
            result(n);
            return;
        }
        if (n > 0 && *buf == '/') {
            say("text %.*s", n, buf);
        } else {
            say("%s %d", right(buf, (size_t)n) ? "got" : "bad", n);
        }
        nn_freemsg(buf);
    } else if (strcmp(cmd, "bounce") == 0) {
        result(bounce(*s));
    } else if (strcmp(cmd, "device") == 0) {
        static int pair[2];
        pthread_t thread;
        pair[0] = *s;
        pair[1] = sockets[atoi(w[2]) % SOCKETS];
        result(-pthread_create(&thread, NULL, run_device, pair));
    } else {
        say("error no such command: %s", cmd);
    }
}

int main(void) {
    puppet(obey);
    return 0;
}
