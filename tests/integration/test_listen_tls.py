"""HTTPS towards the apps: the same promises as in plain, certificates that change."""

import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from certificates import Certificates
from harness import (CHAT, MESSAGES, Connection, Farebox, FareboxTest, Mock, chat_body,
                     messages_body, providers, run_to_end, wait_until, write_config)


class Tls(FareboxTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.cleanup)
        cls.context = cls.certificates.client()
        super().setUpClass()

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "tls": cls.certificates.pair(),
                "limits": {"head_timeout": "1s"}}

    def secure(self, **more):
        more.setdefault("tls", self.context)
        return self.connect(**more)

    def ask(self, method, target, headers=(), body=None, **more):
        with self.secure(**more) as connection:
            connection.ask(method, target, headers, body)
            return connection.response(method)


class Listen(Tls):
    def test_it_serves(self):
        connection = self.secure()
        self.assertIn(connection.sock.version(), ("TLSv1.2", "TLSv1.3"))
        self.assertEqual(connection.sock.selected_alpn_protocol(), "http/1.1")
        for _ in range(3):
            connection.ask("POST", CHAT, (), chat_body())
            reply = connection.response()
            self.assertEqual((reply.status, reply.complete), (200, True))
        self.assertEqual(len({s.connection for s in self.mock.requests()}), 1)

    def test_tls_1_2_is_served_and_older_is_not(self):
        older = self.certificates.client(most=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(self.ask("POST", CHAT, (), chat_body(), tls=older).status, 200)
        oldest = self.certificates.client(least=ssl.TLSVersion.TLSv1, most=ssl.TLSVersion.TLSv1_1)
        oldest.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(OSError):
            self.secure(tls=oldest)

    def test_a_client_without_http_1_1_is_told(self):
        with self.assertRaises(ssl.SSLError):
            self.secure(tls=self.certificates.client(alpn=["h2"]))
        both = self.secure(tls=self.certificates.client(alpn=["h2", "http/1.1"]))
        self.assertEqual(both.sock.selected_alpn_protocol(), "http/1.1")

    def test_sessions_are_resumed(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.certificates.client(least=version, most=version)
            first = self.secure(tls=context)
            first.ask("POST", CHAT, (), chat_body())
            self.assertEqual(first.response().status, 200)
            session = first.sock.session
            first.close()
            second = self.secure(tls=context, session=session)
            self.assertTrue(second.sock.session_reused, version)
            second.ask("POST", CHAT, (), chat_body())
            self.assertEqual(second.response().status, 200)

    def test_plain_http_is_told_in_plain_http(self):
        for method in ("GET", "POST", "OPTIONS", "PATCH"):
            reply = self.fetch(method, CHAT, (), chat_body() if method == "POST" else None)
            self.assertEqual((reply.status, reply.complete), (400, True), method)
            self.assertIn("speaks HTTPS", reply.json()["error"]["message"])
        large = self.fetch("POST", CHAT, (), b"x" * 300000)
        self.assertEqual((large.status, large.complete), (400, True))
        self.assertEqual(self.mock.requests(), [])

    def test_who_says_nothing_blocks_nobody_and_is_closed(self):
        silent = [self.connect() for _ in range(50)]
        half = self.connect()
        half.send(b"\x16\x03\x01\x02\x00\x01")
        begin = time.monotonic()
        self.assertEqual(self.ask("POST", CHAT, (), chat_body()).status, 200)
        self.assertLess(time.monotonic() - begin, 1)
        for connection in silent + [half]:
            self.assertTrue(connection.is_closed_within(5))

    def test_garbage_in_a_handshake_ends_it(self):
        connection = self.connect()
        connection.send(b"\x16\x03\x01\x00\x05hello" + bytes(2000))
        try:
            while connection.fill():
                pass
        except ConnectionResetError:
            pass
        self.assertLess(len(connection.raw), 100)

    def test_a_finished_handshake_may_rest_longer_than_a_head(self):
        connection = self.secure()
        time.sleep(1.5)
        connection.ask("POST", CHAT, (), chat_body())
        self.assertEqual(connection.response().status, 200)

    def test_streams_pass_chunk_by_chunk(self):
        reply = self.ask("POST", MESSAGES, {"x-mock-chunks": "30", "x-mock-delay-chunk-ms": "5"},
                         messages_body(stream=True))
        self.assertTrue(reply.complete)
        self.assertEqual(len(reply.chunks), 30 + 6)
        self.assertGreater(reply.chunks[-1][1] - reply.chunks[0][1], 0.1)

    def test_large_bodies_pass_both_ways(self):
        size = 5 << 20
        reply = self.ask("POST", "/openai/v1/files", {
            "x-mock-body-size": str(size), "content-type": "application/octet-stream"},
            bytes(size), timeout=60)
        self.assertEqual((reply.status, len(reply.body)), (200, size))
        self.assertEqual(self.seen().body_size, size)

    def test_a_slow_reader_gets_all_of_it(self):
        size = 3 << 20
        connection = self.secure(receive_buffer=4096, timeout=60)
        connection.ask("POST", "/openai/v1/files", {"x-mock-body-size": str(size)}, b"{}")
        reply = connection.head()
        for count, _ in enumerate(connection.pieces(reply)):
            if count < 20:
                time.sleep(0.02)
        self.assertEqual((reply.complete, len(reply.body)), (True, size))

    def test_a_whole_answer_ends_with_close_notify(self):
        """An answer that ends by close is whole only behind a close_notify."""
        connection = self.secure()
        connection.ask("POST", MESSAGES, (), messages_body(stream=True), version="HTTP/1.0")
        reply = connection.response()
        self.assertEqual((reply.framing, reply.complete), ("close", True))
        self.assertIn("message_stop", reply.text)

    def test_a_cut_answer_has_no_close_notify(self):
        for version in ("HTTP/1.0", "HTTP/1.1"):
            connection = self.secure()
            connection.ask("POST", MESSAGES, {"x-mock-cut-chunks": "5"}, messages_body(stream=True),
                           version=version)
            reply = connection.response()
            self.assertEqual(reply.framing, "close" if version == "HTTP/1.0" else "chunked")
            self.assertFalse(reply.complete, version)
            self.assertNotIn("message_stop", reply.text)

    def test_a_client_that_leaves_cancels(self):
        for leave in ("close", "close_notify", "reset"):
            self.mock.clear()
            connection = self.secure()
            connection.ask("POST", MESSAGES, {
                "x-mock-chunks": "2000", "x-mock-delay-chunk-ms": "10"}, messages_body(stream=True))
            pieces = connection.pieces(connection.head())
            next(pieces)
            left = time.monotonic()
            if leave == "close_notify":
                connection.sock.settimeout(0)
                try:
                    connection.sock.unwrap()
                except OSError:
                    pass
            elif leave == "reset":
                connection.reset()
            else:
                connection.close()
            seen = wait_until(lambda: next((s for s in self.mock.requests() if s.peer_left_at),
                                           None), 3, leave)
            self.assertLess((seen.peer_left_at - left) * 1000, 50, leave)

    def test_the_expiry_is_a_metric(self):
        shown = subprocess.run(
            ["openssl", "x509", "-noout", "-enddate", "-in", self.certificates.file("good.pem")],
            capture_output=True, text=True, check=True).stdout.strip().partition("=")[2]
        self.assertEqual(self.farebox.metric("farebox_tls_certificate_not_after_seconds"),
                         ssl.cert_time_to_seconds(shown))


class Drain(Tls):
    def test_a_handshake_under_way_does_not_hold_up_the_end(self):
        farebox = Farebox(dict(self.config(), limits={"head_timeout": "30s"}))
        silent = Connection(farebox.port)
        self.addCleanup(silent.close)
        idle = Connection(farebox.port, tls=self.context)
        self.addCleanup(idle.close)
        time.sleep(0.1)
        begin = time.monotonic()
        self.assertEqual(farebox.stop(), 0)
        self.assertLess(time.monotonic() - begin, 3)


class Swap(unittest.TestCase):
    """Certificates that are replaced on the disk, under a stream that goes on."""

    def setUp(self):
        self.certificates = Certificates()
        self.addCleanup(self.certificates.cleanup)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        pair = self.certificates.publish("good", self.directory)
        self.farebox = Farebox({"providers": providers(self.mock), "tls": pair})
        self.addCleanup(self.farebox.stop)
        self.anybody = ssl._create_unverified_context()

    def subject(self):
        """The common name of the certificate a new client sees."""
        with Connection(self.farebox.port, tls=self.anybody) as connection:
            der = connection.sock.getpeercert(binary_form=True)
        shown = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject"],
                               input=der, capture_output=True, check=True).stdout.decode()
        return shown.strip().rpartition("=")[2].strip().partition(".")[0]

    def start_stream(self):
        connection = Connection(self.farebox.port, tls=self.anybody, timeout=30)
        connection.ask("POST", MESSAGES, {"x-mock-chunks": "200", "x-mock-delay-chunk-ms": "30"},
                       messages_body(stream=True, max_tokens=100000))
        reply = connection.head()

        def read():
            for _ in connection.pieces(reply):
                pass
            connection.close()
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return reply, thread

    def test_a_swap_of_links_is_taken_up_by_itself(self):
        self.assertEqual(self.subject(), "good")
        reply, thread = self.start_stream()
        self.certificates.publish("wrong-host", self.directory)
        wait_until(lambda: self.subject() == "wrong-host", 6, "the certificate was not taken up")
        self.assertEqual(len(self.farebox.log(msg="the certificate was reloaded")), 1)
        thread.join(20)
        self.assertTrue(reply.complete)

    def test_sighup_takes_it_up_at_once(self):
        self.certificates.publish("future", self.directory)
        self.farebox.send_signal(signal.SIGHUP)
        wait_until(lambda: self.subject() == "future", 2)

    def test_half_a_pair_keeps_the_old_one_and_says_so_once(self):
        reply, thread = self.start_stream()
        with open(self.certificates.file("expired.pem")) as other:
            text = other.read()
        path = os.path.join(self.directory, "..data", "tls.pem")
        with open(path, "w") as file:
            file.write(text)
        told = lambda: self.farebox.log(
            msg="the certificate on the disk can't be used; the old one goes on")
        wait_until(told, 6)
        time.sleep(4.5)                 # two more looks
        self.assertEqual(len(told()), 1)
        self.assertIn("is not the key of", told()[0]["why"])
        self.assertEqual(self.subject(), "good")
        answer = self.farebox.reload()
        self.assertEqual(answer.status, 400)
        self.assertIn("is not the key of", answer.json()["error"]["problems"][0])
        self.certificates.publish("expired", self.directory)
        wait_until(lambda: self.subject() == "expired", 6)
        thread.join(20)
        self.assertTrue(reply.complete)


class BadPairs(unittest.TestCase):
    def setUp(self):
        self.certificates = Certificates()
        self.addCleanup(self.certificates.cleanup)

    def check(self, cert_file, key_file):
        path = write_config(self.certificates.path,
                            {"tls": {"cert_file": cert_file, "key_file": key_file}})
        code, _, said = run_to_end(["check", "--config", path])
        return code, said

    def test_each_mistake_is_78_and_named(self):
        file = self.certificates.file
        subprocess.run(["openssl", "pkey", "-in", file("good.key"), "-aes128", "-passout",
                        "pass:secret", "-out", file("locked.key")], check=True)
        subprocess.run(["openssl", "x509", "-in", file("good.pem"), "-outform", "der", "-out",
                        file("good.der")], check=True)
        with open(file("good.pem")) as whole, open(file("half.pem"), "w") as half:
            text = whole.read()
            half.write(text + text[:len(text) // 2])
        good = (file("good.pem"), file("good.key"))
        for pair, why in (((good[0], file("expired.key")), "is not the key of the first"),
                          ((good[0], file("locked.key")), "encrypted with a passphrase"),
                          ((file("good.der"), good[1]), "is in DER"),
                          ((file("half.pem"), good[1]), "broken behind its certificate number 1"),
                          ((good[1], good[1]), "holds no PEM certificate"),
                          ((good[0], good[0]), "holds no PEM private key"),
                          ((file("none.pem"), good[1]), "can't be read"),
                          ((self.certificates.path, good[1]), "can't be read"),
                          ((good[0], ""), "HTTPS needs both")):
            code, said = self.check(*pair)
            self.assertEqual(code, 78, (pair, said))
            self.assertIn(why, said)
            self.assertRegex(said, r"farebox\.yaml:\d+: tls")
        self.assertEqual(self.check(*good)[0], 0)

    def test_a_key_that_all_can_read_is_warned_of(self):
        os.chmod(self.certificates.file("good.key"), 0o644)
        code, said = self.check(self.certificates.file("good.pem"),
                                self.certificates.file("good.key"))
        self.assertEqual(code, 0)
        self.assertIn("chmod o-rwx", said)

    def test_an_expired_certificate_is_warned_of(self):
        code, said = self.check(self.certificates.file("expired.pem"),
                                self.certificates.file("expired.key"))
        self.assertEqual(code, 0)
        self.assertIn("has expired", said)


if __name__ == "__main__":
    unittest.main()
