"""What the ledger holds survives: an orderly end, kill -9, and calls in flight."""

import os
import signal
import tempfile
import time
import unittest

from harness import CHAT, MESSAGES, Connection, Farebox, Mock, chat_body, messages_body, providers


class Restart(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, **more):
        farebox = Farebox(dict({"providers": providers(self.mock)}, **more), directory=self.directory)
        self.addCleanup(lambda: farebox.is_running() and farebox.stop(signal.SIGKILL))
        return farebox

    def ask(self, farebox, count):
        for i in range(count):
            with Connection(farebox.port) as connection:
                connection.ask("POST", CHAT, {"x-farebox-request-id": "r%d" % i}, chat_body())
                self.assertTrue(connection.response().complete)
        return {"r%d" % i for i in range(count)}

    def leave_in_flight(self, farebox):
        connection = Connection(farebox.port)
        self.addCleanup(connection.close)
        connection.ask("POST", MESSAGES, {"x-farebox-request-id": "in-flight", "x-mock-chunks": "5000",
                                          "x-mock-delay-chunk-ms": "20"},
                       messages_body(stream=True, max_tokens=100000))
        next(connection.pieces(connection.head()))

    def kill(self, farebox):
        os.kill(farebox.pid, signal.SIGKILL)
        farebox.wait()

    def ids(self, farebox):
        ids = [r["requestId"] for r in farebox.records()]
        self.assertEqual(len(ids), len(set(ids)), "a record appears twice")
        return set(ids)

    def test_records_survive_an_orderly_end(self):
        farebox = self.start()
        asked = self.ask(farebox, 30)
        before = farebox.records()
        self.assertEqual(farebox.stop(), 0)
        again = self.start()
        self.assertEqual(self.ids(again), asked)
        self.assertEqual(again.records(), before)
        self.assertEqual(again.admin_json("/api/usage")["total"]["requests"], 30)

    def test_kill_9_loses_no_record(self):
        farebox = self.start()
        asked = self.ask(farebox, 50)
        self.kill(farebox)
        self.assertEqual(self.ids(self.start()), asked)

    def test_a_call_killed_in_flight_leaves_one_record(self):
        farebox = self.start()
        self.leave_in_flight(farebox)
        self.kill(farebox)
        record, = self.start().records()
        self.assertEqual((record["requestId"], record["outcome"]), ("in-flight", "crashed"))

    def test_it_is_settled_once_however_often_it_starts(self):
        farebox = self.start()
        self.leave_in_flight(farebox)
        self.kill(farebox)
        for _ in range(3):
            farebox = self.start()
            self.assertEqual(self.ids(farebox), {"in-flight"})
            self.kill(farebox)

    def test_what_a_drain_cut_is_kept(self):
        farebox = self.start(limits={"drain": "200ms"})
        self.leave_in_flight(farebox)
        time.sleep(0.1)
        self.assertEqual(farebox.stop(), 0)
        record, = self.start().records()
        self.assertEqual(record["outcome"], "drained")
        self.assertGreater(record["outputTokens"], 0)


if __name__ == "__main__":
    unittest.main()
