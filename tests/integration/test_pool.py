"""Connections to providers: warm before anybody calls, replaced before they end, dialled where
the name leads now, and checked when nobody calls."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from free_port import free_port
from harness import CHAT, CALM, Farebox, FareboxTest, Mock, chat_body, fetch, providers, wait_until
import farebox_process

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "3000"))
CONNECTS = "farebox_upstream_connects_total"


def connects(farebox, *reasons, provider="openai"):
    return sum(farebox.metric(CONNECTS, provider=provider, reason=each) for each in reasons)


class WarmPool(FareboxTest):
    @classmethod
    def config(cls):
        pool = {"min": 5, "max_requests": 200, "max_lifetime": "10m"}
        return {"threads": 2, "providers": {"openai": dict(CALM, base_url=cls.mock.url, pool=pool)}}

    def warm(self):
        return self.farebox.metric("farebox_upstream_connections", provider="openai", state="idle")


class BeforeAnybodyCalls(WarmPool):
    def test_connections_are_there_before_anybody_calls_and_after_they_were_closed(self):
        wait_until(lambda: self.warm() == 5, 5, "not warm after the start")
        self.assertEqual(connects(self.farebox, "first", "grow"), 0)
        self.mock.close_connections()
        before = connects(self.farebox, "warm")
        wait_until(lambda: connects(self.farebox, "warm") >= before + 5, 8, "not filled up")
        wait_until(lambda: self.warm() == 5, 5, "not warm again")


class SteadyLoad(WarmPool):
    def test_at_steady_load_no_call_waits_for_a_connection(self):
        wait_until(lambda: self.warm() >= 4, 8, "not warm after the start")

        def call(count):
            with self.connect() as connection:
                for _ in range(count):
                    connection.ask("POST", CHAT, (), chat_body())
                    if connection.response().status != 200:
                        failures.append(1)
        failures = []
        cold = connects(self.farebox, "first", "grow")
        threads = [threading.Thread(target=call, args=(ROUNDS // 3,)) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual(failures, [])
        time.sleep(1.2)     # gauges are as of the last tick
        waited = connects(self.farebox, "first", "grow") - cold
        replaced = connects(self.farebox, "replace")
        # 99.99 % of calls ride a warm connection, though each carries 200 calls only. A worker whose
        # share is smaller than the callers it happened to get dials for the first of them.
        self.assertGreaterEqual(replaced, ROUNDS / 200 - 5)
        self.assertLessEqual(waited, 1 + ROUNDS / 10000, "calls that waited for a dial")


class NobodyThere(unittest.TestCase):
    def test_a_provider_that_is_down_is_not_stormed(self):
        entry = dict(CALM, base_url="http://127.0.0.1:%d" % free_port(), pool={"min": 20})
        farebox = Farebox({"threads": 2, "providers": {"openai": entry}})
        try:
            time.sleep(6)
            failed = connects(farebox, "failed")
            self.assertGreaterEqual(failed, 4)
            self.assertLessEqual(failed, 40)    # rests of 1, 2, 4 s; 4 dials of 2 workers each
        finally:
            self.assertEqual(farebox.stop(), 0)


class Checks(FareboxTest):
    @classmethod
    def config(cls):
        entry = dict(CALM, base_url=cls.mock.url + "/base", pool={"health_interval": "1s"})
        check = {"path": "/v1/models?limit=1", "timeout": "2s"}
        return {"threads": 2, "providers": {
            "openai": dict(entry, api_keys=["sk-canary-of-the-check"], health_check=check),
            "other": dict(entry, dialect="anthropic", api_keys=["sk-canary-of-the-other"],
                          health_check=dict(check, method="HEAD", send_key=False)),
            "taken": dict(entry, pool={"health_interval": "1s", "max": 1},
                          circuit_breaker={"failure_threshold": 1},
                          health_check={"path": "/v1/models?taken", "timeout": "300ms", "send_key": False}),
            "unasked": entry}}

    def healthy(self, provider="openai"):
        return self.farebox.metrics().get('farebox_provider_healthy{provider="%s"}' % provider)

    def test_one_check_an_interval_in_the_whole_process(self):
        time.sleep(4.5)
        seen = [r for r in self.mock.requests() if "taken" not in r.target]
        asked = [(r.method, r.target, r.header("authorization"), r.header("x-api-key")) for r in seen]
        kinds = set(asked)
        self.assertEqual(kinds, {
            ("GET", "/base/v1/models?limit=1", "Bearer sk-canary-of-the-check", None),
            ("HEAD", "/base/v1/models?limit=1", None, None)})
        for kind in kinds:      # two workers, one check each second or two
            self.assertIn(asked.count(kind), (1, 2, 3, 4, 5))
        self.assertEqual((self.healthy(), self.healthy("other"), self.healthy("unasked")), (1, 1, None))
        self.assertLessEqual(len({r.connection for r in seen}), 4)

    def test_connections_that_others_have_say_nothing_about_a_provider(self):
        """A check that got none in time counted as a provider that can't be reached."""
        wait_until(lambda: self.healthy("taken") == 1, 15)
        self.mock.clear()
        self.mock.rule({"delay_chunk_ms": 400, "chunks": 12}, method="POST")
        stream = self.connect()
        stream.ask("POST", "/taken" + CHAT, {"content-type": "application/json"}, chat_body(stream=True))
        self.assertTrue(stream.response("POST").complete)   # some five seconds, with a check in each
        rows = self.farebox.admin_json("/api/providers")["providers"]
        row = next(row for row in rows if row["name"] == "taken")
        self.assertEqual((row["breaker"]["state"], row["breaker"].get("timesOpened", 0)), ("CLOSED", 0))
        self.assertEqual(self.healthy("taken"), 1)

    def test_what_a_check_finds_is_shown(self):
        wait_until(lambda: self.healthy() == 1, 15)
        for behaviour, found in (({"status": 503}, 0), ({"status": 401}, 1),
                                 ({"delay_head_ms": 2600}, 0), ({"status": 200}, 1),
                                 ({"raw": "bm90IEhUVFAgYXQgYWxsDQoNCg==", "connection_close": True}, 0)):
            self.mock.clear()
            self.mock.rule(behaviour, method="GET")
            wait_until(lambda: self.healthy() == found, 15, "no %s after %s" % (found, behaviour))
        self.mock.clear()
        wait_until(lambda: self.healthy() == 1, 15)


