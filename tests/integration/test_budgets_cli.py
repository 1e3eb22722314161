"""farebox budgets: set, listed, topped up and overridden from the command line; and in metrics."""

import json
import tempfile
import unittest
from decimal import Decimal

from command_line import NOT_PERMITTED, UNAVAILABLE, USAGE, on_terminal
from free_port import free_port
from harness import CHAT, Farebox, FareboxTest, chat_body, providers, run_to_end


class BudgetsCommand(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock),
                "budgets": [{"name": "configured", "scope": {"user": "*"}, "period": "daily",
                             "limit_usd": "5", "limit_tokens": 1000000}],
                "rate_limits": [{"name": "one-a-day", "scope": {"project": "rare"},
                                 "requests_per_day": 1}]}

    def command(self, *arguments):
        return ["budgets", arguments[0], "--config", self.farebox.config_file,
                "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port] + list(arguments[1:])

    def run_budgets(self, *arguments):
        code, out, err = run_to_end(self.command(*arguments))
        self.assertEqual((code, err), (0, ""), out)
        return json.loads(out)

    def said(self, *arguments):
        code, out, err = on_terminal(self.command(*arguments))
        self.assertEqual((code, err), (0, ""), out)
        return out

    def refused(self, *arguments):
        code, out, err = run_to_end(self.command(*arguments))
        self.assertEqual((code, out), (USAGE, ""), err)
        self.assertEqual(err.count("\n"), 1, err)
        return err

    def set(self, scope, limit="500", *more):
        return self.run_budgets("set", "--scope", scope, "--limit-usd", limit, *more)["id"]

    def row(self, budget_id):
        row, = [r for r in self.farebox.admin_json("/api/budgets")["budgets"] if r["id"] == budget_id]
        return row

    def chat(self, **scope):
        headers = {"x-farebox-" + name: value for name, value in scope.items()}
        return self.post(CHAT, chat_body(max_tokens=20), headers)

    def test_set_makes_a_budget_and_changes_it(self):
        made = self.run_budgets("set", "--scope", "project=made", "--period", "weekly", "--limit-usd", "12.5",
                                "--limit-tokens", "5000", "--warning", "0.7", "--critical", "0.9",
                                "--time-zone", "Europe/Berlin", "--name", "made here")
        self.assertEqual((made["created"], made["status"], made["name"]), (True, "ok", "made here"))
        row = self.row(made["id"])
        self.assertEqual(
            {name: row[name] for name in ("name", "scope", "budgetType", "limitUsd", "limitTokens",
                                          "warningThreshold", "criticalThreshold", "timeZone", "source")},
            {"name": "made here", "scope": {"project": "made"}, "budgetType": "weekly", "limitUsd": "12.5",
             "limitTokens": 5000, "warningThreshold": 0.7, "criticalThreshold": 0.9,
             "timeZone": "Europe/Berlin", "source": "api"})
        again = self.run_budgets("set", "--scope", "project=made", "--period", "weekly", "--limit-usd", "20")
        self.assertEqual((again["id"], again["created"]), (made["id"], False))
        self.assertEqual((self.row(made["id"])["limitUsd"], self.row(made["id"])["limitTokens"]), ("20", None))
        moved = self.run_budgets("set", "--id", made["id"], "--scope", "project=moved", "--scope", "user=*",
                                 "--limit-usd", "1")
        self.assertEqual(moved["id"], made["id"])
        row = self.row(made["id"])
        self.assertEqual((row["scope"], row["limitUsd"]), ({"project": "moved", "user": "*"}, "1"),
                         "nobody was counted in it yet")
        self.assertGreater(row["windowEnd"], row["windowStart"])

    def test_what_is_set_is_enforced(self):
        budget = self.set("project=poor", "0.0000001")
        reply = self.chat(project="poor")
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (429, "budget_exceeded"))
        self.run_budgets("top-up", budget, "--usd", "1", "--reason", "a test")
        self.assertEqual(self.chat(project="poor").status, 200)
        self.assertEqual(Decimal(self.row(budget)["limitUsd"]), Decimal("1.0000001"))
        self.run_budgets("override", budget, "--limit-usd", "0", "--for", "2h")
        self.run_budgets("override", budget, "--end")
        self.assertEqual(self.chat(project="poor").status, 200)
        self.assertEqual(self.run_budgets("remove", budget), {"id": budget, "status": "removed"})
        self.assertIn("no budget", self.refused("remove", budget))

    def test_a_pipe_gets_the_answer_of_the_admin_port(self):
        self.set("project=piped")
        self.assertEqual([r["scope"] for r in self.run_budgets("list", "--project", "piped")["budgets"]],
                         [{"project": "piped"}])
        self.assertEqual(self.run_budgets("list", "--project", "nobody"), {"budgets": []})

    def test_a_terminal_gets_a_table(self):
        self.assertEqual(self.chat(user="ann").status, 200)
        budget = self.set("project=shown", "7", "--name", "shown")
        self.run_budgets("override", budget, "--limit-usd", "800", "--for", "2h")
        lines = self.said("list").splitlines()
        for title in ("NAME", "SCOPE", "LIMIT USD", "SPENT", "HELD", "LEFT", "TOKENS", "STATUS", "WINDOW ENDS",
                      "SOURCE", "ID"):
            self.assertIn(title, lines[0])
        ann, = [line.split() for line in lines if "user=ann" in line]
        row, = [r for r in self.farebox.admin_json("/api/budgets")["budgets"] if r["scope"].get("user") == "ann"]
        for name in ("limitUsd", "currentSpendUsd", "heldUsd", "remainingUsd"):
            self.assertIn(row[name], ann, "the decimal of the server, untouched")
        self.assertEqual(ann[-2:], ["config", "configured"])
        shown, = [line.split() for line in lines if "project=shown" in line]
        self.assertEqual((shown[0], shown[2], shown[3]), ("shown", "monthly", "800"))
        self.assertRegex(lines[-1], r"^shown: another limit, 800 USD until 20\d\d-")
        self.run_budgets("remove", budget)

    def test_people_are_told_in_sentences(self):
        text = self.said("set", "--scope", "org=told", "--limit-usd", "3")
        self.assertRegex(text, r"^The budget 'org=told monthly' \(bgt-[0-9a-f]{16}\) is made; its status is ok\.\n$")
        budget = text.split("(")[1].split(")")[0]
        self.assertIn("is changed", self.said("set", "--scope", "org=told", "--limit-usd", "4"))
        self.assertRegex(self.said("top-up", budget, "--usd", "20"), r"has 20 USD more than its limit, until its")
        self.assertRegex(self.said("override", budget, "--limit-usd", "800", "--for", "2h"),
                         r"^The limit of budget %s is 800 USD until 20" % budget)
        self.assertIn("usual limit", self.said("override", budget, "--end"))
        self.assertIn("is removed", self.said("remove", budget))
        self.assertIn("No budgets", self.said("list", "--project", "nobody"))

    def test_what_the_configuration_owns_is_changed_there(self):
        for arguments in (("set", "--scope", "user=*", "--period", "daily", "--limit-usd", "50"),
                          ("remove", "configured")):
            self.assertIn("configuration", self.refused(*arguments))
        self.run_budgets("top-up", "configured", "--usd", "1")
        self.assertEqual(self.chat(user="topped").status, 200)
        row, = [r for r in self.farebox.admin_json("/api/budgets")["budgets"] if r["scope"].get("user") == "topped"]
        self.assertEqual((row["limitUsd"], row["source"]), ("6", "config"))

    def test_what_can_not_be_meant_is_64(self):
        for arguments, word in (
                (("set", "--limit-usd", "1"), "--scope"), (("set", "--scope", "project=a"), "--limit-usd"),
                (("set", "--scope", "search", "--limit-usd", "1"), "search"),
                (("set", "--scope", "colour=red", "--limit-usd", "1"), "colour"),
                (("set", "--scope", "project=a", "--limit-usd", "much"), "limitUsd"),
                (("set", "--scope", "project=a", "--limit-usd", "1", "--period", "hourly"), "hourly"),
                (("set", "--scope", "project=a", "--limit-usd", "1", "--time-zone", "Nowhere/X"), "timeZone"),
                (("set", "--scope", "project=a", "--limit-usd", "1", "--on-exceeded", "downgrade"), "downgradeTo"),
                (("set", "--scope", "project=a", "--limit-usd", "1", "--id", "bgt-nobody"), "no budget"),
                (("top-up", "bgt-nobody", "--usd", "1"), "no budget"), (("top-up", "configured"), "--usd"),
                (("top-up", "configured", "--usd", "lots"), "amountUsd"),
                (("override", "configured"), "--for"), (("override", "configured", "--limit-usd", "5"), "--for"),
                (("override", "configured", "--limit-usd", "5", "--for", "soon"), "2h"),
                (("override", "configured", "--end", "--for", "2h"), "--end"),
                (("remove", "bgt-nobody"), "no budget"), (("remove",), "ID"), (("burn",), "burn")):
            self.assertIn(word, self.refused(*arguments), arguments)

    def test_metrics_add_up(self):
        self.set("project=measured", "10", "--name", "measured")
        for user in ("m1", "m2"):
            self.assertEqual(self.chat(user=user, project="measured").status, 200)
        self.set("project=dry", "0.0000001", "--name", "dry")
        self.assertEqual(self.chat(project="dry").status, 429)
        self.assertEqual(self.chat(project="rare").status, 200)
        self.assertEqual(self.chat(project="rare").status, 429)
        metrics = self.farebox.metrics()
        row, = [r for r in self.farebox.admin_json("/api/budgets")["budgets"] if r["name"] == "measured"]
        for name, key in (("limit", "limitUsd"), ("spent", "currentSpendUsd"), ("held", "heldUsd"),
                          ("remaining", "remainingUsd")):
            self.assertAlmostEqual(metrics['farebox_budget_%s_usd{budget="measured"}' % name], float(row[key]))
        each = [r for r in self.farebox.admin_json("/api/budgets")["budgets"] if r["name"] == "configured"]
        self.assertGreaterEqual(len(each), 2)
        self.assertAlmostEqual(metrics['farebox_budget_spent_usd{budget="configured"}'],
                               float(sum(Decimal(r["currentSpendUsd"]) for r in each)))
        self.assertEqual(metrics['farebox_budget_refusals_total{budget="measured"}'], 0)
        self.assertEqual(metrics['farebox_budget_refusals_total{budget="dry"}'], 1)
        self.assertEqual(metrics['farebox_rate_limited_total{limit="one-a-day"}'], 1)


