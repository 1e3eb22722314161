"""What every SDK of the Stainless family (OpenAI's and Anthropic's) must do alike: errors
and their classes, retries and their waits, timeouts, leaving, and large bodies. Mixins:
a test class says what a whole call and a long stream are, and adds TwoWays."""

from two_ways import ANY, SOON, behaving, failing

ERRORS = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError",
          404: "NotFoundError", 422: "UnprocessableEntityError"}
RETRIED_ERRORS = {408: ANY, 409: "ConflictError", 429: "RateLimitError",
                  500: "InternalServerError", 503: ANY, 529: ANY}
PAGE = "<html><head><title>502</title></head><body>Bad Gateway</body></html>"


class Errors:
    """Statuses and the classes the SDKs make of them."""

    def test_errors_that_are_final(self):
        for status, name in ERRORS.items():
            with self.subTest(status=status):
                pair = self.both("call", failing(status), fails=name, outcomes=["provider_error"],
                                 **self.whole)
                self.assertEqual(pair.error["status"], status)
                self.assertIn("the mock was told to fail", pair.error["message"])
                self.both("stream", failing(status), fails=name, outcomes=["provider_error"],
                          **self.whole)

    def test_errors_after_all_retries(self):
        for status, name in RETRIED_ERRORS.items():
            with self.subTest(status=status):
                self.both("call", failing(status, headers=SOON), attempts=3, fails=name,
                          outcomes=["provider_error"] * 3, **self.whole)

    def test_an_error_without_json(self):
        for body, type_ in ((PAGE, "text/html"), ("", "text/plain"), ("{", "application/json")):
            with self.subTest(type_):
                self.both("call", failing(502, headers=SOON, body=body, content_type=type_),
                          attempts=3, fails="InternalServerError",
                          outcomes=["provider_error"] * 3, **self.whole)


class Variables:
    """The README's way: two variables, and not a word in the program."""

    def test_base_url_by_variable(self):
        self.both("call", by_variable=True, **self.whole)
        self.both("stream", by_variable=True, **self.long_stream)


class Retries:
    """How often and when the provider is asked again: never by farebox's own doing."""

    def test_retry_then_success(self):
        for status in (429, 500):
            with self.subTest(status=status):
                for what in ("call", "stream"):
                    pair = self.both(what, failing(status, times=2, headers=SOON), attempts=3,
                                     outcomes=["provider_error"] * 2 + ["ok"], **self.whole)
                    counts = [r.header("x-stainless-retry-count") for r in pair.forwarded]
                    self.assertEqual(counts, ["0", "1", "2"])

    def test_retry_after_ms(self):
        pair = self.both("call", failing(429, times=1, headers=["retry-after-ms: 800"]), attempts=2,
                         outcomes=["provider_error", "ok"], **self.whole)
        for (gap,) in pair.gaps:
            self.assertGreater(gap, 0.78, pair.gaps)    # a backoff waits 0.5 s at most

    def test_retry_after_seconds(self):
        pair = self.both("call", failing(503, times=1, headers=["retry-after: 1"]), attempts=2,
                         outcomes=["provider_error", "ok"], **self.whole)
        for (gap,) in pair.gaps:
            self.assertGreater(gap, 0.95, pair.gaps)

    def test_backoff_without_a_word(self):
        pair = self.both("call", failing(500, times=1), attempts=2,
                         outcomes=["provider_error", "ok"], **self.whole)
        for (gap,) in pair.gaps:
            self.assertGreater(gap, 0.3, pair.gaps)

    def test_x_should_retry(self):
        self.both("call", failing(429, headers=["x-should-retry: false"]), attempts=1,
                  fails="RateLimitError", outcomes=["provider_error"], **self.whole)
        self.both("call", failing(400, headers=["x-should-retry: true"] + SOON), attempts=3,
                  fails="BadRequestError", outcomes=["provider_error"] * 3, **self.whole)

    def test_retries_switched_off(self):
        self.both("call", failing(500), attempts=1, fails="InternalServerError",
                  outcomes=["provider_error"], **dict(self.whole, retries=0))

    def test_timeout(self):
        """A whole call that nobody waits for any more is read to its end by farebox, so
        that its cost is known; the provider sees no one leave."""
        self.both("call", behaving(delay_head_ms=900), attempts=2, fails=self.timeout_class,
                  outcomes=["client_closed"] * 2, ends_alike=False,
                  **dict(self.whole, retries=1, timeout_ms=250))

    def test_timeout_before_a_stream(self):
        self.both("stream", behaving(delay_head_ms=900), attempts=1, fails=self.timeout_class,
                  outcomes=["client_closed"], unfinished=None,
                  **dict(self.long_stream, retries=0, timeout_ms=250))