class SlowPort:
    """A listener whose queue is full: who connects hears nothing, as of a lost packet."""

    def __init__(self, address, port):
        self.sockets = [socket.socket()]
        self.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sockets[0].bind((address, port))
        self.sockets[0].listen(0)
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            self.sockets.append(filler)

    def close(self):
        for each in self.sockets:
            each.close()


def own_hosts_file():
    """How to run a program with another /etc/hosts, or None where that is not permitted."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if shutil.which("unshare") and not subprocess.run(
                command + ["mount", "--bind", "/etc/hostname", "/etc/hosts"], capture_output=True).returncode:
            return command
    return None


UNSHARE = own_hosts_file()


@unittest.skipUnless(UNSHARE, "needs a mount namespace for an /etc/hosts of its own")
class Names(unittest.TestCase):
    """Row O3: addresses change, die, come back, one answers slowly."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="farebox-")
        self.addCleanup(self.directory.cleanup)
        self.hosts = os.path.join(self.directory.name, "hosts")
        self.lead_to()
        wrapper = os.path.join(self.directory.name, "farebox")
        with open(wrapper, "w") as file:
            file.write("#!/bin/sh\nexec %s sh -c 'mount --bind %s /etc/hosts && exec \"$@\"' - %s \"$@\"\n"
                       % (" ".join(UNSHARE), self.hosts, os.path.abspath(farebox_process.program())))
        os.chmod(wrapper, 0o755)
        self.first = Mock(listen="127.0.0.2:0")
        self.addCleanup(lambda: self.stop(self.first))
        self.port = self.first.port
        pool = {"dns_refresh": "1s", "max_requests": 3}
        entry = {"base_url": "http://api.test:%d" % self.port, "pool": pool, "retry": {"max_attempts": 1},
                 "circuit_breaker": CALM["circuit_breaker"]}
        before = os.environ["FAREBOX_BIN"]
        os.environ["FAREBOX_BIN"] = wrapper
        try:
            self.farebox = Farebox({"providers": {"openai": entry}})
        finally:
            os.environ["FAREBOX_BIN"] = before
        self.addCleanup(lambda: self.assertEqual(self.farebox.stop(), 0))

    def lead_to(self, *addresses):
        """In place: the mount holds on to this very file."""
        with open(self.hosts, "w") as file:
            file.write("127.0.0.1 localhost\n" + "".join("%s api.test\n" % each for each in addresses))

    @staticmethod
    def stop(mock):
        if mock.process.poll() is None:
            mock.stop()

    def call(self, times=10):
        """Statuses of calls, and the longest one's seconds."""
        statuses, longest = [], 0
        for _ in range(times):
            began = time.monotonic()
            statuses.append(fetch(self.farebox.port, "POST", CHAT, (), chat_body()).status)
            longest = max(longest, time.monotonic() - began)
        return statuses, longest

    def works(self, seconds=4.5):
        """A stall would last for timeouts.connect, which is 5 s."""
        statuses, longest = self.call()
        self.assertEqual(statuses, [200] * 10)
        self.assertLess(longest, seconds)

    def test_calls_follow_the_name(self):
        self.assertEqual(self.call(1)[0], [502])    # the name leads nowhere yet
        self.lead_to("127.0.0.2")
        time.sleep(1.2)
        self.works()
        # The address changes while the old one still answers.
        second = Mock(listen="127.0.0.3:%d" % self.port)
        self.addCleanup(lambda: self.stop(second))
        self.lead_to("127.0.0.3")
        time.sleep(1.2)
        self.works()
        self.assertTrue(second.requests())
        # The old one dies.
        self.stop(self.first)
        self.works()
        # One of two is dead, one of three answers slowly.
        self.lead_to("127.0.0.2", "127.0.0.3")
        time.sleep(1.2)
        self.works()
        slow = SlowPort("127.0.0.4", self.port)
        self.addCleanup(slow.close)
        self.lead_to("127.0.0.4", "127.0.0.2", "127.0.0.3")
        time.sleep(1.2)
        self.works()
        # All that was known dies; the name leads to one that came back.
        self.lead_to("127.0.0.2")
        self.stop(second)
        again = Mock(listen="127.0.0.2:%d" % self.port)
        self.addCleanup(lambda: self.stop(again))
        time.sleep(1.2)
        self.works()

    def test_a_name_that_is_lost_leaves_what_is_known(self):
        self.lead_to("127.0.0.2")
        self.works()
        self.lead_to()
        time.sleep(1.2)
        self.works()


if __name__ == "__main__":
    unittest.main()
