"""farebox ledger: verify, export, backup, restore and rebuild, beside a running farebox and
without one."""

import csv
import io
import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest

from farebox_process import environment, program
from free_port import free_port
from harness import (CHAT, Connection, Farebox, FareboxTest, Mock, chat_body, providers, run_to_end,
                     wait_until, write_config)
from command_line import BAD_CONFIG, CANT_CREATE, DAMAGED, IO_FAILED, MINI, NANO, UNAVAILABLE, USAGE, talk


class LedgerTest(unittest.TestCase):
    """A mock and a directory for each test; farebox is started where it is needed."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="farebox-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.data = self.path("data")
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def start(self, data_dir=None, **more):
        farebox = Farebox(dict({"providers": providers(self.mock), "data_dir": data_dir or self.data}, **more),
                          directory=self.directory)
        self.addCleanup(self.end, farebox)
        return farebox

    @staticmethod
    def end(farebox):
        if farebox.is_running():
            farebox.stop(signal.SIGKILL)

    def filled(self, count=6, end=signal.SIGTERM):
        """A stopped ledger and its records as the admin port said them, newest first."""
        farebox = self.start()
        talk(farebox, count)
        records = farebox.records()
        wait_until(lambda: farebox.admin_json("/api/ledger")["synced"] == records[0]["id"])
        self.assertEqual(farebox.stop(end), 0 if end == signal.SIGTERM else -end)
        self.assertEqual(len(records), count)
        return records

    def ledger(self, *arguments, data_dir=None, **more):
        return run_to_end(["ledger", arguments[0], "--data-dir", data_dir or self.data] + list(arguments[1:]), **more)

    def good(self, *arguments, **more):
        code, out, err = self.ledger(*arguments, **more)
        self.assertEqual(code, 0, out + err)
        return out

    def verified(self, data_dir=None):
        report = json.loads(self.good("verify", "--json", data_dir=data_dir))
        self.assertEqual(report["faults"], [])
        return report

    def exported(self, *arguments, **more):
        return [json.loads(line) for line in self.good("export", *arguments, **more).splitlines()]


class Verify(LedgerTest):
    def test_a_running_and_a_stopped_ledger(self):
        farebox = self.start()
        self.assertEqual(self.verified()["records"], 0)
        talk(farebox, 5)
        total = farebox.admin_json("/api/usage")["total"]
        records = farebox.records()
        running = self.verified()
        self.assertEqual(farebox.stop(), 0)
        stopped = self.verified()
        for report in (running, stopped):
            self.assertEqual((report["records"], report["first"], report["last"]),
                             (5, records[-1]["id"], records[0]["id"]))
            self.assertEqual((report["costUsd"], report["unpricedRequests"]), (total["costUsd"], 0))
        self.assertEqual((stopped["synced"], stopped["openHolds"]), (stopped["last"], 0))
        self.assertEqual(running["chain"], stopped["chain"])

    def test_people_get_a_summary(self):
        self.filled(3)
        lines = self.good("verify").splitlines()
        self.assertEqual(lines[0].split(), ["records", "3"])
        self.assertEqual(lines[-1], "no faults")

    def test_where_no_ledger_is(self):
        os.mkdir(self.path("empty"))
        for place in (self.path("nowhere"), self.path("empty")):
            for command in (["verify"], ["verify", "--repair"], ["export"], ["rebuild"],
                            ["backup", self.path("b")]):
                code, out, err = self.ledger(*command, data_dir=place)
                self.assertEqual((code, out), (DAMAGED, ""), err)
                self.assertIn("no ledger in '%s'" % place, err)
                self.assertIn("--data-dir", err)
        self.assertFalse(os.path.exists(self.path("nowhere")), "looking makes nothing")
        self.assertEqual(os.listdir(self.path("empty")), [])

    def test_the_configuration_says_where(self):
        self.filled(1)
        config = write_config(self.directory, {"data_dir": self.data}, "other.yaml")
        self.assertEqual(run_to_end(["ledger", "verify", "--config", config])[0], 0)
        self.assertEqual(run_to_end(["ledger", "verify"], {"FAREBOX_CONFIG": config})[0], 0)
        self.assertEqual(run_to_end(["ledger", "verify"], {"FAREBOX_DATA_DIR": self.data})[0], 0)
        config = write_config(self.directory, "data_dir: [1\n", "broken.yaml")
        self.assertEqual(run_to_end(["ledger", "verify", "--config", config])[0], BAD_CONFIG)

    def test_verify_beside_requests_that_run(self):
        farebox = self.start()
        stop = threading.Event()
        def load():
            while not stop.is_set():
                talk(farebox, 20)
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            counts = [self.verified()["records"] for _ in range(10)]
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(counts, sorted(counts))
        self.assertGreater(counts[-1], counts[0])


class Damage(LedgerTest):
    def damage(self, request_id):
        """Turns a bit of that record wherever it is on the disk."""
        hits = 0
        files = [os.path.join("ledger", name) for name in os.listdir(os.path.join(self.data, "ledger"))]
        for name in sorted(files) + ["ledger.turns"]:
            path = os.path.join(self.data, name)
            with open(path, "rb") as file:
                octets = bytearray(file.read())
            at = octets.find(request_id.encode())
            while at >= 0:
                octets[at] ^= 1
                hits += 1
                at = octets.find(request_id.encode(), at + 1)
            with open(path, "wb") as file:
                file.write(octets)
        self.assertGreater(hits, 0, "the record is nowhere as it is")

    def test_a_changed_record_is_found_and_the_rest_kept(self):
        # Killed, so that the records stand in the write-ahead log as they are.
        records = list(reversed(self.filled(8, signal.SIGKILL)))
        self.assertEqual(self.exported(), records)
        self.damage(records[5]["requestId"])
        code, out, err = self.ledger("verify")
        self.assertEqual(code, DAMAGED, out + err)
        self.assertIn("--repair", err)
        code, out, err = self.ledger("verify", "--json")
        self.assertEqual(code, DAMAGED)
        self.assertTrue(json.loads(out).get("faults") or json.loads(out)["error"]["message"])

        code, out, err = self.ledger("verify", "--repair")
        self.assertEqual(code, 0, out + err)
        self.assertTrue(err.strip(), "it says what it dropped")
        self.assertIn("no faults", out)
        self.assertTrue([n for n in os.listdir(self.data) if n.startswith("ledger.damaged")])
        kept = self.exported()
        self.assertEqual(kept, records[:len(kept)])
        self.assertEqual(len(kept), 5)

        farebox = self.start()
        talk(farebox, 1)
        self.assertEqual(farebox.stop(), 0)
        self.assertEqual(self.verified()["records"], 6)

    def test_a_sound_ledger_needs_no_repair(self):
        records = self.filled(3)
        self.assertIn("no faults", self.good("verify", "--repair"))
        self.assertEqual(self.exported(), list(reversed(records)))

    def test_nobody_repairs_under_a_running_farebox(self):
        farebox = self.start()
        code, _, err = self.ledger("verify", "--repair")
        self.assertEqual(code, UNAVAILABLE, err)
        self.assertIn("stop it", err)
        talk(farebox, 1)
        self.assertEqual(farebox.stop(), 0)


class Export(LedgerTest):
    def test_json_lines_are_the_records_of_the_admin_port(self):
        farebox = self.start()
        talk(farebox, 4, MINI, "search")
        talk(farebox, 2, "no-such-model", 'shop "a", b', stream=True)
        records = list(reversed(farebox.records()))
        self.assertEqual(self.exported(), records, "beside the running farebox")
        self.assertEqual(farebox.stop(), 0)
        self.assertEqual(self.exported(), records)
        self.assertEqual(self.exported("--project", "search"), records[:4])
        self.assertEqual(self.exported("--model", "no-such-model"),
                         [r for r in records if r["model"] == "no-such-model"])
        for arguments in (("--provider", "x"), ("--user", "x"), ("--key", "x"), ("--since", "now"),
                          ("--until", "1h ago")):
            self.assertEqual(self.exported(*arguments), [], arguments)
        self.assertEqual(self.exported("--since", "1h", "--until", "now"), records)
        self.assertEqual(self.exported("--since", records[2]["time"])[-1], records[-1])

    def test_csv_says_the_same(self):
        farebox = self.start()
        talk(farebox, 3, MINI, 'shop "a", b')
        talk(farebox, 2, "no-such-model")
        reply = Connection(farebox.port)
        reply.ask("POST", CHAT, {"Host": "a.test", "x-farebox-tags": "team=a,tier=b"}, chat_body())
        self.assertEqual(reply.response().status, 200)
        reply.close()
        records = list(reversed(farebox.records()))
        rows = list(csv.DictReader(io.StringIO(self.good("export", "--format", "csv")), strict=True))
        self.assertEqual(len(rows), len(records))

        def shown(value):
            if value is None:
                return ""
            return str(value).lower() if isinstance(value, bool) else str(value)
        for row, record in zip(rows, records):
            # What few records have is left out of the JSON where it says nothing.
            expected = {"corrects": "", "reportedCostUsd": "", "tableCostUsd": "", "serviceTier": "",
                        "variant": "", "savedUsd": ""}
            for name, value in record.items():
                if name == "tags":
                    expected[name] = ";".join("%s=%s" % pair for pair in sorted(value.items()))
                elif name == "units":
                    expected.update({"units_" + unit: shown(amount) for unit, amount in value.items()})
                elif name in ("extras", "attempts"):
                    expected[name] = str(len(value))
                else:
                    expected[name] = shown(value)
            self.assertEqual(row, expected)
        self.assertEqual({row["costUsd"] for row in rows if row["model"] == "no-such-model"}, {""})
        self.assertEqual(list(rows[0])[:3], ["id", "time", "requestId"])

    def test_a_file_appears_whole(self):
        records = self.filled(2)
        target = self.path("out.jsonl")
        self.assertEqual(self.good("export", "--output", target), "")
        with open(target) as file:
            self.assertEqual([json.loads(line) for line in file], list(reversed(records)))
        self.assertEqual([n for n in os.listdir(self.directory) if n.endswith(".tmp")], [])
        code, _, err = self.ledger("export", "--output", self.path("no", "such", "place"))
        self.assertEqual(code, CANT_CREATE, err)
        self.good("export", "--output", "/dev/null")
        self.assertEqual(len(self.exported("--output", "-")), 2)

    def test_mistakes_are_64(self):
        self.filled(1)
        for arguments in (("--since", "yesterday"), ("--until", "2026-13-01"), ("--format", "xml"),
                          ("--colour", "red"), ("--format", "1")):
            code, out, err = self.ledger("export", *arguments)
            self.assertEqual((code, out), (USAGE, ""), arguments)
            self.assertTrue(err, arguments)

    def test_a_reader_may_leave_early(self):
        self.filled(150)
        process = subprocess.Popen([program(), "ledger", "export", "--data-dir", self.data], env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual((process.stderr.read(), process.wait(20)), (b"", 0))
        process.stderr.close()
        with open("/dev/full", "w") as full:
            done = subprocess.run([program(), "ledger", "export", "--data-dir", self.data], env=environment(),
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(done.returncode, IO_FAILED)
        self.assertIn("No space", done.stderr)


class Copies(LedgerTest):
    def test_a_backup_while_requests_run_is_whole(self):
        farebox = self.start()
        talk(farebox, 20)
        stop = threading.Event()
        def load():
            while not stop.is_set():
                talk(farebox, 20)
        thread = threading.Thread(target=load)
        thread.start()
        try:
            for n in range(3):
                self.assertIn("no faults", self.good("backup", self.path("backup%d" % n)))
        finally:
            stop.set()
            thread.join()
        self.assertEqual(farebox.stop(), 0)
        all_records = self.exported()
        sizes = []
        for n in range(3):
            place = self.path("backup%d" % n)
            report = self.verified(place)
            self.assertEqual(report["records"] + report["pending"],
                             len(self.exported(data_dir=place)))
            copied = self.exported(data_dir=place)
            self.assertEqual(copied, all_records[:len(copied)], "a moment of the ledger")
            sizes.append(len(copied))
        self.assertGreaterEqual(sizes[0], 20)
        self.assertEqual(sizes, sorted(sizes))

    def test_a_backup_needs_a_place_of_its_own(self):
        self.filled(1)
        os.mkdir(self.path("used"))
        write_config(self.path("used"), "x")
        for place in (self.path("used"), self.data, self.path("used", "farebox.yaml")):
            code, _, err = self.ledger("backup", place)
            self.assertEqual(code, CANT_CREATE, err)
        os.mkdir(self.path("empty"))
        self.good("backup", self.path("empty"))
        self.assertEqual(self.ledger("backup")[0], USAGE)

    def test_a_restored_ledger_serves(self):
        records = self.filled(5)
        self.good("backup", self.path("backup"))
        self.assertIn("no faults", self.good("restore", self.path("backup"), data_dir=self.path("new")))
        self.assertEqual([n for n in os.listdir(self.path("new")) if n.endswith(".tmp")], [])
        self.assertEqual(os.stat(self.path("new")).st_mode & 0o77, 0, "for its owner alone")
        farebox = self.start(self.path("new"))
        self.assertEqual(farebox.records(), records)
        talk(farebox, 2)
        self.assertEqual(farebox.records()[2:], records)
        self.assertGreater(farebox.records()[1]["id"], records[0]["id"])
        self.assertEqual(farebox.admin_json("/api/usage")["total"]["requests"], 7)
        self.assertEqual(farebox.stop(), 0)
        self.assertEqual(self.verified(self.path("new"))["records"], 7)
        self.assertEqual(self.verified(self.path("backup"))["records"], 5, "the backup stays as it was")

    def test_keys_and_budgets_come_along(self):
        kind = {"Content-Type": "application/json"}
        farebox = self.start()
        talk(farebox, 2)
        farebox.admin("POST", "/api/keys", kind, json.dumps({"name": "kept", "project": "p"}))
        farebox.admin("POST", "/api/budgets", kind, json.dumps(
            {"projectId": "p", "budgetType": "total", "limitUsd": "5", "name": "kept"}))
        self.good("backup", self.path("backup"))            # beside the running one
        said = lambda of: (of.admin_json("/api/keys")["keys"], of.admin_json("/api/budgets")["budgets"])
        before = said(farebox)
        self.assertEqual(farebox.stop(), 0)
        code, _, err = self.ledger("restore", self.path("backup"))
        self.assertEqual(code, CANT_CREATE, err)
        self.good("restore", self.path("backup"), data_dir=self.path("new"))
        restored = self.start(self.path("new"))
        self.assertEqual(said(restored), before)
        self.assertEqual(restored.stop(), 0)
        os.rename(os.path.join(self.path("new"), "ledger"), self.path("old"))
        code, _, err = self.ledger("restore", self.path("backup"), data_dir=self.path("new"))
        self.assertEqual(code, CANT_CREATE, err)
        self.assertIn("documents", err)

    def test_a_restore_overwrites_nothing(self):
        records = self.filled(2)
        self.good("backup", self.path("backup"))
        code, _, err = self.ledger("restore", self.path("backup"))
        self.assertEqual(code, CANT_CREATE, err)
        self.assertIn("move it away", err)
        farebox = self.start()
        code, _, err = self.ledger("restore", self.path("backup"))
        self.assertEqual(code, UNAVAILABLE, err)
        self.assertEqual(farebox.records(), records)
        self.assertEqual(farebox.stop(), 0)
        code, _, err = self.ledger("restore", self.path("nothing"), data_dir=self.path("new"))
        self.assertEqual(code, DAMAGED)
        self.assertIn("backup", err)
        self.assertFalse(os.path.exists(self.path("new")))


class Rebuild(LedgerTest):
    QUESTIONS = ("/api/usage", "/api/usage?groupBy=model,project", "/api/usage?granularity=hour&groupBy=outcome")

    def answers(self, farebox):
        return [farebox.admin_json(question) for question in self.QUESTIONS]

    def rebuild(self, farebox=None):
        more = ("--admin-listen", "127.0.0.1:%d" % farebox.admin_port) if farebox else ()
        self.assertIn("anew", self.good("rebuild", *more))

    def test_sums_stay_what_they_were(self):
        farebox = self.start()
        talk(farebox, 5, MINI, "search")
        talk(farebox, 3, NANO, "shop")
        before = self.answers(farebox)
        self.rebuild(farebox)
        self.assertEqual(self.answers(farebox), before)
        self.assertEqual(farebox.stop(), 0)
        self.rebuild()
        farebox = self.start()
        self.assertEqual(self.answers(farebox), before)
        talk(farebox, 1, MINI, "search")
        self.assertEqual(farebox.admin_json("/api/usage")["total"]["requests"], 9)
        self.assertEqual(farebox.stop(), 0)
        self.assertEqual(self.verified()["records"], 9)

    def test_it_prunes_nothing_a_configuration_would_keep(self):
        records = self.filled(3)
        config = write_config(self.directory, {"data_dir": self.data, "ledger": {"retain": "1h"}}, "short.yaml")
        self.assertEqual(run_to_end(["ledger", "rebuild", "--config", config])[0], 0)
        self.assertEqual(self.exported(), list(reversed(records)))

    def test_a_running_one_that_can_not_be_asked(self):
        farebox = self.start()
        code, _, err = self.ledger("rebuild", "--admin-listen", "127.0.0.1:%d" % free_port())
        self.assertEqual(code, UNAVAILABLE, err)
        self.assertIn("--admin-listen", err)
        self.assertEqual(farebox.stop(), 0)


class State(FareboxTest):
    def test_the_ledgers_state(self):
        talk(self.farebox, 3)
        records = self.farebox.records()
        state = wait_until(lambda: next((s for s in [self.farebox.admin_json("/api/ledger")]
                                         if s["synced"] == s["last"]), None))
        self.assertEqual((state["writable"], state["trouble"], state["openHolds"], state["heldUsd"]),
                         (True, None, 0, "0"))
        self.assertEqual((state["first"], state["last"]), (records[-1]["id"], records[0]["id"]))
        self.assertEqual((state["synced"], state["dropped"], state["queued"], state["failures"]),
                         (state["last"], 0, 0, 0))

    def test_a_rebuild_is_a_post(self):
        self.assertEqual(self.farebox.admin("GET", "/api/ledger/rebuild").status, 405)
        self.assertEqual(self.farebox.admin("POST", "/api/ledger").status, 405)
        reply = self.farebox.admin("POST", "/api/ledger/rebuild", {"Origin": "http://evil.test"})
        self.assertEqual(reply.status, 403)
        self.assertEqual(self.farebox.admin("POST", "/api/ledger/rebuild").json(), {"status": "ok"})


class CommandLine(unittest.TestCase):
    def test_help_reads_well(self):
        for arguments, words in ((["ledger", "--help"], ("verify", "export", "backup", "restore", "rebuild",
                                                         "farebox ledger export --since 30d")),
                                 (["usage", "--help"], ("--by", "FAREBOX_ADMIN_TOKEN", "farebox usage --records")),
                                 (["ledger", "verify", "--help"], ("--repair", "--json"))):
            code, out, err = run_to_end(arguments)
            self.assertEqual((code, err), (0, ""), arguments)
            for word in words:
                self.assertIn(word, out)
            self.assertLessEqual(max(map(len, out.splitlines())), 120, arguments)

    def test_what_can_not_be_meant_is_64(self):
        for arguments in (["ledger"], ["ledger", "burn"], ["ledger", "verify", "x"], ["ledger", "backup"],
                          ["ledger", "restore"], ["ledger", "export", "--json"], ["ledger", "rebuild", "--repair"]):
            code, out, err = run_to_end(arguments)
            self.assertEqual((code, out), (USAGE, ""), arguments)
            self.assertTrue(err, arguments)


if __name__ == "__main__":
    unittest.main()
