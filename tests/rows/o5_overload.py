"""Row O5: ten times the load that is comfortable, under a ceiling of 256 MiB.

The process must never have had more than the ceiling, so that a kernel that enforces it would
not have killed it; and who is let in must be served about as fast as without the crowd. Calls
come at times of their own, answered or not: clients that wait for each other would take the load
off by themselves.
"""

import json
import socket
import threading
import time

import o5_clients
from s6_idle import cpu_seconds

CEILING = 256               # MiB
# What VmHWM may be above the ceiling: nothing. Shedding begins at nine tenths of it, and what
# bodies take between two looks is counted; the tenth is for streams and answers that run.
ALLOWED = 0
# Octets of the big bodies, and the calls a second that are comfortable: then farebox takes some
# 6 % of a core, and ten times that leaves room on two cores for the clients beside it. What is
# short is memory. Of the first kind many bodies are held at once, of the second large ones.
KINDS = {"of 1 MiB": (1 << 20, 40), "of 8 MiB": (8 << 20, 8)}
CALLERS = 2                 # processes
# Streams that begin in the same moment, none of which is read: all are let in before the memory
# that they will take shows. Octets of text in each of their events: a token or two, and many.
AT_ONCE = 1000
SHOWN = (40, 8000)
# Clients that are further behind than this measure themselves.
KEEPING_UP_MS = 150


def quantile(times, share):
    return round(sorted(times)[min(len(times) - 1, int(len(times) * share))], 1) if times else None


def status_kib(pid, name):
    with open("/proc/%d/status" % pid) as status:
        return int(next(line for line in status if line.startswith(name)).split()[1])


def tcp_mib():
    """What the kernel holds in TCP sockets, the whole machine's; a cgroup would count ours."""
    with open("/proc/net/sockstat") as file:
        words = next(line for line in file if line.startswith("TCP:")).split()
    return int(words[words.index("mem") + 1]) * 4 / 1024


class Watch:
    """The most of VmRSS and of the kernel's TCP memory while it lasts."""

    def __init__(self, pid):
        self.rss = self.tcp = 0
        self._pid, self._stop = pid, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.02):
            self.rss = max(self.rss, status_kib(self._pid, "VmRSS:"))
            self.tcp = max(self.tcp, tcp_mib())

    def end(self):
        self._stop.set()
        self._thread.join()
        return {"rss_MiB": round(self.rss / 1024, 1), "tcp_of_machine_MiB": round(self.tcp, 1)}


def phase(farebox, big, rate, seconds, seed):
    watch = Watch(farebox.pid)
    cpu = cpu_seconds(farebox.pid)
    callers = [o5_clients.Process("call", farebox.port, big, rate / CALLERS, seconds, seed * 100 + number)
               for number in range(CALLERS)]
    said = [json.loads(each.line()) for each in callers]
    for each in callers:
        each.close()
    figure = {"calls_a_second": rate, "farebox_cpu_s": round(cpu_seconds(farebox.pid) - cpu, 1),
              "clients_cpu_s": round(sum(each["cpu_s"] for each in said), 1),
              "clients_late_ms": max(each["late_ms"] for each in said)}
    admitted, shed, ends = [], [], {}
    for kind, end, times in (row for each in said for row in each["took"]):
        ends["%s %s" % (kind, end)] = ends.get("%s %s" % (kind, end), 0) + len(times)
        if end == "503":
            shed += times
        elif end == "200":
            admitted.append((kind, times))
    for kind in o5_clients.SIZES:
        times = sum((t for k, t in admitted if k == kind), [])
        figure[kind] = {"admitted": len(times), "p50_ms": quantile(times, 0.5), "p99_ms": quantile(times, 0.99)}
    figure["shed"] = {"calls": len(shed), "p50_ms": quantile(shed, 0.5), "p99_ms": quantile(shed, 0.99)}
    # Whom a 503 reached only as a reset: it was sent while the body was still coming.
    figure["ends"] = ends
    return dict(figure, **watch.end())


