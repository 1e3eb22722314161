"""Row M3: a thousand streams at once on a budget that pays for some 37 of them.

Rivals check what is spent after the fact and let concurrent calls through (LiteLLM: +230 %,
+33 %, +90 % above the limit). Here the settled sum never passes the limit, nearly all of it
can be used, and the provider's own bill is at most one event for each cut stream above it.

FAREBOX_ROUNDS=50 repeats each storm as often as the promise says; FAREBOX_THREADS=10 gives
farebox so many workers, whatever the machine has."""

import os
import random
import sys
import unittest
from decimal import Decimal

import books
from books import assert_idle, billed, row_of, usd
from crowd import Call, at_once
from harness import (CHAT, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, generate_body,
                     messages_body, providers, wait_until)

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "1"))
STREAMS = int(os.environ.get("FAREBOX_STREAMS", "1000"))
THREADS = int(os.environ.get("FAREBOX_THREADS", "0"))    # 0: as many as the machine has
ROOM = 37                   # streams that the budget pays for
WAVES = 8                   # how often a refused stream tries again
WORDS = 100                 # output tokens of a whole stream
UTILISATION = Decimal("0.95")


def tell(text):
    if os.environ.get("FAREBOX_ROUNDS"):
        print(text, file=sys.stderr, flush=True)


def openai_stream(**more):
    return CHAT, chat_body(stream=True, **more)


def anthropic_stream(**_):
    return MESSAGES, messages_body(stream=True, max_tokens=150)


def gemini_stream(**_):
    return STREAM_GENERATE.replace("2.5", "2.0"), generate_body()   # 2.5 thinks, and can't be cut


# How each dialect says that an answer ended at its maximum, and that it is over.
ENDS = {"openai": ('"finish_reason":"length"', "data: [DONE]"),
        "anthropic": ('"stop_reason":"max_tokens"', "event: message_stop"),
        "gemini": ('"finishReason":"MAX_TOKENS"', '"finishReason":')}


class Storm(FareboxTest):
    """A counter for each project, so each round has a budget of its own."""

    LIMITS = {"chat": books.cost("gpt-4.1-mini", 3, WORDS) * ROOM,
              "messages": books.cost("claude-sonnet-4-5", 3, WORDS) * ROOM,
              "generate": books.cost("gemini-2.0-flash", 3, WORDS) * ROOM}

    @classmethod
    def config(cls):
        many = {"pool": {"max": 2000, "acquire_timeout": "30s"},
                "concurrency": {"max": 2000, "queue": 4000, "max_wait": "30s"},
                "retry": {"max_attempts": 1}}
        return {"providers": providers(cls.mock, each=many), "prices": {"overrides": books.OVERRIDES},
                "budgets": [{"name": name, "scope": {"org": name, "project": "*"}, "period": "total",
                             "limit_usd": str(limit)} for name, limit in cls.LIMITS.items()],
                "enforcement": {"budget_wait": "2s"}, **({"threads": THREADS} if THREADS else {})}

    def billed_lines(self):
        lines = self.mock.bill()["lines"]
        return None if any(l["outcome"] == "running" for l in lines) else lines


