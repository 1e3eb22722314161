"""The README is true: every command of it, and of docs/operating.md, runs as it stands.
The programs of its recipes are run by tests/e2e/test_recipes.py."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import unittest
from decimal import Decimal

from farebox_process import environment, program as farebox_program, wait_until
from harness import ROOT
from wire import fetch

DOCUMENTS = ("README.md", os.path.join("docs", "operating.md"))
DATA_PORT, ADMIN_PORT = 4141, 4142  # the text says so


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(language, name="README.md"):
    return re.findall(r"```%s\n(.*?)```" % language, read(name), re.S)


def lines(block):
    return [line.split(" # ")[0].strip() for line in block.strip().splitlines()]


class Running:
    """A command of the text that goes on until it is stopped."""

    def __init__(self, line, directory, seconds=60, **variables):
        self.process = subprocess.Popen(["bash", "-c", "exec " + line], cwd=directory,
                                        env=environment(variables), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        wait_until(lambda: self.process.poll() is not None or self.ready(), seconds)
        assert self.process.poll() is None, self.process.communicate()

    @staticmethod
    def ready():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", ADMIN_PORT)) != 0:
                return False
        return fetch(ADMIN_PORT, "GET", "/readyz").status == 200

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.out, self.err = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Readme(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="farebox-readme-")
        self.addCleanup(directory.cleanup)
        self.scratch = directory.name
        os.mkdir(os.path.join(self.scratch, "bin"))
        os.symlink(farebox_program(), os.path.join(self.scratch, "bin", "farebox"))

    def run_line(self, line, directory=ROOT, **variables):
        variables["PATH"] = os.path.join(self.scratch, "bin") + ":" + os.environ["PATH"]
        line = line.replace("/backup/", self.scratch + "/backup/")
        done = subprocess.run(["bash", "-c", line], cwd=directory, capture_output=True, text=True,
                              timeout=60, env=environment(variables))
        self.assertEqual(done.returncode, 0, "%s\n%s%s" % (line, done.stdout, done.stderr))
        return done.stdout

    def test_no_command_is_forgotten(self):
        # The other tests take them by their order.
        self.assertEqual([lines(block)[0].split()[0] for block in blocks("bash")],
                         ["./dev", "curl", "curl", "farebox", "curl", "./dev"])
        self.assertEqual([lines(block)[0].split()[0] for block in blocks("bash", DOCUMENTS[1])],
                         ["curl", "farebox", "openssl", "farebox", "farebox", "printf"])

    def test_two_commands_and_what_you_see(self):
        start, ask, look = blocks("bash")[:3]
        capture = blocks("console")[0]
        # The release build of the text is built, if it must be, and is what answers.
        with Running(start.strip(), ROOT, 600, FAREBOX_DATA_DIR=self.scratch) as demo:
            answer = json.loads(self.run_line(ask.strip()))
            self.assertEqual(answer["object"], "chat.completion")
            # Nothing to count hides behind an answer that is shown.
            self.assertIn(answer["choices"][0]["message"]["content"][:40], capture)
            streamed, anthropic, usage, total, records, metrics = map(self.run_line, lines(look))
        self.assertIn("[DONE]", streamed)
        for name in ("x-farebox-request-id", "x-farebox-provider", "x-farebox-attempts",
                     "x-farebox-cost-usd"):
            self.assertIn(name + ": ", anthropic)
        self.assertEqual(json.loads(usage)["total"]["requests"], 3)
        self.assertEqual(json.loads(total)["total"]["requests"], 3)
        record = json.loads(records)["records"][0]
        self.assertTrue(record["priced"])
        self.assertGreater(record["outputTokens"], 0)
        self.assertIn("farebox_requests_total", metrics)
        self.assertIn(ask.strip(), demo.out)

    def test_a_configuration_is_checked_and_served(self):
        check, serve = lines(blocks("bash")[3])
        with open(os.path.join(self.scratch, "farebox.yaml"), "w", encoding="utf-8") as file:
            file.write(blocks("yaml")[0])
        self.run_line(check, self.scratch, OPENAI_API_KEY="sk-test")
        path = os.path.join(self.scratch, "bin") + ":" + os.environ["PATH"]
        with Running(serve, self.scratch, OPENAI_API_KEY="sk-test", PATH=path):
            self.assertEqual(fetch(ADMIN_PORT, "GET", "/healthz").status, 200)

    def test_a_budget_of_the_text_is_never_passed(self):
        path = os.path.join(self.scratch, "bin") + ":" + os.environ["PATH"]
        with Running("farebox demo --data-dir ./farebox-data", self.scratch, PATH=path):
            made, asked, looked = map(self.run_line, lines(blocks("bash")[4]))
        self.assertEqual(json.loads(made)["status"], "ok")
        statuses = asked.split()
        self.assertEqual((statuses[0], statuses[-1]), ("200", "429"), statuses)
        row, = json.loads(looked)["budgets"]
        self.assertEqual(row["heldUsd"], "0")
        self.assertGreater(Decimal(row["currentSpendUsd"]), 0)
        self.assertLessEqual(Decimal(row["currentSpendUsd"]), Decimal(row["limitUsd"]))

    def test_budgets_change_while_it_runs(self):
        path = os.path.join(self.scratch, "bin") + ":" + os.environ["PATH"]
        with Running("farebox demo --data-dir ./farebox-data", self.scratch, PATH=path):
            commands = lines(blocks("bash", DOCUMENTS[1])[0])
            said = [json.loads(self.run_line(line)) for line in commands]
            left = json.loads(self.run_line(commands[1]))
        self.assertEqual([each for each in said if "error" in each], [])
        made, listed, added = said[:3]
        row, = listed["budgets"]
        self.assertEqual((row["id"], row["limitUsd"]), (made["id"], "500"))
        self.assertEqual(added["amountUsd"], "20")
        self.assertEqual(left["budgets"], [])

    def test_the_ledger_of_a_running_farebox(self):
        path = os.path.join(self.scratch, "bin") + ":" + os.environ["PATH"]
        with Running("farebox demo --data-dir ./farebox-data", self.scratch, PATH=path):
            self.run_line(blocks("bash")[1].strip())
            for line in lines(blocks("bash", DOCUMENTS[1])[3]):
                self.run_line(line, self.scratch)
        with open(os.path.join(self.scratch, "month.jsonl"), encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1)

    def test_prices_are_shown_checked_and_signed(self):
        for name in ("my-prices.json", "prices.json"):
            with open(os.path.join(self.scratch, name), "w", encoding="utf-8") as file:
                file.write(blocks("json", DOCUMENTS[1])[0])
        for line in lines(blocks("bash", DOCUMENTS[1])[1]):
            json.loads(self.run_line(line, self.scratch))
        key = [self.run_line(line, self.scratch) for line in lines(blocks("bash", DOCUMENTS[1])[2])][1]
        self.run_line("farebox prices check prices.json --public-key " + key.strip(), self.scratch)

    def test_the_arithmetic_can_be_checked(self):
        os.symlink(os.path.join(ROOT, "tests"), os.path.join(self.scratch, "tests"))
        for name, text in (("farebox.yaml", "listen: 127.0.0.1:0\n"), ("reply.json", json.dumps({
                "type": "message", "model": "claude-haiku-4-5", "content": [], "stop_reason": "end_turn",
                "usage": {"input_tokens": 10, "output_tokens": 2}}))):
            with open(os.path.join(self.scratch, name), "w", encoding="utf-8") as file:
                file.write(text)
        first, *others = lines(blocks("bash", DOCUMENTS[1])[4])
        self.assertEqual(json.loads(self.run_line(first, self.scratch))["totalUsd"], "0.00002")
        for line in others:
            self.assertEqual(json.loads(self.run_line(line, self.scratch))["different"], 0)

    @unittest.skipUnless(os.path.exists(os.path.join(ROOT, "build", "vocabularies")),
                         "skipping: no vocabularies here; run ./dev setup")
    def test_tokens_are_counted(self):
        with open(os.path.join(self.scratch, "prompt.txt"), "w", encoding="utf-8") as file:
            file.write("Hello, world!")
        said = [self.run_line(line, self.scratch) for line in lines(blocks("bash", DOCUMENTS[1])[5])]
        self.assertEqual([json.loads(each) if "{" in each else int(each) for each in said],
                         [json.loads(each) if "{" in each else int(each) for each in blocks("text", DOCUMENTS[1])[0].splitlines()])

    def test_what_dev_is_asked_for_is_there(self):
        # `./dev test` is what runs this test; the others take longer than a test may.
        said = self.run_line("./dev help")
        for line in lines(blocks("bash")[5]):
            words = line.split()
            self.assertIn("\n  " + words[1] + " ", said)
            if words[1] == "bench":
                self.assertIn(words[2], said)

    def test_every_file_it_names_is_there(self):
        for name in DOCUMENTS + ("CONTRIBUTING.md",):
            for target in re.findall(r"\]\(([^)#]+)\)", read(name)):
                there = os.path.join(ROOT, os.path.dirname(name), target)
                self.assertTrue(os.path.exists(there), "%s: %s" % (name, target))

    def test_the_yaml_of_the_text_is_valid(self):
        for text in blocks("yaml") + blocks("yaml", DOCUMENTS[1]):
            # There is no such file here, and BASE64 is no key.
            text = re.sub(r"^  (file|public_key): .*\n", "", text, flags=re.M)
            done = subprocess.run([farebox_program(), "check", "--config", "/dev/stdin"], input=text,
                                  capture_output=True, text=True, timeout=20,
                                  env=dict(os.environ, OPENAI_API_KEY="sk-test", AWS_BEARER_TOKEN_BEDROCK="key"))
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
