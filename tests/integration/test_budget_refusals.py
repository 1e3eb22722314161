"""What a caller is told whose money is gone or in flight: in his dialect, with a wait that is
true, and nothing that is free is refused."""

import unittest
from datetime import datetime, timezone

import books
from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, generate_body,
                     messages_body, providers)

NOTHING = "0.0000001"
ASKS = {"openai": (CHAT, chat_body(), chat_body(stream=True)),
        "anthropic": (MESSAGES, messages_body(), messages_body(stream=True)),
        "gemini": (GENERATE, generate_body(), None)}
TYPES = {429: ("insufficient_quota", "rate_limit_error", "RESOURCE_EXHAUSTED"),
         402: ("insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED")}


class Refusals(FareboxTest):
    STATUS = 429

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "budgets": [{"name": period, "scope": {"project": period}, "period": period,
                             "limit_usd": NOTHING} for period in ("daily", "weekly", "monthly", "yearly", "total")],
                "enforcement": {"budget_status": cls.STATUS}}

    def refused(self, period, target, body):
        reply = self.post(target, body, {"x-farebox-project": period})
        self.assertEqual(reply.status, self.STATUS, reply.text)
        self.assertEqual(reply.header("x-should-retry"), "false")
        self.assertTrue(reply.header("content-type").startswith("application/json"))
        return reply

    def test_in_each_dialect(self):
        for i, (dialect, (target, whole, stream)) in enumerate(ASKS.items()):
            for body in (whole, stream):
                if body is None:
                    target, body = STREAM_GENERATE, generate_body()
                reply = self.refused("monthly", target, body)
                error = reply.json()["error"]
                said = TYPES[self.STATUS][i]
                self.assertEqual(error["status"] if dialect == "gemini" else error["type"], said)
                self.assertIn("'monthly'", error["message"])
                self.assertIn(NOTHING, error["message"])
                name = "request-id" if dialect == "anthropic" else "x-request-id"
                self.assertEqual(reply.header(name), reply.header("x-farebox-request-id"))
                if dialect == "openai":
                    self.assertEqual((error["code"], error["param"]), ("budget_exceeded", None))
                    told = error["farebox"]
                    self.assertEqual((told["source"], told["budget"], told["limitUsd"], told["remainingUsd"]),
                                     ("gateway", "monthly", NOTHING, NOTHING))
                    self.assertEqual(told["requestId"], reply.header("x-farebox-request-id"))
                record = self.farebox.record_of(reply)
                self.assertEqual((record["outcome"], record["status"], record["costUsd"], record["attempts"]),
                                 ("refused", self.STATUS, "0", []))
        self.assertEqual(self.mock.requests(), [])

    def test_the_wait_is_until_the_window_ends(self):
        for period in ("daily", "weekly", "monthly", "yearly"):
            now = datetime.now(timezone.utc)
            reply = self.refused(period, CHAT, chat_body())
            resets = datetime.fromisoformat(reply.json()["error"]["farebox"]["resetAt"])
            self.assertEqual((resets.hour, resets.minute, resets.second), (0, 0, 0))
            self.assertAlmostEqual(int(reply.header("retry-after")), (resets - now).total_seconds(), delta=3)
            row = books.row_of(self.farebox, period)
            self.assertEqual(datetime.fromisoformat(row["windowEnd"]), resets)
            self.assertLessEqual(datetime.fromisoformat(row["windowStart"]), now)
        reply = self.refused("total", CHAT, chat_body())
        self.assertIsNone(reply.header("retry-after"))
        self.assertNotIn("resetAt", reply.json()["error"]["farebox"])

    def test_what_is_free_passes(self):
        project = {"x-farebox-project": "monthly"}
        for method, target, body in (
                ("GET", "/v1/models", None), ("GET", "/v1/models/gpt-4.1-mini", None),
                ("GET", "/v1beta/models", None), ("HEAD", "/v1/models", None),
                ("POST", "/v1/messages/count_tokens", messages_body()),
                ("POST", "/v1/responses/input_tokens", {"model": "gpt-4.1-mini", "input": "a b"}),
                ("POST", GENERATE.replace("generateContent", "countTokens"), generate_body()),
                ("POST", "/v1/moderations", {"model": "omni-moderation-latest", "input": "a b"})):
            with self.subTest(target=target):
                self.assertEqual(self.fetch(method, target, project, body).status, 200)

    def test_what_nobody_can_meter_is_refused(self):
        for method, target in (("POST", "/v1/something/else"), ("POST", "/v1/batches"),
                               ("POST", "/v1/fine_tuning/jobs")):
            reply = self.fetch(method, target, {"x-farebox-project": "monthly"}, {"a": 1})
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (403, "endpoint_not_metered"))
            self.assertEqual(reply.header("x-should-retry"), "false")
        self.assertEqual(self.mock.requests(), [])


class PaymentRequired(Refusals):
    STATUS = 402


if __name__ == "__main__":
    unittest.main()
