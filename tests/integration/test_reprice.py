"""A price that was wrong, corrected: farebox ledger reprice, running and stopped."""

import json
from decimal import Decimal

from command_line import BAD_CONFIG, MINI, NANO, UNAVAILABLE, USAGE, on_terminal, talk
from harness import Mock, providers, run_to_end, wait_until
from test_ledger_cli import LedgerTest


def prices(dollars):
    """The mini model at so many dollars for a million tokens, in and out alike."""
    return {"prices": {"overrides": {MINI: {"input": dollars, "output": dollars}}}}


class Reprice(LedgerTest):
    def config(self, dollars):
        return dict(prices(dollars), providers=providers(self.mock), data_dir=self.data)

    def reprice(self, farebox, *arguments):
        where = ["--admin-listen", "127.0.0.1:%d" % farebox.admin_port] if farebox else []
        return json.loads(self.good("reprice", "--since", "1h", "--json", *where, *arguments))

    def test_beside_a_running_farebox(self):
        farebox = self.start(**prices("1"))
        talk(farebox, 4)
        talk(farebox, 2, model=NANO)
        before = farebox.records()
        cost = {r["id"]: Decimal(r["costUsd"]) for r in before if r["requestedModel"] == MINI}
        self.assertEqual(farebox.reload(self.config("3")).status, 200)

        said = self.reprice(farebox, "--dry-run")
        self.assertEqual((said["looked"], said["corrected"]), (6, 4))
        self.assertEqual(Decimal(said["correctionsUsd"]), 2 * sum(cost.values()))
        self.assertEqual(farebox.records(), before, "a dry run writes nothing")

        self.assertEqual(self.reprice(farebox)["correctionsUsd"], said["correctionsUsd"])
        self.assertEqual(self.reprice(farebox)["corrected"], 0)
        records = farebox.records()
        self.assertEqual(records[4:], before, "no record changes")
        for correction in records[:4]:
            self.assertEqual(Decimal(correction["costUsd"]), 2 * cost[correction["corrects"]])
            self.assertEqual((correction["inputTokens"], correction["outputTokens"]), (0, 0))
            self.assertNotEqual(correction["priceVersion"], before[0]["priceVersion"])
            self.assertIn("correctedAt", correction)
        usage = farebox.admin_json("/api/usage?groupBy=model")
        self.assertEqual(usage["total"]["requests"], 6)
        self.assertEqual(Decimal(usage["total"]["costUsd"]), sum(Decimal(r["costUsd"]) for r in before))
        self.assertEqual(usage["total"]["correctionsUsd"], said["correctionsUsd"])
        self.assertEqual(len(usage["rows"]), 2)

        # The table shows them, the ledger verifies, and sums made anew agree.
        code, out, _ = on_terminal(["usage", "--admin-listen", "127.0.0.1:%d" % farebox.admin_port])
        self.assertEqual(code, 0)
        self.assertIn("corrections USD", out)
        wait_until(lambda: self.verified()["records"] == 12)    # two say who asked for it
        self.good("rebuild", "--admin-listen", "127.0.0.1:%d" % farebox.admin_port)
        self.assertEqual(farebox.admin_json("/api/usage?groupBy=model"), usage)
        farebox.stop()
        self.assertEqual(self.verified()["records"], 12)

    def test_of_a_stopped_ledger(self):
        farebox = self.start(**prices("1"))
        talk(farebox, 3)
        total = Decimal(farebox.admin_json("/api/usage")["total"]["costUsd"])
        farebox.stop()
        farebox.rewrite(self.config("0.5"))
        said = json.loads(self.good("reprice", "--since", "1h", "--config", farebox.config_file))
        self.assertEqual(Decimal(said["correctionsUsd"]), -total / 2)
        # The audit record of it was written by a running farebox only.
        self.assertEqual(self.verified()["records"], 7)
        back = self.start(**prices("0.5"))
        self.assertEqual(back.admin_json("/api/usage")["total"]["correctionsUsd"], said["correctionsUsd"])
        rows = back.admin_json("/api/audit")["audit"]
        self.assertEqual([(row["action"], row["actor"]) for row in rows],
                         [("config.start", "config file"), ("ledger.reprice", "command line")])
        self.assertEqual(rows[1]["after"]["correctionsUsd"], said["correctionsUsd"])
        self.assertEqual(rows[0]["target"], "prices")
        self.assertEqual(back.records()[0]["corrects"], back.records()[3 + 2]["id"])

    def test_only_what_is_asked_for(self):
        farebox = self.start(**prices("1"))
        talk(farebox, 2, project="a")
        talk(farebox, 3, project="b")
        farebox.reload(self.config("2"))
        self.assertEqual(self.reprice(farebox, "--project", "b")["corrected"], 3)
        self.assertEqual(self.reprice(farebox, "--model", "no-such")["looked"], 0)
        self.assertEqual(self.reprice(farebox)["corrected"], 2)

    def test_mistakes(self):
        farebox = self.start()
        admin = ["--admin-listen", "127.0.0.1:%d" % farebox.admin_port]
        for arguments in ([], ["--since", "yesterdayish"]):
            code, _, err = self.ledger("reprice", *arguments, *admin)
            self.assertEqual(code, USAGE, err)
            self.assertIn("since", err)
        answer = farebox.admin("POST", "/api/ledger/reprice")
        self.assertEqual(answer.status, 400)
        self.assertIn("since", answer.text)
        self.assertEqual(farebox.admin("GET", "/api/ledger/reprice?since=1h").status, 405)
        code, _, err = self.ledger("reprice", "--since", "1h", "--admin-listen", "127.0.0.1:9")
        self.assertEqual(code, UNAVAILABLE, err)
        farebox.stop()
        farebox.rewrite(dict(self.config("1"), prices={"file": self.path("absent.json")}))
        code, _, err = self.ledger("reprice", "--since", "1h", "--config", farebox.config_file)
        self.assertEqual(code, BAD_CONFIG, err)


if __name__ == "__main__":
    import unittest
    unittest.main()
