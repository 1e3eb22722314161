"""farebox count: tokens and price of standard input, whole or a line at a time."""

import json
import os
import pty
import subprocess
import tempfile
import unittest

from farebox_process import environment, program, run_to_end
from harness import ROOT

HAVE = os.path.exists(os.path.join(ROOT, "build", "vocabularies", "o200k_base.tiktoken"))
FACTS = os.path.join(os.environ.get("FAREBOX_FACTS_DIR", os.path.join(ROOT, "..", "shared")), "tokens")
USAGE, DATA, CONFIG = 64, 65, 78


def count(*arguments, text="", octets=None, **variables):
    """(exit code, stdout, stderr); what goes in and out is octets."""
    done = subprocess.run([program(), "count", *arguments], input=text.encode() if octets is None else octets,
                          capture_output=True, timeout=60, env=environment(variables))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@unittest.skipUnless(HAVE, "skipping: no vocabularies here; run ./dev setup")
class Count(unittest.TestCase):
    def answer(self, *arguments, **said):
        code, out, err = count(*arguments, **said)
        self.assertEqual((code, err), (0, ""), out)
        return json.loads(out)

    def test_a_text(self):
        self.assertEqual(self.answer(text="Hello, world!"),
                         {"tokens": 4, "encoding": "o200k_base", "estimated": False})
        self.assertEqual(self.answer()["tokens"], 0)
        self.assertEqual(self.answer("--encoding", "cl100k_base", text="<|endoftext|>")["tokens"], 7)

    def test_a_model_has_its_encoding_and_its_price(self):
        said = self.answer("--model", "gpt-4", text="Hello, world!" * 1000)
        self.assertEqual((said["encoding"], said["estimated"], said["model"]), ("cl100k_base", False, "gpt-4"))
        self.assertAlmostEqual(float(said["inputCostUsd"]), said["tokens"] * 30e-6)
        for model in ("openai/gpt-4o", "gpt-4o"):
            said = self.answer("--model", model, text="Hello")
            self.assertEqual((said["tokens"], float(said["inputCostUsd"])), (1, 2.5e-6))

    def test_a_model_without_a_public_vocabulary_is_estimated_and_says_so(self):
        said = self.answer("--model", "claude-3-5-haiku-20241022", text="word " * 1000)
        self.assertTrue(said["estimated"])
        self.assertGreater(said["expectedError"], 0)
        self.assertGreater(said["tokens"], 1000)
        self.assertAlmostEqual(float(said["inputCostUsd"]), said["tokens"] * 0.8e-6)
        code, out, _ = count("--model", "claude-3-5-haiku-20241022", "--jsonl", text='{"text": "hello"}\n')
        self.assertEqual((code, json.loads(out)["estimated"]), (0, True))

    def test_prices_of_a_configuration(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "farebox.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('prices:\n  overrides:\n    gpt-4o: {input: "1000000", output: "1"}\n')
            self.assertEqual(self.answer("--model", "gpt-4o", "--config", path, text="Hello")["inputCostUsd"], "1")
            with open(path, "w", encoding="utf-8") as file:
                file.write("prices:\n  file: none.json\n")
            code, out, err = count("--model", "gpt-4o", "--config", path, text="Hello")
            self.assertEqual((code, out), (CONFIG, ""))
            self.assertIn("none.json", err)

    def test_lines(self):
        lines = ['{"text": "Hello, world!"}', '{"id": [1, {"text": "no"}], "text": "tab\\there \\ud83d\\ude00"}', "",
                 '{"text": "\\ud83d"}', '{"text": ""}']
        code, out, err = count("--jsonl", text="\n".join(lines))
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([int(line) for line in out.splitlines()],
                         [4, self.answer(text="tab\there \U0001F600")["tokens"], self.answer(text="\ufffd")["tokens"], 0])
        code, out, _ = count("--jsonl", "--json", text=lines[0])
        self.assertEqual((code, json.loads(out)["tokens"]), (0, 4))

    def test_a_line_that_is_none_is_named(self):
        for line, word in (("x", "not a JSON object"), ("[]", "not a JSON object"), ('{"txt": ""}', 'no "text"'),
                           ('{"text": 3}', "is no string"), ('{"text": "a"', "not a JSON object"), ('{"text": "a",}', "not valid JSON"),
                           ('{"text": "a"} {}', "not valid JSON")):
            code, out, err = count("--jsonl", text='{"text": "a"}\n%s\n{"text": "b"}\n' % line)
            self.assertEqual((code, out), (DATA, "1\n"), line)
            self.assertIn("line 2: ", err)
            self.assertIn(word, err, line)
        code, _, err = count("--jsonl", octets=b'{"text": "\xff"}')
        self.assertEqual((code, "not UTF-8" in err), (DATA, True), err)

    def test_octets_that_are_no_text(self):
        for octets, tokens in ((b"Hello world\xffHello world again", 6), (b"\xff", 1)):
            code, out, _ = count("--encoding", "cl100k_base", octets=octets)
            self.assertEqual((code, json.loads(out)["tokens"]), (0, tokens))

    def test_what_is_not_known_is_suggested(self):
        for arguments, words in ((("--encoding", "o200k"), ("it must be one of o200k_base, ",)),
                                 (("--encoding", "x"), ("cl100k_base", "r50k_base")),
                                 (("--model", "gtp-4o"), ("did you mean 'gpt-4o'", "--encoding")),
                                 (("--model", "my-model"), ("--encoding", "cl100k_base"))):
            code, out, err = count(*arguments, text="x")
            self.assertEqual((code, out, err.count("\n")), (USAGE, "", 1), err)
            for word in words:
                self.assertIn(word, err)

    def test_a_terminal_gets_a_sentence(self):
        ours, theirs = pty.openpty()
        with subprocess.Popen([program(), "count", "--model", "gpt-4o"], stdin=subprocess.PIPE, stdout=theirs,
                              env=environment()) as process:
            process.communicate(b"Hello, world! " * 500)
            os.close(theirs)
            self.assertIn(b" tokens (o200k_base); 0.", os.read(ours, 1000))
            os.close(ours)

    def test_the_facts(self):
        for encoding in ("o200k_base", "cl100k_base", "p50k_base", "r50k_base"):
            path = os.path.join(FACTS, encoding + ".jsonl")
            if not os.path.exists(path):
                self.skipTest("skipping: no %s; set FAREBOX_FACTS_DIR" % path)
            with open(path, "rb") as file:
                octets = file.read()
            code, out, err = count("--encoding", encoding, "--jsonl", octets=octets)
            self.assertEqual((code, err), (0, ""))
            self.assertEqual([int(line) for line in out.splitlines()],
                             [json.loads(line)["count"] for line in octets.splitlines()])


class Help(unittest.TestCase):
    def test_it_is_built(self):
        code, out, _ = run_to_end(["count", "--help"])
        self.assertEqual(code, 0)
        self.assertIn("--jsonl", out)
        self.assertNotIn("not built", out)


if __name__ == "__main__":
    unittest.main()
