"""What an error of farebox's own must look like, dialect by dialect."""

from harness import (CHAT, GENERATE, MESSAGES, FareboxTest, chat_body, generate_body,
                     messages_body)

DIALECTS = {"openai": (CHAT, chat_body), "anthropic": (MESSAGES, messages_body),
            "gemini": (GENERATE, generate_body)}
ANTHROPIC_TYPES = {400: "invalid_request_error", 404: "not_found_error", 413: "request_too_large",
                   502: "api_error", 504: "timeout_error"}
GEMINI_STATUSES = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 413: "INVALID_ARGUMENT",
                   502: "INTERNAL", 504: "DEADLINE_EXCEEDED"}


class ShapedErrors(FareboxTest):
    """A FareboxTest that knows the shapes."""

    def assert_shape(self, reply, dialect, status, code=None, type_=None):
        self.assertEqual(reply.status, status, reply.text)
        self.assertTrue(reply.header("content-type", "").startswith("application/json"))
        body = reply.json()
        if dialect == "anthropic":
            self.assertEqual(body["type"], "error")
            self.assertEqual(body["error"]["type"], ANTHROPIC_TYPES[status])
            self.assertTrue(reply.header("request-id"))
        elif dialect == "gemini":
            self.assertEqual(body["error"]["code"], status)
            self.assertEqual(body["error"]["status"], GEMINI_STATUSES[status])
            self.assertTrue(reply.header("x-request-id"))
        else:
            self.assertIn("param", body["error"])
            self.assertTrue(reply.header("x-request-id"))
            if code:
                self.assertEqual(body["error"]["code"], code)
            if type_:
                self.assertEqual(body["error"]["type"], type_)
        self.assertGreater(len(body["error"]["message"]), 10, "a message says what to do")

    def assert_nothing_was_sent(self):
        self.assertEqual([(s.method, s.target) for s in self.mock.requests()], [])
