"""Alerts: each fires once, says what matters, and is listed, tested and acknowledged."""

import hashlib
import hmac
import json
import signal
import time
import unittest
from decimal import Decimal

from alert_case import JSON, SECRET, AlertTest
from crowd import Call, at_once
from harness import CHAT, chat_body, fetch, run_to_end, wait_until


class Firing(AlertTest):
    def test_a_threshold_is_told_once_signed_and_in_words(self):
        self.start()
        self.spend(0.85)
        post, = self.received(1)
        body = post.json
        self.assertEqual((body["kind"], body["level"], body["state"], body["subject"], body["scope"]),
                         ("budget_warning", "warning", "active", "team", {"project": "team"}))
        self.assertEqual(post.id, body["id"])
        self.assertIn("Budget team (project=team) is at 8", body["title"])
        for words in ("is spent since", "farebox budgets top-up 'team' --usd", "begins anew"):
            self.assertIn(words, body["text"])
        stamp, signature = (part.partition("=")[2]
                            for part in post.headers["x-farebox-signature"].split(","))
        wanted = hmac.new(SECRET.encode(), stamp.encode() + b"." + post.body, hashlib.sha256)
        self.assertEqual(signature, wanted.hexdigest())
        self.assertLess(abs(time.time() - int(stamp)), 60)
        self.delivered()
        line, = wait_until(lambda: self.farebox.log(msg="alert"))
        self.assertEqual((line["kind"], line["alert"]), ("budget_warning", body["id"]))
        self.assertEqual(self.farebox.metric("farebox_alerts_fired_total", kind="budget_warning"), 1)
        self.assertEqual(self.farebox.metric("farebox_alerts_delivered_total", channel="ops",
                                             result="delivered"), 1)
        self.assertEqual(self.farebox.metric("farebox_alerts_active"), 1)
        self.quiet()

    def test_every_threshold_fires_once_while_many_cross_it(self):
        self.budgets[0]["limit_usd"] = "1000"
        self.start()
        cost = Decimal(self.call("other").header("x-farebox-cost-usd"))
        self.limit(cost * 100)
        body = json.dumps(chat_body(max_tokens=20)).encode()
        head = [("x-farebox-project", "team"), ("content-type", "application/json")]
        at_once(self.farebox.port, [Call(CHAT, body, head) for _ in range(200)])
        self.received(3)
        self.quiet()
        self.assertEqual(sorted(p.json["kind"] for p in self.receiver.posts),
                         ["budget_critical", "budget_exceeded", "budget_warning"])

    def test_a_raised_limit_arms_and_a_lowered_one_fires(self):
        self.start()
        cost = self.spend(0.85)
        self.received(1)
        self.limit(cost * 4)
        wait_until(lambda: self.kinds("?state=ended") == ["budget_warning"])
        for _ in range(3):
            self.call()
        self.received(4)           # four parts of four
        self.limit(cost * 100)
        wait_until(lambda: self.kinds("?state=active") == [])
        self.limit(cost * Decimal("4.1"))
        posts = self.received(6)
        self.quiet()
        self.assertEqual([p.json["kind"].partition("_")[2] for p in posts],
                         ["warning", "warning", "critical", "exceeded", "warning", "critical"])
        self.assertEqual(len({p.id for p in posts}), 6)

    def test_a_budget_that_refuses_is_told_of(self):
        self.start()
        self.spend(0.85)
        self.budgets[0].update(on_exceeded="block")
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        self.call(status=429)
        self.call(status=429)
        posts = self.received(2)
        self.quiet()
        self.assertEqual(sorted(p.json["kind"] for p in posts), ["budget_exceeded", "budget_warning"])
        self.assertIn("Calls that it can't pay for are refused",
                      [p for p in posts if p.json["kind"] == "budget_exceeded"][0].json["text"])

    def test_each_value_of_a_star_has_its_own(self):
        self.budgets[0].update(scope={"project": "*"}, name="team")
        self.start()
        cost = Decimal(self.call("first").header("x-farebox-cost-usd"))
        self.limit(cost / Decimal("0.9"))
        for project in ("second", "third"):
            self.call(project)
        posts = self.received(3)
        self.quiet()
        self.assertEqual(sorted(p.json["scope"]["project"] for p in posts), ["first", "second", "third"])

    def test_a_budget_may_be_silent(self):
        self.start()
        cost = Decimal(self.call("other").header("x-farebox-cost-usd"))
        said = {"projectId": "hush", "budgetType": "monthly", "limitUsd": str(cost), "onExceeded": "audit",
                "alertsEnabled": False}
        answer = self.farebox.admin("POST", "/api/budgets", JSON, json.dumps(said))
        self.assertEqual(answer.status, 201, answer.text)
        self.call("hush")
        self.quiet()
        self.assertEqual(self.alerts(), [])
        # Once it may speak it says what it had to say.
        self.farebox.admin("POST", "/api/budgets", JSON, json.dumps(dict(said, alertsEnabled=True)))
        self.received(3)

    def test_a_budget_of_the_configuration_may_be_silent(self):
        """Only those of the API could be silenced."""
        self.budgets[0]["alerts_enabled"] = False
        self.start()
        self.spend(0.85)
        self.quiet()
        self.assertEqual(self.alerts(), [])
        self.assertFalse(self.farebox.admin_json("/api/budgets")["budgets"][0]["alertsEnabled"])
        self.budgets[0]["alerts_enabled"] = True
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        self.received(1)

    def test_what_clients_repeat_is_counted(self):
        """x-stainless-retry-count was counted nowhere. A storm of it takes a week and an hour:
        foresight_test.cpp shows the alert."""
        self.start()
        for count in ("0", "1", "2", "", "-", "1"):
            fetch(self.farebox.port, "POST", CHAT, {"x-stainless-retry-count": count}, chat_body())
        fetch(self.farebox.port, "POST", CHAT, {}, chat_body())
        # One that is refused repeats as well; one that nobody knows is no call.
        self.more = {"rate_limits": [{"name": "few", "scope": {"project": "busy"}, "requests_per_hour": 1}]}
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        for _ in range(3):
            fetch(self.farebox.port, "POST", CHAT, {"x-stainless-retry-count": "1", "x-farebox-project": "busy"},
                  chat_body())
        fetch(self.farebox.port, "POST", "/nowhere", {"x-stainless-retry-count": "1"}, chat_body())
        wait_until(lambda: self.farebox.metric("farebox_client_retries_total", provider="openai") == 6)

    def test_limits_models_without_a_price(self):
        self.more = {"rate_limits": [{"name": "few", "scope": {"project": "*"}, "requests_per_hour": 2}]}
        self.start()
        for _ in range(2):
            self.call("busy")
        for _ in range(5):
            self.call("busy", 429)
        self.call("free", model="nobody-knows-this")
        posts = self.received(2)
        self.quiet()
        self.assertEqual({(p.json["kind"], p.json["subject"], p.json["scopeText"]) for p in posts},
                         {("rate_limited", "few", "project=busy"),
                          ("model_unpriced", "nobody-knows-this", "")})
        self.restart(signal.SIGTERM)
        self.call("free", model="nobody-knows-this")
        self.quiet(3)

    def test_a_channel_takes_what_is_grave_enough(self):
        self.channels = [self.hook(at_least="critical")]
        self.start()
        self.spend(0.85)
        wait_until(lambda: self.kinds() == ["budget_warning"])
        self.call()
        posts = self.received(2)
        self.quiet()
        self.assertEqual({p.json["level"] for p in posts}, {"critical"})


