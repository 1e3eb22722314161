"""As many calls as a provider takes; the others wait their turn, or are told at once."""

import threading
import time
import unittest

from harness import CHAT, FareboxTest, chat_body, providers, wait_until


class Queue(FareboxTest):
    @classmethod
    def config(cls):
        table = providers(cls.mock)
        table["narrow"] = dict(table["openai"], concurrency={"max": 1, "queue": 2, "max_wait": "10s"})
        table["hasty"] = dict(table["openai"], concurrency={"max": 1, "queue": 9, "max_wait": "300ms"})
        table["none"] = dict(table["openai"], concurrency={"max": 1, "queue": 0})
        return {"providers": table}

    def in_order(self, provider, calls, pause=0.1):
        """Each with its headers, one shortly behind the other; gives (name, status) by end."""
        ended, threads, replies = [], [], {}

        def run(name, headers):
            reply = self.post("/" + provider + CHAT, chat_body(), headers)
            replies[name] = reply
            ended.append((name, reply.status))
        for name, headers in calls:
            threads.append(threading.Thread(target=run, args=(name, headers)))
            threads[-1].start()
            time.sleep(pause)
        for thread in threads:
            thread.join()
        return ended, replies

    def running(self, provider):
        rows = self.farebox.admin_json("/api/providers")["providers"]
        return next(r for r in rows if r["name"] == provider)["calls"]

    def test_calls_wait_for_their_turn_and_the_queue_has_an_end(self):
        self.mock.rule({"delay_head_ms": 700})
        ended, replies = self.in_order("narrow", [(n, {}) for n in "abcd"])
        self.assertEqual(ended[0], ("d", 503))
        self.assertEqual(ended[1:], [("a", 200), ("b", 200), ("c", 200)])
        self.assertEqual(replies["d"].json()["error"]["code"], "overloaded")
        self.assertGreaterEqual(int(replies["d"].header("retry-after")), 1)
        self.assertEqual(replies["d"].header("x-should-retry"), "true")
        self.assertEqual(self.farebox.record_of(replies["d"])["outcome"], "refused")
        self.assertEqual((self.running("narrow")["running"], self.running("narrow")["queued"]), (0, 0))

    def test_who_waits_too_long_is_told(self):
        self.mock.rule({"delay_head_ms": 1200})
        begun = time.monotonic()
        ended, _ = self.in_order("hasty", [("a", {}), ("b", {})])
        self.assertEqual(ended, [("b", 503), ("a", 200)])
        self.assertLess(time.monotonic() - begun, 4)

    def test_no_queue_at_all(self):
        self.mock.rule({"delay_head_ms": 500})
        ended, _ = self.in_order("none", [("a", {}), ("b", {})])
        self.assertEqual(ended, [("b", 503), ("a", 200)])

    def test_high_goes_before_low(self):
        self.mock.rule({"delay_head_ms": 600})
        ended, _ = self.in_order("narrow", [("a", {}), ("low", {"x-farebox-priority": "batch"}),
                                            ("high", {"x-farebox-priority": "high"})])
        self.assertEqual([name for name, _ in ended], ["a", "high", "low"])

    def test_who_leaves_the_queue_takes_no_slot(self):
        self.mock.rule({"delay_head_ms": 800}, times=1)
        first = threading.Thread(target=lambda: self.post("/narrow" + CHAT, chat_body()))
        first.start()
        wait_until(lambda: self.running("narrow")["running"] == 1)
        waits = self.connect()
        waits.ask("POST", "/narrow" + CHAT, (), chat_body())
        wait_until(lambda: self.running("narrow")["queued"] == 1)
        waits.close()
        wait_until(lambda: self.running("narrow")["queued"] == 0)
        first.join()
        self.assertEqual(self.post("/narrow" + CHAT, chat_body()).status, 200)
        self.assertEqual(len(self.mock.requests()), 2)

    def test_a_deadline_that_cannot_be_met_is_told_at_once(self):
        self.mock.rule({"delay_head_ms": 600})
        for _ in range(3):                      # how long calls take is known
            self.post("/narrow" + CHAT, chat_body())
        begun = time.monotonic()
        ended, _ = self.in_order("narrow", [("a", {}), ("b", {}),
                                            ("c", {"x-farebox-timeout": "200ms"})])
        self.assertEqual(ended[0], ("c", 503))
        self.assertLess(time.monotonic() - begun, 6)


if __name__ == "__main__":
    unittest.main()
