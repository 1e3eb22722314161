"""The command line: exit codes of sysexits, and messages that help."""

import json
import os
import socket
import tempfile
import unittest

from harness import Farebox, Mock, providers, run_to_end, write_config

USAGE, UNAVAILABLE, BAD_CONFIG = 64, 69, 78


class ExitCodes(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def run_config(self, config, command="serve", more=None):
        if isinstance(config, dict):
            config = dict({"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"},
                           "data_dir": os.path.join(self.directory, "data")}, **config)
        path = write_config(self.directory, config)
        return run_to_end([command, "--config", path], more)

    def test_version_and_help(self):
        for option in ("--version", "--help"):
            code, out, _ = run_to_end([option])
            self.assertEqual(code, 0)
            self.assertIn("farebox", out.lower())

    def test_bad_usage_is_64(self):
        for arguments in (["--no-such-option"], ["no-such-command"], ["serve", "--config"],
                          ["serve", "--log-level", "loud"]):
            code, _, err = run_to_end(arguments)
            self.assertEqual(code, USAGE, arguments)
            self.assertTrue(err.strip(), arguments)

    def test_a_bad_config_is_78(self):
        for config in ({"no_such_key": 1}, {"listen": "nowhere"}, {"listen": "127.0.0.1:99999"},
                       {"providers": {"v1": {"dialect": "openai", "base_url": "http://a"}}},
                       {"providers": {"x": {"dialect": "klingon", "base_url": "http://a"}}},
                       {"providers": {"x": {"dialect": "openai", "base_url": "ftp://a"}}},
                       {"providers": {"x": {"dialect": "openai"}}},
                       {"limits": {"head_timeout": "soon"}}, {"limits": {"body": "-1"}},
                       "listen: [1, 2\n", "listen: 127.0.0.1:0\nlisten: 127.0.0.1:1\n", "just text\n"):
            for command in ("serve", "check"):
                code, out, err = self.run_config(config, command)
                self.assertEqual(code, BAD_CONFIG, (command, config, out, err))

    def test_a_missing_config_file_is_not_ignored(self):
        code, _, err = run_to_end(["serve", "--config", os.path.join(self.directory, "none.yaml")])
        self.assertIn(code, (66, BAD_CONFIG))
        self.assertIn("none.yaml", err)

    def test_check_names_file_and_line(self):
        code, out, err = self.run_config("listen: 127.0.0.1:0\nlimits:\n  bodyy: 1MiB\n", "check")
        self.assertEqual(code, BAD_CONFIG)
        self.assertRegex(out + err, r"farebox\.yaml:3\b.*bodyy")
        self.assertIn("body", (out + err).replace("bodyy", ""), "it could suggest the right name")

    def test_check_prints_every_error(self):
        _, out, err = self.run_config("listenn: 1\nadmim: 2\n", "check")
        self.assertIn("listenn", out + err)
        self.assertIn("admim", out + err)

    def test_check_of_a_good_config_is_0(self):
        code, out, err = self.run_config({"providers": {"x": {"dialect": "openai",
                                                              "base_url": "https://a.test"}}}, "check")
        self.assertEqual(code, 0, out + err)

    def test_an_open_relay_is_78(self):
        config = {"listen": "0.0.0.0:0", "providers": {
            "x": {"dialect": "openai", "base_url": "https://a.test", "api_keys": ["sk-x"]}}}
        code, _, err = self.run_config(config)
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn("allow_anonymous", err)

    def test_a_taken_port_is_69(self):
        for name in ("listen", "admin"):
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                address = "127.0.0.1:%d" % taken.getsockname()[1]
                code, _, err = self.run_config(
                    {"listen": address} if name == "listen" else {"admin": {"listen": address}})
            self.assertEqual(code, UNAVAILABLE, err)
            self.assertIn(address.rpartition(":")[2], err)

    def test_a_locked_store_is_69(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        running = Farebox({"providers": providers(mock)}, directory=self.directory)
        code, _, err = run_to_end(["serve", "--config", running.config_file])
        self.assertEqual(running.stop(), 0)
        self.assertEqual(code, UNAVAILABLE, err)

    def test_environment_is_replaced_in_values_only(self):
        config = {"providers": {"x": {"dialect": "openai", "base_url": "${BASE:-https://a.test}",
                                      "api_keys": ["${KEY}"]}}}
        code, out, err = self.run_config(config, "check", {"KEY": 'a"}],evil:1#'})
        self.assertEqual(code, 0, out + err)
        code, out, err = self.run_config(config, "check")
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn("KEY", out + err)

    def test_errors_at_start_are_json_lines_too(self):
        _, _, err = self.run_config({"no_such_key": 1})
        for line in err.splitlines():
            if line.startswith("{"):
                self.assertIn("level", json.loads(line))


if __name__ == "__main__":
    unittest.main()
