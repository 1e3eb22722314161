"""Rate limits: requests, tokens and parallel calls for each scope, and what callers are told.

The bucket of a limit drains steadily: `amount` at once, and then `amount` in each span."""

import re
import time
import unittest
from datetime import datetime, timedelta, timezone

from crowd import Call, at_once
from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, Farebox, FareboxTest, Mock, chat_body,
                     generate_body, messages_body, providers, wait_until)

DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$|^(\d+)ms$")


def limit(name, scope=None, **numbers):
    return dict({"name": name, "scope": scope or {"project": name}}, **numbers)


def seconds_of(text):
    """6m0s, 12ms: as the header says a duration."""
    hours, minutes, seconds, ms = (int(part or 0) for part in DURATION.match(text).groups())
    return hours * 3600 + minutes * 60 + seconds + ms / 1000


class Limited(FareboxTest):
    LIMITS = ()

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={"retry": {"max_attempts": 1}}),
                "rate_limits": list(cls.LIMITS)}

    def ask(self, project, headers=(), **more):
        return self.post(CHAT, chat_body(**dict({"max_tokens": 20}, **more)),
                         dict({"x-farebox-project": project}, **dict(headers)))

    def left(self, reply, what="requests"):
        return int(reply.header("x-ratelimit-remaining-" + what))

    def assert_limited(self, reply, name):
        self.assertEqual(reply.status, 429, reply.text)
        error = reply.json()["error"]
        self.assertEqual((error["type"], error["code"]), ("rate_limit_error", "rate_limit_exceeded"))
        self.assertIn("'%s'" % name, error["message"])
        self.assertEqual(reply.header("x-should-retry"), "true")
        ms = int(reply.header("retry-after-ms"))
        self.assertGreater(ms, 0)
        # In whole seconds, and never too early.
        self.assertTrue(ms <= int(reply.header("retry-after")) * 1000 < ms + 1000, reply.head)
        return ms


class Requests(Limited):
    LIMITS = (limit("second", requests_per_second=4), limit("minute", requests_per_minute=5),
              limit("hour", requests_per_hour=3), limit("day", requests_per_day=2),
              limit("each", {"user": "*"}, requests_per_hour=2),
              limit("wide", {"project": "pair"}, requests_per_hour=10),
              limit("tight", {"project": "pair", "tag.tight": "yes"}, requests_per_hour=1),
              limit("shown", requests_per_hour=100, tokens_per_hour=100000))

    def test_as_many_as_the_limit_and_then_a_wait(self):
        for name, amount, span in (("minute", 5, 60), ("hour", 3, 3600), ("day", 2, 86400)):
            for i in range(amount):
                reply = self.ask(name)
                self.assertEqual((reply.status, self.left(reply)), (200, amount - 1 - i), name)
                self.assertEqual(reply.header("x-ratelimit-limit-requests"), str(amount))
            sent = len(self.mock.requests())
            reply = self.ask(name)
            self.assertAlmostEqual(self.assert_limited(reply, name) / 1000, span / amount, delta=2)
            self.assertEqual(self.left(reply), 0)
            self.assertAlmostEqual(seconds_of(reply.header("x-ratelimit-reset-requests")), span,
                                   delta=3)
            self.assertEqual(len(self.mock.requests()), sent, "refused, and sent all the same")
            record = self.farebox.record_of(reply)
            self.assertEqual((record["outcome"], record["status"], record["costUsd"]),
                             ("refused", 429, "0"))
            self.assertEqual(self.farebox.metric("farebox_rate_limited_total", limit=name), 1)

    def test_who_waits_as_told_is_served(self):
        time.sleep(1.1)         # a full bucket, whatever was before
        for _ in range(4):
            self.assertEqual(self.ask("second").status, 200)
        for _ in range(3):
            reply = self.ask("second")
            self.assertLessEqual(self.assert_limited(reply, "second"), 250)
            time.sleep(int(reply.header("retry-after-ms")) / 1000)
            self.assertEqual(self.ask("second").status, 200)

    def test_never_more_than_the_rate(self):
        time.sleep(1.1)
        begun, passed, span = time.monotonic(), 0, 2.0
        while time.monotonic() < begun + span:
            calls = [Call(CHAT, chat_body(max_tokens=20), {"x-farebox-project": "second"})
                     for _ in range(20)]
            passed += sum(c.status == 200 for c in at_once(self.farebox.port, calls))
        took = time.monotonic() - begun
        self.assertLessEqual(passed, 4 + 4 * took)
        self.assertGreaterEqual(passed, 4 * span)

    def test_every_value_of_a_star_has_its_own(self):
        for user in ("ann", "bob"):
            statuses = [self.post(CHAT, chat_body(), {"x-farebox-user": user}).status
                        for _ in range(3)]
            self.assertEqual(statuses, [200, 200, 429], user)
        # Somebody without a name is no value of it.
        self.assertEqual({self.post(CHAT, chat_body()).status for _ in range(4)}, {200})
        # An unseen one is held to it from his first parallel calls on.
        calls = [Call(CHAT, chat_body(), {"x-farebox-user": "new", "x-mock-delay-head-ms": "50"})
                 for _ in range(30)]
        self.assertEqual(sorted(c.status for c in at_once(self.farebox.port, calls)),
                         [200] * 2 + [429] * 28)

    def test_a_refusal_by_one_leaves_the_others(self):
        tight = {"x-farebox-tags": "tight=yes"}
        self.assertEqual(self.left(self.ask("pair", tight)), 0)
        for _ in range(5):
            self.assert_limited(self.ask("pair", tight), "tight")
        self.assertEqual(self.left(self.ask("pair")), 8)

    def test_anthropic_is_told_in_its_own_words(self):
        before = datetime.now(timezone.utc)
        reply = self.post(MESSAGES, messages_body(), {"x-farebox-project": "shown"})
        self.assertEqual(reply.status, 200)
        for what in ("requests", "tokens"):
            name = "anthropic-ratelimit-%s-" % what
            amount, left = int(reply.header(name + "limit")), int(reply.header(name + "remaining"))
            self.assertLess(left, amount)
            reset = datetime.fromisoformat(reply.header(name + "reset"))
            self.assertGreater(reset, before)
            self.assertLess(reset, before + timedelta(hours=1, seconds=2))
        self.assertFalse([n for n, _ in reply.headers if n.startswith("x-ratelimit")])

    def test_what_the_provider_says_of_its_limits(self):
        told = {"x-mock-header": "x-ratelimit-remaining-requests: 4711"}
        reply = self.post(CHAT, chat_body(), told)
        self.assertEqual(reply.all("x-ratelimit-remaining-requests"), ["4711"], "nothing of ours")
        reply = self.ask("shown", told)
        self.assertEqual(len(reply.all("x-ratelimit-remaining-requests")), 1)
        self.assertLess(self.left(reply), 100)


