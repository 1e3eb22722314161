"""Every change of a key, a budget or the configuration leaves a record in the ledger's chain:
who made it, when, from where, what was there before and what is there now."""

import json
import signal
import tempfile
import unittest

import canaries
from harness import CHAT, Farebox, Mock, chat_body, fetch, providers, run_to_end, wait_until

JSON = {"Content-Type": "application/json"}
PATTERN = ("action", "target", "actor", "from", "reason")


class Audit(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        self.config = {"providers": providers(self.mock), "admin": {"listen": "127.0.0.1:0"},
                       "budgets": [{"name": "mine", "scope": {"org": "acme"}, "period": "monthly",
                                    "limit_usd": "5"}]}
        directory = tempfile.TemporaryDirectory(prefix="farebox-audit-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.farebox = Farebox(self.config, directory=self.directory)
        self.addCleanup(lambda: self.farebox.stop())

    def change(self, method, target, body=None, status=(200, 201)):
        answer = self.farebox.admin(method, target, JSON, body and json.dumps(body))
        self.assertIn(answer.status, status, answer.text)
        return answer.json()

    def listed(self, query=""):
        return self.farebox.admin_json("/api/audit" + query)["audit"]

    def test_every_change_is_there_and_nothing_else(self):
        self.assertEqual(self.listed(), [], "nothing was changed yet")
        made = self.change("POST", "/api/budgets", {"scope": {"project": "search"},
                                                    "budgetType": "daily", "limitUsd": 7})
        self.change("POST", "/api/budgets", {"id": made["id"], "scope": {"project": "search"},
                                             "budgetType": "daily", "limitUsd": 9})
        self.change("POST", "/api/budgets/top-up", {"budgetId": made["id"], "amountUsd": "2",
                                                    "reason": "launch week"})
        self.change("POST", "/api/budgets/override", {"budgetId": made["id"], "limitUsd": "20",
                                                      "for": "1h", "reason": "for the demo"})
        self.change("DELETE", "/api/budgets/override?budgetId=" + made["id"])
        self.change("DELETE", "/api/budgets?budgetId=" + made["id"])
        key = self.change("POST", "/api/keys", {"name": "app", "project": "search"})
        rotated = self.change("POST", "/api/keys/rotate", {"name": "app", "overlap": "1h"})
        self.change("DELETE", "/api/keys?name=app")
        self.change("GET", "/api/keys")
        self.change("DELETE", "/api/keys?name=nobody", status=(404,))
        self.assertEqual(fetch(self.farebox.port, "POST", CHAT, {}, chat_body()).status, 200)

        rows = self.listed()
        where = ("loopback", "127.0.0.1")
        self.assertEqual([tuple(row[name] for name in PATTERN) for row in rows][::-1], [
            ("budget.put", made["id"], *where, ""), ("budget.put", made["id"], *where, ""),
            ("budget.top_up", made["id"], *where, "launch week"),
            ("budget.override", made["id"], *where, "for the demo"),
            ("budget.end_override", made["id"], *where, ""),
            ("budget.remove", made["id"], *where, ""),
            ("key.create", key["id"], *where, ""), ("key.rotate", key["id"], *where, ""),
            ("key.revoke", key["id"], *where, "")])
        put, changed = rows[-1], rows[-2]
        self.assertIsNone(put["before"])
        self.assertEqual((changed["before"]["limitUsd"], changed["after"]["limitUsd"]), ("7", "9"))
        self.assertIsNone(rows[-6]["after"], "a budget that was removed")
        self.assertEqual((rows[0]["before"]["status"], rows[0]["after"]["status"]),
                         ("active", "revoked"))
        text = json.dumps(rows)
        for secret in (key["key"], rotated["key"]):
            self.assertNotIn(secret, text)
        # They stand in the chain, but are no requests.
        self.assertEqual(len(self.farebox.records()), 1)
        usage = self.farebox.admin_json("/api/usage")
        self.assertEqual(usage["total"]["requests"], 1)
        self.assertEqual(self.farebox.admin_json("/api/ledger")["appended"], 10)

        # Page by page; and all of it is there after a restart, and holds.
        self.assertEqual(self.pages(4), rows)
        self.farebox.stop()
        code, out, err = run_to_end(["ledger", "verify", "--data-dir", self.farebox.data_dir])
        self.assertEqual(code, 0, out + err)
        again = Farebox(self.config, directory=self.directory)
        self.addCleanup(again.stop)
        self.farebox = again
        self.assertEqual(self.listed(), rows)

    def pages(self, size):
        rows, cursor = [], ""
        while True:
            page = self.farebox.admin_json("/api/audit?limit=%d%s" % (size, cursor))
            rows += page["audit"]
            if page["nextCursor"] is None:
                return rows
            cursor = "&cursor=" + page["nextCursor"]

    def test_a_reload_says_what_it_changed_and_who_asked(self):
        secret = "a-provider-key-that-nobody-may-see"
        self.config["budgets"][0]["limit_usd"] = "50"
        self.config["rate_limits"] = [{"scope": {"key": "*"}, "requests_per_minute": 60}]
        self.config["providers"]["openai"]["api_keys"] = [secret]
        self.farebox.rewrite(self.config)
        self.farebox.send_signal(signal.SIGHUP)
        row = wait_until(lambda: (self.listed() or [None])[0], 5, "no audit record of the reload")
        self.assertEqual((row["action"], row["actor"], row["from"]), ("config.reload", "signal", ""))
        for part in ("budgets", "rate_limits", "providers.openai"):
            self.assertIn(part, row["target"])
        self.assertEqual([b["limitUsd"] for b in (row["before"]["budgets"] + row["after"]["budgets"])],
                         ["5", "50"])
        self.assertEqual(row["after"]["rateLimits"][0]["rates"],
                         [{"of": "requests", "amount": 60, "seconds": 60}])
        self.assertNotIn(secret, json.dumps(row))
        self.assertEqual(self.farebox.reload().status, 200, "nothing changed")
        self.assertEqual(len(self.listed()), 1)

    def test_what_was_changed_while_farebox_was_stopped_is_there(self):
        """A configuration that was changed before a start left no record."""
        secret = "a-provider-key-that-nobody-may-see"

        def start(number=signal.SIGTERM):
            self.farebox.send_signal(number)
            self.farebox.wait()
            self.farebox = Farebox(self.config, directory=self.directory)
            return self.listed()

        self.assertEqual(start(), [], "nothing was changed")
        self.config["budgets"][0]["limit_usd"] = "50"
        self.config["providers"]["openai"]["api_keys"] = [secret]
        row, = start()
        self.assertEqual(tuple(row[name] for name in PATTERN),
                         ("config.start", "budgets, providers.openai", "config file", "", ""))
        self.assertEqual([b["limitUsd"] for b in (row["before"]["budgets"] + row["after"]["budgets"])],
                         ["5", "50"])
        self.assertEqual(len(start(signal.SIGKILL)), 1, "told once")
        self.config["prices"] = {"overrides": {"house": {"input": "1", "output": "2"}}}
        row = start(signal.SIGKILL)[0]
        self.assertEqual((row["target"], row["actor"]), ("prices", "config file"))
        self.assertNotEqual(row["before"]["priceVersion"], row["after"]["priceVersion"])
        # What a reload changed isn't told again by the next start.
        self.config["via"] = False
        self.farebox.rewrite(self.config)
        self.assertEqual(self.farebox.reload().status, 200)
        self.assertEqual([row["action"] for row in start()],
                         ["config.reload", "config.start", "config.start"])
        for path, octets in canaries.files_below(self.farebox.data_dir):
            self.assertNotIn(secret.encode(), octets, path)

    def test_the_command_lists_them(self):
        self.change("POST", "/api/keys", {"name": "app"})
        code, out, err = run_to_end(["audit", "--limit", "1", "--admin-listen",
                                     "127.0.0.1:%d" % self.farebox.admin_port])
        self.assertEqual(code, 0, err)
        self.assertEqual([row["action"] for row in json.loads(out)["audit"]], ["key.create"])

    def test_a_bad_page_is_told_so(self):
        for query in ("?limit=0", "?limit=1001", "?cursor=zzz"):
            self.assertEqual(self.farebox.admin("GET", "/api/audit" + query).status, 400, query)


if __name__ == "__main__":
    unittest.main()
