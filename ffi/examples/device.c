/* A device between requests and replies, such as on a machine between two networks. */
#include <string.h>

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "example.h"

#define FRONT "inproc://front"
#define BACK "inproc://back"

struct device {
    nng_socket front, back;
    int ended;
};

static void forward(void *arg)
{
    struct device *device = arg;
    /* Until one of its sockets is closed. */
    device->ended = nng_device(device->front, device->back);
}

static void serve(void *arg)
{
    nng_socket *rep = arg;
    nng_msg *msg;

    check(nng_recvmsg(*rep, &msg, 0), "receive");
    check(nng_sendmsg(*rep, msg, 0), "reply");
}

int main(void)
{
    struct device device;
    nng_socket rep, req;
    nng_thread *forwarder, *server;
    char reply[16];
    size_t size = sizeof reply;

    check(nng_rep0_open_raw(&device.front), "open");
    check(nng_req0_open_raw(&device.back), "open");
    check(nng_listen(device.front, FRONT, NULL, 0), "listen");
    check(nng_listen(device.back, BACK, NULL, 0), "listen");
    check(nng_thread_create(&forwarder, forward, &device), "thread");

    check(nng_rep0_open(&rep), "open");
    check(nng_dial(rep, BACK, NULL, 0), "dial");
    check(nng_thread_create(&server, serve, &rep), "thread");

    check(nng_req0_open(&req), "open");
    check(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 10000), "timeout");
    check(nng_dial(req, FRONT, NULL, 0), "dial");
    check(nng_send(req, "through", 7, 0), "ask");
    check(nng_recv(req, reply, &size, 0), "receive the reply");
    printf("%.*s\n", (int) size, reply);

    check(nng_close(device.front), "close");
    nng_thread_destroy(forwarder);
    check(nng_close(device.back), "close");
    printf("the device: %s\n", nng_strerror(device.ended));
    nng_thread_destroy(server);
    check(nng_close(req), "close");
    check(nng_close(rep), "close");
    nng_fini();
    return size == 7 && memcmp(reply, "through", 7) == 0 && device.ended != 0 ? 0 : 1;
}
