"""Errors of farebox's own, as the SDKs show them: the class that the status asks for, the
code, words that name the provider, and the id under which farebox's log has it."""

import _paths  # noqa: F401
from free_port import free_port
from harness import CALM
from test_anthropic import BODY as MESSAGES_BODY
from test_gemini import BODY as GENERATE_BODY
from test_openai import CHAT_BODY
from two_ways import TwoWays, behaving


class OwnErrors:
    """`down` is a provider nobody listens for, `slow` one that is given 200 ms."""

    more = {"retries": 1, "timeout_ms": 20000}

    @classmethod
    def config(cls):
        down = dict(CALM, dialect=cls.dialect, base_url="http://127.0.0.1:%d" % free_port())
        slow = dict(CALM, dialect=cls.dialect, base_url=cls.mock.url,
                    timeouts={"first_byte": "200ms"})
        return {"threads": 1, "providers": {"down": down, "slow": slow}}

    def error_of(self, prefix, outcome):
        attempts = 2 if self.sdk != "genai" else 1      # which tries once
        before = self.newest()
        seen = self.call("call", self.farebox_url() + prefix + self.base, self.asked)
        error = seen["error"]
        records = self.records_since(before, attempts)
        self.assertEqual([r["outcome"] for r in records], [outcome] * attempts)
        self.assertIn(prefix.strip("/"), error["message"])
        if self.sdk != "genai":     # whose errors have no headers
            shown = error.get("requestID") or error.get("request_id")
            self.assertEqual(shown, records[-1]["requestId"])
        return error

    def test_nobody_listens(self):
        """Nothing was sent, so the SDK is told to try again."""
        error = self.error_of("/down", "upstream_error")
        self.assertEqual((error["status"], error["class"]), (502, self.classes[0]))
        if self.sdk == "openai":
            self.assertEqual(error["code"], "upstream_unreachable")

    def test_too_slow(self):
        self.mock.rule(**behaving(delay_head_ms=700))
        error = self.error_of("/slow", "timeout")
        self.assertEqual((error["status"], error["class"]), (504, self.classes[1]))
        if self.sdk == "openai":
            self.assertEqual(error["code"], "upstream_timeout")


class OpenAi(OwnErrors):
    sdk, dialect, base = "openai", "openai", "/v1"
    asked = {"path": "chat.completions.create", "body": CHAT_BODY}
    classes = ("InternalServerError", "InternalServerError")


class Anthropic(OwnErrors):
    sdk, dialect = "anthropic", "anthropic"
    asked = {"path": "messages.create", "body": MESSAGES_BODY}
    classes = ("InternalServerError", "GatewayTimeoutError")


class NodeOpenAi(OpenAi, TwoWays):
    runtime = "node"


class PythonOpenAi(OpenAi, TwoWays):
    runtime = "python"


class NodeAnthropic(Anthropic, TwoWays):
    runtime = "node"


class PythonAnthropic(Anthropic, TwoWays):
    runtime = "python"


class Gemini(OwnErrors, TwoWays):
    runtime, sdk, dialect = "node", "genai", "gemini"
    more = {"timeout_ms": 20000}
    asked = {"path": "models.generateContent", "body": GENERATE_BODY}
    classes = ("ApiError", "ApiError")
