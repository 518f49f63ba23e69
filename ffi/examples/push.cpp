// A pipeline in C++: handles that close themselves.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <spanwire.h>

namespace {

void check(int rv)
{
    if (rv != 0) {
        throw std::runtime_error(nng_strerror(rv));
    }
}

class Socket {
public:
    explicit Socket(int (*open)(nng_socket *)) { check(open(&socket)); }
    ~Socket() { nng_close(socket); }
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;

    void listen(const std::string &url) { check(nng_listen(socket, url.c_str(), nullptr, 0)); }
    void dial(const std::string &url) { check(nng_dial(socket, url.c_str(), nullptr, 0)); }

    void send(const std::string &text) { check(nng_send(socket, const_cast<char *>(text.data()), text.size(), 0)); }

    std::string recv()
    {
        void *data = nullptr;
        size_t size = 0;
        check(nng_recv(socket, &data, &size, NNG_FLAG_ALLOC));
        std::string text(static_cast<char *>(data), size);
        nng_free(data, size);
        return text;
    }

private:
    nng_socket socket = NNG_SOCKET_INITIALIZER;
};

} // namespace

int main()
{
    try {
        Socket pull(nng_pull0_open);
        pull.listen("inproc://push");
        // Closing gives up what has not been received: so the sender stays until the end.
        Socket push(nng_push0_open);
        push.dial("inproc://push");
        std::thread worker([&push] {
            for (int i = 0; i < 3; i++) {
                push.send("task " + std::to_string(i));
            }
        });
        for (int i = 0; i < 3; i++) {
            std::printf("%s\n", pull.recv().c_str());
        }
        worker.join();
        std::printf("Spanwire %s, NNG %s\n", spanwire_version(), nng_version());
    } catch (const std::exception &e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    nng_fini();
    return 0;
}
