"""Every way of attaching a budget or a limit is enforced, and every way of saying whom a
call is for counts.

LiteLLM enforced tags, teams and models by different code, and each of them leaked by itself
at some time; here one table goes through budgets of the configuration, budgets of the API
and rate limits alike."""

import json
import tempfile
import unittest

import books
from books import usd
from crowd import Call, at_once
from harness import (CHAT, GENERATE, MESSAGES, Farebox, FareboxTest, Mock, chat_body, fetch,
                     generate_body, messages_body, providers, wait_until)
from test_keys import bearer, hash_of

KEY = {name: "fb-" + (name.replace("-", "") * 43)[:43] for name in ("one-key", "team-key", "other-key")}
NOTHING = "0.0000001"       # USD; no call costs so little
MODELS = ("model-a", "model-b", "model-c")


def headers(**named):
    return {"x-farebox-" + name: value for name, value in named.items()}


def chat(fields=None, **more):
    return CHAT, chat_body(**dict({"max_tokens": 20}, **more)), fields or {}


# What is attached to, calls that it applies to, and calls that it leaves alone. Values of
# their own in each row keep the rows apart.
ROWS = {
    "org": ({"org": "o1"}, [chat(headers(org="o1"))], [chat(headers(org="o2")), chat()]),
    "project": ({"project": "p1"}, [chat(headers(project="p1"))], [chat(headers(project="p12"))]),
    "user": ({"user": "u1"},
             [chat(headers(user="u1")), chat(user="u1"), chat(safety_identifier="u1"),
              (MESSAGES, messages_body(metadata={"user_id": "u1"}), {})],
             [chat(headers(user="U1")), chat(user="u2"), chat(headers(user="u3"), user="u1")]),
    "tag": ({"tag.team": "red"},
            [chat(headers(tags="team=red")), chat(headers(tags="a=b,team=red")),
             chat(metadata={"team": "red"}), chat({"x-litellm-tags": "team=red"}),
             chat({"x-portkey-metadata": '{"team":"red"}'}), chat({"helicone-property-team": "red"})],
            [chat(headers(tags="team=blue")), chat(headers(tags="Team=red")), chat()]),
    "key": ({"key": "one-key"},
            [chat(bearer(KEY["one-key"])), chat({"x-farebox-key": KEY["one-key"]}),
             (MESSAGES, messages_body(), {"x-api-key": KEY["one-key"]}),
             (GENERATE + "?key=" + KEY["one-key"], generate_body(), {})],
            [chat(bearer(KEY["other-key"])), chat()]),
    "what a key says": ({"org": "k-org", "project": "k-project", "user": "k-user", "tag.tier": "k"},
                        [chat(bearer(KEY["team-key"])),
                         chat(bearer(KEY["team-key"]), user="somebody-else")],
                        [chat(bearer(KEY["other-key"]))]),
    "model": ({"model": "model-a"}, [chat(model="model-a")], [chat(model="model-b")]),
    "provider": ({"provider": "second"}, [("/second" + CHAT, chat_body(max_tokens=20), {})],
                 [chat(), ("/azure" + CHAT, chat_body(max_tokens=20), {})]),
    "two together": ({"project": "p3", "tag.env": "prod"},
                     [chat(headers(project="p3", tags="env=prod"))],
                     [chat(headers(project="p3")), chat(headers(tags="env=prod"))]),
    "each user of an org": ({"org": "o4", "user": "*"},
                            [chat(headers(org="o4", user="x")), chat(headers(org="o4", user="y"))],
                            [chat(headers(org="o4")), chat(headers(user="x"))]),
    "each model of a project": ({"project": "p5", "model": "*"},
                                [chat(headers(project="p5"), model=m) for m in MODELS[1:]],
                                [chat(model="model-b")]),
    "each key of an org": ({"org": "o6", "key": "*"},
                           [chat(dict(bearer(KEY["other-key"]), **headers(org="o6")))],
                           [chat(headers(org="o6"))]),
    "each provider of a tag": ({"tag.all": "yes", "provider": "*"},
                               [chat(headers(tags="all=yes")),
                                (GENERATE, generate_body(), headers(tags="all=yes"))], [chat()]),
    "each value of a tag": ({"project": "p7", "tag.job": "*"},
                            [chat(headers(project="p7", tags="job=1")),
                             chat(headers(project="p7", tags="job=2"))],
                            [chat(headers(project="p7"))]),
}


