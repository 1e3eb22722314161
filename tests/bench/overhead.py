#!/usr/bin/env python3
"""What farebox costs beside nginx, with its ledger on disk and without: CPU of the whole
process tree per completed request.

All stand between wrk and the same fast mock provider, pinned to one core, the others
on the rest; rounds are interleaved, so that a noisy machine is noisy for both. Prints
one JSON line: medians, ratios, and whether chunks stayed one for one."""

import argparse
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE = {CORES[0]}
OTHER_CORES = set(CORES[1:]) or {CORES[0]}

NGINX = """
daemon off; master_process on; worker_processes 1; pid %(dir)s/nginx.pid; error_log %(dir)s/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  keepalive_requests 100000000;
  upstream mock { server %(mock)s; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:%(port)d;
    location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_buffering off; }
  }
}
"""

LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-bench"
%s
wrk.body = [[%s]]
"""

# A pretend key; only the governed farebox looks at it.
KEY = "fb-" + "bench" * 8 + "xyz"
GOVERNED = {
    "keys": [{"name": "bench", "key_hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest(),
              "org": "acme", "project": "search", "user": "ann"}],
    "budgets": [{"name": name, "scope": scope, "period": "monthly", "limit_usd": 1000000}
                for name, scope in (("all", {}), ("org", {"org": "acme"}),
                                    ("project", {"project": "*"}), ("user", {"user": "*"}),
                                    ("key", {"key": "*"}))],
    "rate_limits": [{"scope": {"key": "*"}, "requests_per_minute": 1000000000,
                     "tokens_per_minute": 1000000000000, "max_parallel_requests": 1000}],
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, cores, **more):
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, cores), **more)


def tree(pid):
    pids, todo = [], [pid]
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except OSError:
                pass
    while todo:
        pid = todo.pop()
        pids.append(pid)
        todo += children.get(pid, [])
    return pids


def cpu_seconds(pid):
    total = 0
    for member in tree(pid):
        try:
            with open("/proc/%d/stat" % member) as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def rss_kib(pid):
    total = 0
    for member in tree(pid):
        try:
            with open("/proc/%d/status" % member) as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))
        except OSError:
            pass
    return total


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("nothing listens on port %d" % port)


def end(running, directory):
    """Ends the processes, and takes their directory away."""
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    shutil.rmtree(directory, ignore_errors=True)


def load(port, script, seconds, connections):
    """Completed requests and errors of one wrk run."""
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "-s", script,
                          "http://127.0.0.1:%d/v1/chat/completions" % port],
                         capture_output=True, text=True, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, OTHER_CORES)).stdout
    requests, errors = 0, 0
    for line in out.splitlines():
        if "requests in" in line:
            requests = int(line.split()[0])
        if "Non-2xx" in line or "Socket errors" in line:
            errors += 1
    if errors or not requests:
        sys.exit("the load had errors:\n" + out)
    return requests


def chunks_of(port, body):
    """Sizes of the chunks one streamed answer arrives in."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
                  b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        data = b""
        while not data.endswith(b"\r\n0\r\n\r\n"):
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
    rest, sizes = data.split(b"\r\n\r\n", 1)[1], []
    while rest:
        line, rest = rest.split(b"\r\n", 1)
        size = int(line, 16)
        if size == 0:
            break
        sizes.append(size)
        rest = rest[size + 2:]
    return sizes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--farebox", default="build/release/farebox")
    parser.add_argument("--mock", default="build/release/farebox-mock")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--governed", action="store_true",
                        help="also with a virtual key, five budgets and limits of requests and tokens")
    parser.add_argument("--sync", default="interval", choices=("interval", "always", "never"))
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="farebox-bench-")
    running = []
    try:
        mock = start([options.mock, "--fast"], OTHER_CORES, stdout=subprocess.PIPE, text=True)
        running.append(mock)
        mock_address = json.loads(mock.stdout.readline())["listen"]
        # "without": the same program with its records in memory only.
        ports = {"nginx": free_port(), "farebox": free_port(), "without": free_port()}

        with open(directory + "/nginx.conf", "w") as f:
            f.write(NGINX % {"dir": directory, "mock": mock_address, "port": ports["nginx"]})
        nginx = start(["/usr/sbin/nginx", "-p", directory, "-c", directory + "/nginx.conf"],
                      PROXY_CORE, stderr=subprocess.DEVNULL)
        running.append(nginx)
        pids = {"nginx": nginx.pid}
        variants = [("farebox", "disk", {}), ("without", "memory", {})]
        if options.governed:
            ports["governed"] = free_port()
            variants.append(("governed", "disk", GOVERNED))
        for name, store, more in variants:
            settings = "%s/%s.json" % (directory, name)
            with open(settings, "w") as f:
                json.dump({"listen": "127.0.0.1:%d" % ports[name],
                           "admin": {"listen": "127.0.0.1:%d" % free_port()},
                           "data_dir": "%s/%s" % (directory, name),
                           "ledger": {"store": store, "sync": options.sync},
                           "providers": {"openai": {"base_url": "http://" + mock_address}}, **more}, f)
            process = start([options.farebox, "--config", settings], PROXY_CORE,
                            stderr=subprocess.DEVNULL)
            running.append(process)
            pids[name] = process.pid
        for port in ports.values():
            wait_for(port)
        idle_rss = rss_kib(pids["farebox"])

        filler = "word " * 180
        bodies = {
            "whole": '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"%s"}]}' % filler,
            "stream": '{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},'
                      '"messages":[{"role":"user","content":"%s"}]}' % filler[:840],
        }
        report = {"bench": "overhead", "sync": options.sync, "connections": options.connections, "rounds": options.rounds,
                  "idle_rss_mib": round(idle_rss / 1024, 1)}
        for kind, body in bodies.items():
            scripts = {}
            for name in ports:
                scripts[name] = "%s/%s-%s.lua" % (directory, kind, name)
                key = 'wrk.headers["x-farebox-key"] = "%s"' % KEY if name == "governed" else ""
                with open(scripts[name], "w") as f:
                    f.write(LUA % (key, body))
            cost = {name: [] for name in ports}
            for name in ports:  # warm
                load(ports[name], scripts[name], 1, options.connections)
            for _ in range(options.rounds):
                for name in ports:
                    before = cpu_seconds(pids[name])
                    done = load(ports[name], scripts[name], options.seconds, options.connections)
                    cost[name].append((cpu_seconds(pids[name]) - before) / done * 1e6)
            report[kind] = {name + "_us": round(statistics.median(cost[name]), 2) for name in cost}
            pairs = [("ratio", "farebox", "nginx"), ("ledger_ratio", "farebox", "without")]
            if options.governed:
                pairs.append(("governed_ratio", "governed", "farebox"))
            for title, one, other in pairs:
                ratios = [f / n for f, n in zip(cost[one], cost[other])]
                report[kind][title] = round(statistics.median(ratios), 3)
                report[kind][title + "_range"] = [round(min(ratios), 3), round(max(ratios), 3)]
        report["chunks"] = {name: len(chunks_of(port, bodies["stream"].encode()))
                            for name, port in ports.items()}
        report["chunks_direct"] = len(chunks_of(int(mock_address.rsplit(":", 1)[1]),
                                                bodies["stream"].encode()))
        report["rss_after_mib"] = round(rss_kib(pids["farebox"]) / 1024, 1)
        print(json.dumps(report))
    finally:
        end(running, directory)


if __name__ == "__main__":
    main()
