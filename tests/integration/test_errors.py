"""Answers of farebox's own: the right status, in the shape the caller's SDK reads."""

import json
import socket
import unittest

from harness import CHAT, chat_body, providers, request_octets
from shapes import DIALECTS, ShapedErrors

class Refused(ShapedErrors):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock),
                "limits": {"body": "64KiB", "head_timeout": "1s", "body_timeout": "1s"}}

    def test_a_path_outside_every_provider_is_404(self):
        for target in ("/", "/nowhere/x", "/v2/chat", "/openaix/v1/models", "/favicon.ico"):
            self.assert_shape(self.fetch("GET", target), "openai", 404, "not_found",
                              "invalid_request_error")
        self.assert_nothing_was_sent()

    def test_a_repeated_key_that_policy_reads_is_400(self):
        for key, value in (("model", '"b"'), ("stream", "true"), ("max_tokens", "5"), ("n", "2"),
                           ("max_completion_tokens", "5"), ("tools", "[]"), ("stream_options", "{}")):
            body = '{"model":"a","%s":null,"%s":%s,"messages":[]}' % (key, key, value)
            self.assert_shape(self.post(CHAT, body), "openai", 400, "bad_request")
        self.assert_nothing_was_sent()

    def test_an_escaped_repeat_is_seen(self):
        body = r'{"model":"a","mode\u006c":"b","messages":[]}'
        self.assertEqual(self.post(CHAT, body).status, 400)
        self.assert_nothing_was_sent()

    def test_other_repeated_keys_pass(self):
        self.assertEqual(self.post(CHAT, '{"model":"a","x":1,"x":2,"messages":[]}').status, 200)

    def test_errors_have_the_dialects_shape(self):
        for dialect, (target, _) in DIALECTS.items():
            big = b'{"model":"a","model":"b","generationConfig":{},"generationConfig":{}}'
            if dialect != "gemini":
                self.assert_shape(self.post(target, big), dialect, 400)
            self.assert_shape(self.post(target, b" " * (65 << 10)), dialect, 413)
        self.assert_nothing_was_sent()

    def test_a_body_too_large_is_413_before_it_is_sent(self):
        connection = self.connect()
        connection.send(request_octets("POST", CHAT, {"content-length": str(1 << 30)}))
        reply = connection.response()
        self.assert_shape(reply, "openai", 413, "request_too_large", "invalid_request_error")
        self.assert_nothing_was_sent()

    def test_a_chunked_body_too_large_is_413(self):
        reply = self.post(CHAT, None, chunks=[b" " * 1024] * 70)
        self.assert_shape(reply, "openai", 413, "request_too_large")
        self.assert_nothing_was_sent()

    def test_a_head_too_large_is_431(self):
        for headers in ([("X-Big", "a" * 40000)], [("X-%d" % i, "a") for i in range(250)],
                        [("X-%d" % i, "a" * 400) for i in range(100)]):
            reply = self.post(CHAT, chat_body(), headers)
            self.assert_shape(reply, "openai", 431, "headers_too_large")
        self.assertIn(self.fetch("GET", "/v1/" + "a" * 20000).status, (414, 431))
        self.assert_nothing_was_sent()

    def test_a_head_that_takes_too_long_is_408_and_closed(self):
        connection = self.connect()
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        reply = connection.response()
        self.assert_shape(reply, "openai", 408, "request_timeout")
        self.assertTrue(connection.is_closed_within(2))

    def test_drops_do_not_extend_the_head_deadline(self):
        connection = self.connect(timeout=0.25)
        connection.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        for _ in range(20):
            try:
                connection.send(b"a")
                if not connection.fill() or b"408" in connection.buffer:
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        self.fail("still open after 5 s of drops")

    def test_a_body_that_takes_too_long_is_408(self):
        connection = self.connect()
        connection.send(request_octets("POST", CHAT, {"content-length": "100"}) + b'{"model":')
        reply = connection.response()
        self.assert_shape(reply, "openai", 408, "request_timeout")
        self.assert_nothing_was_sent()

    def test_our_own_loop_is_508(self):
        self.post(CHAT, chat_body())
        via = self.seen().all("via")[-1]
        reply = self.post(CHAT, chat_body(), {"Via": "1.0 fred, %s" % via})
        self.assert_shape(reply, "openai", 508, "loop_detected")
        self.assertEqual(len(self.mock.requests()), 1)

    def test_another_farebox_is_no_loop(self):
        reply = self.post(CHAT, chat_body(), {"Via": "1.1 farebox-somebody-else"})
        self.assertEqual(reply.status, 200)

    def test_trace_is_405(self):
        self.assertEqual(self.fetch("TRACE", "/v1/models", {"Max-Forwards": "0"}).status, 405)
        self.assert_nothing_was_sent()

    def test_malformed_requests_are_400_and_closed(self):
        for octets in (b"GET /v1/models HTTP/1.1\r\n\r\n",
                       b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                       b"GET /v1/models HTTP/1.1\r\nHost : a\r\n\r\n",
                       b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
                       b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
                       b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
                       b"POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                       b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       b"GET /v1/mod\x00els HTTP/1.1\r\nHost: a\r\n\r\n",
                       b"GET  /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"):
            connection = self.connect()
            connection.send(octets)
            self.assertEqual(connection.response().status, 400, octets)
            self.assertTrue(connection.is_closed_within(2), octets)
        self.assert_nothing_was_sent()

    def test_garbage_gets_400_or_nothing(self):
        for octets in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"\r\n\r\n\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM"):
            connection = self.connect(timeout=3)
            connection.send(octets + b"\r\n\r\n")
            try:
                self.assertIn(connection.response().status, (400, 408, 505), octets)
            except (EOFError, ConnectionResetError):
                pass

    def test_a_cross_site_browser_request_is_refused(self):
        for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
            reply = self.post(CHAT, chat_body(), headers)
            self.assertEqual(reply.status, 403)
        self.assert_nothing_was_sent()

    def test_a_page_whose_name_was_rebound_reads_nothing(self):
        browser = {"User-Agent": "Mozilla/5.0 (X11) Firefox/132.0", "Accept-Language": "en-US"}
        reply = self.fetch("GET", "/v1/models", dict(browser, Host="evil.example:4141"))
        self.assertEqual(reply.status, 403)
        self.assertEqual(reply.json()["error"]["code"], "cross_site_refused")
        self.assert_nothing_was_sent()
        # Programs come by any name; a person may look by address.
        for fields in ({"Host": "farebox.ns.svc.cluster.local", "accept-language": "*",
                        "sec-fetch-mode": "cors", "User-Agent": "OpenAI/JS 4.73"},
                       {"Host": "farebox.corp.example", "User-Agent": "curl/7.88.1"},
                       dict(browser, Host="127.0.0.1:4141")):
            self.assertEqual(self.fetch("GET", "/v1/models", fields).status, 200, fields)

    def test_a_refusal_tells_sdks_not_to_retry(self):
        reply = self.post(CHAT, '{"model":"a","model":"b"}')
        self.assertEqual(reply.header("x-should-retry"), "false")

    def test_a_bad_request_id_is_replaced(self):
        for bad in ("", "a b", "x" * 129, "\xe9"):
            reply = self.post(CHAT, chat_body(), {"x-farebox-request-id": bad})
            self.assertRegex(reply.header("x-farebox-request-id"), r"^[A-Za-z0-9._:-]{1,128}$")
            self.assertNotEqual(reply.header("x-farebox-request-id"), bad)


