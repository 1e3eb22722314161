"""Rows H4 and H5: searches for inputs that break a parser, or that two readers end differently."""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lines_of(*command):
    """The JSON lines that ./dev fuzz says; what it says beside them goes on."""
    done = subprocess.run([os.path.join(ROOT, "dev"), "fuzz", *command], capture_output=True, text=True)
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if not said:
        raise RuntimeError((done.stdout + done.stderr)[-300:])
    if done.returncode:
        print(done.stderr[-2000:], file=sys.stderr)
    return said, done.returncode


def h4(options):
    """`rounds`: seconds for each target."""
    seconds = options.rounds or 60
    said, bad = lines_of("all", "--seconds", str(seconds))
    targets = [each for each in said if "target" in each]
    (lines,), _ = lines_of("coverage")
    figure = {"targets": len(targets), "seconds_each": seconds,
              "executions": sum(each["executions"] for each in targets),
              "crashes": sum(each["crashes"] for each in targets),
              "fewest_executions": min((each["executions"], each["target"]) for each in targets),
              "line_coverage_percent": lines["percent"], "most_lines_missed": lines["most_lines_missed"]}
    return figure, bad == 0 and figure["crashes"] == 0 and lines["percent"] >= 90


def h5(options):
    """`rounds`: mutants."""
    (figure,), bad = lines_of("boundary", "--mutants", str(options.rounds or 1_000_000),
                              "--seed", str(options.seed))
    return figure, bad == 0
