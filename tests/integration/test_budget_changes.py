"""Budgets that change while they are used: overrides, top-ups, and budgets that come, go and
change in the middle of running calls. What was spent before a budget came, and what was
running when it came, is counted exactly once."""

import random
import threading
import time
import unittest

import books
from books import assert_idle, row_of, usd
from crowd import Call, at_once
from harness import CHAT, FareboxTest, chat_body, providers, wait_until
from test_budget_api import Api

SMALL = books.cost("gpt-4.1-mini", 3, 20) * 2      # pays for two calls of 20 tokens


class Changes(Api, FareboxTest):
    @classmethod
    def config(cls):
        named = lambda name, limit, **more: dict(
            {"name": name, "scope": {"project": name}, "period": "total", "limit_usd": str(limit)}, **more)
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "budgets": [named("overridden", "0.0000001"), named("topped", "0.0000001"),
                            named("monthly", "0.0000001", period="monthly"),
                            named("window", "0.0000001", period="daily"), named("lowered", "5"),
                            named("held", SMALL)],
                "enforcement": {"budget_wait": "300ms"}}

    def change(self, what, status=200, **said):
        answer = self.call("POST", "/api/budgets/" + what, said)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def test_an_override_ends_by_itself(self):
        self.chat("overridden", 429)
        said = self.change("override", budgetId="overridden", limitUsd="1", **{"for": "1500ms"},
                           reason="a demo")
        self.assertEqual((said["id"], said["limitUsd"]), ("overridden", "1"))
        row = self.row("overridden")
        self.assertEqual((usd(row["limitUsd"]), usd(row["override"]["limitUsd"])), (1, 1))
        self.assertEqual(row["override"]["until"], said["until"])
        self.assertEqual(books.faults_of(row), [])
        self.chat("overridden")
        wait_until(lambda: usd(self.row("overridden")["limitUsd"]) == usd("0.0000001"), 4)
        self.chat("overridden", 429)
        self.assertEqual(self.row("overridden")["status"], "exceeded")

    def test_an_override_is_taken_back(self):
        self.change("override", budgetId="monthly", limitUsd="1", until="2099-01-01T00:00:00Z")
        self.chat("monthly")
        answer = self.call("DELETE", "/api/budgets/override?budgetId=monthly")
        self.assertEqual(answer.status, 200, answer.text)
        self.chat("monthly", 429)

    def test_an_override_may_lower_too(self):
        self.chat("lowered")
        self.change("override", budgetId="lowered", limitUsd="0.0000001", **{"for": "10m"})
        self.assertEqual(self.chat("lowered", 429).json()["error"]["farebox"]["limitUsd"], "0.0000001")
        self.call("DELETE", "/api/budgets/override?budgetId=lowered")
        self.chat("lowered")

    def test_a_top_up_adds_to_what_is_there(self):
        self.chat("topped", 429)
        for i in (1, 2):
            self.change("top-up", budgetId="topped", amountUsd="0.25")
            self.assertEqual(usd(self.row("topped")["limitUsd"]), usd("0.0000001") + i * usd("0.25"))
        self.chat("topped")
        self.assertEqual(books.faults_of(self.row("topped")), [])
        # A reload of the configuration, which owns it, doesn't take the money back.
        self.assertEqual(self.farebox.reload(dict(self.config())).status, 200)
        self.assertEqual(usd(self.row("topped")["limitUsd"]), usd("0.5000001"))

    def test_a_top_up_of_a_window_ends_with_it(self):
        said = self.change("top-up", budgetId="window", amountUsd="0.25")
        self.assertEqual(said["until"], self.row("window")["windowEnd"])

    def test_mistakes_are_sentences(self):
        for what, said, status in (
                ("override", {}, 400), ("override", {"budgetId": "topped"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "1"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "1", "for": "-1h"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "1", "for": "soon"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "1", "until": "2020-01-01T00:00:00Z"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "-1", "for": "1h"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "-0", "for": "1h"}, 400),
                ("override", {"budgetId": "topped", "limitUsd": "1", "for": "1h",
                              "until": "2099-01-01T00:00:00Z"}, 400),
                ("override", {"budgetId": "topped", "id": "topped", "limitUsd": "1", "for": "1h"}, 400),
                ("override", {"budgetId": "nobody", "limitUsd": "1", "for": "1h"}, 404),
                ("top-up", {}, 400), ("top-up", {"budgetId": "topped"}, 400),
                ("top-up", {"budgetId": "topped", "amountUsd": "-1"}, 400),
                ("top-up", {"budgetId": "topped", "amountUsd": "a lot"}, 400),
                ("top-up", {"budgetId": "nobody", "amountUsd": "1"}, 404)):
            with self.subTest(what=what, said=said):
                error = self.change(what, status, **said)["error"]
                self.assertGreaterEqual(len(error["message"].split()), 3, error)

    def test_money_in_flight_is_told_apart_from_money_that_is_gone(self):
        slow = {"x-farebox-project": "held", "x-mock-delay-head-ms": "1200"}
        runs = threading.Thread(target=lambda: at_once(self.farebox.port, [
            Call(CHAT, chat_body(max_tokens=20), slow) for _ in range(2)]))
        runs.start()
        wait_until(lambda: len(self.mock.requests()) >= 1)
        began = time.monotonic()
        reply = self.chat("held", 429)
        self.assertGreaterEqual(time.monotonic() - began, 0.25, "it didn't wait for the money")
        error = reply.json()["error"]
        self.assertEqual((error["type"], error["code"]), ("insufficient_quota", "budget_held"))
        self.assertEqual(reply.header("x-should-retry"), "true")
        self.assertLessEqual(int(reply.header("retry-after-ms")), 2000)
        row = self.row("held")
        self.assertGreater(usd(row["heldUsd"]), 0)
        self.assertEqual(books.faults_of(row), [])
        self.assertEqual(self.mock.bill()["total"]["outputTokens"], 0)
        runs.join()
        # It waits no longer than it must where the money comes back in time.
        quick = dict(slow, **{"x-mock-delay-head-ms": "100", "x-mock-output-tokens": "1"})
        calls = at_once(self.farebox.port, [Call(CHAT, chat_body(max_tokens=20), quick)
                                            for _ in range(3)])
        self.assertEqual([c.status for c in calls].count(200), 3, [c.answer.text for c in calls])

    def test_warnings(self):
        self.put(name="warned", projectId="warned", budgetType="total", limitUsd="0.001",
                 warningThreshold=0.2, criticalThreshold=0.6)
        seen = set()
        for _ in range(40):
            reply = self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-project": "warned"})
            row = self.row("warned")
            if reply.status != 200:
                break
            warning = reply.header("x-farebox-budget-warning")
            seen.add(warning)
            if row["status"] == "ok":
                self.assertIsNone(warning)
            self.assertEqual(usd(reply.header("x-farebox-budget-remaining-usd")), usd(row["remainingUsd"]))
        self.assertEqual(seen, {None, "warned warning", "warned critical"})
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd("0.001"))


