"""Row X9: whatever callers name, the metrics stay as many as they may be."""

import os
import shutil
import subprocess
import unittest

from harness import CHAT, FareboxTest, chat_body, providers

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "1500"))
SANITIZED = os.environ.get("FAREBOX_PRESET", "release") != "release"
CAP = 50


class Bounds(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "metrics": {"max_label_values": CAP},
                "auth": {"require_keys": False}}

    def test_names_without_end_make_no_series_without_end(self):
        connection = self.connect(timeout=30)

        def ask(first, count):
            for i in range(first, first + count):
                # A model that answered is known, which is the way in for callers.
                connection.ask(("POST", "POST", "PATCH", "PUT")[i % 4] if i % 3 == 0 else "POST",
                               CHAT if i % 3 else "/openai/v1/path-%d/%d" % (i, i),
                               {"x-farebox-project": "project-%d" % i, "x-farebox-user": "user-%d" % i,
                                "x-farebox-tags": "tag%d=%d" % (i, i), "x-mock-model": "model-%d" % i,
                                "x-mock-status": str((200, 200, 404, 429, 500, 418)[i % 6])},
                               chat_body(model="model-%d" % i))
                connection.response()
                if i % 500 == 0:
                    self.mock.clear()
        ask(0, ROUNDS // 3)
        before = self.farebox.rss_kib()
        ask(ROUNDS // 3, ROUNDS - ROUNDS // 3)
        grown = self.farebox.rss_kib() - before
        series = self.farebox.metrics()
        for label in ("model", "project", "provider", "endpoint", "code", "outcome"):
            values = {part.split('"')[1] for name in series for part in name.split(",")
                      if part.split("{")[-1].startswith(label + "=")}
            self.assertLessEqual(len(values), CAP + 2, (label, sorted(values)[:5]))
        self.assertLess(len(series), 12000)
        self.assertIn("other", "".join(series))
        if not SANITIZED:
            self.assertLess(grown, 8 << 10)
        exposition = self.farebox.admin("GET", "/metrics").body
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
