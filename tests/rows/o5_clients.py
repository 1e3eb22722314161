"""What row O5 is measured with: a provider that takes its time, and callers that come at times of
their own whether earlier ones were answered or not. Each is a process with one thread that sleeps
while nothing moves."""

import collections
import errno
import gc
import heapq
import itertools
import json
import os
import random
import resource
import selectors
import socket
import subprocess
import sys
import time

CALL_TAKES = 0.25           # seconds until the provider answers, or its stream begins
STREAM_LASTS = 5.0          # seconds, then its reader leaves
SIP, SIP_EVERY = 4096, 0.25  # how a slow reader reads
GIVEN_UP = 30.0             # seconds after which a call counts as hung
SIZES = {"big": None, "small": 1 << 10, "stream": 64 << 10}     # octets of a body; the big ones are said
SHOWN = 8000                # octets of text in each event, unless told otherwise
# Of a hundred calls.
MIXTURE = [("big", 60), ("small", 35), ("stream", 5)]

REPLY = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4.1-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 100}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}}).encode()
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(REPLY)) + REPLY
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def request(octets, stream):
    """One call with a body of about so many octets."""
    text = "one two three four " * (octets // 19)
    body = json.dumps({"model": "gpt-4.1-mini", "stream": stream, "max_tokens": 100000,
                       "messages": [{"role": "user", "content": text}]}).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


class Timers:
    def __init__(self):
        self.heap, self.number = [], itertools.count()

    def add(self, when, act):
        heapq.heappush(self.heap, (when, next(self.number), act))

    def run(self):
        """Seconds until the next one, or None."""
        while self.heap:
            left = self.heap[0][0] - time.monotonic()
            if left > 0:
                return left
            heapq.heappop(self.heap)[2]()
        return None


# -- the provider ------------------------------------------------------------------

def chunks_of(shown):
    """Some events of a stream, framed: never fewer than fill a write."""
    event = b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [
        {"index": 0, "delta": {"content": "x" * shown}}]}).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event) * (1 + 8000 // len(event))


def serve(shown):
    """Prints its port; ends with its input."""
    chunks = chunks_of(shown)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ready, timers, room = selectors.DefaultSelector(), Timers(), bytearray(1 << 20)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    ready.register(listener, selectors.EVENT_READ)
    ready.register(sys.stdin, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    state = {}                  # of each connection: head read so far, octets missing, is it a stream, unsent

    def end(sock):
        if state.pop(sock, None) is not None:
            ready.unregister(sock)
            sock.close()

    def answer(sock, its, octets):
        if state.get(sock) is its:
            its["unsent"] = octets
            ready.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def read(sock, its):
        got = sock.recv_into(room)
        if got == 0:
            return end(sock)
        if its["missing"] is None:
            its["head"] += room[:got]
            head, mark, rest = its["head"].partition(b"\r\n\r\n")
            if not mark:
                return
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            its.update(missing=length - len(rest), stream=b'"stream": true' in rest[:200])
        else:
            its["missing"] -= got
        if its["missing"] == 0:
            its.update(head=b"", missing=None)
            octets = STREAM_HEAD + chunks if its["stream"] else ANSWER
            timers.add(time.monotonic() + CALL_TAKES, lambda: answer(sock, its, octets))

    while True:
        for key, what in ready.select(timers.run()):
            sock = key.fileobj
            if sock is sys.stdin:
                return
            try:
                if sock is listener:
                    while True:
                        one = listener.accept()[0]
                        one.setblocking(False)
                        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        state[one] = {"head": b"", "missing": None, "stream": False, "unsent": b""}
                        ready.register(one, selectors.EVENT_READ)
                its = state.get(sock)
                if its and what & selectors.EVENT_READ:
                    read(sock, its)
                if sock in state and what & selectors.EVENT_WRITE:
                    sent = sock.send(its["unsent"])
                    its["unsent"] = its["unsent"][sent:] or (chunks if its["stream"] else b"")
                    if not its["unsent"]:
                        ready.modify(sock, selectors.EVENT_READ)
            except BlockingIOError:
                pass
            except OSError:
                end(sock)


# -- the callers -------------------------------------------------------------------

class Call:
    def __init__(self, load, kind):
        self.load, self.kind = load, kind
        self.unsent, self.got = memoryview(load.requests[kind]), b""
        self.began, self.is_over = time.perf_counter(), False
        self.sock = socket.socket()
        self.sock.setblocking(False)
        if kind == "stream":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP)
        failed = self.sock.connect_ex(("127.0.0.1", load.port))
        load.running += 1
        if failed not in (0, errno.EINPROGRESS):
            self.end("connect")
            return
        load.ready.register(self.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        load.timers.add(time.monotonic() + GIVEN_UP, lambda: self.end("hung"))

    def on(self, what):
        try:
            if what & selectors.EVENT_WRITE:
                self.unsent = self.unsent[self.sock.send(self.unsent[:1 << 18]):]
                if not self.unsent:
                    self.load.ready.modify(self.sock, selectors.EVENT_READ, self)
        except BlockingIOError:
            pass
        except OSError:
            # Refused before all of it was read: the answer may be there nevertheless.
            self.unsent = memoryview(b"")
            self.load.ready.modify(self.sock, selectors.EVENT_READ, self)
        try:
            if what & selectors.EVENT_READ:
                self.read()
        except BlockingIOError:
            pass
        except OSError:
            self.end("cut")

    def read(self):
        piece = self.sock.recv(SIP if self.kind == "stream" else 65536)
        self.got += piece
        status = self.got[9:12].decode()
        if self.kind == "stream" and status == "200" and piece:
            self.load.note(self.kind, "200", self.began)
            self.load.ready.unregister(self.sock)
            self.load.timers.add(time.monotonic() + STREAM_LASTS, lambda: self.end(None))
            self.load.timers.add(time.monotonic() + SIP_EVERY, self.sip)
        elif not piece:
            whole = status != "200" or REPLY in self.got
            self.end(status if status and whole else "cut")

    def sip(self):
        if self.is_over:
            return
        try:
            if not self.sock.recv(SIP):
                return self.end("cut")
        except BlockingIOError:
            pass
        except OSError:
            return self.end("cut")
        self.load.timers.add(time.monotonic() + SIP_EVERY, self.sip)

    def end(self, how):
        if self.is_over:
            return
        self.is_over = True
        self.load.running -= 1
        if how is not None:
            self.load.note(self.kind, how, self.began)
        try:
            self.load.ready.unregister(self.sock)
        except (KeyError, ValueError):
            pass
        self.sock.close()


class Load:
    """Calls at random times. Prints how each ended and how long it took."""

    def __init__(self, port, big, rate, seconds, seed):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        gc.disable()
        self.port, self.running, self.late = port, 0, 0.0
        self.ready, self.timers = selectors.DefaultSelector(), Timers()
        self.requests = {kind: request(size or big, kind == "stream") for kind, size in SIZES.items()}
        self.took = collections.defaultdict(list)       # (kind, end): milliseconds
        rnd, when, self.to_come = random.Random(seed), time.monotonic(), 0
        kinds, weights = zip(*MIXTURE)
        end = when + seconds
        while when < end:
            kind = rnd.choices(kinds, weights)[0]
            self.timers.add(when, lambda kind=kind, when=when: self.arrive(kind, when))
            self.to_come += 1
            when += rnd.expovariate(rate)

    def arrive(self, kind, when):
        self.to_come -= 1
        # How far these clients are behind: when they are, they measure themselves.
        self.late = max(self.late, time.monotonic() - when)
        Call(self, kind)

    def note(self, kind, end, began):
        self.took[kind, end].append((time.perf_counter() - began) * 1000)

    def run(self):
        while self.to_come or self.running:
            for key, what in self.ready.select(self.timers.run()):
                if not key.data.is_over:
                    key.data.on(what)
        print(json.dumps({"took": [[kind, end, [round(t, 2) for t in times]]
                                   for (kind, end), times in self.took.items()],
                          "late_ms": round(self.late * 1000, 1), "cpu_s": round(time.process_time(), 2)}))


class Process:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)] + [str(a) for a in arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def line(self):
        return self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]) if len(sys.argv) > 2 else SHOWN)
    else:                       # call PORT BIG RATE SECONDS SEED
        Load(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])).run()
