#!/usr/bin/env python3
"""What stays when nobody looks for long: mixed traffic with 100,000 distinct callers and models,
clients that leave, providers that fail, settings that are read again. One JSON line: how memory,
descriptors and metric series went, and what was left over at the end."""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import wire                                                               # noqa: E402

KINDS = ("whole", "stream", "leaves", "fails", "unknown", "retried")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def config(mock, port, admin):
    return {
        "listen": "127.0.0.1:%d" % port, "admin": {"listen": "127.0.0.1:%d" % admin},
        "log": {"level": "warn"}, "ledger": {"max_size": "256MiB"},
        "providers": {"openai": {
            "dialect": "openai", "base_url": mock, "pool": {"max": 128},
            "retry": {"max_attempts": 2, "base_delay": "5ms", "max_delay": "20ms"},
            "circuit_breaker": {"per_model": True, "failure_threshold": 1000000,
                                "min_requests": 1000000}}},
        "budgets": [{"name": "all", "scope": {}, "period": "monthly", "limit_usd": 100000},
                    {"name": "users", "scope": {"user": "*"}, "period": "monthly",
                     "limit_usd": 100}],
        "rate_limits": [{"scope": {"project": "*"}, "requests_per_minute": 1000000}],
        "enforcement": {"max_scope_values": 20000},
    }


class Load(threading.Thread):
    def __init__(self, port, options, seed, until):
        super().__init__(daemon=True)
        self.port, self.options, self.until = port, options, until
        self.random = random.Random(seed)
        self.done = dict.fromkeys(KINDS, 0)
        self.odd = 0
        # Every caller and model is seen once before memory is looked at: knowing more of them
        # takes more, and that is no leak.
        self.unseen = iter(range(seed, options.distinct, options.clients))

    def run(self):
        connection = None
        pause = 1 / self.options.rate
        next_at = time.monotonic()
        while time.monotonic() < self.until:
            next_at = max(next_at + pause, time.monotonic() - 1)
            time.sleep(max(0, next_at - time.monotonic()))
            kind = self.random.choices(KINDS, (50, 25, 10, 5, 5, 5))[0]
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", self.port), 10)
                keeps = self.ask(connection, kind)
                self.done[kind] += 1
            except (OSError, ValueError):
                self.odd += 1
                keeps = False
            if not keeps:
                connection.close()
                connection = None

    def ask(self, connection, kind):
        number = next(self.unseen, -1)
        if number < 0:
            number = self.random.randrange(self.options.distinct)
        model = "gpt-4.1-mini" if self.random.random() < 0.5 else "model-%d" % number
        body = {"model": model, "max_tokens": 50,
                "messages": [{"role": "user", "content": "w " * self.random.randrange(1, 200)}]}
        fields = {"x-farebox-user": "user-%d" % number, "x-farebox-project": "p-%d" % (number % 9000),
                  "x-farebox-tags": "n=%d" % number}
        target = "/v1/chat/completions"
        if kind in ("stream", "leaves"):
            body["stream"] = True
            fields["x-mock-chunks"] = str(self.random.randrange(2, 40))
        if kind == "fails":
            fields["x-mock-status"] = self.random.choice(("400", "429", "500"))
        if kind == "unknown":
            target = "/v1/never-heard-%d" % number
        if kind == "retried":
            fields["x-mock-cut-wire"], fields["x-mock-cut"] = "0", "reset"
        octets = wire.request_octets("POST", target, list(fields.items()), body)
        connection.sendall(octets)
        if kind == "leaves":
            connection.recv(self.random.randrange(1, 400))
            if self.random.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        reader = connection.makefile("rb")
        try:
            return self.read(reader)
        finally:
            reader.close()

    @staticmethod
    def read(reader):
        status = reader.readline()
        if not status.startswith(b"HTTP/1.1 "):
            raise ValueError("no answer")
        fields = {}
        while True:
            line = reader.readline().strip()
            if not line:
                break
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip().lower()
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            while True:
                size = int(reader.readline(), 16)
                reader.read(size + 2)
                if size == 0:
                    break
        else:
            reader.read(int(fields.get(b"content-length", b"0")))
        return fields.get(b"connection") != b"close"


