"""What is tried again, how often, and what never is."""

import time
import unittest

from harness import CHAT, MESSAGES, FareboxTest, chat_body, messages_body, providers

QUICK = {"max_attempts": 3, "base_delay": "10ms", "max_delay": "2s", "budget_percent": 1000}


class Retries(FareboxTest):
    @classmethod
    def config(cls):
        table = providers(cls.mock, each={"retry": QUICK, "circuit_breaker": {"enabled": False}})
        table["nobody"] = {"dialect": "openai", "base_url": "http://127.0.0.1:1", "retry": QUICK,
                           "circuit_breaker": {"enabled": False}}
        return {"providers": table}

    def test_a_failure_of_the_provider_is_tried_again(self):
        for status in (429, 500, 502, 503, 504, 529):
            self.mock.clear()
            self.mock.rule({"status": status}, times=2)
            reply = self.post(CHAT, chat_body())
            self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "3"), status)
            record = self.farebox.record_of(reply)
            self.assertEqual([a["status"] for a in record["attempts"]], [status, status, 200])
            self.assertEqual([a["costUsd"] for a in record["attempts"][:2]], ["0", "0"])
            self.assertFalse(record["estimated"])

    def test_attempts_have_an_end_and_the_last_answer_passes(self):
        self.mock.rule({"status": 503})
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, len(self.mock.requests())), (503, 3))
        self.assertIn("the mock was told to fail", reply.text)
        self.assertEqual(len(self.farebox.record_of(reply)["attempts"]), 3)

    def test_a_mistake_of_the_caller_is_not_tried_again(self):
        for status in (400, 401, 403, 404, 413, 422):
            self.mock.clear()
            self.mock.rule({"status": status})
            self.assertEqual(self.post(CHAT, chat_body()).status, status)
            self.assertEqual(len(self.mock.requests()), 1)

    def test_nothing_is_repeated_once_an_octet_reached_the_client(self):
        self.mock.rule({"cut_chunks": 3, "delay_chunk_ms": 5})
        reply = self.post(MESSAGES, messages_body(stream=True))
        self.assertFalse(reply.complete)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_a_reset_before_the_answer_is_repeated_and_may_be_billed(self):
        self.mock.rule({"cut_wire": 0, "cut": "reset"}, times=1)
        reply = self.post(CHAT, chat_body(max_tokens=10), {"connection": "close"})
        self.assertEqual((reply.status, reply.header("x-farebox-attempts")), (200, "2"))
        record = self.farebox.record_of(reply)
        self.assertEqual([s.outcome for s in self.mock.requests()], ["cut", "whole"])
        self.assertEqual(record["outcome"], "ok")

    def test_what_may_have_worked_is_not_done_twice(self):
        """Files and batches are things a provider keeps."""
        self.mock.rule({"status": 500})
        reply = self.post("/v1/batches", {"input_file_id": "file-1"})
        self.assertEqual((reply.status, len(self.mock.requests())), (500, 1))

    def test_nobody_there_is_asked_again_whatever_is_asked(self):
        for target in ("/nobody" + CHAT, "/nobody/v1/batches"):
            reply = self.post(target, chat_body())
            self.assertEqual((reply.status, reply.json()["error"]["code"]),
                             (502, "upstream_unreachable"))
            self.assertEqual(len(self.farebox.record_of(reply)["attempts"]), 3)

    def test_the_providers_retry_after_is_the_least(self):
        self.mock.rule({"status": 429, "headers": ["retry-after-ms: 400"]}, times=1)
        begun = time.monotonic()
        self.assertEqual(self.post(CHAT, chat_body()).status, 200)
        self.assertGreater(time.monotonic() - begun, 0.39)

    def test_who_asks_for_more_than_max_delay_is_not_waited_for(self):
        self.mock.rule({"status": 429, "headers": ["retry-after: 30"]}, times=1)
        begun = time.monotonic()
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, reply.header("retry-after")), (429, "30"))
        self.assertLess(time.monotonic() - begun, 5)

    def test_x_should_retry_is_obeyed(self):
        self.mock.rule({"status": 503, "headers": ["x-should-retry: false"]}, times=1)
        self.assertEqual(self.post(CHAT, chat_body()).status, 503)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_the_clients_patience_bounds_everything(self):
        self.mock.rule({"status": 503, "headers": ["retry-after-ms: 1500"]})
        for field in ({"x-stainless-read-timeout": "1"}, {"x-farebox-timeout": "1s"}):
            begun = time.monotonic()
            self.assertEqual(self.post(CHAT, chat_body(), field).status, 503)
            self.assertLess(time.monotonic() - begun, 1.2)
        self.mock.clear()
        self.mock.rule({"delay_head_ms": 5000})
        begun = time.monotonic()
        reply = self.post(CHAT, chat_body(), {"x-stainless-read-timeout": "0.5"})
        self.assertEqual(reply.status, 504)
        self.assertLess(time.monotonic() - begun, 2)

    def test_a_client_that_leaves_ends_the_waiting(self):
        self.mock.rule({"status": 503, "headers": ["retry-after-ms: 1900"]})
        connection = self.connect()
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        time.sleep(0.3)
        connection.close()
        time.sleep(2.2)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_retries_are_counted(self):
        before = self.farebox.metric("farebox_retries_total", provider="openai",
                                     reason="overloaded") or 0
        self.mock.rule({"status": 503}, times=2)
        self.post(CHAT, chat_body())
        after = self.farebox.metric("farebox_retries_total", provider="openai", reason="overloaded")
        self.assertEqual(after - before, 2)


class RetryBudget(FareboxTest):
    @classmethod
    def config(cls):
        retry = {"max_attempts": 10, "base_delay": "1ms", "max_delay": "2ms"}
        return {"providers": providers(cls.mock, each={"retry": retry,
                                                       "circuit_breaker": {"enabled": False}})}

    def test_a_provider_that_is_down_gets_no_storm(self):
        """Default: a fifth more than the calls there are."""
        self.mock.rule({"status": 500})
        for _ in range(100):
            self.assertEqual(self.post(CHAT, chat_body()).status, 500)
        self.assertLessEqual(len(self.mock.requests()), 100 + 20 + 2)


if __name__ == "__main__":
    unittest.main()
