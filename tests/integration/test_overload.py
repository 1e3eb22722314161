"""More than there is room for: connections, memory, descriptors, time. What runs goes on, the
rest is turned away, and all is well a moment later."""

import hashlib
import os
import resource
import socket
import threading
import time
import unittest

import bombs
import farebox_process
from harness import (CALM, CHAT, Connection, Farebox, FareboxTest, Mock, chat_body, fetch, providers,
                     request_octets, wait_until)
from hostile_upstream import Upstream, answer_of

SANITIZED = os.environ.get("FAREBOX_PRESET", "release") != "release"
MIB = 1 << 20


class OfOneClient(FareboxTest):
    @classmethod
    def config(cls):
        return {"threads": 2, "limits": {"connections_per_client": 5},
                "providers": providers(cls.mock)}

    def test_one_more_is_closed_before_it_is_read(self):
        kept = [self.connect() for _ in range(5)]
        for each in kept:
            each.ask("POST", CHAT, (), chat_body())
            self.assertEqual(each.response().status, 200)
        for _ in range(3):
            self.assertTrue(self.connect().is_closed_within(2))
        # Another address has its own; the admin port counts nobody.
        other = socket.create_connection(("127.0.0.1", self.farebox.port), source_address=("127.0.0.9", 0))
        self.addCleanup(other.close)
        other.sendall(request_octets("GET", "/nothing", {"host": "x"}))
        self.assertIn(b"404", other.recv(4096))
        self.assertGreaterEqual(self.farebox.metric("farebox_shed_total", reason="connections_per_client"), 3)
        wait_until(lambda: self.farebox.log(reason="connections_per_client"), 3)
        kept.pop().close()

        def served():
            try:
                return self.post(CHAT, chat_body()).status == 200
            except (OSError, EOFError):
                return False
        wait_until(served, 3, "a place that was given back is not there")

    def test_a_reload_changes_it(self):
        self.farebox.reload(dict(self.config(), limits={"connections_per_client": 7}))
        time.sleep(0.3)
        kept = [self.connect() for _ in range(6)]
        for each in kept:
            each.ask("POST", CHAT, (), chat_body())
            self.assertEqual(each.response().status, 200)
        for each in kept:
            each.close()
        self.farebox.reload(dict(self.config()))


@unittest.skipIf(SANITIZED, "sanitizers keep memory of their own")
class Memory(FareboxTest):
    """A ceiling, and far more bodies and streams at once than fit below it."""
    CEILING = 192 * MIB

    @classmethod
    def config(cls):
        return {"threads": 2, "limits": {"memory": "192MiB"}, "providers": providers(cls.mock)}

    def test_calls_beyond_the_ceiling_are_refused_and_it_is_never_passed(self):
        kept = self.connect()
        kept.ask("POST", CHAT, {"x-mock-delay-chunk-ms": "20", "x-mock-chunks": "150"},
                 chat_body(stream=True))
        statuses, peak, stop = [], [0], threading.Event()

        def watch():
            while not stop.wait(0.01):
                peak[0] = max(peak[0], self.farebox.rss_kib() << 10)

        def crowd():
            body = chat_body("x " * (4 * MIB))
            for _ in range(3):
                try:
                    statuses.append(self.post(CHAT, body, {"x-mock-delay-head-ms": "300"}, timeout=30))
                except (OSError, EOFError):
                    statuses.append(None)       # the 503 came before its body was sent
        threads = [threading.Thread(target=crowd) for _ in range(24)]
        watcher = threading.Thread(target=watch)
        watcher.start()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        stop.set()
        watcher.join()
        refused = [r for r in statuses if r is not None and r.status == 503]
        served = [r for r in statuses if r is not None and r.status == 200]
        self.assertTrue(refused, "nothing was refused")
        self.assertTrue(served, "nothing was served")
        for each in refused:
            self.assertEqual(each.json()["error"]["code"], "overloaded")
            self.assertGreaterEqual(int(each.header("retry-after")), 1)
        self.assertLess(peak[0], self.CEILING)
        # Of those that memory refused the log had no word, those without room weren't counted.
        shed = {reason: self.farebox.metric("farebox_shed_total", reason=reason)
                for reason in ("memory", "buffered_bodies")}
        self.assertGreaterEqual(sum(shed.values()), len(refused))
        wait_until(lambda: self.farebox.log(level="warn", reason=max(shed, key=shed.get)), 3)
        self.assertTrue(kept.response().complete)       # what ran went on
        wait_until(lambda: self.post(CHAT, chat_body()).status == 200, 5, "it sheds for ever")


