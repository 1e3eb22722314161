"""GET /api/budgets/forecast and farebox budgets forecast: what they say agrees with /api/budgets."""

import json
import unittest
from datetime import datetime
from urllib.parse import quote

import books
from books import row_of, usd
from command_line import USAGE, on_terminal
from harness import CHAT, FareboxTest, chat_body, providers, run_to_end, wait_until

TOKENS = ("the-admin-token-of-this-test", "the-read-token-of-this-test")


class Forecasts(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "budgets": [
                    {"name": "search-month", "scope": {"project": "search"}, "period": "monthly",
                     "limit_usd": "500", "time_zone": "America/New_York"},
                    {"name": "search-day", "scope": {"project": "search"}, "period": "daily", "limit_usd": "5"},
                    {"name": "each-user", "scope": {"user": "*"}, "period": "weekly", "limit_usd": "5"},
                    {"name": "tagged", "scope": {"tag.team": "red"}, "period": "monthly", "limit_usd": "5"},
                    {"name": "for-good", "period": "total", "limit_usd": "5000"}]}

    def ask(self, query, status=200):
        answer = self.farebox.admin("GET", "/api/budgets/forecast" + query)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def refused(self, query, status, code):
        error = self.ask(query, status)["error"]
        self.assertEqual(error["code"], code)
        return error["message"]

    def chat(self, headers):
        reply = self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-" + k: v for k, v in headers.items()})
        self.assertEqual(reply.status, 200, reply.text)

    def spend(self, name, headers, **scope):
        """Calls, until the budget and the ledger's sums say the same."""
        for _ in range(3):
            self.chat(headers)
        def row():
            found = row_of(self.farebox, name, **scope)
            return found if found and usd(found["heldUsd"]) == 0 and usd(found["currentSpendUsd"]) > 0 else None
        return wait_until(row)

    def test_agrees_with_the_budget(self):
        row = self.spend("search-month", {"project": "search"})
        said = self.ask("?projectId=search&budgetType=monthly")
        self.assertEqual(said["currentSpend"], row["currentSpendUsd"])
        self.assertEqual((said["id"], said["name"], said["scope"], said["budgetType"], said["limitUsd"]),
                         ("search-month", "search-month", {"project": "search"}, "monthly", "500"))
        self.assertEqual((said["windowStart"], said["windowEnd"]), (row["windowStart"], row["windowEnd"]))
        spent, low, total, high = (usd(said[key]) for key in
                                   ("currentSpend", "projectedLow", "projectedTotal", "projectedHigh"))
        self.assertTrue(0 < spent <= low <= total <= high, said)
        self.assertEqual(usd(said["projectedOverage"]), max(total - 500, 0))
        self.assertEqual((said["method"], said["daysOfData"], said["source"]), ("little data", 0, "rollups"))
        self.assertGreater(usd(said["averageDaily"]), 0)
        left = datetime.fromisoformat(row["windowEnd"][:19]) - datetime.utcnow()
        self.assertAlmostEqual(said["daysRemaining"], left.total_seconds() / 86400, delta=0.1)

        day = self.ask("?budgetId=search-day")
        self.assertEqual((day["budgetType"], day["currentSpend"]), ("daily", row["currentSpendUsd"]))
        self.assertLessEqual(day["daysRemaining"], 1)

    def test_a_value_of_a_star(self):
        self.spend("each-user", {"user": "ann"}, user="ann")
        self.spend("each-user", {"user": "bob"}, user="bob")
        row = row_of(self.farebox, "each-user", user="ann")
        said = self.ask("?budgetId=each-user&scope=" + quote("user=ann"))
        self.assertEqual((said["scope"], said["currentSpend"]), ({"user": "ann"}, row["currentSpendUsd"]))
        message = self.refused("?budgetId=each-user", 400, "ambiguous_budget")
        self.assertIn("user=ann", message)
        self.assertIn("user=bob", message)
        self.refused("?budgetId=each-user&scope=user%3Dnobody", 404, "not_counted")

    def test_tags_have_only_their_sum(self):
        row = self.spend("tagged", {"tags": "team=red"})
        said = self.ask("?budgetId=tagged")
        self.assertEqual((said["source"], said["method"], said["currentSpend"]),
                         ("counter", "little data", row["currentSpendUsd"]))
        self.assertIn("tags", said["sourceReason"])
        self.assertLess(usd(said["projectedLow"]), usd(said["projectedHigh"]))

    def test_without_an_end(self):
        self.spend("for-good", {"project": "search"})
        said = self.ask("?budgetType=total")
        for key in ("projectedTotal", "projectedOverage", "projectedLow", "projectedHigh", "daysRemaining",
                    "windowStart", "windowEnd"):
            self.assertIsNone(said[key], key)
        self.assertGreater(usd(said["averageDaily"]), 0)

    def test_what_cannot_be_meant(self):
        self.assertIn("projectId", self.refused("", 400, "bad_request"))
        self.assertIn("GET /api/budgets", self.refused("?budgetId=none", 404, "budget_not_found"))
        self.refused("?projectId=search&budgetType=hourly", 400, "bad_request")
        self.refused("?budgetId=each-user&scope=ann", 400, "bad_request")
        self.assertEqual(self.farebox.admin("POST", "/api/budgets/forecast", body="{}").status, 405)

    def command(self, *arguments):
        return ["budgets", "forecast", "--config", self.farebox.config_file,
                "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port] + list(arguments)

    def test_by_command(self):
        self.spend("search-month", {"project": "search"})
        code, out, err = run_to_end(self.command("search-month"))
        self.assertEqual((code, err), (0, ""), out)
        said = json.loads(out)
        code, out, err = run_to_end(self.command("--project", "search", "--period", "monthly"))
        self.assertEqual((code, json.loads(out)["id"]), (0, said["id"]), err)
        code, out, err = on_terminal(self.command("search-month"))
        self.assertEqual((code, err), (0, ""), out)
        for word in ("PROJECTED", "LIMIT REACHED", "search-month", "project=search", "little data"):
            self.assertIn(word, out)
        for arguments in ([], ["nobody"]):
            code, out, err = run_to_end(self.command(*arguments))
            self.assertEqual((code, out), (USAGE, ""), err)
            self.assertEqual(err.count("\n"), 1, err)


class WithTokens(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "admin": {"token": TOKENS[0], "read_token": TOKENS[1]},
                "budgets": [{"name": "one", "period": "daily", "limit_usd": "5"}]}

    def test_who_may_only_read_may_ask(self):
        for token, status in ((None, 401), (TOKENS[1], 200), (TOKENS[0], 200)):
            headers = {} if token is None else {"authorization": "Bearer " + token}
            reply = self.farebox.admin("GET", "/api/budgets/forecast?budgetId=one", headers)
            self.assertEqual(reply.status, status, reply.text)


if __name__ == "__main__":
    unittest.main()
