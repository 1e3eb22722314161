"""Everything goes wrong at once, round by round: providers that cut, stall, dribble, lie and
reset, clients that leave, signals. After each round nothing is left over, and a provider that
was well didn't notice.

FAREBOX_ROUNDS: how many (./dev test --chaos: many). FAREBOX_SEED: to see one again."""

import os
import random
import signal
import statistics
import tempfile
import threading
import time
import unittest

import crowd
from harness import (CHAT, MESSAGES, Farebox, Mock, chat_body, fetch, messages_body, providers,
                     run_to_end, wait_until)

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", 12))
SEED = int(os.environ.get("FAREBOX_SEED", 0)) or random.randrange(1, 10**9)
CALLS = 40
# A healthy provider's answers, beside the storm: a bound for busy machines under sanitizers.
HEALTHY_P99_S = 2.0

FAULTS = {
    "cuts": {"cut_chunks": 3, "cut": "fin"},
    "resets": {"cut_chunks": 2, "cut": "reset"},
    "resets before the answer": {"cut_wire": 0, "cut": "reset"},
    "cuts the head": {"cut_wire": 20, "cut": "fin"},
    "stalls": {"delay_head_ms": 900},
    "stops in the middle": {"cut_chunks": 2, "cut": "hang"},
    "dribbles": {"write_size": 7, "delay_chunk_ms": 20},
    "lies about its length": {"raw": "SFRUUC8xLjEgMjAwIE9LDQpDb250ZW50LUxlbmd0aDogOTk5DQoNCnt9"},
    "answers with garbage": {"raw": "Z2FyYmFnZSBhbmQgbW9yZSBnYXJiYWdlDQoNCg=="},
    "closes idle connections": {"close_after": True},
    "lets connections go stale": {"stale": "reset"},
    "overloaded": {"status": 529},
    "limits": {"status": 429, "headers": ["retry-after-ms: 50"]},
    "fails": {"status": 500},
    "reports no usage": {"usage": False},
    "is well": {},
}


