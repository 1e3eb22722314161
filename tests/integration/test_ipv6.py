"""IPv6 on both sides: listening, dual-stack, providers, mistakes."""

import socket
import unittest

from harness import CHAT, Connection, Farebox, Mock, chat_body, run_to_end


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
class IPv6(unittest.TestCase):
    def setUp(self):
        self.mock = Mock(listen="[::1]:0")
        self.addCleanup(self.mock.stop)
        self.url = "http://[::1]:%d" % self.mock.port

    def start(self, **more):
        config = dict({"providers": {"openai": {"base_url": self.url}}}, **more)
        farebox = Farebox(config)
        self.addCleanup(lambda: self.assertEqual(farebox.stop(), 0))
        return farebox

    def chat(self, port, host):
        with Connection(port, host=host) as connection:
            connection.ask("POST", CHAT, (), chat_body())
            return connection.response().status

    def test_it_listens_on_ipv6_and_reaches_a_provider_there(self):
        farebox = self.start(listen="[::1]:0", admin={"listen": "[::1]:0"})
        self.assertEqual(self.chat(farebox.port, "::1"), 200)
        with self.assertRaises(OSError):
            Connection(farebox.port, host="127.0.0.1")
        seen = self.mock.requests()[-1]
        self.assertEqual(seen.header("host"), "[::1]:%d" % self.mock.port)
        code, _, said = run_to_end(["health", "--ready", "--admin-listen",
                                    "[::1]:%d" % farebox.admin_port])
        self.assertEqual(code, 0, said)
        self.assertTrue(farebox.log(msg="listening")[0]["listen"].startswith("[::1]:"))

    def test_all_addresses_are_both_families(self):
        farebox = self.start(listen="[::]:0", threads=2)
        for host in ("::1", "127.0.0.1"):
            self.assertEqual(self.chat(farebox.port, host), 200)

    def test_a_mapped_address_is_ipv4_loopback(self):
        farebox = self.start(listen="[::ffff:127.0.0.1]:0",
                             providers={"openai": {"base_url": self.url, "api_keys": ["sk-own"]}})
        self.assertEqual(self.chat(farebox.port, "127.0.0.1"), 200)

    def test_commands_ask_an_admin_port_that_listens_everywhere(self):
        farebox = self.start(admin={"listen": "[::]:0", "token": "t"})
        code, _, said = run_to_end(["usage", "--json", "--admin-listen",
                                    "[::]:%d" % farebox.admin_port], {"FAREBOX_ADMIN_TOKEN": "t"})
        self.assertEqual(code, 0, said)


class Mistakes(unittest.TestCase):
    def check(self, *arguments, **environment):
        code, _, said = run_to_end(["check"] + list(arguments), environment)
        return code, said

    def test_missing_brackets_are_told(self):
        for address in ("::1:4141", "::1", ":::4141", "fe80::1:4141"):
            code, said = self.check("--listen", address)
            self.assertEqual(code, 78, address)
            self.assertIn("write it like [::1]:4141", said)

    def test_off_loopback_is_off_loopback_in_ipv6_too(self):
        for address in ("[::]:4142", "[2001:db8::1]:4142", "[::ffff:10.0.0.1]:4142"):
            code, said = self.check("--admin-listen", address)
            self.assertEqual(code, 78, address)
            self.assertIn("there is no token", said)
        self.assertEqual(self.check("--admin-listen", "[::1]:4142")[0], 0)


if __name__ == "__main__":
    unittest.main()
