"""Money that can't be overspent: holds, refusals, windows, and what callers are told."""

import json
import tempfile
import threading
from decimal import Decimal

from harness import CHAT, Farebox, FareboxTest, chat_body, fetch, providers


def usd(text):
    return Decimal(text)


class Budgets(FareboxTest):
    @classmethod
    def config(cls):
        scope = lambda name: {"project": name}
        return {
            "providers": providers(cls.mock),
            "budgets": [
                {"name": "small", "scope": scope("small"), "period": "total", "limit_usd": "0.005"},
                {"name": "roomy", "scope": scope("roomy"), "period": "monthly", "limit_usd": "5"},
                {"name": "each", "scope": {"user": "*"}, "period": "daily", "limit_usd": "0.01"},
                {"name": "heard", "scope": scope("heard"), "period": "total", "limit_usd": "0.0000001",
                 "on_exceeded": "audit"},
                {"name": "slow", "scope": scope("slow"), "period": "total", "limit_usd": "0.0000001",
                 "on_exceeded": "throttle", "throttle_requests_per_minute": 2},
                {"name": "few", "scope": scope("few"), "period": "total", "limit_usd": "5",
                 "limit_tokens": 300},
            ],
            "enforcement": {"budget_wait": "300ms"},
        }

    def budget(self, name):
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        return [row for row in rows if row["name"] == name]

    def chat(self, project, **more):
        return self.post(CHAT, chat_body(max_tokens=more.pop("max_tokens", 20), **more),
                         {"x-farebox-project": project})

    def test_what_is_spent_is_counted_and_told(self):
        reply = self.chat("roomy")
        self.assertEqual(reply.status, 200)
        cost = usd(reply.header("x-farebox-cost-usd"))
        row, = self.budget("roomy")
        self.assertEqual(usd(row["currentSpendUsd"]), cost)
        self.assertEqual(usd(row["heldUsd"]), 0)
        self.assertEqual(usd(row["remainingUsd"]), 5 - cost)
        self.assertEqual(row["status"], "ok")
        self.assertEqual(usd(reply.header("x-farebox-budget-remaining-usd")), 5 - cost)

    def test_a_spent_budget_refuses_for_good(self):
        refused = None
        for _ in range(2000):
            reply = self.chat("small")
            if reply.status != 200:
                refused = reply
                break
        self.assertEqual(refused.status, 429)
        error = refused.json()["error"]
        self.assertEqual((error["type"], error["code"]), ("insufficient_quota", "budget_exceeded"))
        self.assertEqual(error["farebox"]["budget"], "small")
        self.assertEqual(refused.header("x-should-retry"), "false")
        self.assertIsNone(refused.header("retry-after"), "a total never begins anew")
        row, = self.budget("small")
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd("0.005"))
        self.assertGreaterEqual(usd(row["currentSpendUsd"]), usd("0.00475"))
        self.assertEqual(usd(row["heldUsd"]), 0)
        self.assertIn(row["status"], ("critical", "exceeded"))

    def test_every_user_has_a_counter(self):
        for user in ("ann", "bob"):
            self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-user": user})
        rows = {row["scope"]["user"]: row for row in self.budget("each")}
        self.assertGreater(usd(rows["ann"]["currentSpendUsd"]), 0)
        self.assertEqual(rows["ann"]["currentSpendUsd"], rows["bob"]["currentSpendUsd"])

    def test_an_audit_only_counts(self):
        for _ in range(3):
            self.assertEqual(self.chat("heard").status, 200)
        self.assertGreaterEqual(self.budget("heard")[0]["wouldHaveRefused"], 2)

    def test_a_throttle_lets_some_through(self):
        statuses = [self.chat("slow").status for _ in range(6)]
        self.assertEqual(statuses.count(200), 2, statuses)
        self.assertEqual(statuses[-1], 429)

    def test_tokens_are_a_limit_too(self):
        statuses = [self.chat("few").status for _ in range(30)]
        self.assertIn(429, statuses)
        row, = self.budget("few")
        self.assertLessEqual(row["spentTokens"], 300)

    def test_a_model_without_a_price_is_refused(self):
        reply = self.chat("roomy", model="nobody-knows-1")
        self.assertEqual(reply.status, 403)
        self.assertEqual(reply.json()["error"]["code"], "model_not_priced")
        self.assertEqual(self.chat("unbudgeted", model="nobody-knows-1").status, 200)

    def test_an_endpoint_nobody_meters_is_refused(self):
        reply = self.post("/v1/something/else", {"a": 1}, {"x-farebox-project": "roomy"})
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (403, "endpoint_not_metered"))
        self.assertEqual(self.fetch("GET", "/v1/models", {"x-farebox-project": "small"}).status, 200)

    def test_many_at_once_never_pass_the_limit(self):
        headers = {"x-farebox-user": "crowd", "x-mock-delay-head-ms": "5"}
        statuses = []

        def work():
            for _ in range(60):
                statuses.append(self.post(CHAT, chat_body(max_tokens=50), headers).status)

        threads = [threading.Thread(target=work) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        row, = [r for r in self.budget("each") if r["scope"]["user"] == "crowd"]
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd("0.01"))
        self.assertGreaterEqual(usd(row["currentSpendUsd"]), usd("0.0095"))
        self.assertEqual(usd(row["heldUsd"]), 0)
        self.assertIn(200, statuses)
        total = self.farebox.admin_json("/api/usage?user=crowd")["total"]
        self.assertEqual(usd(total["costUsd"]), usd(row["currentSpendUsd"]))

    def test_metrics_say_the_same(self):
        self.chat("small")
        refusals = lambda: self.farebox.metric("farebox_budget_refusals_total", budget="metered")
        answer = self.farebox.admin("POST", "/api/budgets", {"Content-Type": "application/json"}, json.dumps(
            {"name": "metered", "projectId": "metered", "budgetType": "total", "limitUsd": "0.0000001"}))
        self.assertEqual(answer.status, 201, answer.text)
        for i in range(3):
            self.assertEqual(refusals(), i)
            self.assertEqual(self.chat("metered").status, 429)
        for name in ("small", "metered"):
            row, = self.budget(name)
            for metric, key in (("limit", "limitUsd"), ("spent", "currentSpendUsd"), ("held", "heldUsd"),
                                ("remaining", "remainingUsd")):
                self.assertAlmostEqual(self.farebox.metric("farebox_budget_%s_usd" % metric, budget=name),
                                       float(row[key]), places=12, msg=(name, metric))


class BudgetRestart(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock),
                "budgets": [{"name": "kept", "scope": {"project": "kept"}, "period": "monthly",
                             "limit_usd": "5"}]}

    def test_restarting_forgets_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            first = Farebox(self.config(), directory=directory)
            reply = fetch(first.port, "POST", CHAT, {"x-farebox-project": "kept"},
                          chat_body(max_tokens=20))
            first.stop()
            second = Farebox(self.config(), directory=directory)
            row, = second.admin_json("/api/budgets")["budgets"]
            second.stop()
        self.assertEqual(row["currentSpendUsd"], reply.header("x-farebox-cost-usd"))