class Attached(FareboxTest):
    """The table. `settings` says how a row is attached."""

    @classmethod
    def settings(cls):
        return {}

    @classmethod
    def config(cls):
        table = providers(cls.mock, each={"api_keys": ["sk-of-the-provider"]}, second={})
        prices = dict(books.OVERRIDES, **{m: {"input": "2", "output": "10"} for m in MODELS})
        return dict({
            "providers": table, "prices": {"overrides": prices},
            "auth": {"compatibility_headers": ["litellm", "portkey", "helicone"]},
            "keys": [{"name": "one-key", "key_hash": hash_of(KEY["one-key"])},
                     {"name": "other-key", "key_hash": hash_of(KEY["other-key"])},
                     {"name": "team-key", "key_hash": hash_of(KEY["team-key"]), "org": "k-org",
                      "project": "k-project", "user": "k-user", "tags": {"tier": "k"}}]},
            **cls.settings())

    def assert_enforced(self, name, code, budget=None):
        scope, subject, free = ROWS[name]
        for target, body, fields in free:
            with self.subTest(attached=name, free=(target, body, fields)):
                self.assertEqual(self.post(target, body, fields).status, 200)
        for target, body, fields in subject:
            with self.subTest(attached=name, to=(target, body, fields)):
                self.mock.clear()
                reply = self.post(target, body, fields)
                self.assertEqual(reply.status, 429, "%s isn't enforced: %s" % (scope, reply.text))
                self.assertEqual(self.mock.requests(), [])
                self.assertIn(budget or name, reply.text)
                if "farebox" in reply.json()["error"]:
                    self.assertEqual(reply.json()["error"]["code"], code)


class ByConfig(Attached):
    @classmethod
    def settings(cls):
        return {"budgets": [{"name": name, "scope": row[0], "period": "monthly", "limit_usd": NOTHING}
                            for name, row in ROWS.items()]}

    def test_every_row(self):
        for name in ROWS:
            self.assert_enforced(name, "budget_exceeded")


class ByApi(Attached):
    def test_every_row(self):
        for name, (scope, subject, _) in ROWS.items():
            for target, body, fields in subject:        # known before the budget comes
                self.assertEqual(self.post(target, body, fields).status, 200, name)
            answer = self.farebox.admin("POST", "/api/budgets", {}, json.dumps(
                {"name": name, "scope": scope, "budgetType": "monthly", "limitUsd": NOTHING}))
            self.assertEqual(answer.status, 201, answer.text)
            self.assert_enforced(name, "budget_exceeded")
            self.assertEqual(self.farebox.admin(
                "DELETE", "/api/budgets?budgetId=" + answer.json()["id"]).status, 200)
            for target, body, fields in subject:
                self.assertEqual(self.post(target, body, fields).status, 200, name + " is gone")


class ByLimit(Attached):
    """A slot that somebody has, or a request of a long span that was made."""

    @classmethod
    def settings(cls):
        return {"rate_limits": [{"name": name, "scope": row[0], "tokens_per_day": 1}
                                for name, row in ROWS.items()]}

    def test_every_row(self):
        for name, (_, subject, _) in ROWS.items():
            for target, body, fields in subject:        # fills the bucket, and is trued up
                self.post(target, body, fields)
            self.assert_enforced(name, "rate_limit_exceeded")


class ForEverybody(FareboxTest):
    """A scope without parts is everybody's."""

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "budgets": [
            {"name": "all", "period": "daily", "limit_usd": NOTHING}]}

    def test_it_is_enforced(self):
        for target, body in ((CHAT, chat_body()), (MESSAGES, messages_body()), (GENERATE, generate_body())):
            self.assertEqual(self.post(target, body).status, 429, target)
        self.assertEqual(self.fetch("GET", "/v1/models").status, 200)


