"""The likeliest mistakes of whoever installs farebox, and what it says to each: what, where,
why, how to mend, with the exit code of sysexits."""

import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from command_line import (BAD_CONFIG, CANT_CREATE, NOT_PERMITTED, UNAVAILABLE, on_terminal)
from farebox_process import environment, program, wait_until
from free_port import free_port
from harness import (CALM, CHAT, ROOT, Farebox, FareboxTest, Mock, chat_body, providers, run_to_end,
                     write_config)

PROVIDER = {"x": {"dialect": "openai", "base_url": "https://a.test"}}


class Mistaken(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def assert_says(self, end, code, words):
        self.assertEqual(end[0], code, end)
        said = end[1] + end[2]
        for word in words:
            self.assertIn(word, said)

    def serve(self, config, command="serve", more=None):
        if isinstance(config, dict):
            config = dict({"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "providers": PROVIDER,
                           "data_dir": os.path.join(self.directory, "data")}, **config)
        return run_to_end([command, "--config", write_config(self.directory, config)], more)


class InTheConfiguration(Mistaken):
    ROWS = (  # the file, the line it names, what it says
        ('providers:\n  x:\n    base_url: api.openai.com\n', 3, ("'api.openai.com'", "https://api.openai.com")),
        ('providers:\n  x:\n    base_url: http:/api.openai.com\n', 3, ("base_url",)),
        ('listen: 127.0.0.1:0\nlimits:\n\tbody: 1MiB\n', 3, ("not YAML", "spaces, no tabs")),
        ('limits:\n  body: 1MiB\n head: 1KiB\n', 3, ("not YAML", "indentation")),
        ('limits:\n  bodyy: 1MiB\n', 2, ("bodyy", "did you mean 'body'?")),
        ('provider:\n  x: {base_url: "https://a.test"}\n', 1, ("did you mean 'providers'?",)),
        ('admin: {token: "${NO_SUCH_VARIABLE}"}\n', 1, ("NO_SUCH_VARIABLE is not set", ":-default}")),
        ('limits:\n  head_timeout: 15\n', 2, ("'15'", "no unit")),
        ('limits:\n  head_timeout: soon\n', 2, ("'soon'", "5s")),
        ('limits:\n  body: 64 megs\n', 2, ("'64 megs'", "MiB")),
        ('listen: "4141"\n', 1, ("127.0.0.1:4141",)),
        ('listen: http://127.0.0.1:4141\n', 1, ("HOST:PORT",)),
    )

    def test_every_row_names_its_line_and_how_to_mend(self):
        for text, line, words in self.ROWS:
            for command in ("check", "serve"):
                end = self.serve(text, command)
                self.assert_says(end, BAD_CONFIG, words + ("farebox.yaml:%d: " % line,))

    def test_what_may_be_meant_is_a_warning(self):
        for url, word in (("https://api.openai.com/v1/chat/completions", "one endpoint"),
                          ("https://a.test/v1/v1", "twice"), ("http://api.openai.com", "https://api.openai.com")):
            self.assert_says(self.serve({"providers": {"x": {"base_url": url}}}, "check"), 0, (word, "warning: "))

    def test_no_such_file(self):
        path = os.path.join(self.directory, "none.yaml")
        for arguments, variables in ((["--config", path], {}), ([], {"FAREBOX_CONFIG": path})):
            for command in ("serve", "check", "demo"):
                self.assert_says(run_to_end([command] + arguments, variables), BAD_CONFIG,
                                 (path, "No such file", "check its name"))

    def test_a_file_that_is_not_for_us(self):
        self.assert_says(run_to_end(["check", "--config", self.directory]), BAD_CONFIG, ("directory",))

    def test_check_is_a_table_for_people_and_json_for_programs(self):
        path = write_config(self.directory, {"providers": dict(PROVIDER, y={
            "base_url": "https://b.test", "api_keys": ["sk-secret", "sk-other"]})})
        code, out, err = on_terminal(["check", "--config", path], {"NO_COLOR": "1"})
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^ok: 2 provider\(s\), listening on 127\.0\.0\.1:4141")
        self.assertRegex(out, r"(?m)^y +openai +https://b\.test +2$")
        code, out, err = run_to_end(["check", "--config", path])
        self.assertEqual((code, err), (0, ""))
        said = json.loads(out)
        self.assertEqual((said["ok"], said["errors"], said["providers"][1]["apiKeys"]), (True, [], 2))
        self.assertNotIn("sk-", out)
        code, out, err = run_to_end(["check", "--json", "--config", write_config(self.directory, "a: 1\n")])
        said = json.loads(out)
        self.assertEqual((code, said["ok"], said["errors"][0]["line"]), (BAD_CONFIG, False, 1))

    def test_colour_is_for_terminals_alone(self):
        path = write_config(self.directory, {"providers": PROVIDER})
        self.assertIn("\x1b[", on_terminal(["check", "--config", path], {"TERM": "xterm"})[1])
        for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b[", on_terminal(["check", "--config", path], more)[1])
        self.assertNotIn("\x1b[", "".join(run_to_end(["check", "--config", path])[1:]))


class AtTheStart(Mistaken):
    def test_a_taken_port_names_it_and_its_owner(self):
        for name in ("listen", "admin"):
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                address = "127.0.0.1:%d" % taken.getsockname()[1]
                end = self.serve({"listen": address} if name == "listen" else {"admin": {"listen": address}})
            self.assert_says(end, UNAVAILABLE, (address, "(process %d)" % os.getpid(), "--listen"))

    def test_a_directory_in_use(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        running = Farebox({"providers": providers(mock)}, directory=self.directory)
        end = run_to_end(["serve", "--config", running.config_file])
        self.assertEqual(running.stop(), 0)
        self.assert_says(end, UNAVAILABLE, (running.data_dir, "another farebox", "stop it"))

    def test_a_directory_that_can_not_be_one(self):
        path = os.path.join(self.directory, "file")
        open(path, "w").close()
        self.assert_says(self.serve({"data_dir": path}), CANT_CREATE, (path, "--data-dir"))

    @unittest.skipUnless(os.geteuid() == 0, "needs another user")
    def test_a_directory_we_may_not_write(self):
        os.chmod(self.directory, 0o755)
        path = write_config(self.directory, {"providers": PROVIDER, "listen": "127.0.0.1:0",
                                             "admin": {"listen": "127.0.0.1:0"},
                                             "data_dir": os.path.join(self.directory, "data")})
        os.chmod(path, 0o644)
        try:
            done = subprocess.run([program(), "serve", "--config", path], env=environment(), user=65534,
                                  capture_output=True, text=True, timeout=20)
        except PermissionError:
            self.skipTest("another user can't reach the program")
        self.assert_says((done.returncode, done.stdout, done.stderr), NOT_PERMITTED,
                         (self.directory, "Permission denied", "--data-dir"))


class AskingARunningOne(Mistaken):
    def test_nobody_answers(self):
        for command in ("usage", "health"):
            address = "127.0.0.1:%d" % free_port()
            self.assert_says(run_to_end([command, "--admin-listen", address]), UNAVAILABLE,
                             (address, "nothing listens there", "--admin-listen", "is farebox running"))

    def test_health_says_so_to_people_and_programs(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        running = Farebox({"providers": providers(mock)}, directory=self.directory)
        self.addCleanup(running.stop)
        command = ["health", "--admin-listen", "127.0.0.1:%d" % running.admin_port]
        code, out, err = on_terminal(command, {"NO_COLOR": "1"})
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("ok: ") and "alive" in out, out)
        code, out, err = run_to_end(command + ["--ready"])
        self.assertEqual((code, json.loads(out)["status"], err), (0, "ready", ""))
        # The data port instead of the admin port.
        end = run_to_end(["health", "--admin-listen", "127.0.0.1:%d" % running.port])
        self.assert_says(end, UNAVAILABLE, ("404", "admin port"))
        end = run_to_end(["usage", "--admin-listen", "127.0.0.1:%d" % running.port])
        self.assert_says(end, UNAVAILABLE, ("farebox",))

    def test_the_token_is_missing_or_wrong(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        running = Farebox({"providers": providers(mock), "admin": {"listen": "127.0.0.1:0", "token": "t" * 32}},
                          directory=self.directory)
        self.addCleanup(running.stop)
        for token, word in (({}, "needs a token"), ({"FAREBOX_ADMIN_TOKEN": "w" * 32}, "another token")):
            end = run_to_end(["usage", "--admin-listen", "127.0.0.1:%d" % running.admin_port], token)
            self.assert_says(end, NOT_PERMITTED, (word, "FAREBOX_ADMIN_TOKEN"))
            self.assertNotIn("w" * 32, end[2])


class TowardsTheProvider(FareboxTest):
    """A wrong base URL, a certificate that is none, a key that is missing."""

    LEAVES = {"expired": "renewed", "wrong-host": "check the host in base_url", "other-ca": "ca_file",
              "self-signed": "ca_file", "future": "clock"}

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        subprocess.run([os.path.join(ROOT, "tests", "mock", "make_test_ca.sh"), directory.name], check=True)
        cls.path = os.path.join(directory.name, "")
        cls.asks_for_keys = Refusing()
        cls.addClassCleanup(cls.asks_for_keys.stop)
        super().setUpClass()

    @classmethod
    def mock_arguments(cls):
        return {"tls": [(cls.path + leaf + ".pem", cls.path + leaf + ".key") for leaf in cls.LEAVES]}

    @classmethod
    def config(cls):
        each = dict(CALM, dialect="openai", retry={"max_attempts": 1})
        table = {leaf: dict(each, base_url="https://localhost:%d" % port, ca_file=cls.path + "ca.pem")
                 for leaf, port in zip(cls.LEAVES, cls.mock.tls_ports)}
        table["no-tls"] = dict(each, base_url="https://127.0.0.1:%d" % cls.mock.port)
        table["tls-only"] = dict(each, base_url="http://127.0.0.1:%d" % cls.mock.tls_ports[0])
        table["nobody"] = dict(each, base_url="http://127.0.0.1:%d" % free_port())
        table["typo"] = dict(each, base_url="https://api.opneai.invalid")
        table["locked"] = dict(each, base_url=cls.asks_for_keys.url)
        table["bad-key"] = dict(each, base_url=cls.asks_for_keys.url, api_keys=["sk-revoked-canary"])
        return {"providers": table}

    def message(self, provider):
        reply = self.post("/%s%s" % (provider, CHAT), chat_body(), timeout=30)
        self.assertEqual(reply.status, 502, provider)
        return reply.json()["error"]["message"]

    def test_the_502_says_what_to_do(self):
        for leaf, mend in self.LEAVES.items():
            message = self.message(leaf)
            for word in ("'%s'" % leaf, "localhost", "certificate", mend):
                self.assertIn(word, message)
        for provider, words in (("no-tls", ("does not speak TLS", "http://")), ("nobody", ("nothing listens",)),
                                ("typo", ("api.opneai.invalid", "check"))):
            message = self.message(provider)
            for word in words:
                self.assertIn(word, message)
        self.mock.clear()

    def test_plain_to_tls(self):
        self.assertIn("tls-only", self.message("tls-only"))
        self.mock.clear()

    def test_a_missing_key_is_hinted_at_once(self):
        for _ in range(3):
            reply = self.post("/locked" + CHAT, chat_body())
            self.assertEqual((reply.status, reply.json()), (401, Refusing.BODY), "unchanged")
            self.post("/bad-key" + CHAT, chat_body())
        self.post("/locked" + CHAT, chat_body(), {"Authorization": "Bearer sk-of-the-caller"})

        def hints():
            return [line for line in list(self.farebox.lines) if "hint" in line]
        wait_until(lambda: len(hints()) >= 2, 3)
        self.assertEqual(sorted(line["provider"] for line in hints()), ["bad-key", "locked"])
        for line in hints():
            self.assertIn("providers.%s.api_keys" % line["provider"], line["hint"])
        self.assertNotIn("canary", json.dumps(self.farebox.lines))


class TowardsTheClient(FareboxTest):
    def test_tls_to_the_plain_port(self):
        context = ssl.create_default_context()
        with socket.create_connection(("127.0.0.1", self.farebox.port), 5) as raw:
            with self.assertRaises(ssl.SSLError):
                context.wrap_socket(raw, server_hostname="localhost")
        line = wait_until(lambda: next(iter(self.farebox.log(msg="refused")), None), 3)
        for word in ("TLS", "http://", "base URL"):
            self.assertIn(word, line["why"])
        self.mock.clear()


class Refusing:
    """A provider that answers 401 to everybody."""

    BODY = {"error": {"message": "You didn't provide an API key.", "type": "invalid_request_error"}}

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        body = json.dumps(self.BODY).encode()
        head = ("HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close\r\n"
                "Content-Length: %d\r\n\r\n" % len(body)).encode()
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                received = b""
                while not received.endswith(b"}"):
                    piece = client.recv(65536)
                    if not piece:
                        break
                    received += piece
                client.sendall(head + body)

    def stop(self):
        self.socket.close()


if __name__ == "__main__":
    unittest.main()
