#!/usr/bin/env python3
"""The pretend provider tested by itself: does it do what tests will ask of it?

    FAREBOX_MOCK_BIN=build/release/farebox-mock python3 tests/mock/mock_selftest.py
"""

import base64
import gzip
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from mock_provider import Mock, program     # noqa: E402
from wire import Connection, fetch          # noqa: E402

CHAT = "/v1/chat/completions"


def chat(**more):
    return dict({"model": "gpt-4.1", "messages": [{"role": "user", "content": "one two three"}]},
                **more)


class MockTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = Mock()

    @classmethod
    def tearDownClass(cls):
        assert cls.mock.stop() == 0

    def setUp(self):
        self.mock.clear()

    def ask(self, method, target, headers=(), body=None, **more):
        return fetch(self.mock.port, method, target, headers, body, **more)

    def post(self, target, body, headers=(), **more):
        return self.ask("POST", target, headers, body, **more)


class Dialects(MockTest):
    def test_chat_counts_words(self):
        reply = self.post(CHAT, chat()).json()
        self.assertEqual(reply["object"], "chat.completion")
        self.assertEqual(reply["usage"]["prompt_tokens"], 3)
        self.assertEqual(reply["usage"]["completion_tokens"], 8)
        self.assertEqual(len(reply["choices"][0]["message"]["content"].split()), 8)
        self.assertEqual(reply["choices"][0]["finish_reason"], "stop")

    def test_chat_obeys_max_tokens(self):
        reply = self.post(CHAT, chat(max_tokens=2)).json()
        self.assertEqual(reply["usage"]["completion_tokens"], 2)
        self.assertEqual(reply["choices"][0]["finish_reason"], "length")

    def test_chat_stream_has_usage_only_when_asked(self):
        plain = self.post(CHAT, chat(stream=True))
        events = [json.loads(e) for e in plain.events()[:-1]]
        self.assertEqual(plain.events()[-1], "[DONE]")
        self.assertTrue(all("usage" not in e for e in events))
        self.assertEqual(len(plain.chunks), 8 + 3)

        asked = self.post(CHAT, chat(stream=True, stream_options={"include_usage": True}))
        events = [json.loads(e) for e in asked.events()[:-1]]
        self.assertEqual(events[-1]["choices"], [])
        self.assertEqual(events[-1]["usage"]["total_tokens"], 11)
        self.assertTrue(all(e["usage"] is None for e in events[:-1]))
        self.assertEqual(events[0]["choices"][0]["delta"]["role"], "assistant")
        self.assertEqual(events[1]["choices"][0]["delta"], {"content": "The "})

    def test_several_choices_cost_several_times(self):
        self.assertEqual(self.post(CHAT, chat(n=3)).json()["usage"]["completion_tokens"], 24)

    def test_stream_options_can_be_refused(self):
        body = chat(stream=True, stream_options={"include_usage": True})
        for status in (400, 422):
            refused = self.post(CHAT, body, {"x-mock-refuse-stream-options": str(status)})
            self.assertEqual(refused.status, status)
            self.assertIn("stream_options", refused.text)
        fine = self.post(CHAT, chat(stream=True), {"x-mock-refuse-stream-options": "422"})
        self.assertEqual(fine.status, 200)

    def test_completions_embeddings_moderations_models(self):
        reply = self.post("/v1/completions", {"model": "m", "prompt": "a b"}).json()
        self.assertEqual((reply["object"], reply["usage"]["prompt_tokens"]), ("text_completion", 2))
        reply = self.post("/v1/embeddings", {"model": "e", "input": ["a b", "c"]}).json()
        self.assertEqual((len(reply["data"]), reply["usage"]["total_tokens"]), (2, 3))
        reply = self.post("/v1/embeddings", {"model": "e", "input": [5, 6, 7],
                                             "encoding_format": "base64", "dimensions": 4}).json()
        self.assertEqual(len(base64.b64decode(reply["data"][0]["embedding"])), 16)
        self.assertEqual(reply["usage"], {"prompt_tokens": 3, "total_tokens": 3})
        self.assertFalse(self.post("/v1/moderations", {"input": "x"}).json()["results"][0]["flagged"])
        self.assertEqual(self.ask("GET", "/v1/models").json()["object"], "list")
        self.assertEqual(self.ask("GET", "/v1/models/x-1").json()["id"], "x-1")

    def test_responses_whole_and_streamed(self):
        body = {"model": "gpt-4.1", "input": "one two"}
        reply = self.post("/v1/responses", body).json()
        self.assertEqual((reply["status"], reply["usage"]["total_tokens"]), ("completed", 10))
        events = [json.loads(e) for e in self.post("/v1/responses", dict(body, stream=True)).events()]
        self.assertEqual(events[-1]["type"], "response.completed")
        self.assertEqual(events[-1]["response"]["usage"]["output_tokens"], 8)
        self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        limited = self.post("/v1/responses", dict(body, max_output_tokens=1)).json()
        self.assertEqual(limited["incomplete_details"], {"reason": "max_output_tokens"})

    def test_azure_names_the_deployment_in_the_path(self):
        path = "/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
        self.assertEqual(self.post(path, chat()).json()["model"], "my-gpt")
        stream = self.post(path, chat(stream=True))
        self.assertEqual(json.loads(stream.events()[0])["choices"], [])
        self.assertEqual(stream.header("x-ms-deployment-name"), "my-gpt")

    def test_anthropic_whole_and_streamed(self):
        body = {"model": "claude-x", "max_tokens": 5, "system": "be kind",
                "messages": [{"role": "user", "content": [{"type": "text", "text": "one two"}]}]}
        reply = self.post("/v1/messages", body, {"x-mock-cached-tokens": "1"}).json()
        self.assertEqual(reply["usage"]["input_tokens"], 3)
        self.assertEqual(reply["usage"]["cache_read_input_tokens"], 1)
        self.assertEqual((reply["usage"]["output_tokens"], reply["stop_reason"]), (5, "max_tokens"))
        events = [json.loads(e) for e in self.post("/v1/messages", dict(body, stream=True)).events()]
        self.assertEqual(events[0]["type"], "message_start")
        self.assertEqual(events[0]["message"]["usage"]["input_tokens"], 4)
        self.assertEqual(events[-2]["usage"]["output_tokens"], 5)
        self.assertEqual(events[-1], {"type": "message_stop"})
        counted = self.post("/v1/messages/count_tokens", body).json()
        self.assertEqual(counted, {"input_tokens": 4})

    def test_gemini_whole_sse_and_array(self):
        body = {"contents": [{"role": "user", "parts": [{"text": "one two three"}]}],
                "generationConfig": {"maxOutputTokens": 4}}
        path = "/v1beta/models/gemini-x:"
        reply = self.post(path + "generateContent", body, {"x-mock-reasoning-tokens": "1"}).json()
        self.assertEqual(reply["usageMetadata"]["promptTokenCount"], 3)
        self.assertEqual(reply["usageMetadata"]["candidatesTokenCount"], 3)
        self.assertEqual(reply["usageMetadata"]["thoughtsTokenCount"], 1)
        self.assertEqual(reply["candidates"][0]["finishReason"], "MAX_TOKENS")
        sse = self.post(path + "streamGenerateContent?alt=sse", body)
        self.assertIn(b"\r\n\r\n", sse.body)
        self.assertEqual(len(sse.events()), 4)
        array = self.post(path + "streamGenerateContent", body).json()
        self.assertEqual(len(array), 4)
        self.assertEqual(array[-1]["usageMetadata"]["totalTokenCount"], 7)
        self.assertEqual(self.post(path + "countTokens", body).json(), {"totalTokens": 3})
        self.assertIn("embedding", self.post(path + "embedContent", {"content": {"parts": [
            {"text": "x"}]}}).json())

    def test_errors_have_the_dialects_shape(self):
        told = {"x-mock-status": "429"}
        self.assertEqual(self.post(CHAT, chat(), told).json()["error"]["type"], "rate_limit_error")
        self.assertEqual(self.post("/v1/messages", {}, told).json()["type"], "error")
        self.assertEqual(self.post("/v1beta/models/g:generateContent", {}, told).json()["error"]
                         ["status"], "RESOURCE_EXHAUSTED")
        self.assertEqual(self.post("/nowhere", {}).status, 404)
        self.assertEqual(self.post(CHAT, b"{oh").status, 400)
        self.assertEqual(self.post(CHAT, b"[1]").status, 400)
        self.assertEqual(self.post(CHAT, b"[" * 100000).status, 400)
        deep = b'{"messages":' + b"[" * 100000 + b"]" * 100000 + b"}"
        self.assertEqual(self.post(CHAT, deep).status, 400)


