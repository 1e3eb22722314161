"""Rows M1, M5 and M8 with budgets: after kill -9 at any moment the counters are the ledger's
sums, nothing admitted is lost or counted twice, and nothing is held; and a store that can't
be written lets no budgeted call out.

FAREBOX_ROUNDS=500 kills as often as the promise says."""

import json
import os
import random
import signal
import sys
import tempfile
import threading
import unittest
from decimal import Decimal

import books
import test_ledger
from books import assert_idle, faults_of, row_of, usd
from crowd import Call, at_once
from harness import CHAT, HERE, Farebox, Mock, chat_body, fetch, providers, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(HERE), "crash"))

from kill_suite import BREAKS, Suite  # noqa: E402

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "10"))


class BudgetSuite(Suite):
    """The crash suite with budgets that see every call, alone or split by a value."""

    SCOPES = {"all": {}, "by model": {"model": "*"}, "by provider": {"provider": "*"}}

    def __init__(self, *more, **named):
        super().__init__(*more, **named)
        self.config["budgets"] = [
            {"name": name, "scope": scope, "period": "total", "limit_usd": "1000"}
            for name, scope in self.SCOPES.items()]
        self.config["rate_limits"] = [{"name": "r", "scope": {"provider": "*"},
                                       "requests_per_second": 1000000, "max_parallel_requests": 1000}]
        self.sums = {}          # (budget, value): cost of all records
        self.made = None        # the id of a budget the API made

    def start(self):
        super().start()
        if self.made is None:
            answer = self.farebox.admin("POST", "/api/budgets", {}, json.dumps(
                {"name": "of the API", "budgetType": "yearly", "limitUsd": "1000"}))
            self.made = answer.json()["id"]

    def new_records(self):
        records = super().new_records()
        for record in records:
            for key in (("all", None), ("of the API", None), ("by model", record["requestedModel"]),
                        ("by provider", record["provider"])):
                self.sums[key] = self.sums.get(key, Decimal(0)) + usd(record["costUsd"])
        return records

    def check(self, sent):
        super().check(sent)
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        told = {}
        for row in rows:
            for fault in faults_of(row):
                self.broken("other", fault)
            if usd(row["heldUsd"]) != 0 or row["heldTokens"] != 0:
                self.broken("other", "something is held after a restart: %s" % row)
            value = next(iter(row["scope"].values()), None)
            told[row["name"], value] = usd(row["currentSpendUsd"])
        for key, cost in self.sums.items():
            if told.get(key, Decimal(0)) != cost:
                self.broken("wrong", "counter %s says %s, its records %s" % (key, told.get(key), cost))


