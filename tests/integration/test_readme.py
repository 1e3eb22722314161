"""The README is true: its commands for the pretend provider run as they stand."""

import json
import os
import re
import subprocess
import unittest

from farebox_process import program as farebox_program
from harness import ROOT
from mock_provider import program as mock_program


def blocks(language):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return re.findall(r"```%s\n(.*?)```" % language, file.read(), re.S)


class Readme(unittest.TestCase):
    def test_the_pretend_provider_is_metered(self):
        start, ask, look = blocks("bash")[1:4]
        # The programs under test stand in for the release build of the text.
        start = start.replace("build/release/farebox-mock", mock_program())
        start = start.replace("build/release/farebox ", farebox_program() + " ")
        script = "set -e\ncd '%s'\n" % ROOT
        script += 'scratch=$(mktemp -d); export FAREBOX_DATA_DIR=$scratch/data\n'
        script += "trap 'kill $(jobs -p) 2>/dev/null; rm -rf $scratch' EXIT\n"
        script += start.replace("&\n", ">/dev/null 2>&1 &\n")
        script += "for i in $(seq 100); do curl -sf http://127.0.0.1:4142/readyz >/dev/null && break; sleep 0.1; done\n"
        script += ask + "\necho\n" + "\necho\n".join(look.strip().splitlines()) + "\n"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        answer, usage, records, metrics = done.stdout.split("\n", 3)
        self.assertEqual(json.loads(answer)["object"], "chat.completion")
        self.assertEqual(json.loads(usage)["total"]["requests"], 1)
        record = json.loads(records)["records"][0]
        self.assertTrue(record["priced"])
        self.assertGreater(record["outputTokens"], 0)
        self.assertIn("farebox_requests_total", metrics)

    def test_every_file_it_names_is_there(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            for target in re.findall(r"\]\(([^)#]+)\)", file.read()):
                self.assertTrue(os.path.exists(os.path.join(ROOT, target)), target)

    def test_the_yaml_of_the_text_is_valid(self):
        for text in blocks("yaml"):
            done = subprocess.run([farebox_program(), "check", "--config", "/dev/stdin"], input=text,
                                  capture_output=True, text=True, timeout=20,
                                  env=dict(os.environ, OPENAI_API_KEY="sk-test"))
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
