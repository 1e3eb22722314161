"""Answers of real providers, recorded, read by the real SDKs: what an SDK makes of each is
the same with farebox in between. A recording is replayed whatever is asked."""

import glob
import json
import os

import _paths
from two_ways import TwoWays, behaving

FOLDER = os.path.join(_paths.ROOT, "tests", "data", "recordings")
CHAT_BODY = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "one"}]}
CHAT = {"path": "chat.completions.create", "body": CHAT_BODY}
# Asked for by the client, so that farebox has nothing to take out of a recorded stream.
CHAT_STREAM = {"path": "chat.completions.create",
               "body": dict(CHAT_BODY, stream_options={"include_usage": True})}
RESPONSES = {"path": "responses.create", "body": {"model": "gpt-4.1-mini", "input": "one"}}
EMBEDDINGS = {"path": "embeddings.create", "body": {"model": "text-embedding-3-small", "input": "one",
                                                    "encoding_format": "float"}}
IMAGES = {"path": "images.generate", "body": {"model": "gpt-image-1", "prompt": "one"}}
MESSAGES = {"path": "messages.create", "body": {"model": "claude-sonnet-4-5", "max_tokens": 100,
                                                "messages": CHAT_BODY["messages"]}}
ASKED = {"model": "gemini-2.5-flash", "contents": "one"}

# (API of the recording, was a stream asked for): how each SDK asks for it.
CALLS = {
    "openai": {("openai.chat", False): ("call", CHAT), ("openai.chat", True): ("stream", CHAT_STREAM),
               ("openai.responses", False): ("call", RESPONSES),
               ("openai.responses", True): ("stream", RESPONSES),
               ("openai.embeddings", False): ("call", EMBEDDINGS),
               ("openai.images", False): ("call", IMAGES)},
    "anthropic": {("anthropic.messages", False): ("call", MESSAGES),
                  ("anthropic.messages", True): ("stream", MESSAGES)},
    "genai": {("gemini.generateContent", False):
                  ("call", {"path": "models.generateContent", "body": ASKED}),
              ("gemini.streamGenerateContent", True):
                  ("stream", {"path": "models.generateContentStream", "body": ASKED})},
}


PROVIDERS = {"openai": ("openai", "azure"), "anthropic": ("anthropic",), "genai": ("gemini",)}


def recordings(sdk):
    """Those the calls of this SDK can be answered with."""
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.jsonl"))):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                one = json.loads(line)
                if (one["provider"] in PROVIDERS[sdk]
                        and (one["api"], one["stream"]) in CALLS[sdk]):
                    yield one


class Recordings:
    @classmethod
    def mock_arguments(cls):
        return {"recordings": [FOLDER]}

    def test_every_recording(self):
        seen = 0
        for recording in recordings(self.sdk):
            what, args = CALLS[self.sdk][recording["api"], recording["stream"]]
            with self.subTest(recording["id"], api=recording["api"], stream=recording["stream"]):
                rule = behaving(recording=recording["id"], split="event")
                pair = self.compare(what, rule, args, ends_alike=False)
                self.check_record(recording, pair)
                seen += 1
        self.assertGreater(seen, 20)

    def check_record(self, recording, pair):
        """An SDK may raise on an odd answer; farebox counts it all the same."""
        (record,) = pair.records
        expected = recording["expected"]
        if recording["response"]["status"] >= 400:
            self.assertEqual(record["outcome"], "provider_error")
        elif record["outcome"] == "ok" and expected["output_tokens"] is not None:
            self.assertEqual(record["outputTokens"], expected["output_tokens"])


class NodeOpenAi(Recordings, TwoWays):
    runtime, sdk, base, more = "node", "openai", "/v1", {"retries": 0}


class PythonOpenAi(Recordings, TwoWays):
    runtime, sdk, base, more = "python", "openai", "/v1", {"retries": 0}


class NodeAnthropic(Recordings, TwoWays):
    runtime, sdk, more = "node", "anthropic", {"retries": 0, "timeout_ms": 30000}


class PythonAnthropic(Recordings, TwoWays):
    runtime, sdk, more = "python", "anthropic", {"retries": 0, "timeout_ms": 30000}


class Gemini(Recordings, TwoWays):
    runtime, sdk = "node", "genai"
