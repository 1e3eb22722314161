"""Canary keys in every place a key can be; none may come out where it must not."""

import base64
import json
import os
import unittest
import urllib.parse

from harness import (CHAT, GENERATE, MESSAGES, FareboxTest, chat_body, generate_body, messages_body,
                     providers)

PROVIDER_KEY = "sk-CANARY-provider-7f3a9c51e2"
OTHER_PROVIDER_KEY = "sk-CANARY-second-0b8d66e1aa"
CALLER_KEY = "sk-CANARY-caller-5d20c4b7f9"
URL_KEY = "AIza-CANARY-url-91ce02aa37"
VIRTUAL_KEY = "fb-" + "CANARYvirtual" * 3 + "0123"
ADMIN_TOKEN = "CANARY-admin-token-33e1f0c8d4"
PROMPT = "CANARY-prompt-the-eagle-has-landed"
SECRETS = (PROVIDER_KEY, OTHER_PROVIDER_KEY, CALLER_KEY, URL_KEY, VIRTUAL_KEY, ADMIN_TOKEN, PROMPT)


def disguises(secret):
    octets = secret.encode()
    yield octets
    yield octets.hex().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    for shift in range(3):      # base64 of the middle, whatever stands before it
        yield base64.b64encode(b"x" * shift + octets)[4:-4]


class Canaries(FareboxTest):
    @classmethod
    def config(cls):
        table = providers(cls.mock, each={"retry": {"max_attempts": 1}},
                          openai={"api_keys": [PROVIDER_KEY]},
                          second={"api_keys": [OTHER_PROVIDER_KEY]})
        table["nobody"] = {"dialect": "openai", "base_url": "http://127.0.0.1:9",
                           "api_keys": [OTHER_PROVIDER_KEY], "retry": {"max_attempts": 1}}
        return {"providers": table, "admin": {"listen": "127.0.0.1:0", "token": ADMIN_TOKEN}}

    def everything_asked(self):
        """Requests of every fate, with keys everywhere. Returns our own answers."""
        bearer = {"Authorization": "Bearer " + CALLER_KEY, "Cookie": "session=" + CALLER_KEY}
        replies = [
            self.post(CHAT, chat_body(text=PROMPT), bearer),
            self.post("/anthropic" + MESSAGES, messages_body(text=PROMPT), {"x-api-key": CALLER_KEY}),
            self.post(GENERATE + "?key=" + URL_KEY, generate_body(text=PROMPT)),
            self.post(GENERATE, generate_body(), {"x-goog-api-key": CALLER_KEY}),
            self.post("/azure/openai/v1/chat/completions", chat_body(), {"api-key": CALLER_KEY}),
            self.post(CHAT, chat_body(), dict(bearer, **{"x-farebox-key": VIRTUAL_KEY})),
            self.post(CHAT, chat_body(), {"Authorization": "Bearer " + VIRTUAL_KEY}),
            self.post("/second" + CHAT, chat_body(), dict(bearer, **{"x-mock-status": "401"})),
            self.post("/nobody" + CHAT, chat_body(text=PROMPT), bearer),
            self.post(CHAT, '{"model":"%s","model":"%s"}' % (PROMPT, CALLER_KEY), bearer),
            self.post("/nowhere?key=" + URL_KEY, b"{}", bearer),
            self.fetch("GET", "/v1/models?key=" + URL_KEY, dict(bearer, **{"Bad Name": CALLER_KEY})),
            self.post(CHAT, chat_body(), dict(bearer, **{"X-Big": CALLER_KEY * 2000})),
        ]
        connection = self.connect()
        connection.ask("POST", CHAT, dict(bearer, **{"x-mock-delay-chunk-ms": "20"}),
                       chat_body(text=PROMPT, stream=True))
        connection.head()
        connection.close()
        return replies

    def assert_clean(self, where, octets, secrets=SECRETS):
        for secret in secrets:
            for disguise in disguises(secret):
                self.assertNotIn(disguise, octets, "%s shows %s" % (where, secret))

    def test_no_secret_in_any_output(self):
        replies = self.everything_asked()
        for reply in replies:
            self.assert_clean("a response head", reply.head)
            if reply.status in (400, 401, 404, 431, 502) and b"the mock" not in reply.body:
                self.assert_clean("an error", reply.body)
        authorized = {"Authorization": "Bearer " + ADMIN_TOKEN}
        for path in ("/metrics", "/api/usage?groupBy=model", "/api/usage/records?limit=1000",
                     "/api/providers"):
            self.assert_clean(path, self.farebox.admin("GET", path, authorized).body)
        self.assert_clean("the log", "\n".join(self.farebox.raw_lines).encode())
        self.assert_clean("the log", json.dumps(self.farebox.lines, ensure_ascii=False).encode())
        for directory, _, files in os.walk(self.farebox.data_dir):
            for name in files:
                with open(os.path.join(directory, name), "rb") as file:
                    self.assert_clean(name, file.read())

    def test_the_command_line_and_environment_hold_no_key(self):
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (self.farebox.pid, name), "rb") as file:
                self.assert_clean(name, file.read())

    def test_the_providers_key_replaces_the_callers(self):
        self.post(CHAT, chat_body(), {"Authorization": "Bearer " + CALLER_KEY})
        self.assertEqual(self.seen().all("authorization"), ["Bearer " + PROVIDER_KEY])

    def test_without_a_key_of_ours_the_callers_passes(self):
        self.post(MESSAGES, messages_body(), {"x-api-key": CALLER_KEY})
        self.assertEqual(self.seen().all("x-api-key"), [CALLER_KEY])
        self.mock.clear()
        self.post(GENERATE + "?key=" + URL_KEY, generate_body())
        self.assertEqual(self.seen().target, GENERATE + "?key=" + URL_KEY)

    def test_a_key_goes_to_its_provider_only(self):
        for provider in ("probe", "anthropic", "gemini", "azure"):
            self.mock.clear()
            self.post("/%s/v1/anything" % provider, b"{}")
            self.assert_clean("a request to " + provider, self.seen().head)

    def test_a_provider_that_echoes_its_key_in_a_header_is_silenced(self):
        self.mock.rule({"headers": [["X-Echo", "you sent Bearer " + PROVIDER_KEY],
                                    ["Authorization", "Bearer " + PROVIDER_KEY]]})
        reply = self.post(CHAT, chat_body())
        self.assert_clean("a response head", reply.head)

    def test_a_redirect_does_not_carry_the_key_away(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-location": self.mock.url + "/echo"})
        self.assertEqual(reply.status, 307)
        self.assertEqual(len(self.mock.requests()), 1)
        self.assert_clean("a redirect", reply.head)


if __name__ == "__main__":
    unittest.main()