class Midway(Api, FareboxTest):
    """A budget that comes while calls run."""

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "enforcement": {"budget_wait": "300ms"},
                "budgets": [{"name": "other", "scope": {"org": "nobody"}, "period": "total",
                             "limit_usd": "1"}]}

    def load(self, project, stop, chance):
        """Calls of all kinds, side by side, until told to stop."""
        number = 0
        while not stop.is_set():
            calls = []
            for _ in range(12):
                stream, number = chance.random() < 0.5, number + 1
                fields = {"x-farebox-project": project, "x-farebox-user": "u%d" % (number % 3),
                          "x-mock-delay-head-ms": str(chance.randint(0, 60)),
                          "x-mock-delay-chunk-ms": str(chance.randint(0, 10)),
                          "x-mock-output-tokens": str(chance.randint(1, 40))}
                leaves = chance.randint(1, 6000) if stream and chance.random() < 0.3 else None
                calls.append(Call(CHAT, chat_body(stream=stream, max_tokens=50), fields, leave_after=leaves))
            at_once(self.farebox.port, calls)

    def test_it_counts_what_was_and_what_runs_exactly_once(self):
        for i in range(4):
            project, stop = "mid-%d" % i, threading.Event()
            runs = [threading.Thread(target=self.load, args=(project, stop, random.Random(10 * i + j)))
                    for j in range(2)]
            for run in runs:
                run.start()
            time.sleep(0.5)
            made = [self.put(projectId=project, budgetType=kind, limitUsd="10", name="%s %s" % (project, kind))
                    for kind in ("total", "monthly")]
            made.append(self.put(scope={"project": project, "user": "*"}, name=project + " each",
                                 budgetType="total", limitUsd="10"))
            time.sleep(0.4)
            # One goes and comes again; one changes its number.
            self.drop(made[1]["id"])
            self.put(200, id=made[0]["id"], projectId=project, budgetType="total", limitUsd="20")
            self.put(projectId=project, budgetType="monthly", limitUsd="10", name=project + " monthly")
            time.sleep(0.3)
            stop.set()
            for run in runs:
                run.join(30)
            wait_until(lambda: self.farebox.admin_json("/api/ledger")["openHolds"] == 0, 10)
            for kind in ("total", "monthly"):
                row, records = assert_idle(self, self.farebox, "%s %s" % (project, kind),
                                           {"project": project}, project=project)
            self.assertGreater(len(records), 50)
            for user in ("u0", "u1", "u2"):
                assert_idle(self, self.farebox, project + " each",
                            {"project": project, "user": user}, project=project, user=user)

    def test_what_runs_is_held_in_it(self):
        """Calls that nobody's budget paid for: one that comes then holds what they may cost yet."""
        slow = {"x-farebox-project": "unheld", "x-mock-delay-head-ms": "2500", "x-mock-output-tokens": "20"}
        most = books.cost("gpt-4.1-mini", 3, 50)
        calls = [Call(CHAT, chat_body(max_tokens=50), slow) for _ in range(4)]
        run = threading.Thread(target=at_once, args=(self.farebox.port, calls))
        run.start()
        wait_until(lambda: self.farebox.admin_json("/api/ledger")["openHolds"] == 4, 5)
        made = self.put(projectId="unheld", budgetType="total", limitUsd=str(most * 3), name="unheld")
        for _ in range(2):
            held = usd(row_of(self.farebox, "unheld")["heldUsd"])
            self.assertGreaterEqual(held, most * 4)
            refused = self.post(CHAT, chat_body(max_tokens=50), {"x-farebox-project": "unheld"})
            self.assertEqual((refused.status, refused.json()["error"]["code"]), (429, "budget_held"))
            # The same where it goes and comes again.
            self.drop(made["id"])
            made = self.put(projectId="unheld", budgetType="total", limitUsd=str(most * 3), name="unheld")
        run.join(20)
        self.assertEqual([call.status for call in calls], [200] * 4)
        row, records = assert_idle(self, self.farebox, "unheld", {"project": "unheld"}, project="unheld")
        self.assertEqual(len([r for r in records if r["status"] == 200]), 4)
        self.assertEqual(usd(row["heldUsd"]), 0)

    def test_by_a_reload(self):
        stop = threading.Event()
        runs = threading.Thread(target=self.load, args=("reloaded", stop, random.Random(5)))
        runs.start()
        time.sleep(0.5)
        config = dict(self.config())
        config["budgets"] = config["budgets"] + [
            {"name": "reloaded", "scope": {"project": "reloaded"}, "period": "yearly", "limit_usd": "10"}]
        for _ in range(3):
            self.assertEqual(self.farebox.reload(dict(config)).status, 200)
            time.sleep(0.3)
            self.assertEqual(self.farebox.reload(dict(self.config())).status, 200)
            self.assertIsNone(row_of(self.farebox, "reloaded"))
        self.assertEqual(self.farebox.reload(dict(config)).status, 200)
        time.sleep(0.2)
        stop.set()
        runs.join(30)
        assert_idle(self, self.farebox, "reloaded", {"project": "reloaded"}, project="reloaded")


if __name__ == "__main__":
    unittest.main()
