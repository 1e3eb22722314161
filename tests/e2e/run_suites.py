"""Runs the test classes of this folder, some at a time: most of their time is waiting.

Prints one line for each scenario that failed and the counts, as unittest words them; what
each class said in full is below build/e2e/logs. Names given (a module, a class, a test)
are run instead of all."""

import concurrent.futures
import os
import re
import subprocess
import sys
import time
import unittest

import _paths

AT_A_TIME = 4
LONGEST_LINE = 400
FAILURE = re.compile(r"^(FAIL|ERROR): (.*)$")
RAN = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
SKIPPED = re.compile(r"skipped=(\d+)")


def classes():
    found = []
    for case in cases(unittest.defaultTestLoader.discover(_paths.HERE, "test_*.py")):
        name = case.id().rpartition(".")[0]
        if name not in found:
            found.append(name)
    return found


def cases(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from cases(one)
        else:
            yield one


def run(name):
    """(name, everything it said, its exit code)"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "unittest", name],
                          cwd=_paths.HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    said = done.stdout.decode("utf-8", "replace")
    with open(os.path.join(_paths.INSTALLED, "logs", name + ".log"), "w", encoding="utf-8") as log:
        log.write(said)
    return name, said, done.returncode


def failures(said):
    """One line each: which scenario, and the last line of its traceback."""
    out = []
    for block in said.split("=" * 70 + "\n")[1:]:
        title = FAILURE.match(block.split("\n")[0])
        trace = block.partition("Traceback (most recent call last):\n")[2].split("\n\n")[0]
        reason = next((l for l in trace.split("\n") if l and not l.startswith(" ")), "")
        if title:
            out.append((" ".join(title[2].split(" ")[:2]), "%s: %s" % (title[2], reason)))
    return out


def main():
    began = time.monotonic()
    os.makedirs(os.path.join(_paths.INSTALLED, "logs"), exist_ok=True)
    ran = skipped = 0
    failed = set()
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for name, said, code in pool.map(run, sys.argv[1:] or classes()):
            count = RAN.search(said)
            ran += int(count[1]) if count else 1
            skipped += sum(int(n) for n in SKIPPED.findall(said)[-1:])
            found = failures(said)
            if code != 0 and not found:
                found = [("", "%s ended with %d: %s" % (name, code, said[-200:]))]
            for test, line in found:
                failed.add((name, test))
                print(line[:LONGEST_LINE].replace("\n", " "))
    print("Ran %d tests in %.1fs" % (ran, time.monotonic() - began))
    notes = ["failures=%d" % len(failed)] * bool(failed) + ["skipped=%d" % skipped] * bool(skipped)
    print(("FAILED" if failed else "OK") + (" (%s)" % ", ".join(notes) if notes else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