def measure(seconds, seed):
    figure = {"ceiling_MiB": CEILING, "allowed_above_MiB": ALLOWED}
    for name, (big, rate) in KINDS.items():
        figure[name] = overload(big, rate, seconds, seed)
    figure["at_once"] = {"text of %d" % shown: at_once(shown) for shown in SHOWN}
    return figure


def farebox_before(provider):
    from harness import CALM, Farebox
    url = "http://127.0.0.1:%d" % int(provider.line())
    # Nothing but memory bounds it: that is what is measured.
    entry = dict(CALM, dialect="openai", base_url=url, pool={"max": 20000}, concurrency={"max": 20000})
    return Farebox({"providers": {"openai": entry}, "limits": {"memory": "%dMiB" % CEILING}})


def at_once(shown):
    provider, held = o5_clients.Process("serve", shown), []
    farebox = farebox_before(provider)
    try:
        asked, answers = o5_clients.request(1 << 10, True), {}
        for _ in range(AT_ONCE):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, o5_clients.SIP)
            sock.settimeout(20)
            sock.connect(("127.0.0.1", farebox.port))
            sock.sendall(asked)
            held.append(sock)
        for sock in held:
            status = sock.recv(12)[9:].decode() or "cut"
            answers[status] = answers.get(status, 0) + 1
        most, since, end = 0, time.monotonic(), time.monotonic() + 20
        while time.monotonic() < min(end, since + 1.5):     # until it takes no more
            now = farebox.rss_kib()
            if now > most + 256:
                most, since = now, time.monotonic()
            time.sleep(0.05)
        figure = {"streams": AT_ONCE, "answers": answers, "alive": farebox.is_running(),
                  "peak_MiB": round(status_kib(farebox.pid, "VmHWM:") / 1024, 1)}
    finally:
        for sock in held:
            sock.close()
        code = farebox.stop()
        provider.close()
    return dict(figure, exit=code)


def overload(big, rate, seconds, seed):
    from harness import wait_until
    provider = o5_clients.Process("serve")
    farebox = farebox_before(provider)
    try:
        figure = {"before": phase(farebox, big, rate, seconds, seed),
                  "tenfold": phase(farebox, big, rate * 10, seconds, seed + 1)}
        wait_until(lambda: farebox.metric("farebox_streams_active") == 0, 30, "streams are left over")
        # What the burst took goes back to the system a second after the last of it.
        wait_until(lambda: farebox.rss_kib() < CEILING * 1024 * 0.85, 5, "it goes on shedding")
        figure["after"] = phase(farebox, big, rate, seconds / 2, seed + 2)
        figure["peak_MiB"] = round(status_kib(farebox.pid, "VmHWM:") / 1024, 1)
        figure["shed_by_memory"] = int(farebox.metric("farebox_shed_total", reason="memory"))
        figure["alive"] = farebox.is_running()
    finally:
        code = farebox.stop()
        provider.close()
    figure["exit"] = code
    # When they don't, a p99 that misses is theirs.
    figure["clients_kept_up"] = figure["tenfold"]["clients_late_ms"] <= KEEPING_UP_MS
    figure["p99_ratio"] = {
        kind: round(figure["tenfold"][kind]["p99_ms"] / figure["before"][kind]["p99_ms"], 2)
        for kind in o5_clients.SIZES if figure["tenfold"][kind]["p99_ms"] and figure["before"][kind]["p99_ms"]}
    return figure


def is_good(figure):
    most = figure["ceiling_MiB"] + figure["allowed_above_MiB"]
    return (all(is_fine(figure[name], most) for name in KINDS)
            and all(each["alive"] and each["exit"] == 0 and each["peak_MiB"] <= most
                    for each in figure["at_once"].values()))


def is_fine(its, most):
    odd = [end for phase_of in ("before", "tenfold", "after") for end in its[phase_of]["ends"]
           if not end.endswith((" 200", " 503"))]
    return (its["alive"] and its["exit"] == 0 and not odd and its["peak_MiB"] <= most
            and its["before"]["shed"]["calls"] == 0 and its["tenfold"]["shed"]["calls"] > 0
            and its["after"]["shed"]["calls"] == 0
            and len(its["p99_ratio"]) == len(o5_clients.SIZES)
            and all(ratio <= 3 for ratio in its["p99_ratio"].values()))
