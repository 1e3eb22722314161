"""How a model without a public vocabulary counts is learnt from what its provider reports,
kept across restarts, and never believed beyond reason."""

import json
import os
import tempfile
import time
import unittest

from farebox_process import Farebox, run_to_end
from harness import CHAT, MESSAGES, FareboxTest, chat_body, messages_body, providers
from mock_provider import Mock
from wire import fetch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
WORDS = 2000
TEXT = "hello world " * (WORDS // 2)        # a token each, and four for the message
SILENT = {"x-mock-usage": "false"}
PAUSE = 0.3                                 # a model teaches four times a second


@unittest.skipUnless(os.path.exists(os.path.join(ROOT, "build", "vocabularies")),
                     "skipping: no vocabularies here; run ./dev setup")
class Ratios(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        directory = tempfile.TemporaryDirectory(prefix="farebox-")
        self.directory = directory.name
        self.addCleanup(directory.cleanup)

    def farebox(self, **settings):
        """One after the other in the same directory."""
        started = Farebox(dict({"providers": providers(self.mock)}, **settings),
                          directory=self.directory)
        self.addCleanup(started.stop)
        return started

    def ask(self, farebox, path=MESSAGES, body=None, **headers):
        named = {"x-mock-" + name.replace("_", "-"): str(value) for name, value in headers.items()}
        reply = fetch(farebox.port, "POST", path, named, body or messages_body(text=TEXT))
        self.assertEqual(reply.status, 200)
        return farebox.record_of(reply)

    def teach(self, farebox, tokens, times=8, **more):
        for _ in range(times):
            self.ask(farebox, input_tokens=tokens, **more)
            time.sleep(PAUSE)

    def estimate(self, farebox, **more):
        record = self.ask(farebox, usage="false", **more)
        self.assertEqual(record["estimatedBy"], ["input_ratio", "output_ratio"])
        self.assertTrue(record["estimated"])
        return record["inputTokens"] / (WORDS + 4)

    def count(self, data_dir, model="claude-sonnet-4-5"):
        code, out, err = run_to_end(["count", "--model", model, "--data-dir", data_dir], text=TEXT)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def test_it_learns_and_remembers(self):
        first = self.farebox()
        before = self.estimate(first)
        self.assertAlmostEqual(before, 1.16, delta=0.01)
        self.assertNotIn("learntFrom", self.count(first.data_dir))
        self.teach(first, int(WORDS * 1.6))
        learnt = self.estimate(first)
        self.assertGreater(learnt, 1.4)
        self.assertLess(learnt, 1.6)
        self.assertEqual(first.stop(), 0)
        # A command reads it beside or after the server, and says what it goes by.
        said = self.count(first.data_dir)
        self.assertTrue(said["estimated"])
        self.assertAlmostEqual(said["ratio"], learnt, delta=0.01)
        self.assertGreaterEqual(said["learntFrom"], 5)
        self.assertGreater(said["expectedError"], 0.0)
        self.assertAlmostEqual(self.count(first.data_dir, "claude-haiku-4-5")["ratio"], 1.16)
        second = self.farebox()
        self.assertAlmostEqual(self.estimate(second), learnt, delta=0.01)

    def test_a_damaged_file_is_set_aside(self):
        first = self.farebox()
        self.teach(first, int(WORDS * 1.6), 2)
        self.assertEqual(first.stop(), 0)
        path = os.path.join(first.data_dir, "token-ratios")
        with open(path, "rb") as file:
            octets = bytearray(file.read())
        octets[-3] ^= 1
        with open(path, "wb") as file:
            file.write(octets)
        second = self.farebox()
        self.assertAlmostEqual(self.estimate(second), 1.16, delta=0.01)
        lines = second.log(msg="the learnt ratios of tokens can't be read; learning anew")
        self.assertEqual([line["kept_as"] for line in lines], [path + ".damaged"])
        self.teach(second, int(WORDS * 1.6), 2)
        self.assertEqual(second.stop(), 0)
        self.assertGreater(self.count(first.data_dir)["ratio"], 1.2)
        self.assertTrue(os.path.exists(path + ".damaged"))

    def test_a_provider_that_lies_misleads_itself_within_reason(self):
        farebox = self.farebox(providers=providers(
            self.mock, liar={"dialect": "anthropic", "base_url": self.mock.url}))
        liar = "/liar" + MESSAGES
        for said in (9_007_199_254_740_993, 1, WORDS * 9, WORDS * 9, WORDS * 9):
            self.ask(farebox, liar, input_tokens=said)
            time.sleep(PAUSE)
        self.assertLessEqual(self.estimate(farebox, path=liar), 1.16 * 3)
        self.assertAlmostEqual(self.estimate(farebox), 1.16, delta=0.01)

    def test_exact_models_are_not_touched(self):
        farebox = self.farebox()
        for _ in range(3):
            self.ask(farebox, CHAT, chat_body(text=TEXT), input_tokens=9000)
            time.sleep(PAUSE)
        record = self.ask(farebox, CHAT, chat_body(text=TEXT), usage="false")
        # The blank at the end is a token of its own; four and three are the marks.
        self.assertEqual((record["inputTokens"], record["estimatedBy"]),
                         (WORDS + 1 + 7, ["input_counted", "output_counted"]))

    def test_a_ledger_in_memory_leaves_no_file(self):
        farebox = self.farebox(ledger={"store": "memory"})
        self.teach(farebox, int(WORDS * 1.6), 4)
        self.assertGreater(self.estimate(farebox), 1.2)
        self.assertEqual(farebox.stop(), 0)
        self.assertFalse(os.path.exists(os.path.join(farebox.data_dir, "token-ratios")))


if __name__ == "__main__":
    unittest.main()
