"""Faults farebox once had, each with what it did. A fixed bug stays fixed."""

import base64
import json
import threading
import time
import unittest

from harness import CHAT, FareboxTest, chat_body, providers, wait_until

STREAM = chat_body(stream=True)


class OneConnectionForTwoWorkers(FareboxTest):
    """Once, a worker that waited for a connection was never told that another worker's
    had come free: calls got 503 while the connection sat idle."""

    @classmethod
    def config(cls):
        return {"threads": 2, "providers": providers(cls.mock, each={"pool": {"max": 1}})}

    def test_every_call_gets_its_turn(self):
        statuses = []

        def call():
            statuses.append(self.post(CHAT, chat_body(), {"x-mock-delay-head-ms": "150"}).status)

        callers = [threading.Thread(target=call) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual(statuses, [200] * 8)


class ErrorsLeftUnread(FareboxTest):
    """Once, an error whose body the client didn't wait for, as SDKs do before they try
    again, was recorded as the client's leaving."""

    def test_the_provider_failed_first(self):
        for name, body in (("stream", STREAM), ("whole", chat_body())):
            connection = self.connect()
            connection.ask("POST", CHAT, {
                "x-mock-status": "500", "x-mock-framing": "chunked", "x-mock-delay-body-ms": "400",
                "x-farebox-request-id": "left-" + name}, body)
            self.assertEqual(connection.head("POST").status, 500)
            connection.close()
            record = self.farebox.record_of("left-" + name)
            self.assertEqual((record["status"], record["outcome"], record["costUsd"]),
                             (500, "provider_error", "0"), name)


class Ends(FareboxTest):
    def test_an_answer_without_framing_that_breaks_off_is_not_whole(self):
        """Once, a FIN was taken for the end of an answer that only closing ends, and its cost
        left out what was never sent."""
        for name, body in (("stream", STREAM), ("whole", chat_body())):
            request_id = "broken-off-" + name
            try:
                self.post(CHAT, body, {"x-mock-framing": "close", "x-mock-cut": "fin",
                                       "x-mock-cut-bytes": "200", "x-farebox-request-id": request_id})
            except (AssertionError, OSError, ValueError):
                pass    # it looks cut to the client as well
            record = self.farebox.record_of(request_id)
            self.assertEqual((record["outcome"], record["estimated"]), ("upstream_error", True), name)
            self.assertGreaterEqual(record["outputTokens"], 8)

    def test_a_client_that_leaves_behind_the_last_event_had_it_all(self):
        """Once, SDKs that close at [DONE] were recorded as clients that left."""
        body = chat_body(stream=True, stream_options={"include_usage": True})

        def read_to(end, **headers):
            connection = self.connect()
            connection.ask("POST", CHAT, dict(headers, **{"x-mock-framing": "chunked"}), body)
            seen = b""
            while not seen.endswith(end):
                octets = connection.sock.recv(65536)
                self.assertTrue(octets, seen)
                seen += octets
            connection.close()
            return seen.partition(b"\r\n\r\n")[2]

        whole = read_to(b"\r\n0\r\n\r\n")
        # All but the last chunk, and then silence.
        read_to(b"[DONE]\n\n\r\n", **{"x-mock-cut": "hang", "x-mock-cut-bytes": str(len(whole) - 5),
                                       "x-farebox-request-id": "left-at-done"})
        self.assertEqual(self.farebox.record_of("left-at-done")["outcome"], "ok")


class StreamOptions(FareboxTest):
    """Once, any error text with "stream_options" in it, a model's name for example,
    switched exact metering off for everybody until the restart."""

    def test_an_error_that_only_mentions_the_field_proves_nothing(self):
        body = json.dumps({"error": {"message": "no model stream_options-x"}})
        reply = self.post(CHAT, STREAM, {"x-mock-status": "400", "x-mock-body": body})
        self.assertEqual(reply.status, 400)
        record = self.farebox.record_of(self.post(CHAT, STREAM))
        self.assertFalse(record["estimated"])
        self.assertGreater(record["outputTokens"], 0)


class Timeouts(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={
            "retry": {"max_attempts": 1},
            "timeouts": {"connect": "2s", "first_byte": "400ms", "idle": "600ms", "total": "30s"}})}

    def test_a_call_that_was_sent_and_not_answered_is_no_true_zero(self):
        """Once, a call that timed out was recorded as costing exactly nothing."""
        reply = self.post(CHAT, chat_body(), {"x-mock-delay-head-ms": "1500"})
        self.assertEqual(reply.status, 504)
        record = self.farebox.record_of(reply)
        self.assertEqual(record["outcome"], "timeout")
        self.assertTrue(record["estimated"])
        self.assertGreater(record["inputTokens"], 0)
        self.assertNotIn(record["costUsd"], ("0", None))

    def test_a_slow_reader_is_not_a_silent_provider(self):
        """Once, a client that paused longer than the provider's idle timeout was cut and
        the provider was blamed."""
        connection = self.connect()
        body = STREAM if isinstance(STREAM, bytes) else json.dumps(STREAM).encode()
        connection.send(b"POST %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
                        b"x-mock-body-size: 12000000\r\nContent-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(body), body))
        time.sleep(1.5)
        reply = connection.response()
        self.assertTrue(reply.complete)
        self.assertGreaterEqual(len(reply.body), 12000000)


class Waiting(FareboxTest):
    @classmethod
    def config(cls):
        return {"threads": 1, "providers": providers(cls.mock, each={"pool": {"max": 1}})}

    def test_who_leaves_before_anything_was_sent_owes_nothing(self):
        """Once, a client that left while it waited for a connection was still sent to the
        provider, and billed."""
        busy = threading.Thread(
            target=lambda: self.post(CHAT, chat_body(), {"x-mock-delay-head-ms": "800"}))
        busy.start()
        wait_until(lambda: len(self.mock.requests()) == 1)
        body = chat_body() if isinstance(chat_body(), bytes) else json.dumps(chat_body()).encode()
        connection = self.connect()
        connection.send(b"POST %s HTTP/1.1\r\nHost: a.test\r\nx-farebox-request-id: gone\r\n"
                        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (CHAT.encode(), len(body), body))
        time.sleep(0.2)
        connection.close()
        busy.join()
        record = wait_until(lambda: [r for r in self.farebox.records() if r["requestId"] == "gone"])[0]
        self.assertEqual(record["outcome"], "client_closed")
        self.assertEqual(record["costUsd"], "0")
        self.assertEqual(len(self.mock.requests()), 1)


class Repeats(FareboxTest):
    def test_a_post_nobody_knows_is_not_sent_twice(self):
        """Once, any request that met a dead pooled connection was sent again, also one
        that may have changed something (RFC 9110, 9.2.2)."""
        body = {"a": 1}
        self.assertEqual(self.post("/probe/echo/things", body, {"x-mock-stale": "fin"}).status, 200)
        self.mock.clear()
        reply = self.post("/probe/echo/things", body)
        self.assertIn(reply.status, (200, 502))
        self.assertEqual(len(self.mock.requests()), 1)


class Poison(FareboxTest):
    """Once, octets behind an answer that filled the receive buffer to its last octet were
    read ahead on the idle connection, and became the next client's answer."""

    def test_octets_behind_an_answer_reach_nobody(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
        body = 16384 - len(head % 16000)
        answer = head % body + b"a" * body
        self.assertEqual(len(answer), 16384)
        raw = answer + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        for _ in range(10):
            connection = self.connect()
            connection.send(
                b"GET /probe/echo/a HTTP/1.1\r\nHost: a.test\r\nx-mock-raw: %s\r\n\r\n"
                b"GET /probe/echo/b HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
                % base64.b64encode(raw))
            self.assertEqual(connection.response().body, b"a" * body)
            self.assertNotIn(b"poison", connection.response().body)
            connection.close()


class Heads(FareboxTest):
    def test_a_chunked_answer_has_its_cost_in_the_head(self):
        """Once, the size line of the first chunk hid that the content is JSON."""
        reply = self.post(CHAT, chat_body(), {"x-mock-framing": "chunked", "x-mock-write-size": "40"})
        self.assertEqual(reply.header("x-farebox-cost-usd"), self.farebox.record_of(reply)["costUsd"])

    def test_errors_speak_the_dialect_of_the_path(self):
        """Once, they spoke that of the provider behind it."""
        body = b'{"model":"m","model":"n","max_tokens":1,"messages":[]}'
        reply = self.post("/openai/v1/messages", body)
        self.assertEqual((reply.status, reply.json()["type"]), (400, "error"))
        reply = self.post("/anthropic/v1/chat/completions", body)
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "bad_request"))

    def test_a_timeout_that_is_none_is_refused(self):
        """Once, x-farebox-timeout: abc was taken for no wish at all."""
        self.assertEqual(self.post(CHAT, chat_body(), {"x-farebox-timeout": "abc"}).status, 400)


if __name__ == "__main__":
    unittest.main()
