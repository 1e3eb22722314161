#!/usr/bin/env python3
"""How long a month of usage takes to answer: a ledger of 1,000,000 records over 30 days,
asked over HTTP on the admin port, paged through, verified and rebuilt. One JSON line."""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

QUERIES = {
    "model": "groupBy=model",
    "model,project": "groupBy=model,project",
    "user": "groupBy=user",
    "project of one model": "groupBy=project&model=model-of-some-length-3",
    "model by day": "groupBy=model&granularity=day",
    "model by hour": "groupBy=model&granularity=hour",
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def timed(command):
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit("%s: exit %d\n%s%s" % (command, done.returncode, done.stdout, done.stderr))
    return {"seconds": round(time.monotonic() - began, 2),
            "cpu": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--farebox", default="build/release/farebox")
    parser.add_argument("--fill", default="build/release/tests/ledger_fill")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="farebox-bench-")
    process = None
    try:
        data = directory + "/data"
        report = {"bench": "usage", "records": options.records,
                  "fill": timed([options.fill, data, str(options.records)])}
        report["mib_on_disk"] = round(sum(
            os.path.getsize(os.path.join(root, name))
            for root, _, names in os.walk(data) for name in names) / 2**20, 1)
        report["verify_stopped"] = timed([options.farebox, "ledger", "verify", "--data-dir", data])
        port, admin = free_port(), free_port()
        began = time.monotonic()
        process = subprocess.Popen([options.farebox, "--listen", "127.0.0.1:%d" % port,
                                    "--admin-listen", "127.0.0.1:%d" % admin, "--data-dir", data],
                                   stderr=subprocess.DEVNULL)
        url = "http://127.0.0.1:%d" % admin

        def get(path):
            with urllib.request.urlopen(url + path, timeout=60) as answer:
                return answer.read()

        while True:
            try:
                get("/readyz")
                break
            except OSError:
                time.sleep(0.005)
        report["ready_ms"] = round((time.monotonic() - began) * 1000)
        for name, query in QUERIES.items():
            path = "/api/usage?since=720h&" + query
            total = json.loads(get(path))["total"]["requests"]
            expected = options.records // (20 if "&model=" in query else 1)
            assert abs(total - expected) <= options.records // 100, total
            times = []
            for _ in range(options.rounds):
                began = time.monotonic()
                get(path)
                times.append((time.monotonic() - began) * 1000)
            report[name] = {"median_ms": round(statistics.median(times), 1),
                            "max_ms": round(max(times), 1)}
        began, cursor, seen = time.monotonic(), "", 0
        while cursor is not None:
            page = json.loads(get("/api/usage/records?limit=1000&cursor=" + cursor))
            seen, cursor = seen + len(page["records"]), page["nextCursor"]
        assert seen == options.records, seen
        report["paged_through_s"] = round(time.monotonic() - began, 1)
        report["verify_running"] = timed([options.farebox, "ledger", "verify", "--data-dir", data])
        with open("/proc/%d/status" % process.pid) as f:
            rss = [int(l.split()[1]) for l in f if l.startswith("VmRSS:")]
        report["rss_mib"] = round(rss[0] / 1024, 1)
        print(json.dumps(report))
    finally:
        if process:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
