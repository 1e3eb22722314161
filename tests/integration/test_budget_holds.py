"""What is set aside before a call is sent covers the most that it can cost, whatever kind of
call it is; and what a budget does that doesn't just refuse.

The pretend provider makes as much as it was allowed to, so a bound that is too low shows."""

import threading
import unittest
from decimal import Decimal

import books
from books import assert_idle, faults_of, row_of, usd
from crowd import Call, at_once
from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, generate_body,
                     messages_body, providers, wait_until)

MOST = "1000000"            # words the provider would say if nobody stopped it
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
LONG = "several words, some of them unusual: \u6f22\u5b57 \U0001f642 " * 40

# Kinds of calls: target, body, and what the provider is told besides to say all it can.
KINDS = {
    "chat": (CHAT, chat_body(max_tokens=50), {}),
    "chat, new spelling": (CHAT, chat_body(max_completion_tokens=50), {}),
    "chat, both spellings": (CHAT, chat_body(max_tokens=50, max_completion_tokens=70), {}),
    "chat, four choices": (CHAT, chat_body(max_tokens=50, n=4), {}),
    "chat, a long text": (CHAT, chat_body(text=LONG, max_tokens=50), {}),
    "chat, tools": (CHAT, chat_body(max_tokens=50, tools=[TOOL]), {}),
    "chat, no maximum": (CHAT, chat_body(), {"x-mock-output-tokens": "32768"}),
    "chat, streamed": (CHAT, chat_body(max_tokens=50, stream=True), {}),
    "chat, streamed choices": (CHAT, chat_body(max_tokens=50, n=3, stream=True), {}),
    "text completions": ("/v1/completions", {"model": "gpt-4.1-mini", "prompt": "one two", "max_tokens": 50}, {}),
    "text completions, several": ("/v1/completions", {
        "model": "gpt-4.1-mini", "prompt": "one two", "max_tokens": 50, "n": 3}, {}),
    "responses": ("/v1/responses", {"model": "gpt-4.1-mini", "input": "one two", "max_output_tokens": 50}, {}),
    "responses, streamed": ("/v1/responses", {"model": "gpt-4.1-mini", "input": "one two", "stream": True,
                                              "max_output_tokens": 50}, {}),
    "embeddings": ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["one two", LONG]},
                   {"x-mock-output-tokens": "1"}),
    "messages": (MESSAGES, messages_body(max_tokens=50), {}),
    "messages, streamed": (MESSAGES, messages_body(max_tokens=50, stream=True), {}),
    "generate": (GENERATE, generate_body(generationConfig={"maxOutputTokens": 50}), {}),
    "generate, streamed": (STREAM_GENERATE, generate_body(generationConfig={"maxOutputTokens": 50}), {}),
    "generate, one that thinks": (GENERATE, generate_body(generationConfig={"maxOutputTokens": 50}),
                                  {"x-mock-reasoning-tokens": "30"}),
    "a cached prompt": (CHAT, chat_body(text=LONG, max_tokens=50), {"x-mock-cached-tokens": "200"}),
}


