"""A provider in Python whose answers are made up octet by octet, and one that speaks TLS badly.
Loopback only, a thread a connection."""

import base64
import random
import socket
import threading


class Upstream:
    """Listens until `close`. `answer(method, target, body, connection)` returns the octets to
    send and whether the connection goes on."""

    def __init__(self, answer, address="127.0.0.1", wrap=None):
        self.answer, self.wrap = answer, wrap
        self.listener = socket.create_server((address, 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = "http://%s:%d" % (address, self.port)
        self.requests = 0
        self.open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()
        for each in list(self.open):
            each.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        self.open.add(connection)
        try:
            if self.wrap:
                connection = self.wrap(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._talk(connection)
        except (OSError, ValueError):
            pass
        finally:
            self.open.discard(connection)
            connection.close()

    def _talk(self, connection):
        buffer = b""
        while True:
            while b"\r\n\r\n" not in buffer:
                got = connection.recv(65536)
                if not got:
                    return
                buffer += got
            head, _, buffer = buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            length = 0
            for line in lines[1:]:
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            while len(buffer) < length:
                got = connection.recv(65536)
                if not got:
                    return
                buffer += got
            body, buffer = buffer[:length], buffer[length:]
            self.requests += 1
            octets, goes_on = self.answer(method, target, body, connection)
            if octets:
                connection.sendall(octets)
            if not goes_on:
                return


def answer_of(body, *fields):
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: %d" % len(body)]
    return ("\r\n".join(head + list(fields)) + "\r\n\r\n").encode() + body


STOLEN = b'{"stolen":true}'

PARTS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0\r\n\r\n", b"5\r\nhello\r\n", b"\r\n\r\n",
         b"Content-Length: 0\r\n", b"Content-Length: 15\r\n", b"Content-Length: 5, 5\r\n",
         b"Content-Length: -1\r\n", b"Content-Length: 18446744073709551616\r\n", b"Content-Length: 0x5\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
         b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
         b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Connection: content-length\r\n",
         b"Upgrade: websocket\r\n", b"Trailer: x\r\n", b" folded\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
         b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n",
         b"HTTP/1.1 304 Not Modified\r\n\r\n", b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/2 200\r\n\r\n", b"\x16\x03\x01\x02",
         answer_of(STOLEN), b"A" * 5000, b"x: " + b"y" * 300 + b"\r\n"]

BASES = [
    answer_of(b'{"id":1}'),
    answer_of(b"", "X-Empty: 1"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"e\r\ndata: {\"a\":1}\n\n\r\n" b"0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 15\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + answer_of(b"{}"),
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
]


def hostile_answer(rnd):
    """(octets, does the connection go on): a valid answer with a few places broken, often with
    another whole answer behind it for whoever comes next."""
    octets = bytearray(rnd.choice(BASES))
    for _ in range(rnd.choice((0, 1, 1, 1, 2, 3, 6))):
        at = rnd.randrange(len(octets) + 1)
        what = rnd.randrange(6)
        if what == 0:
            octets[at:at] = rnd.choice(PARTS)
        elif what == 1:                         # in place of a whole line
            end = octets.find(b"\r\n", at)
            begin = octets.rfind(b"\r\n", 0, at) + 2
            if end >= 0 and begin >= 2:
                octets[begin:end + 2] = rnd.choice(PARTS)
        elif what == 2:
            del octets[at:at + rnd.choice((1, 1, 2, 10))]
        elif what == 3 and at < len(octets):
            octets[at] = rnd.randrange(256)
        elif what == 4:
            head_end = octets.find(b"\r\n\r\n")
            if head_end >= 0:
                octets[head_end + 2:head_end + 2] = rnd.choice(PARTS)
        else:
            octets = octets[:at]
    if rnd.random() < 0.5:
        octets += answer_of(STOLEN)
    return bytes(octets), rnd.random() < 0.6


class Hostile(Upstream):
    """/h/N: the N-th hostile answer of a seed; /canary/N: a clean answer that names N."""

    def __init__(self, seed=1):
        self.seed = seed
        super().__init__(self._answer)

    def octets_of(self, number):
        return hostile_answer(random.Random("%s-%d" % (self.seed, number)))

    def _answer(self, method, target, body, connection):
        kind, number = target.split("?")[0].rstrip("/").split("/")[-2:]
        if kind == "canary":
            return answer_of(b'{"canary":%d}' % int(number)), True
        return self.octets_of(int(number))

    def shown(self, number):
        return base64.b64encode(self.octets_of(number)[0]).decode()