class Aborts:
    """Leaving: the provider must know at once, or the meter runs on."""

    SLOW = {"output_tokens": 400, "delay_chunk_ms": 10}

    def leave_stream(self, **more):
        pair = self.both("stream", behaving(**self.SLOW), leave_after=8,
                         outcomes=["client_closed"], unfinished=True,
                         **dict(self.long_stream, **more))
        self.assertEqual(pair.forwarded[0].outcome, "peer_left")
        self.assertLess(pair.left_within(), 0.5)     # of a stream that takes 4 s
        self.assertEqual(len(pair.events), 8)
        self.assertTrue(0 < pair.records[0]["outputTokens"] < 200, pair.records[0])

    def test_abort_a_stream(self):
        self.leave_stream()

    def test_abort_a_whole_call(self):
        """The provider bills it all, so farebox reads it all."""
        fails = "APIUserAbortError" if self.runtime == "node" else None
        pair = self.both("call", behaving(delay_head_ms=500), cancel_ms=200, fails=fails,
                         outcomes=["client_closed"], ends_alike=False, **self.whole)
        self.assertEqual(pair.forwarded[0].outcome, "whole")

    def test_a_stream_that_breaks_off(self):
        """The one place where farebox says more than the provider: the SDK's error isn't
        that of a socket but one with words, and an error it is. Node may tell of the end
        of the connection first and forget what came before it."""
        for how in ("fin", "reset"):
            with self.subTest(how):
                pair = self.both("stream", behaving(cut_chunks=5, cut=how), fails=ANY, told="error",
                                 outcomes=["upstream_error"], unfinished=True, **self.long_stream)
                if self.runtime == "node" and pair.error["class"] == "TypeError":
                    continue
                self.assertEqual(pair.error["class"], self.stream_error_class)
                self.assertIn("ended its answer before it was whole", str(pair.error))

    def test_an_answer_that_breaks_off(self):
        self.both("call", behaving(cut_bytes=60, cut="fin"), fails=ANY,
                  outcomes=["upstream_error"], unfinished=None,
                  **dict(self.whole, retries=0))


class Silence:
    """A stream that stops speaking; Python's SDKs wait for each piece only so long."""

    def test_a_silent_stream(self):
        self.both("stream", behaving(delay_chunk_ms=1500), fails=ANY, outcomes=["client_closed"],
                  unfinished=True, **dict(self.long_stream, timeout_ms=300))


class Bodies:
    """20 MB each way."""

    big = 20 << 20

    def test_a_large_prompt(self):
        body = dict(self.whole["body"], messages=[{"role": "user", "content": {"$big": self.big}}])
        pair = self.both("call", path=self.whole["path"], body=body)
        self.assertGreater(pair.forwarded[0].body_size, self.big)

    def test_a_large_answer(self):
        self.both("call", behaving(output_tokens=5 << 20), **self.whole)

    def test_a_long_stream(self):
        pair = self.both("stream", behaving(output_tokens=3000), **self.long_stream)
        self.assertGreater(len(pair.events), 3000)
