"""openai of node and of Python: what a program using them sees is what the provider
says, and what the provider sees is what the program says."""

import answers
from sdk_cases import Aborts, Bodies, Errors, Retries, Silence, Variables
from two_ways import ANY, TwoWays, behaving

CHAT = "chat.completions.create"
RESPONSES = "responses.create"
ASKED = [{"role": "user", "content": "one two three"}]
CHAT_BODY = {"model": "gpt-4.1-mini", "messages": ASKED}
RESPONSES_BODY = {"model": "gpt-4.1-mini", "input": "one two three"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
# Answers made beforehand have a usage chunk whether it was asked for or not.
WITH_USAGE = {"stream_options": {"include_usage": True}}
CHAT_TOOL = {"type": "function", "function": {"name": "fare_to", "parameters": PARAMETERS}}
RESPONSES_TOOL = {"type": "function", "name": "fare_to", "parameters": PARAMETERS, "strict": False}
SAID = "The fare is paid at the box before "


class OpenAi(Errors, Retries, Aborts, Bodies, Variables):
    sdk = "openai"
    base = "/v1"
    more = {"retries": 2}
    whole = {"path": CHAT, "body": CHAT_BODY}
    long_stream = {"path": CHAT, "body": CHAT_BODY}
    stream_error_class = "APIError"

    def test_plain(self):
        pair = self.both("call", path=CHAT, body=CHAT_BODY)
        self.assertEqual(pair.result["choices"][0]["message"]["content"], SAID)
        self.assertEqual((pair.records[0]["endpoint"], pair.records[0]["stream"],
                          pair.records[0]["finishReason"]), ("chat.completions", False, "stop"))

    def test_streamed(self):
        """farebox asks for usage; the program must not see the answer to that."""
        pair = self.both("stream", path=CHAT, body=CHAT_BODY)
        text = "".join(e["choices"][0]["delta"].get("content") or "" for e in pair.events)
        self.assertEqual(text, SAID)
        self.assertTrue(all(e.get("usage") is None for e in pair.events))
        self.assertTrue(pair.records[0]["stream"])

    def test_streamed_with_usage(self):
        pair = self.both("stream", path=CHAT,
                         body=dict(CHAT_BODY, **WITH_USAGE))
        self.assertEqual(pair.events[-1]["usage"]["total_tokens"], 11)

    def test_collected_stream(self):
        pair = self.both("collect", body=CHAT_BODY)
        self.assertEqual(pair.result["choices"][0]["message"]["content"], SAID)

    def test_responses(self):
        pair = self.both("call", path=RESPONSES, body=RESPONSES_BODY)
        self.assertEqual(pair.result["output"][0]["content"][0]["text"], SAID)

    def test_responses_streamed(self):
        pair = self.both("stream", path=RESPONSES, body=RESPONSES_BODY)
        self.assertEqual(pair.events[-1]["type"], "response.completed")

    def test_responses_cut_by_the_limit(self):
        pair = self.both("call", path=RESPONSES, body=dict(RESPONSES_BODY, max_output_tokens=3))
        self.assertEqual(pair.result["status"], "incomplete")

    def test_tool_call(self):
        for what, answer, more in (("call", answers.chat_tool_call(), {}),
                                   ("stream", answers.chat_tool_stream(), WITH_USAGE)):
            pair = self.both(what, behaving(**answer), path=CHAT, tokens=[answers.CHAT_TOKENS],
                             body=dict(CHAT_BODY, tools=[CHAT_TOOL], **more))
            self.assertEqual(pair.records[0]["toolCalls"], 1)

    def test_collected_tool_call(self):
        pair = self.both("collect", behaving(**answers.chat_tool_stream()),
                         tokens=[answers.CHAT_TOKENS],
                         body=dict(CHAT_BODY, tools=[CHAT_TOOL], **WITH_USAGE))
        call = pair.result["choices"][0]["message"]["tool_calls"][0]
        self.assertEqual(call["function"]["arguments"], answers.ARGUMENTS)

    def test_responses_tool_call(self):
        for what, answer in (("call", answers.responses_tool_call()),
                             ("stream", answers.responses_tool_stream())):
            pair = self.both(what, behaving(**answer), path=RESPONSES,
                             tokens=[answers.RESPONSES_TOKENS],
                             body=dict(RESPONSES_BODY, tools=[RESPONSES_TOOL]))
            self.assertEqual(pair.records[0]["toolCalls"], 1)

    def test_structured_output(self):
        pair = self.both("structured", behaving(**answers.chat_text(answers.FARE)),
                         tokens=[answers.CHAT_TOKENS], body=CHAT_BODY)
        self.assertEqual(pair.result["parsed"], {"city": "Bern", "price": 2.8})

    def test_embeddings(self):
        """The SDKs ask for base64 by themselves and unpack it."""
        for body in ({"input": "one two three"}, {"input": ["one", "two three"]},
                     {"input": "one", "encoding_format": "float", "dimensions": 256}):
            pair = self.both("call", path="embeddings.create",
                             body=dict(body, model="text-embedding-3-small"))
            self.assertIsInstance(pair.result["data"][0]["embedding"][0], float)
            self.assertEqual(pair.records[0]["endpoint"], "embeddings")

    def test_image(self):
        pair = self.both("call", behaving(**answers.IMAGE), path="images.generate",
                         tokens=[answers.IMAGE_TOKENS],
                         body={"model": "gpt-image-1", "prompt": "a fare box", "size": "1024x1024"})
        self.assertRegex(pair.result["data"][0]["b64_json"], "^sha256:.*:200011$")

    def test_models(self):
        pair = self.both("call", path="models.retrieve", positional=["gpt-4.1-mini"])
        self.assertEqual(pair.result["id"], "gpt-4.1-mini")

    def test_moderation(self):
        self.both("call", path="moderations.create", body={"input": "one two three"})

    def test_upload(self):
        """A file of 20 MB, as multipart."""
        pair = self.both("upload", behaving(**answers.FILE), text={"$big": self.big})
        self.assertGreater(pair.forwarded[0].body_size, self.big - 5)

    def test_transcription(self):
        self.both("transcribe", behaving(**answers.TRANSCRIPT), text={"$big": 1 << 20},
                  tokens=[answers.TRANSCRIPT_TOKENS])

    def test_download(self):
        pair = self.both("download", behaving(body_size=self.big,
                                              content_type="application/octet-stream"))
        self.assertTrue(pair.result.endswith(":%d" % self.big), pair.result)

    def test_error_inside_a_stream(self):
        body = 'data: {"error":{"message":"the model fell over","type":"server_error"}}\n\n'
        self.both("stream", behaving(body=body, content_type="text/event-stream"), path=CHAT,
                  body=CHAT_BODY, fails="APIError", outcomes=["provider_error"], unfinished=None)

    def test_a_responses_stream_that_breaks_off(self):
        pair = self.both("stream", behaving(cut_chunks=5), path=RESPONSES, body=RESPONSES_BODY,
                         fails=ANY, told="error", outcomes=["upstream_error"], unfinished=True)
        self.assertIn(pair.error["class"], ("APIError", "TypeError"))

    def test_base_urls(self):
        for base in ("/v1", "/v1/", "", "/", "/v1/v1", "/v1/v1/", "/openai/v1", "/openai/v1/"):
            with self.subTest(base=base):
                self.both("call", path=CHAT, body=CHAT_BODY, base=base)
                self.both("stream", path=CHAT, body=CHAT_BODY, base=base)
        for base in ("", "/v1/v1"):
            with self.subTest(base=base):
                self.both("call", path=RESPONSES, body=RESPONSES_BODY, base=base)
                self.both("call", path="embeddings.create", base=base,
                          body={"input": "one two", "model": "text-embedding-3-small"})


class NodeOpenAi(OpenAi, TwoWays):
    runtime = "node"
    timeout_class = "APIConnectionTimeoutError"

    def test_tool_runner(self):
        pair = self.both("tools", [dict(behaving(**answers.chat_tool_call()), times=1),
                                   behaving(**answers.chat_text("It is 2.80."))],
                         attempts=2, tokens=[answers.CHAT_TOKENS] * 2, body=CHAT_BODY)
        self.assertEqual(pair.result, {"text": "It is 2.80.", "called": ["Bern"]})
        self.assertEqual([r["toolCalls"] for r in pair.records], [1, 0])

    def test_break_out_of_a_stream(self):
        self.leave_stream(leave="break")


class PythonOpenAi(Silence, OpenAi, TwoWays):
    runtime = "python"
    timeout_class = "APITimeoutError"
