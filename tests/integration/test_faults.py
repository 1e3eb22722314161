"""Providers that die, stall or lie, and clients that leave."""

import base64
import random
import socket
import time
import unittest

from harness import (CHAT, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body,
                     generate_body, messages_body, providers, request_octets, wait_until)
from shapes import DIALECTS, ShapedErrors

STREAMS = {"openai": (CHAT, chat_body(stream=True, stream_options={"include_usage": True})),
           "anthropic": (MESSAGES, messages_body(stream=True)),
           "gemini": (STREAM_GENERATE, generate_body())}
NO_RETRY = {"retry": {"max_attempts": 1}}
LEAVING_MS = 50


class CutShort(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each=NO_RETRY)}

    def test_a_cut_stream_ends_without_an_end_mark(self):
        for dialect, (target, body) in STREAMS.items():
            for how in ("fin", "reset"):
                reply = self.post(target, body, {"x-mock-cut-chunks": "4", "x-mock-cut": how,
                                                 "x-mock-delay-chunk-ms": "5"})
                self.assertEqual(reply.status, 200)
                self.assertFalse(reply.complete, (dialect, how))
                for mark in ("[DONE]", "message_stop", '"finish_reason":"stop"'):
                    self.assertNotIn(mark, reply.text, (dialect, how))

    def test_all_that_came_before_the_cut_is_passed_on(self):
        whole = self.post(MESSAGES, messages_body(stream=True), {"x-mock-chunks": "20"})
        cut = self.post(MESSAGES, messages_body(stream=True), {
            "x-mock-chunks": "20", "x-mock-cut-chunks": "12", "x-mock-delay-chunk-ms": "3"})
        octets = [c for c, _ in whole.chunks][:12]
        self.assertEqual([c for c, _ in cut.chunks][:12], octets)

    def test_an_error_event_comes_before_the_cut_where_the_dialect_has_one(self):
        reply = self.post(MESSAGES, messages_body(stream=True),
                          {"x-mock-cut-chunks": "4", "x-mock-delay-chunk-ms": "5"})
        self.assertIn("event: error", reply.text)
        target, body = STREAMS["openai"]
        reply = self.post(target, body, {"x-mock-cut-chunks": "4", "x-mock-delay-chunk-ms": "5"})
        self.assertIn('data: {"error"', reply.text)

    def test_a_cut_stream_is_charged_what_was_seen(self):
        for dialect, (target, body) in STREAMS.items():
            reply = self.post(target, body, {"x-mock-cut-chunks": "7", "x-mock-chunks": "20",
                                             "x-mock-delay-chunk-ms": "2"})
            record = self.farebox.record_of(reply)
            self.assertEqual(record["outcome"], "upstream_error", dialect)
            self.assertGreater(record["inputTokens"], 0, dialect)
            self.assertGreater(record["outputTokens"], 0, dialect)

    def test_a_short_body_is_never_whole(self):
        for how in ("fin", "reset"):
            reply = self.post(CHAT, chat_body(), {"x-mock-body-size": "300000", "x-mock-cut": how,
                                                  "x-mock-cut-bytes": "200000"})
            self.assertFalse(reply.complete and reply.status == 200, how)
            self.assertEqual(self.farebox.record_of(reply)["outcome"], "upstream_error")

    def test_no_cut_anywhere_looks_whole(self):
        rnd = random.Random(7)
        looked_whole = []
        for i in range(150):
            dialect = rnd.choice(sorted(STREAMS))
            target, body = STREAMS[dialect]
            told = {"x-mock-cut-wire": str(rnd.randrange(0, 1500)), "x-mock-chunks": "40",
                    "x-mock-cut": rnd.choice(("fin", "reset")),
                    "x-mock-framing": rnd.choice(("chunked", "length")),
                    "x-mock-write-size": rnd.choice(("0", "11"))}
            connection = self.connect()
            connection.ask("POST", target, told, body)
            try:
                reply = connection.response()
            except (EOFError, ConnectionResetError):
                continue
            if reply.status == 200 and reply.complete:
                looked_whole.append((i, dialect, told))
            elif reply.status != 200:
                self.assertEqual(reply.status, 502, (i, dialect, told))
            connection.close()
        self.assertEqual(looked_whole, [])