class Hierarchy(FareboxTest):
    """Org > project > user > key: the money of all, or of none."""

    CHAIN = (("the-org", {"org": "acme"}, "1"), ("the-project", {"project": "search"}, "1"),
             ("the-user", {"user": "*"}, "0.01"), ("the-key", {"key": "team"}, "1"),
             ("the-model", {"model": "gpt-4.1-mini"}, "1"))

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock, each={"api_keys": ["sk-of-the-provider"]}),
                "prices": {"overrides": books.OVERRIDES},
                "keys": [{"name": "team", "key_hash": hash_of(KEY["team-key"]), "org": "acme",
                          "project": "search"}],
                "budgets": [{"name": name, "scope": scope, "period": "total", "limit_usd": limit}
                            for name, scope, limit in cls.CHAIN],
                "enforcement": {"budget_wait": "100ms"}}

    def rows(self):
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        self.assertEqual([fault for row in rows for fault in books.faults_of(row)], [])
        return rows

    def spent(self, name):
        return sum(usd(row["currentSpendUsd"]) for row in self.rows() if row["name"] == name)

    def crowd(self, user, count, **more):
        fields = dict(bearer(KEY["team-key"]), **headers(user=user))
        fields["x-mock-delay-head-ms"] = "20"
        return at_once(self.farebox.port, [Call(CHAT, chat_body(**dict({"max_tokens": 50}, **more)),
                                                fields) for _ in range(count)])

    def test_all_or_none(self):
        for user in ("ann", "bob", "cid"):
            self.crowd(user, 150)
        wait_until(lambda: all(usd(r["heldUsd"]) == 0 for r in self.rows()))
        users = {r["scope"]["user"]: usd(r["currentSpendUsd"]) for r in self.rows()
                 if r["name"] == "the-user"}
        self.assertEqual(len(users), 3)
        records = sum(usd(r["costUsd"]) for r in self.farebox.records())
        for name in ("the-org", "the-project", "the-key", "the-model"):
            self.assertEqual(self.spent(name), sum(users.values()), name)
            self.assertEqual(self.spent(name), records)
        # The one that is spent refuses, and the others don't notice.
        while self.crowd("ann", 1)[0].status == 200:
            pass
        before = [(r["name"], r["currentSpendUsd"], r["heldUsd"]) for r in self.rows()]
        refused = self.crowd("ann", 20)
        self.assertEqual({(c.status, c.error) for c in refused}, {(429, "budget_exceeded")})
        self.assertEqual({c.answer.json()["error"]["farebox"]["budget"] for c in refused}, {"the-user"})
        self.assertEqual([(r["name"], r["currentSpendUsd"], r["heldUsd"]) for r in self.rows()], before)
        self.assertEqual(self.crowd("dee", 1)[0].status, 200)

    def test_a_header_that_contradicts_the_key(self):
        for field, value in (("org", "other"), ("project", "other")):
            reply = self.post(CHAT, chat_body(), dict(bearer(KEY["team-key"]), **headers(**{field: value})))
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (403, "scope_mismatch"))
        self.assertEqual(self.mock.requests(), [])


class Renamed(unittest.TestCase):
    """What a provider calls its model in the reply changes no budget's mind.

    A budget of a model counts the calls that asked for it, while they run and after a
    restart, which sums the records: one of them must not forget what the other counted."""

    def test_a_restart_counts_the_model_that_was_asked_for(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        scopes = {"asked": {"model": "gpt-4.1-mini"}, "each": {"model": "*"}}
        config = {"providers": providers(mock), "prices": {"overrides": books.OVERRIDES},
                  "budgets": [{"name": name, "scope": scope, "period": "monthly", "limit_usd": "5"}
                              for name, scope in scopes.items()]}
        with tempfile.TemporaryDirectory() as directory:
            seen = []
            for life in range(2):
                farebox = Farebox(config, directory=directory)
                if life == 0:
                    reply = fetch(farebox.port, "POST", CHAT,
                                  {"x-mock-model": "gpt-4.1-mini-2025-04-14"}, chat_body(max_tokens=20))
                    self.assertEqual(reply.status, 200)
                seen.append(sorted((r["name"], r["scope"]["model"], r["currentSpendUsd"])
                                   for r in farebox.admin_json("/api/budgets")["budgets"]
                                   if usd(r["currentSpendUsd"]) > 0))
                self.assertEqual(farebox.stop(), 0)
        self.assertEqual(seen[0], [("asked", "gpt-4.1-mini", reply.header("x-farebox-cost-usd")),
                                   ("each", "gpt-4.1-mini", reply.header("x-farebox-cost-usd"))])
        self.assertEqual(seen[1], seen[0], "a restart counts it elsewhere")


if __name__ == "__main__":
    unittest.main()
