"""Unix sockets instead of ports, for the apps and for the operator."""

import os
import stat
import tempfile
import time
import unittest

from certificates import Certificates
from harness import (CHAT, MESSAGES, Connection, Farebox, Mock, chat_body, fetch, messages_body,
                     providers, run_to_end, wait_until, write_config)


class UnixTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="fb-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.data, self.admin = self.path("data.sock"), self.path("admin.sock")
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def path(self, name):
        return os.path.join(self.directory, name)

    def config(self, **more):
        return dict({"providers": providers(self.mock), "listen": "unix:" + self.data,
                     "admin": {"listen": "unix:" + self.admin}, "threads": 2}, **more)

    def start(self, **more):
        farebox = Farebox(self.config(**more))
        self.addCleanup(lambda: farebox.is_running() and farebox.stop())
        return farebox

    def refused(self, config):
        """(exit code, log) of a farebox that must not start."""
        path = write_config(self.directory, dict(config, data_dir=self.path("other")))
        code, _, said = run_to_end(["serve", "--config", path])
        return code, said


class Sockets(UnixTest):
    def test_it_serves_on_both(self):
        farebox = self.start()
        self.assertEqual((farebox.port, farebox.admin_port), (self.data, self.admin))
        for _ in range(8):
            self.assertEqual(fetch(self.data, "POST", CHAT, (), chat_body()).status, 200)
        reply = fetch(self.data, "POST", MESSAGES, {"x-mock-chunks": "20"},
                      messages_body(stream=True))
        self.assertEqual((reply.complete, len(reply.chunks)), (True, 26))
        self.assertEqual(farebox.admin("GET", "/readyz").status, 200)
        self.assertEqual(farebox.admin("GET", "/api/usage", {"Host": "anything"}).status, 200)
        self.assertEqual(farebox.admin_json("/api/usage")["total"]["requests"], 9)

    def test_who_may_connect(self):
        self.start()
        modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (self.data, self.admin)]
        self.assertEqual(modes, [0o660, 0o600])

    def test_the_files_go_with_it(self):
        farebox = self.start()
        self.assertEqual(farebox.stop(), 0)
        self.assertEqual((os.path.exists(self.data), os.path.exists(self.admin)), (False, False))

    def test_what_a_crash_left_is_replaced(self):
        farebox = self.start()
        farebox.process.kill()
        farebox.wait()
        self.assertTrue(os.path.exists(self.data))
        self.start()
        self.assertEqual(fetch(self.data, "POST", CHAT, (), chat_body()).status, 200)

    def test_one_that_answers_is_taken(self):
        farebox = self.start()
        code, said = self.refused(self.config(admin={"listen": "127.0.0.1:0"}))
        self.assertEqual(code, 69, said)
        self.assertIn("is taken", said)
        self.assertEqual(fetch(self.data, "POST", CHAT, (), chat_body()).status, 200)
        self.assertEqual(farebox.stop(), 0)

    def test_what_is_no_socket_stays(self):
        with open(self.data, "w") as file:
            file.write("precious")
        code, said = self.refused(self.config())
        self.assertEqual(code, 73, said)
        self.assertIn("no socket", said)
        with open(self.data) as file:
            self.assertEqual(file.read(), "precious")
        self.assertFalse(os.path.exists(self.admin))

    def test_mistakes_are_told(self):
        long = "unix:" + self.path("x" * 120)
        code, said = self.refused(self.config(listen=long))
        self.assertEqual(code, 78)
        self.assertIn("107 octets", said)
        code, said = self.refused(self.config(admin={"listen": "unix:" + self.data}))
        self.assertEqual(code, 78)
        self.assertIn("socket of their own", said)
        code, said = self.refused(self.config(listen="unix:" + self.path("none/data.sock")))
        self.assertEqual(code, 73, said)

    def test_keys_of_our_own_are_safe_behind_it(self):
        table = {"openai": {"base_url": self.mock.url, "api_keys": ["sk-own"]}}
        self.start(providers=table)
        self.assertEqual(fetch(self.data, "POST", CHAT, (), chat_body()).status, 200)

    def test_commands_ask_there(self):
        farebox = self.start()
        fetch(self.data, "POST", CHAT, (), chat_body())
        for arguments in (["health"], ["health", "--ready"], ["usage", "--json"]):
            for where in (["--admin-listen", "unix:" + self.admin],
                          ["--config", farebox.config_file]):
                code, out, said = run_to_end(arguments + where)
                self.assertEqual(code, 0, (arguments, said))
        self.assertIn("gpt-4.1-mini", out)
        farebox.stop()
        code, _, said = run_to_end(["health", "--admin-listen", "unix:" + self.admin])
        self.assertEqual(code, 69)
        self.assertIn("nothing listens there", said)

    def test_a_client_that_leaves_cancels(self):
        self.start()
        connection = Connection(self.data)
        connection.ask("POST", MESSAGES, {"x-mock-chunks": "2000", "x-mock-delay-chunk-ms": "10"},
                       messages_body(stream=True))
        next(connection.pieces(connection.head()))
        left = time.monotonic()
        connection.close()
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at), None), 3)
        self.assertLess((seen.peer_left_at - left) * 1000, 50)

    def test_many_at_once(self):
        self.start()
        held = [Connection(self.data) for _ in range(200)]
        for connection in held:
            connection.ask("POST", CHAT, (), chat_body())
        self.assertEqual({c.response().status for c in held}, {200})
        for connection in held:
            connection.close()

    def test_https_over_it(self):
        certificates = Certificates()
        self.addCleanup(certificates.cleanup)
        self.start(tls=certificates.pair())
        with Connection(self.data, tls=certificates.client()) as connection:
            connection.ask("POST", CHAT, (), chat_body())
            self.assertEqual(connection.response().status, 200)

    def test_a_reload_keeps_the_socket(self):
        farebox = self.start()
        answer = farebox.reload(self.config(listen="unix:" + self.path("new.sock")))
        self.assertEqual(answer.json()["needsRestart"], ["listen"])
        self.assertEqual(fetch(self.data, "POST", CHAT, (), chat_body()).status, 200)
        self.assertFalse(os.path.exists(self.path("new.sock")))


if __name__ == "__main__":
    unittest.main()
