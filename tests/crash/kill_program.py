#!/usr/bin/env python3
"""Crash suite of the whole program: kill -9 under load, again and again, on one data
directory, and compare the ledger with what the provider and the clients saw.

    FAREBOX_BIN=build/release/farebox FAREBOX_MOCK_BIN=build/release/farebox-mock \\
        tests/crash/kill_program.py --rounds 1000 --parallel 2

A round: load for 50 to 400 ms, SIGKILL, sometimes another SIGKILL in the midst of the
recovery, restart; then

  lost      a request that reached the provider or was answered in full has no record
  doubled   it has two
  unsent    a record is of a request that nobody sent
  wrong     an answer that was read to its end isn't recorded `ok` with the provider's tokens
  cheaper   a record costs less than the provider bills
  other     holds left open, sums that differ from the records, ids that go back,
            `ledger verify` that finds a fault, a start that takes longer than a second

must all be empty. Prints one JSON line; exit 1 on any break, with details on stderr."""

import argparse
import concurrent.futures
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from kill_suite import BREAKS, READY_MS, Suite  # noqa: E402


def one_instance(name, options, rounds):
    return Suite(name, options.seed, options.sync, options.ready_ms,
                 release=options.settlement == "release").run(rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="of all instances together")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--sync", choices=("interval", "always"), default="interval")
    parser.add_argument("--settlement", choices=("charge", "release"), default="charge")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--ready-ms", type=int, default=READY_MS)
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(10**9)

    began = time.monotonic()
    share = [options.rounds // options.parallel + (i < options.rounds % options.parallel)
             for i in range(options.parallel)]
    with concurrent.futures.ProcessPoolExecutor(options.parallel) as pool:
        runs = [pool.submit(one_instance, "k%d" % i, options, rounds)
                for i, rounds in enumerate(share)]
        results = [run.result() for run in runs]

    total = {}
    for figures, details, directory in results:
        for name, value in figures.items():
            total[name] = max(total.get(name, 0), value) if name == "max_ready_ms" \
                else total.get(name, 0) + value
        for line in details:
            print(line, file=sys.stderr)
        if details:
            print("kept: %s" % directory, file=sys.stderr)
    total.update(seed=options.seed, sync=options.sync, parallel=options.parallel,
                 seconds=round(time.monotonic() - began, 1))
    print(json.dumps(total))
    return 1 if any(total[kind] for kind in BREAKS) else 0


if __name__ == "__main__":
    sys.exit(main())