class BodyRoom(FareboxTest):
    """limits.buffered_bodies: what all bodies hold together."""

    @classmethod
    def config(cls):
        return {"threads": 1, "limits": {"body": "1MiB", "buffered_bodies": "1MiB"},
                "providers": providers(cls.mock)}

    # It was refused, and neither counted nor told of.
    def test_a_body_without_room_is_refused_counted_and_told_of(self):
        octets = request_octets("POST", CHAT, {"host": "x"}, chat_body("x " * (400 << 10)))
        first, second = self.connect(), self.connect()
        first.send(octets[:-1000])
        wait_until(lambda: self.farebox.metric("farebox_buffered_request_bytes") > 600 << 10, 5)
        try:
            second.send(octets)
        except OSError:
            pass                    # refused before all of it was sent
        reply = second.response()
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (503, "overloaded"))
        self.assertEqual(self.farebox.metric("farebox_shed_total", reason="buffered_bodies"), 1)
        wait_until(lambda: self.farebox.log(reason="buffered_bodies", level="warn"), 3)
        first.send(octets[-1000:])
        self.assertEqual(first.response().status, 200)


@unittest.skipIf(SANITIZED, "UBSan asks pipe(2) whether memory can be read, and takes EMFILE for no")
class Descriptors(unittest.TestCase):
    """Row S11: 64 descriptors, 500 clients."""

    def test_accepting_rests_streams_go_on_and_the_admin_port_answers(self):
        mock = Mock()
        self.addCleanup(mock.stop)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[1]), before[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        farebox = Farebox({"threads": 1, "ledger": {"store": "memory"}, "providers": providers(mock)})
        self.addCleanup(lambda: self.assertEqual(farebox.stop(), 0))
        used = farebox.open_files()
        # As many as it takes for 500 clients to be far too many.
        resource.prlimit(farebox.pid, resource.RLIMIT_NOFILE, (used + 24, used + 24))
        stream = Connection(farebox.port, timeout=20)
        stream.ask("POST", CHAT, {"x-mock-delay-chunk-ms": "25", "x-mock-chunks": "160"}, chat_body(stream=True))
        wait_until(mock.requests, 5)
        crowd = []
        for _ in range(500):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", farebox.port))
            crowd.append(each)
        time.sleep(0.3)
        cpu = self.cpu(farebox.pid)
        time.sleep(2)
        self.assertLessEqual((self.cpu(farebox.pid) - cpu) / 2, 0.2, "it spins while it is full")
        for _ in range(20):
            self.assertEqual(farebox.admin("GET", "/healthz").status, 200, "no probe gets in")
        for each in crowd:
            each.close()
        began = time.monotonic()
        wait_until(lambda: self.serves(farebox), 5, "it does not recover")
        recovered = time.monotonic() - began
        self.assertLessEqual(recovered, 1.5 if SANITIZED else 1.0)
        self.assertGreaterEqual(farebox.metric("farebox_shed_total", reason="descriptors"), 1)
        # A stream that ran all the time is whole.
        reply = stream.response()
        self.assertTrue(reply.complete)
        self.assertIn("[DONE]", reply.text)

    @staticmethod
    def cpu(pid):
        with open("/proc/%d/stat" % pid) as file:
            values = file.read().rsplit(")", 1)[1].split()
        return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def serves(farebox):
        try:
            return fetch(farebox.port, "POST", CHAT, (), chat_body(), timeout=1).status == 200
        except (OSError, EOFError):
            return False


@unittest.skipIf(SANITIZED, "as above")
class FewDescriptors(unittest.TestCase):
    """farebox's own lack says nothing about a provider."""

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def start(self, most_files=None, **more):
        # A breaker as it is without a word: it would open.
        table = {"openai": {"base_url": self.mock.url, "api_keys": ["sk-x"]}}
        farebox = Farebox(dict(more, threads=1, providers=table), most_files=most_files)
        self.addCleanup(lambda: self.assertEqual(farebox.stop(), 0))
        return farebox

    # Told as upstream_unreachable, eight such calls opened the breaker.
    def test_without_a_descriptor_the_breaker_stays_closed(self):
        farebox = self.start(ledger={"store": "memory"})
        client = Connection(farebox.port)
        self.addCleanup(client.close)
        client.ask("GET", "/nothing")
        self.assertEqual(client.response().status, 404)     # it was let in
        before = resource.prlimit(farebox.pid, resource.RLIMIT_NOFILE)
        taken = {int(name) for name in os.listdir("/proc/%d/fd" % farebox.pid)}
        none_left = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(farebox.pid, resource.RLIMIT_NOFILE, (none_left, before[1]))
        for _ in range(30):
            client.ask("POST", CHAT, (), chat_body())
            reply = client.response()
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (503, "overloaded"))
            self.assertIn("ulimit -n", reply.json()["error"]["message"])
        resource.prlimit(farebox.pid, resource.RLIMIT_NOFILE, before)
        client.ask("POST", CHAT, (), chat_body())
        self.assertEqual(client.response().status, 200)

    # 32 were kept whatever the limit, and the admin port alone might take 256.
    def test_who_is_let_in_finds_a_descriptor_for_the_provider(self):
        farebox = self.start(most_files=128)
        crowd = []
        for _ in range(80):
            crowd.append(Connection(farebox.admin_port))
            self.addCleanup(crowd[-1].close)
        self.assertEqual(farebox.admin("GET", "/healthz").status, 200)
        clients = [Connection(farebox.port) for _ in range(60)]
        served = []
        for each in clients:
            self.addCleanup(each.close)
            try:
                # All at once: each needs a connection of its own.
                each.ask("POST", CHAT, {"x-mock-delay-head-ms": "1500"}, chat_body())
            except OSError:
                pass
        for each in clients:
            try:
                served.append(each.response().status)
            except (OSError, EOFError):
                pass                    # one client too many
        self.assertGreaterEqual(len(served), 15)
        self.assertEqual(set(served), {200})


