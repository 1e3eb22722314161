"""Several providers for a model: who is asked, who comes next, and what is recorded."""

import collections
import unittest

from harness import CHAT, MESSAGES, FareboxTest, chat_body, messages_body, providers
from mock_provider import Mock

QUICK = {"retry": {"max_attempts": 2, "base_delay": "5ms", "max_delay": "10ms",
                   "budget_percent": 1000}, "circuit_breaker": {"enabled": False}}
SECRET = "sk-second-" + "k" * 30


class Routed(FareboxTest):
    """Two mocks: `openai` and `second`."""

    @classmethod
    def setUpClass(cls):
        cls.other = Mock()
        try:
            super().setUpClass()
        except Exception:
            cls.other.stop()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.other.stop()

    def setUp(self):
        super().setUp()
        self.other.clear()

    @classmethod
    def config(cls):
        table = providers(cls.mock, each=QUICK)
        table["second"] = dict(QUICK, dialect="openai", base_url=cls.other.url + "/openai/v1",
                               api_keys=[SECRET])
        table["frugal"] = dict(table["openai"], retry={"max_attempts": 1, "budget_percent": 20})
        table["gone"] = dict(QUICK, dialect="openai", base_url="http://127.0.0.1:1")
        return {"providers": table, "routes": [
            {"model": "gpt-4.1*", "targets": [{"provider": "openai"}],
             "fallbacks": [{"provider": "second", "model": "gpt-4o-mini"}]},
            {"model": "fast", "targets": [{"provider": "second", "model": "gpt-4.1-nano"}]},
            {"model": "split", "targets": [
                {"provider": "openai", "model": "gpt-4o", "weight": 3, "variant": "a"},
                {"provider": "second", "model": "gpt-4o-mini", "weight": 1, "variant": "b"}]},
            {"model": "stays", "sticky": "user", "targets": [
                {"provider": "openai", "model": "gpt-4o"},
                {"provider": "second", "model": "gpt-4o"}]},
            {"model": "dead-*", "targets": [{"provider": "gone", "model": "gpt-4o"},
                                            {"provider": "second", "model": "gpt-4o"}]},
            {"model": "strict", "targets": [{"provider": "openai", "model": "gpt-4o"}],
             "fallbacks": [{"provider": "second", "model": "gpt-4o"}],
             "fallback_on": ["breaker", "timeout"]},
            {"model": "round", "targets": [{"provider": "frugal", "model": "gpt-4o"}],
             "fallbacks": [{"provider": "second", "model": "gpt-4o"},
                           {"provider": "frugal", "model": "gpt-4.1"}]},
        ]}

    def test_a_provider_that_comes_round_again_is_asked_again(self):
        """Another provider in between hid that from what may be repeated there."""
        for mock in (self.mock, self.other):
            mock.rule({"status": 500})
        for _ in range(60):
            self.assertEqual(self.post(CHAT, chat_body(model="round")).status, 500)
        models = collections.Counter(seen.json()["model"] for seen in self.mock.requests())
        self.assertEqual(models["gpt-4o"], 60)
        self.assertLessEqual(models["gpt-4.1"], 22)  # ten, and a fifth

    def test_a_fallback_takes_over_with_its_own_model_path_and_key(self):
        self.mock.rule({"status": 500})
        reply = self.post(CHAT, chat_body(), {"authorization": "Bearer sk-callers-own-key-00000000",
                                              "openai-organization": "org-1", "cookie": "a=b"})
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.header("x-farebox-provider"), "second")
        self.assertEqual(reply.header("x-farebox-attempts"), "3")
        seen = self.other.requests()[0]
        self.assertEqual((seen.target, seen.json()["model"]),
                         ("/openai/v1/chat/completions", "gpt-4o-mini"))
        self.assertEqual(seen.header("authorization"), "Bearer " + SECRET)
        # What the caller sent for one provider doesn't reach another.
        self.assertIsNone(seen.header("openai-organization"))
        self.assertIsNone(seen.header("cookie"))
        record = self.farebox.record_of(reply)
        self.assertEqual([(a["provider"], a["model"], a["status"]) for a in record["attempts"]],
                         [("openai", "gpt-4.1-mini", 500), ("openai", "gpt-4.1-mini", 500),
                          ("second", "gpt-4o-mini", 200)])
        self.assertEqual((record["requestedModel"], record["provider"]), ("gpt-4.1-mini", "second"))
        self.assertTrue(record["priced"])

    def test_streams_fall_back_before_they_begin(self):
        self.mock.rule({"status": 429})
        reply = self.post(CHAT, chat_body(stream=True))
        self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "second"))
        self.assertTrue(reply.complete)
        self.assertIn("[DONE]", reply.text)
        self.assertGreater(self.farebox.record_of(reply)["outputTokens"], 0)

    def test_when_all_fail_the_last_answer_passes(self):
        self.mock.rule({"status": 500})
        self.other.rule({"status": 503})
        reply = self.post(CHAT, chat_body())
        self.assertEqual((reply.status, reply.header("x-farebox-provider")), (503, "second"))
        self.assertEqual(len(self.farebox.record_of(reply)["attempts"]), 4)

    def test_a_mistake_of_the_caller_stays_where_it_was_made(self):
        self.mock.rule({"status": 400})
        self.assertEqual(self.post(CHAT, chat_body()).status, 400)
        self.assertEqual(self.other.requests(), [])

    def test_only_what_the_route_names_falls_back(self):
        self.mock.rule({"status": 500})
        self.assertEqual(self.post(CHAT, chat_body(model="strict")).status, 500)
        self.assertEqual(self.other.requests(), [])

    def test_another_name_for_a_model(self):
        reply = self.post(CHAT, chat_body(model="fast"))
        self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "second"))
        record = self.farebox.record_of(reply)
        self.assertEqual((record["requestedModel"], record["attempts"][0]["model"]),
                         ("fast", "gpt-4.1-nano"))
        self.assertTrue(record["priced"])
        self.assertEqual(self.mock.requests(), [])

    def test_weights_and_variants(self):
        seen = collections.Counter()
        for _ in range(80):
            record = self.farebox.record_of(self.post(CHAT, chat_body(model="split")))
            self.assertEqual(record["variant"], {"openai": "a", "second": "b"}[record["provider"]])
            seen[record["variant"]] += 1
        self.assertGreater(seen["a"], 40)
        self.assertGreater(seen["b"], 4)

    def test_a_user_stays_with_a_target(self):
        homes = {}
        for user in range(12):
            for _ in range(3):
                reply = self.post(CHAT, chat_body(model="stays"), {"x-farebox-user": "u%d" % user})
                homes.setdefault(user, set()).add(reply.header("x-farebox-provider"))
        self.assertTrue(all(len(home) == 1 for home in homes.values()), homes)
        self.assertEqual(len(set.union(*homes.values())), 2)

    def test_a_dead_target_is_passed_by_at_once(self):
        for _ in range(6):
            reply = self.post(CHAT, chat_body(model="dead-1"))
            self.assertEqual((reply.status, reply.header("x-farebox-provider")), (200, "second"))

    def test_a_path_that_names_its_provider_is_not_routed(self):
        reply = self.post("/probe" + CHAT, chat_body(model="fast"))
        self.assertEqual(reply.header("x-farebox-provider"), "probe")
        self.assertEqual(self.other.requests(), [])

    def test_other_dialects_are_left_alone(self):
        reply = self.post(MESSAGES, messages_body(model="fast"))
        self.assertEqual(reply.header("x-farebox-provider"), "anthropic")


