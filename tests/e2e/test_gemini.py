"""@google/genai."""

import answers
from two_ways import ANY, TwoWays, behaving, failing

MODEL = "gemini-2.5-flash"
GENERATE = "models.generateContent"
STREAM = "models.generateContentStream"
BODY = {"model": MODEL, "contents": "one two three"}
FARE_TOOL = {"functionDeclarations": [{
    "name": "fare_to", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]}
SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}, "price": {"type": "NUMBER"}}}
SAID = "The fare is paid at the box before "
BIG = 20 << 20


def said(answer):
    return "".join(p.get("text", "") for c in answer["candidates"] for p in c["content"]["parts"])


class Gemini(TwoWays):
    runtime = "node"
    sdk = "genai"

    def test_plain(self):
        pair = self.both("call", path=GENERATE, body=BODY)
        self.assertEqual(said(pair.result), SAID)
        self.assertEqual((pair.records[0]["provider"], pair.records[0]["model"]), ("gemini", MODEL))

    def test_streamed(self):
        pair = self.both("stream", path=STREAM, body=BODY)
        self.assertEqual("".join(said(e) for e in pair.events), SAID)

    def test_thoughts_and_cache(self):
        pair = self.both("call", behaving(reasoning_tokens=3, cached_tokens=2), path=GENERATE,
                         body=BODY)
        self.assertEqual((pair.records[0]["reasoningTokens"],
                          pair.records[0]["cachedInputTokens"]), (3, 2))

    def test_tool_call(self):
        body = dict(BODY, config={"tools": [FARE_TOOL]})
        answer = answers.generated(answers.GENERATED_CALL)
        for what, path, made in (("call", GENERATE, answers.as_json(answer)),
                                 ("stream", STREAM, answers.as_events([answer]))):
            pair = self.both(what, behaving(**made), path=path, body=body,
                             tokens=[answers.GENERATED_TOKENS])
            self.assertEqual(pair.records[0]["toolCalls"], 1)

    def test_structured_output(self):
        answer = answers.as_json(answers.generated([{"text": answers.FARE}]))
        pair = self.both("call", behaving(**answer), path=GENERATE, tokens=[answers.GENERATED_TOKENS],
                         body=dict(BODY, config={"responseMimeType": "application/json",
                                                 "responseSchema": SCHEMA}))
        self.assertEqual(said(pair.result), answers.FARE)

    def test_embeddings(self):
        pair = self.both("call", path="models.embedContent",
                         body={"model": "gemini-embedding-001", "contents": ["one two", "three"]})
        self.assertEqual(len(pair.result["embeddings"]), 2)

    def test_count_tokens(self):
        pair = self.both("call", path="models.countTokens", body=BODY)
        self.assertEqual(pair.result["totalTokens"], 3)

    def test_an_image_in_the_prompt(self):
        picture = {"inlineData": {"mimeType": "image/png", "data": "A" * 100000}}
        self.both("call", path=GENERATE,
                  body=dict(BODY, contents=[{"role": "user", "parts": [picture, {"text": "one"}]}]))

    def test_errors(self):
        for status in (400, 401, 403, 404, 429, 500, 503):
            for what, path in (("call", GENERATE), ("stream", STREAM)):
                with self.subTest(status=status, what=what):
                    pair = self.both(what, failing(status), path=path, body=BODY, fails="ApiError",
                                     outcomes=["provider_error"])
                    self.assertEqual(pair.error["status"], status)

    def test_an_error_without_json(self):
        self.both("call", failing(502, body="<html>Bad Gateway</html>", content_type="text/html"),
                  path=GENERATE, body=BODY, fails="ApiError", outcomes=["provider_error"])

    def test_retries(self):
        """The SDK waits a second or more between its tries, whatever the answer says."""
        self.both("call", failing(503, times=1), attempts=2, retries=1, path=GENERATE, body=BODY,
                  outcomes=["provider_error", "ok"])

    def test_timeout(self):
        self.both("call", behaving(delay_head_ms=900), timeout_ms=250, path=GENERATE, body=BODY,
                  fails=ANY, outcomes=["client_closed"], ends_alike=False)

    def leave_stream(self, **more):
        pair = self.both("stream", behaving(output_tokens=400, delay_chunk_ms=10), leave_after=8,
                         path=STREAM, body=BODY, outcomes=["client_closed"], unfinished=None, **more)
        self.assertEqual(pair.forwarded[0].outcome, "peer_left")
        self.assertLess(pair.left_within(), 0.5)
        self.assertTrue(0 < pair.records[0]["outputTokens"] < 200, pair.records[0])

    def test_abort_a_stream(self):
        self.leave_stream(fails=ANY)

    def test_abort_a_whole_call(self):
        self.both("call", behaving(delay_head_ms=500), cancel_ms=200, fails=ANY, path=GENERATE,
                  body=BODY, outcomes=["client_closed"], ends_alike=False)

    def test_a_stream_that_breaks_off(self):
        """Once, the SDK took farebox's word of it for one more answer, an empty one. Which
        of the error and the end of the connection node tells of first is chance."""
        pair = self.both("stream", behaving(cut_chunks=5), path=STREAM, body=BODY, fails=ANY,
                         told="error", outcomes=["upstream_error"], unfinished=None)
        self.assertIn(pair.error["class"], ("ApiError", "TypeError"))

    def test_a_large_prompt(self):
        pair = self.both("call", path=GENERATE, body=dict(BODY, contents={"$big": BIG}))
        self.assertGreater(pair.forwarded[0].body_size, BIG)

    def test_a_large_answer(self):
        self.both("call", behaving(output_tokens=5 << 20), path=GENERATE, body=BODY)

    def test_base_url_by_variable(self):
        self.both("call", by_variable=True, path=GENERATE, body=BODY)

    def test_base_urls(self):
        for base in ("", "/", "/gemini", "/gemini/", "/v1beta", "/v1beta/", "/v1", "/v1/"):
            for what, path in (("call", GENERATE), ("stream", STREAM)):
                with self.subTest(base=base, what=what):
                    self.both(what, path=path, body=BODY, base=base)
