"""Identical calls that run at once are one at the provider (single flight)."""

import collections
import json
import threading
import time
import unittest

import crowd
from farebox_process import wait_until
from harness import CHAT, FareboxTest, chat_body, providers


def exact(text, **more):
    return chat_body(text, temperature=0, **more)


class Merged(FareboxTest):
    MORE = {}

    @classmethod
    def config(cls):
        table = providers(cls.mock)
        table["narrow"] = dict(table["openai"], concurrency={"max": 1, "queue": 9, "max_wait": "10s"})
        return dict({"providers": table, "threads": 3,
                     "cache": {"ttl": "1h", "disk": 0}}, **cls.MORE)

    def together(self, count, body, **behaviour):
        self.mock.rule(dict({"delay_head_ms": 400}, **behaviour))
        calls = [crowd.Call(CHAT, body) for _ in range(count)]
        crowd.at_once(self.farebox.port, calls)
        return calls

    def leads(self, body, receive_buffer=None, **headers):
        """A client whose call the provider has: whoever asks the same now finds it running."""
        client = self.connect(receive_buffer=receive_buffer) if receive_buffer else self.connect()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        client.ask("POST", CHAT, dict({"content-type": "application/json"}, **headers), body)
        wait_until(lambda: len(self.mock.requests()) == 1)
        return client

    def said(self, calls):
        return collections.Counter(c.answer.header("x-farebox-cache") for c in calls)


