"""What no provider reports is counted: by the model's own vocabulary where it is public, by a
ratio where it isn't, and by octets where nobody can."""

import json
import os
import unittest

from farebox_process import run_to_end
from harness import CHAT, GENERATE, MESSAGES, FareboxTest, chat_body, messages_body, providers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TEXT = "Tell me, in three words, what a sidecar proxy is. \u00dcber alles \U0001f600!"
SILENT = {"x-mock-usage": "false"}


def deltas(reply):
    """The text of a chat stream."""
    text = ""
    for line in reply.body.decode().splitlines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:]).get("choices", ()):
                text += (choice.get("delta") or {}).get("content") or ""
    return text


@unittest.skipUnless(os.path.exists(os.path.join(ROOT, "build", "vocabularies")),
                     "skipping: no vocabularies here; run ./dev setup")
class Counting(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, shy={"inject_usage": "never"},
                                       each={"timeouts": {"first_byte": "600ms", "idle": "600ms"},
                                             "retry": {"max_attempts": 1}})}

    def tokens(self, text, model="gpt-4.1-mini"):
        code, out, err = run_to_end(["count", "--model", model], text=text)
        self.assertEqual(code, 0, err)
        return json.loads(out)["tokens"]

    def test_a_stream_of_an_old_server(self):
        reply = self.post("/shy" + CHAT, chat_body(text=TEXT, stream=True), {"x-mock-chunks": "40"})
        record = self.farebox.record_of(reply)
        # Four for the message and its marks, three for the beginning of the answer.
        self.assertEqual(record["inputTokens"], self.tokens(TEXT) + 7)
        self.assertEqual(record["outputTokens"], self.tokens(deltas(reply)))
        self.assertEqual(record["estimatedBy"], ["input_counted", "output_counted"])
        self.assertTrue(record["estimated"] and record["priced"])
        self.assertEqual(record["outcome"], "ok")

    def test_a_whole_answer_of_an_old_server(self):
        reply = self.post(CHAT, chat_body(text=TEXT), SILENT)
        record = self.farebox.record_of(reply)
        text = reply.json()["choices"][0]["message"]["content"]
        self.assertEqual((record["inputTokens"], record["outputTokens"]),
                         (self.tokens(TEXT) + 7, self.tokens(text)))

    def test_a_stream_that_broke(self):
        reply = self.post(CHAT, chat_body(text=TEXT, stream=True),
                          {"x-mock-chunks": "40", "x-mock-cut-chunks": "20"})
        record = self.farebox.record_of(reply)
        seen = self.tokens(deltas(reply))
        self.assertEqual(record["outcome"], "upstream_error")
        self.assertEqual(record["outputTokens"], seen + 64, "and the allowance for what was under way")
        self.assertEqual(record["estimatedBy"], ["input_counted", "output_counted", "output_allowance"])

    def test_a_client_that_left(self):
        connection = self.connect()
        connection.ask("POST", CHAT, {"x-mock-delay-chunk-ms": "20", "x-farebox-request-id": "left-1"},
                       chat_body(text=TEXT, stream=True, max_tokens=2000))
        connection.head()
        connection.close()
        record = self.farebox.record_of("left-1")
        self.assertEqual(record["outcome"], "client_closed")
        self.assertEqual(record["inputTokens"], self.tokens(TEXT) + 7)
        self.assertIn("output_counted", record["estimatedBy"])
        self.assertLessEqual(record["outputTokens"], 64 + 40)

    def test_a_model_without_a_public_vocabulary(self):
        reply = self.post(MESSAGES, messages_body(text=TEXT), SILENT)
        record = self.farebox.record_of(reply)
        self.assertEqual(record["estimatedBy"], ["input_ratio", "output_ratio"])
        text = reply.json()["content"][0]["text"]
        self.assertEqual(record["outputTokens"], self.tokens(text, "claude-sonnet-4-5"))
        self.assertLess(record["inputTokens"], len(json.dumps(messages_body(text=TEXT))) // 2)

    def test_what_a_stream_said_at_its_start_stands(self):
        """Anthropic tells the input first: a cut stream's is no estimate."""
        reply = self.post(MESSAGES, messages_body(text=TEXT, stream=True),
                          {"x-mock-cut-chunks": "6", "x-mock-input-tokens": "1234"})
        record = self.farebox.record_of(reply)
        self.assertEqual(record["inputTokens"], 1234)
        self.assertEqual(record["estimatedBy"], ["output_ratio", "output_allowance"])

    def test_a_model_nobody_knows_is_bounded_by_its_octets(self):
        body = chat_body(text=TEXT, model="own-model-7", stream=True)
        reply = self.post("/shy" + CHAT, body)
        record = self.farebox.record_of(reply)
        self.assertEqual(record["estimatedBy"], ["input_octets", "output_octets"])
        self.assertEqual(record["inputTokens"], len(self.mock.requests()[0].body))
        self.assertEqual((record["priced"], record["costUsd"]), (False, None))

    def test_a_long_prompt_delays_nobody(self):
        """Two megabytes are counted beside the worker: others don't wait for it."""
        long = "The quick brown fox jumps over the lazy dog. " * 45_000
        reply = self.post("/shy" + CHAT, chat_body(text=long, stream=True))
        record = self.farebox.record_of(reply)
        self.assertEqual(record["estimatedBy"], ["input_counted", "output_counted"])
        self.assertEqual(record["inputTokens"], 450_001 + 7)

    def test_what_is_seen_but_cannot_be_counted_is_not_nothing(self):
        """Once, sound without a usage was counted as an answer of no tokens."""
        reply = self.post("/v1/audio/speech", {"model": "gpt-4o-mini-tts", "input": TEXT, "voice": "alloy"},
                          {"x-mock-body-size": "5000", "x-mock-content-type": "audio/mpeg"})
        record = self.farebox.record_of(reply)
        self.assertIn("output_octets", record["estimatedBy"])
        self.assertGreaterEqual(record["outputTokens"], 5000)

    def test_an_embedding_makes_no_tokens(self):
        reply = self.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": TEXT}, SILENT)
        record = self.farebox.record_of(reply)
        self.assertEqual((record["inputTokens"], record["outputTokens"]), (self.tokens(TEXT), 0))


if __name__ == "__main__":
    unittest.main()