class TokenLimits(Limited):
    LIMITS = (limit("total", tokens_per_hour=1000), limit("spent", tokens_per_hour=1000),
              limit("owed", tokens_per_hour=1000), limit("input", input_tokens_per_hour=400),
              limit("output", output_tokens_per_hour=300), limit("soon", tokens_per_second=200),
              limit("minute", tokens_per_minute=600))

    def test_what_is_reserved_is_trued_up(self):
        first = self.ask("total", max_tokens=100)
        self.assertEqual(first.header("x-ratelimit-limit-tokens"), "1000")
        reserved = 1000 - self.left(first, "tokens")
        self.assertGreaterEqual(reserved, 100 + 3)
        for i in range(1, 8):
            reply = self.ask("total", max_tokens=100)
            # 11 tokens each; a few drain meanwhile.
            self.assertAlmostEqual(self.left(reply, "tokens"), 1000 - 11 * i - reserved, delta=3)

    def test_side_by_side_they_never_reserve_more_than_there_is(self):
        calls = [Call(CHAT, chat_body(max_tokens=200), {"x-farebox-project": "spent",
                                                        "x-mock-output-tokens": "1000",
                                                        "x-mock-delay-head-ms": "300"})
                 for _ in range(20)]
        at_once(self.farebox.port, calls)
        self.assertEqual(sorted(c.status for c in calls), [200] * 4 + [429] * 16)
        self.assert_limited(self.ask("spent", max_tokens=200), "spent")
        self.assertEqual(self.ask("spent", max_tokens=100).status, 200)

    def test_what_was_used_above_the_reservation_is_owed(self):
        # No maximum: a guess of at most an eighth is reserved, and 1,500 are made.
        reply = self.post(CHAT, chat_body(), {"x-farebox-project": "owed",
                                              "x-mock-output-tokens": "1500"})
        self.assertEqual(reply.status, 200)
        ms = self.assert_limited(self.ask("owed", max_tokens=1), "owed")
        # 503 too many, and some for the call itself, at 1,000 an hour.
        self.assertAlmostEqual(ms / 1000, 3600 * 0.503, delta=200)

    def test_input_and_output_by_themselves(self):
        long_text = "word " * 300
        self.assertEqual(self.ask("input", max_tokens=100000).status, 200)
        self.assertEqual(self.ask("input", text=long_text).status, 200)
        self.assert_limited(self.ask("input", text=long_text), "input")
        self.assertEqual(self.ask("input").status, 200)
        self.assertEqual(self.ask("output", text=long_text * 3, max_tokens=200).status, 200)
        reply = self.ask("output", headers={"x-mock-output-tokens": "250"}, max_tokens=250)
        self.assertEqual(reply.status, 200)
        self.assert_limited(self.ask("output", max_tokens=200), "output")
        self.assertEqual(self.ask("output", max_tokens=20).status, 200)

    def test_they_come_back_with_time(self):
        for name, amount in (("soon", 200), ("minute", 600)):
            reply = self.ask(name, headers={"x-mock-output-tokens": "5000"}, max_tokens=amount - 50)
            self.assertEqual(reply.status, 200)
            reply = self.ask(name, max_tokens=40)
            if reply.status == 429:
                wait = self.assert_limited(reply, name) / 1000
                self.assertLess(wait, 5)
                time.sleep(wait)
                reply = self.ask(name, max_tokens=40)
            self.assertEqual(reply.status, 200, name)

    def test_gemini_and_streams_are_counted_too(self):
        before = self.left(self.ask("total", max_tokens=1), "tokens")
        stream = self.post(STREAM_GENERATE, generate_body(generationConfig={"maxOutputTokens": 50}),
                           {"x-farebox-project": "total", "x-mock-output-tokens": "40"})
        self.assertEqual(stream.status, 200)
        whole = self.post(GENERATE, generate_body(generationConfig={"maxOutputTokens": 50}),
                          {"x-farebox-project": "total", "x-mock-output-tokens": "40"})
        self.assertEqual(whole.status, 200)
        # A call of one token, 3 + 1, and twice 3 + 40.
        self.assertAlmostEqual(before - self.left(self.ask("total", max_tokens=1), "tokens"),
                               4 + 86, delta=3)


