"""What a provider says of asking it again, in its TLS, its headers and its errors."""

import json
import time
import unittest

from certificates import Certificates
from harness import (CHAT, Farebox, FareboxTest, GENERATE, chat_body, fetch, generate_body, providers,
                     wait_until)
from hostile_upstream import Upstream, answer_of
from test_bad_certificates import server_context
from wire import request_octets

QUICK = {"max_attempts": 3, "base_delay": "10ms", "max_delay": "2s", "budget_percent": 1000}
NO_MONEY = json.dumps({"error": {"message": "You exceeded your current quota", "param": None,
                                 "type": "insufficient_quota", "code": "insufficient_quota"}})
NOTHING_LEFT = ["x-ratelimit-limit-requests: 60", "x-ratelimit-remaining-requests: 0",
                "x-ratelimit-reset-requests: 60s"]


def retry_info(delay):
    return json.dumps({"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]}})


class Words(FareboxTest):
    @classmethod
    def config(cls):
        each = {"retry": QUICK, "circuit_breaker": {"enabled": False}}
        probe = {"failure_threshold": 1, "half_open_requests": 1, "reset_timeout": "1s"}
        return {"providers": providers(
            cls.mock, each=each, two={"api_keys": ["sk-first", "sk-second"]},
            paced={"api_keys": ["sk-only"]}, hasty={"api_keys": ["sk-only"], "concurrency": {"max_wait": "200ms"}},
            probed={"circuit_breaker": probe, "retry": {"max_attempts": 1}})}

    def keys(self):
        return [seen.header("authorization") for seen in self.mock.requests()]

    def test_without_money_another_key_is_asked_and_the_first_rests(self):
        self.mock.rule({"status": 429, "body": NO_MONEY, "content_type": "application/json",
                        "headers": ["x-should-retry: false"]}, times=1)
        reply = self.post("/two" + CHAT, chat_body())
        self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "2"))
        first, second = self.keys()
        self.assertNotEqual(first, second)
        for _ in range(3):
            self.assertEqual(self.post("/two" + CHAT, chat_body()).status, 200)
        self.assertEqual(set(self.keys()[1:]), {second})

    def test_without_money_and_another_key_nobody_is_asked_again(self):
        self.mock.rule({"status": 429, "body": NO_MONEY, "content_type": "application/json"})
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, reply.text, len(self.mock.requests())), (429, NO_MONEY, 1))

    def test_geminis_retry_delay_is_a_retry_after(self):
        self.mock.rule({"status": 429, "body": retry_info("0.7s"), "content_type": "application/json"}, times=1)
        began = time.monotonic()
        reply = self.post(GENERATE, generate_body())
        self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "2"))
        self.assertGreaterEqual(time.monotonic() - began, 0.7)
        # More patience than max_delay isn't waited for.
        self.mock.clear()
        self.mock.rule({"status": 429, "body": retry_info("37s"), "content_type": "application/json"})
        reply = self.post(GENERATE, generate_body())
        self.assertEqual((reply.status, reply.text, len(self.mock.requests())), (429, retry_info("37s"), 1))

    def test_a_single_key_waits_for_its_turn(self):
        self.mock.rule({"headers": NOTHING_LEFT}, times=1)
        self.assertEqual(self.post("/paced" + CHAT, chat_body()).status, 200)
        other = time.monotonic()
        self.assertEqual(self.post("/paced" + CHAT, chat_body(model="gpt-4.1")).status, 200)
        self.assertLess(time.monotonic() - other, 0.9, "another model isn't used up")
        began = time.monotonic()
        self.assertEqual(self.post("/paced" + CHAT, chat_body()).status, 200)
        self.assertGreater(time.monotonic() - began, 0.3)

    def test_a_turn_that_comes_too_late_is_refused_with_the_wait(self):
        self.mock.rule({"headers": NOTHING_LEFT}, times=1)
        self.assertEqual(self.post("/hasty" + CHAT, chat_body()).status, 200)
        reply = self.post("/hasty" + CHAT, chat_body())
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (429, "rate_limit_exceeded"), reply.text)
        self.assertIn("nothing is left", reply.json()["error"]["message"])
        wait = int(reply.header("retry-after-ms")) / 1000
        self.assertTrue(0 < wait <= 1, wait)
        self.assertEqual(len(self.mock.requests()), 1)
        time.sleep(wait)
        self.assertEqual(self.post("/hasty" + CHAT, chat_body()).status, 200)

    def test_a_probe_whose_client_left_gives_its_place_to_others(self):
        self.mock.rule({"status": 500}, times=1)
        self.assertEqual(self.post("/probed" + CHAT, chat_body()).status, 500)
        time.sleep(2.1)
        # A whole call is read on for the money's sake, but proves nothing for so long.
        self.mock.rule({"delay_head_ms": 20000}, times=1)
        client = self.connect()
        client.send(request_octets("POST", "/probed" + CHAT, (), chat_body()))
        wait_until(lambda: len(self.mock.requests()) == 2)
        client.close()
        self.assertEqual(self.post("/probed" + CHAT, chat_body()).status, 503)
        time.sleep(1.3)
        self.assertEqual(self.post("/probed" + CHAT, chat_body()).status, 200)


class RefusedCertificates(unittest.TestCase):
    def test_one_is_not_asked_again_but_another_provider_is(self):
        files = Certificates()
        bad = Upstream(lambda *_: (answer_of(b"{}"), True),
                       wrap=lambda raw: server_context(files, "expired", None, None).wrap_socket(raw, server_side=True))
        good = Upstream(lambda *_: (answer_of(b'{"usage":{}}'), True))
        entry = {"dialect": "openai", "retry": QUICK}
        farebox = Farebox({
            "providers": {"bad": dict(entry, base_url="https://localhost:%d" % bad.port, ca_file=files.file("ca.pem")),
                          "good": dict(entry, base_url=good.url)},
            "routes": [{"model": "routed", "targets": [{"provider": "bad"}], "fallbacks": [{"provider": "good"}]}]})
        try:
            reply = fetch(farebox.port, "POST", "/bad" + CHAT, (), chat_body())
            self.assertEqual((reply.status, reply.header("x-should-retry")), (502, "false"))
            self.assertIn("expired", reply.json()["error"]["message"])
            self.assertEqual(len(farebox.record_of(reply)["attempts"]), 1)
            reply = fetch(farebox.port, "POST", CHAT, (), chat_body(model="routed"))
            self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "good"))
            self.assertEqual([a["provider"] for a in farebox.record_of(reply)["attempts"]], ["bad", "good"])
        finally:
            farebox.stop()
            bad.close()
            good.close()
            files.cleanup()


if __name__ == "__main__":
    unittest.main()
