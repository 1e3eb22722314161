"""Streams under a probe that keeps time: relay delay, cancellation, cuts."""

import json
import os
import subprocess
import sys
import unittest

from free_port import free_port
from harness import FACTS, Farebox

PROBE = os.path.join(FACTS, "tools", "stream_probe.py")
RELAY_P99_MS = 1.0      # a bound for noisy machines; the goal is half of it
CANCEL_MS = 50
ATTEMPTS = 3            # of the relay check, whose figure is the machine's too


@unittest.skipUnless(os.path.exists(PROBE), "no %s: set FAREBOX_FACTS_DIR" % PROBE)
class StreamProbe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # The probe brings its own upstream, on a port it is told.
        cls.upstream = free_port()
        cls.farebox = Farebox({"providers": {"probe": {
            "dialect": "openai", "base_url": "http://127.0.0.1:%d" % cls.upstream}}})

    @classmethod
    def tearDownClass(cls):
        assert cls.farebox.stop() == 0

    def probe(self, name, *more):
        done = subprocess.run(
            [sys.executable, PROBE, "--proxy", "127.0.0.1:%d" % self.farebox.port, "--upstream-port",
             str(self.upstream), "--path", "/probe/{what}", "--pid", str(self.farebox.pid),
             "--only", name] + list(more), capture_output=True, text=True, timeout=180)
        for line in done.stdout.splitlines():
            if line.startswith(name):
                return json.loads(line[len(name):])
        self.fail(done.stdout + done.stderr)

    def test_events_pass_as_they_come(self):
        reports = []
        for _ in range(ATTEMPTS):
            reports.append(self.probe("relay"))
            self.assertEqual(reports[-1]["events"], reports[-1]["of"])
            if reports[-1]["p99_ms"] <= RELAY_P99_MS:
                return
        self.fail("p99 above %s ms: %s" % (RELAY_P99_MS, reports))

    def test_a_client_that_leaves_cancels_the_upstream(self):
        report = self.probe("cancel")
        self.assertEqual(report["cancelled"], report["streams"])
        self.assertLessEqual(report["max_ms"], CANCEL_MS)

    def test_a_cut_stream_never_looks_whole(self):
        report = self.probe("cut")
        self.assertEqual((report["looked_whole"], report["left_hanging"]), (0, 0))


if __name__ == "__main__":
    unittest.main()