class Parallel(Limited):
    LIMITS = (limit("slots", max_parallel_requests=3), limit("stars", {"user": "*"}, max_parallel_requests=1))

    def crowd(self, count, ms=300, **headers):
        headers = dict({"x-farebox-project": "slots", "x-mock-delay-head-ms": str(ms)}, **headers)
        return at_once(self.farebox.port, [Call(CHAT, chat_body(max_tokens=20), headers)
                                           for _ in range(count)])

    def assert_three_fit(self):
        statuses = sorted(call.status for call in self.crowd(10))
        self.assertEqual(statuses, [200] * 3 + [429] * 7)

    def test_no_more_than_the_slots(self):
        self.assert_three_fit()
        refused = next(c for c in self.crowd(10) if c.status == 429).answer
        self.assert_limited(refused, "slots")
        self.assertIn("at once", refused.json()["error"]["message"])
        self.assertEqual(self.ask("slots").status, 200)

    def test_each_user_has_a_slot(self):
        calls = [Call(CHAT, chat_body(), {"x-farebox-user": "u%d" % (i % 5),
                                          "x-mock-delay-head-ms": "300"}) for i in range(20)]
        self.assertEqual(sum(c.status == 200 for c in at_once(self.farebox.port, calls)), 5)

    def test_slots_come_back_however_a_call_ends(self):
        project = {"x-farebox-project": "slots"}
        for ending in ({"x-mock-status": "500"}, {"x-mock-status": "429"}, {"x-mock-cut-bytes": "10"},
                       {"x-mock-cut-chunks": "2", "x-mock-cut": "reset"}, {"x-mock-raw": "Z2FyYmFnZQ==", "x-mock-close-after": "1"},
                       {"x-mock-usage": "false"}):
            for stream in (False, True):
                for _ in range(4):
                    self.post(CHAT, chat_body(stream=stream, max_tokens=20), dict(project, **ending))
        for body in (b"", b"{", b"[1]", b'{"model":"a","model":"b"}'):
            for _ in range(4):
                self.post(CHAT, body, project)
        for _ in range(4):
            self.fetch("GET", "/v1/models", project)
            self.post("/v1/nobody/knows", b"{}", project)
            self.post("/nobody/v1/x", b"{}", project)
        self.assert_three_fit()

    def test_slots_come_back_from_clients_that_left(self):
        for i in range(30):
            stream = i % 2 == 0
            calls = [Call(CHAT, chat_body(stream=stream, max_tokens=20), {
                "x-farebox-project": "slots", "x-mock-delay-chunk-ms": "5",
                "x-mock-delay-head-ms": "5"}, leave_in=0.001 * i, reset=j == 1) for j in range(3)]
            at_once(self.farebox.port, calls)
        wait_until(lambda: all(s.outcome != "running" for s in self.mock.requests()), 5)
        time.sleep(0.1)
        self.assert_three_fit()


