"""Row M11: a provider that lies about usage. Nothing absurd is charged, nothing is free that
was answered, and what is honest but above the hold is charged and marked.

Each lie is told in a whole answer and in a stream, in three dialects."""

import json
import unittest
from decimal import Decimal

import books
from books import assert_idle, cost, faults_of, usd
from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, generate_body,
                     messages_body, providers)

MODEL = "gpt-4.1-mini"
MAXIMUM = 100               # output tokens that are asked for, so held
WINDOW = 1_047_576          # what the model can read at all
TEXT = "the answer has some words of its own, of course"

# What stands where a number of tokens belongs.
ABSURD = ("-1", "-9223372036854775808", "9223372036854775807", "18446744073709551615",
          "1" + "0" * 30, "1e400", "99999999999", "1.5", '"100"', "null", "true", "[1]", "{}")


def number(text, otherwise):
    """The lie as it is written into JSON, or an honest number for None."""
    return text if text is not None else str(otherwise)


def openai_usage(prompt=None, completion=None, total=None):
    return '{"prompt_tokens":%s,"completion_tokens":%s,"total_tokens":%s}' % (
        number(prompt, 3), number(completion, 10), number(total, 13))


def whole(usage):
    return ('{"id":"c","object":"chat.completion","created":1,"model":"%s","choices":[{"index":0,'
            '"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"}]%s}'
            % (MODEL, TEXT, usage and ',"usage":' + usage))


def events(*data):
    return "".join("data: %s\n\n" % each for each in data)


def chunk(text=None, finish="null", usage=""):
    choices = '[{"index":0,"delta":{%s},"finish_reason":%s}]' % (
        '"content":"%s"' % text if text else "", finish)
    return ('{"id":"c","object":"chat.completion.chunk","created":1,"model":"%s","choices":%s%s}'
            % (MODEL, choices, usage and ',"usage":' + usage))


def usage_chunk(usage):
    return ('{"id":"c","object":"chat.completion.chunk","created":1,"model":"%s","choices":[],"usage":%s}'
            % (MODEL, usage))


def stream(*usages):
    words = [chunk(word + " ") for word in TEXT.split()]
    return events(*words, chunk(finish='"stop"'), *[usage_chunk(u) for u in usages], "[DONE]")


