"""The real clients don't notice that an answer was given before, or that their embedding went
with another's: what they show is what they showed when the provider was asked for them alone."""

import threading

from clients import Client
from harness import CALM
from test_anthropic import BODY as MESSAGES_BODY
from test_anthropic import MESSAGES
from test_openai import CHAT, CHAT_BODY, RESPONSES, RESPONSES_BODY, WITH_USAGE
from two_ways import TwoWays, normal


def said(seen):
    """Of what an SDK shows: the answer, without what belongs to the call."""
    return normal({name: seen.get(name) for name in ("result", "events", "error")})


class Cached(TwoWays):
    @classmethod
    def config(cls):
        config = super().config()
        for provider in config["providers"].values():
            provider.update(CALM, batch={"embeddings": {"max_wait": "60ms"}})
        return dict(config, cache={"deterministic_only": False})

    def again(self, what, hit=True, **args):
        """The first call asks the provider, the second doesn't, and nobody can tell."""
        straight, _ = self.way(what, self.mock.url + self.base, (), args)
        first, asked = self.way(what, self.farebox_url() + self.base, (), args)
        before = self.newest()
        second, none = self.way(what, self.farebox_url() + self.base, (), args)
        self.assertEqual((len(asked), len(none)), (1, 0))
        self.assertEqual(said(first), said(straight))
        self.assertEqual(said(second), said(straight))
        self.assertIsNone(second.get("error"))
        self.assertEqual([r["cache"] for r in self.records_since(before, 1)], ["hit"])


class OpenAi(Cached):
    sdk, base, more = "openai", "/v1", {"retries": 2}

    def test_whole_and_streamed(self):
        for path, body in ((CHAT, CHAT_BODY), (RESPONSES, RESPONSES_BODY)):
            for what in ("stream", "call"):
                # A stream that says all serves whole calls too, so they come with other words.
                with self.subTest(path=path, what=what):
                    self.again(what, path=path, body=dict(body, user=what, seed=len(what))
                               if path == CHAT else dict(body, instructions=what))
        self.again("stream", path=CHAT, body=dict(CHAT_BODY, **WITH_USAGE))

    def test_a_whole_answer_made_of_a_stream(self):
        straight, _ = self.way("call", self.mock.url + self.base, (),
                               dict(path=RESPONSES, body=dict(RESPONSES_BODY, instructions="both")))
        self.way("stream", self.farebox_url() + self.base, (),
                 dict(path=RESPONSES, body=dict(RESPONSES_BODY, instructions="both")))
        whole, none = self.way("call", self.farebox_url() + self.base, (),
                               dict(path=RESPONSES, body=dict(RESPONSES_BODY, instructions="both")))
        self.assertEqual(none, [])
        self.assertEqual(said(whole), said(straight))

    def test_embeddings_that_travel_together(self):
        bodies = [{"input": "one two" + " x" * i, "model": "text-embedding-3-small"}
                  for i in range(4)]
        alone = [self.way("call", self.mock.url + self.base, (),
                          dict(path="embeddings.create", body=body))[0] for body in bodies]
        self.mock.clear()
        seen = [None] * len(bodies)
        clients = [Client(self.runtime) for _ in bodies]

        def ask(i):
            seen[i] = clients[i].call(self.sdk, "call", dict(
                self.more, url=self.farebox_url() + self.base, key="test-key",
                path="embeddings.create", body=bodies[i]))
        for i, client in enumerate(clients):     # so that all are up when it begins
            client.call(self.sdk, "call", dict(self.more, url=self.mock.url + self.base, key="test-key",
                                               path="embeddings.create", body=bodies[i]))
        self.mock.clear()
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(bodies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.stop()
        self.assertLess(len(self.mock.requests()), len(bodies))
        self.assertEqual([said(s) for s in seen], [said(a) for a in alone])


class NodeOpenAi(OpenAi):
    runtime = "node"


class PythonOpenAi(OpenAi):
    runtime = "python"


class Anthropic(Cached):
    sdk, more = "anthropic", {"retries": 2, "timeout_ms": 30000}

    def test_whole_and_streamed(self):
        for what in ("stream", "call"):
            with self.subTest(what):
                self.again(what, path=MESSAGES, body=dict(MESSAGES_BODY, system=what))


class NodeAnthropic(Anthropic):
    runtime = "node"


class PythonAnthropic(Anthropic):
    runtime = "python"


del Cached, OpenAi, Anthropic
