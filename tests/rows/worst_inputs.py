"""Row H7: what the worst of cheap inputs costs, against a plain request of as many octets."""

import json
import os

from harness import CALM, Connection, Farebox, Mock

KIB = 1 << 10


def head(*fields, method="POST", path="/v1/chat/completions", length=None):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: a"] + list(fields)
    if length is not None:
        lines.append("Content-Length: %d" % length)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def body(octets, path="/v1/chat/completions", *fields):
    octets = octets if isinstance(octets, bytes) else octets.encode()
    return head("Content-Type: application/json", *fields, path=path, length=len(octets)) + octets


def chat(inner):
    return body('{"model":"gpt-4.1-mini","max_tokens":5,"messages":[{"role":"user","content":"hi"}]%s}' % inner)


def plain(size):
    usual = chat("")
    text = "word " * (max(0, size - len(usual)) // 5)
    return body(json.dumps({"model": "gpt-4.1-mini", "max_tokens": 5,
                            "messages": [{"role": "user", "content": "hi" + text}]}))


def chunked(octets, size, extension=b""):
    pieces = b"".join(b"%x%s\r\n%s\r\n" % (len(octets[at:at + size]), extension, octets[at:at + size])
                      for at in range(0, len(octets), size))
    return head("Content-Type: application/json", "Transfer-Encoding: chunked") + pieces + b"0\r\n\r\n"


USUAL = b'{"model":"gpt-4.1-mini","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
MANY = ["X-%d: %d" % (i, i) for i in range(190)]


def inputs():
    deep = 20000
    yield "many fields", head(*MANY, length=len(USUAL)) + USUAL
    yield "many empty fields", head(*["X%d:" % i for i in range(190)], length=len(USUAL)) + USUAL
    yield "one long field", head("X: " + "a" * 30000, length=len(USUAL)) + USUAL
    yield "blanks in a field", head("X:" + " " * 30000 + "a", length=len(USUAL)) + USUAL
    yield "Connection names 64 fields", head("Connection: " + ",".join("x-%d" % i for i in range(64)), *MANY[:120],
                                             length=len(USUAL)) + USUAL
    yield "Connection of commas", head("Connection: " + "," * 30000, length=len(USUAL)) + USUAL
    yield "many Connection fields", head(*["Connection: x-%d" % i for i in range(60)], *MANY[:130],
                                         length=len(USUAL)) + USUAL
    yield "tags", head("x-farebox-tags: " + ",".join("a%d=b" % i for i in range(3000)), length=len(USUAL)) + USUAL
    yield "cookies", head(*["Cookie: fb-%s" % ("a" * 100) for _ in range(150)], length=len(USUAL)) + USUAL
    yield "long path", head(path="/v1/" + "a" * 16000, method="GET")
    yield "path of slashes", head(path="/" * 16000, method="GET")
    yield "path of v1", head(path="/v1" * 5000, method="GET")
    yield "path of escapes", head(path="/v1/" + "%2e%2e%2f" * 1700, method="GET")
    yield "query of keys", head(path="/v1/models?" + "key=fb-a&" * 1700, method="GET")
    yield "1-octet chunks", chunked(USUAL[:-1] + b" " * 3000 + b"}", 1)
    yield "1-octet chunks with extensions", chunked(USUAL[:-1] + b" " * 200 + b"}", 1, b";a=b")
    yield "empty lines first", b"\r\n" * 4 + body(USUAL)
    yield "line of blanks", b"GET " + b" " * 15000 + b" HTTP/1.1\r\n\r\n"
    yield "bare LF at the end", head(*MANY, length=0)[:-4] + b"\nX: 1\r\n\r\n"
    yield "both lengths", head("Transfer-Encoding: chunked", *MANY[:150], length=3) + b"0\r\n\r\n"
    yield "deep arrays", chat(',"x":' + "[" * deep + "]" * deep)
    yield "deep objects", chat(',"x":' + '{"a":' * (deep // 2) + "1" + "}" * (deep // 2))
    yield "unclosed", body('{"model":"a","x":' + "[" * 60000)
    yield "many keys", chat("," + ",".join('"k%d":0' % i for i in range(7000)))
    yield "escaped keys", chat("," + ",".join('"\\u006b%d":0' % i for i in range(4500)))
    yield "escapes", chat(',"x":"' + "\\u0000" * 10000 + '"')
    yield "long number", chat(',"x":1' + "0" * 60000)
    yield "many messages", body('{"model":"gpt-4.1-mini","max_tokens":5,"messages":['
                                + ",".join(['{"role":"user","content":"a"}'] * 2000) + "]}")
    yield "many tools", chat(',"tools":[' + ",".join(['{"type":"function","function":{"name":"f"}}'] * 1500) + "]")
    yield "a word without end", body('{"model":"gpt-4.1-mini","max_tokens":5,"messages":[{"role":"user","content":"'
                                     + "a" * 60000 + '"}]}')


def cpu(pid):
    """Seconds on a processor, of all threads, to the nanosecond (Documentation/scheduler/sched-stats)."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, thread)) as file:
            total += int(file.read().split()[0])
    return total / 1e9


def status(pid, name):
    with open("/proc/%d/status" % pid) as file:
        return int(next(line for line in file if line.startswith(name)).split()[1])


def send(port, octets):
    connection = Connection(port, timeout=20)
    try:
        connection.send(octets)
        connection.half_close() if octets.startswith(b"GET " + b" ") else None
        connection.response()
    except (OSError, EOFError, ValueError):
        pass
    finally:
        connection.close()


def cost(farebox, octets, times):
    """(CPU seconds a request, KiB of peak memory above the begin)."""
    send(farebox.port, octets)
    with open("/proc/%d/clear_refs" % farebox.pid, "w") as file:
        file.write("5")         # proc(5): the peak begins anew
    before = status(farebox.pid, "VmRSS")
    began = cpu(farebox.pid)
    for _ in range(times):
        send(farebox.port, octets)
    return (cpu(farebox.pid) - began) / times, max(0, status(farebox.pid, "VmHWM") - before)


def measure(times):
    mock = Mock()
    farebox = Farebox({"providers": {"openai": dict(CALM, base_url=mock.url)}, "ledger": {"store": "memory"}})
    floor_kib = 1024            # below that it is the allocator's noise
    by_size, rows = {}, []
    try:
        for name, octets in inputs():
            size = max(512, 1 << (len(octets) - 1).bit_length())    # the next power of two, at most twice
            if size not in by_size:
                by_size[size] = cost(farebox, plain(size // 2), times)
            usual, usual_kib = by_size[size]
            taken, taken_kib = cost(farebox, octets, times)
            rows.append((round(taken / max(usual, 1e-6), 2),
                         round((taken_kib + floor_kib) / (usual_kib + floor_kib), 2), name, round(taken * 1e6)))
            mock.clear()
        alive = farebox.is_running()
    finally:
        code = farebox.stop()
        mock.stop()
    return {"inputs": len(rows), "times": times, "worst_cpu_ratio": max(r[0] for r in rows),
            "worst_memory_ratio": max(r[1] for r in rows), "exit": code, "alive": alive,
            "worst": [{"input": r[2], "cpu_ratio": r[0], "cpu_us": r[3]} for r in sorted(rows, reverse=True)[:4]]}
