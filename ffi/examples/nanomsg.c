/* A program for nanomsg's interface. */
#include <stdio.h>
#include <string.h>

#include <nng/compat/nanomsg/nn.h>
#include <nng/compat/nanomsg/pipeline.h>
#include <nng/compat/nanomsg/reqrep.h>

#define URL "inproc://nanomsg"

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, nn_strerror(nn_errno()));
    return 1;
}

int main(void)
{
    int rep = nn_socket(AF_SP, NN_REP);
    int req = nn_socket(AF_SP, NN_REQ);
    int timeout = 10000, value, endpoint;
    size_t size = sizeof value;
    struct nn_pollfd fd;
    void *whole;
    char reply[8];

    if (rep < 0 || req < 0) {
        return failed("nn_socket");
    }
    if (nn_bind(rep, URL) < 0 || (endpoint = nn_connect(req, URL)) < 0) {
        return failed("nn_bind, nn_connect");
    }
    if (nn_setsockopt(req, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout, sizeof timeout) < 0
        || nn_getsockopt(req, NN_SOL_SOCKET, NN_RCVTIMEO, &value, &size) < 0 || value != timeout || size != sizeof value) {
        return failed("options");
    }

    whole = nn_allocmsg(5, 0);
    memcpy(whole, "hello", 5);
    if (nn_send(req, &whole, NN_MSG, 0) != 5) {
        return failed("nn_send");
    }
    fd.fd = rep;
    fd.events = NN_POLLIN;
    if (nn_poll(&fd, 1, timeout) != 1 || fd.revents != NN_POLLIN) {
        return failed("nn_poll");
    }
    if (nn_recv(rep, &whole, NN_MSG, 0) != 5) {
        return failed("nn_recv");
    }
    whole = nn_reallocmsg(whole, 6);
    memcpy((char *) whole + 5, "!", 1);
    if (nn_send(rep, &whole, NN_MSG, 0) != 6) {
        return failed("nn_send");
    }
    if (nn_recv(req, reply, sizeof reply, 0) != 6) {
        return failed("nn_recv");
    }
    printf("%.6s\n", reply);

    if (nn_recv(req, reply, sizeof reply, 0) != -1 || nn_errno() != EFSM) {
        return failed("a reply without a request");
    }
    printf("%s\n", nn_strerror(EFSM));
    if (nn_shutdown(req, endpoint) < 0 || nn_close(req) < 0 || nn_close(rep) < 0) {
        return failed("closing");
    }
    if (nn_send(req, "x", 1, 0) != -1 || nn_errno() != EBADF) {
        return failed("a closed socket");
    }
    nn_term();
    return 0;
}
