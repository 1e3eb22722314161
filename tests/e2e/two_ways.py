"""Every call twice: straight to the mock provider, and through farebox by nothing but
another base URL. What the SDK shows of it, what the provider receives and how often it
is asked must be the same; and farebox's ledger must have it all."""

import json
import re

import _paths  # noqa: F401
from clients import Client
from harness import CALM, FareboxTest, wait_until

# What a proxy may change, and what is drawn anew for every call.
OWN_REQUEST_FIELDS = ("host", "connection", "accept-encoding", "via", "content-length",
                      "transfer-encoding", "idempotency-key", "keep-alive")
OWN_ANSWER_FIELDS = ("connection", "keep-alive", "date", "via", "content-length",
                     "transfer-encoding")
# Ids the mock makes of the body's hash, which an added stream_options changes.
MADE_IDS = re.compile(r"\b(req_mock_|chatcmpl-|cmpl-|resp_|msg_|modr-|compl_)[0-9a-f]{16}\b")
BOUNDARY = re.compile(r"boundary=\S+")
# In place of the class of an error: some error, the same both ways.
ANY = "any"
# Headers of a 429 or 503 that ask for a quick second try, so that no test waits.
SOON = ["retry-after-ms: 40"]


def normal(value, told=None):
    """Without what differs between two calls to the same provider; of the member `told`
    only whether it is there."""
    if told is not None:
        return normal(dict(value, **{told: told in value}))
    if isinstance(value, dict):
        # A stream asked for its usage says "usage": null in every other chunk.
        return {name: normal(one) for name, one in value.items()
                if name != "leftAt" and (name, one) != ("usage", None)}
    if isinstance(value, list):
        return [normal(one) for one in value if not is_own_field(one)]
    return MADE_IDS.sub(r"\1ID", value) if isinstance(value, str) else value


def is_own_field(pair):
    return (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
            and (pair[0].lower() in OWN_ANSWER_FIELDS or pair[0].startswith("x-farebox-")))


def received(seen):
    """One request as the provider read it, without what a proxy may change. Of a large
    body the hash, of a multipart one, whose boundary is drawn anew, the size."""
    fields = [[n, BOUNDARY.sub("boundary=...", v)] for n, v in seen.headers
              if n.lower() not in OWN_REQUEST_FIELDS]
    body = seen.body.decode("latin-1") if seen.body_size == len(seen.body) else seen.body_sha256
    if any("multipart/" in v for _, v in fields):
        body = seen.body_size
    return {"method": seen.method, "target": seen.target, "fields": fields, "body": body}


def forwarded_as(seen, asked):
    """received(), without the one member farebox may add: the wish for usage in a stream
    of a client that said nothing of stream_options."""
    out = received(seen)
    try:
        body, original = json.loads(seen.body), json.loads(asked.body)
    except ValueError:
        return out
    if (isinstance(body, dict) and "stream_options" not in original
            and body.pop("stream_options", None) == {"include_usage": True} and body == original):
        out["body"] = asked.body.decode("latin-1")
    return out