class Chaos(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.bad, self.well = Mock(), Mock()
        self.addCleanup(self.bad.stop)
        self.addCleanup(self.well.stop)
        each = {"retry": {"max_attempts": 2, "base_delay": "5ms", "max_delay": "50ms"},
                "circuit_breaker": {"failure_threshold": 20, "reset_timeout": "200ms"},
                "timeouts": {"connect": "1s", "first_byte": "600ms", "idle": "700ms", "total": "5s"},
                "pool": {"max": 32}, "concurrency": {"max": 24, "max_wait": "2s"}}
        table = providers(self.bad, each=each)
        table["well"] = {"dialect": "openai", "base_url": self.well.url}
        table["spare"] = dict(each, dialect="openai", base_url=self.well.url)
        self.config = {
            "providers": table,
            "routes": [{"model": "gpt-4.1*", "targets": [{"provider": "openai"}],
                        "fallbacks": [{"provider": "spare"}]}],
            "budgets": [{"name": "all", "scope": {}, "period": "total", "limit_usd": 50},
                        {"name": "user", "scope": {"user": "*"}, "period": "daily",
                         "limit_usd": 10}],
            "rate_limits": [{"scope": {"user": "*"}, "requests_per_minute": 1000000,
                             "max_parallel_requests": 1000}],
            "limits": {"drain": "3s"}}
        self.farebox = self.start()
        self.addCleanup(lambda: self.farebox.is_running() and self.farebox.stop())

    def start(self):
        place = tempfile.TemporaryDirectory(prefix="farebox-chaos-")
        self.addCleanup(place.cleanup)
        return Farebox(self.config, directory=place.name)

    def calls(self):
        for number in range(CALLS):
            stream = self.random.random() < 0.6
            target, body = self.random.choice((
                (CHAT, chat_body(stream=stream, max_tokens=20)),
                (CHAT, chat_body(model="gpt-4o", stream=stream, max_tokens=20)),
                (MESSAGES, messages_body(stream=stream))))
            leaves = self.random.random()
            yield crowd.Call(target, body, {"x-farebox-user": "u%d" % (number % 5)},
                             leave_after=self.random.randrange(1, 900) if leaves < 0.15 else None,
                             leave_in=self.random.random() * 0.4 if 0.15 <= leaves < 0.25 else None,
                             reset=self.random.random() < 0.5)

    def beside(self, stop, took):
        while not stop.is_set():
            begun = time.monotonic()
            try:
                reply = fetch(self.farebox.port, "POST", "/well" + CHAT, {}, chat_body())
                if reply.status == 200:
                    took.append(time.monotonic() - begun)
            except OSError:
                pass                        # farebox itself is away in some rounds
            time.sleep(0.02)

    def left_over(self):
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        held = sorted({row["heldUsd"] for row in rows} - {"0"})
        states = self.farebox.admin_json("/api/providers")["providers"]
        running = sum(row["calls"]["running"] + row["calls"]["queued"]
                      for row in states)
        return held, running, self.farebox.metric("farebox_streams_active")

    def check_round(self, what):
        wait_until(lambda: self.left_over() == ([], 0, 0), 10,
                   "%s (seed %d): left over %s" % (what, SEED, self.left_over()))
        self.assertEqual(self.farebox.metric("farebox_ledger_dropped_total"), 0, what)

    def test_rounds(self):
        fds = None
        for round_number in range(ROUNDS):
            self.bad.clear()
            fault = self.random.choice(sorted(FAULTS))
            if FAULTS[fault]:
                self.bad.rule(FAULTS[fault], times=self.random.choice((0, 5, 20)))
            event = self.random.choice(("none",) * 4 + ("stop", "reload", "close all"))
            what = "round %d: %s, %s" % (round_number, fault, event)
            stop, took = threading.Event(), []
            beside = threading.Thread(target=self.beside, args=(stop, took))
            beside.start()
            trouble = threading.Timer(0.1, self.happen, (event,))
            trouble.start()
            try:
                crowd.at_once(self.farebox.port, list(self.calls()), 60)
            finally:
                trouble.join()
                stop.set()
                beside.join()
            self.assertTrue(self.farebox.is_running(), what)
            self.check_round(what)
            if event == "none" and len(took) > 20:
                p99 = statistics.quantiles(took, n=100)[-1]
                self.assertLess(p99, HEALTHY_P99_S, what)
            if round_number == 1:
                fds = self.farebox.open_files()
        # Pools may have grown; nothing grows with the rounds.
        if fds is not None:
            self.assertLess(self.farebox.open_files(), fds + 150)
        self.end_well()

    def happen(self, event):
        if event == "stop":
            self.farebox.send_signal(signal.SIGSTOP)
            time.sleep(0.4)
            self.farebox.send_signal(signal.SIGCONT)
        elif event == "reload":
            self.farebox.reload(dict(self.config, log={"level": "info"}))
        elif event == "close all":
            self.bad.close_connections()

    def end_well(self):
        code = self.farebox.stop()
        self.assertEqual(code, 0, self.farebox.raw_lines[-20:])
        code, *words = run_to_end(["ledger", "verify", "--data-dir", self.farebox.data_dir])
        self.assertEqual(code, 0, words)

    def test_an_end_in_the_middle_keeps_the_books(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            farebox = self.farebox = self.start()
            trouble = threading.Timer(0.25, farebox.send_signal, (how,))
            trouble.start()
            try:
                crowd.at_once(farebox.port, list(self.calls()), 60)
            except OSError:
                pass                        # it was gone before all had connected
            trouble.join()
            code = farebox.wait()
            self.assertEqual(code, 0 if how == signal.SIGTERM else -9)
            code, *words = run_to_end(["ledger", "verify", "--data-dir", farebox.data_dir])
            self.assertEqual(code, 0, words)
            self.farebox = Farebox(self.config, directory=farebox.directory)
            self.check_round("after signal %d" % how)
            self.end_well()


if __name__ == "__main__":
    unittest.main()