class Surface(AlertTest):
    def test_acknowledging_is_recorded(self):
        self.start()
        self.spend(0.85)
        self.received(1)
        self.delivered()
        id_ = self.alerts()[0]["id"]
        answer = self.farebox.admin("POST", "/api/alerts/%s/acknowledge" % id_, JSON,
                                    json.dumps({"by": "ann", "note": "topped up"}))
        self.assertEqual(answer.status, 200, answer.text)
        self.restart()
        seen = self.alerts()[0]["acknowledged"]
        self.assertEqual((seen["by"], seen["note"]), ("ann", "topped up"))
        for target, status in (("/api/alerts/alt-0/acknowledge", 404), ("/api/alerts//acknowledge", 404),
                               ("/api/alerts/a/b/acknowledge", 404), ("/api/alerts/test", 409)):
            if status == 409:
                self.channels = []
                self.farebox.reload(self.config())
            self.assertEqual(self.farebox.admin("POST", target, JSON, b"{}").status, status, target)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts?state=odd").status, 400)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts?limit=0").status, 400)

    def test_readers_may_read(self):
        self.more = {"admin": {"listen": "127.0.0.1:0", "token": "the-admin-token-1", "read_token": "the-read-token-1"}}
        self.start()
        reader = {"authorization": "Bearer the-read-token-1"}
        self.assertEqual(self.farebox.admin("GET", "/api/alerts").status, 401)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts", reader).status, 200)
        self.assertEqual(self.farebox.admin("POST", "/api/alerts/test", dict(JSON, **reader), b"{}").status, 403)
        self.assertEqual(self.farebox.admin("POST", "/api/alerts/x/acknowledge", dict(JSON, **reader), b"{}").status, 403)
        self.assertEqual(self.farebox.stop(), 0)

    def test_the_command(self):
        self.start()
        self.spend(0.85)
        self.received(1)
        where = ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
        code, out, err = run_to_end(["alerts", "list", "--active", "--json"] + where)
        self.assertEqual((code, err), (0, ""))
        id_ = json.loads(out)["alerts"][0]["id"]
        code, out, _ = run_to_end(["alerts", "test"] + where)
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["results"][0]["delivered"], True)
        self.assertEqual(self.receiver.posts[-1].json["kind"], "test")
        code, out, _ = run_to_end(["alerts", "acknowledge", id_, "--by", "ann"] + where)
        self.assertEqual((code, json.loads(out)["acknowledged"]["by"]), (0, "ann"))
        self.assertEqual(run_to_end(["alerts", "acknowledge", "../x"] + where)[0], 64)
        self.assertEqual(run_to_end(["alerts", "acknowledge", "alt-1"] + where)[0], 64)
        self.assertEqual(run_to_end(["alerts", "test", "--channel", "none"] + where)[0], 64)
        self.receiver.answer = lambda post: 500
        self.assertEqual(run_to_end(["alerts", "test"] + where)[0], 69)


if __name__ == "__main__":
    unittest.main()
