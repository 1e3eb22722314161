"""The recipes of the README run as they stand, against the pretended provider."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import unittest

import _paths
import clients
from farebox_process import program, wait_until
from free_port import free_port
from wire import fetch

KEYS = {"OPENAI_API_KEY": "sk-any", "ANTHROPIC_API_KEY": "sk-ant-any", "GEMINI_API_KEY": "any"}


def recipes(language):
    with open(os.path.join(_paths.ROOT, "README.md"), encoding="utf-8") as file:
        return re.findall(r"```%s\n(.*?)```" % language, file.read(), re.S)


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.port, cls.admin_port = free_port(), free_port()
        cls.log = tempfile.TemporaryFile()
        cls.process = subprocess.Popen(
            [program(), "demo", "--listen", "127.0.0.1:%d" % cls.port, "--admin-listen",
             "127.0.0.1:%d" % cls.admin_port, "--data-dir", cls.directory.name],
            stdout=cls.log, stderr=cls.log, stdin=subprocess.DEVNULL)
        wait_until(cls.ready, 30)

    @classmethod
    def ready(cls):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", cls.admin_port)) != 0:
                return False
        return fetch(cls.admin_port, "GET", "/readyz").status == 200

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait(30)
        cls.log.close()
        cls.directory.cleanup()

    def requests(self):
        admin = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        self.addCleanup(admin.close)
        admin.request("GET", "/api/usage")
        answer = admin.getresponse()
        self.assertEqual(answer.status, 200)
        return json.loads(answer.read())["total"]["requests"]

    def run_recipe(self, command, text):
        before = self.requests()
        done = subprocess.run(command + [text.replace("127.0.0.1:4141", "127.0.0.1:%d" % self.port)],
                              cwd=os.path.join(_paths.INSTALLED, "node"), capture_output=True,
                              text=True, timeout=60, env=dict(clients.environment(), **KEYS))
        self.assertEqual(done.returncode, 0, text + done.stderr)
        self.assertIn("Hello", done.stdout)
        self.assertEqual(self.requests(), before + 1)

    def test_python(self):
        self.assertEqual(len(recipes("python")), 2)
        for text in recipes("python"):
            with self.subTest(text.split("\n")[0]):
                python = os.path.join(_paths.INSTALLED, "python", "bin", "python")
                self.run_recipe([python, "-c"], text)

    def test_node(self):
        self.assertEqual(len(recipes("js")), 4)
        for text in recipes("js"):
            with self.subTest(text.split("\n")[0]):
                self.run_recipe(["node", "--input-type=module", "-e"], text)


if __name__ == "__main__":
    unittest.main()