class Killed(unittest.TestCase):
    def test_kill_9_under_load(self):
        figures, details, _ = BudgetSuite("budgets", 7, ready_ms=test_ledger.READY_MS, clients=6,
                                          verify_every=5).run(ROUNDS, seconds=(0.05, 0.3))
        self.assertEqual(details, [], "\n".join(details))
        self.assertEqual([figures[kind] for kind in BREAKS], [0] * len(BREAKS))
        self.assertEqual(figures["rounds"], ROUNDS)
        self.assertGreater(figures["crashed"], 0, "no call was running when it was killed")
        if "FAREBOX_ROUNDS" in os.environ:
            print(figures, file=sys.stderr)

    def test_streams_on_a_budget_that_ends(self):
        """Holds that grow, wait and are cut, killed again and again until all is spent."""
        mock = Mock()
        self.addCleanup(mock.stop)
        chance = random.Random(3)
        limit = books.cost("gpt-4.1-mini", 3, 60) * 60
        config = {"providers": providers(mock, each={"retry": {"max_attempts": 1}}),
                  "prices": {"overrides": books.OVERRIDES}, "enforcement": {"budget_wait": "200ms"},
                  "budgets": [{"name": "tight", "scope": {"project": "p"}, "period": "total",
                               "limit_usd": str(limit)}]}
        with tempfile.TemporaryDirectory() as directory:
            for life in range(40):
                farebox = Farebox(config, directory=directory)
                row, _ = assert_idle(self, farebox, "tight", {"project": "p"}, project="p")
                self.assertEqual(faults_of(row), [])
                self.assertLessEqual(usd(row["currentSpendUsd"]), limit)
                self.assertEqual(farebox.admin_json("/api/ledger")["openHolds"], 0)
                if usd(row["remainingUsd"]) < limit / 50:
                    break
                calls = [Call(CHAT, chat_body(stream=i % 2 == 0, **({} if i % 4 == 0 else {"max_tokens": 80})), {
                    "x-farebox-project": "p", "x-mock-output-tokens": "60",
                    "x-mock-delay-chunk-ms": "4", "x-mock-delay-head-ms": "10"}) for i in range(12)]
                killer = threading.Timer(chance.uniform(0.02, 0.4),
                                         lambda f=farebox: f.send_signal(signal.SIGKILL))
                killer.start()
                try:
                    at_once(farebox.port, calls, 20)
                except OSError:
                    pass                    # it was killed before all had connected
                killer.join()
                farebox.wait()
            self.assertLess(life, 39, "it never comes to its end: %s" % row)
            farebox.is_running() and farebox.stop()
        self.assertGreaterEqual(usd(row["currentSpendUsd"]) / limit, Decimal("0.95"))


    def test_what_the_api_was_told_survives(self):
        """Each change that was answered is there after kill -9, the last one may be."""
        mock = Mock()
        self.addCleanup(mock.stop)
        chance = random.Random(8)
        known, doubtful = {}, None      # name: limit; None: removed
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(max(8, ROUNDS // 2)):
                farebox = Farebox({"providers": providers(mock)}, directory=directory)
                rows = {r["name"]: r for r in farebox.admin_json("/api/budgets")["budgets"]}
                for name in set(known) | set(rows):
                    told = usd(rows[name]["limitUsd"]) if name in rows else None
                    if doubtful and name == doubtful[0]:
                        self.assertIn(told, (known.get(name), doubtful[1]))
                        known[name] = told
                    self.assertEqual(told, known.get(name), name)
                killer = threading.Timer(chance.uniform(0.05, 0.3),
                                         lambda f=farebox: f.send_signal(signal.SIGKILL))
                killer.start()
                doubtful = self.change(farebox, chance, known, {n: r["id"] for n, r in rows.items()})
                killer.join()
                farebox.wait()
        self.assertGreater(len(known), 10)

    def change(self, farebox, chance, known, ids):
        """Changes budgets until farebox is gone; returns the change nobody answered."""
        while True:
            name = "b%d" % chance.randint(0, 40)
            limit = None if name in ids and chance.random() < 0.3 else Decimal(chance.randint(1, 999))
            try:
                if limit is None:
                    answer = farebox.admin("DELETE", "/api/budgets?budgetId=" + ids[name])
                else:
                    answer = farebox.admin("POST", "/api/budgets", {"Content-Type": "application/json"},
                                           json.dumps({"name": name, "projectId": name,
                                                       "budgetType": "total", "limitUsd": str(limit)}))
            except (OSError, EOFError):
                return name, limit
            self.assertIn(answer.status, (200, 201), answer.text)
            known[name] = limit
            if limit is None:
                del ids[name]
            else:
                ids[name] = answer.json()["id"]


class FullDisk(test_ledger.LedgerTest):
    """A store that can't be written: 503, nothing goes out, nothing stays held."""

    small_disk, fill, empty = (vars(test_ledger.Store)[name] for name in ("small_disk", "fill", "empty"))
    ask_until, is_ready = (vars(test_ledger.Store)[name] for name in ("ask_until", "is_ready"))
    reached = vars(test_ledger.Store)["reached"]

    BUDGETS = [{"name": "all", "period": "total", "limit_usd": "5"},
               {"name": "each", "scope": {"user": "*"}, "period": "total", "limit_usd": "5"}]
    LIMITS = [{"name": "slots", "scope": {}, "max_parallel_requests": 4}]

    def budget(self, farebox):
        row = row_of(farebox, "all")
        self.assertEqual(faults_of(row), [])
        return row

    def assert_counter(self, farebox):
        wait_until(lambda: usd(self.budget(farebox)["heldUsd"]) == 0, 5, "a hold never ended")
        self.assertEqual(usd(self.budget(farebox)["currentSpendUsd"]),
                         sum(usd(r["costUsd"]) for r in farebox.records()))

    def test_denied_and_mended_by_itself(self):
        with self.small_disk() as (place, _):
            farebox = self.start({"on_store_failure": "deny"}, data_dir=place + "/data",
                                 budgets=self.BUDGETS, rate_limits=self.LIMITS)
            asked = self.ask_many(farebox, 3)
            answered, refusal = self.ask_until(farebox, place, lambda r: r.status != 200)
            asked += answered
            self.assertEqual((refusal.status, refusal.json()["error"]["code"]),
                             (503, "ledger_unavailable"))
            for i in range(20):
                for stream in (False, True):
                    reply = self.ask(farebox, "denied%d%s" % (i, stream), {"x-farebox-user": "u%d" % i},
                                     stream=stream)
                    self.assertEqual(reply.status, 503)
            self.assertEqual(self.reached(), asked, "a call went out without a hold")
            wait_until(lambda: usd(self.budget(farebox)["heldUsd"]) == 0, 5, "a refused call holds")
            answer = farebox.admin("POST", "/api/budgets", {"Content-Type": "application/json"}, json.dumps(
                {"projectId": "late", "budgetType": "total", "limitUsd": "1"}))
            if answer.status != 201:            # the budgets' own file may have room left
                self.assertEqual((answer.status, answer.json()["error"]["code"]),
                                 (503, "store_unavailable"))
                self.assertIsNone(row_of(farebox, "project=late total"))

            self.empty(place)
            wait_until(lambda: self.is_ready(farebox), 15, "never ready again")
            asked += self.ask_many(farebox, 3, "after")
            self.assert_counter(farebox)
            before = self.budget(farebox)["currentSpendUsd"]
            self.assertEqual(farebox.stop(), 0)
            farebox = self.start(data_dir=place + "/data", budgets=self.BUDGETS)
            self.assertEqual(self.budget(farebox)["currentSpendUsd"], before)
            self.assert_counter(farebox)
            self.assert_sound(farebox)
            self.assertEqual(farebox.stop(), 0)

    def test_allowed_calls_are_counted_all_the_same(self):
        with self.small_disk() as (place, _):
            farebox = self.start({"on_store_failure": "allow"}, data_dir=place + "/data",
                                 budgets=self.BUDGETS)
            asked, _ = self.ask_until(
                farebox, place, lambda _: not farebox.admin_json("/api/ledger")["writable"])
            for i in range(10):
                self.assertEqual(self.ask(farebox, "allowed%d" % i).status, 200)
            seen = usd(self.budget(farebox)["currentSpendUsd"])
            self.assertEqual(seen, usd(self.ask(farebox, "one").header("x-farebox-cost-usd"))
                             * (len(asked) + 10), "a call that was allowed isn't counted")
            self.empty(place)
            wait_until(lambda: farebox.admin_json("/api/ledger")["writable"], 15, "never again")
            wait_until(lambda: len(farebox.records()) == len(asked) + 11, 5, "records are missing")
            self.assert_counter(farebox)
            self.kill(farebox)
            farebox = self.start(data_dir=place + "/data", budgets=self.BUDGETS)
            self.assert_counter(farebox)
            self.assertEqual(farebox.stop(), 0)


if __name__ == "__main__":
    unittest.main()