class TwoWays(FareboxTest):
    """A FareboxTest that owns a client program of one SDK. Subclasses say which."""

    runtime = "node"
    sdk = ""
    base = ""               # what this SDK wants behind the host name
    more = {}               # arguments of every call

    @classmethod
    def config(cls):
        return {"threads": 2, "providers": {
            name: dict(CALM, dialect=name, base_url=cls.mock.url)
            for name in ("openai", "anthropic", "gemini")}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.client = Client(cls.runtime)
        except Exception:
            super().tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.client.stop()
        super().tearDownClass()

    def call(self, what, url, args):
        try:
            return self.client.call(self.sdk, what,
                                    dict(self.more, url=url, key="test-key", **args))
        except Exception:       # one call that kills the client fails one test
            self.client.stop()
            type(self).client = Client(self.runtime)
            raise

    def way(self, what, url, rules, args):
        """(what the SDK showed, the requests the provider read)"""
        self.mock.clear()
        for rule in rules:
            self.mock.rule(**rule)
        seen = self.call(what, url, args)
        wait_until(lambda: all(r.outcome != "running" for r in self.mock.requests()), 5,
                   "the provider is still answering")
        return seen, self.mock.requests()

    def compare(self, what, rules, args, base=None, told=None, ends_alike=True):
        """Makes the call both ways; everything an SDK shows and a provider reads is the
        same. `told`: the member ("error") that farebox tells in words of its own. `base`:
        another form of the base URL's path for farebox. `ends_alike`: the provider sees
        the same end of its last answer. Returns the Pair."""
        rules = [rules] if isinstance(rules, dict) else list(rules)
        straight, asked = self.way(what, self.mock.url + self.base, rules, args)
        before = self.newest()
        base = self.base if base is None else base
        through, forwarded = self.way(what, self.farebox_url() + base, rules, args)
        self.assertEqual(normal(through, told), normal(straight, told),
                         "the SDK shows something else")
        self.assertEqual(len(forwarded), len(asked), "the SDK tries more or less often")
        self.assertEqual([forwarded_as(f, a) for f, a in zip(forwarded, asked)],
                         [received(a) for a in asked], "the provider receives something else")
        if ends_alike:      # before a retry an SDK may leave an error unread
            self.assertEqual([r.outcome for r in forwarded[-1:]], [r.outcome for r in asked[-1:]],
                             "the provider sees another end")
        return Pair(straight, through, asked, forwarded, self.records_since(before, len(asked)))

    def both(self, what, rules=(), attempts=1, fails=None, outcomes=None, unfinished=False,
             tokens=None, base=None, told=None, ends_alike=True, **args):
        """compare(), and that it is what was expected. `attempts`: requests the provider
        reads. `fails`: the class of the error, None for a result. `outcomes`: of farebox's
        records, all "ok" unless told otherwise. `unfinished`: True when usage never
        arrives, so that tokens are an estimate; None when either will do. `tokens`: of
        farebox's records; what the mock bills unless told otherwise."""
        pair = self.compare(what, rules, args, base, told, ends_alike)
        if fails is None:
            self.assertIsNone(pair.error, "the call itself fails")
        else:
            self.assertIsNotNone(pair.error, "no error: %s" % pair.seen)
            self.assertIn(fails, (pair.straight["error"]["class"], ANY), pair.error)
        self.assertEqual(len(pair.asked), attempts, "attempts: %s" % pair.seen)
        self.assertEqual([r["outcome"] for r in pair.records], outcomes or ["ok"] * attempts)
        if unfinished is not None:
            self.assertEqual([r["estimated"] for r in pair.records], [unfinished] * attempts)
        if unfinished is False:
            self.check_tokens(pair.records, tokens)
        return pair

    def check_tokens(self, records, tokens):
        counted = [(r["inputTokens"], r["outputTokens"]) for r in records if r["status"] < 400]
        lines = self.mock.bill()["lines"]
        if tokens is not None:
            self.assertEqual(counted, [tuple(pair) for pair in tokens])
        elif lines:
            self.assertEqual(counted, [(l["inputTokens"], l["outputTokens"]) for l in lines],
                             "farebox counts something else than the provider bills")

    def farebox_url(self):
        return "http://127.0.0.1:%d" % self.farebox.port

    # -- farebox's own view ----------------------------------------------

    def newest(self):
        page = self.farebox.admin_json("/api/usage/records?limit=1")["records"]
        return page[0]["id"] if page else None

    def records_since(self, before, count):
        """The records written since, oldest first; they must be so many."""
        def new():
            page = self.farebox.admin_json("/api/usage/records?limit=50")["records"]
            ids = [r["id"] for r in page]
            return page[:ids.index(before)] if before in ids else page
        wait_until(lambda: len(new()) >= count, 5, "farebox has too few records")
        records = new()
        self.assertEqual(len(records), count, [(r["endpoint"], r["outcome"]) for r in records])
        return records[::-1]


class Pair:
    """What both ways gave: the SDK's view (straight, and as seen through farebox), the
    provider's (asked, and forwarded by farebox), and the ledger's."""

    def __init__(self, straight, seen, asked, forwarded, records):
        self.straight, self.seen, self.records = straight, seen, records
        self.result, self.error = seen.get("result"), seen.get("error")
        self.events = seen.get("events")
        self.asked, self.forwarded = asked, forwarded
        self.gaps = [[b.head_at - a.body_at for a, b in zip(way, way[1:])]
                     for way in (asked, forwarded)]

    def left_within(self):
        """Seconds until the provider knew that the client had left."""
        return self.forwarded[-1].peer_left_at - self.seen["leftAt"]


def failing(status, times=0, headers=(), **more):
    """A rule: the provider answers so, the first `times` times or always."""
    behaviour = dict({"status": status, "headers": list(headers)}, **more)
    return {"behaviour": behaviour, "times": times}


def behaving(**behaviour):
    return {"behaviour": behaviour}
