"""Embedding calls of one input each go to their provider as one; nobody notices."""

import base64
import json
import threading
import time
import unittest

import crowd
from harness import FareboxTest, providers

EMBED = "/v1/embeddings"
MODEL = "text-embedding-3-small"


def ask(text, **more):
    return dict({"model": MODEL, "input": text}, **more)


class Batched(FareboxTest):
    BATCH = {"max_size": 64, "max_wait": "50ms"}

    @classmethod
    def config(cls):
        return {"threads": 3, "providers": providers(
            cls.mock, each={"circuit_breaker": {"enabled": False}, "retry": {"max_attempts": 1},
                            "batch": {"embeddings": cls.BATCH}})}

    def together(self, bodies, headers=()):
        calls = [crowd.Call(EMBED, body, headers if not callable(headers) else headers(i))
                 for i, body in enumerate(bodies)]
        crowd.at_once(self.farebox.port, calls)
        return calls

    def alone(self, body):
        """What the provider says to that one call."""
        return self.post(EMBED, body, {"x-farebox-priority": "high"})


class Together(Batched):
    def test_a_thousand_are_at_most_twenty(self):
        # Words of one token each, so that the mock, which counts words, counts as a tokenizer does.
        letters = "a b c d e f g h i j".split()
        bodies = [ask(" ".join(["word"] * (1 + i % 9) + [letters[int(d)] for d in "%03d" % i]))
                  for i in range(1000)]
        calls = self.together(bodies)
        self.assertEqual({c.status for c in calls}, {200})
        upstream = self.mock.requests()
        self.assertLessEqual(len(upstream), 20)
        self.assertEqual(sum(len(r.json()["input"]) if isinstance(r.json()["input"], list) else 1
                             for r in upstream if r.body_size <= 65536),
                         1000)
        for i in range(0, 1000, 97):
            self.assertEqual(self.alone(bodies[i]).body, calls[i].answer.body, bodies[i])

    def test_each_has_its_own_record_and_they_add_up(self):
        bodies = [ask("a b c d " * (1 + i)) for i in range(12)]
        calls = self.together(bodies)
        records = [self.farebox.record_of(c.answer) for c in calls]
        tokens = [r["inputTokens"] for r in records]
        self.assertEqual(tokens, [c.answer.json()["usage"]["prompt_tokens"] for c in calls])
        self.assertEqual(sum(tokens), sum(4 * (1 + i) for i in range(12)))
        self.assertTrue(all(r["priced"] and not r["estimated"] for r in records))
        self.assertEqual({r["attempts"][0]["status"] for r in records}, {200})

    def test_base64_and_tokens(self):
        for more in ({"encoding_format": "base64"}, {"dimensions": 4}):
            bodies = [ask("text number" + " x" * i, **more) for i in range(5)]
            for body, call in zip(bodies, self.together(bodies)):
                self.assertEqual(self.alone(body).body, call.answer.body)
        bodies = [ask([1, 2, 3] + [4] * i) for i in range(5)]
        for body, call in zip(bodies, self.together(bodies)):
            self.assertEqual(self.alone(body).json()["data"], call.answer.json()["data"])

    def test_only_what_says_the_same_goes_together(self):
        self.together([ask("a", dimensions=4), ask("b", dimensions=4), ask("c"), ask("d"),
                       ask("e", user="u")])
        inputs = sorted(json.dumps(r.json()["input"]) for r in self.mock.requests())
        self.assertEqual(len(inputs), 3)

    def test_two_tenants_never_travel_together(self):
        key = lambda i: {"authorization": "Bearer sk-tenant-%s" % ("a" * 20 if i % 2 else "b" * 20)}  # noqa: E731
        self.together([ask("t %d" % i) for i in range(40)], key)
        for request in self.mock.requests():
            inputs = request.json()["input"]
            odd = {int(text.split()[1]) % 2 for text in (inputs if isinstance(inputs, list) else [inputs])}
            self.assertEqual(len(odd), 1)

    def test_several_inputs_go_as_they_are(self):
        reply = self.post(EMBED, ask(["a", "b"]))
        self.assertEqual(len(reply.json()["data"]), 2)
        self.assertEqual(self.seen().json()["input"], ["a", "b"])

    def test_one_bad_input_fails_alone(self):
        # The provider refuses the whole array for one of its items.
        self.mock.rule({"status": 400}, times=1)
        calls = self.together([ask("fine %d" % i) for i in range(8)])
        self.assertEqual({c.status for c in calls}, {200})
        self.assertEqual(len(self.mock.requests()), 9)
        record = self.farebox.record_of(calls[0].answer)
        self.assertTrue(record["priced"])

    def test_a_providers_own_error_is_everybodys(self):
        self.mock.rule({"status": 503})
        calls = self.together([ask("gone %d" % i) for i in range(8)])
        self.assertEqual({c.status for c in calls}, {503})
        self.assertEqual(len(self.mock.requests()), 1)

    def test_a_leader_that_leaves_takes_nobody_along(self):
        first = self.connect()
        first.ask("POST", EMBED, {"content-type": "application/json"}, ask("first"))
        threads, replies = [], []
        for i in range(4):
            threads.append(threading.Thread(
                target=lambda i=i: replies.append(self.post(EMBED, ask("later %d" % i)))))
        for thread in threads:
            thread.start()
        first.reset()
        for thread in threads:
            thread.join()
        self.assertEqual([r.status for r in replies], [200] * 4)

    def test_figures(self):
        before = self.farebox.metrics()
        self.together([ask("m %d" % i) for i in range(10)])
        after = self.farebox.metrics()
        name = "farebox_batch_saved_calls_total"
        self.assertGreaterEqual(after[name] - before[name], 5)
        self.assertGreater(after["farebox_batch_size_count"], before["farebox_batch_size_count"])
        self.assertGreater(after["farebox_batch_wait_seconds_sum"], 0)


