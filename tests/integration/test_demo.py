"""farebox demo: a stranger without a key or a network sees metered answers in a minute."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from command_line import on_terminal
from farebox_process import environment, program, wait_until
from free_port import free_port
from harness import CHAT, GENERATE, MESSAGES, STREAM_GENERATE, chat_body, generate_body, messages_body
from wire import fetch

MINI = "gpt-4o-mini"


class Demo:
    """A running `farebox demo` on ports of its own: what it printed, and its end."""

    def __init__(self, directory, *arguments, **variables):
        self.port, self.admin_port = free_port(), free_port()
        self.process = subprocess.Popen(
            [program(), "demo", "--listen", "127.0.0.1:%d" % self.port,
             "--admin-listen", "127.0.0.1:%d" % self.admin_port] + list(arguments),
            env=environment(variables), cwd=directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = [], []
        self.threads = [threading.Thread(target=into.extend, args=(pipe,), daemon=True)
                        for pipe, into in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for thread in self.threads:
            thread.start()
        wait_until(lambda: any("Ctrl-C" in line for line in self.out) or self.process.poll() is not None, 20)

    def lines(self, beginning):
        return [line.strip() for line in self.out if line.strip().startswith(beginning)]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        for thread in self.threads:
            thread.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def bash(line):
    done = subprocess.run(["bash", "-c", line], env=environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.demo = Demo(cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        code = cls.demo.stop()
        assert code == 0, (code, cls.demo.err)

    def admin(self, target):
        return fetch(self.demo.admin_port, "GET", target, {"Host": "localhost"}).json()

    def fetch(self, method, target, headers=(), body=None):
        return fetch(self.demo.port, method, target, headers, body)

    def record_of(self, reply):
        wanted = reply.header("x-farebox-request-id")
        records = self.admin("/api/usage/records?limit=1000")["records"]
        return next(r for r in records if r["requestId"] == wanted)


class TheThreeLines(DemoTest):
    def test_the_curl_answers_as_printed(self):
        whole, streamed = self.demo.lines("curl ")
        self.assertIn(":%d/v1/" % self.demo.port, whole)
        began = time.monotonic()
        answer = json.loads(bash(whole))
        self.assertLess(time.monotonic() - began, 3, "at once")
        self.assertEqual((answer["object"], answer["model"]), ("chat.completion", MINI))
        self.assertIn("farebox", answer["choices"][0]["message"]["content"])
        events = [line for line in bash(streamed).splitlines() if line]
        self.assertTrue(all(line.startswith("data: ") for line in events))
        self.assertEqual(events[-1], "data: [DONE]")
        spoken = "".join(json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                         for line in events[:-1])
        self.assertEqual(spoken, answer["choices"][0]["message"]["content"])

    def test_the_variables_lead_here(self):
        (export,) = self.demo.lines("export ")
        base = "http://127.0.0.1:%d" % self.demo.port
        self.assertEqual(bash(export + "; echo $OPENAI_BASE_URL $ANTHROPIC_BASE_URL $GOOGLE_GEMINI_BASE_URL"),
                         "%s/v1 %s %s\n" % (base, base, base))

    def test_the_admin_address_answers_and_the_usage_command_runs_as_printed(self):
        (line,) = self.demo.lines("admin port ")
        self.assertIn("http://127.0.0.1:%d;" % self.demo.admin_port, line)
        command = line.partition("so far: ")[2]
        self.fetch("POST", CHAT, (), chat_body(model=MINI))
        usage = json.loads(bash(command))
        self.assertGreater(usage["total"]["requests"], 0)
        self.assertGreater(float(usage["total"]["costUsd"]), 0)

    def test_it_prints_little_and_logs_elsewhere(self):
        self.assertLess(len(self.demo.out), 12, self.demo.out)
        for line in self.demo.err:
            self.assertIn("level", json.loads(line), "no terminal: JSON")

    def test_its_records_are_apart(self):
        self.assertTrue(os.path.isdir(os.path.join(self.directory.name, "farebox-data", "demo", "ledger")))
        self.assertEqual(os.listdir(os.path.join(self.directory.name, "farebox-data")), ["demo"])


class TheDialects(DemoTest):
    def assert_metered(self, reply, provider, endpoint, model):
        self.assertEqual(reply.status, 200, reply.text)
        record = self.record_of(reply)
        self.assertEqual((record["provider"], record["endpoint"], record["model"], record["outcome"]),
                         (provider, endpoint, model, "ok"))
        self.assertTrue(record["priced"] and record["metered"] and not record["estimated"], record)
        self.assertGreater(record["inputTokens"], 0)
        self.assertGreater(float(record["costUsd"]), 0)
        return record

    def test_openai(self):
        whole = self.fetch("POST", CHAT, (), chat_body(model=MINI))
        record = self.assert_metered(whole, "openai", "chat.completions", MINI)
        usage = whole.json()["usage"]
        self.assertEqual((record["inputTokens"], record["outputTokens"]),
                         (usage["prompt_tokens"], usage["completion_tokens"]))
        streamed = self.fetch("POST", CHAT, (), chat_body(model=MINI, stream=True))
        again = self.assert_metered(streamed, "openai", "chat.completions", MINI)
        self.assertEqual((again["outputTokens"], again["stream"]), (record["outputTokens"], True))
        self.assertNotIn('"choices":[]', streamed.text, "the usage chunk farebox asked for is taken out again")
        asked = self.fetch("POST", CHAT, (), chat_body(model=MINI, stream=True,
                                                       stream_options={"include_usage": True}))
        self.assertIn('"choices":[]', asked.text)

    def test_responses(self):
        for stream in (False, True):
            reply = self.fetch("POST", "/v1/responses", (), {"model": MINI, "input": "a b c", "stream": stream})
            self.assert_metered(reply, "openai", "responses", MINI)
        kinds = re.findall(r"^event: (.*)$", reply.text, re.M)
        self.assertEqual((kinds[0], kinds[-1]), ("response.created", "response.completed"))
        for line in re.findall(r"^data: (.*)$", reply.text, re.M):
            self.assertIn(json.loads(line)["type"], kinds)

    def test_completions(self):
        for stream in (False, True):
            reply = self.fetch("POST", "/v1/completions", (),
                               {"model": "gpt-3.5-turbo-instruct", "prompt": "a b c", "stream": stream})
            self.assertEqual(reply.status, 200)
            self.assertGreater(self.record_of(reply)["outputTokens"], 10)

    def test_embeddings(self):
        body = {"model": "text-embedding-3-small", "input": ["one two", "three"]}
        reply = self.fetch("POST", "/v1/embeddings", (), body)
        self.assert_metered(reply, "openai", "embeddings", "text-embedding-3-small")
        vectors = [row["embedding"] for row in reply.json()["data"]]
        self.assertEqual([len(v) for v in vectors], [1536, 1536])
        self.assertAlmostEqual(sum(x * x for x in vectors[1]), 1, places=3)
        packed = self.fetch("POST", "/v1/embeddings", (), dict(body, encoding_format="base64", dimensions=8))
        self.assertEqual([len(row["embedding"]) for row in packed.json()["data"]], [44, 44])

    def test_anthropic(self):
        for stream in (False, True):
            reply = self.fetch("POST", MESSAGES, {"anthropic-version": "2023-06-01"}, messages_body(stream=stream))
            self.assert_metered(reply, "anthropic", "messages", "claude-sonnet-4-5")
        kinds = re.findall(r"^event: (.*)$", reply.text, re.M)
        self.assertEqual((kinds[0], kinds[-1]), ("message_start", "message_stop"))
        count = self.fetch("POST", "/v1/messages/count_tokens", {"anthropic-version": "2023-06-01"}, messages_body())
        self.assertGreater(count.json()["input_tokens"], 0)

    def test_gemini(self):
        array = "/v1beta/models/gemini-2.5-flash:streamGenerateContent"
        for target in (GENERATE, STREAM_GENERATE, array):
            reply = self.fetch("POST", target, {"x-goog-api-key": "any"}, generate_body())
            self.assert_metered(reply, "gemini", "generateContent", "gemini-2.5-flash")
        self.assertEqual(reply.json()[-1]["candidates"][0]["finishReason"], "STOP", "without alt=sse: an array")

    def test_lists_of_models(self):
        self.assertEqual(self.fetch("GET", "/v1/models").json()["object"], "list")
        claude = self.fetch("GET", "/v1/models", {"anthropic-version": "2023-06-01"}).json()
        self.assertEqual(claude["data"][0]["type"], "model")
        self.assertIn("models", self.fetch("GET", "/v1beta/models").json())

    def test_max_tokens_cut_the_answer(self):
        for target, body, find, end in (
                (CHAT, chat_body(model=MINI, max_tokens=5), lambda a: a["choices"][0]["finish_reason"], "length"),
                (MESSAGES, dict(messages_body(), max_tokens=5), lambda a: a["stop_reason"], "max_tokens"),
                (GENERATE, generate_body(generationConfig={"maxOutputTokens": 5}),
                 lambda a: a["candidates"][0]["finishReason"], "MAX_TOKENS")):
            reply = self.fetch("POST", target, (), body)
            self.assertEqual(find(reply.json()), end, target)
            self.assertLessEqual(self.record_of(reply)["outputTokens"], 5)

    def test_a_stream_comes_word_by_word(self):
        began = time.monotonic()
        reply = self.fetch("POST", CHAT, (), chat_body(model=MINI, stream=True))
        self.assertGreater(time.monotonic() - began, 0.3)
        self.assertGreater(len(reply.chunks), 20)

    def test_what_it_does_not_know_it_says(self):
        for target, body, status in (("/v1/images/generations", {"model": "x"}, 404), (CHAT, "no json", 400)):
            reply = self.fetch("POST", target, (), body)
            self.assertEqual(reply.status, status, target)
            self.assertTrue(reply.json()["error"]["message"])

    def test_deep_bodies_do_it_no_harm(self):
        self.fetch("POST", CHAT, (), '{"messages":%s%s}' % ("[" * 900, "]" * 900))
        self.fetch("POST", CHAT, (), '{"messages":' + '{"a":' * 100000)
        self.assertEqual(self.fetch("POST", CHAT, (), chat_body(model=MINI)).status, 200)


class UsageOfADemo(DemoTest):
    def test_a_table_and_json(self):
        self.fetch("POST", CHAT, (), chat_body(model=MINI))
        self.fetch("POST", MESSAGES, (), messages_body())
        command = ["usage", "--admin-listen", "127.0.0.1:%d" % self.demo.admin_port]
        code, out, err = on_terminal(command)
        self.assertEqual((code, err), (0, ""))
        total = self.admin("/api/usage")["total"]
        for word in (MINI, "claude-sonnet-4-5", "input", "cost USD", total["costUsd"]):
            self.assertIn(word, out)
        piped = json.loads(bash(" ".join([program()] + command)))
        self.assertEqual({row["model"] for row in piped["rows"]}, {MINI, "claude-sonnet-4-5"})


class OtherDemos(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def test_a_configuration_keeps_its_names_and_loses_its_keys(self):
        path = os.path.join(self.directory, "farebox.yaml")
        with open(path, "w") as file:
            json.dump({"data_dir": os.path.join(self.directory, "real"), "providers": {
                "groq": {"base_url": "https://api.groq.com/openai/v1", "api_keys": ["${SOME_KEY}"]}}}, file)
        demo = Demo(self.directory, "--config", path, SOME_KEY="sk-real")
        try:
            reply = fetch(demo.port, "POST", "/groq/chat/completions", (), chat_body(model="llama-3.1-8b-instant"))
            self.assertEqual(reply.status, 200)
        finally:
            self.assertEqual(demo.stop(), 0)
        self.assertEqual(os.listdir(os.path.join(self.directory, "real")), ["demo"])

    def test_a_proxy_of_the_environment_is_not_asked(self):
        demo = Demo(self.directory, HTTPS_PROXY="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9",
                    http_proxy="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
        try:
            self.assertEqual(fetch(demo.port, "POST", CHAT, (), chat_body(model=MINI)).status, 200)
        finally:
            self.assertEqual(demo.stop(), 0)

    def test_data_dir_of_the_command_line_is_taken_as_it_is(self):
        place = os.path.join(self.directory, "here")
        demo = Demo(self.directory, "--data-dir", place)
        self.assertEqual(demo.stop(), 0)
        self.assertTrue(os.path.isdir(os.path.join(place, "ledger")))

    def test_it_ends_while_it_streams(self):
        demo = Demo(self.directory)
        thread = threading.Thread(target=lambda: fetch(demo.port, "POST", CHAT, (),
                                                       chat_body(model=MINI, stream=True)))
        thread.start()
        time.sleep(0.2)
        self.assertEqual(demo.stop(), 0)
        thread.join(5)


class OnATerminal(unittest.TestCase):
    def start_and_stop(self, arguments, until):
        """All that a person sees of a start, from both outputs."""
        with tempfile.TemporaryDirectory() as directory:
            ours, theirs = os.openpty()
            process = subprocess.Popen([program()] + arguments + [
                "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"], env=environment(), cwd=directory,
                stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
            os.close(theirs)
            seen, signalled = b"", False
            while True:
                try:
                    piece = os.read(ours, 65536)
                except OSError:     # EIO: the other end is closed
                    break
                seen += piece
                if until in seen and not signalled:
                    signalled = True
                    process.send_signal(signal.SIGTERM)
            os.close(ours)
            self.assertEqual(process.wait(30), 0, seen)
        return seen.decode().replace("\r\n", "\n")

    def test_a_demo_logs_for_people(self):
        seen = self.start_and_stop(["demo"], b"Ctrl-C")
        self.assertRegex(seen, r"(?m)^\d\d:\d\d:\d\d\.\d{3} info  listening ")
        self.assertRegex(seen, r"(?m)^  curl -s http://127\.0\.0\.1:[1-9]\d*/v1/chat/completions ")

    def test_serve_greets_where_logs_are_for_people(self):
        seen = self.start_and_stop(["serve", "--log-format", "text"], b"admin port http")
        self.assertIn('-H "authorization: Bearer $OPENAI_API_KEY"', seen)
        self.assertIn("export OPENAI_BASE_URL=http://127.0.0.1:", seen)
        self.assertNotIn("curl", self.start_and_stop(["serve"], b'"listening"'), "JSON logs are for machines")


if __name__ == "__main__":
    unittest.main()
