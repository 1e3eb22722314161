"""Dialects that the operator describes: a server nobody has heard of is metered by the
pointers of the configuration, and a reload changes them while requests run."""

import json
import os
import unittest

from harness import CALM, ROOT, FareboxTest, run_to_end

KEY = "acme-key-0123456789abcdefghij"
REPLY = {"engine": "talk-1-2026", "why": "stop",
         "bill": {"read": 12, "written": 30, "remembered": 4, "thought": 8}, "answer": "hello"}


def dialect(**changes):
    return dict({
        "base": "openai",
        "paths": [{"path": "/v9/talk", "endpoint": "chat"},
                  {"path": "/v9/models/{model}/stream", "endpoint": "chat", "stream": "always"},
                  {"path": "/v9/models", "method": "GET", "endpoint": "passthrough"}],
        "credential": {"header": "x-acme-key", "scheme": "Token"},
        "request": {"model": "/engine/name", "stream": "/live", "max_output_tokens": "/limit"},
        "reply": {"model": "/engine", "finish_reason": "/why", "input_tokens": "/bill/read",
                  "output_tokens": "/bill/written", "cached_input_tokens": "/bill/remembered",
                  "reasoning_tokens": "/bill/thought", "text": "/piece",
                  "error": "/trouble", "error_code": "/trouble/kind"},
        "includes": {"reasoning_in_output": False},
        "stream": {"end": {"pointer": "/over", "equals": "true"}}}, **changes)


class Described(FareboxTest):
    @classmethod
    def config(cls, **changes):
        return {"dialects": {"acme": dialect(**changes)},
                "providers": {"acme": dict(CALM, base_url=cls.mock.url, api_keys=[KEY],
                                           retry={"max_attempts": 1}),
                              "gone": dict(CALM, base_url="http://127.0.0.1:9", dialect="acme")},
                "prices": {"overrides": {"talk-1-2026": {"input": "1", "output": "2"}}}}

    def talk(self, target="/acme/v9/talk", headers=(), **behaviour):
        self.mock.rule(dict({"body": json.dumps(REPLY)}, **behaviour))
        return self.post(target, {"engine": {"name": "talk-1"}, "limit": 90}, headers)

    def test_a_whole_reply_is_counted(self):
        reply = self.talk()
        self.assertEqual(json.loads(reply.body), REPLY)
        record = self.farebox.record_of(reply)
        wanted = {"dialect": "acme", "endpoint": "chat", "provider": "acme", "inputTokens": 12,
                  "outputTokens": 38, "cachedInputTokens": 4, "reasoningTokens": 8,
                  "model": "talk-1-2026", "requestedModel": "talk-1", "finishReason": "stop",
                  "estimated": False, "priced": True, "metered": True, "stream": False}
        self.assertEqual({k: record[k] for k in wanted}, wanted)

    def test_the_key_travels_where_the_description_says(self):
        self.talk(headers=[("X-Acme-Key", "the-callers-own"), ("Authorization", "Bearer other")])
        seen = self.seen()
        self.assertEqual(seen.all("x-acme-key"), ["Token " + KEY])
        self.assertEqual(seen.all("authorization"), [])
        self.assertEqual(seen.target, "/v9/talk")

    def test_a_virtual_key_in_that_place_never_travels_on(self):
        reply = self.talk(headers=[("X-Acme-Key", "Token fb-" + "A" * 43)])
        self.assertEqual(reply.status, 401)
        self.assertEqual(self.mock.requests(), [])

    def test_streams_are_counted_in_both_framings(self):
        pieces = [{"engine": "talk-1-2026", "piece": "he"}, {"piece": "llo"},
                  {"bill": {"read": 5, "written": 2}, "why": "stop", "over": True}]
        framings = {"text/event-stream": b"".join(b"data: %s\n\n" % json.dumps(p).encode() for p in pieces),
                    "application/x-ndjson": b"".join(json.dumps(p).encode() + b"\n" for p in pieces)}
        for content_type, octets in framings.items():
            with self.subTest(content_type):
                self.mock.clear()
                reply = self.talk(target="/acme/v9/models/talk-2/stream", body=octets.decode(),
                                  framing="chunked", chunk_size=7, content_type=content_type)
                self.assertEqual(reply.body, octets)
                record = self.farebox.record_of(reply)
                wanted = {"stream": True, "requestedModel": "talk-2", "model": "talk-1-2026",
                          "inputTokens": 5, "outputTokens": 2, "estimated": False, "outcome": "ok"}
                self.assertEqual({k: record[k] for k in wanted}, wanted)

    def test_a_reply_without_numbers_is_estimated_never_zero(self):
        for bill in ({}, {"read": -1, "written": 2}, {"read": 1.5, "written": 2}, None):
            self.mock.clear()
            reply = self.talk(body=json.dumps(dict(REPLY, bill=bill)))
            record = self.farebox.record_of(reply)
            self.assertTrue(record["estimated"])
            self.assertGreater(record["inputTokens"], 0)

    def test_errors_inside_a_200_are_the_providers(self):
        reply = self.talk(body='{"trouble": {"kind": "no_engine"}}')
        self.assertEqual(self.farebox.record_of(reply)["outcome"], "provider_error")

    def test_a_repeated_key_that_counts_is_refused(self):
        reply = self.post("/acme/v9/talk", b'{"live":true,"live":false}')
        self.assertEqual((reply.status, json.loads(reply.body)["error"]["code"]), (400, "bad_request"))

    def test_free_and_undescribed_paths(self):
        self.mock.rule({"body": "[]"})
        record = self.farebox.record_of(self.fetch("GET", "/acme/v9/models"))
        self.assertEqual((record["endpoint"], record["dialect"], record["costUsd"], record["priced"]),
                         ("passthrough", "acme", "0", True))
        # What wasn't described is the base's.
        reply = self.post("/acme/v1/chat/completions", {"model": "m", "messages": []})
        record = self.farebox.record_of(reply)
        self.assertEqual((record["endpoint"], record["dialect"]), ("chat.completions", "openai"))

    def test_refusals_have_the_bases_shape(self):
        reply = self.post("/gone/v9/talk", {})
        self.assertEqual((reply.status, json.loads(reply.body)["error"]["type"]), (502, "server_error"))

    def test_an_unprefixed_path_never_goes_there(self):
        self.assertEqual(self.post("/v1/chat/completions", {"model": "m"}).status, 404)

    def test_the_admin_port_names_it(self):
        rows = self.farebox.admin_json("/api/providers")["providers"]
        self.assertEqual({r["name"]: r["dialect"] for r in rows}, {"acme": "acme", "gone": "acme"})

    def test_a_reload_changes_the_pointers(self):
        reply_members = dict(dialect()["reply"], input_tokens="/bill/written")
        try:
            self.farebox.reload(self.config(reply=reply_members))
            record = self.farebox.record_of(self.talk())
            self.assertEqual(record["inputTokens"], 30)
        finally:
            self.farebox.reload(self.config())
        self.mock.clear()
        self.assertEqual(self.farebox.record_of(self.talk())["inputTokens"], 12)


class DescribedFiles(unittest.TestCase):
    def test_the_example_passes_the_check(self):
        example = os.path.join(ROOT, "config", "examples", "described.yaml")
        code, out, err = run_to_end(["check", "--config", example])
        self.assertEqual(code, 0, "%s%s" % (out, err))


if __name__ == "__main__":
    unittest.main()