class Reloads(unittest.TestCase):
    """Limits that stay keep what they have counted, and who is running."""

    def config(self, *limits):
        return {"providers": providers(self.mock), "rate_limits": list(limits)}

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        self.kept = [limit("kept", requests_per_hour=10, tokens_per_hour=1000),
                     limit("slots", max_parallel_requests=2)]
        self.farebox = Farebox(self.config(*self.kept, limit("other", requests_per_hour=2)))
        self.addCleanup(self.farebox.stop)

    def ask(self, project, count=1, ms=0):
        calls = [Call(CHAT, chat_body(max_tokens=20), {
            "x-farebox-project": project, "x-mock-delay-head-ms": str(ms)}) for _ in range(count)]
        return at_once(self.farebox.port, calls)

    def reload(self, *limits):
        answer = self.farebox.reload(self.config(*limits))
        self.assertEqual(answer.status, 200, answer.text)

    def test_what_is_counted_stays(self):
        self.ask("kept", 4)
        self.ask("other", 2)
        self.assertEqual(self.ask("other")[0].status, 429)
        self.reload(limit("new", requests_per_hour=5), *self.kept, limit("other", requests_per_hour=3))
        reply = self.ask("kept")[0].answer
        self.assertEqual(reply.header("x-ratelimit-remaining-requests"), "5")
        self.assertLess(int(reply.header("x-ratelimit-remaining-tokens")), 1000 - 4 * 11)
        self.assertEqual(self.ask("new")[0].answer.header("x-ratelimit-remaining-requests"), "4")
        self.assertEqual(self.ask("other")[0].status, 200, "it has a new number")
        self.reload(*self.kept)
        self.assertEqual({c.status for c in self.ask("other", 5)}, {200}, "it is gone")
        self.assertEqual(self.ask("kept")[0].answer.header("x-ratelimit-remaining-requests"), "4")

    def test_running_calls_keep_their_slots(self):
        import threading
        runs = threading.Thread(target=lambda: self.ask("slots", 2, 1500))
        runs.start()
        wait_until(lambda: len(self.mock.requests()) == 2)
        self.reload(*self.kept)
        self.assertEqual(self.ask("slots")[0].status, 429)
        runs.join()
        self.assertEqual(sorted(c.status for c in self.ask("slots", 3, 300)), [200, 200, 429])


class WithBudgets(Limited):
    """A refusal by a budget leaves the limits as they were, and the other way round."""

    LIMITS = (limit("both", requests_per_hour=10, tokens_per_hour=10000),
              limit("shut", requests_per_hour=1))

    @classmethod
    def config(cls):
        return dict(super().config(), budgets=[
            {"name": "poor", "scope": {"project": "both", "user": "poor"}, "period": "total",
             "limit_usd": "0.0000001"},
            {"name": "rich", "scope": {"project": "shut"}, "period": "total", "limit_usd": "5"}])

    def test_a_budget_that_refuses_takes_nothing_of_a_limit(self):
        for _ in range(5):
            reply = self.ask("both", {"x-farebox-user": "poor"})
            self.assertEqual(reply.json()["error"]["code"], "budget_exceeded")
        reply = self.ask("both")
        self.assertEqual((reply.status, self.left(reply)), (200, 9))

    def test_a_limit_that_refuses_takes_nothing_of_a_budget(self):
        cost = self.ask("shut").header("x-farebox-cost-usd")
        for _ in range(5):
            self.assert_limited(self.ask("shut"), "shut")
        row = next(r for r in self.farebox.admin_json("/api/budgets")["budgets"]
                   if r["name"] == "rich")
        self.assertEqual((row["currentSpendUsd"], row["heldUsd"]), (cost, "0"))


if __name__ == "__main__":
    unittest.main()
