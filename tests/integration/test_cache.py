"""Answers that are given again: which, to whom, and what they cost."""

import json
import os
import signal
import tempfile
import time
import unittest

from farebox_process import Farebox, wait_until
from harness import CHAT, MESSAGES, FareboxTest, chat_body, fetch, messages_body, providers
from mock_provider import Mock

EMBED = "/v1/embeddings"


def exact(text="what is the capital of France", **more):
    return chat_body(text, temperature=0, **more)


class Cached(FareboxTest):
    CACHE = {}

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "cache": dict({"ttl": "1h"}, **cls.CACHE)}

    def said(self, reply):
        return reply.header("x-farebox-cache")

    def calls(self):
        return len(self.mock.requests())

    def stats(self):
        return self.farebox.admin_json("/api/cache/stats")

    def invalidate(self, **what):
        reply = self.farebox.admin("POST", "/api/cache/invalidate",
                                   {"content-type": "application/json"}, what)
        self.assertEqual(reply.status, 200, reply.text)
        return reply.json()["invalidated"]


class WhatIsGivenAgain(Cached):
    def test_a_whole_answer_is_given_again_octet_by_octet(self):
        first = self.post(CHAT, exact("one"))
        again = self.post(CHAT, exact("one"))
        self.assertEqual((self.said(first), self.said(again)), ("miss", "hit"))
        self.assertEqual(again.status, 200)
        self.assertEqual(first.body, again.body)
        self.assertEqual(again.header("content-type"), first.header("content-type"))
        self.assertEqual(self.calls(), 1)
        self.assertEqual(again.header("x-farebox-attempts"), "0")
        self.assertEqual(again.header("x-farebox-cost-usd"), "0")
        self.assertEqual(again.header("age"), "0")
        self.assertRegex(again.header("cache-status"), r"^farebox; hit; ttl=3(600|599|598)$")
        self.assertNotEqual(again.header("x-farebox-request-id"), first.header("x-farebox-request-id"))

    def test_its_record_says_what_was_saved_and_costs_nothing(self):
        first = self.farebox.record_of(self.post(CHAT, exact("records")))
        again = self.farebox.record_of(self.post(CHAT, exact("records")))
        self.assertEqual((first["cache"], again["cache"]), ("miss", "hit"))
        self.assertEqual(again["costUsd"], "0")
        self.assertTrue(again["priced"])
        self.assertNotEqual(first["costUsd"], "0")
        self.assertEqual(again["savedUsd"], first["costUsd"])
        self.assertNotIn("savedUsd", first)
        self.assertEqual((again["inputTokens"], again["outputTokens"]), (0, 0))
        self.assertEqual((again["status"], again["outcome"], again["finishReason"]),
                         (200, "ok", "stop"))
        self.assertEqual(again["attempts"], [])

    def test_a_stream_is_given_again_in_its_chunks(self):
        body = exact("streams", stream=True)
        first, again = self.post(CHAT, body), self.post(CHAT, body)
        self.assertEqual((self.said(first), self.said(again)), ("miss", "hit"))
        self.assertEqual([c for c, _ in first.chunks], [c for c, _ in again.chunks])
        self.assertTrue(again.complete)
        self.assertEqual(self.calls(), 1)
        self.assertEqual(self.farebox.record_of(again)["stream"], True)

    def test_a_stream_serves_a_whole_request_where_nothing_is_lost(self):
        def ask(text, **more):
            return {"model": "gpt-4.1-mini", "input": text, "temperature": 0, **more}
        stream = self.post("/v1/responses", ask("both ways", stream=True))
        self.assertEqual(self.said(stream), "miss")
        whole = self.post("/v1/responses", ask("both ways"))
        self.assertEqual(self.said(whole), "hit")
        last = json.loads([e for e in stream.events() if '"response.completed"' in e][-1])
        self.assertEqual(whole.json(), last["response"])
        # A whole answer doesn't say how it would have come bit by bit.
        self.post("/v1/responses", ask("one way"))
        self.assertEqual(self.said(self.post("/v1/responses", ask("one way", stream=True))), "miss")
        # Without usage in it a stream of chat completions says less than the whole answer would.
        self.post(CHAT, exact("less", stream=True))
        self.assertEqual(self.said(self.post(CHAT, exact("less"))), "miss")
        self.post(CHAT, exact("all", stream=True, stream_options={"include_usage": True}))
        reply = self.post(CHAT, exact("all"))
        self.assertEqual((self.said(reply), reply.json()["object"]), ("hit", "chat.completion"))

    def test_embeddings_and_moderations_are_deterministic_by_nature(self):
        for path, body in ((EMBED, {"model": "text-embedding-3-small", "input": "hello"}),
                           ("/v1/moderations", {"input": "hello"})):
            self.assertEqual(self.said(self.post(path, body)), "miss", path)
            self.assertEqual(self.said(self.post(path, body)), "hit", path)
        self.assertEqual(self.calls(), 2)

    def test_anthropic_and_gemini(self):
        gemini = "/v1beta/models/gemini-2.5-flash:generateContent"
        ask = {"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"temperature": 0}}
        for path, body, head in ((MESSAGES, messages_body(temperature=0),
                                  {"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-1"}),
                                 (gemini, ask, {"x-goog-api-key": "AIza-1"})):
            self.assertEqual(self.said(self.post(path, body, head)), "miss")
            reply = self.post(path, body, head)
            self.assertEqual((self.said(reply), reply.status), ("hit", 200))
        self.assertEqual(self.calls(), 2)

    def test_member_order_and_blanks_do_not_matter_everything_else_does(self):
        base = exact("order")
        self.post(CHAT, base)
        shuffled = json.dumps(dict(reversed(list(base.items()))), indent=3).encode()
        self.assertEqual(self.said(self.post(CHAT, shuffled)), "hit")
        self.assertEqual(self.said(self.post(CHAT, dict(base, user="somebody"))), "hit")
        self.assertEqual(self.said(self.post(CHAT, dict(base, metadata={"a": "b"}))), "hit")
        for other in (dict(base, max_tokens=99), dict(base, model="gpt-4o"),
                      exact("order "), dict(base, stop=["x"]), dict(base, seed=1)):
            self.assertEqual(self.said(self.post(CHAT, other)), "miss", other)
        self.assertEqual(self.said(self.post(CHAT, base, {"openai-beta": "x=1"})), "miss")

    def test_what_is_not_deterministic_passes_by(self):
        for body in (chat_body("t"), chat_body("t", temperature=0.7), exact("t", n=2),
                     exact("t", tools=[{"type": "web_search"}])):
            for _ in range(2):
                self.assertIn(self.said(self.post(CHAT, body)), ("bypass", None), body)
        self.assertEqual(self.calls(), 8)

    def test_a_ttl_of_the_callers_own_keeps_it_all_the_same(self):
        head = {"x-farebox-cache": "ttl=60"}
        self.assertEqual(self.said(self.post(CHAT, chat_body("mine"), head)), "miss")
        reply = self.post(CHAT, chat_body("mine"), head)
        self.assertEqual(self.said(reply), "hit")
        self.assertRegex(reply.header("cache-status"), "ttl=(60|59|58)$")
        self.assertIsNone(self.mock.requests()[0].header("x-farebox-cache"))

    def test_truncated_refused_and_failed_answers_are_not_kept(self):
        refusal = {"id": "c", "object": "chat.completion", "model": "gpt-4.1-mini", "choices": [
            {"index": 0, "finish_reason": "stop",
             "message": {"role": "assistant", "content": None, "refusal": "I won't"}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        for behaviour, body in (
                ({"status": 500}, exact("a")), ({"status": 429}, exact("b")),
                ({"output_tokens": 50}, exact("c", max_tokens=3)),      # finish_reason: length
                ({"body": json.dumps(refusal), "content_type": "application/json"}, exact("d")),
                ({"cut_bytes": 100, "cut": "reset"}, exact("e"))):
            self.mock.clear()
            self.mock.rule(behaviour)
            try:
                self.post(CHAT, body)
            except OSError:
                pass
            self.mock.clear()
            self.assertEqual(self.said(self.post(CHAT, body)), "miss", behaviour)
            self.assertEqual(self.calls(), 1)

    def test_pages_and_packed_answers_are_not_kept(self):
        html = "<html>Sign in</html>"
        for behaviour, path, body in (
                ({"body": html, "content_type": "text/html"}, EMBED, {"model": "m", "input": "a"}),
                ({"body": "{}", "content_type": "application/json"}, EMBED, {"model": "m", "input": "b"}),
                ({"body": '{"data":[]}', "content_type": "application/json"}, EMBED,
                 {"model": "m", "input": "c"}),
                ({"body": html, "content_type": "text/html"}, "/v1/moderations", {"input": "d"}),
                ({"encoding": "gzip"}, CHAT, exact("packed"))):
            self.mock.clear()
            self.mock.rule(behaviour)
            self.post(path, body)
            self.assertEqual(self.said(self.post(path, body)), "miss", behaviour)

    def test_responses_repeat_metadata_so_it_sets_them_apart(self):
        ask = {"model": "gpt-4.1-mini", "input": "echo", "temperature": 0}
        self.post("/v1/responses", dict(ask, metadata={"customer": "alice"}))
        self.assertEqual(self.said(self.post("/v1/responses", dict(ask, metadata={"customer": "bob"}))), "miss")
        self.assertEqual(self.said(self.post("/v1/responses", dict(ask, metadata={"customer": "bob"}))), "hit")

    def test_parameters_of_any_name_set_answers_apart(self):
        self.post(EMBED + "?author=a", {"model": "m", "input": "x"})
        self.assertEqual(self.said(self.post(EMBED + "?author=b", {"model": "m", "input": "x"})), "miss")

    def test_what_the_caller_may_say(self):
        body = exact("control")
        only = self.post(CHAT, body, {"x-farebox-cache": "only"})
        self.assertEqual((only.status, only.json()["error"]["code"]), (504, "not_cached"))
        self.assertEqual(only.header("x-should-retry"), "false")
        self.assertEqual(self.said(self.post(CHAT, body, {"x-farebox-cache": "bypass"})), "bypass")
        self.assertEqual(self.said(self.post(CHAT, body)), "miss")
        self.assertEqual(self.post(CHAT, body, {"x-farebox-cache": "only"}).status, 200)
        self.assertEqual(self.said(self.post(CHAT, body, {"x-farebox-cache": "bypass"})), "bypass")
        before = self.calls()
        self.assertEqual(self.said(self.post(CHAT, body, {"x-farebox-cache": "refresh"})), "miss")
        self.assertEqual(self.calls(), before + 1)
        self.assertEqual(self.said(self.post(CHAT, body)), "hit")
        wrong = self.post(CHAT, body, {"x-farebox-cache": "sometimes"})
        self.assertEqual(wrong.status, 400)
        self.assertIn("x-farebox-cache", wrong.json()["error"]["message"])

    def test_an_answer_ends_with_its_ttl(self):
        head = {"x-farebox-cache": "ttl=1"}
        body = exact("short")
        self.post(CHAT, body, head)
        self.assertEqual(self.said(self.post(CHAT, body, head)), "hit")
        wait_until(lambda: self.said(self.post(CHAT, body, head)) == "miss", 5)

    def test_http_1_0_gets_no_chunks(self):
        body = exact("old", stream=True)
        self.post(CHAT, body)
        with self.connect() as old:
            old.send(b"POST %s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (CHAT.encode(), len(json.dumps(body)), json.dumps(body).encode()))
            self.assertNotEqual(old.response("POST").framing, "chunked")

    def test_figures(self):
        self.invalidate(pattern="*")
        before = self.stats()
        self.post(CHAT, exact("figures"))
        for _ in range(3):
            self.post(CHAT, exact("figures"))
        after = self.stats()
        self.assertEqual(after["hits"] - before["hits"], 3)
        self.assertEqual(after["misses"] - before["misses"], 1)
        self.assertEqual(after["memory"]["entries"], 1)
        self.assertGreater(after["bytes"], 0)
        self.assertGreater(float(after["savedUsd"]), float(before["savedUsd"]))
        self.assertEqual(after["topByHits"][0]["name"].split("/")[0], "openai")
        self.assertGreaterEqual(self.farebox.metric("farebox_cache_requests_total", result="hit"), 3)
        self.assertGreater(self.farebox.metric("farebox_cache_bytes", tier="memory"), 0)


class WhatIsForgotten(Cached):
    def test_by_key_pattern_tags_and_dependency(self):
        def fill():
            self.post(CHAT, exact("a"), {"x-farebox-cache": "tags=red,green"})
            self.post(CHAT, exact("b"), {"x-farebox-cache": "tags=green; depends-on=doc-1"})
            self.post(EMBED, {"model": "text-embedding-3-small", "input": "c"})

        def kept():
            only = {"x-farebox-cache": "only"}
            return [self.post(CHAT, exact("a"), only).status == 200,
                    self.post(CHAT, exact("b"), only).status == 200,
                    self.post(EMBED, {"model": "text-embedding-3-small", "input": "c"},
                              only).status == 200]
        fill()
        self.assertEqual(kept(), [True, True, True])
        self.assertEqual(self.invalidate(tags=["red"]), 1)
        self.assertEqual(kept(), [False, True, True])
        fill()
        self.assertEqual(self.invalidate(tags="green"), 2)
        self.assertEqual(kept(), [False, False, True])
        fill()
        self.assertEqual(self.invalidate(dependsOn="doc-1"), 1)
        self.assertEqual(kept(), [True, False, True])
        fill()
        self.assertEqual(self.invalidate(pattern="openai/embeddings/*"), 1)
        self.assertEqual(kept(), [True, True, False])
        key = next(a["key"] for a in self.stats()["topByHits"] if "chat" in a["name"])
        self.assertEqual(self.invalidate(key=key), 1)
        self.assertEqual(self.invalidate(pattern="*"), 1)
        self.assertEqual(kept(), [False, False, False])

    def test_mistakes_are_told(self):
        for body in ({}, {"nonsense": 1}, {"key": "xyz"}, {"tags": [1]}, {"pattern": ["a", "b"]}):
            reply = self.farebox.admin("POST", "/api/cache/invalidate",
                                       {"content-type": "application/json"}, body)
            self.assertEqual(reply.status, 400, body)


class Stale(Cached):
    CACHE = {"ttl": "1s", "stale_while_revalidate": "60s", "stale_if_error": "60s"}

    def test_an_old_answer_is_given_and_made_new_behind_it(self):
        body = exact("swr")
        self.post(CHAT, body)
        time.sleep(1.1)
        old = self.post(CHAT, body)
        self.assertEqual(self.said(old), "hit")
        self.assertRegex(old.header("cache-status"), r"ttl=-\d")
        wait_until(lambda: self.calls() == 2)
        wait_until(lambda: not self.post(CHAT, body).header("cache-status").split("ttl=")[1]
                   .startswith("-"))


class StaleOnError(Cached):
    CACHE = {"ttl": "1s", "stale_if_error": "60s"}

    def test_an_old_answer_is_better_than_an_error(self):
        body = exact("sie")
        first = self.post(CHAT, body)
        time.sleep(1.1)
        self.mock.rule({"status": 503})
        old = self.post(CHAT, body)
        self.assertEqual((old.status, self.said(old)), (200, "hit"))
        self.assertEqual(old.body, first.body)
        record = self.farebox.record_of(old)
        self.assertEqual([a["status"] for a in record["attempts"]], [503])
        self.mock.clear()
        self.assertEqual(self.said(self.post(CHAT, body)), "miss")

    def test_nothing_is_made_up_where_there_is_none(self):
        self.mock.rule({"status": 503})
        self.assertEqual(self.post(CHAT, exact("none")).status, 503)


class OnOpenBreaker(Cached):
    @classmethod
    def config(cls):
        each = {"retry": {"max_attempts": 1},
                "circuit_breaker": {"failure_threshold": 2, "reset_timeout": "60s",
                                    "serve_stale_on_open": True}}
        return {"providers": providers(cls.mock, each=each), "cache": {"ttl": "1s"}}

    def test_old_answers_while_the_breaker_is_open(self):
        body = exact("breaker")
        self.post(CHAT, body)
        time.sleep(1.1)
        self.mock.rule({"status": 500})
        self.assertEqual([self.post(CHAT, body).status for _ in range(2)], [500, 500])
        old = self.post(CHAT, body)
        self.assertEqual((old.status, self.said(old)), (200, "hit"))
        other = self.post(CHAT, exact("never asked"))
        self.assertEqual((other.status, other.json()["error"]["code"]), (503, "circuit_open"))


class Everything(Cached):
    CACHE = {"deterministic_only": False}

    def test_everything_with_deterministic_only_false(self):
        body = chat_body("anything", temperature=1)
        self.assertEqual(self.said(self.post(CHAT, body)), "miss")
        self.assertEqual(self.said(self.post(CHAT, body)), "hit")


class Routes(Cached):
    @classmethod
    def config(cls):
        return dict(super().config(), routes=[
            {"model": "gpt-4o", "targets": [{"provider": "openai"}], "cache": {"enabled": False}},
            {"model": "gpt-4.1", "targets": [{"provider": "openai"}],
             "cache": {"deterministic_only": False, "ttl": "5m"}}])

    def test_a_route_says_otherwise(self):
        for _ in range(2):
            self.assertIsNone(self.said(self.post(CHAT, exact("r", model="gpt-4o"))))
        body = chat_body("r", model="gpt-4.1")
        self.assertEqual(self.said(self.post(CHAT, body)), "miss")
        reply = self.post(CHAT, body)
        self.assertEqual(self.said(reply), "hit")
        self.assertRegex(reply.header("cache-status"), "ttl=(300|299|298)$")


class Off(FareboxTest):
    def test_without_a_cache_nothing_is_said_of_one(self):
        only = self.post(CHAT, exact(), {"x-farebox-cache": "only"})
        self.assertEqual((only.status, only.json()["error"]["code"]), (504, "not_cached"))
        self.assertEqual(self.mock.requests(), [])
        reply = self.post(CHAT, exact())
        self.assertIsNone(reply.header("x-farebox-cache"))
        self.assertIsNone(self.farebox.record_of(reply)["cache"])
        self.assertEqual(self.farebox.admin_json("/api/cache/stats")["enabled"], False)
        self.assertEqual(self.farebox.admin("POST", "/api/cache/invalidate",
                                            {"content-type": "application/json"},
                                            {"pattern": "*"}).status, 409)


class OverRestarts(unittest.TestCase):
    def test_answers_outlive_the_program_and_a_kill(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        directory = tempfile.TemporaryDirectory(prefix="farebox-cache-")
        self.addCleanup(directory.cleanup)
        config = {"providers": providers(mock), "cache": {"ttl": "1h"}}

        def start():
            farebox = Farebox(config, directory=directory.name)
            self.addCleanup(lambda: farebox.is_running() and farebox.stop())
            return farebox

        def hits(farebox):
            return sum(fetch(farebox.port, "POST", CHAT, (), exact("kept %d" % i))
                       .header("x-farebox-cache") == "hit" for i in range(20))

        farebox = start()
        self.assertEqual(hits(farebox), 0)
        farebox.stop()
        farebox = start()
        self.assertEqual(hits(farebox), 20)
        farebox.send_signal(signal.SIGKILL)
        farebox.wait()
        farebox = start()
        self.assertEqual(hits(farebox), 20)
        # What is invalidated while nothing is kept on disk is gone from there too.
        farebox.stop()
        memory = Farebox(dict(config, cache={"ttl": "1h", "disk": 0}), directory=directory.name)
        self.addCleanup(lambda: memory.is_running() and memory.stop())
        memory.stop()
        farebox = start()
        self.assertEqual((hits(farebox), hits(farebox)), (0, 20))
        # A damaged database is set aside, and the program goes on without what it held.
        farebox.send_signal(signal.SIGKILL)
        farebox.wait()
        place = os.path.join(farebox.data_dir, "cache")
        for name in os.listdir(place):
            if name.startswith(("MANIFEST", "CURRENT")):
                with open(os.path.join(place, name), "wb") as f:
                    f.write(b"not what it was")
        farebox = start()
        self.assertEqual((hits(farebox), hits(farebox)), (0, 20))
        self.assertTrue(farebox.log(level="warn"), "it is told")


class MoneyAndLimits(Cached):
    @classmethod
    def config(cls):
        return dict(super().config(),
                    budgets=[{"name": "small", "scope": {"project": "poor"}, "period": "total",
                              "limit_usd": "0.00004"}],
                    rate_limits=[{"scope": {"project": "slow"}, "requests_per_minute": 3}])

    def test_hits_cost_budgets_nothing(self):
        head = {"x-farebox-project": "poor"}
        body = exact("money", max_tokens=10)
        self.assertEqual(self.post(CHAT, body, head).status, 200)
        spent = self.farebox.admin_json("/api/budgets")["budgets"][0]["currentSpendUsd"]
        for _ in range(30):
            self.assertEqual(self.said(self.post(CHAT, body, head)), "hit")
        self.assertEqual(self.farebox.admin_json("/api/budgets")["budgets"][0]["currentSpendUsd"], spent)
        # Nothing is left for another call, and what was paid for is given all the same.
        statuses = {self.post(CHAT, exact("more %d" % i, max_tokens=10), head).status
                    for i in range(10)}
        self.assertIn(429, statuses)
        self.assertEqual(self.post(CHAT, body, head).status, 200)

    def test_hits_count_as_requests(self):
        head = {"x-farebox-project": "slow"}
        replies = [self.post(CHAT, exact("limits"), head) for _ in range(5)]
        self.assertEqual([r.status for r in replies], [200, 200, 200, 429, 429])
        self.assertEqual(self.said(replies[2]), "hit")


class Warm(Cached):
    def test_a_list_is_asked_for_before_anybody_waits(self):
        lines = "\n".join(json.dumps({"path": CHAT, "body": exact("warm %d" % i)}) for i in range(5))
        reply = self.farebox.admin("POST", "/api/cache/warm?perSecond=100",
                                   {"content-type": "application/x-ndjson"}, lines.encode())
        self.assertEqual(reply.status, 202, reply.text)
        wait_until(lambda: not self.farebox.admin_json("/api/cache/warm")["running"])
        self.assertEqual(self.farebox.admin_json("/api/cache/warm"),
                         {"running": False, "total": 5, "done": 5, "hits": 0, "failed": 0,
                          "lastFailureStatus": None})
        self.assertEqual(self.calls(), 5)
        for i in range(5):
            self.assertEqual(self.said(self.post(CHAT, exact("warm %d" % i))), "hit")

    def test_hostile_lists(self):
        head = {"content-type": "application/json"}
        deep = b'{"requests":[{"path":"%s","body":{"a":%s%s}}]}' % (CHAT.encode(), b"[" * 50000, b"]" * 50000)
        for body in (deep, b"[" * 100000, b'{"requests":' + b"[" * 100000,
                     {"requests": [{"path": "v1", "body": {}}]}, {"requests": [{"path": "/a b", "body": {}}]},
                     {"requests": [{"path": CHAT, "body": {}, "headers": {"a": "b\r\nc: d"}}]},
                     {"requests": [{"path": CHAT, "body": {}, "headers": {"Content-Length": "3"}}]},
                     {"requests": []}, {"requests": [1]}, {"repeated": -1}):
            self.assertEqual(self.farebox.admin("POST", "/api/cache/warm", head, body).status, 400)
        # A body goes as it was written: 0.70 is another call than 0.7.
        line = b'{"path":"%s","body":{"model":"gpt-4.1-mini","temperature":0, "top_p":0.70,"messages":[]}}' % CHAT.encode()
        self.farebox.admin("POST", "/api/cache/warm", {"content-type": "application/x-ndjson"}, line)
        wait_until(lambda: not self.farebox.admin_json("/api/cache/warm")["running"])
        self.assertIn(b'"top_p":0.70', self.seen().body)

    def test_what_is_asked_most_often_is_asked_again_after_it_was_forgotten(self):
        head = {"x-farebox-project": "often", "x-farebox-cache": "tags=mine"}
        for _ in range(3):
            self.post(CHAT, exact("often"), head)
        self.post(CHAT, exact("once"), head)
        self.assertGreaterEqual(self.invalidate(tags="mine"), 2)
        self.mock.clear()
        reply = self.farebox.admin("POST", "/api/cache/warm", {"content-type": "application/json"},
                                   {"repeated": 50, "perSecond": 100})
        self.assertEqual(reply.status, 202, reply.text)
        wait_until(lambda: not self.farebox.admin_json("/api/cache/warm")["running"])
        asked = [r.json()["messages"][0]["content"] for r in self.mock.requests()]
        self.assertIn("often", asked)
        self.assertNotIn("once", asked)
        self.assertEqual(self.said(self.post(CHAT, exact("often"), head)), "hit")
        self.assertEqual(self.invalidate(tags="mine"), 1, "with the tags it had")


if __name__ == "__main__":
    unittest.main()