class NoAnswer(ShapedErrors):
    @classmethod
    def config(cls):
        times = {"connect": "1s", "first_byte": "300ms", "idle": "300ms", "total": "2s"}
        # A listener that nobody accepts from: connected, and then nothing.
        cls.mute = socket.socket()
        cls.mute.bind(("127.0.0.1", 0))
        cls.mute.listen(64)
        cls.addClassCleanup(cls.mute.close)
        mute = "127.0.0.1:%d" % cls.mute.getsockname()[1]
        return {"providers": providers(
            cls.mock, each=dict(NO_RETRY, timeouts=times), mute={"base_url": "http://" + mute},
            mutetls={"base_url": "https://" + mute})}

    def test_a_provider_that_is_mute_is_504(self):
        for name in ("mute", "mutetls"):
            begin = time.monotonic()
            reply = self.post("/%s%s" % (name, CHAT), chat_body())
            self.assert_shape(reply, "openai", 504, "upstream_timeout")
            self.assertLess(time.monotonic() - begin, 3)

    def test_a_provider_that_hangs_up_is_502(self):
        for dialect, (target, body) in DIALECTS.items():
            for how in ("fin", "reset"):
                reply = self.post(target, body(), {"x-mock-cut-wire": "0", "x-mock-cut": how})
                self.assert_shape(reply, dialect, 502, "upstream_unreachable", "server_error")

    def test_a_cut_head_is_502(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-cut-wire": "30"})
        self.assert_shape(reply, "openai", 502, "upstream_unreachable")

    def test_a_provider_that_says_nothing_is_504(self):
        for dialect, (target, body) in DIALECTS.items():
            begin = time.monotonic()
            reply = self.post(target, body(), {"x-mock-delay-head-ms": "5000"})
            self.assert_shape(reply, dialect, 504, "upstream_timeout", "server_error")
            self.assertLess(time.monotonic() - begin, 1.5)
            self.assertEqual(self.farebox.record_of(reply)["outcome"], "timeout")

    def test_a_provider_given_up_on_is_told_so(self):
        self.post(CHAT, chat_body(), {"x-mock-delay-head-ms": "5000"})
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at), None))
        self.assertEqual(seen.outcome, "peer_left")

    def test_a_stream_that_falls_silent_is_cut(self):
        for told in ({"x-mock-cut": "hang", "x-mock-cut-chunks": "4"}, {"x-mock-delay-end-ms": "5000"}):
            begin = time.monotonic()
            reply = self.post(MESSAGES, messages_body(stream=True), told)
            self.assertEqual((reply.status, reply.complete), (200, False), told)
            self.assertLess(time.monotonic() - begin, 1.5)
            self.assertEqual(self.farebox.record_of(reply)["outcome"], "timeout")

    def test_a_stream_without_end_is_cut_at_the_total(self):
        begin = time.monotonic()
        reply = self.post(MESSAGES, messages_body(stream=True),
                          {"x-mock-chunks": "1000", "x-mock-delay-chunk-ms": "50"})
        self.assertFalse(reply.complete)
        self.assertLess(time.monotonic() - begin, 4)


class ClientLeaves(FareboxTest):
    """The meter stops: the provider must see it within 50 ms."""

    STEADY = {"x-mock-chunks": "2000", "x-mock-delay-chunk-ms": "10"}

    def leave(self, how, target, body, told):
        connection = self.connect()
        connection.ask("POST", target, told, body)
        reply = connection.head()
        pieces = connection.pieces(reply)
        for _ in range(4):
            next(pieces)
        left = time.monotonic()
        getattr(connection, how)()
        return left, connection

    def test_leaving_cancels_the_provider_in_time(self):
        for how in ("close", "reset", "half_close"):
            for dialect, (target, body) in STREAMS.items():
                self.mock.clear()
                left, connection = self.leave(how, target, body, self.STEADY)
                seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at),
                                               None), 3, "%s %s: never cancelled" % (dialect, how))
                connection.close()
                self.assertLess((seen.peer_left_at - left) * 1000, LEAVING_MS, (dialect, how))

    def test_leaving_a_silent_stream_is_seen_too(self):
        connection = self.connect()
        connection.ask("POST", MESSAGES, {"x-mock-delay-body-ms": "10000"}, messages_body(stream=True))
        connection.head()
        left = time.monotonic()
        connection.close()
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at), None), 3)
        self.assertLess((seen.peer_left_at - left) * 1000, LEAVING_MS)

    def test_leaving_before_the_head_is_seen_too(self):
        connection = self.connect()
        connection.ask("POST", MESSAGES, {"x-mock-delay-head-ms": "10000"}, messages_body(stream=True))
        wait_until(self.mock.requests)
        left = time.monotonic()
        connection.close()
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at), None), 3)
        self.assertLess((seen.peer_left_at - left) * 1000, LEAVING_MS)

    def test_an_aborted_stream_is_recorded_and_charged(self):
        for dialect, (target, body) in STREAMS.items():
            self.mock.clear()
            _, connection = self.leave("close", target, body, dict(
                self.STEADY, **{"x-farebox-request-id": "aborted-" + dialect}))
            connection.close()
            record = self.farebox.record_of("aborted-" + dialect)
            self.assertEqual(record["outcome"], "client_closed", dialect)
            self.assertGreater(record["inputTokens"], 0, dialect)
            self.assertGreater(record["outputTokens"], 0, dialect)
            line = wait_until(lambda: next((l for l in self.mock.bill()["lines"]
                                            if l["outcome"] != "running"), None))
            self.assertLessEqual(line["outputTokens"] - record["outputTokens"], 8, dialect)

    def test_a_whole_call_is_read_to_its_end_and_settled_exactly(self):
        connection = self.connect()
        connection.ask("POST", CHAT, {"x-mock-delay-head-ms": "300",
                                      "x-farebox-request-id": "left-whole"}, chat_body())
        wait_until(self.mock.requests)
        connection.close()
        record = self.farebox.record_of("left-whole")
        self.assertEqual((record["inputTokens"], record["outputTokens"], record["estimated"]),
                         (3, 8, False))
        self.assertEqual(record["outcome"], "client_closed")

    def test_a_client_that_leaves_inside_its_body_sends_nothing(self):
        connection = self.connect()
        connection.send(request_octets("POST", CHAT, {"content-length": "1000"}) + b'{"model":"a"')
        time.sleep(0.1)
        connection.close()
        time.sleep(0.2)
        self.assertEqual([s for s in self.mock.requests() if s.outcome == "whole"], [])


