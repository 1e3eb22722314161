"""Alerts: each fires once, and reaches its channel whatever dies in between."""

import contextlib
import hashlib
import hmac
import json
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

import books
import canaries
from alert_receivers import MailReceiver, WebReceiver, mail_server_is_there
from certificates import Certificates
from crowd import Call, at_once
from harness import CHAT, Farebox, Mock, chat_body, fetch, providers, run_to_end, wait_until

SECRET = "a-signing-secret-of-tests"
PATH_SECRET = "T0-very-secret-path-of-a-hook"
ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "6"))
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
        return dict({"name": "ops", "type": "webhook", "secret": SECRET,
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


class Firing(AlertTest):
    def test_a_threshold_is_told_once_signed_and_in_words(self):
        self.start()
        self.spend(0.85)
        post, = self.received(1)
        body = post.json
        self.assertEqual((body["kind"], body["level"], body["state"], body["subject"], body["scope"]),
                         ("budget_warning", "warning", "active", "team", {"project": "team"}))
        self.assertEqual(post.id, body["id"])
        self.assertIn("Budget team (project=team) is at 8", body["title"])
        for words in ("is spent since", "farebox budgets top-up 'team' --usd", "begins anew"):
            self.assertIn(words, body["text"])
        stamp, signature = (part.partition("=")[2]
                            for part in post.headers["x-farebox-signature"].split(","))
        wanted = hmac.new(SECRET.encode(), stamp.encode() + b"." + post.body, hashlib.sha256)
        self.assertEqual(signature, wanted.hexdigest())
        self.assertLess(abs(time.time() - int(stamp)), 60)
        self.delivered()
        line, = self.farebox.log(msg="alert")
        self.assertEqual((line["kind"], line["alert"]), ("budget_warning", body["id"]))
        self.assertEqual(self.farebox.metric("farebox_alerts_fired_total", kind="budget_warning"), 1)
        self.assertEqual(self.farebox.metric("farebox_alerts_delivered_total", channel="ops",
                                             result="delivered"), 1)
        self.assertEqual(self.farebox.metric("farebox_alerts_active"), 1)
        self.quiet()

    def test_every_threshold_fires_once_while_many_cross_it(self):
        self.budgets[0]["limit_usd"] = "1000"
        self.start()
        cost = Decimal(self.call("other").header("x-farebox-cost-usd"))
        self.limit(cost * 100)
        body = json.dumps(chat_body(max_tokens=20)).encode()
        head = [("x-farebox-project", "team"), ("content-type", "application/json")]
        at_once(self.farebox.port, [Call(CHAT, body, head) for _ in range(200)])
        self.received(3)
        self.quiet()
        self.assertEqual(sorted(p.json["kind"] for p in self.receiver.posts),
                         ["budget_critical", "budget_exceeded", "budget_warning"])

    def test_a_raised_limit_arms_and_a_lowered_one_fires(self):
        self.start()
        cost = self.spend(0.85)
        self.received(1)
        self.limit(cost * 4)
        wait_until(lambda: self.kinds("?state=ended") == ["budget_warning"])
        for _ in range(3):
            self.call()
        self.received(4)           # four parts of four
        self.limit(cost * 100)
        wait_until(lambda: self.kinds("?state=active") == [])
        self.limit(cost * Decimal("4.1"))
        posts = self.received(6)
        self.quiet()
        self.assertEqual([p.json["kind"].partition("_")[2] for p in posts],
                         ["warning", "warning", "critical", "exceeded", "warning", "critical"])
        self.assertEqual(len({p.id for p in posts}), 6)

    def test_a_budget_that_refuses_is_told_of(self):
        self.start()
        self.spend(0.85)
        self.budgets[0].update(on_exceeded="block")
        self.assertEqual(self.farebox.reload(self.config()).status, 200)
        self.call(status=429)
        self.call(status=429)
        posts = self.received(2)
        self.quiet()
        self.assertEqual(sorted(p.json["kind"] for p in posts), ["budget_exceeded", "budget_warning"])
        self.assertIn("Calls that it can't pay for are refused",
                      [p for p in posts if p.json["kind"] == "budget_exceeded"][0].json["text"])

    def test_each_value_of_a_star_has_its_own(self):
        self.budgets[0].update(scope={"project": "*"}, name="team")
        self.start()
        cost = Decimal(self.call("first").header("x-farebox-cost-usd"))
        self.limit(cost / Decimal("0.9"))
        for project in ("second", "third"):
            self.call(project)
        posts = self.received(3)
        self.quiet()
        self.assertEqual(sorted(p.json["scope"]["project"] for p in posts), ["first", "second", "third"])

    def test_a_budget_may_be_silent(self):
        self.start()
        cost = Decimal(self.call("other").header("x-farebox-cost-usd"))
        said = {"projectId": "hush", "budgetType": "monthly", "limitUsd": str(cost), "onExceeded": "audit",
                "alertsEnabled": False}
        answer = self.farebox.admin("POST", "/api/budgets", JSON, json.dumps(said))
        self.assertEqual(answer.status, 201, answer.text)
        self.call("hush")
        self.quiet()
        self.assertEqual(self.alerts(), [])
        # Once it may speak it says what it had to say.
        self.farebox.admin("POST", "/api/budgets", JSON, json.dumps(dict(said, alertsEnabled=True)))
        self.received(3)

    def test_limits_models_without_a_price(self):
        self.more = {"rate_limits": [{"name": "few", "scope": {"project": "*"}, "requests_per_hour": 2}]}
        self.start()
        for _ in range(2):
            self.call("busy")
        for _ in range(5):
            self.call("busy", 429)
        self.call("free", model="nobody-knows-this")
        posts = self.received(2)
        self.quiet()
        self.assertEqual({(p.json["kind"], p.json["subject"], p.json["scopeText"]) for p in posts},
                         {("rate_limited", "few", "project=busy"),
                          ("model_unpriced", "nobody-knows-this", "")})
        self.restart(signal.SIGTERM)
        self.call("free", model="nobody-knows-this")
        self.quiet(3)

    def test_a_channel_takes_what_is_grave_enough(self):
        self.channels = [self.hook(at_least="critical")]
        self.start()
        self.spend(0.85)
        wait_until(lambda: self.kinds() == ["budget_warning"])
        self.call()
        posts = self.received(2)
        self.quiet()
        self.assertEqual({p.json["level"] for p in posts}, {"critical"})


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


class Surface(AlertTest):
    def test_acknowledging_is_recorded(self):
        self.start()
        self.spend(0.85)
        self.received(1)
        self.delivered()
        id_ = self.alerts()[0]["id"]
        answer = self.farebox.admin("POST", "/api/alerts/%s/acknowledge" % id_, JSON,
                                    json.dumps({"by": "ann", "note": "topped up"}))
        self.assertEqual(answer.status, 200, answer.text)
        self.restart()
        seen = self.alerts()[0]["acknowledged"]
        self.assertEqual((seen["by"], seen["note"]), ("ann", "topped up"))
        for target, status in (("/api/alerts/alt-0/acknowledge", 404), ("/api/alerts//acknowledge", 404),
                               ("/api/alerts/a/b/acknowledge", 404), ("/api/alerts/test", 409)):
            if status == 409:
                self.channels = []
                self.farebox.reload(self.config())
            self.assertEqual(self.farebox.admin("POST", target, JSON, b"{}").status, status, target)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts?state=odd").status, 400)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts?limit=0").status, 400)

    def test_readers_may_read(self):
        self.more = {"admin": {"listen": "127.0.0.1:0", "token": "the-admin-token-1", "read_token": "the-read-token-1"}}
        self.start()
        reader = {"authorization": "Bearer the-read-token-1"}
        self.assertEqual(self.farebox.admin("GET", "/api/alerts").status, 401)
        self.assertEqual(self.farebox.admin("GET", "/api/alerts", reader).status, 200)
        self.assertEqual(self.farebox.admin("POST", "/api/alerts/test", dict(JSON, **reader), b"{}").status, 403)
        self.assertEqual(self.farebox.admin("POST", "/api/alerts/x/acknowledge", dict(JSON, **reader), b"{}").status, 403)
        self.assertEqual(self.farebox.stop(), 0)

    def test_the_command(self):
        self.start()
        self.spend(0.85)
        self.received(1)
        where = ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
        code, out, err = run_to_end(["alerts", "list", "--active", "--json"] + where)
        self.assertEqual((code, err), (0, ""))
        id_ = json.loads(out)["alerts"][0]["id"]
        code, out, _ = run_to_end(["alerts", "test"] + where)
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["results"][0]["delivered"], True)
        self.assertEqual(self.receiver.posts[-1].json["kind"], "test")
        code, out, _ = run_to_end(["alerts", "acknowledge", id_, "--by", "ann"] + where)
        self.assertEqual((code, json.loads(out)["acknowledged"]["by"]), (0, "ann"))
        self.assertEqual(run_to_end(["alerts", "acknowledge", "../x"] + where)[0], 64)
        self.assertEqual(run_to_end(["alerts", "acknowledge", "alt-1"] + where)[0], 64)
        self.assertEqual(run_to_end(["alerts", "test", "--channel", "none"] + where)[0], 64)
        self.receiver.answer = lambda post: 500
        self.assertEqual(run_to_end(["alerts", "test"] + where)[0], 69)