class Governed(Routed):
    """Budgets hold what the place that is asked may cost."""

    @classmethod
    def config(cls):
        return dict(super().config(), budgets=[
            {"name": "all", "scope": {}, "period": "total", "limit_usd": 1},
            {"name": "second", "scope": {"provider": "second"}, "period": "total",
             "limit_usd": "0.00001"}])

    def test_a_fallback_takes_over_with_its_own_model_path_and_key(self):
        """The fallback's budget can't pay, so the first answer passes and nothing is held."""
        self.mock.rule({"status": 500})
        reply = self.post(CHAT, chat_body(max_tokens=5000))
        self.assertEqual((reply.status, reply.header("x-farebox-provider")), (500, "openai"))
        self.assertEqual(self.other.requests(), [])
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        self.assertEqual({row["heldUsd"] for row in rows}, {"0"})

    test_streams_fall_back_before_they_begin = None
    test_when_all_fail_the_last_answer_passes = None
    test_weights_and_variants = None
    test_a_user_stays_with_a_target = None
    test_a_dead_target_is_passed_by_at_once = None
    test_another_name_for_a_model = None
    test_a_path_that_names_its_provider_is_not_routed = None    # a model without a price
    test_other_dialects_are_left_alone = None


if __name__ == "__main__":
    unittest.main()