class AtOnce(Merged):
    def test_a_thousand_whole_calls_are_one(self):
        calls = self.together(1000, exact("whole"))
        self.assertEqual({c.status for c in calls}, {200})
        self.assertEqual(len(self.mock.requests()), 1)
        self.assertEqual(len({c.answer.body for c in calls}), 1)
        said = self.said(calls)
        self.assertEqual(said["miss"], 1)
        self.assertEqual(said["coalesced"] + said["hit"], 999)
        self.assertGreater(said["coalesced"], 500)
        one = next(c for c in calls if c.answer.header("x-farebox-cache") == "coalesced")
        record = self.farebox.record_of(one.answer)
        self.assertEqual((record["cache"], record["costUsd"], record["outcome"]),
                         ("coalesced", "0", "ok"))
        lead = next(c for c in calls if c.answer.header("x-farebox-cache") == "miss")
        self.assertEqual(record["savedUsd"], self.farebox.record_of(lead.answer)["costUsd"])

    def test_a_thousand_streams_are_one(self):
        calls = self.together(1000, exact("stream", stream=True), delay_chunk_ms=30)
        self.assertEqual({c.status for c in calls}, {200})
        self.assertTrue(all(c.answer.complete for c in calls))
        self.assertEqual(len(self.mock.requests()), 1)
        self.assertEqual(len({c.answer.body for c in calls}), 1)
        self.assertEqual(self.said(calls)["miss"], 1)

    def test_the_leaders_own_time_is_not_that_of_its_followers(self):
        """It waited for the provider's slot no longer than it said, and all with it were refused."""
        self.mock.rule({"delay_head_ms": 1500}, times=1)
        busy = self.connect()
        busy.ask("POST", "/narrow" + CHAT, {"content-type": "application/json"}, exact("busy"))
        wait_until(lambda: len(self.mock.requests()) == 1)
        body = exact("followed")
        leader = self.connect()
        leader.ask("POST", "/narrow" + CHAT,
                   {"content-type": "application/json", "x-farebox-timeout": "500ms"}, body)
        wait_until(lambda: self.farebox.metric("farebox_queue_depth", provider="narrow") == 1)
        follower = self.post("/narrow" + CHAT, body)
        self.assertEqual(leader.response("POST").status, 503)
        self.assertEqual(follower.status, 200)
        self.assertEqual(busy.response("POST").status, 200)

    def test_a_late_joiner_gets_the_stream_from_its_first_octet_while_it_runs(self):
        self.mock.rule({"delay_chunk_ms": 150, "output_tokens": 10})
        body = exact("late", stream=True)
        first = self.leads(body)
        time.sleep(0.5)  # while a few events come
        began = time.monotonic()
        late = self.post(CHAT, body)
        self.assertEqual(late.header("x-farebox-cache"), "coalesced")
        self.assertLess(late.chunks[0][1] - began, 0.14, "what was there came at once")
        self.assertGreater(late.chunks[-1][1] - late.chunks[0][1], 0.4, "the rest as it was made")
        self.assertEqual(first.response("POST").body, late.body)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_what_differs_is_not_merged(self):
        self.mock.rule({"delay_head_ms": 300})
        calls = [crowd.Call(CHAT, exact("x %d" % (i % 7))) for i in range(70)]
        crowd.at_once(self.farebox.port, calls)
        self.assertEqual(len(self.mock.requests()), 7)

    def test_not_cacheable_calls_are_not_merged(self):
        self.together(20, chat_body("warm words", temperature=1))
        self.assertEqual(len(self.mock.requests()), 20)

    def test_errors_of_the_provider_are_shared(self):
        calls = self.together(50, exact("bad"), status=400)
        self.assertEqual({c.status for c in calls}, {400})
        self.assertEqual(len(self.mock.requests()), 1)
        self.assertEqual(self.post(CHAT, exact("bad")).header("x-farebox-cache"), "miss")

    def test_a_leader_that_leaves_does_not_end_the_others_calls(self):
        for stream in (False, True):
            self.mock.clear()
            self.mock.rule({"delay_head_ms": 300, "delay_chunk_ms": 50, "output_tokens": 10})
            body = exact("leader leaves %s" % stream, stream=stream)
            leader = self.leads(body)
            others = []
            threads = [threading.Thread(target=lambda: others.append(self.post(CHAT, body)))
                       for _ in range(5)]
            for thread in threads:
                thread.start()
            time.sleep(0.35 if stream else 0.1)
            leader.reset()
            for thread in threads:
                thread.join()
            self.assertEqual([r.status for r in others], [200] * 5)
            self.assertTrue(all(r.complete for r in others))
            self.assertEqual(len({r.body for r in others}), 1)
            self.assertEqual(len(self.mock.requests()), 1, "stream: %s" % stream)

    def test_when_all_leave_the_stream_is_cancelled(self):
        self.mock.rule({"delay_chunk_ms": 50, "output_tokens": 200})
        body = exact("all leave", stream=True)
        clients = [self.connect() for _ in range(4)]
        for client in clients:
            client.ask("POST", CHAT, {"content-type": "application/json"}, body)
        time.sleep(0.4)
        for client in clients:
            client.reset()
        wait_until(lambda: [r.outcome for r in self.mock.requests()] == ["peer_left"])

    def test_a_slow_reader_holds_nobody_up(self):
        self.mock.rule({"output_tokens": 6000, "delay_head_ms": 300})
        body = exact("slow reader", stream=True, max_tokens=6000)
        self.leads(body, receive_buffer=4096)
        began = time.monotonic()
        quick = self.post(CHAT, body)
        self.assertTrue(quick.complete)
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_followers_of_a_refusal_hear_when_to_come_back(self):
        calls = self.together(20, exact("limited"), status=429,
                              headers=["retry-after: 7", "x-ratelimit-remaining-requests: 0"])
        self.assertEqual({c.status for c in calls}, {429})
        self.assertEqual({c.answer.header("retry-after") for c in calls}, {"7"})
        self.assertEqual({c.answer.reason for c in calls}, {"Too Many Requests"})

    def test_a_leader_out_of_time_leaves_the_others_theirs(self):
        self.mock.rule({"delay_head_ms": 100, "delay_chunk_ms": 150, "output_tokens": 12})
        body = exact("own time", stream=True)
        self.leads(body, x_farebox_timeout="1s")
        other = self.post(CHAT, body)
        self.assertTrue(other.complete)
        self.assertEqual(other.header("x-farebox-cache"), "coalesced")
        self.assertEqual(len(self.mock.requests()), 1)

    def test_a_follower_of_http_1_0_gets_no_chunks(self):
        self.mock.rule({"delay_chunk_ms": 100, "output_tokens": 8})
        body = json.dumps(exact("old reader", stream=True)).encode()
        self.leads(body)
        with self.connect() as old:
            old.send(b"POST %s HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                     % (CHAT.encode(), len(body), body))
            self.assertNotEqual(old.response("POST").framing, "chunked")

    def test_broken_answers_are_asked_for_side_by_side(self):
        self.mock.rule({"delay_body_ms": 400, "cut_bytes": 30, "cut": "reset"})
        began = time.monotonic()
        calls = [crowd.Call(CHAT, exact("broken")) for _ in range(8)]
        crowd.at_once(self.farebox.port, calls)
        self.assertLess(time.monotonic() - began, 2.0)

    def test_whoever_asks_after_an_invalidation_gets_a_new_answer(self):
        self.mock.rule({"delay_head_ms": 600})
        first = threading.Thread(target=lambda: self.post(CHAT, exact("while it runs")))
        first.start()
        wait_until(lambda: len(self.mock.requests()) == 1)
        self.farebox.admin("POST", "/api/cache/invalidate", {"content-type": "application/json"},
                           {"pattern": "*"})
        self.assertEqual(self.post(CHAT, exact("while it runs")).header("x-farebox-cache"), "miss")
        first.join()
        self.assertEqual(len(self.mock.requests()), 2)

    def test_one_is_charged(self):
        before = float(self.farebox.admin_json("/api/usage")["total"]["costUsd"])
        calls = self.together(40, exact("charged"))
        lead = next(c for c in calls if c.answer.header("x-farebox-cache") == "miss")
        cost = float(self.farebox.record_of(lead.answer)["costUsd"])
        for call in calls:
            self.farebox.record_of(call.answer)
        after = float(self.farebox.admin_json("/api/usage")["total"]["costUsd"])
        self.assertAlmostEqual(after - before, cost, places=12)


class LongAnswers(Merged):
    @classmethod
    def config(cls):
        config = super().config()
        config["cache"]["max_entry"] = "16KiB"
        return config

    def test_a_stream_longer_than_anybody_keeps_ends_well_for_all(self):
        self.mock.rule({"delay_head_ms": 300, "output_tokens": 400, "delay_chunk_ms": 1})
        body = exact("long", stream=True, max_tokens=400)
        calls = [crowd.Call(CHAT, body) for _ in range(6)]
        crowd.at_once(self.farebox.port, calls)
        self.assertTrue(all(c.answer.complete for c in calls))
        self.assertGreater(len(calls[0].answer.body), 16 << 10)
        self.assertEqual(len({c.answer.body for c in calls}), 1)
        self.assertEqual(len(self.mock.requests()), 1)


class Fallbacks(Merged):
    @classmethod
    def config(cls):
        config = super().config()
        config["providers"]["gone"] = {"dialect": "openai", "base_url": "http://127.0.0.1:1",
                                       "retry": {"max_attempts": 1}}
        config["routes"] = [{"model": "gpt-4.1*", "targets": [{"provider": "gone"}],
                             "fallbacks": [{"provider": "openai"}]}]
        return config

    def test_what_a_fallback_answers_is_everybodys(self):
        for stream in (True, False):
            self.mock.clear()
            self.mock.rule({"delay_head_ms": 400, "delay_chunk_ms": 20})
            calls = [crowd.Call(CHAT, exact("outage %s" % stream, stream=stream)) for _ in range(6)]
            crowd.at_once(self.farebox.port, calls)
            self.assertEqual({c.status for c in calls}, {200})
            self.assertTrue(all(c.answer.complete for c in calls))
            self.assertEqual(len(self.mock.requests()), 1)


class ABudgetOfOnesOwn(Merged):
    """The first call's caller has no money; the others' calls go on without it."""
    MORE = {"keys": [
        {"name": "poor", "key_hash": None, "project": "p", "models": ["*"]},
        {"name": "rich", "key_hash": None, "project": "p", "models": ["*"]}]}
    KEYS = {"poor": "fb-" + "p" * 43, "rich": "fb-" + "r" * 43}

    @classmethod
    def config(cls):
        import hashlib
        config = super().config()
        config["keys"] = [dict(k, key_hash="sha256:" + hashlib.sha256(cls.KEYS[k["name"]].encode())
                               .hexdigest()) for k in cls.MORE["keys"]]
        config["cache"]["share"] = "project"
        config["providers"] = providers(cls.mock, each={"circuit_breaker": {"enabled": False},
                                                        "retry": {"max_attempts": 1},
                                                        "api_keys": ["sk-own-" + "x" * 20]})
        config["budgets"] = [{"name": "poor", "scope": {"key": "poor"}, "period": "total",
                              "limit_usd": "0.00000001"}]
        return config

    def test_only_the_poor_are_refused(self):
        self.mock.rule({"delay_head_ms": 300})
        calls = [crowd.Call(CHAT, exact("money"), {"authorization": "Bearer " + self.KEYS[who]})
                 for who in ["poor", "rich"] * 10]
        crowd.at_once(self.farebox.port, calls)
        self.assertEqual({c.status for c in calls[1::2]}, {200})
        self.assertLessEqual(len(self.mock.requests()), 1)


if __name__ == "__main__":
    unittest.main()
