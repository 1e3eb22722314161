"""Tenants don't meet in the cache, in a shared call or in a batch (reliability, row X7)."""

import hashlib
import os
import unittest

import crowd
from harness import CHAT, FareboxTest, chat_body, providers

EMBED = "/v1/embeddings"
TENANTS = 8
KEYS = ["fb-" + chr(ord("a") + i) * 43 for i in range(TENANTS)]


class EightTenants(FareboxTest):
    SHARE = "key"
    BODIES = int(os.environ.get("FAREBOX_BODIES", "125"))
    AT_ONCE = 125   # of each tenant

    @classmethod
    def config(cls):
        keys = [{"name": "tenant-%d" % i, "project": "p%d" % (i // 4), "models": ["*"],
                 "key_hash": "sha256:" + hashlib.sha256(key.encode()).hexdigest()}
                for i, key in enumerate(KEYS)]
        return {"threads": 3, "keys": keys, "auth": {"require_keys": True},
                "cache": {"deterministic_only": False, "share": cls.SHARE},
                "providers": providers(cls.mock, each={
                    "circuit_breaker": {"enabled": False}, "retry": {"max_attempts": 1},
                    "api_keys": ["sk-own-" + "x" * 20],
                    "batch": {"embeddings": {"max_wait": "20ms", "share": cls.SHARE}}})}

    def everybody(self, path, body_of):
        """All bodies of all tenants, a part of them side by side: calls in the order of tenants."""
        # The mock names the model that answered as each tenant asks it to, in a field that no key
        # of the cache heeds: so one who gets another's answer can tell.
        calls = [[crowd.Call(path, body_of(b), {"authorization": "Bearer " + key,
                                                "x-mock-model": "of-%d" % i})
                  for b in range(self.BODIES)] for i, key in enumerate(KEYS)]
        for first in range(0, self.BODIES, self.AT_ONCE):
            part = [call for each in calls for call in each[first:first + self.AT_ONCE]]
            crowd.at_once(self.farebox.port, part, 120)
        calls = [call for each in calls for call in each]
        self.assertEqual({c.status for c in calls}, {200})
        return calls


class Apart(EightTenants):
    def test_no_answer_of_one_is_anothers(self):
        body = lambda b: chat_body("the same %d" % b)  # noqa: E731
        for _ in range(2):
            calls = self.everybody(CHAT, body)
        wrong = [i for i, call in enumerate(calls)
                 if call.answer.json()["model"] != "of-%d" % (i // self.BODIES)]
        self.assertEqual(wrong, [], "cross answers")
        self.assertEqual(len(self.mock.requests()), TENANTS * self.BODIES)
        self.assertEqual({c.answer.header("x-farebox-cache") for c in calls}, {"hit"})

    def test_no_batch_holds_two_tenants(self):
        self.everybody(EMBED, lambda b: {"model": "text-embedding-3-small", "input": "text %d" % b})
        upstream = self.mock.requests()
        inputs = [r.json()["input"] for r in upstream]
        self.assertEqual(sum(len(i) if isinstance(i, list) else 1 for i in inputs),
                         TENANTS * self.BODIES)
        # Two of one batch that ask for the same would be two tenants: a tenant asks once.
        self.assertTrue(all(len(set(i)) == len(i) for i in inputs if isinstance(i, list)))


class ByProject(EightTenants):
    SHARE = "project"
    BODIES = 25

    def test_sharing_is_switched_on_by_name(self):
        self.everybody(CHAT, lambda b: chat_body("shared %d" % b))
        self.assertEqual(len(self.mock.requests()), 2 * self.BODIES, "of two projects")


if __name__ == "__main__":
    unittest.main()
