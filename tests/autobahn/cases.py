"""The cases of the Autobahn test suite, with wsproto as the peer of an echo over a pair socket.

usage: cases.py server URL      the socket listens, each case connects
       cases.py client          the socket dials the port that is printed, again and again

Autobahn's own program needs Python 2. Its messages are text; an SP socket refuses text, so those are binary here, and text is a family of its own.
Prints a line "FAMILY <tab> PASSED <tab> CASES" for each family, and what has failed.
"""

import os
import socket
import struct
import sys
import time

from wsproto import ConnectionType, WSConnection
from wsproto.events import (AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage)

SUBPROTOCOL = "pair.sp.nanomsg.org"
LIMIT = 32 << 20
BINARY, TEXT, CONTINUE, CLOSE, PING, PONG = 2, 1, 0, 8, 9, 10


class Failed(Exception):
    pass


class Peer:
    """One connection, for one case."""

    def __init__(self, sock, client, host):
        self.sock, self.client = sock, client
        sock.settimeout(20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.events = []
        self.message = b""
        self.ended = False
        if client:
            self.conn = WSConnection(ConnectionType.CLIENT)
            request = Request(host=host, target="/", subprotocols=[SUBPROTOCOL],
                              extra_headers=[(b"Sec-WebSocket-Extensions", b"permessage-deflate")])
            sock.sendall(self.conn.send(request))
            accepted = self.next()
            if not isinstance(accepted, AcceptConnection) or accepted.subprotocol != SUBPROTOCOL or accepted.extensions:
                raise Failed(f"answered {accepted}")
        else:
            self.conn = WSConnection(ConnectionType.SERVER)
            request = self.next()
            if not isinstance(request, Request) or SUBPROTOCOL not in request.subprotocols:
                raise Failed(f"asked {request}")
            sock.sendall(self.conn.send(AcceptConnection(subprotocol=SUBPROTOCOL)))

    def frame(self, opcode, payload=b"", fin=True, rsv=0, masked=None):
        masked = self.client if masked is None else masked
        head = bytes([fin << 7 | rsv << 4 | opcode])
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head += bytes([bit | len(payload)])
        elif len(payload) < 65536:
            head += struct.pack(">BH", bit | 126, len(payload))
        else:
            head += struct.pack(">BQ", bit | 127, len(payload))
        if not masked:
            return head + payload
        key = os.urandom(4)
        n = len(payload)
        mask = int.from_bytes((key * (n // 4 + 1))[:n], "big")
        return head + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(n, "big")

    def send(self, data, chop=None):
        try:
            if chop is None:
                self.sock.sendall(data)
            else:
                for at in range(0, len(data), chop):
                    self.sock.sendall(data[at:at + chop])
        except (BrokenPipeError, ConnectionResetError):
            pass  # What it has said before counts.

    def next(self):
        """The next event; None at the end."""
        while not self.events:
            if self.ended:
                return None
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                self.ended = True
                return None
            self.conn.receive_data(data)
            self.events.extend(self.conn.events())
        return self.events.pop(0)

    def heard(self):
        """The next thing that matters, as a tuple."""
        while True:
            event = self.next()
            if event is None:
                return ("end",)
            if isinstance(event, BytesMessage):
                self.message += event.data
                if event.message_finished:
                    message, self.message = self.message, b""
                    return ("message", message)
            elif isinstance(event, TextMessage):
                return ("text", event.data)
            elif isinstance(event, Pong):
                return ("pong", bytes(event.payload))
            elif isinstance(event, Ping):
                return ("ping", bytes(event.payload))
            elif isinstance(event, CloseConnection):
                # wsproto says 1005 for a close frame without a code.
                return ("close", int(event.code))
            else:
                raise Failed(f"unexpected {event}")

    def expect(self, *things):
        for thing in things:
            heard = self.heard()
            if heard != thing:
                raise Failed(f"{short(heard)} instead of {short(thing)}")

    def finish(self):
        """A clean close from this side."""
        self.send(self.frame(CLOSE, struct.pack(">H", 1000)))
        self.expect(("close", 1000), ("end",))


def short(thing):
    return repr(thing)[:80]


def messages(*bodies):
    return [("message", body) for body in bodies]


def fails(code):
    return [("close", code), ("end",)]


def cases():
    """Each case: family, name, and what to do with a peer."""
    found = []

    def case(family, name, send, expect, chop=None, clean=True, first=b""):
        def run(peer):
            # What came before a violation is answered, if there is time: here there is.
            if first:
                peer.send(peer.frame(BINARY, first))
                peer.expect(("message", first))
            peer.send(send(peer), chop)
            peer.expect(*expect)
            if clean:
                peer.finish()

        found.append((family, name, run))

    def text(n):
        return bytes(i * 31 & 255 for i in range(n))

    family = "1 Framing"
    for n in [0, 125, 126, 127, 128, 65535, 65536]:
        case(family, f"{n} bytes", lambda p, n=n: p.frame(BINARY, text(n)), messages(text(n)))
    case(family, "65536 bytes in pieces of 997", lambda p: p.frame(BINARY, text(65536)), messages(text(65536)), 997)

    family = "2 Pings and pongs"
    for name, payload in [("empty", b""), ("text", b"Hello, world!"), ("bytes", b"\x00\xff\xfe\xfd\x00\xff"), ("125 bytes", text(125))]:
        case(family, name, lambda p, d=payload: p.frame(PING, d), [("pong", payload)])
    case(family, "126 bytes", lambda p: p.frame(PING, text(126)), fails(1002), clean=False)
    case(family, "125 bytes, byte by byte", lambda p: p.frame(PING, text(125)), [("pong", text(125))], 1)
    case(family, "pong that nobody asked for", lambda p: p.frame(PONG), [])
    case(family, "the same with a payload", lambda p: p.frame(PONG, b"unsolicited"), [])
    case(family, "pong, then ping", lambda p: p.frame(PONG, b"pong") + p.frame(PING, b"ping"), [("pong", b"ping")])
    for name, chop in [("ten pings", None), ("ten pings, byte by byte", 1)]:
        case(family, name, lambda p: b"".join(p.frame(PING, b"%d" % i) for i in range(10)),
             [("pong", b"%d" % i) for i in range(10)], chop)

    family = "3 Reserved bits"
    for rsv in range(1, 8):
        case(family, f"RSV {rsv}", lambda p, r=rsv: p.frame(BINARY, b"x", rsv=r) + p.frame(PING), fails(1002),
             clean=False, first=b"first")
        case(family, f"RSV {rsv} on a ping", lambda p, r=rsv: p.frame(PING, rsv=r), fails(1002), clean=False)

    family = "4 Opcodes"
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]:
        for payload in [b"", b"reserved"]:
            case(family, f"opcode {opcode}, {len(payload)} bytes",
                 lambda p, o=opcode, d=payload: p.frame(o, d) + p.frame(PING), fails(1002), clean=False, first=b"first")

    family = "5 Fragmentation"
    case(family, "ping in fragments", lambda p: p.frame(PING, b"a", fin=False) + p.frame(CONTINUE, b"b"), fails(1002), clean=False)
    case(family, "pong in fragments", lambda p: p.frame(PONG, b"a", fin=False) + p.frame(CONTINUE, b"b"), fails(1002), clean=False)
    for chop in [None, 1]:
        case(family, f"two fragments, chop {chop}", lambda p: p.frame(BINARY, b"one", fin=False) + p.frame(CONTINUE, b"two"),
             messages(b"onetwo"), chop)
        case(family, f"a ping between, chop {chop}",
             lambda p: p.frame(BINARY, b"one", fin=False) + p.frame(PING, b"!") + p.frame(CONTINUE, b"two"),
             [("pong", b"!")] + messages(b"onetwo"), chop)
        for fin in [True, False]:
            case(family, f"continuation of nothing, FIN {fin}, chop {chop}",
                 lambda p, f=fin: p.frame(CONTINUE, b"x", fin=f) + p.frame(BINARY, b"y"), fails(1002), chop, clean=False)
    case(family, "continuation behind a message", lambda p: p.frame(CONTINUE, b"c"), fails(1002), clean=False, first=b"ab")
    case(family, "a message within a message", lambda p: p.frame(BINARY, b"a", fin=False) + p.frame(BINARY, b"b"), fails(1002), clean=False)
    case(family, "many fragments with pings between", lambda p: p.frame(BINARY, b"0", fin=False)
         + b"".join(p.frame(CONTINUE, b"%d" % i, fin=False) + p.frame(PING, b"%d" % i) for i in range(1, 9)) + p.frame(CONTINUE, b"9"),
         [("pong", b"%d" % i) for i in range(1, 9)] + messages(b"0123456789"))
    case(family, "empty fragments", lambda p: p.frame(BINARY, fin=False) + p.frame(CONTINUE, fin=False) + p.frame(CONTINUE), messages(b""))
    case(family, "an empty one at the end", lambda p: p.frame(BINARY, b"a", fin=False) + p.frame(CONTINUE), messages(b"a"))

    family = "6 Text and UTF-8: refused"
    for payload in [b"", b"Hello", "κόσμε".encode(), b"\xce\xba\xed\xa0\x80", b"\xff", b"\xf4\x90\x80\x80"]:
        case(family, f"text {payload!r}", lambda p, d=payload: p.frame(TEXT, d), fails(1003), clean=False)
        case(family, f"fragment of text {payload!r}", lambda p, d=payload: p.frame(TEXT, d, fin=False), fails(1003), clean=False)
        case(family, f"text in a message {payload!r}", lambda p, d=payload: p.frame(BINARY, b"", fin=False) + p.frame(TEXT, d),
             fails(1002), clean=False)

    family = "7 Close"
    normal = struct.pack(">H", 1000)
    case(family, "after a message", lambda p: p.frame(BINARY, b"last"), messages(b"last"))
    for name, more in [("twice", (CLOSE, normal)), ("then a ping", (PING, b"")), ("then a message", (BINARY, b"late"))]:
        case(family, name, lambda p, m=more: p.frame(CLOSE, normal) + p.frame(*m), fails(1000), clean=False)
    case(family, "between fragments", lambda p: p.frame(BINARY, b"a", fin=False) + p.frame(CLOSE, normal) + p.frame(CONTINUE, b"b"),
         fails(1000), clean=False)
    case(family, "without a code", lambda p: p.frame(CLOSE), fails(1005), clean=False)
    case(family, "half a code", lambda p: p.frame(CLOSE, b"\x03"), fails(1002), clean=False)
    for n in [0, 1, 123]:
        case(family, f"a reason of {n} bytes", lambda p, n=n: p.frame(CLOSE, normal + b"*" * n), fails(1000), clean=False)
    case(family, "a reason of 124 bytes", lambda p: p.frame(CLOSE, normal + b"*" * 124), fails(1002), clean=False)
    case(family, "in fragments", lambda p: p.frame(CLOSE, normal, fin=False), fails(1002), clean=False)
    case(family, "a reason that is no UTF-8", lambda p: p.frame(CLOSE, normal + b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80"), fails(1007), clean=False)
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]:
        case(family, f"code {code}", lambda p, c=code: p.frame(CLOSE, struct.pack(">H", c)), fails(code), clean=False)
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]:
        case(family, f"code {code}", lambda p, c=code: p.frame(CLOSE, struct.pack(">H", c)), fails(1002), clean=False)

    family = "9 Limits and performance"
    for n in [64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20]:
        body = text(1 << 10) * (n >> 10)
        case(family, f"{n} bytes", lambda p, b=body: p.frame(BINARY, b), messages(body))
    body = text(1 << 10) * (1 << 10)
    for piece in [64, 1 << 10, 16 << 10, 256 << 10]:
        case(family, f"1 MiB in fragments of {piece}",
             lambda p, k=piece: b"".join(p.frame(BINARY if at == 0 else CONTINUE, body[at:at + k], at + k == len(body))
                                         for at in range(0, len(body), k)), messages(body))
    for chop in [64, 512, 2048]:
        case(family, f"1 MiB, {chop} bytes at a time", lambda p: p.frame(BINARY, body), messages(body), chop)
    case(family, "above the limit", lambda p: p.frame(BINARY, bytes(LIMIT + 1))[:1000], fails(1009), clean=False)
    case(family, "above the limit in fragments",
         lambda p: p.frame(BINARY, b"a", fin=False) + p.frame(CONTINUE, bytes(LIMIT))[:1000], fails(1009), clean=False)
    for n in [0, 16, 64, 256, 1024]:
        def round_trips(peer, n=n):
            for _ in range(1000):
                peer.send(peer.frame(BINARY, text(n)))
                peer.expect(("message", text(n)))
            peer.finish()

        found.append((family, f"1000 round trips of {n} bytes", round_trips))

    family = "10 Masks and large messages in fragments"
    case(family, "the wrong side masks", lambda p: p.frame(BINARY, b"x", masked=not p.client), fails(1002), clean=False)
    case(family, "65536 bytes in fragments of 1300",
         lambda p: b"".join(p.frame(BINARY if at == 0 else CONTINUE, text(65536)[at:at + 1300], at + 1300 >= 65536)
                            for at in range(0, 65536, 1300)), messages(text(65536)))
    return found


def main(role, url=None):
    if role == "server":
        host, port = url.removeprefix("ws://").rstrip("/").rsplit(":", 1)
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(20)
        print("listening", listener.getsockname()[1], flush=True)
    families = {}
    for family, name, run in cases():
        passed, count = families.get(family, (0, 0))
        sock = None
        try:
            # One peer at a time: a pair socket refuses the next until the last one is gone.
            for attempt in range(200):
                try:
                    sock = socket.create_connection((host, int(port))) if role == "server" else listener.accept()[0]
                    peer = Peer(sock, role == "server", f"{host}:{port}" if role == "server" else "")
                    if role == "server":
                        peer.send(peer.frame(BINARY, b"ready?"))
                        peer.expect(("message", b"ready?"))
                    break
                except (Failed, ConnectionError):
                    sock.close()
                    if attempt == 199:
                        raise
                    time.sleep(0.005)
            run(peer)
            passed += 1
        except Exception as e:
            print(f"FAILED\t{family}\t{name}\t{type(e).__name__}: {e}", flush=True)
        finally:
            if sock:
                sock.close()
        families[family] = (passed, count + 1)
    for family, (passed, count) in families.items():
        print(f"{family}\t{passed}\t{count}", flush=True)


main(*sys.argv[1:])
