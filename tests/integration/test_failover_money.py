"""What a reader with a fresh eye broke in retries and routes, each with its history: money, holds,
bodies and keys when a call goes from one provider to another."""

import tempfile
import threading
import time
import unittest
from decimal import Decimal

from harness import (CHAT, Farebox, Mock, chat_body, fetch, generate_body, wait_until)

KEY = "sk-own-" + "k" * 30
PRICES = {"overrides": {"m1": {"input": "1", "output": "1000"}, "m2": {"input": "1", "output": "1"}}}


class TwoMocks(unittest.TestCase):
    def setUp(self):
        self.a, self.b = Mock(), Mock()
        self.addCleanup(self.a.stop)
        self.addCleanup(self.b.stop)

    def entry(self, mock, tries=1, path="", **more):
        return dict({"dialect": "openai", "base_url": mock.url + path, "api_keys": [KEY],
                     "retry": {"max_attempts": tries, "base_delay": "5ms", "max_delay": "50ms",
                               "budget_percent": 1000},
                     "circuit_breaker": {"enabled": False}}, **more)

    def start(self, providers, routes, **more):
        place = tempfile.TemporaryDirectory(prefix="farebox-")
        self.addCleanup(place.cleanup)
        self.farebox = Farebox(dict({"providers": providers, "routes": routes, "prices": PRICES}, **more),
                               directory=place.name)
        self.addCleanup(lambda: self.farebox.is_running() and self.assertEqual(self.farebox.stop(), 0))

    def post(self, target, body, headers=()):
        return fetch(self.farebox.port, "POST", target, headers, body)

    def budgets(self):
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        return {row["name"]: (Decimal(row["currentSpendUsd"]), Decimal(row["heldUsd"])) for row in rows}


