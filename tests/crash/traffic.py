"""The load of the crash suite: what applications do, each request with an id of its own.

The id goes out twice: as x-farebox-request-id, which becomes the record's, and as
x-request-tag, which passes on to the provider, so that both sides can be compared."""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import wire  # noqa: E402

CHAT_MODEL, MESSAGES_MODEL = "gpt-4.1-mini", "claude-sonnet-4-5"
GENERATE_MODEL, EMBEDDING_MODEL = "gemini-2.5-flash", "text-embedding-3-small"

# USD per million tokens = millions of picodollars per token. Set as overrides, so that
# the truth is two numbers and owes nothing to the price table.
PRICES = {CHAT_MODEL: (2, 10), MESSAGES_MODEL: (3, 15), GENERATE_MODEL: (1, 8),
          EMBEDDING_MODEL: (1, 0)}
OVERRIDES = {model: {"input": str(i), "output": str(o)} for model, (i, o) in PRICES.items()}


class Sent:
    """One request and what its client saw of the answer."""

    def __init__(self, identity, kind):
        self.id, self.kind = identity, kind
        self.status = 0          # 0: no head came
        self.complete = False    # the last octet came
        self.error = None        # what farebox said, if it answered by itself
        self.at = time.monotonic()

    def __str__(self):
        return "%s %s status=%d complete=%s" % (self.id, self.kind, self.status, self.complete)


def words(random_, most):
    return " ".join(["word"] * random_.randint(1, most))


def chat(random_, stream):
    body = {"model": CHAT_MODEL, "messages": [{"role": "user", "content": words(random_, 40)}]}
    if random_.random() < 0.7:
        body["max_tokens"] = random_.randint(1, 60)
    if stream:
        body["stream"] = True
        # Never false: what a client won't have counted is estimated, and that isn't the point.
        if random_.random() < 0.3:
            body["stream_options"] = {"include_usage": True}
    return "/v1/chat/completions", body


def responses(random_, stream):
    return "/v1/responses", {"model": CHAT_MODEL, "input": words(random_, 40), "stream": stream,
                             "max_output_tokens": random_.randint(16, 60)}


def messages(random_, stream):
    return "/v1/messages", {"model": MESSAGES_MODEL, "max_tokens": random_.randint(1, 60),
                            "stream": stream,
                            "messages": [{"role": "user", "content": words(random_, 40)}]}


def generate(random_, stream):
    ending = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return ("/v1beta/models/%s:%s" % (GENERATE_MODEL, ending),
            {"contents": [{"role": "user", "parts": [{"text": words(random_, 40)}]}],
             "generationConfig": {"maxOutputTokens": random_.randint(1, 60)}})


def embeddings(random_, _):
    return "/v1/embeddings", {"model": EMBEDDING_MODEL,
                              "input": [words(random_, 20) for _ in range(random_.randint(1, 4))]}


# kind: weight, endpoints, stream, what the mock is told (a range, or a list to choose
# from), what the client does.
TALKS = (chat, responses, messages, generate)
ALL = TALKS + (embeddings,)
KINDS = {
    "whole": (24, ALL, False, {}, "read"),
    "whole-late": (8, ALL, False, {"delay-head-ms": (1, 60)}, "read"),
    "stream": (24, TALKS, True, {}, "read"),
    "stream-slow": (12, TALKS, True, {"delay-chunk-ms": (1, 15), "output-tokens": (5, 30)}, "read"),
    "leave-stream": (12, TALKS, True, {"delay-chunk-ms": (0, 8), "output-tokens": (10, 60)},
                     "leave"),
    "leave-early": (5, ALL, False, {"delay-head-ms": (5, 40)}, "leave-early"),
    "bad-status": (6, ALL, False, {"status": [400, 401, 404, 429, 500, 503]}, "read"),
    "cut-stream": (4, TALKS, True, {"cut-chunks": (1, 4), "output-tokens": (10, 20)}, "read"),
}


class Client(threading.Thread):
    """One application: request after request, on one connection while that lives."""

    def __init__(self, name, port, seed):
        super().__init__(daemon=True)
        self.name, self.port = name, port
        self.random = random.Random(seed)
        self.sent = []
        self.stopping = False
        self.connection = None

    def run(self):
        while not self.stopping:
            try:
                if self.connection is None:
                    self.connection = wire.Connection(self.port, timeout=10)
                self.ask()
            except (OSError, EOFError, ValueError):
                if self.connection is None:
                    break                     # farebox is gone
                self.drop()
        self.drop()

    def drop(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ask(self):
        kind = self.random.choices(list(KINDS), [row[0] for row in KINDS.values()])[0]
        _, dialects, stream, behaviour, manner = KINDS[kind]
        target, body = self.random.choice(dialects)(self.random, stream)
        sent = Sent("%s-%d" % (self.name, len(self.sent)), kind)
        fields = [("x-farebox-request-id", sent.id), ("x-request-tag", sent.id),
                  ("authorization", "Bearer sk-crash")]
        for name, values in behaviour.items():
            value = self.random.choice(values) if isinstance(values, list) \
                else self.random.randint(*values)
            fields.append(("x-mock-" + name, str(value)))
        self.sent.append(sent)                # before it leaves: nothing sent is unknown
        self.connection.ask("POST", target, fields, body)
        if manner == "leave-early":
            time.sleep(self.random.uniform(0, 0.01))
            return self.drop()
        response = self.connection.head("POST")
        sent.status = response.status
        pieces = self.connection.pieces(response)
        if manner == "leave":
            for _ in zip(range(self.random.randint(1, 12)), pieces):
                pass
            if not response.complete:
                return self.drop()
        for _ in pieces:
            pass
        sent.complete = response.complete
        if response.status >= 400:
            sent.error = response.text[:300]
        if not response.complete or "close" in (response.header("connection") or ""):
            self.drop()


class Load:
    """Some clients at once."""

    def __init__(self, name, port, random_, clients=6):
        self.clients = [Client("%s.%d" % (name, i), port, random_.random()) for i in range(clients)]
        for client in self.clients:
            client.start()

    def end(self):
        """What was sent, once all clients have seen how their last request ended."""
        for client in self.clients:
            client.stopping = True
        for client in self.clients:
            client.join(15)
            if client.is_alive():
                raise AssertionError("client %s hangs at %s" % (client.name, client.sent[-1]))
        return [sent for client in self.clients for sent in client.sent]
