"""An alert reaches its channel whatever dies in between: farebox, the receiver, the disk."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from decimal import Decimal

import canaries
from alert_case import JSON, PATH_SECRET, SECRET, AlertTest
from alert_receivers import WebReceiver
from harness import CHAT, chat_body, fetch, wait_until

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "6"))


class Delivery(AlertTest):
    def test_a_restart_tells_nothing_twice(self):
        self.start()
        self.spend(0.85)
        self.received(1)
        self.delivered()
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.restart(number)
            self.call("other")
            self.quiet()
            self.assertEqual(self.kinds("?state=active"), ["budget_warning"])

    def test_queued_and_not_sent(self):
        self.receiver.stop()
        self.start()
        self.spend(0.85)
        wait_until(lambda: self.kinds() == ["budget_warning"])
        self.restart()
        self.receiver = WebReceiver(port=self.receiver.port)
        post, = self.received(1, 30)
        self.delivered()
        self.quiet()
        self.assertEqual(post.id, self.alerts()[0]["id"])

    def test_sent_and_not_answered(self):
        self.receiver.answer = lambda post: "silence"
        self.start()
        self.spend(0.85)
        self.received(1)
        self.farebox.send_signal(signal.SIGKILL)
        self.farebox.wait()
        self.receiver.closing.set()
        self.receiver.answer = lambda post: 200
        self.start()
        posts = self.received(2)
        self.delivered()
        self.quiet()
        self.assertEqual(len({p.id for p in posts}), 1, "the repeat has the same id")

    def test_a_silent_receiver_doesnt_keep_farebox_from_ending(self):
        self.receiver.answer = lambda post: "silence"
        self.start()
        self.spend(0.85)
        self.received(1)
        begin = time.monotonic()
        self.assertEqual(self.farebox.stop(), 0)
        self.assertLess(time.monotonic() - begin, 6)
        self.receiver.closing.set()
        self.receiver.answer = lambda post: 200
        self.start()
        self.received(2)
        self.delivered()

    def test_answered_500_and_then_well(self):
        statuses = [500, 503, 429, 200]
        self.receiver.answer = lambda post: statuses.pop(0) if statuses else 200
        self.start()
        self.spend(0.85)
        posts = self.received(4, 30)
        self.delivered()
        self.quiet()
        self.assertEqual(len({p.id for p in posts}), 1)
        self.assertEqual(self.alerts()[0]["deliveries"][0]["attempts"], 4)
        pauses = [b.time - a.time for a, b in zip(posts, posts[1:])]
        self.assertEqual(sorted(pauses), pauses, "each pause is longer")

    def test_answered_500_then_killed(self):
        self.receiver.answer = lambda post: 500
        self.start()
        self.spend(0.85)
        self.received(1)
        wait_until(lambda: self.alerts()[0]["deliveries"][0]["attempts"] >= 1)
        self.restart()
        self.receiver.answer = lambda post: 200
        self.received(2, 30)
        self.delivered()

    def test_killed_at_the_moment_it_is_answered(self):
        """Answered 200 and perhaps not marked: at least once, and never under another id."""
        for round_ in range(4):
            with self.subTest(round_):
                self.start()
                killed = threading.Event()

                def answer(post, pid=self.farebox.pid):
                    os.kill(pid, signal.SIGKILL)
                    killed.set()
                    return 200
                self.receiver.posts.clear()
                self.receiver.answer = answer
                self.spend(0.85)
                self.assertTrue(killed.wait(15))
                self.farebox.wait()
                self.receiver.answer = lambda post: 200
                self.start()
                posts = self.received(2)
                self.delivered()
                self.quiet(1)
                self.assertEqual(len(posts), 2)
                self.assertEqual(len({p.id for p in posts}), 1)
                self.assertEqual(self.farebox.stop(), 0)
                self.directory.cleanup()
                self.directory = tempfile.TemporaryDirectory(prefix="farebox-alerts-")

    def test_killed_at_any_moment_each_is_told_under_one_id(self):
        """FAREBOX_ROUNDS says how often."""
        self.budgets[0].update(scope={"project": "*"})
        self.start()
        cost = Decimal(self.call("first").header("x-farebox-cost-usd"))
        self.limit(cost / Decimal("0.9"))
        moments = random.Random(8)
        for round_ in range(ROUNDS):
            for i in range(3):
                self.call("p%d-%d" % (round_, i))
            time.sleep(moments.uniform(0, 0.6))
            self.restart()
        rows = {row["scope"]["project"]: row["status"]
                for row in self.farebox.admin_json("/api/budgets")["budgets"]}
        self.assertEqual(len(rows), 3 * ROUNDS + 1)
        # What a crash charged may have passed more than the first threshold.
        crossed = {"ok": 0, "warning": 1, "critical": 2, "exceeded": 3}
        kinds = ("budget_warning", "budget_critical", "budget_exceeded")
        wanted = {(project, kind) for project, status in rows.items()
                  for kind in kinds[:crossed[status]]}
        self.assertGreaterEqual(len(wanted), len(rows))

        def told():
            return {(p.json["scope"]["project"], p.json["kind"]) for p in self.receiver.posts}
        wait_until(lambda: told() == wanted, 20, "not told, or not crossed")
        self.delivered()
        self.quiet()
        self.assertEqual(told(), wanted)
        self.assertEqual(len({p.id for p in self.receiver.posts}), len(wanted), "told twice")

    def test_a_receiver_that_is_down_delays_no_other(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.channels = [self.hook(name="down", url="http://127.0.0.1:%d/x" % unused.getsockname()[1]),
                             self.hook()]
            self.start()
            self.spend(0.85)
            self.received(1, 5)
            states = {c["name"]: c for c in self.farebox.admin_json("/api/alerts")["channels"]}
            wait_until(lambda: self.farebox.metric("farebox_alerts_queued") == 1)
            states = {c["name"]: c for c in self.farebox.admin_json("/api/alerts")["channels"]}
            self.assertEqual((states["down"]["waiting"], states["ops"]["waiting"]), (1, 0))
            self.assertIn("connect", states["down"]["lastError"].lower())
        # A reload that mends the channel applies at once; one without it drops what waits.
        self.channels[0]["url"] = self.receiver.url + "/mended"
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        self.received(2, 5)
        self.assertEqual(self.receiver.posts[1].path, "/hook/mended")
        self.delivered()

    def test_a_silent_receiver_delays_no_other(self):
        """One thread delivered to all: each alert waited ten seconds for one that was silent."""
        silent = WebReceiver(lambda post: "silence")
        self.addCleanup(silent.stop)
        self.channels = [self.hook(name="silent%d" % i, url=silent.url) for i in range(3)] + [self.hook()]
        self.start()
        self.spend(0.85)
        wait_until(lambda: len(silent.posts) == 3, 5)
        self.received(1, 3)
        self.call()
        self.received(3, 3)
        wait_until(lambda: self.farebox.metric("farebox_alerts_queued") == 6, 3,
                   "a channel has one on its way: two of each wait")

    def test_a_test_of_a_silent_receiver_holds_nobody_up(self):
        """It held the one thread that answers what reads from disk, up to eight seconds."""
        self.receiver.answer = lambda post: "silence"
        self.start()
        answers = []
        asking = threading.Thread(target=lambda: answers.append(
            self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}")))
        asking.start()
        self.received(1)
        begin = time.monotonic()
        for target in ("/api/alerts", "/api/usage", "/api/budgets", "/healthz", "/metrics", "/readyz"):
            self.assertEqual(self.farebox.admin("GET", target).status, 200, target)
        self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual(answers, [], "the receiver is silent")
        self.receiver.closing.set()
        asking.join(15)
        self.assertFalse(answers[0].json()["results"][0]["delivered"])

    def test_the_end_is_told_once_whatever_dies(self):
        """A pager's incident was never closed by what opened it."""
        self.channels = [self.hook(resolved=True),
                         {"name": "pager", "type": "pagerduty", "routing_key": SECRET,
                          "url": self.receiver.url + "/pager"},
                         {"name": "chat", "type": "slack", "url": self.receiver.url + "/chat"}]
        self.start()
        cost = self.spend(0.85)
        self.received(3)
        self.delivered()
        self.receiver.answer = lambda post: 500
        self.limit(cost * 4)
        self.received(5)                # two of them want to know, and neither takes it
        self.restart()
        self.receiver.answer = lambda post: 200
        wait_until(lambda: self.farebox.metric("farebox_alerts_queued") == 0, 20)
        self.delivered()
        self.restart(signal.SIGTERM)
        self.quiet()
        id_ = self.alerts()[0]["id"]
        told = {}
        for post in self.receiver.posts:
            told.setdefault(post.path.rpartition("/")[2], []).append(post)
        hook = told[PATH_SECRET]
        self.assertEqual([p.json["state"] for p in hook], ["active"] + ["resolved"] * (len(hook) - 1))
        self.assertEqual({p.id for p in hook[1:]}, {id_ + "-resolved"})
        self.assertEqual({p.json["id"] for p in hook}, {id_})
        self.assertEqual([(p.json["event_action"], p.json["dedup_key"]) for p in told["pager"]],
                         [("trigger", id_)] + [("resolve", id_)] * (len(told["pager"]) - 1))
        self.assertEqual(len(told["chat"]), 1)
        states = {(s["channel"], s["of"]): s["state"] for s in self.alerts()[0]["deliveries"]}
        self.assertEqual(states, {("ops", "fired"): "delivered", ("pager", "fired"): "delivered",
                                  ("chat", "fired"): "delivered", ("ops", "resolved"): "delivered",
                                  ("pager", "resolved"): "delivered"})

    def test_a_channel_that_is_removed_takes_its_deliveries_along(self):
        self.receiver.answer = lambda post: 500
        self.start()
        self.spend(0.85)
        self.received(1)
        self.channels = []
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        wait_until(lambda: self.alerts()[0]["deliveries"][0]["state"] == "dropped")
        self.assertEqual(self.farebox.metric("farebox_alerts_queued"), 0)

    def test_a_full_disk_is_told_of_from_memory_and_its_end_too(self):
        place = os.path.join(self.directory.name, "disk")
        os.mkdir(place)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", place],
                          capture_output=True).returncode != 0:
            self.skipTest("may not mount a small file system")
        self.mounted = place
        ballast = os.path.join(place, "ballast")
        with open(ballast, "wb") as file:
            file.write(b"\0" * (11 << 20))

        def fill():
            with open(ballast, "ab", buffering=0) as file:
                for size in (65536, 4096, 1):
                    with contextlib.suppress(OSError):
                        while file.write(b"\0" * size):
                            pass
        self.more = {"data_dir": place + "/data"}
        self.start()
        heavy = {"x-farebox-tags": ",".join("t%d=%s" % (i, "x" * 60) for i in range(16))}
        for _ in range(400):
            fill()
            reply = fetch(self.farebox.port, "POST", CHAT, heavy, chat_body(max_tokens=20))
            if reply.status != 200:
                break
        self.assertEqual(reply.status, 503)
        post, = self.received(1)
        self.assertEqual((post.json["kind"], post.json["level"]), ("ledger_failed", "critical"))
        self.assertIn("can't write its ledger", post.json["text"])
        self.assertEqual(self.kinds("?state=active"), ["ledger_failed"])
        os.unlink(ballast)
        self.assertEqual(self.received(2, 30)[1].json["kind"], "ledger_recovered")
        wait_until(lambda: self.kinds("?state=active") == [])
        self.quiet()
        self.delivered()
        time.sleep(3)           # what couldn't be kept is kept now
        self.restart()
        self.call("other")
        self.assertEqual(self.kinds(), ["ledger_failed", "ledger_recovered"])
        self.quiet()

    def test_redirects_and_clouds_are_not_followed(self):
        other = WebReceiver()
        try:
            self.receiver.answer = lambda post: (307, b"", {"location": other.url})
            self.channels = [self.hook(), self.hook(name="cloud", url="http://169.254.169.254/latest/" + PATH_SECRET)]
            self.start()
            answer = self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}")
            self.assertEqual(answer.status, 200, answer.text)
            results = {r["channel"]: r for r in answer.json()["results"]}
            self.assertFalse(results["ops"]["delivered"])
            self.assertIn("a redirect, which isn't followed", results["ops"]["error"])
            self.assertIn("link-local", results["cloud"]["error"])
            self.assertEqual(other.posts, [])
        finally:
            other.stop()

    def test_what_a_receiver_echoes_is_not_told(self):
        self.receiver.answer = lambda post: (
            400, ("you sent %s to %s, %s" % (SECRET, PATH_SECRET, "x" * 100_000)).encode(), {})
        self.start()
        answer = self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}")
        self.assertEqual(canaries.hits(answer.body, {SECRET}), [])
        self.assertIn("it answered 400", answer.json()["results"][0]["error"])


if __name__ == "__main__":
    unittest.main()