class Unreachable(ShapedErrors):
    @classmethod
    def config(cls):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = "http://127.0.0.1:%d" % closed.getsockname()[1]
        table = {name: {"dialect": name, "base_url": nobody,
                        "retry": {"max_attempts": 2, "base_delay": "10ms", "max_delay": "20ms"}}
                 for name in DIALECTS}
        table["nameless"] = {"dialect": "openai", "base_url": "http://no.such.host.invalid",
                             "retry": {"max_attempts": 1}}
        return {"providers": table}

    def test_a_provider_that_refuses_is_502(self):
        for dialect, (target, body) in DIALECTS.items():
            reply = self.post(target, body())
            self.assert_shape(reply, dialect, 502, "upstream_unreachable", "server_error")
            self.assertEqual(reply.header("x-should-retry"), "true")
            record = self.farebox.record_of(reply)
            self.assertEqual((record["outcome"], record["status"]), ("upstream_error", 502))

    def test_a_name_that_does_not_resolve_is_502(self):
        reply = self.post("/nameless/v1/chat/completions", chat_body(), timeout=30)
        self.assert_shape(reply, "openai", 502, "upstream_unreachable")


class ErrorsTellNoSecrets(ShapedErrors):
    def test_messages_do_not_repeat_the_body(self):
        body = '{"model":"a","model":"b","messages":[{"content":"TOP-SECRET-PROMPT"}]}'
        reply = self.post(CHAT, body, {"Authorization": "Bearer sk-CANARY"})
        self.assertEqual(reply.status, 400)
        self.assertNotIn("TOP-SECRET", reply.text)
        self.assertNotIn("CANARY", reply.text)
        self.assertNotIn("CANARY", json.dumps(self.farebox.lines))


if __name__ == "__main__":
    unittest.main()
