"""./dev run: what it starts, with a farebox and a ninja that only say how they were called."""

import os
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT


class DevRun(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        shutil.copy(os.path.join(ROOT, "dev"), self.path("dev"))
        for name, says in (("build/release/farebox", 'echo "farebox $*"'), ("bin/ninja", 'echo "ninja $*" >&2'),
                           ("bin/dpkg-query", "echo install ok installed"), ("bin/npm", "echo no network >&2; exit 1")):
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.write(name, "#!/bin/sh\n%s\n" % says)
            os.chmod(self.path(name), 0o755)
        self.write("build/release/build.ninja", "")

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def run_dev(self, *arguments, **variables):
        done = subprocess.run([self.path("dev"), "run"] + list(arguments), capture_output=True, text=True, timeout=30,
                              env=dict(PATH=self.path("bin") + ":" + os.environ["PATH"], **variables))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ninja -C build/release farebox\n", done.stderr, "the program alone is built")
        return done.stdout.strip()

    def test_without_a_configuration_the_demo(self):
        self.assertEqual(self.run_dev(), "farebox demo")

    def test_arguments_are_passed_on(self):
        self.assertEqual(self.run_dev("serve", "--config", "a b"), "farebox serve --config a b")

    def test_a_configuration_with_providers_is_served(self):
        self.write("farebox.yaml", "listen: 127.0.0.1:0\nproviders:\n  x: {}\n")
        self.assertEqual(self.run_dev(), "farebox --config farebox.yaml")
        self.write("other.json", '{"providers": {}}')
        self.assertEqual(self.run_dev(FAREBOX_CONFIG="other.json"), "farebox --config other.json")

    def test_without_providers_the_demo_with_it(self):
        self.write("farebox.yaml", "listen: 127.0.0.1:0\n# providers:\n")
        self.assertEqual(self.run_dev(), "farebox demo --config farebox.yaml")

    def test_a_missing_file_is_for_farebox_to_complain_about(self):
        self.assertEqual(self.run_dev(FAREBOX_CONFIG="none.yaml"), "farebox --config none.yaml")

    def run_and_listen(self):
        done = subprocess.run([self.path("dev"), "run"], capture_output=True, text=True, timeout=30,
                              env=dict(os.environ, PATH=self.path("bin") + ":" + os.environ["PATH"]))
        self.assertEqual((done.returncode, done.stdout), (0, "farebox demo\n"), done.stderr)
        return done.stderr

    def test_without_vocabularies_it_goes_on_and_says_so(self):
        self.assertIn("no vocabularies: npm pack failed: no network. All but exact token counts works", self.run_and_listen())
        self.assertFalse(os.path.exists(self.path("build/vocabularies")))

    def test_a_vocabulary_that_is_another_is_not_taken(self):
        self.write("bin/npm", "#!/bin/sh\nmkdir -p package/data\n"
                   "for name in o200k_base cl100k_base p50k_base; do echo IQ== 0 > package/data/$name.tiktoken; done\n"
                   "tar -czf gpt-tokenizer-4.0.0.tgz package\n")
        self.assertIn("no vocabularies: their SHA-256 is not what it must be", self.run_and_listen())
        self.assertFalse(os.path.exists(self.path("build/vocabularies")))


class Progress(unittest.TestCase):
    def test_a_log_gets_a_line_every_five_seconds(self):
        script = r"""
          eval "$(sed -n '/^say()/p;/^watch_apt()/,/^}/p' "$0")"
          { echo "dlstatus:1:10.5:Retrieving file 1 of 2"; sleep 5.2
            echo "pmstatus:g++:amd64:41.6:Unpacking g++ (amd64)"; sleep 5.2; } | watch_apt installing"""
        done = subprocess.run(["bash", "-c", script, os.path.join(ROOT, "dev")], capture_output=True, text=True,
                              timeout=30)
        # A loaded machine may wake a second later.
        lines = done.stderr.splitlines()
        self.assertIn(len(lines), (2, 3), lines)
        self.assertRegex(lines[0], r"^==> installing: 10 %, \d+ s  Retrieving file 1 of 2$")
        self.assertRegex(lines[-1], r"^==> installing: 41 %, \d+ s  Unpacking g\+\+ ")


if __name__ == "__main__":
    unittest.main()
