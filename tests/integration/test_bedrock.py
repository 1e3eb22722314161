"""Amazon Bedrock through the program: binary streams pass piece by piece and are counted
on the side, keys are replaced, refusals have AWS's shape."""

import base64
import json
import struct
import unittest
import zlib

from harness import CALM, FareboxTest
from test_recordings import SELECTION, load

KEY = "bedrock-api-key-0123456789abcdef"
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CONVERSE = "/bedrock/model/%s/converse" % MODEL.replace(":", "%3A")


def frame(payload, **headers):
    octets = b""
    for name, value in headers.items():
        name = b":" + name.replace("_", "-").encode()
        octets += bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", 16 + len(octets) + len(payload), len(octets))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + octets + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def event(kind, **payload):
    return frame(json.dumps(payload).encode(), event_type=kind, content_type="application/json",
                 message_type="event")


STREAM = [event("messageStart", role="assistant"),
          event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hello"}, p="abc"),
          event("messageStop", stopReason="end_turn"),
          event("metadata", usage={"inputTokens": 7, "outputTokens": 5, "totalTokens": 62,
                                   "cacheReadInputTokens": 20, "cacheWriteInputTokens": 30,
                                   "cacheDetails": [{"ttl": "1h", "inputTokens": 30}]})]


class Bedrock(FareboxTest):
    @classmethod
    def mock_arguments(cls):
        return {"recordings": [SELECTION]}

    @classmethod
    def config(cls):
        return {"providers": {
            "bedrock": dict(CALM, base_url=cls.mock.url, api_keys=[KEY], retry={"max_attempts": 1}),
            "passing": dict(CALM, base_url=cls.mock.url, dialect="bedrock"),
            "gone": dict(CALM, base_url="http://127.0.0.1:9", dialect="bedrock")}}

    def stream(self, octets, target=CONVERSE + "-stream", **more):
        self.mock.rule(dict({"body_base64": base64.b64encode(octets).decode(),
                             "content_type": "application/vnd.amazon.eventstream"}, **more))
        return self.post(target, {"messages": []})

    def test_the_key_is_replaced_and_the_path_kept(self):
        self.mock.rule({"body": json.dumps({"stopReason": "end_turn", "usage": {
            "inputTokens": 3, "outputTokens": 4, "totalTokens": 7}})})
        reply = self.post(CONVERSE, {"messages": [], "inferenceConfig": {"maxTokens": 9}},
                          [("Authorization", "Bearer the-callers-own-key")])
        seen = self.seen()
        self.assertEqual(seen.all("authorization"), ["Bearer " + KEY])
        self.assertEqual(seen.target, "/model/%s/converse" % MODEL.replace(":", "%3A"))
        record = self.farebox.record_of(reply)
        self.assertEqual((record["inputTokens"], record["outputTokens"]), (3, 4))
        self.assertEqual((record["model"], record["dialect"], record["endpoint"]),
                         (MODEL, "bedrock", "converse"))
        self.assertTrue(record["priced"])
        self.assertEqual(record["costUsd"], "0.0000759")    # the us. price: 3.30 and 16.50

    def test_an_arn_is_priced_as_what_it_ends_with(self):
        self.mock.rule({"body": json.dumps({"usage": {"inputTokens": 3, "outputTokens": 4}})})
        arn = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/" + MODEL
        reply = self.post("/bedrock/model/%s/converse" % arn.replace(":", "%3A").replace("/", "%2F"),
                          {"messages": []})
        record = self.farebox.record_of(reply)
        self.assertEqual((record["model"], record["costUsd"]), (arn, "0.0000759"))

    def test_a_path_without_a_provider_goes_to_the_first_bedrock(self):
        self.mock.rule({"body": "{}"})
        self.post(CONVERSE[len("/bedrock"):], {"messages": []})
        self.assertEqual(self.seen().all("authorization"), ["Bearer " + KEY])

    def test_the_paths_model_sets_the_price_of_invoke(self):
        self.mock.rule({"body": json.dumps({
            "type": "message", "model": "claude-sonnet-4-5-20250929", "stop_reason": "end_turn",
            "content": [], "usage": {"input_tokens": 3, "output_tokens": 4}})})
        reply = self.post("/bedrock/model/%s/invoke" % MODEL, {"max_tokens": 9, "messages": []})
        record = self.farebox.record_of(reply)
        self.assertEqual((record["model"], record["costUsd"]),
                         ("claude-sonnet-4-5-20250929", "0.0000759"))

    def test_a_binary_stream_is_counted_and_unchanged(self):
        for size in (1, 13, 4096):
            with self.subTest(chunk_size=size):
                self.mock.clear()
                reply = self.stream(b"".join(STREAM), framing="chunked", chunk_size=size)
                self.assertEqual(reply.body, b"".join(STREAM))
                record = self.farebox.record_of(reply)
                wanted = {"inputTokens": 57, "outputTokens": 5, "cachedInputTokens": 20,
                          "cacheWriteTokens": 30, "stream": True, "outcome": "ok",
                          "finishReason": "end_turn", "estimated": False}
                self.assertEqual({k: record[k] for k in wanted}, wanted)

    def test_nothing_waits_for_a_frame(self):
        # One octet a chunk, 20 ms apart: the first is here long before the last was sent.
        octets = STREAM[0][:40]
        reply = self.stream(octets, framing="chunked", chunk_size=1, delay_chunk_ms=20)
        self.assertEqual([o for o, _ in reply.chunks], [octets[i:i + 1] for i in range(40)])
        times = [t for _, t in reply.chunks]
        gaps = sorted(b - a for a, b in zip(times, times[1:]))
        self.assertGreater(times[-1] - times[0], 0.4)
        self.assertLess(gaps[-1], 0.4)

    def test_a_damaged_frame_stops_the_counting_not_the_stream(self):
        damaged = bytearray(STREAM[1])
        damaged[20] ^= 1
        octets = STREAM[0] + bytes(damaged) + STREAM[2] + STREAM[3]
        reply = self.stream(octets)
        self.assertEqual((reply.status, reply.body), (200, octets))
        record = self.farebox.record_of(reply)
        self.assertTrue(record["estimated"])
        self.assertGreater(record["inputTokens"], 0)

    def test_an_exception_in_a_stream_is_the_providers_error(self):
        exception = frame(b'{"message":"slow down"}', message_type="exception",
                          exception_type="throttlingException", content_type="application/json")
        reply = self.stream(STREAM[0] + exception)
        self.assertEqual(reply.body, STREAM[0] + exception)
        self.assertEqual(self.farebox.record_of(reply)["outcome"], "provider_error")

    def test_recorded_streams_pass_octet_by_octet(self):
        checked = 0
        for recording in load(SELECTION):
            if recording["framing"] != "aws-eventstream" or len(recording["response"]["body"]) > 4000:
                continue
            reply = self.post("/passing/model/m/" + recording["request"]["url"].rpartition("/")[2],
                              {"messages": []}, [("x-mock-recording", recording["id"]),
                                                 ("x-mock-split", "byte")])
            record = self.farebox.record_of(reply)
            expected = recording["expected"]
            if expected["usage_found"]:
                self.assertEqual((record["inputTokens"], record["outputTokens"], record["estimated"]),
                                 (expected["input_tokens"], expected["output_tokens"], False))
                checked += 1
        self.assertGreater(checked, 3)

    def test_a_request_that_was_signed_passes_as_it_is(self):
        signature = ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/bedrock/aws4_request,"
                     " SignedHeaders=host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6")
        body = b'{"messages": [] }'
        self.post(CONVERSE.replace("/bedrock", "/passing"), body,
                  [("Authorization", signature), ("X-Amz-Date", "20150830T123600Z")])
        seen = self.seen()
        self.assertEqual((seen.all("authorization"), seen.all("x-amz-date"), seen.body),
                         ([signature], ["20150830T123600Z"], body))

    def test_refusals_have_the_shape_that_aws_sdks_read(self):
        reply = self.post(CONVERSE.replace("/bedrock", "/gone"), {"messages": []})
        self.assertEqual((reply.status, reply.header("x-amzn-errortype")),
                         (502, "ServiceUnavailableException"))
        self.assertIn("gone", json.loads(reply.body)["message"])
        twice = b'{"inferenceConfig":{"maxTokens":1},"inferenceConfig":{"maxTokens":2}}'
        reply = self.post(CONVERSE, twice)
        self.assertEqual((reply.status, reply.header("x-amzn-errortype")),
                         (400, "ValidationException"))
        # Its OpenAI-compatible paths answer as OpenAI's SDKs expect.
        reply = self.post("/gone/openai/v1/chat/completions", {"model": "m", "messages": []})
        self.assertEqual(json.loads(reply.body)["error"]["type"], "server_error")


if __name__ == "__main__":
    unittest.main()