class Slow(FareboxTest):
    """Row S7: whoever sends or reads an octet at a time is closed by a deadline."""

    @classmethod
    def config(cls):
        each = {"timeouts": {"total": "4s"}}
        return {"limits": {"body_timeout": "1s", "head_timeout": "1s"}, "providers": providers(cls.mock, each=each)}

    def drip(self, path):
        connection = self.connect(timeout=10)
        connection.send(request_octets("POST", path, {"content-length": "1000"}))
        began = time.monotonic()
        try:
            while time.monotonic() - began < 9:
                connection.send(b"x")
                time.sleep(0.05)
                connection.sock.setblocking(False)
                try:
                    if connection.sock.recv(65536, socket.MSG_PEEK) is not None:
                        break
                except BlockingIOError:
                    pass
                finally:
                    connection.sock.settimeout(10)
        except OSError:
            pass
        return time.monotonic() - began, connection

    def test_a_body_that_drips_is_408(self):
        for path in (CHAT, "/openai/v1/files/upload"):     # one that is read first, one that streams
            seconds, connection = self.drip(path)
            self.assertLess(seconds, 5, path)
            self.assertEqual(connection.response().status, 408, path)
        self.mock.clear()           # a body that ends early is no clean HTTP, and need not be

    def test_a_reader_that_drips_is_closed_by_the_total(self):
        connection = self.connect(receive_buffer=4096, timeout=20)
        connection.ask("POST", "/openai/echo/x", {"x-mock-body-size": str(64 * MIB)}, b"{}")
        gone = lambda: any(s.peer_left_at for s in self.mock.requests())    # noqa: E731
        wait_until(gone, 14, "a reader who reads nothing holds the provider's connection")


class Bombs(unittest.TestCase):
    """Row S8: what unpacks to far more passes as it came, and memory stays where it is."""

    @classmethod
    def setUpClass(cls):
        small = 64 if SANITIZED else 1024          # MiB; the row has 10 GiB
        cls.bodies = {
            "gzip": ("gzip", bombs.gzip_bomb(small)),
            "zstd": ("zstd", bombs.zstd_bomb(small * 10)),
            "br": ("br", bombs.brotli_bomb(small // 2)),
            "nested": ("gzip, gzip", bombs.nested(bombs.gzip_bomb(small))),
            "gzip of gzip": ("gzip", bombs.nested(bombs.gzip_bomb(small), 2)),
            "not what it says": ("br", bombs.gzip_bomb(2)),
        }

        def answer(method, target, body, connection):
            encoding, octets = cls.bodies[target.rsplit("=", 1)[1].replace("%20", " ")]
            return answer_of(octets, "Content-Encoding: " + encoding), True
        cls.upstream = Upstream(answer)
        cls.farebox = Farebox({"providers": {"openai": dict(CALM, base_url=cls.upstream.url)}})

    @classmethod
    def tearDownClass(cls):
        cls.upstream.close()
        assert cls.farebox.stop() == 0

    def test_bombs_pass_and_memory_stays(self):
        fetch(self.farebox.port, "POST", CHAT + "?kind=zstd", (), chat_body(), timeout=60)
        before = self.farebox.rss_kib()
        for kind, (_, octets) in self.bodies.items():
            if octets is None:
                continue
            reply = fetch(self.farebox.port, "POST", CHAT + "?kind=" + kind.replace(" ", "%20"), (),
                          chat_body(), timeout=60)
            self.assertEqual((reply.status, reply.complete), (200, True), kind)
            self.assertEqual(hashlib.sha256(reply.body).digest(), hashlib.sha256(octets).digest(), kind)
            self.assertTrue(self.farebox.record_of(reply, 20)["estimated"], kind)
            if not SANITIZED:
                self.assertLess(self.farebox.rss_kib() - before, 32 << 10, kind)


if __name__ == "__main__":
    unittest.main()
