"""farebox usage: tables for people, JSON for programs, and what it says when it can't ask."""

import json
import subprocess
import tempfile
import unittest

from farebox_process import environment, program
from free_port import free_port
from harness import FareboxTest, Mock, providers, run_to_end, write_config
from command_line import (BAD_CONFIG, IO_FAILED, MINI, NANO, NOT_PERMITTED, UNAVAILABLE, USAGE, on_terminal,
                          talk)


class Usage(FareboxTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        talk(cls.farebox, 3, MINI, "search")
        talk(cls.farebox, 2, NANO, "search")
        talk(cls.farebox, 1, NANO, "shop, north & \"west\"")
        talk(cls.farebox, 1, "no-such-model", "odd")

    def usage(self, *arguments):
        return ["usage", "--config", self.farebox.config_file,
                "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port] + list(arguments)

    def json(self, *arguments):
        code, out, err = run_to_end(self.usage(*arguments))
        self.assertEqual((code, err), (0, ""), out)
        return json.loads(out)

    def table(self, *arguments):
        code, out, err = on_terminal(self.usage(*arguments))
        self.assertEqual((code, err), (0, ""), out)
        return out.splitlines()

    def test_a_pipe_gets_the_answer_of_the_admin_port(self):
        self.assertEqual(self.json(), self.farebox.admin_json("/api/usage?groupBy=model&since=24h"))
        self.assertEqual(self.json("--by", "project,model", "--since", "2h", "--granularity", "day"),
                         self.farebox.admin_json(
                             "/api/usage?groupBy=project,model&since=2h&granularity=day"))
        self.assertEqual(self.json("--by", "none"), self.farebox.admin_json("/api/usage"))

    def test_filters_reach_the_admin_port(self):
        for arguments, requests in (
                (("--project", "search"), 5), (("--project", 'shop, north & "west"'), 1),
                (("--model", "no-such-model"), 1), (("--provider", "openai"), 7), (("--provider", "x"), 0),
                (("--user", "nobody"), 0), (("--key", "none"), 0), (("--until", "1h ago"), 0),
                (("--since", "0", "--until", "now"), 7),
                (("--since", "2026-01-01T00:00:00+02:00", "--project", "search"), 5)):
            self.assertEqual(self.json(*arguments)["total"]["requests"], requests, arguments)

    def test_a_terminal_gets_a_table(self):
        lines = self.table("--since", "2h")
        total = self.farebox.admin_json("/api/usage")["total"]
        self.assertEqual(lines[0], "requests since 2h ago")
        self.assertEqual(lines[2].split(), ["model", "requests", "input", "output", "cached", "reasoning",
                                            "cost", "USD", "errors", "unpriced"])
        self.assertEqual([line.split()[:2] for line in lines[3:6]],
                         [[row["model"], str(row["requests"])] for row in
                          self.farebox.admin_json("/api/usage?groupBy=model")["rows"]])
        self.assertEqual(lines[6].split()[:2], ["total", "7"])
        self.assertIn(total["costUsd"], lines[6].split(), "the decimal of the server, untouched")
        self.assertEqual(len({len(line) for line in lines[2:7]}), 1, "columns are aligned")
        self.assertIn("1 of these requests has no price", lines[-1])

    def test_a_terminal_gets_json_when_asked(self):
        code, out, _ = on_terminal(self.usage("--json"))
        self.assertEqual((code, json.loads(out)["total"]["requests"]), (0, 7))

    def test_nothing_is_said_in_words(self):
        self.assertEqual(self.table("--project", "nobody"), ["no requests since 24h ago"])
        self.assertEqual(self.table("--project", "nobody", "--records", "5"),
                         ["no requests since 24h ago"])

    def test_the_newest_records(self):
        self.assertEqual(self.json("--records", "3")["records"], self.farebox.records()[:3])
        self.assertEqual(self.json("--records", "50", "--project", "search")["records"],
                         self.farebox.records(projectId="search"))
        lines = self.table("--records", "1")
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[1].split()[2:7], ["openai", "no-such-model", "odd", "200", "ok"])
        self.assertEqual(lines[1].split()[-2], "-", "an unknown cost is not zero")

    def test_what_the_server_refuses_is_64_in_its_words(self):
        for arguments, word in ((("--by", "colour"), "colour"), (("--since", "yesterday"), "since"),
                                (("--granularity", "minute"), "granularity")):
            code, out, err = run_to_end(self.usage(*arguments))
            self.assertEqual((code, out), (USAGE, ""), err)
            self.assertIn(word, err)

    def test_what_can_not_be_meant_is_64(self):
        for arguments in (("--records", "0"), ("--records", "x"), ("--records", "-1"), ("--colour", "x"), ("x",)):
            code, out, err = run_to_end(self.usage(*arguments))
            self.assertEqual((code, out), (USAGE, ""), arguments)
            self.assertTrue(err, arguments)

    def test_a_full_disk_is_74(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([program()] + self.usage(), env=environment(), stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=20)
        self.assertEqual(done.returncode, IO_FAILED, done.stderr)


class ManyRecords(FareboxTest):
    def test_more_than_a_page_is_asked_for_in_pages(self):
        talk(self.farebox, 1020)
        code, out, err = run_to_end(["usage", "--records", "1010",
                                     "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port])
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out)["records"], self.farebox.records()[:1010])


class UsageAlone(unittest.TestCase):
    def test_nobody_listens(self):
        for command in (["usage"], ["usage", "--records", "3"], ["health"]):
            port = free_port()
            code, out, err = run_to_end(command + ["--admin-listen", "127.0.0.1:%d" % port])
            self.assertEqual((code, out), (UNAVAILABLE, ""), err)
            self.assertIn("127.0.0.1:%d" % port, err)

    def test_somebody_else_listens(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        code, _, err = run_to_end(["usage", "--admin-listen", "127.0.0.1:%d" % mock.port])
        self.assertEqual(code, UNAVAILABLE, err)

    def test_an_address_that_is_none(self):
        code, _, err = run_to_end(["usage", "--admin-listen", "nowhere"])
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn("nowhere", err)


class UsageToken(FareboxTest):
    TOKEN = "an-admin-token-of-some-length"

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "admin": {"listen": "127.0.0.1:0", "token": cls.TOKEN}}

    def ask(self, *arguments, **variables):
        return run_to_end(["usage", "--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
                          + list(arguments), variables)

    def test_without_it_we_say_how_to_give_it(self):
        for variables in ({}, {"FAREBOX_ADMIN_TOKEN": "wrong-wrong-wrong"}):
            code, out, err = self.ask(**variables)
            self.assertEqual((code, out), (NOT_PERMITTED, ""), err)
            self.assertIn("FAREBOX_ADMIN_TOKEN", err)
            self.assertIn("admin.token", err)
            self.assertNotIn("wrong-wrong", err)

    def test_it_comes_from_environment_or_configuration(self):
        self.assertEqual(self.ask(FAREBOX_ADMIN_TOKEN=self.TOKEN)[0], 0)
        self.assertEqual(self.ask("--config", self.farebox.config_file)[0], 0)

    def test_what_only_serving_needs_is_not_needed(self):
        with tempfile.TemporaryDirectory() as directory:
            path = write_config(directory, {
                "admin": {"listen": "127.0.0.1:%d" % self.farebox.admin_port, "token": self.TOKEN},
                "providers": {"x": {"dialect": "openai", "base_url": "https://a.test",
                                    "api_keys": ["${A_KEY_OF_ANOTHER_SHELL}"]}}})
            self.assertEqual(run_to_end(["usage", "--config", path])[0], 0)
            path = write_config(directory, {"admin": {"token": "${A_KEY_OF_ANOTHER_SHELL}"}})
            code, _, err = run_to_end(["usage", "--config", path])
            self.assertEqual(code, BAD_CONFIG)
            self.assertIn("A_KEY_OF_ANOTHER_SHELL", err)


if __name__ == "__main__":
    unittest.main()
