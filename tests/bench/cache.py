#!/usr/bin/env python3
"""What a cached answer costs: CPU of the whole process tree per hit, beside nginx (proxy_cache,
POST, the body in the key, on tmpfs) and Varnish (bodyaccess), where it is there.

`hot`: a hundred calls whose answers are in memory. `warm`: twenty thousand, which farebox has on its
disk tier only (its memory tier is as small as it may be). All stand between wrk and the same fast mock,
pinned to one core; rounds are interleaved. Prints one JSON line: medians and ratios."""

import argparse
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from overhead import CORES, OTHER_CORES, PROXY_CORE, cpu_seconds, end, free_port, rss_kib, start, wait_for

NGINX = """
daemon off; master_process on; user %(user)s; worker_processes 1; pid %(dir)s/nginx.pid; error_log %(dir)s/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %(dir)s/b; proxy_temp_path %(dir)s/p;
  fastcgi_temp_path %(dir)s/f; uwsgi_temp_path %(dir)s/u; scgi_temp_path %(dir)s/s;
  keepalive_requests 100000000; client_body_buffer_size 64k; client_body_in_single_buffer on;
  proxy_cache_path %(dir)s/cache levels=1:2 keys_zone=answers:64m max_size=1g inactive=60m use_temp_path=off;
  upstream mock { server %(mock)s; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:%(port)d;
    location / { proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_cache answers; proxy_cache_methods POST; proxy_cache_valid 200 60m;
                 proxy_cache_key "$request_uri|$http_authorization|$request_body"; }
  }
}
"""

VCL = """
vcl 4.1;
import std; import bodyaccess;
backend default { .host = "127.0.0.1"; .port = "%(mock_port)s"; }
sub vcl_recv { std.cache_req_body(64KB); set req.http.x-method = req.method; return (hash); }
sub vcl_hash { bodyaccess.hash_req_body(); hash_data(req.http.authorization); hash_data(req.url); return (lookup); }
sub vcl_backend_fetch { set bereq.method = bereq.http.x-method; return (fetch); }
sub vcl_backend_response { set beresp.ttl = 1h; return (deliver); }
"""

# A call's text is about a KiB; its number makes it another call.
LUA = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-bench"
local number = %(first)d
function request()
  number = (number + %(step)d) %% %(count)d
  return wrk.format(nil, nil, nil,
    '{"model":"gpt-4o-mini","temperature":0,"messages":[{"role":"user","content":"' .. number .. ' %(filler)s"}]}')
end
"""


def load(port, script, seconds, connections):
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "-s", script,
                          "http://127.0.0.1:%d/v1/chat/completions" % port],
                         capture_output=True, text=True, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, OTHER_CORES)).stdout
    requests = [int(line.split()[0]) for line in out.splitlines() if "requests in" in line]
    if not requests or "Non-2xx" in out or "Socket errors" in out:
        sys.exit("the load had errors:\n" + out)
    return requests[0]


def results(admin_port):
    """What came of the calls that the cache was asked about."""
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % admin_port) as answer:
        lines = answer.read().decode().splitlines()
    name = "farebox_cache_requests_total{result="
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines if line.startswith(name)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--farebox", default="build/release/farebox")
    parser.add_argument("--mock", default="build/release/farebox-mock")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--warm", type=int, default=20_000, help="calls of the warm run")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="farebox-bench-", dir="/dev/shm")
    running = []
    try:
        mock = start([options.mock, "--fast"], OTHER_CORES, stdout=subprocess.PIPE, text=True)
        running.append(mock)
        mock_address = json.loads(mock.stdout.readline())["listen"]
        ports, pids, admins = {}, {}, {}

        def run(name, command, **more):
            process = start(command, PROXY_CORE, stderr=subprocess.DEVNULL, **more)
            running.append(process)
            pids[name] = process.pid
            wait_for(ports[name])

        ports["nginx"] = free_port()
        with open(directory + "/nginx.conf", "w") as f:
            f.write(NGINX % {"dir": directory, "mock": mock_address, "port": ports["nginx"],
                             "user": pwd.getpwuid(os.getuid()).pw_name})
        run("nginx", ["/usr/sbin/nginx", "-p", directory, "-c", directory + "/nginx.conf"])
        if shutil.which("varnishd"):
            ports["varnish"] = free_port()
            with open(directory + "/default.vcl", "w") as f:
                f.write(VCL % {"mock_port": mock_address.rsplit(":", 1)[1]})
            run("varnish", ["varnishd", "-F", "-j", "none", "-n", directory + "/varnish", "-a",
                            "127.0.0.1:%d" % ports["varnish"], "-f", directory + "/default.vcl",
                            "-s", "malloc,256m"], stdout=subprocess.DEVNULL)
        for name, memory in (("hot", "64MiB"), ("warm", "1MiB")):
            ports[name], admins[name] = free_port(), free_port()
            settings = "%s/%s.json" % (directory, name)
            with open(settings, "w") as f:
                json.dump({"listen": "127.0.0.1:%d" % ports[name],
                           "admin": {"listen": "127.0.0.1:%d" % admins[name]},
                           "data_dir": "%s/%s" % (directory, name), "threads": 1,
                           "cache": {"memory": memory},
                           "providers": {"openai": {"base_url": "http://" + mock_address}}}, f)
            run(name, [options.farebox, "--config", settings])

        filler = "word " * 180
        report = {"bench": "cache", "connections": options.connections, "rounds": options.rounds}
        everybody = [name for name in ports if name != "warm"]
        for kind, count, names in (("hot", 100, everybody),
                                   ("warm", options.warm, [n for n in everybody if n != "hot"] + ["warm"])):
            script = "%s/%s.lua" % (directory, kind)
            with open(script, "w") as f:
                f.write(LUA % {"first": 0, "step": 1 if kind == "hot" else 7_919, "count": count,
                               "filler": filler})
            cost = {name: [] for name in names}
            rate = {name: [] for name in names}
            for name in names:  # fill
                for _ in range(1 if kind == "hot" else 4):
                    load(ports[name], script, max(2, options.seconds), options.connections)
            mine = "hot" if kind == "hot" else "warm"
            before_hits = results(admins[mine])
            for _ in range(options.rounds):
                for name in names:
                    before = cpu_seconds(pids[name])
                    done = load(ports[name], script, options.seconds, options.connections)
                    cost[name].append((cpu_seconds(pids[name]) - before) / done * 1e6)
                    rate[name].append(done / options.seconds)
            after_hits = results(admins[mine])
            report[kind] = {"%s_us" % ("farebox" if n == mine else n): round(statistics.median(cost[n]), 2)
                            for n in names}
            report[kind]["hits_per_second_per_core"] = round(statistics.median(1e6 / c for c in cost[mine]))
            asked = {k: after_hits[k] - before_hits.get(k, 0) for k in after_hits}
            report[kind]["hit_ratio"] = round(asked.get("hit", 0) / max(1, sum(asked.values())), 4)
            for other in ("nginx", "varnish"):
                if other not in cost:
                    continue
                ratios = [f / n for f, n in zip(cost[mine], cost[other])]
                report[kind]["ratio_" + other] = round(statistics.median(ratios), 3)
                report[kind]["ratio_%s_range" % other] = [round(min(ratios), 3), round(max(ratios), 3)]
        report["rss_mib"] = {name: round(rss_kib(pid) / 1024, 1) for name, pid in pids.items()}
        report["cores"] = len(CORES)
        print(json.dumps(report))
    finally:
        end(running, directory)


if __name__ == "__main__":
    main()
