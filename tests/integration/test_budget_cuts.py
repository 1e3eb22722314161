"""What a stream looks like that a budget ends: finished as its dialect finishes an answer that
is as long as it may be, with usage that is the record's, on a connection that goes on.

And whoever can't be ended so is torn off, never made to look whole, and never overspends."""

import json
import unittest
from decimal import Decimal

import books
from books import assert_idle, billed, faults_of, usd
from crowd import Call, at_once
from harness import (CHAT, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, generate_body,
                     messages_body, providers, wait_until)

WORDS = 400                 # of the whole stream; the budgets pay for some 60
FLASH = STREAM_GENERATE.replace("2.5", "2.0")
COMPLETIONS = {"model": "gpt-4.1-mini", "prompt": "one two three", "stream": True}
RESPONSES = {"model": "gpt-4.1-mini", "input": "one two three", "stream": True}


class Cuts(FareboxTest):
    CLAMP = False

    @classmethod
    def config(cls):
        limit = lambda model, tokens: str(books.cost(model, 60, tokens))
        budget = lambda org, amount, **more: dict(
            {"name": org, "scope": {"org": org, "project": "*"}, "period": "total", "limit_usd": amount}, **more)
        return {"providers": providers(cls.mock, each={"retry": {"max_attempts": 1}, "pool": {"max": 500}}),
                "prices": {"overrides": books.OVERRIDES},
                "budgets": [budget("openai", limit("gpt-4.1-mini", 60)),
                            # No tokenizer of theirs is known: octets are counted.
                            budget("anthropic", limit("claude-sonnet-4-5", 400)),
                            budget("gemini", limit("gemini-2.0-flash", 400)),
                            budget("tokens", "1000", limit_tokens=4000)],
                # With it the provider is told a maximum, and ends by itself.
                "enforcement": {"budget_wait": "300ms", "clamp": cls.CLAMP}}

    def fields(self, org, project, **more):
        return dict({"x-farebox-org": org, "x-farebox-project": project, "x-mock-output-tokens": str(WORDS),
                     "x-mock-delay-chunk-ms": "5"}, **more)

    def cut(self, org, project, target, body, **more):
        """Asks; returns the answer and its record, which says that it was cut."""
        reply = self.post(target, body, self.fields(org, project, **more))
        self.assertEqual(reply.status, 200, reply.text)
        end = reply.chunks[-1][1]
        row, records = assert_idle(self, self.farebox, org, {"project": project}, project=project)
        self.assertEqual(faults_of(row), [])
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd(row["limitUsd"]))
        self.assertEqual(records[0]["outcome"], "budget_cut")
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.outcome == "peer_left"), None))
        self.assertLess(seen.peer_left_at - end, 0.05, "the provider goes on after the end")
        line, = self.mock.bill()["lines"]
        event = books.cost(line["model"], 0, 1)
        self.assertLessEqual(billed([line]), usd(records[0]["costUsd"]) + event)
        return reply, records[0]

    def test_chat(self):
        for i, (more, told) in enumerate((({}, False), ({"stream_options": {"include_usage": True}}, True),
                                          ({"n": 1, "max_tokens": 10000}, False))):
            with self.subTest(more=more):
                self.mock.clear()
                reply, record = self.cut("openai", "chat-%d" % i, CHAT, chat_body(stream=True, **more))
                self.assertTrue(reply.complete)
                events = reply.events()
                self.assertEqual(events[-1], "[DONE]")
                chunks = [json.loads(event) for event in events[:-1]]
                self.assertEqual(len({(c["id"], c["model"], c["created"]) for c in chunks}), 1)
                usage = [c["usage"] for c in chunks if c.get("usage")]
                finished = [c for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]]
                self.assertEqual([c["choices"][0]["finish_reason"] for c in finished], ["length"])
                self.assertEqual(len(usage), int(told), "usage was asked for, or wasn't")
                for each in usage:
                    self.assertEqual((each["prompt_tokens"], each["completion_tokens"], each["total_tokens"]),
                                     (record["inputTokens"], record["outputTokens"],
                                      record["inputTokens"] + record["outputTokens"]))

    def test_text_completions(self):
        reply, _ = self.cut("openai", "text", "/v1/completions", COMPLETIONS)
        self.assertTrue(reply.complete)
        self.assertEqual(reply.events()[-1], "[DONE]")
        last = json.loads(reply.events()[-2])
        self.assertEqual((last["object"], last["choices"][0]["finish_reason"]), ("text_completion", "length"))

    def test_responses(self):
        reply, record = self.cut("openai", "responses", "/v1/responses", RESPONSES)
        self.assertTrue(reply.complete)
        events = [json.loads(event) for event in reply.events()]
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        last = events[-1]
        self.assertEqual((last["type"], last["response"]["status"],
                          last["response"]["incomplete_details"]["reason"]),
                         ("response.incomplete", "incomplete", "max_output_tokens"))
        self.assertEqual(last["response"]["usage"]["output_tokens"], record["outputTokens"])

    def test_anthropic(self):
        reply, record = self.cut("anthropic", "messages", MESSAGES,
                                 messages_body(stream=True, max_tokens=10000))
        self.assertTrue(reply.complete)
        events = [json.loads(event) for event in reply.events()]
        self.assertEqual([e["type"] for e in events[-3:]],
                         ["content_block_stop", "message_delta", "message_stop"])
        self.assertEqual(events[-2]["delta"]["stop_reason"], "max_tokens")
        self.assertEqual(events[-2]["usage"]["output_tokens"], record["outputTokens"])
        self.assertEqual(reply.text.count("event: message_stop\n"), 1)

    def test_gemini(self):
        reply, record = self.cut("gemini", "sse", FLASH, generate_body())
        self.assertTrue(reply.complete)
        last = json.loads(reply.events()[-1])
        self.assertEqual(last["candidates"][0]["finishReason"], "MAX_TOKENS")
        self.assertEqual(last["usageMetadata"]["candidatesTokenCount"], record["outputTokens"])
        self.mock.clear()
        reply, _ = self.cut("gemini", "array", FLASH.replace("?alt=sse", ""), generate_body())
        self.assertTrue(reply.complete)
        self.assertEqual(reply.json()[-1]["candidates"][0]["finishReason"], "MAX_TOKENS")

    def test_the_connection_goes_on(self):
        connection, statuses = self.connect(), []
        for _ in range(2):
            connection.ask("POST", CHAT, self.fields("openai", "kept"), chat_body(stream=True))
            reply = connection.response("POST")
            self.assertTrue(reply.complete)
            statuses.append(reply.status)
        self.assertEqual(statuses, [200, 429])

    def test_whoever_has_no_chunks(self):
        # HTTP/1.0: only the connection's end tells that it is over.
        connection = self.connect()
        connection.ask("POST", CHAT, self.fields("openai", "old"), chat_body(stream=True), version="HTTP/1.0")
        reply = connection.response("POST")
        self.assertTrue(reply.complete and not reply.reset)
        self.assertEqual(reply.events()[-1], "[DONE]")
        self.assertIn('"finish_reason":"length"', reply.text)

    def test_what_is_compressed_cant_be_ended_well(self):
        reply = self.post(CHAT, chat_body(stream=True), self.fields(
            "openai", "packed", **{"x-mock-encoding": "gzip"}))
        self.assertEqual(reply.status, 200)
        self.assertFalse(reply.complete, "it looks whole")
        row, records = assert_idle(self, self.farebox, "openai", {"project": "packed"}, project="packed")
        self.assertLessEqual(usd(row["currentSpendUsd"]), usd(row["limitUsd"]))
        self.assertEqual((records[0]["outcome"], records[0]["overHold"]), ("budget_cut", False))

    def test_tokens_are_a_hard_limit_too(self):
        fields = dict(self.fields("tokens", "t"), **{"x-mock-output-tokens": "100"})
        with books.Sampler(self.farebox, "tokens") as sampler:
            for _ in range(10):
                calls = at_once(self.farebox.port, [
                    Call(CHAT, chat_body(stream=i % 2 == 0, max_tokens=150), fields) for i in range(100)])
                if {c.status == 429 and c.answer.header("x-should-retry") for c in calls} == {"false"}:
                    break
        row, records = assert_idle(self, self.farebox, "tokens", {"project": "t"}, project="t")
        self.assertEqual(sampler.faults[:3], [])
        self.assertLessEqual(row["spentTokens"], 4000)
        self.assertGreaterEqual(row["spentTokens"], Decimal("0.95") * 4000)
        self.assertEqual([r for r in records if r["overHold"]], [])


class Hurried(FareboxTest):
    CLAMP = True
    config = Cuts.__dict__["config"]
    fields = Cuts.fields

    def test_a_provider_that_hurries(self):
        """No pause between its events: many are read at once, and what was read is billed."""
        for i, (target, body) in enumerate(((CHAT, chat_body(stream=True)), (FLASH, generate_body()),
                                            (MESSAGES, messages_body(stream=True, max_tokens=10000)))):
            org = ("openai", "gemini", "anthropic")[i]
            calls = [Call(target, body, dict(self.fields(org, "hurry"), **{"x-mock-delay-chunk-ms": "0"}))
                     for _ in range(20)]
            at_once(self.farebox.port, calls)
            row, records = assert_idle(self, self.farebox, org, {"project": "hurry", "org": org},
                                       project="hurry")
            with self.subTest(org=org):
                self.assertLessEqual(usd(row["currentSpendUsd"]), usd(row["limitUsd"]))
                self.assertEqual([r["requestId"] for r in records if r["overHold"]], [])