def slope(points):
    """MiB in ten minutes, least squares."""
    if len(points) < 2:
        return 0.0
    x, y = [p[0] for p in points], [p[1] for p in points]
    return statistics.linear_regression(x, y).slope * 600


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--farebox", default="build/release/farebox")
    parser.add_argument("--mock", default="build/release/farebox-mock")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--warm", type=int, default=0, help="seconds; 0: a third")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, default=25, help="calls a second of each client")
    parser.add_argument("--distinct", type=int, default=100000)
    options = parser.parse_args()
    seen = options.distinct / (options.clients * options.rate)  # all of them, after that time
    warm = options.warm or int(max(options.seconds / 3, seen * 1.1 + 10))
    if warm > options.seconds * 0.8:
        parser.error("%d seconds are too few to see %d callers; give more, or a higher --rate"
                     % (options.seconds, options.distinct))
    directory = tempfile.mkdtemp(prefix="farebox-soak-")
    mock = subprocess.Popen([options.mock, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"],
                            stdout=subprocess.PIPE)
    ready = json.loads(mock.stdout.readline())
    port, admin = free_port(), free_port()
    path = directory + "/farebox.yaml"
    with open(path, "w") as f:
        json.dump(config("http://" + ready["listen"], port, admin), f)
    with open(directory + "/log", "w") as log:
        farebox = subprocess.Popen([options.farebox, "--config", path, "--data-dir",
                                    directory + "/data"], stderr=log)
    url = "http://127.0.0.1:%d" % admin

    def get(what):
        with urllib.request.urlopen(url + what, timeout=60) as answer:
            return answer.read().decode()

    def metric(text, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(name + " ") or line.startswith(name + "{"))

    try:
        for _ in range(200):
            try:
                get("/readyz")
                break
            except OSError:
                time.sleep(0.05)
        began = time.monotonic()
        crowd = [Load(port, options, seed, began + options.seconds)
                 for seed in range(options.clients)]
        for one in crowd:
            one.start()
        points, fds, series, text = [], [], [], ""
        while time.monotonic() < began + options.seconds:
            time.sleep(min(5, options.seconds / 20))
            # What a provider keeps of calls is for tests that read it.
            request = urllib.request.Request("http://%s/log" % ready["control"], method="DELETE")
            urllib.request.urlopen(request, timeout=60).read()
            with open("/proc/%d/status" % farebox.pid) as f:
                rss = int(next(l for l in f if l.startswith("VmRSS:")).split()[1]) / 1024
            text = get("/metrics")
            if time.monotonic() - began > warm:
                points.append((time.monotonic() - began, rss))
                fds.append(len(os.listdir("/proc/%d/fd" % farebox.pid)))
                series.append(sum(1 for l in text.splitlines() if l and not l.startswith("#")))
            if int(time.monotonic() - began) % 60 < 5:
                urllib.request.urlopen(urllib.request.Request(
                    url + "/api/config/reload", data=b"", method="POST"), timeout=60).read()
        for one in crowd:
            one.join(20)
        time.sleep(3)
        text = get("/metrics")
        held = sum(float(row["heldUsd"]) for row in json.loads(get("/api/budgets?limit=1000"))["budgets"])
        calls = sum(sum(one.done.values()) for one in crowd)
        report = {
            "bench": "soak", "seconds": options.seconds, "calls": calls,
            "distinct": options.distinct, "warm": warm,
            "kinds": {kind: sum(one.done[kind] for one in crowd) for kind in KINDS},
            "clients_cut_short": sum(one.odd for one in crowd),
            "rss_mib": [round(points[0][1], 1), round(points[-1][1], 1)],
            "rss_slope_mib_per_10_min": round(slope(points), 2),
            "fds": [min(fds), max(fds)], "series": [series[0], series[-1]],
            "streams_left": metric(text, "farebox_streams_active"),
            "held_usd_left": held,
            "records": metric(text, "farebox_ledger_records_total"),
            "records_dropped": metric(text, "farebox_ledger_dropped_total"),
        }
        farebox.terminate()
        report["exit"] = farebox.wait(60)
        verify = subprocess.run([options.farebox, "ledger", "verify", "--data-dir",
                                 directory + "/data"], capture_output=True, text=True)
        report["ledger_verify_exit"] = verify.returncode
        print(json.dumps(report))
        failed = (report["exit"] or report["ledger_verify_exit"] or held or
                  report["streams_left"] or report["records_dropped"])
        return 1 if failed else 0
    finally:
        for process in (farebox, mock):
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
