"""TLS towards providers: nothing is sent before the certificate has been checked."""

import os
import subprocess
import tempfile
import time
import unittest

from harness import CALM, CHAT, MESSAGES, ROOT, FareboxTest, chat_body, messages_body, wait_until

LEAVES = ("good", "expired", "future", "wrong-host", "self-signed", "other-ca", "client-only")


class Certificates(FareboxTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        subprocess.run([os.path.join(ROOT, "tests", "mock", "make_test_ca.sh"), directory.name],
                       check=True)
        cls.path = os.path.join(directory.name, "")
        super().setUpClass()

    @classmethod
    def mock_arguments(cls):
        return {"tls": [(cls.path + leaf + ".pem", cls.path + leaf + ".key") for leaf in LEAVES]}

    @classmethod
    def config(cls):
        each = dict(CALM, dialect="openai", retry={"max_attempts": 2, "base_delay": "10ms"})
        table = {leaf: dict(each, base_url="https://localhost:%d" % port, ca_file=cls.path + "ca.pem")
                 for leaf, port in zip(LEAVES, cls.mock.tls_ports)}
        good = cls.mock.tls_ports[0]
        table["by-address"] = dict(table["good"], base_url="https://127.0.0.1:%d" % good)
        table["system-store"] = dict(each, base_url="https://localhost:%d" % good)
        table["plain-to-tls"] = dict(each, base_url="http://127.0.0.1:%d" % good)
        table["tls-to-plain"] = dict(table["good"], base_url="https://127.0.0.1:%d" % cls.mock.port)
        table["anthropic"] = dict(table["good"], dialect="anthropic")
        return {"providers": table}

    def chat(self, provider, headers=()):
        return self.post("/%s%s" % (provider, CHAT), chat_body(), headers)

    def test_a_good_certificate_is_accepted(self):
        self.assertEqual(self.chat("good").status, 200)
        tls = self.seen().tls
        self.assertIn(tls["protocol"], ("TLSv1.2", "TLSv1.3"))
        self.assertEqual((tls["sni"], tls["alpn"]), ("localhost", "http/1.1"))

    def test_an_address_is_checked_and_sent_without_sni(self):
        self.assertEqual(self.chat("by-address").status, 200)
        self.assertEqual(self.seen().tls["sni"], "")

    def test_bad_certificates_are_refused(self):
        for leaf in LEAVES[1:] + ("system-store",):
            reply = self.chat(leaf, {"Authorization": "Bearer sk-not-for-you"})
            self.assertEqual(reply.status, 502, leaf)
            self.assertEqual(reply.json()["error"]["code"], "upstream_unreachable", leaf)
        self.assertEqual(self.mock.requests(), [], "a request reached an unchecked provider")

    def test_the_refusal_names_the_reason(self):
        self.assertRegex(self.chat("expired").json()["error"]["message"], r"(?i)certificate|tls")

    def test_plain_and_tls_do_not_mix(self):
        for provider in ("plain-to-tls", "tls-to-plain"):
            self.assertEqual(self.chat(provider).status, 502, provider)
        self.mock.clear()           # a TLS hello is no clean HTTP, and need not be

    def test_sessions_are_resumed(self):
        client = self.connect()
        for _ in range(4):
            client.ask("POST", "/good" + CHAT, {"x-mock-connection-close": "1"}, chat_body())
            self.assertEqual(client.response().status, 200)
        # The first may ride a connection that another test left in the pool and whose
        # tickets are spent, so the second may have to shake hands in full.
        self.assertEqual([s.tls["resumed"] for s in self.mock.requests()][2:], [True, True])

    def test_connections_are_pooled(self):
        client = self.connect()
        for _ in range(3):
            client.ask("POST", "/good" + CHAT, (), chat_body())
            self.assertEqual(client.response().status, 200)
        self.assertEqual(len({s.connection for s in self.mock.requests()}), 1)

    def test_streams_pass_chunk_by_chunk(self):
        reply = self.post("/anthropic" + MESSAGES, messages_body(stream=True), {"x-mock-chunks": "30"})
        self.assertTrue(reply.complete)
        self.assertEqual(len(reply.chunks), 30 + 6)

    def test_large_bodies_pass(self):
        reply = self.post("/good/v1/files", bytes(5 << 20), {
            "x-mock-body-size": str(5 << 20), "content-type": "application/octet-stream"}, timeout=60)
        self.assertEqual((reply.status, len(reply.body)), (200, 5 << 20))
        self.assertEqual(self.seen().body_size, 5 << 20)

    def test_a_truncation_attack_is_seen(self):
        """FIN without close_notify: an answer that ends by close is not whole."""
        told = {"x-mock-framing": "close", "x-mock-cut-chunks": "5"}
        reply = self.post("/anthropic" + MESSAGES, messages_body(stream=True), told)
        self.assertFalse(reply.complete)

    def test_a_client_that_leaves_cancels_through_tls(self):
        connection = self.connect()
        connection.ask("POST", "/anthropic" + MESSAGES, {
            "x-mock-chunks": "2000", "x-mock-delay-chunk-ms": "10"}, messages_body(stream=True))
        pieces = connection.pieces(connection.head())
        next(pieces)
        left = time.monotonic()
        connection.close()
        seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at), None), 3)
        self.assertLess((seen.peer_left_at - left) * 1000, 50)


if __name__ == "__main__":
    unittest.main()