class Behaviours(MockTest):
    def test_told_by_headers(self):
        told = {"x-mock-status": "418", "x-mock-body": "tea", "x-mock-content-type": "text/tea",
                "X-Mock-Header": "X-Odd-Case: 1", "x-mock-reason": "I am a teapot"}
        reply = self.post(CHAT, chat(), told)
        self.assertEqual((reply.status, reply.reason, reply.body), (418, "I am a teapot", b"tea"))
        self.assertIn(("X-Odd-Case", "1"), reply.headers)
        self.assertEqual(reply.header("content-type"), "text/tea")

    def test_an_unknown_behaviour_is_loud(self):
        reply = self.post(CHAT, chat(), {"x-mock-dealy": "1"})
        self.assertEqual((reply.status, reply.text), (500, "mock: unknown behaviour: dealy"))

    def test_told_by_rules_so_many_times(self):
        self.mock.rule({"status": 503}, times=2, skip=1, path_prefix="/v1/")
        statuses = [self.post(CHAT, chat()).status for _ in range(4)]
        self.assertEqual(statuses, [200, 503, 503, 200])

    def test_rules_match_by_header_and_nth_request(self):
        self.mock.rule({"status": 500}, header=["x-who", "bob"])
        self.mock.rule({"status": 501}, nth=2)
        self.assertEqual(self.post(CHAT, chat(), {"X-Who": "alice, bob"}).status, 500)
        with Connection(self.mock.port) as connection:
            for status in (200, 501, 200):
                connection.ask("POST", CHAT, (), chat())
                self.assertEqual(connection.response().status, status)

    def test_log_keeps_the_octets(self):
        body = json.dumps(chat()).encode()
        self.post(CHAT, body, [("X-Case", "Yes"), ("x-case", "\xe9")])
        seen = self.mock.requests()[0]
        self.assertEqual(seen.head, b"POST /v1/chat/completions HTTP/1.1\r\nHost: farebox.test\r\n"
                         b"X-Case: Yes\r\nx-case: \xe9\r\ncontent-length: %d\r\n\r\n" % len(body))
        self.assertEqual(seen.body_sha256, hashlib.sha256(body).hexdigest())
        self.assertEqual((seen.body, seen.outcome, seen.fault), (body, "whole", ""))

    def test_chunked_requests_are_read_and_noted(self):
        reply = self.post("/echo/x", None, chunks=[b"abc", b"de"])
        self.assertEqual(base64.b64decode(reply.json()["bodyBase64"]), b"abcde")
        self.assertEqual(self.mock.requests()[0].chunks, [3, 2])

    def test_faulty_requests_are_refused_and_noted(self):
        for octets in (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
                       b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", b"\x00\x01\r\n\r\n",
                       b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with Connection(self.mock.port) as connection:
                connection.send(octets)
                self.assertEqual(connection.response().status, 400, octets)
                self.assertTrue(connection.is_closed_within(2))
        self.assertEqual([bool(s.fault) for s in self.mock.requests()], [True] * 6)

    def test_delays(self):
        begin = time.monotonic()
        with Connection(self.mock.port) as connection:
            connection.ask("POST", CHAT, {"x-mock-delay-head-ms": "50", "x-mock-delay-body-ms": "60",
                                          "x-mock-delay-chunk-ms": "20", "x-mock-chunks": "5"},
                           chat(stream=True))
            reply = connection.response()
        times = [t for _, t in reply.chunks]
        self.assertGreaterEqual(reply.head_at - begin, 0.05)
        self.assertGreaterEqual(times[0] - reply.head_at, 0.055)
        self.assertGreaterEqual(times[-1] - times[0], 0.02 * (len(times) - 1) * 0.9)

    def test_stamps_are_fresh_and_valid_json(self):
        reply = self.post(CHAT, chat(stream=True), {"x-mock-stamp": "1",
                                                    "x-mock-delay-chunk-ms": "5"})
        for octets, arrived in reply.chunks[:-1]:
            stamp = json.loads(octets[6:])["t"]
            self.assertLess(abs(arrived - stamp), 0.05)

    def test_framings(self):
        for framing in ("chunked", "length", "close"):
            reply = self.post(CHAT, chat(), {"x-mock-framing": framing})
            self.assertEqual(reply.framing, framing)
            self.assertEqual(reply.json()["object"], "chat.completion")
        reply = self.post(CHAT, chat(), {"x-mock-body-size": "100000", "x-mock-chunk-size": "30000",
                                         "x-mock-framing": "chunked", "x-mock-write-size": "1000"})
        self.assertEqual([len(c) for c, _ in reply.chunks], [30000, 30000, 30000, 10000])

    def test_gzip_and_bomb(self):
        reply = self.post(CHAT, chat(stream=True), {"x-mock-encoding": "gzip"})
        self.assertTrue(gzip.decompress(reply.body).endswith(b"data: [DONE]\n\n"))
        self.assertEqual(reply.header("content-encoding"), "gzip")
        bomb = self.post(CHAT, chat(), {"x-mock-bomb-mib": "20"}).body
        self.assertLess(len(bomb), 40000)
        self.assertEqual(gzip.decompress(bomb), bytes(20 << 20))

    def test_cuts(self):
        whole = self.post(CHAT, chat(stream=True))
        self.assertTrue(whole.complete)
        for told in ({"x-mock-cut-chunks": "3"}, {"x-mock-cut-bytes": "700"},
                     {"x-mock-cut-chunks": str(len(whole.chunks))},
                     {"x-mock-cut-chunks": "3", "x-mock-cut": "reset"}):
            reply = self.post(CHAT, chat(stream=True), told)
            self.assertFalse(reply.complete, told)
            self.assertEqual(reply.reset, "x-mock-cut" in told, told)
        with Connection(self.mock.port) as connection:
            connection.ask("POST", CHAT, {"x-mock-cut-wire": "10"}, chat())
            with self.assertRaises(EOFError):
                connection.response()
            self.assertEqual(connection.raw, b"HTTP/1.1 2")
        self.assertEqual([s.outcome for s in self.mock.requests()], ["whole"] + ["cut"] * 5)

    def test_hang_ends_when_the_peer_leaves(self):
        with Connection(self.mock.port, timeout=0.3) as connection:
            connection.ask("POST", CHAT, {"x-mock-cut-chunks": "2", "x-mock-cut": "hang"},
                           chat(stream=True))
            with self.assertRaises(socket.timeout):
                connection.response()

    def test_a_peer_that_leaves_is_noticed_and_billed(self):
        with Connection(self.mock.port) as connection:
            connection.ask("POST", CHAT, {"x-mock-delay-chunk-ms": "20", "x-mock-chunks": "500"},
                           chat(stream=True))
            reply = connection.head()
            pieces = connection.pieces(reply)
            for _ in range(6):
                next(pieces)
            left = time.monotonic()
        time.sleep(0.1)
        seen = self.mock.requests()[0]
        self.assertEqual(seen.outcome, "peer_left")
        self.assertLess(seen.peer_left_at - left, 0.02)
        line = self.mock.bill()["lines"][0]
        self.assertEqual((line["inputTokens"], line["promisedTokens"]), (3, 500))
        self.assertIn(line["outputTokens"], (5, 6))

    def test_closing_manners(self):
        for told, says in (({"x-mock-connection-close": "1"}, "close"),
                           ({"x-mock-close-after": "1"}, None),
                           ({"x-mock-idle-close-ms": "50"}, None),
                           ({"x-mock-close-after-ms": "50"}, None)):
            with Connection(self.mock.port) as connection:
                connection.ask("POST", CHAT, told, chat())
                reply = connection.response()
                self.assertTrue(reply.complete)
                self.assertEqual(reply.header("connection"), says)
                self.assertTrue(connection.is_closed_within(1), told)

    def test_stale_connections_do_not_answer(self):
        for how, error in (("fin", EOFError), ("reset", ConnectionResetError)):
            with Connection(self.mock.port) as connection:
                connection.ask("POST", CHAT, {"x-mock-stale": how}, chat())
                self.assertEqual(connection.response().status, 200)
                connection.ask("POST", CHAT, (), chat())
                with self.assertRaises(error):
                    connection.response()
            self.assertEqual(self.mock.requests()[-1].outcome, "unanswered")

    def test_raw_and_steps(self):
        raw = base64.b64encode(b"HTTP/1.1 200 Ok\r\nContent-Length: 1, 1\r\n\r\nx").decode()
        with Connection(self.mock.port) as connection:
            connection.ask("GET", "/x", {"x-mock-raw": raw, "x-mock-close-after": "1"})
            self.assertTrue(connection.take_through(b"\r\n\r\nx"))
            self.assertTrue(connection.is_closed_within(1))
        half = base64.b64encode(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").decode()
        self.mock.rule({"steps": [{"send": half}, {"sleep_ms": 30}, {"reset": True}]})
        reply = self.ask("GET", "/x")
        self.assertEqual((reply.body, reply.complete, reply.reset), (b"abc", False, True))

    def test_continue(self):
        expect = {"expect": "100-continue"}
        for how, interim in ((None, [100]), ("ignore", [])):
            told = dict(expect, **({"x-mock-expect": how} if how else {}))
            with Connection(self.mock.port) as connection:
                connection.ask("POST", "/echo", told, b"abc")
                self.assertEqual([i.status for i in connection.response().interim], interim)
        with Connection(self.mock.port) as connection:
            connection.send(b"POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n"
                            b"content-length: 5\r\nx-mock-expect: early\r\nx-mock-status: 413\r\n\r\n")
            self.assertEqual(connection.response().status, 413)
            self.assertTrue(connection.is_closed_within(2))

    def test_interim_heads_and_redirects(self):
        reply = self.post(CHAT, chat(), {"x-mock-interim": "[102,103]",
                                         "x-mock-location": "https://elsewhere.test/"})
        self.assertEqual([i.status for i in reply.interim], [102, 103])
        self.assertEqual((reply.status, reply.header("location")), (307, "https://elsewhere.test/"))

    def test_bodiless_answers(self):
        reply = self.ask("HEAD", "/v1/models")
        self.assertGreater(int(reply.header("content-length")), 10)
        with Connection(self.mock.port) as connection:
            for status in ("204", "304"):
                connection.ask("POST", CHAT, {"x-mock-status": status}, chat())
                self.assertEqual(connection.response().status, int(status))

    def test_http_1_0_gets_no_chunks(self):
        reply = self.post(CHAT, chat(stream=True), version="HTTP/1.0")
        self.assertEqual(reply.framing, "close")

    def test_garbage_and_many_connections_do_no_harm(self):
        for size in (1, 100, 70000):
            with Connection(self.mock.port) as connection:
                connection.send(os.urandom(size))
                connection.half_close()
                self.assertTrue(connection.is_closed_within(5) or connection.buffer)
        connections = [Connection(self.mock.port) for _ in range(200)]
        self.assertEqual(self.post(CHAT, chat()).status, 200)
        while self.mock.connections()["open"] < 200:
            time.sleep(0.01)
        self.mock.close_connections()
        self.assertTrue(all(c.is_closed_within(2) for c in connections))
        for connection in connections:
            connection.close()


class Replay(unittest.TestCase):
    LINES = [
        {"id": "aa", "framing": "sse", "response": {
            "status": 200, "headers": [["X-One", "1"], ["content-length", "9"]],
            "content_type": "text/event-stream", "body_encoding": "text",
            "body": "data: a\r\n\r\ndata: b\n\n: c\n\ndata: [DONE]"}},
        {"id": "bb", "framing": "none", "response": {
            "status": 404, "headers": [], "content_type": "application/json",
            "body_encoding": "base64", "body": base64.b64encode(b"\xff\x00").decode()}},
        {"id": "cc", "framing": "aws-eventstream", "response": {
            "status": 200, "headers": [], "content_type": "application/vnd.amazon.eventstream",
            "body_encoding": "base64", "body": base64.b64encode(
                b"\0\0\0\x10" + b"x" * 12 + b"\0\0\0\x11" + b"y" * 13).decode()}}]

    @classmethod
    def setUpClass(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".jsonl")
        cls.file.write("\n".join(json.dumps(line) for line in cls.LINES) + "\n")
        cls.file.flush()
        cls.mock = Mock(recordings=[cls.file.name])

    @classmethod
    def tearDownClass(cls):
        cls.mock.stop()
        cls.file.close()

    def get(self, target, headers=()):
        return fetch(self.mock.port, "GET", target, headers)

    def test_events_come_one_per_chunk(self):
        reply = self.get("/x", {"x-mock-recording": "aa"})
        self.assertEqual([c for c, _ in reply.chunks],
                         [b"data: a\r\n\r\n", b"data: b\n\n", b": c\n\n", b"data: [DONE]"])
        self.assertEqual(reply.header("x-one"), "1")

    def test_by_path_and_by_split(self):
        body = self.LINES[0]["response"]["body"].encode()
        for split, count in (("byte", len(body)), ("whole", 1), ("7", -(-len(body) // 7))):
            reply = self.get("/replay/aa/v1/x", {"x-mock-split": split})
            self.assertEqual((reply.body, len(reply.chunks)), (body, count))

    def test_base64_and_frames(self):
        reply = self.get("/x", {"x-mock-recording": "bb"})
        self.assertEqual((reply.status, reply.body, reply.framing), (404, b"\xff\x00", "length"))
        reply = self.get("/x", {"x-mock-recording": "cc"})
        self.assertEqual([len(c) for c, _ in reply.chunks], [16, 17])
        self.assertEqual(self.get("/replay/zz/").status, 500)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        subprocess.run([os.path.join(HERE, "make_test_ca.sh"), cls.directory.name], check=True)
        cls.leaves = ("good", "expired", "wrong-host", "self-signed")
        path = os.path.join(cls.directory.name, "")
        cls.mock = Mock(tls=[(path + l + ".pem", path + l + ".key") for l in cls.leaves])
        cls.context = ssl.create_default_context(cafile=path + "ca.pem")
        cls.context.set_alpn_protocols(["http/1.1"])

    @classmethod
    def tearDownClass(cls):
        cls.mock.stop()
        cls.directory.cleanup()

    def request(self, leaf, session=None):
        port = self.mock.tls_ports[self.leaves.index(leaf)]
        plain = socket.create_connection(("127.0.0.1", port), 5)
        with self.context.wrap_socket(plain, server_hostname="api.provider.test",
                                      session=session) as sock:
            sock.sendall(b"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            got = b""
            while True:
                data = sock.recv(65536)
                if not data:
                    return got, sock.session
                got += data

    def test_good_leaf_sni_alpn_and_resumption(self):
        got, session = self.request("good")
        self.assertTrue(got.startswith(b"HTTP/1.1 200"))
        self.request("good", session)
        first, second = [s.tls for s in self.mock.requests()][-2:]
        self.assertEqual((first["sni"], first["alpn"], first["protocol"], first["resumed"]),
                         ("api.provider.test", "http/1.1", "TLSv1.3", False))
        self.assertTrue(second["resumed"])

    def test_bad_leaves_are_bad(self):
        before = len(self.mock.requests())
        for leaf in self.leaves[1:]:
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.request(leaf)
        self.assertEqual(len(self.mock.requests()), before)


class Fast(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mock = Mock(arguments=["--fast"])
        cls.gap = Mock(arguments=["--fast", "--chunk-gap-us", "2000"])

    @classmethod
    def tearDownClass(cls):
        cls.mock.stop()
        cls.gap.stop()

    def test_whole_on_a_kept_connection(self):
        with Connection(self.mock.port) as connection:
            for _ in range(3):
                connection.ask("POST", CHAT, (), chat())
                reply = connection.response()
                self.assertEqual((len(reply.body), reply.json()["usage"]["total_tokens"]), (900, 86))
            connection.send(b"".join(
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}" for _ in range(5)))
            for _ in range(5):
                self.assertTrue(connection.response().complete)

    def test_streams(self):
        plain = fetch(self.mock.port, "POST", CHAT, (), chat(stream=True))
        self.assertEqual([len(c) for c, _ in plain.chunks], [180] * 64)
        self.assertEqual(plain.events()[-1], "[DONE]")
        for event in plain.events()[:-1]:
            self.assertNotIn("usage", json.loads(event))
        asked = fetch(self.mock.port, "POST", "/stream64", (),
                      chat(stream_options={"include_usage": True}))
        self.assertEqual([len(c) for c, _ in asked.chunks], [180] * 64)
        self.assertEqual(json.loads(asked.events()[-2])["choices"], [])

    def test_gaps(self):
        begin = time.monotonic()
        reply = fetch(self.gap.port, "GET", "/stream64")
        self.assertEqual(len(reply.chunks), 64)
        self.assertGreater(time.monotonic() - begin, 0.002 * 63)

    def test_slow_readers_get_all(self):
        connections = [Connection(self.mock.port, receive_buffer=4096) for _ in range(20)]
        for connection in connections:
            for _ in range(50):
                connection.ask("GET", "/stream64")
        time.sleep(0.3)
        for connection in connections:
            for _ in range(50):
                self.assertEqual(len(connection.response().chunks), 64)
            connection.close()


class Ending(unittest.TestCase):
    def test_a_bad_start_says_why(self):
        done = subprocess.run([program(), "--listen", "nowhere"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no port in nowhere", done.stderr)


if __name__ == "__main__":
    unittest.main()