class Forged(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={"retry": {"max_attempts": 1}}),
                "prices": {"overrides": books.OVERRIDES},
                "budgets": [{"name": "b", "scope": {"project": "*"}, "period": "total", "limit_usd": "5"}]}

    # Octets of the body at most, and what was asked for: the most that was set aside.
    HELD = cost(MODEL, 400, MAXIMUM)
    TOLD = cost(MODEL, 3, 10)
    LEAST = cost(MODEL, 3, 8)

    def ask(self, project, body, is_stream=False, target=CHAT, asked=None):
        self.mock.clear()
        kind = "text/event-stream" if is_stream else "application/json"
        self.mock.rule({"body": body, "content_type": kind})
        if asked is None:
            asked = chat_body(max_tokens=MAXIMUM, stream=is_stream)
            if is_stream:
                asked["stream_options"] = {"include_usage": True}
        reply = self.post(target, asked, {"x-farebox-project": project})
        self.assertEqual(reply.status, 200, reply.text)
        record = self.farebox.record_of(reply)
        row, _ = assert_idle(self, self.farebox, "b", {"project": project}, project=project)
        self.assertEqual(faults_of(row), [])
        return record

    def assert_sane(self, record, least=None):
        """Neither free nor more than was held, in money and in tokens."""
        self.assertTrue(record["priced"])
        self.assertGreaterEqual(usd(record["costUsd"]), least or self.LEAST, record)
        self.assertLessEqual(usd(record["costUsd"]), self.HELD, record)
        self.assertLessEqual(record["outputTokens"], MAXIMUM, record)
        self.assertGreaterEqual(record["inputTokens"], 1, record)
        self.assertFalse(record["overHold"], record)

    def test_absurd_numbers(self):
        for i, lie in enumerate(ABSURD):
            for j, usage in enumerate((openai_usage(completion=lie), openai_usage(prompt=lie),
                                       openai_usage(lie, lie, lie))):
                for is_stream in (False, True):
                    with self.subTest(usage=usage, stream=is_stream):
                        body = stream(usage) if is_stream else whole(usage)
                        self.assert_sane(self.ask("absurd-%d-%d-%d" % (i, j, is_stream), body, is_stream))

    def test_nothing_is_free_that_was_answered(self):
        for i, usage in enumerate((openai_usage("0", "0", "0"), openai_usage(completion="0"), "{}",
                                   "null", "[]", "7", '"none"', "", '{"prompt_tokens":3}')):
            for is_stream in (False, True):
                with self.subTest(usage=usage, stream=is_stream):
                    body = (stream(usage) if usage else stream()) if is_stream else whole(usage)
                    self.assert_sane(self.ask("free-%d-%d" % (i, is_stream), body, is_stream))

    def test_said_twice(self):
        """The last one counts, as in every JSON parser and in OpenAI's streams, and neither
        is added to the other."""
        low, high = openai_usage("3", "10"), openai_usage("3", "60", "63")
        twice = whole(low)[:-1] + ',"usage":%s}' % high
        record = self.ask("twice", twice)
        self.assertEqual(usd(record["costUsd"]), cost(MODEL, 3, 60))
        for i, body in enumerate((stream(high, high), stream(low, high),
                                  events(chunk("a"), usage_chunk(low), chunk("b"), usage_chunk(high),
                                         chunk(finish='"stop"'), "[DONE]"))):
            with self.subTest(stream=i):
                record = self.ask("twice-%d" % i, body, True)
                self.assertEqual(usd(record["costUsd"]), cost(MODEL, 3, 60))
        self.assert_sane(self.ask("taken-back", stream(high, openai_usage("0", "0", "0")), True))

    def test_said_too_late(self):
        body = events(*[chunk(w + " ") for w in TEXT.split()], chunk(finish='"stop"'), "[DONE]",
                      usage_chunk(openai_usage("3", "99999999999")))
        self.assert_sane(self.ask("late", body, True))

    def test_honest_and_above_the_hold(self):
        """A provider that ignores the maximum and bills it: the record tells the truth."""
        for is_stream in (False, True):
            usage = openai_usage("3", "900", "903")
            record = self.ask("over-%d" % is_stream, stream(usage) if is_stream else whole(usage), is_stream)
            self.assertEqual((usd(record["costUsd"]), record["overHold"], record["estimated"]),
                             (cost(MODEL, 3, 900), True, False))

    def test_above_the_context_window(self):
        for is_stream in (False, True):
            for i, usage in enumerate((openai_usage(prompt=str(WINDOW * 2)),
                                       openai_usage(completion=str(WINDOW * 2)),
                                       openai_usage(str(WINDOW * 50), str(WINDOW * 50)))):
                with self.subTest(usage=usage, stream=is_stream):
                    body = stream(usage) if is_stream else whole(usage)
                    self.assert_sane(self.ask("window-%d-%d" % (i, is_stream), body, is_stream))

    def test_parts_that_pass_their_whole(self):
        usage = ('{"prompt_tokens":3,"completion_tokens":10,"total_tokens":13,"prompt_tokens_details":'
                 '{"cached_tokens":%s,"audio_tokens":%s},"completion_tokens_details":{"reasoning_tokens":%s,'
                 '"audio_tokens":%s,"accepted_prediction_tokens":%s,"rejected_prediction_tokens":%s}}')
        for i, lie in enumerate(("4", "99999999999", "-5", "9223372036854775807")):
            with self.subTest(parts=lie):
                record = self.ask("parts-%d" % i, whole(usage % ((lie,) * 6)))
                self.assertLessEqual(usd(record["costUsd"]), self.HELD)
                self.assertGreaterEqual(usd(record["costUsd"]), 0)
                for part, its in (("cachedInputTokens", "inputTokens"), ("reasoningTokens", "outputTokens"),
                                  ("audioInputTokens", "inputTokens"), ("audioOutputTokens", "outputTokens")):
                    self.assertLessEqual(record[part], record[its], record)

    def test_anthropic(self):
        asked = messages_body(max_tokens=MAXIMUM)
        held = cost("claude-sonnet-4-5", 400, MAXIMUM) * 2       # writing to a cache is dearer
        least = cost("claude-sonnet-4-5", 3, 8)
        for i, lie in enumerate(ABSURD + ("0", str(WINDOW * 2))):
            usage = '{"input_tokens":%s,"output_tokens":%s,"cache_creation_input_tokens":0,' \
                '"cache_read_input_tokens":0}'
            for j, pair in enumerate(((lie, "10"), ("3", lie), (lie, lie))):
                body = ('{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":'
                        '[{"type":"text","text":"%s"}],"stop_reason":"end_turn","usage":%s}'
                        % (TEXT, usage % pair))
                with self.subTest(lie=pair):
                    record = self.ask("claude-%d-%d" % (i, j), body, target=MESSAGES, asked=asked)
                    self.assertGreaterEqual(usd(record["costUsd"]), least, record)
                    self.assertLessEqual(usd(record["costUsd"]), held, record)
                    self.assertLessEqual(record["outputTokens"], MAXIMUM)
            start = json.dumps({"type": "message_start", "message": {
                "id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
                "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}})
            body = "".join("event: %s\ndata: %s\n\n" % event for event in (
                ("message_start", start),
                ("content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
                ("content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}' % TEXT),
                ("content_block_stop", '{"type":"content_block_stop","index":0}'),
                ("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":%s}}' % lie),
                ("message_stop", '{"type":"message_stop"}')))
            with self.subTest(stream=lie):
                record = self.ask("claude-stream-%d" % i, body, True, MESSAGES, dict(asked, stream=True))
                self.assertGreaterEqual(usd(record["costUsd"]), least, record)
                self.assertLessEqual(usd(record["costUsd"]), held, record)

    def test_gemini(self):
        asked = generate_body(generationConfig={"maxOutputTokens": MAXIMUM})
        model = "gemini-2.0-flash"
        held, least = cost(model, 400, MAXIMUM) + Decimal("0.001"), cost(model, 3, 8)
        for i, lie in enumerate(ABSURD + ("0", str(WINDOW * 2))):
            said = ('{"candidates":[{"content":{"parts":[{"text":"%s"}],"role":"model"},"finishReason":"STOP",'
                    '"index":0}],"usageMetadata":{"promptTokenCount":%s,"candidatesTokenCount":%s,'
                    '"totalTokenCount":%s},"modelVersion":"%s"}')
            for j, triple in enumerate((("3", lie, lie), (lie, "10", lie), (lie, lie, lie))):
                body = said % ((TEXT,) + triple + (model,))
                for is_stream in (False, True):
                    with self.subTest(lie=triple, stream=is_stream):
                        target = (STREAM_GENERATE if is_stream else GENERATE).replace("2.5", "2.0")
                        record = self.ask("gemini-%d-%d-%d" % (i, j, is_stream),
                                          "data: %s\r\n\r\n" % body if is_stream else body, is_stream,
                                          target, asked)
                        self.assertGreaterEqual(usd(record["costUsd"]), least, record)
                        self.assertLessEqual(usd(record["costUsd"]), held, record)


class WithoutBudget(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={"retry": {"max_attempts": 1}})}

    def test_octets_that_are_no_answer_cost_no_more_than_one_may(self):
        """A page of a captive portal, or a small body that unpacks to blanks, was billed by its octets:
        up to 161 dollars."""
        for is_stream in (False, True):
            for behaviour in ({"body": "<html>" + " " * 3_000_000, "content_type": "text/html"},
                              {"bomb_mib": 20, "content_type": "application/json"}):
                with self.subTest(stream=is_stream, **behaviour if "bomb_mib" in behaviour else {}):
                    self.mock.clear()
                    self.mock.rule(behaviour)
                    reply = self.post(CHAT, chat_body(model=MODEL, max_tokens=MAXIMUM, stream=is_stream))
                    record = self.farebox.record_of(reply)
                    self.assertLessEqual(record["outputTokens"], MAXIMUM)
                    self.assertLessEqual(usd(record["costUsd"]), cost(MODEL, 400, MAXIMUM))


if __name__ == "__main__":
    unittest.main()
