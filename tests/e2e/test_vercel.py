"""The Vercel AI SDK, `ai`, with @ai-sdk/openai (chat completions and responses) and
@ai-sdk/anthropic."""

import answers
from two_ways import ANY, SOON, TwoWays, behaving, failing

SAID = "The fare is paid at the box before "
BIG = 20 << 20


class Vercel:
    """What is the same for every provider; a class says how its answers look."""

    runtime = "node"
    sdk = "vercel"
    prompt = "one two three"

    def test_text(self):
        pair = self.both("text", prompt=self.prompt)
        self.assertEqual((pair.result["text"], pair.result["finishReason"]), (SAID, "stop"))

    def test_streamed_text(self):
        pair = self.both("streamed", prompt=self.prompt)
        self.assertEqual("".join(pair.events), SAID)
        self.assertTrue(pair.records[0]["stream"])

    def test_object(self):
        pair = self.both("object", behaving(**self.object_answer()), prompt=self.prompt,
                         tokens=[self.made_tokens])
        self.assertEqual(pair.result["object"], {"city": "Bern", "price": 2.8})

    def test_tool_call(self):
        pair = self.both("toolCall", [dict(behaving(**self.tool_answer()), times=1),
                                      behaving(**self.text_answer())],
                         attempts=2, prompt=self.prompt, tokens=[self.made_tokens] * 2)
        self.assertEqual((pair.result["called"], pair.result["steps"]), (["Bern"], 2))
        self.assertEqual(pair.result["text"], "It is 2.80.")
        self.assertEqual([r["toolCalls"] for r in pair.records], [1, 0])

    def test_streamed_tool_call(self):
        pair = self.both("streamedToolCall", dict(behaving(**self.tool_stream()), times=1),
                         attempts=2, prompt=self.prompt, tokens=[self.made_tokens, (4, 8)])
        self.assertEqual(pair.result["called"], ["Bern"])
        self.assertEqual("".join(pair.events), SAID)

    def test_errors(self):
        for status in (400, 401, 403, 404):
            with self.subTest(status=status):
                pair = self.both("text", failing(status), fails="APICallError", prompt=self.prompt,
                                 outcomes=["provider_error"])
                self.assertEqual(pair.error["status"], status)
                self.both("streamed", failing(status), fails=ANY, prompt=self.prompt,
                          outcomes=["provider_error"])

    def test_retries(self):
        for status in (429, 500):
            for what in ("text", "streamed"):
                with self.subTest(status=status, what=what):
                    self.both(what, failing(status, times=2, headers=SOON), attempts=3,
                              prompt=self.prompt, outcomes=["provider_error"] * 2 + ["ok"])

    def test_errors_after_all_retries(self):
        for status in (429, 529):
            with self.subTest(status=status):
                self.both("text", failing(status, headers=SOON), attempts=3, prompt=self.prompt,
                          fails="RetryError", outcomes=["provider_error"] * 3)

    def test_retries_switched_off(self):
        self.both("text", failing(500), retries=0, prompt=self.prompt, fails="APICallError",
                  outcomes=["provider_error"])

    def test_abort_a_stream(self):
        pair = self.both("streamed", behaving(output_tokens=400, delay_chunk_ms=10), leave_after=8,
                         prompt=self.prompt, outcomes=["client_closed"], unfinished=True)
        self.assertEqual(pair.forwarded[0].outcome, "peer_left")
        self.assertLess(pair.left_within(), 0.5)

    def test_abort_a_whole_call(self):
        self.both("text", behaving(delay_head_ms=500), cancel_ms=200, prompt=self.prompt, fails=ANY,
                  outcomes=["client_closed"], ends_alike=False)

    def test_a_stream_that_breaks_off(self):
        self.both("streamed", behaving(cut_chunks=5), prompt=self.prompt, fails=ANY, told="error",
                  outcomes=["upstream_error"], unfinished=True)

    def test_large_bodies(self):
        self.both("text", prompt={"$big": BIG})
        self.both("text", behaving(output_tokens=5 << 20), prompt=self.prompt)

    def test_base_urls(self):
        for base in self.bases:
            for what in ("text", "streamed"):
                with self.subTest(base=base, what=what):
                    self.both(what, prompt=self.prompt, base=base)


class VercelChat(Vercel, TwoWays):
    base = "/v1"
    bases = ("/v1", "/v1/", "", "/", "/v1/v1", "/openai/v1")
    more = {"provider": "openai", "model": "chat:gpt-4.1-mini"}
    made_tokens = answers.CHAT_TOKENS

    def object_answer(self):
        return answers.chat_text(answers.FARE)

    def text_answer(self):
        return answers.chat_text("It is 2.80.")

    def tool_answer(self):
        return answers.chat_tool_call()

    def tool_stream(self):
        return answers.chat_tool_stream()

    def test_streamed_object(self):
        pair = self.both("streamedObject", behaving(**answers.chat_text_stream(answers.FARE)),
                         prompt=self.prompt, tokens=[self.made_tokens])
        self.assertEqual(pair.result["object"], {"city": "Bern", "price": 2.8})

    def test_embed(self):
        pair = self.both("embed", model="text-embedding-3-small", prompt="one two three")
        self.assertEqual(len(pair.result["embedding"]), 8)
        pair = self.both("embedMany", model="text-embedding-3-small", prompt=["one", "two three"])
        self.assertEqual(len(pair.result["embeddings"]), 2)


class VercelResponses(Vercel, TwoWays):
    base = "/v1"
    bases = ("/v1", "", "/v1/v1", "/openai/v1/")
    more = {"provider": "openai", "model": "responses:gpt-4.1-mini"}
    made_tokens = answers.RESPONSES_TOKENS

    def object_answer(self):
        return answers.responses_text(answers.FARE)

    def text_answer(self):
        return answers.responses_text("It is 2.80.")

    def tool_answer(self):
        return answers.responses_tool_call()

    def tool_stream(self):
        return answers.responses_tool_stream()


class VercelAnthropic(Vercel, TwoWays):
    base = "/v1"
    bases = ("/v1", "/v1/", "", "/", "/v1/v1", "/anthropic/v1")
    more = {"provider": "anthropic", "model": "claude-sonnet-4-5", "max_tokens": 60000}
    made_tokens = answers.MESSAGE_TOKENS

    def object_answer(self):
        return answers.message_text(answers.FARE)

    def text_answer(self):
        return answers.message_text("It is 2.80.")

    def tool_answer(self):
        return answers.message_tool_use()

    def tool_stream(self):
        return answers.message_tool_stream()
