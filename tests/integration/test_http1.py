"""The shared set of hostile HTTP/1.1, through the running program."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from free_port import free_port
from harness import FACTS, Farebox

PROBE = os.path.join(FACTS, "http1", "http1_probe.py")
CASES = os.path.join(FACTS, "http1", "cases.jsonl")


class Http1(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(PROBE), "no %s: set FAREBOX_FACTS_DIR" % PROBE)
    def test_every_case_passes_and_none_is_critical(self):
        upstream = free_port()
        farebox = Farebox({"providers": {"probe": {"dialect": "openai",
                                                   "base_url": "http://127.0.0.1:%d" % upstream}}})
        with tempfile.NamedTemporaryFile(suffix=".json") as verdicts:
            done = subprocess.run(
                [sys.executable, PROBE, "--proxy", "127.0.0.1:%d" % farebox.port, "--upstream-port",
                 str(upstream), "--path", "/probe/c/{name}", "--json", verdicts.name, CASES],
                capture_output=True, text=True, timeout=600)
            self.assertEqual(farebox.stop(), 0)
            self.assertTrue(os.path.getsize(verdicts.name), done.stdout + done.stderr)
            with open(verdicts.name, encoding="utf-8") as file:
                total = json.load(file)["total"]
        self.assertEqual((total["pass"], total["critical"]), (total["cases"], 0), done.stdout)


if __name__ == "__main__":
    unittest.main()