class AnOddProvider(Batched):
    def test_an_answer_that_does_not_fit_is_asked_for_again_one_by_one(self):
        self.mock.rule({"body": json.dumps({"object": "list", "data": [], "model": MODEL,
                                            "usage": {"prompt_tokens": 1, "total_tokens": 1}}),
                        "content_type": "application/json"}, times=1)
        calls = self.together([ask("short %d" % i) for i in range(4)])
        self.assertEqual({c.status for c in calls}, {200})
        self.assertTrue(all(len(c.answer.json()["data"]) == 1 for c in calls))
        self.assertEqual(len(self.mock.requests()), 5)
        # The provider bills what it answered, so it costs what was held for it.
        record = self.farebox.record_of(calls[0].answer)
        self.assertEqual(len(record["attempts"]), 2)
        self.assertTrue(record["estimated"])
        self.assertGreater(float(record["attempts"][0]["costUsd"]), 0)
        self.together([ask("later %d" % i) for i in range(4)])
        self.assertEqual(len(self.mock.requests()), 9, "its calls stay alone for a while")


class OnesOwnTime(Batched):
    def test_what_was_sent_for_all_is_paid_for_whoever_waits_no_longer(self):
        for who in ("leader", "member"):
            self.mock.clear()
            self.mock.rule({"delay_head_ms": 900}, times=1)
            head = {"content-type": "application/json"}
            first, second = self.connect(), self.connect()
            short = dict(head, **{"x-farebox-timeout": "500ms"})
            first.ask("POST", EMBED, short if who == "leader" else head, ask("one two three"))
            second.ask("POST", EMBED, short if who == "member" else head, ask("four five six"))
            replies = [first.response("POST"), second.response("POST")]
            self.assertEqual(sorted(r.status for r in replies), [200, 504], who)
            for reply in replies:
                record = self.farebox.record_of(reply)
                self.assertTrue(record["attempts"], who)
                self.assertNotEqual(record["costUsd"], "0", (who, record))


class StaleAnswers(Batched):
    @classmethod
    def config(cls):
        return dict(super().config(), cache={"ttl": "1s", "stale_if_error": "60s"})

    def test_an_old_answer_is_better_than_an_error_here_too(self):
        bodies = [ask("old %d" % i) for i in range(4)]
        self.together(bodies)
        time.sleep(1.1)
        self.mock.rule({"status": 503})
        calls = self.together(bodies)
        self.assertEqual([(c.status, c.answer.header("x-farebox-cache")) for c in calls],
                         [(200, "hit")] * 4)


class WithACache(Batched):
    @classmethod
    def config(cls):
        return dict(super().config(), cache={"ttl": "1h"})

    def test_parts_of_a_batch_are_kept(self):
        bodies = [ask("kept %d" % i) for i in range(10)]
        first = self.together(bodies)
        before = len(self.mock.requests())
        again = self.together(bodies)
        self.assertEqual(len(self.mock.requests()), before)
        self.assertEqual([c.answer.body for c in first], [c.answer.body for c in again])
        self.assertEqual({c.answer.header("x-farebox-cache") for c in again}, {"hit"})


class Alone(Batched):
    BATCH = {"max_size": 64, "max_wait": "5ms"}

    def test_one_alone_loses_no_more_than_max_wait(self):
        reply = self.post(EMBED, ask("alone"))
        self.assertEqual(reply.status, 200)
        self.assertEqual(self.seen().json()["input"], "alone")
        vector = self.post(EMBED, ask("alone", encoding_format="base64")).json()
        self.assertEqual(len(base64.b64decode(vector["data"][0]["embedding"])), 32)


if __name__ == "__main__":
    unittest.main()
