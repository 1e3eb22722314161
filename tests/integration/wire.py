"""HTTP/1.1 on a bare socket, for tests that care about octets.

It keeps what libraries hide: the raw head, the order and spelling of fields,
where each chunk began and when it arrived, and whether an answer was whole.
"""

import json
import socket
import ssl
import struct
import time

import canaries


class Response:
    """One answer as it came. `complete` is true only for a clean end."""

    def __init__(self, head, method):
        self.method = method
        self.head = head
        self.head_at = time.monotonic()
        lines = head[:-4].decode("latin-1").split("\r\n")
        self.version, status, self.reason = (lines[0].split(" ", 2) + [""])[:3]
        self.status = int(status)
        self.headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError("field line without a colon: %r" % line)
            self.headers.append((name, value.strip(" \t")))
        self.interim = []
        self.chunks = []        # (octets, monotonic time), one per HTTP chunk or read
        self.trailers = []
        self.complete = False
        self.reset = False      # ended by RST
        self.framing = self._framing()

    def _framing(self):
        if self.method == "HEAD" or self.status in (204, 304) or self.status < 200:
            return "none"
        encodings, lengths = self.all("transfer-encoding"), self.all("content-length")
        if len(encodings) + len(lengths) > 1:
            raise ValueError("ambiguous framing: %r" % self.head)
        if encodings:
            if encodings[0].lower() != "chunked":
                raise ValueError("transfer-encoding %r" % encodings[0])
            return "chunked"
        return "length" if lengths else "close"

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name, otherwise=None):
        found = self.all(name)
        return found[0] if found else otherwise

    @property
    def body(self):
        return b"".join(octets for octets, _ in self.chunks)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The data of each server-sent event, in order."""
        blocks = self.body.replace(b"\r\n", b"\n").split(b"\n\n")
        out = []
        for block in blocks:
            data = [line[5:].lstrip(b" ") for line in block.split(b"\n") if line.startswith(b"data:")]
            if data:
                out.append(b"\n".join(data).decode("utf-8", "replace"))
        return out


class Connection:
    """One client connection. Times out loudly: no test may hang.

    A text instead of a port is the path of a Unix socket. With `tls`, an SSLContext, an
    end without close_notify is told from a clean one."""

    def __init__(self, port, host="127.0.0.1", timeout=10.0, receive_buffer=None, tls=None,
                 session=None):
        unix = isinstance(port, str)
        family = socket.AF_UNIX if unix else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(port if unix else (host, port))
        if not unix:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost", session=session,
                                        suppress_ragged_eofs=False)
        self.buffer = bytearray()
        self.raw = bytearray()  # everything received so far

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- sending ---------------------------------------------------------

    def send(self, octets):
        self.sock.sendall(octets)

    def ask(self, method, target, headers=(), body=None, **more):
        self.send(request_octets(method, target, headers, body, **more))

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- receiving -------------------------------------------------------

    def fill(self):
        """False at the end of the stream; ConnectionResetError on RST."""
        data = self.sock.recv(65536)
        self.buffer += data
        self.raw += data
        return bool(data)

    def take(self, size):
        while len(self.buffer) < size:
            if not self.fill():
                raise EOFError
        octets = bytes(self.buffer[:size])
        del self.buffer[:size]
        return octets

    def take_through(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError
        return self.take(self.buffer.index(mark) + len(mark))

    def head(self, method="GET"):
        """The next final head; the 1xx heads before it are in `.interim`."""
        interim = []
        while True:
            response = Response(self.take_through(b"\r\n\r\n"), method)
            if not 100 <= response.status < 200 or response.status == 101:
                response.interim = interim
                return response
            interim.append(response)

    def pieces(self, response):
        """Yields the body as it arrives; sets complete, reset, trailers."""
        try:
            yield from getattr(self, "_read_" + response.framing)(response)
        except (EOFError, ssl.SSLEOFError):
            pass
        except ConnectionResetError:
            response.reset = True

    def response(self, method="GET"):
        response = self.head(method)
        for _ in self.pieces(response):
            pass
        return response

    def _piece(self, response, octets):
        response.chunks.append((octets, time.monotonic()))
        return octets

    def _read_none(self, response):
        response.complete = True
        yield from ()

    def _read_length(self, response):
        left = int(response.header("content-length"))
        while left:
            if not self.buffer and not self.fill():
                raise EOFError
            octets = self.take(min(left, len(self.buffer)))
            left -= len(octets)
            yield self._piece(response, octets)
        response.complete = True

    def _read_chunked(self, response):
        while True:
            size = int(self.take_through(b"\r\n")[:-2], 16)
            if size == 0:
                break
            octets = self.take(size)
            if self.take(2) != b"\r\n":
                raise ValueError("no CRLF after a chunk")
            yield self._piece(response, octets)
        while True:
            line = self.take_through(b"\r\n")[:-2]
            if not line:
                break
            response.trailers.append(line)
        response.complete = True

    def _read_close(self, response):
        while self.buffer or self.fill():
            yield self._piece(response, self.take(len(self.buffer)))
        # Without a length only the FIN says that it is all; HTTP/1.0's way.
        response.complete = True

    def is_closed_within(self, seconds):
        """Has the peer ended the connection, with nothing more to say?"""
        self.sock.settimeout(seconds)
        try:
            return not self.buffer and not self.fill()
        except (ConnectionResetError, ssl.SSLEOFError):
            return True
        except socket.timeout:
            return False


def request_octets(method, target, headers=(), body=None, version="HTTP/1.1", chunks=None,
                   host="farebox.test"):
    """A request. `chunks`, a list of octets, sends it chunked instead."""
    fields = list(headers.items() if isinstance(headers, dict) else headers)
    canaries.note(fields)
    names = {name.lower() for name, _ in fields}
    if "host" not in names and host:
        fields.insert(0, ("Host", host))
    if isinstance(body, (dict, list)):
        body = json.dumps(body, separators=(",", ":")).encode()
        if "content-type" not in names:
            fields.append(("content-type", "application/json"))
    if isinstance(body, str):
        body = body.encode()
    if chunks is not None:
        fields.append(("transfer-encoding", "chunked"))
        body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
    elif body is not None and "content-length" not in names:
        fields.append(("content-length", str(len(body))))
    lines = ["%s %s %s" % (method, target, version)] + ["%s: %s" % field for field in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def fetch(port, method, target, headers=(), body=None, timeout=10.0, **more):
    """One exchange on a connection of its own."""
    with Connection(port, timeout=timeout) as connection:
        connection.ask(method, target, headers, body, **more)
        return connection.response(method)
