"""What tests of alerts start from: a farebox and a receiver of each test's own."""

import signal
import subprocess
import tempfile
import time
import unittest
from decimal import Decimal

import books
import canaries
from alert_receivers import WebReceiver
from harness import CHAT, Farebox, Mock, chat_body, fetch, providers, wait_until

SECRET = "a-signing-secret-of-tests"
PATH_SECRET = "T0-very-secret-path-of-a-hook"
JSON = {"Content-Type": "application/json"}


class AlertTest(unittest.TestCase):
    """A mock for all; a farebox and a receiver for each test, so that one's alerts aren't
    another's."""

    @classmethod
    def setUpClass(cls):
        cls.mock = Mock()

    @classmethod
    def tearDownClass(cls):
        cls.mock.stop()

    def setUp(self):
        self.mock.clear()
        self.directory = tempfile.TemporaryDirectory(prefix="farebox-alerts-")
        self.receiver = WebReceiver()
        self.farebox = self.mounted = None
        self.budgets = [{"name": "team", "scope": {"project": "team"}, "period": "monthly",
                         "limit_usd": "1", "on_exceeded": "audit"}]
        self.channels = [self.hook()]
        self.more = {}

    def tearDown(self):
        if self.farebox and self.farebox.is_running():
            metrics = self.farebox.admin("GET", "/metrics").body
            listed = self.farebox.admin("GET", "/api/alerts?limit=2000").body
            self.assertEqual(self.farebox.stop(), 0)
            seen = metrics + listed + "\n".join(self.farebox.raw_lines).encode()
            for path, octets in canaries.files_below(self.farebox.data_dir):
                seen += octets
            self.assertEqual(canaries.hits(seen, {SECRET, PATH_SECRET}), [])
        self.receiver.stop()
        if self.mounted:
            subprocess.run(["umount", "-l", self.mounted], check=True)
        self.directory.cleanup()

    def hook(self, **more):
        """A channel that is told what fires, and of no end unless a test asks for that."""
        return dict({"name": "ops", "type": "webhook", "secret": SECRET, "resolved": False,
                     "url": self.receiver.url + "/" + PATH_SECRET}, **more)

    def config(self):
        return dict({"providers": providers(self.mock), "prices": {"overrides": books.OVERRIDES},
                     "budgets": self.budgets, "alerts": {"channels": self.channels}}, **self.more)

    def start(self):
        self.farebox = Farebox(self.config(), directory=self.directory.name)
        return self.farebox

    def restart(self, number=signal.SIGKILL):
        self.farebox.send_signal(number)
        self.farebox.wait()
        return self.start()

    def call(self, project="team", status=200, **more):
        reply = fetch(self.farebox.port, "POST", CHAT, {"x-farebox-project": project},
                      chat_body(**dict({"max_tokens": 20}, **more)))
        self.assertEqual(reply.status, status, reply.text)
        return reply

    def spend(self, parts, project="team"):
        """Makes the limit such that one call is these parts of it, and calls once."""
        cost = Decimal(self.call("other").header("x-farebox-cost-usd"))
        self.limit(cost / Decimal(str(parts)), project)
        self.call(project)
        return cost

    def limit(self, limit, project="team"):
        said = [dict(b, limit_usd="%.12f" % limit) if b["name"] == project else b
                for b in self.budgets]
        self.budgets = said
        self.assertEqual(self.farebox.reload(self.config()).status, 200)

    def alerts(self, query=""):
        return self.farebox.admin_json("/api/alerts" + query)["alerts"]

    def kinds(self, query=""):
        return sorted(alert["kind"] for alert in self.alerts(query))

    def received(self, count, seconds=15):
        wait_until(lambda: len(self.receiver.posts) >= count, seconds,
                   "%d of %d posts" % (len(self.receiver.posts), count))
        return self.receiver.posts

    def delivered(self, seconds=15):
        wait_until(lambda: self.alerts() and all(s["state"] == "delivered" for a in self.alerts()
                                                 for s in a["deliveries"]), seconds, "not all delivered")

    def quiet(self, seconds=1.5):
        """No further post comes."""
        before = len(self.receiver.posts)
        time.sleep(seconds)
        self.assertEqual(len(self.receiver.posts), before,
                         [p.json for p in self.receiver.posts[before:]])