class Failover(TwoMocks):
    def test_a_model_name_like_the_base_path_ends_nothing(self):
        """The name was looked for in the whole target, found in the base path, and the next target's
        path could not be made: a CHECK ended the program."""
        self.start({"gemini": self.entry(self.a, path="/v1beta", dialect="gemini"),
                    "gem2": self.entry(self.b, path="/v1beta", dialect="gemini")},
                   [{"model": "*", "targets": [{"provider": "gemini", "model": "gemini-2.5-pro"}],
                     "fallbacks": [{"provider": "gem2"}]}])
        self.a.rule({"status": 500})
        for name in ("v%31beta", "%6dodels"):
            reply = self.post("/v1beta/models/%s:generateContent" % name, generate_body())
            self.assertIn(reply.status, (200, 400, 500))
        self.assertTrue(self.farebox.is_running())
        for seen in self.a.requests() + self.b.requests():
            self.assertTrue(seen.target.startswith("/v1beta/models/"), seen.target)

    def test_a_refused_fallback_leaves_nothing_that_runs_without_a_hold(self):
        """The hold was given back for the fallback, whose budget refused; then the first provider was
        asked again, unheld and uncounted, as often as anybody liked."""
        self.start({"openai": self.entry(self.a, tries=2), "bb": self.entry(self.b)},
                   [{"model": "m1", "targets": [{"provider": "openai", "weight": 1},
                                                {"provider": "bb", "weight": 0}]}],
                   budgets=[{"name": "all", "period": "total", "limit_usd": "0.02"},
                            {"name": "bb", "scope": {"provider": "bb"}, "period": "total",
                             "limit_usd": "0.0000001"}])
        for _ in range(6):
            self.a.rule({"status": 500}, times=1)
            self.assertEqual(self.post(CHAT, chat_body(model="m1", max_tokens=10)).status, 500)
        self.assertEqual(self.a.bill()["total"]["outputTokens"], 0)
        self.assertEqual(self.budgets(), {"all": (0, 0), "bb": (0, 0)})

    def test_who_is_tried_first_is_paid_first(self):
        """A try that timed out at one provider was counted in the budget of the next one, in the ledger
        and after a restart alike."""
        config = dict(budgets=[
            {"name": "all", "period": "total", "limit_usd": 10},
            {"name": "A", "scope": {"provider": "openai"}, "period": "total", "limit_usd": 10},
            {"name": "B", "scope": {"provider": "bb"}, "period": "total", "limit_usd": "0.01"}])
        providers = {"openai": self.entry(self.a, timeouts={"first_byte": "300ms"}),
                     "bb": self.entry(self.b)}
        routes = [{"model": "m1", "targets": [{"provider": "openai"}],
                   "fallbacks": [{"provider": "bb", "model": "m2"}]}]
        self.start(providers, routes, **config)
        self.a.rule({"delay_head_ms": 1500})
        reply = self.post(CHAT, chat_body(model="m1", max_tokens=400))
        self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "bb"))
        record = self.farebox.record_of(reply)
        first, second = record["attempts"]
        self.assertEqual((first["provider"], first["model"], first["outcome"]), ("openai", "m1", "timeout"))
        self.assertGreater(Decimal(first["costUsd"]), Decimal("0.39"))
        self.assertEqual(Decimal(first["costUsd"]) + Decimal(second["costUsd"]), Decimal(record["costUsd"]))
        self.assertTrue(record["estimated"])
        expected = {"all": (Decimal(record["costUsd"]), 0), "A": (Decimal(first["costUsd"]), 0),
                    "B": (Decimal(second["costUsd"]), 0)}
        self.assertEqual(self.budgets(), expected)
        self.assertEqual(self.farebox.stop(), 0)
        self.farebox = Farebox(dict({"providers": providers, "routes": routes, "prices": PRICES}, **config),
                               directory=self.farebox.directory)
        self.assertEqual(self.budgets(), expected)

    def test_a_try_that_another_provider_never_had_keeps_its_price(self):
        """The fallback's queue was full, and the dear try before it was priced as the cheap model."""
        self.start({"openai": self.entry(self.a, timeouts={"first_byte": "300ms"}),
                    "bb": self.entry(self.b, concurrency={"max": 1, "queue": 0})},
                   [{"model": "m1", "targets": [{"provider": "openai"}],
                     "fallbacks": [{"provider": "bb", "model": "m2"}]}],
                   budgets=[{"name": "all", "period": "total", "limit_usd": 10}])
        self.a.rule({"delay_head_ms": 1500})
        self.b.rule({"delay_head_ms": 2500})
        busy = threading.Thread(target=self.post, args=("/bb" + CHAT, chat_body(model="m2", max_tokens=4)))
        busy.start()
        time.sleep(0.3)
        reply = self.post(CHAT, chat_body(model="m1", max_tokens=400))
        busy.join()
        self.assertEqual(reply.status, 503)
        record = self.farebox.record_of(reply)
        self.assertEqual([(a["provider"], a["model"]) for a in record["attempts"]], [("openai", "m1")])
        self.assertGreater(Decimal(record["costUsd"]), Decimal("0.39"))
        self.assertEqual(Decimal(record["attempts"][0]["costUsd"]), Decimal(record["costUsd"]))
        spent, held = self.budgets()["all"]
        self.assertEqual(held, 0)
        self.assertGreater(spent, Decimal("0.39"))

    def test_what_was_held_is_charged_once(self):
        """A try that was reset, then one ended by a drain: the first was charged twice, above the hold."""
        self.start({"openai": self.entry(self.a, tries=2)}, [], limits={"drain": "1s"},
                   budgets=[{"name": "all", "period": "total", "limit_usd": 1}])
        self.a.rule({"steps": [{"reset": True}]}, times=1)
        self.a.rule({"delay_head_ms": 30000})
        caller = threading.Thread(target=self.ask_in_vain)
        caller.start()
        wait_until(lambda: len(self.a.requests()) == 2, 15)
        self.assertEqual(self.farebox.stop(), 0)
        caller.join()
        self.farebox = Farebox({"providers": {"openai": self.entry(self.a)}, "prices": PRICES,
                                "budgets": [{"name": "all", "period": "total", "limit_usd": 1}]},
                               directory=self.farebox.directory)
        record = self.farebox.record_of("once", 20)
        self.assertFalse(record["overHold"])
        self.assertEqual(sum(Decimal(a["costUsd"]) for a in record["attempts"]), Decimal(record["costUsd"]))
        self.assertLessEqual(self.budgets()["all"][0], 1)

    def ask_in_vain(self):
        try:
            self.post(CHAT, chat_body(model="m1", max_tokens=400), {"x-farebox-request-id": "once"})
        except OSError:
            pass

    def test_each_target_gets_what_the_client_asked(self):
        """Tokens lowered for a dear model stayed lowered for the cheap one."""
        self.start({"openai": self.entry(self.a), "bb": self.entry(self.b, path="/v4")},
                   [{"model": "m1", "targets": [{"provider": "openai"}],
                     "fallbacks": [{"provider": "bb", "model": "m2"}, {"provider": "openai", "model": "m2"}]}],
                   budgets=[{"name": "all", "period": "total", "limit_usd": "0.05"}])
        self.a.rule({"status": 503}, times=1)
        self.b.rule({"status": 503}, times=1)
        self.assertEqual(self.post(CHAT, chat_body(model="m1", max_tokens=4000)).status, 200)
        first, last = self.a.requests()
        self.assertLess(first.json()["max_tokens"], 60)
        self.assertEqual((last.json()["max_tokens"], last.json()["model"], last.target), (4000, "m2", CHAT))
        seen = self.b.requests()[0]
        self.assertEqual((seen.json()["max_tokens"], seen.target), (4000, "/v4/chat/completions"))

    def test_what_names_somebody_stays_at_home(self):
        self.start({"openai": {"dialect": "openai", "base_url": self.a.url,
                               "retry": {"max_attempts": 1}}, "bb": self.entry(self.b)},
                   [{"model": "m1", "targets": [{"provider": "openai"}],
                     "fallbacks": [{"provider": "bb", "model": "m2"}]}])
        self.a.rule({"status": 503})
        secret = "sk-callers-" + "s" * 30
        names = ("x-amz-security-token", "ocp-apim-subscription-key", "helicone-auth",
                 "x-portkey-api-key", "x-litellm-api-key", "cookie")
        reply = self.post(CHAT + "?api_key=%s&a=b" % secret, chat_body(model="m1"),
                          dict({name: secret for name in names}, authorization="Bearer " + secret))
        self.assertEqual(reply.header("x-farebox-provider"), "bb")
        seen = self.b.requests()[0]
        self.assertNotIn(secret.encode(), seen.head)
        self.assertIn("a=b", seen.target)
        self.assertEqual(seen.header("authorization"), "Bearer " + KEY)

    def test_many_models_of_one_provider_are_no_storm(self):
        models = [{"provider": "openai", "model": "m%d" % n} for n in range(2, 14)]
        entry = self.entry(self.a)
        del entry["retry"]["budget_percent"]
        self.start({"openai": entry},
                   [{"model": "m1", "targets": [{"provider": "openai"}], "fallbacks": models}])
        self.a.rule({"status": 500})
        for _ in range(60):
            self.assertEqual(self.post(CHAT, chat_body(model="m1")).status, 500)
        self.assertLessEqual(len(self.a.requests()), 60 + 12 + 2)


class Impatient(TwoMocks):
    """Clients with little patience opened the breaker for all others."""

    def test_who_waits_no_longer_opens_no_breaker(self):
        entry = self.entry(self.a)
        entry["circuit_breaker"] = {"failure_threshold": 3}
        self.start({"openai": entry}, [])
        self.a.rule({"delay_head_ms": 300}, times=6)
        for _ in range(6):
            self.assertEqual(self.post(CHAT, chat_body(), {"x-farebox-timeout": "20ms"}).status, 504)
        self.assertEqual(self.post(CHAT, chat_body()).status, 200)


if __name__ == "__main__":
    unittest.main()
