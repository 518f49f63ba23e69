"""NNG with TLS, by pynng, as a peer: does one thing and says "ok".

usage: peer.py DOES PROTOCOL ROLE URL FILES     DOES: echo, ask, send, receive; ROLE: listen, dial; FILES: the folder with the certificates
"""

import os
import sys
import threading

import pynng

SIZES = [0, 1, 3, 8, 63, 64, 4096, 16384, 16385, 65535, 65536, 300000, 1 << 20, 8 << 20]


def body(size):
    return bytes((i * 31 >> 3) & 255 ^ i & 255 for i in range(256)) * (size // 256 + 1)


def receive(socket):
    # Its recv() can't receive an empty message.
    return socket.recv_msg().bytes


def main(does, protocol, role, url, files):
    client = pynng.TLSConfig(pynng.TLSConfig.MODE_CLIENT, server_name="localhost", ca_files=f"{files}/ca.pem",
                             cert_key_file=f"{files}/both.pem")
    server = pynng.TLSConfig(pynng.TLSConfig.MODE_SERVER, ca_files=f"{files}/ca.pem", cert_key_file=f"{files}/both.pem",
                             auth_mode=pynng.TLSConfig.AUTH_MODE_REQUIRED)
    open_ = getattr(pynng, protocol)
    with open_(recv_timeout=30000, send_timeout=30000, recv_max_size=0,
               tls_config=server if role == "listen" else client) as socket:
        if protocol == "Sub0":
            socket.subscribe(b"")
        connected = threading.Event()
        socket.add_post_pipe_connect_cb(lambda _: connected.set())
        if role == "listen":
            listener = socket.listen(url)
            print("listening", str(listener.local_address).rsplit(":", 1)[1], flush=True)
        else:
            socket.dial(url, block=True)
            print("dialed", flush=True)
        if not connected.wait(30):
            raise TimeoutError("no connection")
        for size in SIZES:
            data = body(size)[:size]
            if does == "echo":
                socket.send(receive(socket))
            elif does == "send":
                socket.send(data)
            else:
                if does == "ask":
                    socket.send(data)
                got = receive(socket)
                if got != data:
                    raise ValueError(f"{len(got)} bytes came instead of {size}, or other ones")
        print("ok", flush=True)
        # The other side closes when it has all. NNG 1.11 does not: closing a WebSocket over TLS it aborts now and then ("pthread_mutex_lock:
        # Invalid argument", which it calls a bug itself).
        sys.stdin.read()
        os._exit(0)


main(*sys.argv[1:])