class Streams(Storm):
    """What a budget can't pay any more ends as its dialect ends an answer that is too long."""

    def storm(self, budget, dialect, project, asked, streams=STREAMS):
        """One round: all at once; those who are told to try again do. Returns (part of the
        budget that was used, cut streams)."""
        self.mock.clear()
        target, body = asked
        fields = {"x-farebox-org": budget, "x-farebox-project": project,
                  "x-mock-output-tokens": str(WORDS), "x-mock-delay-chunk-ms": "15"}
        names = ["%s-%d" % (project, i) for i in range(streams)]
        calls, first = [], None
        with books.Sampler(self.farebox, budget) as sampler:
            for _ in range(WAVES):
                wave = [Call(target, body, fields, name=name) for name in names]
                at_once(self.farebox.port, wave)
                calls += wave
                first = first or usd(row_of(self.farebox, budget, project=project)["currentSpendUsd"])
                names = [call.name + "." for call in wave
                         if call.status == 429 and call.answer.header("x-should-retry") == "true"]
                if not names:
                    break
        row, records = assert_idle(self, self.farebox, budget, {"project": project}, project=project)
        limit, spent = usd(row["limitUsd"]), usd(row["currentSpendUsd"])
        lines = wait_until(self.billed_lines, 5, "the provider is still writing")
        cut = sum(r["outcome"] == "budget_cut" for r in records)
        tell("%-10s %4d streams: used %.4f of the budget (%.4f at once), billed %.4f, %d whole, "
             "%d cut, %d over their holds" % (
                 project, streams, spent / limit, first / limit, billed(lines) / limit,
                 sum(r["outcome"] == "ok" for r in records), cut,
                 sum(r["overHold"] for r in records)))
        self.assertLessEqual(spent, limit)
        self.assertEqual((sampler.faults + books.faults_of(row))[:3], [], "a row didn't add up")
        self.assertGreater(sampler.samples, 10)
        event = books.cost(lines[0]["model"], 0, 1)
        self.assertLessEqual(billed(lines), limit + cut * event)
        self.assertEqual([r["requestId"] for r in records if r["overHold"]], [])
        self.check_ends(dialect, calls, {r["requestId"]: r for r in records})
        self.assertGreaterEqual(spent / limit, UTILISATION)
        return spent / limit, cut

    def check_ends(self, dialect, calls, records):
        """Each stream ended well, at its length, or was refused."""
        length, end = ENDS[dialect]
        for call in calls:
            record = records.get(call.name)
            if call.status != 200:
                self.assertEqual(call.status, 429, call.answer and call.answer.text)
                if record:
                    self.assertEqual((record["outcome"], usd(record["costUsd"])), ("refused", 0))
                continue
            self.assertTrue(call.answer.complete, "%s was torn off: %s" % (call.name, record))
            text = call.answer.text
            self.assertIn(end, text[-600:], call.name)
            self.assertIsNotNone(record, call.name)
            if record["outcome"] == "budget_cut":
                self.assertIn(length, text[-900:], call.name)
                self.assertTrue(record["estimated"])
            elif record["outputTokens"] < WORDS:
                # It was asked for with a lower maximum, and its provider ended it there.
                self.assertEqual(record["outcome"], "ok")
                self.assertIn(length, text[-900:], call.name)
            else:
                self.assertEqual((record["outcome"], record["outputTokens"]), ("ok", WORDS))

    def rounds(self, name, storm, more=ROUNDS):
        used, cut = [], 0
        for i in range(more):
            use, its = storm("%s-%d" % (name, i))
            used.append(use)
            cut += its
        tell("%s: %d rounds, utilisation %.4f to %.4f, %d streams cut"
             % (name, more, min(used), max(used), cut))
        return cut

    def test_streams_without_a_maximum(self):
        self.rounds("open", lambda p: self.storm("chat", "openai", p, openai_stream()))

    def test_streams_with_a_maximum(self):
        self.rounds("said", lambda p: self.storm("chat", "openai", p, openai_stream(max_tokens=150)))

    def test_streams_of_anthropic(self):
        self.rounds("claude", lambda p: self.storm("messages", "anthropic", p, anthropic_stream(),
                                                   STREAMS // 4))

    def test_streams_of_gemini(self):
        self.rounds("gemini", lambda p: self.storm("generate", "gemini", p, gemini_stream(),
                                                   STREAMS // 4))


class WholeCalls(Storm):
    """128 whole calls with mixed maxima: what can't be paid is asked for less."""

    CALLS = 128
    SIZES = (100, 200, 400, 800, 1600)
    LIMITS = {"chat": books.cost("gpt-4.1-mini", 3, sum(SIZES) // len(SIZES)) * ROOM}

    def test_whole_calls_with_mixed_maxima(self):
        for i in range(ROUNDS):
            self.whole("whole-%d" % i, random.Random(i))

    def whole(self, project, chance):
        self.mock.clear()
        asked = {"%s-%d" % (project, i): chance.choice(self.SIZES) for i in range(self.CALLS)}
        fields = {"x-farebox-org": "chat", "x-farebox-project": project,
                  "x-mock-output-tokens": "5000", "x-mock-delay-head-ms": "60"}
        calls = [Call(CHAT, chat_body(max_tokens=most), fields, name=name)
                 for name, most in asked.items()]
        with books.Sampler(self.farebox, "chat") as sampler:
            at_once(self.farebox.port, calls)
        self.assertEqual(sampler.faults[:3], [], "a row didn't add up")
        row, records = assert_idle(self, self.farebox, "chat", {"project": project}, project=project)
        limit, spent = usd(row["limitUsd"]), usd(row["currentSpendUsd"])
        self.assertLessEqual(spent, limit)

        # A whole call is settled by what its provider says: the bill is the counter.
        self.assertEqual(billed(self.mock.bill()["lines"]), spent)
        told = {r.header("x-request-tag"): r.json()["max_tokens"] for r in self.mock.requests()}
        by_name = {r["requestId"]: r for r in records}
        clamped = 0
        for call in calls:
            if call.status != 200:
                self.assertEqual((call.status, call.error in ("budget_held", "budget_exceeded")),
                                 (429, True), call.answer.text)
                self.assertNotIn(call.name, told, "refused, and yet the provider heard of it")
                continue
            self.assertTrue(call.answer.complete)
            self.assertLessEqual(told[call.name], asked[call.name])
            clamped += told[call.name] < asked[call.name]
            record = by_name[call.name]
            self.assertEqual((record["outcome"], record["estimated"], record["outputTokens"]),
                             ("ok", False, told[call.name]))
        use = spent / limit
        tell("%s: %d calls: used %.4f of the budget, %d answered, %d clamped"
             % (project, self.CALLS, use, sum(c.status == 200 for c in calls), clamped))
        self.assertGreaterEqual(use, UTILISATION)
        self.assertEqual(row_of(self.farebox, "chat", project=project)["status"],
                         "exceeded" if spent == limit else "critical")


class ManyBudgets(FareboxTest):
    """128 clients at a time on 200 budgets that nobody has met before: whole calls, streams and
    clients that leave, until every budget says that its money is gone."""

    CLIENTS, USERS, LIMIT = 128, 200, Decimal("0.005")

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={"pool": {"max": 500}, "retry": {"max_attempts": 1}}),
                "prices": {"overrides": books.OVERRIDES}, "enforcement": {"budget_wait": "500ms"},
                "budgets": [{"name": "each", "scope": {"user": "*"}, "period": "total",
                             "limit_usd": str(cls.LIMIT)},
                            {"name": "all", "period": "total", "limit_usd": str(cls.LIMIT * cls.USERS)}]}

    def calls(self, users, chance):
        for user in users:
            stream = chance.random() < 0.4
            fields = {"x-farebox-user": user, "x-mock-output-tokens": "20",
                      "x-mock-delay-head-ms": str(chance.randint(0, 20))}
            leaves = chance.randint(1, 5000) if stream and chance.random() < 0.2 else None
            yield user, Call(CHAT, chat_body(stream=stream, max_tokens=chance.choice((20, 30, 60))),
                             fields, leave_after=leaves)

    def test_every_one_is_used_and_none_is_passed(self):
        chance = random.Random(4)
        left = ["user-%d" % i for i in range(self.USERS)]
        passed = 0
        while left:
            batch = list(self.calls([chance.choice(left) for _ in range(self.CLIENTS)], chance))
            at_once(self.farebox.port, [call for _, call in batch])
            for user, call in batch:
                passed += call.status == 200
                if call.status == 429 and call.error == "budget_exceeded" and user in left:
                    left.remove(user)
        wait_until(lambda: self.farebox.admin_json("/api/ledger")["openHolds"] == 0, 10)
        wait_until(self.billed_lines, 5)
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        self.assertEqual([fault for row in rows for fault in books.faults_of(row)], [])
        self.assertEqual({row["heldUsd"] for row in rows}, {"0"})
        used = {row["scope"]["user"]: usd(row["currentSpendUsd"]) for row in rows if row["name"] == "each"}
        self.assertEqual(len(used), self.USERS)
        sums = dict.fromkeys(used, Decimal(0))
        for record in self.farebox.records():
            sums[record["user"]] += usd(record["costUsd"])
        self.assertEqual(used, sums)
        self.assertEqual(usd(row_of(self.farebox, "all")["currentSpendUsd"]), sum(sums.values()))
        tell("%d budgets, %d calls: used %.4f at least and %.4f in all"
             % (self.USERS, passed, min(used.values()) / self.LIMIT,
                sum(used.values()) / self.LIMIT / self.USERS))
        self.assertGreaterEqual(min(used.values()) / self.LIMIT, UTILISATION)

    billed_lines = Storm.billed_lines


if __name__ == "__main__":
    unittest.main()
