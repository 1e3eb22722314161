"""The admin port before clients who ask for more than there is, and whom nobody has asked who
they are: memory, connections and waiting requests have an end, and a probe gets through."""

import os
import select
import unittest

from harness import Connection, FareboxTest, providers, request_octets, wait_until

SANITIZED = os.environ.get("FAREBOX_PRESET", "release") != "release"
MIB = 1 << 20
RELOAD = request_octets("POST", "/api/config/reload", {"host": "localhost"}, b"")


class Crowd(FareboxTest):
    def crowd(self, count):
        made = []
        for _ in range(count):
            made.append(Connection(self.farebox.admin_port))
            self.addCleanup(made[-1].close)
        return made

    # 3,000 connections that each asked for a reload had 2,979 descriptors open: the one that was
    # to go had gone already, and only waited for its answer.
    def test_connections_stay_below_their_limit(self):
        before = self.farebox.open_files()
        most = 0
        for each in range(15):
            for one in self.crowd(40):
                one.send(RELOAD)
            most = max(most, self.farebox.open_files() - before)
            self.assertEqual(self.farebox.admin("GET", "/healthz").status, 200)
        self.assertLessEqual(most, 256 + 24)    # what a reload and the mock's pool open is in it
        wait_until(lambda: self.farebox.admin("GET", "/api/keys").status == 200, 5)

    # /api/keys was answered after 18 s, behind 3,000 reloads.
    def test_no_more_than_some_wait_for_the_disk(self):
        crowd = self.crowd(200)
        for one in crowd:
            one.send(RELOAD)
        replies = [one.response("POST") for one in crowd]
        refused = [r for r in replies if r.status == 503]
        self.assertEqual({r.status for r in replies}, {200, 503})
        self.assertGreaterEqual(len(replies) - len(refused), 64)
        for each in refused:
            self.assertEqual(each.json()["error"]["code"], "overloaded")
            self.assertIn("try again", each.json()["error"]["message"])
        # A place that was waited for is free again, and so is the connection.
        crowd[0].send(RELOAD)
        self.assertEqual(crowd[0].response("POST").status, 200)

    def test_a_body_longer_than_what_is_read_ahead_comes_through(self):
        body = b'{"name": "%s"}' % (b"x" * (600 << 10))
        for chunks in (None, [body[i:i + 1000] for i in range(0, len(body), 1000)]):
            reply = self.crowd(1)[0]
            reply.send(request_octets("POST", "/api/keys", {
                "host": "localhost", "content-type": "application/json"},
                None if chunks else body, chunks=chunks))
            self.assertEqual(reply.response("POST").status, 400)
        # Heads up to their own limit, which is as much as is read ahead.
        for size, status in ((15 << 10, 200), (40 << 10, 400)):
            one = self.crowd(1)[0]
            fields = [("host", "localhost"), ("x-a", "a" * (size // 2)), ("x-b", "b" * (size // 2))]
            one.send(request_octets("GET", "/healthz", fields))
            self.assertEqual(one.response().status, status)


class Unread(FareboxTest):
    """Requests one behind the other, whose answers nobody reads."""

    @classmethod
    def config(cls):
        return {"admin": {"listen": "127.0.0.1:0", "token": "opens-the-admin-port"},
                "providers": providers(cls.mock)}

    # Two such connections took the process from 24 to 1,540 MiB in seven seconds.
    def test_what_was_sent_ahead_stays_with_who_sent_it(self):
        before = self.farebox.rss_kib()
        octets = request_octets("GET", "/api/usage", {"host": "localhost"}) * 1000
        most = 0
        for _ in range(2):
            one = Connection(self.farebox.admin_port, receive_buffer=4096)
            self.addCleanup(one.close)
            one.sock.setblocking(False)
            sent = 0
            # It takes no more when half a second changes nothing.
            while sent < 64 * MIB and select.select([], [one.sock], [], 0.5)[1]:
                try:
                    sent += one.sock.send(octets)
                except OSError:
                    break
            most = max(most, sent)
        self.assertLess(most, 32 * MIB)
        if not SANITIZED:
            self.assertLess(self.farebox.rss_kib() - before, 16 << 10)
        self.assertEqual(self.farebox.admin("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
