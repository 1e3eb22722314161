"""Row S6: as many idle connections as the limit of open files lets, up to 100,000.

farebox needs one descriptor for each, and the clients another one. So the clients are several
processes, each within its own limit and with a source address of its own: ports don't run out
either. Where the limit stops it early the figure says so, and what 100,000 would take follows
from what one takes.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import time

import s3_slow

WANTED = 100_000
EACH = 15_000              # connections of one client process
BEYOND = 300               # that are asked for when farebox is full
AIM = 2 << 30              # octets that 100,000 may take
IP_BIND_ADDRESS_NO_PORT = 24


# -- the clients, a process of their own ---------------------------------------

def hold():
    """argv: port, count, source address, called or silent. Opens them all, says how it went,
    and for each line of input how many were closed since; ends with its input."""
    port, count, source, flavour = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held, failed, why = [], 0, ""
    for _ in range(count):
        sock = socket.socket()
        try:
            # The port is chosen at connect, by the pair of both ends.
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
            sock.settimeout(20)
            sock.connect(("127.0.0.1", port))
            if flavour == "called":
                call(sock)
            sock.setblocking(False)
            held.append(sock)
        except OSError as error:
            failed, why = failed + 1, str(error)
            sock.close()
    print(json.dumps({"open": len(held), "failed": failed, "why": why}), flush=True)
    for _ in sys.stdin:
        print(sum(is_closed(sock) for sock in held), flush=True)


def call(sock):
    sock.sendall(s3_slow.request(b"well/v1/files"))
    got = b""
    while not got.endswith(b"{}"):
        piece = sock.recv(65536)
        if not piece:
            raise OSError("closed before the answer: %r" % got[:80])
        got += piece
    if not got.startswith(b"HTTP/1.1 200"):
        raise OSError("refused: %r" % got[:80])


def is_closed(sock):
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Clients:
    """Processes that hold `count` connections between them."""

    def __init__(self, port, count, flavour, first_source=2):
        shares = [min(EACH, count - done) for done in range(0, count, EACH)]
        self.processes = [subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), str(port), str(share),
             "127.0.0.%d" % (first_source + number), flavour],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for number, share in enumerate(shares)]
        self.said = [json.loads(each.stdout.readline()) for each in self.processes]
        self.open = sum(each["open"] for each in self.said)
        self.failed = sum(each["failed"] for each in self.said)
        self.why = next((each["why"] for each in self.said if each["why"]), "")

    def closed(self):
        """Of those that were open, how many the other side has closed."""
        for each in self.processes:
            each.stdin.write("\n")
            each.stdin.flush()
        return sum(int(each.stdout.readline()) for each in self.processes)

    def close(self):
        for each in self.processes:
            each.stdin.close()
        for each in self.processes:
            each.wait(60)
            each.stdout.close()


# -- the measurement -------------------------------------------------------------

def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as file:
        values = file.read().rsplit(")", 1)[1].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")


def places_of(farebox, asked):
    """How many clients farebox takes, and what says so; a few are left for healthy calls."""
    spare = 8
    said = farebox.log(msg="fewer clients than limits.connections: raise the limit of open files")
    if not said or said[-1]["connections"] - spare >= asked:
        return asked, "nothing: as many as were asked for"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return said[-1]["connections"] - spare, (
        "the hard limit of open files, %d: farebox keeps every other one for upstream connections and takes "
        "%d clients" % (hard, said[-1]["connections"]))


def beyond(farebox, most):
    """It is full: more clients are closed at once, it doesn't spin, and there is room afterwards."""
    from harness import wait_until
    shed = farebox.metric("farebox_shed_total", reason="connections")
    more = Clients(farebox.port, BEYOND, "silent", 250)
    try:
        wait_until(lambda: farebox.metric("farebox_shed_total", reason="connections") > shed, 10)
        closed_of = [0]

        def settled():
            closed_of[0], before = more.closed(), closed_of[0]
            return closed_of[0] == before
        wait_until(settled, 20)
        began, cpu = time.monotonic(), cpu_seconds(farebox.pid)
        time.sleep(2)
        cpu = (cpu_seconds(farebox.pid) - cpu) / (time.monotonic() - began)
        health = farebox.admin("GET", "/healthz").status
    finally:
        more.close()
    lines = farebox.log(reason="connections")
    return {"asked": BEYOND, "closed_at_once": closed_of[0] + more.failed, "healthz": health,
            "cpu_while_full": round(cpu, 3), "says": lines[-1]["msg"] if lines else None, "lines": len(lines),
            "takes_at_most": most}


def flavour_of(name, asked):
    from harness import CALM, Farebox, wait_until
    quick = s3_slow.Provider()
    farebox = Farebox({"providers": {"well": dict(CALM, dialect="openai", base_url=quick.url)},
                       "limits": {"connections": asked + 1000, "idle_timeout": "1h"}})
    clients = None
    try:
        count, limited_by = places_of(farebox, asked)
        before = s3_slow.healthy(farebox.port, 1000)
        rss_before, files = farebox.rss_kib(), farebox.open_files()
        clients = Clients(farebox.port, count, name)
        # The connections of the calls before may still have been open when files were counted.
        wait_until(lambda: farebox.open_files() >= files + clients.open - clients.closed() - 4, 60,
                   "connections are not accepted")
        meanwhile = s3_slow.healthy(farebox.port, 1000)
        rss = farebox.rss_kib()
        cpu = cpu_seconds(farebox.pid)
        time.sleep(2)
        cpu = (cpu_seconds(farebox.pid) - cpu) / 2
        refused = clients.closed() + clients.failed
        opened = count - refused
        each = (rss - rss_before) * 1024 / max(1, opened)
        figure = {"asked": asked, "opened": opened, "refused": refused, "limited_by": limited_by,
                  "rss_before_MiB": round(rss_before / 1024, 1), "rss_MiB": round(rss / 1024, 1),
                  "octets_each": round(each), "gib_for_100000": round((each * WANTED + rss_before * 1024) / 2**30, 3),
                  "before": before, "meanwhile": meanwhile, "cpu_while_idle": round(cpu, 3)}
        if clients.why:
            figure["why"] = clients.why
        if opened < asked and refused == 0:
            clients.close()
            clients = None
            wait_until(lambda: farebox.open_files() <= files + 5, 60, "connections are not given back")
            most = count + 8
            clients = Clients(farebox.port, most, "silent")
            figure["when_full"] = beyond(farebox, most)
            clients.close()
            clients = None
            wait_until(lambda: s3_slow.healthy(farebox.port, 1), 10)
            figure["when_full"]["serves_afterwards"] = True
    finally:
        if clients:
            clients.close()
        code = farebox.stop()
        quick.close()
    return dict(figure, exit=code)


def measure(asked):
    return {"silent": flavour_of("silent", asked), "called": flavour_of("called", asked)}


def is_good(figure):
    for each in figure.values():
        full = each.get("when_full")
        if (each["refused"] or each["exit"] or each["gib_for_100000"] * 2**30 > AIM or each["cpu_while_idle"] > 0.2):
            return False
        if full and (full["closed_at_once"] != full["asked"] or full["cpu_while_full"] > 0.2
                     or full["healthz"] != 200 or not full["says"]):
            return False
    return True


if __name__ == "__main__":
    hold()
