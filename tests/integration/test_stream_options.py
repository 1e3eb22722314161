"""OpenAI streams report usage only when asked. farebox asks by splicing octets
into the request and takes the one chunk it caused out of the reply."""

import json
import unittest

from harness import CHAT, MESSAGES, FareboxTest, chat_body, fetch, messages_body, providers

ASKED = {"include_usage": True}
ODD = (b'{"model" : "gpt-4.1-mini","messages":[{"role":"user","content":"one two three"}],'
       b'\n "stream":true , "x": 1.50e+1, "y": "\\u00e9" }')


def without_usage_chunk(chunks):
    return [c for c in chunks if b'"choices":[],' not in c]


class Splicing(FareboxTest):
    def stream(self, body, headers=()):
        reply = self.post(CHAT, body, headers)
        self.assertEqual(reply.status, 200, reply.text)
        self.assertTrue(reply.complete)
        return reply

    def chunks_when_asked(self, body=None):
        body = dict(body or chat_body(stream=True), stream_options=ASKED)
        reply = fetch(self.mock.port, "POST", CHAT, (), body)
        self.mock.clear()
        # The id comes from the body's digest, which the splice may change.
        return [self.no_id(c) for c, _ in reply.chunks]

    @staticmethod
    def no_id(chunk):
        if not chunk.startswith(b"data: {"):
            return chunk
        event = json.loads(chunk[6:])
        event.pop("id")
        return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"

    def test_usage_is_asked_for(self):
        self.stream(chat_body(stream=True))
        self.assertEqual(self.seen().json(), chat_body(stream=True, stream_options=ASKED))

    def test_everything_else_keeps_its_octets(self):
        self.stream(ODD)
        body = self.seen().body
        self.assertEqual(json.loads(body)["stream_options"], ASKED)
        start = next(i for i in range(len(ODD)) if body[i] != ODD[i])
        length = len(body) - len(ODD)
        self.assertEqual(body[:start] + body[start + length:], ODD)

    def test_other_stream_options_stay(self):
        options = {"include_obfuscation": False}
        self.stream(chat_body(stream=True, stream_options=options))
        self.assertEqual(self.seen().json()["stream_options"], dict(options, **ASKED))

    def test_a_chunked_request_is_spliced_too(self):
        body = json.dumps(chat_body(stream=True)).encode()
        reply = self.post(CHAT, None, chunks=[body[:20], body[20:]])
        self.assertTrue(reply.complete)
        self.assertEqual(self.seen().json()["stream_options"], ASKED)

    def test_the_one_chunk_is_taken_out_and_nothing_else(self):
        expected = without_usage_chunk(self.chunks_when_asked())
        reply = self.stream(chat_body(stream=True))
        self.assertEqual([self.no_id(c) for c, _ in reply.chunks], expected)
        self.assertEqual(reply.events()[-1], "[DONE]")
        self.assertIsNone(json.loads(reply.events()[0])["usage"])

    def test_the_chunk_is_taken_out_wherever_the_wire_cuts_it(self):
        whole = b"".join(c for c, _ in self.stream(chat_body(stream=True)).chunks)
        for told in ({"x-mock-chunk-size": "5"}, {"x-mock-chunk-size": "100000"},
                     {"x-mock-write-size": "1"}, {"x-mock-framing": "close"},
                     {"x-mock-framing": "length"}):
            reply = self.stream(chat_body(stream=True), told)
            self.assertEqual(reply.body, whole, told)

    def test_usage_is_metered_exactly(self):
        record = self.farebox.record_of(self.stream(chat_body(stream=True)))
        self.assertEqual((record["inputTokens"], record["outputTokens"]), (3, 8))
        self.assertEqual((record["estimated"], record["stream"], record["outcome"]),
                         (False, True, "ok"))

    def test_a_client_who_asks_keeps_its_chunk_and_its_body(self):
        body = json.dumps(chat_body(stream=True, stream_options=ASKED)).encode()
        reply = self.stream(body)
        self.assertEqual(self.seen().body, body)
        self.assertEqual(json.loads(reply.events()[-2])["usage"]["total_tokens"], 11)

    def test_a_client_who_asks_gets_every_chunk_one_for_one(self):
        expected = self.chunks_when_asked()
        reply = self.stream(chat_body(stream=True, stream_options=ASKED))
        self.assertEqual([self.no_id(c) for c, _ in reply.chunks], expected)

    def test_azures_first_empty_choices_stay(self):
        path = "/openai/deployments/d/chat/completions?api-version=2024-10-21"
        reply = self.post(path, chat_body(stream=True))
        events = [json.loads(e) for e in reply.events()[:-1]]
        self.assertEqual(events[0]["choices"], [])
        self.assertIn("prompt_filter_results", events[0])
        self.assertEqual([e for e in events if e.get("usage")], [])

    def test_legacy_completions_are_spliced_too(self):
        reply = self.post("/v1/completions", {"model": "gpt-3.5-turbo-instruct", "prompt": "a b",
                                              "stream": True})
        self.assertEqual(self.seen().json()["stream_options"], ASKED)
        self.assertEqual([e for e in reply.events()[:-1] if json.loads(e)["choices"] == []], [])

    def test_what_is_no_such_stream_is_left_alone(self):
        for target, body in ((CHAT, chat_body()), (CHAT, chat_body(stream=False)),
                             (MESSAGES, messages_body(stream=True)),
                             ("/v1/responses", {"model": "m", "input": "a", "stream": True}),
                             ("/v1/embeddings", {"model": "m", "input": "a"})):
            self.mock.clear()
            octets = json.dumps(body).encode()
            self.post(target, octets)
            self.assertEqual(self.seen().body, octets, target)

    def test_an_error_instead_of_a_stream_passes(self):
        reply = self.post(CHAT, chat_body(stream=True), {"x-mock-status": "401"})
        self.assertEqual(reply.status, 401)
        self.assertIn("the mock was told to fail", reply.text)

    def test_a_usage_chunk_nobody_asked_for_elsewhere_stays(self):
        """Only the chunk farebox caused is removed; here the client asked."""
        reply = self.stream(chat_body(stream=True, stream_options=ASKED), {"x-mock-usage-always": "1"})
        self.assertEqual(json.loads(reply.events()[-2])["choices"], [])