class Channels(AlertTest):
    def test_each_has_its_shape(self):
        self.channels = [{"name": name, "type": name, "url": self.receiver.url + "/" + name}
                         for name in ("slack", "teams", "webhook")]
        self.channels.append({"name": "pagerduty", "type": "pagerduty", "routing_key": SECRET,
                              "url": self.receiver.url + "/pagerduty"})
        self.start()
        self.spend(0.85)
        posts = {p.path.rpartition("/")[2]: p for p in self.received(4)}
        self.assertIn("*Budget team", posts["slack"].json["text"])
        card = posts["teams"].json["attachments"][0]
        self.assertEqual(card["contentType"], "application/vnd.microsoft.card.adaptive")
        self.assertIn("Budget team", card["content"]["body"][0]["text"])
        event = posts["pagerduty"].json
        self.assertEqual((event["routing_key"], event["event_action"], event["payload"]["severity"]),
                         (SECRET, "trigger", "warning"))
        self.assertNotIn("x-farebox-signature", posts["webhook"].headers)
        self.delivered()

    def test_https_is_verified(self):
        certificates = Certificates()
        self.addCleanup(certificates.cleanup)
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.file("good.pem"), certificates.file("good.key"))
        secure = WebReceiver(tls=context)
        self.addCleanup(secure.stop)
        self.channels = [self.hook(name="trusted", url=secure.url, ca_file=certificates.file("ca.pem")),
                         self.hook(name="not", url=secure.url)]
        self.start()
        results = {r["channel"]: r for r in
                   self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}").json()["results"]}
        self.assertTrue(results["trusted"]["delivered"], results)
        self.assertFalse(results["not"]["delivered"])
        self.assertIn("certificate", results["not"]["error"])

    @unittest.skipUnless(mail_server_is_there(), "python3-aiosmtpd is not installed")
    def test_mail_by_starttls_and_login(self):
        certificates = Certificates()
        self.addCleanup(certificates.cleanup)
        server = MailReceiver(certificates.file("good.pem"), certificates.file("good.key"), "joe", SECRET)
        self.addCleanup(server.stop)
        mail = {"name": "mail", "type": "email", "host": "127.0.0.1", "port": server.port, "username": "joe",
                "password": SECRET, "from": "farebox@example.com", "to": ["a@example.com", "b@example.com"],
                "ca_file": certificates.file("ca.pem")}
        self.channels = [mail, dict(mail, name="wrong", password="not-the-password"),
                         dict(mail, name="untrusted", ca_file="")]
        self.start()
        results = {r["channel"]: r for r in
                   self.farebox.admin("POST", "/api/alerts/test", JSON, b"{}").json()["results"]}
        self.assertTrue(results["mail"]["delivered"], results)
        self.assertFalse(results["wrong"]["delivered"])
        self.assertFalse(results["untrusted"]["delivered"])
        self.channels = [mail]
        self.farebox.reload(self.config())
        self.spend(0.85)
        wait_until(lambda: len(server.mails) == 2, 15)
        got = server.mails[1]
        self.assertEqual((got["from"], got["to"], got["tls"]),
                         ("farebox@example.com", ["a@example.com", "b@example.com"], True))
        import email
        import email.policy
        message = email.message_from_string(got["text"], policy=email.policy.default)
        self.assertIn("[farebox] Budget team (project=team) is at 8", message["subject"])
        self.assertIn("farebox budgets top-up", message.get_content())
        self.delivered()


if __name__ == "__main__":
    unittest.main()