class Holds(FareboxTest):
    @classmethod
    def config(cls):
        tight = lambda name, tokens, **more: dict(
            {"name": name, "scope": {"project": name}, "period": "total",
             "limit_usd": str(books.cost("gpt-4.1-mini", 60, tokens))}, **more)
        nothing = {"period": "total", "limit_usd": "0.0000001"}
        return {"providers": providers(cls.mock, each={"retry": {"max_attempts": 3, "base_delay": "10ms"}}),
                "prices": {"overrides": dict(books.OVERRIDES, **{
                    "text-embedding-3-small": {"input": "1"}, "cheap": {"input": "0.1", "output": "0.4"}})},
                "budgets": [
                    {"name": "ample", "scope": {"org": "ample", "project": "*"}, "period": "total",
                     "limit_usd": "50"},
                    tight("clamped", 100), tight("thinks", 300),
                    dict(nothing, name="down", scope={"project": "down"}, on_exceeded="downgrade",
                         downgrade_to="cheap"),
                    dict(nothing, name="down-below", scope={"project": "down", "user": "*"},
                         limit_usd="0.001"),
                    dict(nothing, name="heard", scope={"project": "heard"}, on_exceeded="audit"),
                    dict(nothing, name="slow", scope={"project": "slow"}, on_exceeded="throttle",
                         throttle_requests_per_minute=2)],
                "enforcement": {"budget_wait": "200ms"}}

    def test_what_is_held_covers_what_it_costs(self):
        for i, (kind, (target, body, told)) in enumerate(KINDS.items()):
            with self.subTest(kind=kind):
                self.mock.clear()
                project = "kind-%d" % i
                fields = dict({"x-farebox-org": "ample", "x-farebox-project": project,
                               "x-mock-delay-head-ms": "150", "x-mock-output-tokens": MOST}, **told)
                call = Call(target, body, fields)
                runs = threading.Thread(target=lambda: at_once(self.farebox.port, [call]))
                runs.start()
                wait_until(self.mock.requests)
                row = row_of(self.farebox, "ample", project=project)
                self.assertEqual(faults_of(row), [])
                held, held_tokens = usd(row["heldUsd"]), row["heldTokens"]
                runs.join()
                self.assertEqual(call.status, 200, call.answer.text)
                row, records = assert_idle(self, self.farebox, "ample", {"project": project}, project=project)
                line, = self.mock.bill()["lines"]
                self.assertGreater(line["inputTokens"] + line["outputTokens"], 1)
                self.assertEqual((records[0]["inputTokens"], records[0]["outputTokens"]),
                                 (line["inputTokens"], line["outputTokens"]))
                self.assertFalse(records[0]["overHold"], records[0])
                self.assertGreaterEqual(held, usd(row["currentSpendUsd"]))
                self.assertGreaterEqual(held_tokens, row["spentTokens"])

    def test_a_repeated_call_is_held_once_and_charged_for_what_its_tries_cost(self):
        # The provider refuses the field that was spliced in; the call goes again without it.
        reply = self.post("/probe" + CHAT, chat_body(max_tokens=20, stream=True), {
            "x-farebox-org": "ample", "x-farebox-project": "repeated",
            "x-mock-refuse-stream-options": "400"})
        self.assertEqual(reply.status, 200)
        self.assertEqual(len(self.mock.requests()), 2)
        row, records = assert_idle(self, self.farebox, "ample", {"project": "repeated"},
                                   project="repeated")
        self.assertEqual([a["status"] for a in records[0]["attempts"]], [400, 200])
        self.assertEqual(usd(row["currentSpendUsd"]),
                         sum(usd(a["costUsd"]) for a in records[0]["attempts"]))
        self.assertEqual(usd(records[0]["attempts"][0]["costUsd"]), 0)

    def test_what_fails_costs_nothing(self):
        for i, told in enumerate(({"x-mock-status": "400"}, {"x-mock-status": "401"},
                                  {"x-mock-status": "429"}, {"x-mock-status": "500"})):
            project = "failed-%d" % i
            self.post(CHAT, chat_body(max_tokens=20), dict(
                {"x-farebox-org": "ample", "x-farebox-project": project}, **told))
            row, _ = assert_idle(self, self.farebox, "ample", {"project": project}, project=project)
            self.assertEqual(usd(row["currentSpendUsd"]), 0, told)

    def test_a_maximum_is_lowered_to_what_is_left(self):
        for spelling in ("max_tokens", "max_completion_tokens"):
            self.mock.clear()
            reply = self.post(CHAT, chat_body(**{spelling: 30000}), {
                "x-farebox-project": "clamped", "x-mock-output-tokens": "20"})
            if reply.status != 200:
                self.assertEqual(reply.json()["error"]["code"], "budget_exceeded")
                break
            told = self.seen().json()
            self.assertLess(told[spelling], 130)
            self.assertGreaterEqual(told[spelling], 16)
        row = row_of(self.farebox, "clamped")
        self.assertEqual(faults_of(row), [])

    def test_a_model_that_thinks_is_bounded_before_it_starts(self):
        # What it thinks isn't shown, so it can't be cut in time; nobody said a maximum either.
        target = STREAM_GENERATE
        reply = self.post(target, generate_body(), {
            "x-farebox-project": "thinks", "x-mock-output-tokens": MOST, "x-mock-reasoning-tokens": "40"})
        self.assertEqual(reply.status, 200, reply.text)
        told = self.seen().json()["generationConfig"]["maxOutputTokens"]
        self.assertLess(told, 1000)
        row, records = assert_idle(self, self.farebox, "thinks", {"project": "thinks"})
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd(row["limitUsd"]))
        self.assertEqual((records[0]["outcome"], records[0]["outputTokens"]), ("ok", told))

    def test_a_spent_budget_downgrades(self):
        reply = self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-project": "down"})
        self.assertEqual(reply.status, 200, reply.text)
        self.assertEqual(self.seen().json()["model"], "cheap")
        record = self.farebox.record_of(reply)
        self.assertEqual((record["requestedModel"], record["model"]), ("gpt-4.1-mini", "cheap"))
        self.assertEqual(usd(record["costUsd"]), Decimal("0.0000035"))      # 3 and 8 tokens of cheap
        # A budget that blocks still does, and is asked for the cheaper price.
        statuses = [self.post(CHAT, chat_body(max_tokens=20), {
            "x-farebox-project": "down", "x-farebox-user": "u", "x-mock-output-tokens": "20"}).status
            for _ in range(200)]
        self.assertEqual((statuses[0], statuses[-1]), (200, 429))
        row = row_of(self.farebox, "down-below", user="u")
        self.assertEqual(faults_of(row), [])
        self.assertGreaterEqual(usd(row["currentSpendUsd"]) / usd(row["limitUsd"]), Decimal("0.95"))

    def test_audits_and_throttles_side_by_side(self):
        calls = at_once(self.farebox.port, [Call(CHAT, chat_body(max_tokens=20), {
            "x-farebox-project": "heard"}) for _ in range(30)])
        self.assertEqual({c.status for c in calls}, {200})
        row, _ = assert_idle(self, self.farebox, "heard", {"project": "heard"})
        self.assertEqual((row["wouldHaveRefused"], row["status"]), (30, "exceeded"))
        calls = at_once(self.farebox.port, [Call(CHAT, chat_body(max_tokens=20), {
            "x-farebox-project": "slow"}) for _ in range(30)])
        self.assertEqual(sorted(c.status for c in calls), [200] * 2 + [429] * 28)
        refused = next(c.answer for c in calls if c.status == 429)
        self.assertEqual(refused.header("x-should-retry"), "true")
        self.assertLessEqual(int(refused.header("retry-after")), 30)


if __name__ == "__main__":
    unittest.main()
