"""What passes through farebox passes as it came, in both directions."""

import gzip
import hashlib
import json
import random
import statistics
import time
import unittest

from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body, data_fields,
                     fetch, generate_body, messages_body, providers, request_octets)

BIG = 20 << 20
ODD_JSON = (b'{ "model":"gpt-4.1-mini",\r\n "messages" : [{"role":"user","content":"h\\u00e9 \xc3\xa9"}],'
            b' "unknown": {"a":1.50e+1, "b":1e400, "b":2}, "x": [ ] }\n')


class Requests(FareboxTest):
    def test_a_body_arrives_octet_for_octet(self):
        self.post(CHAT, ODD_JSON)
        seen = self.seen()
        self.assertEqual(seen.body, ODD_JSON)
        self.assertEqual(seen.header("content-length"), str(len(ODD_JSON)))

    def test_a_chunked_body_arrives_octet_for_octet(self):
        self.post(CHAT, None, chunks=[ODD_JSON[:10], ODD_JSON[10:11], ODD_JSON[11:]])
        self.assertEqual(self.seen().body, ODD_JSON)

    def test_an_empty_or_odd_body_passes(self):
        for body in (b"", b"not json", b"[1,2]", b"\xff\xfe\x00", b"{", b'"text"'):
            self.mock.clear()
            self.post("/openai/echo", body, {"content-type": "application/json"})
            self.assertEqual(self.seen().body, body)

    def test_headers_keep_order_and_spelling(self):
        sent = [("X-Alpha", "1"), ("accept", "*/*"), ("x-BETA", "two  words"), ("X-Alpha", "3"),
                ("Authorization", "Bearer sk-of-the-caller"), ("OpenAI-Organization", "org"),
                ("x-alpha", "\xe9"), ("X-Empty", ""), ("Cookie", "a=b"), ("User-Agent", "t/1"),
                ("idempotency-key", "k"), ("traceparent", "00-1-2-01")]
        self.post(CHAT, json.dumps(chat_body()), sent)
        arrived = [pair for pair in self.seen().headers if pair in sent]
        self.assertEqual(arrived, sent)

    def test_host_is_the_providers(self):
        self.post(CHAT, chat_body(), {"Host": "somewhere.else"})
        self.assertEqual(self.seen().all("host"), ["127.0.0.1:%d" % self.mock.port])

    def test_hop_by_hop_headers_stop_here(self):
        hops = {"Connection": "keep-alive, X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5",
                "Proxy-Connection": "keep-alive", "Proxy-Authorization": "Basic eDp5",
                "TE": "trailers", "Trailer": "X-T"}
        self.post(CHAT, chat_body(), hops)
        seen = self.seen()
        for name in list(hops)[1:]:
            self.assertEqual(seen.all(name), [], name)
        for value in seen.all("connection"):
            self.assertNotIn("hop", value.lower())

    def test_trailers_are_dropped(self):
        head = request_octets("POST", CHAT, {"transfer-encoding": "chunked"})
        body = json.dumps(chat_body()).encode()
        connection = self.connect()
        connection.send(head + b"%x\r\n%s\r\n0\r\nAuthorization: evil\r\nX-T: 1\r\n\r\n"
                        % (len(body), body))
        self.assertEqual(connection.response().status, 200)
        seen = self.seen()
        self.assertEqual((seen.trailers, seen.all("authorization"), seen.all("x-t")), ([], [], []))

    def test_via_is_added_behind_what_is_there(self):
        self.post(CHAT, chat_body(), {"Via": "1.0 fred"})
        joined = ", ".join(self.seen().all("via"))
        self.assertRegex(joined, r"^1\.0 fred, 1\.1 farebox-\S+$")

    def test_our_own_headers_are_removed(self):
        own = {"x-farebox-project": "p", "X-Farebox-User": "u", "x-farebox-tags": "a=b",
               "x-farebox-cache": "bypass", "x-farebox-priority": "low",
               "x-farebox-request-id": "id-1", "x-farebox-unknown": "1"}
        reply = self.post(CHAT, chat_body(), own)
        self.assertEqual([n for n in self.seen().names() if n.lower().startswith("x-farebox")], [])
        self.assertEqual(reply.header("x-farebox-request-id"), "id-1")

    def test_the_provider_is_asked_for_an_uncompressed_reply(self):
        self.post(CHAT, chat_body(), {"Accept-Encoding": "gzip, br"})
        self.assertEqual(self.seen().all("accept-encoding"), ["identity"])

    def test_the_target_keeps_its_octets(self):
        target = "/v1/files/a%2Fb/c?x=%41&y=a+b&&z"
        self.fetch("GET", target)
        self.assertEqual(self.seen().target, target)

    def test_other_methods_pass(self):
        for method in ("GET", "DELETE", "PUT", "PATCH"):
            self.mock.clear()
            self.fetch(method, "/openai/echo/x", (), b"" if method in ("PUT", "PATCH") else None)
            self.assertEqual((self.seen().method, self.seen().target), (method, "/echo/x"))

    def test_a_body_that_trickles_in_keeps_its_octets(self):
        """Once, octets of an earlier piece came again when a read was under way."""
        rnd = random.Random(3)
        for _ in range(100):
            parts = [rnd.randbytes(rnd.choice((1, 100, 4096, 30000, 65536))) for _ in range(6)]
            body = b"".join(parts)
            connection = self.connect()
            connection.send(request_octets("POST", "/openai/echo/x", {"content-length": str(len(body))}))
            for part in parts:
                connection.send(part)
                time.sleep(rnd.random() * 0.0005)
            self.assertEqual(connection.response().json()["bodySha256"],
                             hashlib.sha256(body).hexdigest())
            connection.close()

    def test_uploads_never_stall(self):
        """Once, what came while a piece went out waited for more that never came."""
        body = b"0123456789abcdef" * (256 << 10)
        for _ in range(60):
            reply = self.post("/openai/echo/x", body, {"x-mock-body": "{}"}, timeout=3)
            self.assertEqual(reply.status, 200)

    def test_20_mib_go_up_whole(self):
        body = json.dumps(chat_body(text="word " * (BIG // 5))).encode()
        reply = self.post(CHAT, body, timeout=60)
        self.assertEqual(reply.status, 200)
        seen = self.seen()
        self.assertEqual((seen.body_size, seen.body_sha256),
                         (len(body), hashlib.sha256(body).hexdigest()))

    def test_20_mib_go_up_chunked_to_an_unknown_path(self):
        piece = b"0123456789abcdef" * 4096
        reply = self.post("/openai/echo/upload", None, chunks=[piece] * (BIG // len(piece)),
                          timeout=60)
        self.assertEqual(reply.json()["bodySha256"],
                         hashlib.sha256(piece * (BIG // len(piece))).hexdigest())


class Continue(FareboxTest):
    def ask(self, connection, told=()):
        body = json.dumps(chat_body()).encode()
        headers = dict({"Expect": "100-continue", "content-length": str(len(body))}, **dict(told))
        connection.send(request_octets("POST", CHAT, headers))
        return body

    def test_the_client_is_told_to_go_on(self):
        connection = self.connect()
        body = self.ask(connection)
        self.assertEqual(connection.take_through(b"\r\n\r\n").split(b"\r\n")[0],
                         b"HTTP/1.1 100 Continue")
        connection.send(body)
        self.assertEqual(connection.response().status, 200)
        seen = self.seen()
        self.assertEqual((seen.all("expect"), seen.body), ([], body))

    def test_a_client_that_does_not_wait_is_served(self):
        connection = self.connect()
        connection.send(self.ask(connection))
        self.assertEqual(connection.response().status, 200)

    def test_no_100_for_http_1_0(self):
        body = json.dumps(chat_body()).encode()
        connection = self.connect()
        connection.send(request_octets("POST", CHAT, {"Expect": "100-continue"}, body,
                                       version="HTTP/1.0"))
        reply = connection.response()
        self.assertEqual((reply.status, reply.interim), (200, []))

    def test_another_expectation_is_refused_or_ignored(self):
        reply = self.post(CHAT, chat_body(), {"Expect": "the-moon"})
        self.assertIn(reply.status, (200, 417))


class Replies(FareboxTest):
    def test_a_body_passes_unchanged(self):
        body = '{ "odd" :1.0, "usage": null,\r\n "x":"\\u00e9"}\n\n'
        reply = self.post(CHAT, chat_body(), {"x-mock-body": "{}"})
        self.assertEqual(reply.body, b"{}")
        self.mock.rule({"body": body})
        reply = self.post(CHAT, chat_body())
        self.assertEqual(reply.body, body.encode())
        self.assertEqual(reply.header("content-length"), str(len(body)))

    def test_headers_keep_order_and_spelling(self):
        sent = [["X-One", "1"], ["x-two", "2"], ["X-ONE", "3"], ["Set-Cookie", "a=b"],
                ["openai-Processing-MS", "5"], ["Set-Cookie", "c=d"], ["X-Empty", ""]]
        self.mock.rule({"headers": sent, "body": "{}"})
        reply = self.post(CHAT, chat_body())
        arrived = [pair for pair in data_fields(reply.headers) if list(pair) in sent]
        self.assertEqual([list(pair) for pair in arrived], sent)
        self.assertEqual(reply.header("content-type"), "application/json")

    def test_hop_by_hop_headers_stop_here(self):
        self.mock.rule({"headers": [["Connection", "X-Hop"], ["X-Hop", "1"],
                                    ["Keep-Alive", "timeout=9"], ["Proxy-Connection", "x"]]})
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.all("x-hop"), reply.all("proxy-connection")), ([], []))
        self.assertNotIn("timeout=9", reply.all("keep-alive"))

    def test_farebox_says_who_answered(self):
        reply = self.post(CHAT, chat_body())
        self.assertRegex(reply.header("x-farebox-request-id"), r"^[A-Za-z0-9._:-]{1,128}$")
        self.assertEqual(reply.header("x-farebox-provider"), "openai")
        self.assertEqual(reply.header("x-farebox-attempts"), "1")
        self.assertEqual(reply.header("x-request-id")[:8], "req_mock")

    def test_a_provider_cannot_forge_our_headers(self):
        self.mock.rule({"headers": [["x-farebox-request-id", "forged"],
                                    ["x-farebox-cost-usd", "0"]]})
        reply = self.post(CHAT, chat_body(), {"x-farebox-request-id": "mine"})
        self.assertEqual(reply.all("x-farebox-request-id"), ["mine"])
        self.assertLessEqual(len(reply.all("x-farebox-cost-usd")), 1)

    def test_a_compressed_reply_passes_as_it_came_and_is_metered(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-encoding": "gzip"})
        self.assertEqual(reply.header("content-encoding"), "gzip")
        usage = json.loads(gzip.decompress(reply.body))["usage"]
        record = self.farebox.record_of(reply)
        self.assertEqual((record["inputTokens"], record["outputTokens"], record["estimated"]),
                         (usage["prompt_tokens"], usage["completion_tokens"], False))

    def test_a_head_reply_has_no_body(self):
        connection = self.connect()
        connection.ask("HEAD", "/v1/models")
        reply = connection.response("HEAD")
        self.assertEqual(reply.status, 200)
        self.assertGreater(int(reply.header("content-length", "1")), 0)
        connection.ask("GET", "/v1/models")
        self.assertEqual(connection.response().json()["object"], "list")

    def test_204_and_304_have_no_body(self):
        connection = self.connect()
        for status in (204, 304):
            connection.ask("POST", CHAT, {"x-mock-status": str(status)}, chat_body())
            reply = connection.response()
            self.assertEqual((reply.status, reply.all("transfer-encoding")), (status, []))
        connection.ask("POST", CHAT, (), chat_body())
        self.assertEqual(connection.response().status, 200)

    def test_a_redirect_passes_unfollowed(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-location": self.mock.url + "/echo"})
        self.assertEqual((reply.status, reply.header("location")), (307, self.mock.url + "/echo"))
        self.assertEqual(len(self.mock.requests()), 1)

    def test_a_providers_error_passes_untouched(self):
        for target, body in ((CHAT, chat_body()), (MESSAGES, messages_body()),
                             (GENERATE, generate_body())):
            self.mock.clear()
            reply = self.post(target, body, {"x-mock-status": "400"})
            self.assertEqual(reply.status, 400)
            self.assertIn("the mock was told to fail", reply.text)
            self.assertEqual(self.farebox.record_of(reply)["outcome"], "provider_error")

    def test_heads_before_the_final_one_do_no_harm(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-interim": "[102,103]"})
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.json()["object"], "chat.completion")

    def test_a_reply_that_ends_by_close_arrives_whole(self):
        for version in ("HTTP/1.1", "HTTP/1.0"):
            reply = self.post(CHAT, chat_body(), {"x-mock-framing": "close"}, version=version)
            self.assertTrue(reply.complete)
            self.assertEqual(reply.json()["object"], "chat.completion")

    def test_20_mib_come_down_whole(self):
        before = self.farebox.rss_kib()
        for framing in ("length", "chunked", "close"):
            reply = self.fetch("GET", "/openai/v1/files/x/content", {
                "x-mock-body-size": str(BIG), "x-mock-framing": framing,
                "x-mock-content-type": "application/octet-stream"}, timeout=60)
            self.assertTrue(reply.complete)
            self.assertEqual(len(reply.body), BIG)
        self.assertLess(self.farebox.rss_kib() - before, 16 << 10, "a reply was buffered")


class Streams(FareboxTest):
    """Anthropic's stream has nothing spliced: what the mock writes is what must come."""

    def test_chunks_come_one_for_one(self):
        expected = self.mock_chunks({"x-mock-chunks": "30"})
        reply = self.post(MESSAGES, messages_body(stream=True), {"x-mock-chunks": "30",
                                                                 "x-mock-delay-chunk-ms": "5"})
        self.assertEqual([c for c, _ in reply.chunks], expected)

    def mock_chunks(self, told):
        reply = fetch(self.mock.port, "POST", MESSAGES, told, messages_body(stream=True))
        return [c for c, _ in reply.chunks]

    def test_chunks_come_at_once(self):
        reply = self.post(MESSAGES, messages_body(stream=True),
                          {"x-mock-chunks": "60", "x-mock-delay-chunk-ms": "10", "x-mock-stamp": "1"})
        delays = []
        for octets, arrived in reply.chunks:
            stamp = json.loads(octets.split(b"data: ")[1])["t"]
            delays.append((arrived - stamp) * 1000)
        self.assertLess(statistics.median(delays), 2.0)
        self.assertLess(max(delays), 50.0)

    def test_events_cut_anywhere_keep_their_octets(self):
        expected = b"".join(self.mock_chunks({"x-mock-chunks": "20"}))
        for told in ({"x-mock-chunk-size": "7"}, {"x-mock-write-size": "3"}, {"x-mock-framing": "close"},
                     {"x-mock-chunk-size": "1000000"}):
            reply = self.post(MESSAGES, messages_body(stream=True), dict(told, **{"x-mock-chunks": "20"}))
            self.assertTrue(reply.complete, told)
            self.assertEqual(reply.body, expected, told)
            record = self.farebox.record_of(reply)
            self.assertEqual((record["outputTokens"], record["estimated"]), (20, False), told)

    def test_the_head_comes_before_the_first_event(self):
        connection = self.connect()
        connection.ask("POST", MESSAGES, {"x-mock-delay-body-ms": "400"}, messages_body(stream=True))
        reply = connection.head()
        for _ in connection.pieces(reply):
            pass
        self.assertGreater(reply.chunks[0][1] - reply.head_at, 0.3)

    def test_google_streams_keep_their_framing(self):
        for target in (STREAM_GENERATE, STREAM_GENERATE.partition("?")[0]):
            reply = self.post(target, generate_body())
            self.assertTrue(reply.complete)
            record = self.farebox.record_of(reply)
            self.assertEqual((record["inputTokens"], record["outputTokens"], record["stream"]),
                             (3, 8, True))
            self.assertEqual(b"\r\n\r\n" in reply.body, "alt=sse" in target)

    def test_a_slow_client_gets_all(self):
        connection = self.connect(receive_buffer=4096, timeout=30)
        connection.ask("POST", MESSAGES, {"x-mock-body-size": str(4 << 20), "x-mock-framing": "chunked"},
                       messages_body(stream=True))
        reply = connection.head()
        for octets in connection.pieces(reply):
            pass
        self.assertEqual((len(reply.body), reply.complete), (4 << 20, True))


class Connections(FareboxTest):
    def test_a_client_connection_is_kept(self):
        connection = self.connect()
        for _ in range(5):
            connection.ask("POST", CHAT, (), chat_body())
            self.assertEqual(connection.response().status, 200)
        self.assertEqual({s.connection for s in self.mock.requests()},
                         {self.mock.requests()[0].connection})

    def test_upstream_connections_are_shared_by_clients_that_follow(self):
        for _ in range(20):
            self.post(CHAT, chat_body())
        used = {s.connection for s in self.mock.requests()}
        self.assertLessEqual(len(used), 4, "at most one for each worker")

    def test_pipelined_requests_are_answered_in_order(self):
        connection = self.connect()
        names = ["first", "second", "third", "fourth"]
        connection.send(b"".join(request_octets("POST", CHAT, {"x-mock-model": name},
                                                json.dumps(chat_body())) for name in names))
        self.assertEqual([connection.response().json()["model"] for _ in names], names)

    def test_a_stream_and_then_a_request(self):
        connection = self.connect()
        for _ in range(3):
            connection.ask("POST", MESSAGES, (), messages_body(stream=True))
            self.assertTrue(connection.response().complete)
            connection.ask("POST", CHAT, (), chat_body())
            self.assertEqual(connection.response().status, 200)

    def test_an_upload_and_then_a_request(self):
        """Once, the upload's octets were read again as the next request: its end had
        been awaited while the connection to the provider was being made."""
        connection = self.connect()
        dial_again = {"x-mock-connection-close": "1"}
        for _ in range(5):
            connection.ask("POST", "/openai/echo/up", dial_again, b"sdp" * 300)
            self.assertEqual(connection.response().json()["bodySize"], 900)
            connection.ask("POST", CHAT, dial_again, chat_body())
            self.assertEqual(connection.response().json()["object"], "chat.completion")
        self.assertEqual([s.target for s in self.mock.requests()], ["/echo/up", CHAT] * 5)

    def test_close_is_honoured(self):
        connection = self.connect()
        connection.ask("POST", CHAT, {"Connection": "close"}, chat_body())
        reply = connection.response()
        self.assertEqual((reply.status, reply.header("connection", "").lower()), (200, "close"))
        self.assertTrue(connection.is_closed_within(2))

    def test_a_provider_that_closes_does_not_close_the_client(self):
        connection = self.connect()
        for told in ("x-mock-connection-close", "x-mock-close-after"):
            connection.ask("POST", CHAT, {told: "1"}, chat_body())
            reply = connection.response()
            self.assertEqual((reply.status, reply.all("connection")), (200, []))
        connection.ask("POST", CHAT, (), chat_body())
        self.assertEqual(connection.response().status, 200)

    def test_http_1_0_gets_http_1_0_manners(self):
        connection = self.connect()
        connection.ask("POST", MESSAGES, (), messages_body(stream=True), version="HTTP/1.0")
        reply = connection.response()
        self.assertEqual((reply.status, reply.framing, reply.all("transfer-encoding")),
                         (200, "close", []))
        self.assertIn("message_stop", reply.text)
        self.assertEqual(self.seen().version, "HTTP/1.1")


class FewConnections(FareboxTest):
    @classmethod
    def config(cls):
        return {"threads": 1, "providers": providers(
            cls.mock, each={"pool": {"max": 2, "acquire_timeout": "1s"},
                            "timeouts": {"connect": "1s"}})}

    # A body that streams through can't be sent twice, so it gets a fresh connection; the idle
    # ones it left held all slots, and after pool.max such calls there were none (503).
    def test_calls_that_cannot_be_repeated_do_not_use_up_the_pool(self):
        for _ in range(6):
            reply = self.post("/openai/v1/containers", None, chunks=[b"{}", b" "])
            self.assertNotEqual(reply.status, 503, reply.text[:200])
            self.assertEqual(self.post(CHAT, chat_body()).status, 200)


class Routing(FareboxTest):
    @classmethod
    def config(cls):
        table = providers(cls.mock)
        for name, entry in table.items():
            entry["base_url"] += "/at-" + name
        return {"providers": table}

    def where(self, target, method="POST"):
        self.mock.clear()
        self.fetch(method, target, (), b"{}" if method == "POST" else None)
        return self.seen().target

    def test_paths_find_their_provider(self):
        for target, expected in (
                ("/v1/chat/completions", "/at-openai/v1/chat/completions"),
                ("/v1/responses", "/at-openai/v1/responses"),
                ("/v1/messages", "/at-anthropic/v1/messages"),
                ("/v1/messages/count_tokens?beta=true",
                 "/at-anthropic/v1/messages/count_tokens?beta=true"),
                ("/v1/complete", "/at-anthropic/v1/complete"),
                ("/v1beta/models/g:generateContent", "/at-gemini/v1beta/models/g:generateContent"),
                ("/openai/deployments/d/chat/completions?api-version=1",
                 "/at-azure/openai/deployments/d/chat/completions?api-version=1"),
                ("/anthropic/v1/messages", "/at-anthropic/v1/messages"),
                ("/probe/anything/at%2Fall?x", "/at-probe/anything/at%2Fall?x"),
                ("/azure/openai/v1/chat/completions", "/at-azure/openai/v1/chat/completions")):
            self.assertEqual(self.where(target), expected)

    def test_pasted_base_urls_work(self):
        for target in ("/chat/completions", "/v1/v1/chat/completions", "/v1//chat/completions",
                       "//v1/chat/completions"):
            self.assertEqual(self.where(target), "/at-openai/v1/chat/completions", target)


class BaseUrls(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": {
            name: {"dialect": "openai", "base_url": cls.mock.url + path}
            for name, path in (("openai", "/v1"), ("slash", "/v1/"), ("bare", ""), ("bareslash", "/"))}}

    def test_a_base_url_with_or_without_v1_works(self):
        for name in ("slash", "bareslash", "bare"):
            reply = self.post("/%s/%s" % (name, "chat/completions" if name == "slash"
                                          else "v1/chat/completions"), chat_body())
            self.assertEqual(reply.status, 200, name)
        reply = self.post(CHAT, chat_body())
        self.assertEqual(reply.status, 200)
        self.assertEqual({s.target for s in self.mock.requests()}, {"/v1/chat/completions"})


class NoVia(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "via": False}

    def test_via_can_be_turned_off(self):
        self.post(CHAT, chat_body())
        self.assertEqual(self.seen().all("via"), [])


if __name__ == "__main__":
    unittest.main()