class StaleConnections(FareboxTest):
    def test_a_connection_that_died_in_the_pool_is_replayed(self):
        for how in ("fin", "reset"):
            self.mock.clear()
            self.mock.rule({"stale": how}, times=1)
            client = self.connect()
            for _ in range(2):
                client.ask("POST", CHAT, (), chat_body())
                reply = client.response()
                self.assertEqual(reply.status, 200, how)
                self.assertEqual(reply.json()["usage"]["total_tokens"], 11)
            self.assertEqual(sorted(s.outcome for s in self.mock.requests()),
                             ["unanswered", "whole", "whole"])

    def test_connections_closed_while_idle_are_not_used(self):
        client = self.connect()
        for told in ({"x-mock-idle-close-ms": "30"}, {"x-mock-close-after": "1"}, {}):
            client.ask("POST", CHAT, told, chat_body())
            self.assertEqual(client.response().status, 200)
            time.sleep(0.15)
        self.assertEqual([s.outcome for s in self.mock.requests()], ["whole"] * 3)
        self.assertEqual(len({s.connection for s in self.mock.requests()}), 3)

    def test_a_provider_that_restarts_costs_nobody_a_request(self):
        for _ in range(20):
            self.assertEqual(self.post(CHAT, chat_body()).status, 200)
            self.mock.close_connections()


class HostileReplies(FareboxTest):
    """A hostile provider can't reach another client; a canary follows each."""

    GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    BAD = {
        "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"0\r\n\r\n" + GOOD,
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 50\r\n\r\n{}" + GOOD,
        "list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}" + GOOD,
        "odd encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + GOOD,
        "obs-fold": b"HTTP/1.1 200 OK\r\nX: 1\r\n Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "bare CR": b"HTTP/1.1 200 OK\r\nX: 1\rContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}",
        "NUL": b"HTTP/1.1 200 OK\r\nX: 1\x002\r\nContent-Length: 2\r\n\r\n{}",
        "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\nzz\r\n",
        "endless chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              + b"1" * 40 + b"\r\n",
        "no status": b"HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\n{}",
        "status 999": b"HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\n{}",
        "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
        "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "huge head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        "endless interim": b"HTTP/1.1 102 Processing\r\n\r\n" * 5000 + GOOD,
        "octets behind the answer": GOOD + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen",
        "octets behind 204": b"HTTP/1.1 204 No Content\r\n\r\n" + GOOD,
    }

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each=NO_RETRY)}

    def test_each_is_refused_or_contained(self):
        for name, octets in self.BAD.items():
            self.mock.clear()
            self.mock.rule({"raw": base64.b64encode(octets).decode()}, times=1)
            connection = self.connect()
            connection.ask("POST", CHAT, {"x-mock-model": "first"}, chat_body())
            try:
                reply = connection.response()
                if reply.status == 200 and reply.complete:
                    self.assertIn(reply.body, (b"{}", b""), name)
                    self.assertLessEqual(len(reply.all("content-length")), 1, name)
            except (EOFError, ConnectionResetError):
                pass
            connection.close()
            for i in range(3):
                canary = self.post(CHAT, chat_body(), {"x-mock-model": "canary-%d" % i})
                self.assertEqual(canary.status, 200, name)
                self.assertEqual(canary.json()["model"], "canary-%d" % i, name)

    def test_an_early_answer_to_a_large_upload_arrives(self):
        piece = b"x" * 65536
        connection = self.connect(timeout=20)
        connection.send(request_octets("POST", "/openai/echo/up", {
            "x-mock-early-answer": "1", "x-mock-status": "413", "content-length": str(200 * len(piece))}))
        try:
            for _ in range(200):
                connection.send(piece)
        except OSError:
            pass
        try:
            self.assertEqual(connection.response().status, 413)
        except ConnectionResetError:
            pass                    # the answer can be lost with the reset
        self.assertEqual(self.post(CHAT, chat_body()).status, 200)

    def test_a_bomb_passes_and_does_not_unpack_here(self):
        before = self.farebox.rss_kib()
        reply = self.post(CHAT, chat_body(), {"x-mock-bomb-mib": "2048"}, timeout=60)
        self.assertTrue(reply.complete)
        self.assertEqual(reply.header("content-encoding"), "gzip")
        self.assertLess(self.farebox.rss_kib() - before, 32 << 10)
        self.assertTrue(self.farebox.record_of(reply)["estimated"])


if __name__ == "__main__":
    unittest.main()
