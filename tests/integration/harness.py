"""What every integration test starts from: the real program before the pretend
provider, both on ports the system picks.

    FAREBOX_BIN=build/release/farebox FAREBOX_MOCK_BIN=build/release/farebox-mock \\
        python3 -m unittest discover -s tests/integration
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import canaries                                                             # noqa: E402
from farebox_process import Farebox, run_to_end, wait_until, write_config  # noqa: E402,F401
from mock_provider import Mock                                             # noqa: E402
from wire import Connection, Response, fetch, request_octets               # noqa: E402,F401

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Probes and recordings too large for the tree; tests that need them skip without.
FACTS = os.environ.get("FAREBOX_FACTS_DIR", os.path.join(os.path.dirname(ROOT), "shared"))

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM_GENERATE = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"


def chat_body(text="one two three", model="gpt-4.1-mini", **more):
    return dict({"model": model, "messages": [{"role": "user", "content": text}]}, **more)


def messages_body(text="one two three", model="claude-sonnet-4-5", **more):
    return dict({"model": model, "max_tokens": 100,
                 "messages": [{"role": "user", "content": text}]}, **more)


def generate_body(text="one two three", **more):
    return dict({"contents": [{"role": "user", "parts": [{"text": text}]}]}, **more)


# Tests make providers fail on purpose; one test's failures are not the next one's.
CALM = {"circuit_breaker": {"enabled": False}, "retry": {"max_attempts": 1}}


def providers(mock, **changes):
    """The usual providers, all of them the mock. A change is merged into its entry;
    a change of "each" into all."""
    each = dict(CALM, **changes.pop("each", {}))
    table = {name: dict({"dialect": dialect, "base_url": mock.url}, **each)
             for name, dialect in (("openai", "openai"), ("anthropic", "anthropic"),
                                   ("gemini", "gemini"), ("azure", "azure"),
                                   ("probe", "openai"))}
    for name, change in changes.items():
        table.setdefault(name, dict({"dialect": "openai", "base_url": mock.url}, **each)).update(change)
    return table


def data_fields(names):
    """Response fields a provider sent, without those a proxy may own."""
    own = ("connection", "transfer-encoding", "content-length", "via", "date", "keep-alive")
    return [(n, v) for n, v in names
            if n.lower() not in own and not n.lower().startswith("x-farebox-")]


class FareboxTest(unittest.TestCase):
    """One mock and one farebox per class. Override `config` for other settings.

    After every test the mock must have read nothing but clean HTTP; after the
    last one farebox must end with 0, without a word that is no log line, and with
    none of the keys it saw in its log, its metrics or its data directory."""

    @classmethod
    def mock_arguments(cls):
        return {}

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock)}

    @classmethod
    def setUpClass(cls):
        canaries.forget()
        cls.mock = Mock(**cls.mock_arguments())
        try:
            cls.farebox = Farebox(cls.config())
        except Exception:
            cls.mock.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        leaks = cls.leaks() if cls.farebox.is_running() else []
        code = cls.farebox.stop()
        leaks += canaries.hits("\n".join(cls.farebox.raw_lines).encode(), cls.secrets())
        cls.mock.stop()
        odd = [l for l in cls.farebox.raw_lines if l.strip() and not l.startswith("{")]
        assert code == 0 and not odd, "exit %s\n%s" % (code, "\n".join(odd[:60]))
        assert not leaks, "keys came out in logs, metrics or the data directory: %s" % leaks[:5]

    @classmethod
    def secrets(cls):
        """What farebox was told and sent that it must tell nobody."""
        return canaries.sent | canaries.secrets_of(cls.config())

    @classmethod
    def leaks(cls):
        secrets = cls.secrets()
        found = canaries.hits(cls.farebox.admin("GET", "/metrics").body, secrets)
        for path, octets in canaries.files_below(cls.farebox.data_dir):
            found += [(path,) + hit for hit in canaries.hits(octets, secrets)]
        return found

    def setUp(self):
        self.mock.clear()
        # A crash is the failure of one test, not of all that follow it.
        if not self.farebox.is_running():
            type(self).farebox = Farebox(self.config())

    def tearDown(self):
        if not self.farebox.is_running():
            code = self.farebox.wait()
            self.fail("farebox ended during the test, exit %s\n%s"
                      % (code, "\n".join(self.farebox.raw_lines[-60:])))
        faults = [(s.fault, s.head) for s in self.mock.requests() if s.fault]
        self.assertEqual(faults, [], "farebox sent what a strict reader refuses")

    # -- short ways ------------------------------------------------------

    def fetch(self, method, target, headers=(), body=None, **more):
        return fetch(self.farebox.port, method, target, headers, body, **more)

    def post(self, target, body, headers=(), **more):
        return self.fetch("POST", target, headers, body, **more)

    def connect(self, **more):
        connection = Connection(self.farebox.port, **more)
        self.addCleanup(connection.close)
        return connection

    def seen(self):
        """The one request that reached the provider since the test began."""
        requests = self.mock.requests()
        self.assertEqual(len(requests), 1, [(r.method, r.target) for r in requests])
        return requests[0]


if __name__ == "__main__":
    sys.exit("this is no test; run python3 -m unittest discover -s tests/integration")