class Fallback(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, picky400={}, picky422={}, picky={})}

    def test_a_provider_that_refuses_the_field_is_asked_again_without(self):
        for status in ("400", "422"):
            self.mock.clear()
            target = "/picky%s/v1/chat/completions" % status
            told = {"x-mock-refuse-stream-options": status}
            body = json.dumps(chat_body(stream=True)).encode()
            reply = self.post(target, body, told)
            self.assertEqual((reply.status, reply.complete), (200, True), reply.text)
            first, second = self.mock.requests()
            self.assertIn(b"stream_options", first.body)
            self.assertEqual(second.body, body)
            record = self.farebox.record_of(reply)
            self.assertEqual(len(record["attempts"]), 2)
            self.assertEqual(record["outcome"], "ok")

            self.mock.clear()
            self.assertEqual(self.post(target, body, told).status, 200)
            self.assertEqual(self.seen().body, body, "it was not remembered")

    def test_without_usage_the_tokens_are_estimated(self):
        told = {"x-mock-refuse-stream-options": "422"}
        reply = self.post("/picky422/v1/chat/completions", chat_body(stream=True), told)
        record = self.farebox.record_of(reply)
        self.assertTrue(record["estimated"])
        self.assertGreater(record["inputTokens"], 0)
        self.assertGreater(record["outputTokens"], 0)

    def test_a_client_who_asked_gets_the_refusal(self):
        reply = self.post("/picky/v1/chat/completions", chat_body(stream=True, stream_options=ASKED),
                          {"x-mock-refuse-stream-options": "422"})
        self.assertEqual(reply.status, 422)
        self.assertEqual(len(self.mock.requests()), 1)

    def test_another_400_is_not_repeated(self):
        reply = self.post("/picky/v1/chat/completions", chat_body(stream=True),
                          {"x-mock-status": "400"})
        self.assertEqual(reply.status, 400)
        self.assertEqual(len(self.mock.requests()), 1)


class Settings(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, shy={"inject_usage": "never"},
                                       keen={"inject_usage": "always"})}

    def test_never_leaves_the_octets_and_estimates(self):
        body = json.dumps(chat_body(stream=True)).encode()
        reply = self.post("/shy/v1/chat/completions", body)
        self.assertEqual(self.seen().body, body)
        self.assertTrue(self.farebox.record_of(reply)["estimated"])

    def test_always_asks(self):
        self.post("/keen/v1/chat/completions", chat_body(stream=True))
        self.assertEqual(self.seen().json()["stream_options"], ASKED)


if __name__ == "__main__":
    unittest.main()
