"""SIGTERM: what runs is finished or cut honestly, and told of either way."""

import signal
import threading
import time
import unittest

from harness import (CHAT, MESSAGES, Connection, Farebox, Mock, chat_body, messages_body, providers,
                     wait_until)


class Drain(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def start(self, drain="10s"):
        farebox = Farebox({"providers": providers(self.mock), "limits": {"drain": drain}})
        self.addCleanup(lambda: farebox.is_running() and farebox.stop(signal.SIGKILL))
        return farebox

    def stream(self, farebox, name, chunks, gap_ms):
        """A running stream: (connection, thread, its response once it is read)."""
        connection = Connection(farebox.port, timeout=30)
        connection.ask("POST", MESSAGES, {
            "x-farebox-request-id": name, "x-mock-chunks": str(chunks),
            "x-mock-delay-chunk-ms": str(gap_ms)}, messages_body(stream=True, max_tokens=100000))
        reply = connection.head()

        def read():
            for _ in connection.pieces(reply):
                pass
            connection.close()
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return reply, thread

    def test_streams_finish_and_are_recorded(self):
        farebox = self.start()
        streams = [self.stream(farebox, "s%d" % i, 30, 20) for i in range(20)]
        time.sleep(0.1)
        farebox.send_signal(signal.SIGTERM)
        code = farebox.wait()
        for reply, thread in streams:
            thread.join(10)
            self.assertTrue(reply.complete)
            self.assertIn("message_stop", reply.text)
        self.assertEqual(code, 0)
        told = farebox.log(msg="request")
        self.assertEqual({(r["outcome"], r["outputTokens"]) for r in told}, {("ok", 30)})
        self.assertEqual(sorted(r["request_id"] for r in told), sorted("s%d" % i for i in range(20)))

    def test_readyz_says_so_first(self):
        farebox = self.start()
        _, thread = self.stream(farebox, "long", 60, 20)
        farebox.send_signal(signal.SIGTERM)
        wait_until(lambda: farebox.admin("GET", "/readyz").status == 503, 2, "readyz stays 200")
        self.assertEqual(farebox.admin("GET", "/healthz").status, 200)
        thread.join(10)
        self.assertEqual(farebox.wait(), 0)

    def test_kept_connections_are_closed_and_new_ones_refused(self):
        farebox = self.start()
        idle = Connection(farebox.port)
        idle.ask("POST", CHAT, (), chat_body())
        self.assertEqual(idle.response().status, 200)
        _, thread = self.stream(farebox, "long", 60, 20)
        farebox.send_signal(signal.SIGTERM)
        self.assertTrue(idle.is_closed_within(2), "an idle connection held up the drain")
        idle.close()
        try:
            with Connection(farebox.port) as late:
                late.ask("POST", CHAT, (), chat_body())
                self.assertEqual(late.response().status, 503)
        except (ConnectionError, EOFError):
            pass
        thread.join(10)
        self.assertEqual(farebox.wait(), 0)

    def test_what_outlives_the_grace_is_cut_without_an_end_mark(self):
        farebox = self.start(drain="500ms")
        reply, thread = self.stream(farebox, "endless", 5000, 20)
        begin = time.monotonic()
        farebox.send_signal(signal.SIGTERM)
        self.assertEqual(farebox.wait(), 0)
        self.assertLess(time.monotonic() - begin, 5)
        thread.join(5)
        self.assertFalse(reply.complete)
        self.assertNotIn("message_stop", reply.text)
        seen = self.mock.requests()[-1]
        self.assertEqual(seen.outcome, "peer_left")
        told, = farebox.log(msg="request")
        self.assertEqual((told["request_id"], told["outcome"]), ("endless", "drained"))
        self.assertGreater(told["outputTokens"], 0)

    def test_a_second_sigterm_stops_at_once(self):
        farebox = self.start(drain="30s")
        _, thread = self.stream(farebox, "endless", 5000, 20)
        farebox.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        begin = time.monotonic()
        farebox.send_signal(signal.SIGTERM)
        farebox.wait()
        self.assertLess(time.monotonic() - begin, 3)
        thread.join(5)

    def test_sigint_drains_too(self):
        farebox = self.start()
        self.assertEqual(farebox.stop(signal.SIGINT), 0)


if __name__ == "__main__":
    unittest.main()