class BudgetsSurvive(FareboxTest):
    def test_what_was_set_is_there_after_a_restart(self):
        with tempfile.TemporaryDirectory() as directory:
            first = Farebox(self.config(), directory=directory)
            code, out, err = run_to_end(["budgets", "set", "--scope", "project=kept", "--limit-usd", "9",
                                         "--admin-listen", "127.0.0.1:%d" % first.admin_port])
            first.stop()
            self.assertEqual((code, err), (0, ""), out)
            second = Farebox(self.config(), directory=directory)
            row, = second.admin_json("/api/budgets")["budgets"]
            second.stop()
        self.assertEqual((row["id"], row["limitUsd"], row["source"]), (json.loads(out)["id"], "9", "api"))


class BudgetsAlone(unittest.TestCase):
    def test_nobody_listens(self):
        port = free_port()
        code, out, err = run_to_end(["budgets", "list", "--admin-listen", "127.0.0.1:%d" % port])
        self.assertEqual((code, out), (UNAVAILABLE, ""), err)
        self.assertIn("127.0.0.1:%d" % port, err)


class BudgetsToken(FareboxTest):
    TOKEN = "an-admin-token-of-some-length"

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "admin": {"listen": "127.0.0.1:0", "token": cls.TOKEN}}

    def test_the_admin_token_is_needed(self):
        ask = ["budgets", "list", "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
        self.assertEqual(run_to_end(ask)[0], NOT_PERMITTED)
        self.assertEqual(run_to_end(ask, {"FAREBOX_ADMIN_TOKEN": self.TOKEN})[0], 0)


if __name__ == "__main__":
    unittest.main()
