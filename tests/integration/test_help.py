"""--help worth reading, words that were misspelt, and completion in real shells."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from farebox_process import environment, program, run_to_end

USAGE = 64
COMMANDS = ("serve", "demo", "bill", "check", "usage", "keys", "budgets", "alerts", "ledger", "prices", "count", "health",
            "completion", "help")


class Help(unittest.TestCase):
    def test_the_first_screen_says_what_matters(self):
        code, out, err = run_to_end(["--help"])
        self.assertEqual((code, err), (0, ""))
        for command in COMMANDS:
            self.assertRegex(out, r"(?m)^  %s +\S" % command)
        for word in ("--config", "FAREBOX_CONFIG", "--listen", "127.0.0.1:4141", "./farebox-data",
                     "Exit codes: 0 ok, 64", "farebox demo", "farebox usage --by", "farebox help"):
            self.assertIn(word, out)
        lines = out.splitlines()
        self.assertLessEqual(len(lines), 60)
        self.assertLessEqual(max(map(len, lines)), 110)
        self.assertLess(out.index("Commands:"), out.index("Options:"))

    def test_help_of_a_command_is_its_own(self):
        for path in ([], ["demo"], ["usage"], ["ledger"], ["ledger", "verify"], ["prices"], ["prices", "show"], ["completion"], ["help"]):
            asked = run_to_end(["help"] + path)
            self.assertEqual(asked, run_to_end(path + ["--help"]), path)
            self.assertEqual((asked[0], asked[2]), (0, ""), path)
            self.assertIn("farebox" + "".join(" " + each for each in path), asked[1])

    def test_every_command_has_an_example(self):
        for command in COMMANDS[:-1]:
            _, out, _ = run_to_end([command, "--help"])
            self.assertRegex(out, r"(?m)^  (source <\()?farebox ", command)

    def test_version(self):
        code, out, _ = run_to_end(["--version"])
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^farebox \d+\.\d+\.\d+ \(\w+\)\n$")


class Misspelt(unittest.TestCase):
    ROWS = (  # what was typed, what was meant
        (["usgae"], "usage"), (["udage", "--since", "1h"], "usage"), (["ledger", "verfy"], "verify"),
        (["serve", "--confg", "x"], "--config"), (["serve", "--confg=x"], "--config"),
        (["--lisen", "x"], "--listen"), (["usage", "--sinse", "1h"], "--since"),
        (["check", "farebox.yaml"], "--config farebox.yaml"), (["help", "ledgr"], "ledger"),
        (["completion", "bsh"], "bash"), (["ledger"], "verify"), (["ledger", "burn"], "verify"),
        (["serve", "--log-level", "loud"], "debug"), (["serve", "--config"], "--config"),
        (["completion"], "SHELL"))

    def test_the_nearest_is_named(self):
        for typed, meant in self.ROWS:
            code, out, err = run_to_end(typed)
            self.assertEqual((code, out), (USAGE, ""), typed)
            self.assertTrue(err.startswith("farebox: "), err)
            self.assertIn(meant, err, typed)
            self.assertEqual(err.count("\n"), 1, err)


def script(shell):
    code, out, err = run_to_end(["completion", shell])
    assert (code, err) == (0, ""), err
    return out


class Completion(unittest.TestCase):
    def complete(self, *words):
        """What bash would offer for the last of these words."""
        lines = [script("bash"), "COMP_WORDS=(farebox %s)" % " ".join("'%s'" % w for w in words),
                 "COMP_CWORD=%d" % len(words), "_farebox farebox", 'printf "%s\\n" "${COMPREPLY[@]}"']
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "a dir"))
            open(os.path.join(directory, "a file.yaml"), "w").close()
            done = subprocess.run(["bash", "--norc", "-c", "\n".join(lines)], cwd=directory, env=environment(),
                                  capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line for line in done.stdout.split("\n") if line]

    def test_bash(self):
        for words, offered in (
                (("us",), ["usage"]), (("ledger", "ver"), ["verify"]), (("prices", ""), ["show", "check"]), (("ledger", "verify", "--re"), ["--repair"]),
                (("usage", "--granularity", ""), ["hour", "day"]),
                (("serve", "--log-format", ""), ["json", "text"]), (("--log-level", "w"), ["warn"]),
                (("ledger", "export", "--format", "c"), ["csv"]), (("completion", ""), ["bash", "zsh", "fish"]), (("count", "--encoding", "cl"), ["cl100k_base"]), (("help", "us"), ["usage"]),
                (("serve", "--config", "a f"), ["a file.yaml"]), (("serve", "--data-dir", ""), ["a dir"]),
                (("ledger", "backup", ""), ["a dir"]), (("usage", "--since", ""), []), (("demo", "--repair"), []),
                (("ledger", "--config", "x", "verify", "--js"), ["--json"])):
            got = self.complete(*words)
            options = words[-1].startswith("-")
            self.assertEqual([w for w in got if options or not w.startswith("-")], offered, words)

    def test_bash_offers_every_command(self):
        self.assertLessEqual(set(COMMANDS), set(self.complete("")))

    def test_bash_loads_it(self):
        done = subprocess.run(["bash", "--norc", "-c", 'source <("$0" completion bash); complete -p farebox', program()],
                              env=environment(), capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout), (0, "complete -F _farebox farebox\n"), done.stderr)

    def test_every_option_of_help_is_in_every_script(self):
        for path in ([], ["usage"], ["ledger", "export"], ["count"]):
            _, out, _ = run_to_end(path + ["--help"])
            for option in re.findall(r"(?m)^  (?:-\w,)?--([a-z-]+)", out):
                for shell in ("bash", "zsh", "fish"):
                    self.assertRegex(script(shell), r"-(l )?%s\b" % option)

    def test_zsh_and_fish_can_read_theirs(self):
        for shell in ("zsh", "fish"):
            if not shutil.which(shell):
                print("skipping the syntax check by %s: not installed" % shell)
                continue
            done = subprocess.run([shell, "-n", "/dev/stdin"], input=script(shell), text=True,
                                  capture_output=True, timeout=20)
            self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


if __name__ == "__main__":
    unittest.main()
