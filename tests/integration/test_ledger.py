"""The durable ledger: what it holds survives an orderly end, kill -9 and a full disk,
and a hold is in it before the provider hears of the call."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from decimal import Decimal

from harness import (CHAT, HERE, MESSAGES, Connection, Farebox, Mock, chat_body, fetch,
                     messages_body, providers, run_to_end, wait_until, write_config)

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "crash"))

from kill_suite import BREAKS, Suite  # noqa: E402

# USD per million tokens, so that a cost can be worked out by hand.
PRICES = {"overrides": {"gpt-4.1-mini": {"input": "2", "output": "10"},
                        "claude-sonnet-4-5": {"input": "3", "output": "15"}}}
# A build with sanitizers starts slower than the second that is promised.
READY_MS = 1000 if os.environ.get("FAREBOX_PRESET") == "release" else 8000


class LedgerTest(unittest.TestCase):
    """A mock and a data directory; farebox lives as often as a test wants."""

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        directory = tempfile.TemporaryDirectory(prefix="farebox-ledger-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, ledger=None, **more):
        config = dict({"providers": providers(self.mock), "prices": PRICES,
                       "ledger": ledger or {}}, **more)
        farebox = Farebox(config, directory=self.directory)
        self.addCleanup(lambda: farebox.is_running() and self.kill(farebox))
        return farebox

    def kill(self, farebox):
        farebox.send_signal(signal.SIGKILL)
        farebox.wait()

    def ask(self, farebox, name, headers=None, **more):
        fields = dict({"x-farebox-request-id": name, "x-request-tag": name}, **(headers or {}))
        return fetch(farebox.port, "POST", CHAT, fields, chat_body(max_tokens=20, **more))

    def ask_many(self, farebox, count, name="r"):
        for i in range(count):
            response = self.ask(farebox, "%s%d" % (name, i))
            self.assertEqual((response.status, response.complete), (200, True))
        return ["%s%d" % (name, i) for i in range(count)]

    def leave_in_flight(self, farebox, name="in-flight"):
        """A stream that has begun and won't end by itself; returns its request's body."""
        body = messages_body(stream=True, max_tokens=1000)
        connection = Connection(farebox.port)
        self.addCleanup(connection.close)
        connection.ask("POST", MESSAGES, {"x-farebox-request-id": name, "x-mock-chunks": "900",
                                          "x-mock-delay-chunk-ms": "50"}, body)
        next(connection.pieces(connection.head()))
        return body

    def names(self, farebox):
        """Request ids, oldest first, each once."""
        names = [record["requestId"] for record in reversed(farebox.records())]
        self.assertEqual(len(names), len(set(names)), "a record appears twice")
        return names

    def assert_sums(self, farebox):
        records, total = farebox.records(), farebox.admin_json("/api/usage")["total"]
        self.assertEqual(total["requests"], len(records))
        self.assertEqual(Decimal(total["costUsd"]), sum(Decimal(r["costUsd"]) for r in records))
        for key in ("inputTokens", "outputTokens"):
            self.assertEqual(total[key], sum(r[key] for r in records), key)

    def assert_sound(self, farebox):
        code, out, err = run_to_end(["ledger", "verify", "--data-dir", farebox.data_dir])
        self.assertEqual(code, 0, out + err)


class Restart(LedgerTest):
    def test_records_survive_an_orderly_end(self):
        farebox = self.start()
        asked = self.ask_many(farebox, 20)
        before = farebox.records()
        self.assertEqual(farebox.stop(), 0)
        farebox = self.start()
        self.assertEqual(farebox.records(), before)
        self.assertEqual(self.names(farebox), asked)
        self.assert_sums(farebox)

    def test_kill_9_loses_no_record_and_ids_go_on(self):
        farebox = self.start()
        asked = self.ask_many(farebox, 20)
        before = farebox.records()
        self.kill(farebox)
        farebox = self.start()
        self.assertEqual(farebox.records(), before)
        asked += self.ask_many(farebox, 5, "s")
        self.assertEqual(self.names(farebox), asked)
        ids = [record["id"] for record in reversed(farebox.records())]
        self.assertEqual(ids, sorted(set(ids)))
        self.assert_sums(farebox)
        self.assert_sound(farebox)

    def test_an_orderly_end_under_load_loses_nothing(self):
        suite = Suite("drain", 1, ready_ms=READY_MS, clients=4)
        suite.kill = lambda: self.assertEqual(suite.farebox.stop(), 0)
        suite.kill_start = lambda _: None
        figures, details, _ = suite.run(2, seconds=(0.2, 0.3))
        self.assertEqual(details, [])
        self.assertEqual(figures["crashed"], 0, "a hold was left open by an orderly end")

    def test_kill_9_under_load(self):
        figures, details, _ = Suite("kill", 2, ready_ms=READY_MS, clients=4,
                                    verify_every=5).run(10, seconds=(0.05, 0.25))
        self.assertEqual(details, [], "\n".join(details))
        self.assertEqual([figures[kind] for kind in BREAKS], [0] * len(BREAKS))
        self.assertEqual(figures["rounds"], 10)
        self.assertGreater(figures["records"], 20)


class Holds(LedgerTest):
    def test_a_call_killed_in_flight_costs_what_was_held(self):
        farebox = self.start()
        self.leave_in_flight(farebox)
        ledger = farebox.admin_json("/api/ledger")
        self.assertEqual(ledger["openHolds"], 1)
        self.kill(farebox)
        # However often it starts again, it is settled once.
        for _ in range(3):
            farebox = self.start()
            record, = farebox.records()
            self.assertEqual((record["requestId"], record["outcome"]), ("in-flight", "crashed"))
            self.assertEqual(farebox.admin_json("/api/ledger")["openHolds"], 0)
            self.kill(farebox)
        # A thousand tokens of output at 15 per million, and some octets of input.
        self.assertTrue(Decimal("0.015") < Decimal(record["costUsd"]) < Decimal("0.017"), record)
        self.assertTrue(record["estimated"] and record["priced"], record)
        if "heldUsd" in ledger:
            self.assertEqual(Decimal(record["costUsd"]), Decimal(ledger["heldUsd"]))
        self.assert_sound(self.start())

    def test_released_it_costs_nothing(self):
        settings = {"crash_settlement": "release"}
        farebox = self.start(settings)
        self.leave_in_flight(farebox)
        self.kill(farebox)
        farebox = self.start(settings)
        record, = farebox.records()
        self.assertEqual((record["outcome"], record["costUsd"]), ("crashed", "0"))
        self.assert_sums(farebox)

    def test_it_is_on_disk_before_the_provider_hears_of_the_call(self):
        # This provider kills farebox the moment the first octets arrive.
        asked = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = {"openai": {"base_url": "http://127.0.0.1:%d" % listener.getsockname()[1]}}
            for i in range(5):
                farebox = self.start({"sync": "always" if i == 4 else "interval"},
                                     providers=providers(self.mock, **config))

                def provide():
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(1)
                        os.kill(farebox.pid, signal.SIGKILL)
                provider = threading.Thread(target=provide)
                provider.start()
                asked.append("murder%d" % i)
                with self.assertRaises((EOFError, OSError)):
                    self.ask(farebox, asked[-1])
                provider.join(10)
                farebox.wait()
        farebox = self.start()
        self.assertEqual(self.names(farebox), asked)
        self.assertEqual({r["outcome"] for r in farebox.records()}, {"crashed"})
        self.assert_sums(farebox)


class Store(LedgerTest):
    def test_a_second_farebox_is_refused(self):
        farebox = self.start()
        ports = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}}
        config = write_config(self.directory, dict(ports, data_dir=farebox.data_dir), "second.yaml")
        code, _, err = run_to_end(["serve", "--config", config])
        self.assertEqual(code, 69, err)
        self.assertIn(farebox.data_dir, err)
        self.ask_many(farebox, 1)

    def test_a_ledger_of_a_later_version_is_left_alone(self):
        farebox = self.start()
        self.ask_many(farebox, 1)
        self.assertEqual(farebox.stop(), 0)
        # The second place: two slots, each an entry behind its size; its first octet is
        # the version, which the checksum doesn't cover (storage/entry.hpp).
        path = os.path.join(farebox.data_dir, "ledger.synced")
        with open(path, "r+b") as file:
            for slot in (0, 4096):
                file.seek(slot + 2)
                file.write(b"\x7f")
        with open(path, "rb") as file:
            octets = file.read()
        for command in (["serve", "--config", farebox.config_file],
                        ["ledger", "verify", "--data-dir", farebox.data_dir]):
            code, out, err = run_to_end(command)
            self.assertEqual(code, 65, err)
            self.assertIn("later farebox", out + err)
            self.assertNotIn("repair", out + err)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), octets)

    @contextlib.contextmanager
    def small_disk(self):
        """A file system with about half a megabyte left; yields (directory, ballast)."""
        place = os.path.join(self.directory, "disk")
        os.mkdir(place)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place],
                                 capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("may not mount a small file system")
        try:
            ballast = os.path.join(place, "ballast")
            with open(ballast, "wb") as file:
                file.write(b"\0" * (11 << 20))
            yield place, ballast
        finally:
            subprocess.run(["umount", "-l", place], check=True)

    def fill(self, place):
        """Takes what is left of it."""
        with open(os.path.join(place, "more-ballast"), "ab", buffering=0) as file:
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def empty(self, place):
        for name in ("ballast", "more-ballast"):
            os.unlink(os.path.join(place, name))

    def ask_until(self, farebox, place, stop, most=400):
        """Calls with large records until stop(response); gives the names of the answered."""
        heavy = {"x-farebox-tags": ",".join("t%d=%s" % (i, "x" * 60) for i in range(16))}
        answered = []
        for i in range(most):
            self.fill(place)
            name = "full%d" % i
            response = self.ask(farebox, name, heavy)
            if response.status == 200:
                answered.append(name)
            if stop(response):
                return answered, response
        self.fail("the full disk was never noticed, in %d calls" % most)

    def is_ready(self, farebox):
        status = farebox.admin("GET", "/readyz").status
        self.assertIn(status, (200, 503))
        return status == 200

    def reached(self):
        return [request.header("x-request-tag") for request in self.mock.requests()]

    def test_no_call_without_a_hold_while_the_disk_is_full(self):
        with self.small_disk() as (place, _):
            farebox = self.start({"on_store_failure": "deny"}, data_dir=place + "/data")
            asked = self.ask_many(farebox, 3)
            answered, refusal = self.ask_until(farebox, place, lambda r: r.status != 200)
            asked += answered
            self.assertEqual(refusal.status, 503, refusal.text)
            self.assertEqual(refusal.json()["error"]["code"], "ledger_unavailable")
            self.assertEqual(refusal.json()["error"]["type"], "server_error")
            self.assertIsNotNone(refusal.header("retry-after"))
            self.assertEqual(self.reached(), asked)
            for i in range(5):
                self.assertEqual(self.ask(farebox, "denied%d" % i).status, 503)
            self.assertEqual(self.reached(), asked, "a call went out without a hold")
            self.assertFalse(self.is_ready(farebox))
            self.assertEqual(farebox.admin("GET", "/healthz").status, 200)

            self.empty(place)
            wait_until(lambda: self.is_ready(farebox), 15, "never ready again")
            asked += self.ask_many(farebox, 3, "after")
            told = {r["requestId"]: r for r in farebox.records() if r["outcome"] != "refused"}
            self.assertEqual(sorted(told), sorted(asked))
            self.assertEqual(farebox.admin_json("/api/ledger")["openHolds"], 0)
            self.assert_sums(farebox)
            self.assertEqual(farebox.stop(), 0)
            farebox = self.start(data_dir=place + "/data")
            self.assertEqual({r["requestId"] for r in farebox.records() if r["outcome"] == "ok"},
                             set(asked))
            self.assert_sound(farebox)
            self.assertEqual(farebox.stop(), 0)

    def test_a_call_sent_once_keeps_its_record_when_it_may_not_be_sent_again(self):
        # The provider refuses the field we spliced in; when the call is to be repeated
        # without it, the disk has become full and the hold can't grow.
        with self.small_disk() as (place, _):
            farebox = self.start(data_dir=place + "/data")
            with Connection(farebox.port) as connection:
                connection.ask("POST", CHAT, {
                    "x-farebox-request-id": "tried", "x-request-tag": "tried",
                    "x-mock-refuse-stream-options": "400", "x-mock-delay-head-ms": "1000"},
                    chat_body(stream=True, max_tokens=20))
                wait_until(lambda: "tried" in self.reached(), 5)
                self.ask_until(farebox, place, lambda r: r.status == 503)
                self.assertEqual(connection.response("POST").status, 503)
            self.assertEqual(self.reached().count("tried"), 1)
            self.empty(place)
            wait_until(lambda: self.is_ready(farebox), 15, "never ready again")
            self.ask_many(farebox, 1, "after")
            self.assertEqual(self.names(farebox).count("tried"), 1, self.names(farebox))
            self.assertEqual(farebox.admin_json("/api/ledger")["openHolds"], 0)
            self.assertEqual(farebox.stop(), 0)

    def test_calls_pass_and_are_written_later_where_that_is_allowed(self):
        with self.small_disk() as (place, _):
            farebox = self.start({"on_store_failure": "allow"}, data_dir=place + "/data")
            asked, _ = self.ask_until(
                farebox, place, lambda _: not farebox.admin_json("/api/ledger")["writable"])
            self.assertTrue(self.is_ready(farebox), "it takes calls, so it is ready")
            for i in range(5):
                self.assertEqual(self.ask(farebox, "allowed%d" % i).status, 200)
                asked.append("allowed%d" % i)
            self.empty(place)
            wait_until(lambda: farebox.admin_json("/api/ledger")["writable"], 15, "never again")
            wait_until(lambda: len(farebox.records()) == len(asked), 5, "records are missing")
            self.assertEqual(sorted(self.names(farebox)), sorted(asked))
            self.assertEqual({r["outcome"] for r in farebox.records()}, {"ok"})
            self.assert_sums(farebox)
            self.kill(farebox)
            farebox = self.start(data_dir=place + "/data")
            self.assertEqual(sorted(self.names(farebox)), sorted(asked))
            self.assert_sound(farebox)
            self.assertEqual(farebox.stop(), 0)


if __name__ == "__main__":
    unittest.main()
