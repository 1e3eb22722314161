"""Row S3: clients that never read their stream, and what others notice of it. --rounds N: how many.

Providers are processes with one thread each that sleeps while nothing moves, and calls that are
timed have a provider of their own: a probe that has a busy thread for each stalled stream, or
whose streams are still filling buffers while it answers, measures itself.
"""

import os
import selectors
import socket
import subprocess
import sys
import time

HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
DATA = b"data: " + b"x" * 16000 + b"\n\n"
CHUNK = b"%x\r\n%s\r\n" % (len(DATA), DATA)
SMALL = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def serve():
    """Endless streams under /slow, two octets elsewhere. Prints its port; ends with its input."""
    ready = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    ready.register(listener, selectors.EVENT_READ)
    ready.register(sys.stdin, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    rest = {}                      # what is still to be sent on each stream

    def end(sock):
        ready.unregister(sock)
        rest.pop(sock, None)
        sock.close()

    while True:
        for key, what in ready.select():
            sock = key.fileobj
            if sock is sys.stdin:
                return
            if sock is listener:
                try:
                    while True:
                        one = listener.accept()[0]
                        one.setblocking(False)
                        ready.register(one, selectors.EVENT_READ)
                except BlockingIOError:
                    continue
            try:
                if what & selectors.EVENT_READ:
                    asked = sock.recv(65536)
                    if not asked:
                        end(sock)
                        continue
                    if b"/slow" in asked.split(b"\r\n", 1)[0]:
                        rest[sock] = HEAD + CHUNK
                        ready.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
                    else:
                        sock.sendall(SMALL)
                if what & selectors.EVENT_WRITE:
                    sent = sock.send(rest[sock])
                    rest[sock] = rest[sock][sent:] or CHUNK
            except BlockingIOError:
                pass
            except OSError:
                end(sock)


def request(path):
    return b"GET /" + path + b" HTTP/1.1\r\nHost: h\r\n\r\n"


def healthy(port, count):
    """Milliseconds of calls one after the other on one connection."""
    took = []
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began, got = time.perf_counter(), b""
            sock.sendall(request(b"well/v1/files"))
            while not got.endswith(b"{}"):
                piece = sock.recv(65536)
                if not piece:
                    raise RuntimeError("the connection ended: %r" % got[:200])
                got += piece
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)
    took.sort()
    return {"calls": count, "p50_ms": round(took[count // 2], 2), "p99_ms": round(took[count * 99 // 100], 2)}


class Provider:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.url = "http://127.0.0.1:%d" % int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def settle(pid):
    """Returns when the process has done next to nothing for a second, or after a minute."""
    def ticks():
        with open("/proc/%d/stat" % pid) as stat:
            return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
    before = ticks()
    for _ in range(60):
        time.sleep(1)
        now = ticks()
        if now - before <= 2:
            return
        before = now


def measure(streams):
    from harness import CALM, Farebox
    endless, quick, held = Provider(), Provider(), []
    entry = dict(CALM, dialect="openai", pool={"max": 20000}, concurrency={"max": 20000})
    farebox = Farebox({"providers": {"probe": dict(entry, base_url=endless.url),
                                     "well": dict(entry, base_url=quick.url)},
                       "limits": {"connections": 100000}})
    try:
        alone = healthy(farebox.port, 500)
        before = farebox.rss_kib()
        for _ in range(streams):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(20)
            sock.connect(("127.0.0.1", farebox.port))
            sock.sendall(request(b"probe/slow"))
            held.append(sock)
        settle(farebox.pid)        # until farebox takes no more
        figure = {"streams": streams, "alone": alone, "healthy": healthy(farebox.port, 1000),
                  "memory_per_stream_KiB": round((farebox.rss_kib() - before) / streams, 1)}
    finally:
        for sock in held:
            sock.close()
        code = farebox.stop()
        endless.close()
        quick.close()
    return dict(figure, exit=code)


if __name__ == "__main__":
    serve()
