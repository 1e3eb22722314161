"""A provider that fails is left alone, then asked carefully."""

import time
import unittest

from harness import CHAT, FareboxTest, chat_body, providers, wait_until

BREAKER = {"failure_threshold": 3, "reset_timeout": "1s", "half_open_requests": 1}


class Breaker(FareboxTest):
    @classmethod
    def config(cls):
        each = {"retry": {"max_attempts": 1}, "circuit_breaker": BREAKER}
        return {"providers": providers(cls.mock, each=each, cut={}, told={})}

    def open(self, provider="openai"):
        self.mock.rule({"status": 500}, times=3)
        for _ in range(3):
            self.assertEqual(self.post("/" + provider + CHAT, chat_body()).status, 500)

    def state(self, provider):
        rows = self.farebox.admin_json("/api/providers")["providers"]
        return next(row for row in rows if row["name"] == provider)["breaker"]["state"]

    def test_it_opens_says_so_and_closes_again(self):
        self.assertEqual(self.state("openai"), "CLOSED")
        self.open()
        self.assertEqual(self.state("openai"), "OPEN")
        self.assertEqual(self.farebox.metric("farebox_circuit_breaker_state", provider="openai"), 2)
        reply = self.post("/openai" + CHAT, chat_body())
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (503, "circuit_open"))
        self.assertIn(int(reply.header("retry-after")), (1, 2))
        self.assertEqual(len(self.mock.requests()), 3)
        record = self.farebox.record_of(reply)
        self.assertEqual((record["outcome"], record["attempts"]), ("refused", []))
        time.sleep(1.6)
        self.assertEqual(self.post("/openai" + CHAT, chat_body()).status, 200)
        self.assertEqual(self.state("openai"), "CLOSED")
        self.assertEqual(self.farebox.metric("farebox_circuit_breaker_state", provider="openai"), 0)

    def test_paths_that_nobody_knows_open_nothing(self):
        """A probe of cut answers opened the breaker of the models beside it."""
        self.mock.rule({"cut_wire": 30, "cut": "reset"}, times=8)
        for _ in range(8):
            self.post("/azure/never/heard", {})
        self.assertEqual(self.state("azure"), "CLOSED")
        self.assertEqual(self.post("/azure" + CHAT, chat_body()).status, 200)

    def test_somebody_is_told(self):
        def told():
            alerts = self.farebox.admin_json("/api/alerts")["alerts"]
            return [a for a in alerts if a["kind"] == "breaker_open"]
        self.open("told")
        wait_until(lambda: any("told" in str(alert) for alert in told()), 10)
        self.assertEqual(len([a for a in told() if "told" in str(a)]), 1)

    def test_other_providers_are_not_touched(self):
        self.open("probe")
        self.assertEqual(self.post("/azure" + CHAT, chat_body()).status, 200)
        self.assertEqual(self.state("azure"), "CLOSED")

    def test_mistakes_of_callers_and_limits_open_nothing(self):
        for status in (400, 401, 404, 429):
            self.mock.clear()
            self.mock.rule({"status": status})
            for _ in range(8):
                self.assertEqual(self.post("/azure" + CHAT, chat_body()).status, status)
        self.assertEqual(self.state("azure"), "CLOSED")

    def test_streams_that_break_off_count(self):
        self.mock.rule({"cut_chunks": 3, "cut": "reset"}, times=3)
        for _ in range(3):
            self.assertFalse(self.post("/cut" + CHAT, chat_body(stream=True)).complete)
        self.assertEqual(self.post("/cut" + CHAT, chat_body()).status, 503)


class WithFallback(FareboxTest):
    @classmethod
    def config(cls):
        each = {"retry": {"max_attempts": 1}, "circuit_breaker": BREAKER}
        table = providers(cls.mock, each=each)
        table["bad"] = dict(each, dialect="openai", base_url="http://127.0.0.1:1")
        return {"providers": table, "routes": [
            {"model": "gpt-*", "targets": [{"provider": "bad"}],
             "fallbacks": [{"provider": "openai"}]}]}

    def test_an_open_breaker_sends_calls_to_the_fallback_at_once(self):
        tries = []
        for _ in range(8):
            reply = self.post(CHAT, chat_body())
            self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "openai"))
            tries.append(int(reply.header("x-farebox-attempts")))
        self.assertEqual(tries, [2, 2, 2, 1, 1, 1, 1, 1])


if __name__ == "__main__":
    unittest.main()
