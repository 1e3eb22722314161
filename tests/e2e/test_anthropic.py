"""The anthropic SDKs of node and of Python, as test_openai.py does it for OpenAI's."""

import json

import answers
from sdk_cases import Aborts, Bodies, Errors, Retries, Silence, Variables
from two_ways import SOON, TwoWays, behaving, failing

MESSAGES = "messages.create"
BODY = {"model": "claude-sonnet-4-5", "max_tokens": 8000000,
        "messages": [{"role": "user", "content": "one two three"}]}
TOOL = {"name": "fare_to", "description": "What a ride costs",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
SCHEMA = {"type": "object", "additionalProperties": False, "required": ["city", "price"],
          "properties": {"city": {"type": "string"}, "price": {"type": "number"}}}
SAID = "The fare is paid at the box before "


class Anthropic(Errors, Retries, Aborts, Bodies, Variables):
    sdk = "anthropic"
    # Their clients refuse whole calls that may take long, unless told how long.
    more = {"retries": 2, "timeout_ms": 30000}
    whole = {"path": MESSAGES, "body": BODY}
    long_stream = {"path": MESSAGES, "body": BODY}
    stream_error_class = "APIStatusError"

    def test_plain(self):
        pair = self.both("call", path=MESSAGES, body=BODY)
        self.assertEqual(pair.result["content"][0]["text"], SAID)
        self.assertEqual((pair.records[0]["endpoint"], pair.records[0]["provider"],
                          pair.records[0]["finishReason"]), ("messages", "anthropic", "end_turn"))

    def test_cut_by_the_limit(self):
        pair = self.both("call", path=MESSAGES, body=dict(BODY, max_tokens=3))
        self.assertEqual(pair.result["stop_reason"], "max_tokens")

    def test_cached_input(self):
        pair = self.both("call", behaving(cached_tokens=2), path=MESSAGES, body=BODY)
        self.assertEqual(pair.result["usage"]["cache_read_input_tokens"], 2)
        self.assertEqual(pair.records[0]["cachedInputTokens"], 2)

    def test_streamed(self):
        pair = self.both("stream", path=MESSAGES, body=BODY)
        text = "".join(e["delta"].get("text", "") for e in pair.events
                       if e["type"] == "content_block_delta")
        self.assertEqual(text, SAID)

    def test_collected_stream(self):
        pair = self.both("collect", body=BODY)
        self.assertEqual(pair.result["content"][0]["text"], SAID)

    def test_tool_use(self):
        for what, answer in (("call", answers.message_tool_use()),
                             ("stream", answers.message_tool_stream())):
            pair = self.both(what, behaving(**answer), path=MESSAGES,
                             tokens=[answers.MESSAGE_TOKENS], body=dict(BODY, tools=[TOOL]))
            self.assertEqual(pair.records[0]["toolCalls"], 1)

    def test_collected_tool_use(self):
        pair = self.both("collect", behaving(**answers.message_tool_stream()),
                         tokens=[answers.MESSAGE_TOKENS], body=dict(BODY, tools=[TOOL]))
        self.assertEqual(pair.result["content"][0]["input"], json.loads(answers.ARGUMENTS))

    def test_structured_output(self):
        body = dict(BODY, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
        pair = self.both("call", behaving(**answers.message_text(answers.FARE)),
                         tokens=[answers.MESSAGE_TOKENS], path=MESSAGES, body=body)
        self.assertEqual(pair.result["content"][0]["text"], answers.FARE)

    def test_an_image_in_the_prompt(self):
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                               "data": "iVBORw0KGgo" + "A" * 100001}}
        self.both("call", path=MESSAGES, body=dict(BODY, messages=[
            {"role": "user", "content": [picture, {"type": "text", "text": "one two"}]}]))

    def test_count_tokens(self):
        pair = self.both("call", path="messages.count_tokens" if self.runtime == "python"
                         else "messages.countTokens",
                         body={"model": BODY["model"], "messages": BODY["messages"]})
        self.assertEqual(pair.result["input_tokens"], 3)
        self.assertEqual((pair.records[0]["inputTokens"], pair.records[0]["costUsd"]), (0, "0"))

    def test_error_inside_a_stream(self):
        body = ('event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
                '"message":"Overloaded"}}\n\n')
        self.both("stream", behaving(body=body, content_type="text/event-stream"), path=MESSAGES,
                  body=BODY, fails=self.stream_error_class, outcomes=["provider_error"],
                  unfinished=None)

    def test_overloaded(self):
        self.both("call", failing(529, times=2, headers=SOON), attempts=3,
                  outcomes=["provider_error"] * 2 + ["ok"], path=MESSAGES, body=BODY)

    def test_base_urls(self):
        for base in ("", "/", "/v1", "/v1/", "/v1/v1", "/anthropic", "/anthropic/"):
            for what in ("call", "stream"):
                with self.subTest(base=base, what=what):
                    self.both(what, path=MESSAGES, body=BODY, base=base)


class NodeAnthropic(Anthropic, TwoWays):
    runtime = "node"
    timeout_class = "APIConnectionTimeoutError"
    stream_error_class = "APIError"

    def test_break_out_of_a_stream(self):
        self.leave_stream(leave="break")


class PythonAnthropic(Silence, Anthropic, TwoWays):
    runtime = "python"
    timeout_class = "APITimeoutError"
