"""Settings that change while requests run: nothing is dropped, a mistake changes nothing."""

import os
import signal
import threading
import time
import unittest

from harness import (CHAT, MESSAGES, Connection, Farebox, Mock, chat_body, messages_body,
                     providers, wait_until)


def own_key(mock, key, **more):
    return dict({"openai": {"dialect": "openai", "base_url": mock.url, "api_keys": [key]}}, **more)


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def start(self, config, **more):
        farebox = Farebox(config, **more)
        self.addCleanup(lambda: self.assertEqual(farebox.stop(), 0, farebox.raw_lines[-20:]))
        return farebox

    def chat(self, farebox, target=CHAT, headers=()):
        with Connection(farebox.port) as connection:
            connection.ask("POST", target, headers, chat_body())
            return connection.response()

    def sent_key(self):
        return self.mock.requests()[-1].header("authorization")


class Reload(ReloadTest):
    def test_the_next_request_has_the_new_key(self):
        farebox = self.start({"providers": own_key(self.mock, "sk-first")})
        kept = Connection(farebox.port)
        self.addCleanup(kept.close)
        kept.ask("POST", CHAT, (), chat_body())
        self.assertEqual(kept.response().status, 200)
        self.assertEqual(self.sent_key(), "Bearer sk-first")
        answer = farebox.reload({"providers": own_key(self.mock, "sk-second")})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.json(), {"status": "ok", "changed": ["providers.openai"],
                                         "needsRestart": [], "warnings": []})
        kept.ask("POST", CHAT, (), chat_body())     # on the connection that was there before
        self.assertEqual(kept.response().status, 200)
        self.assertEqual(self.sent_key(), "Bearer sk-second")
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-second")
        self.assertEqual([l for l in farebox.raw_lines if "sk-" in l], [])

    def test_sighup_does_the_same(self):
        farebox = self.start({"providers": own_key(self.mock, "sk-first")})
        farebox.rewrite({"providers": own_key(self.mock, "sk-second"), "log": {"level": "warn"}})
        farebox.send_signal(signal.SIGHUP)
        wait_until(lambda: farebox.metric("farebox_config_reloads_total", result="success") == 1)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-second")
        time.sleep(0.1)
        self.assertEqual(farebox.log(msg="request"), [], "log.level has no effect")

    def test_a_removed_provider_is_404_and_a_new_one_serves(self):
        farebox = self.start({"providers": providers(self.mock, extra={})})
        self.assertEqual(self.chat(farebox, "/extra" + CHAT).status, 200)
        answer = farebox.reload({"providers": providers(self.mock, other={})})
        self.assertEqual(answer.json()["changed"], ["providers.other", "providers.extra"])
        self.assertEqual(self.chat(farebox, "/extra" + CHAT).status, 404)
        self.assertEqual(self.chat(farebox, "/other" + CHAT).status, 200)
        names = {p["name"] for p in farebox.admin_json("/api/providers")["providers"]}
        self.assertEqual(names & {"extra", "other"}, {"other"})

    def test_a_file_that_is_being_written_changes_nothing(self):
        """Once, an empty file was a configuration with all defaults: without the token."""
        farebox = self.start({"providers": own_key(self.mock, "sk-first"), "admin": {"token": "t" * 20}})
        with open(farebox.config_file, "w", encoding="utf-8"):
            pass
        farebox.send_signal(signal.SIGHUP)
        wait_until(lambda: farebox.log(msg="the configuration was not reloaded; the old one goes on"))
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-first")

    def test_a_bad_file_changes_nothing_and_says_why(self):
        farebox = self.start({"providers": own_key(self.mock, "sk-first")})
        bad = {"providers": own_key(self.mock, "sk-second"), "limits": {"boddy": 1}, "via": "maybe"}
        answer = farebox.reload(bad)
        self.assertEqual(answer.status, 400)
        error = answer.json()["error"]
        self.assertEqual((error["code"], len(error["problems"])), ("invalid_config", 2))
        for problem in error["problems"]:
            self.assertRegex(problem, r"^/.*farebox\.yaml:\d+: ")
        self.assertIn("did you mean 'body'?", "".join(error["problems"]))
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-first")
        self.assertEqual(farebox.metric("farebox_config_reloads_total", result="failure"), 1)
        self.assertEqual(farebox.metric("farebox_config_last_reload_successful"), 0)
        self.assertEqual(len(farebox.log(level="error", msg="configuration")), 2)
        os.remove(farebox.config_file)
        self.assertEqual(farebox.reload().status, 400)
        answer = farebox.reload({"providers": own_key(self.mock, "sk-third")})
        self.assertEqual(answer.status, 200)
        self.assertEqual(farebox.metric("farebox_config_last_reload_successful"), 1)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-third")

    def test_what_needs_a_restart_is_kept_and_named(self):
        farebox = self.start({"providers": own_key(self.mock, "sk-first")})
        answer = farebox.reload({"providers": own_key(self.mock, "sk-second"), "threads": 7,
                                 "listen": "127.0.0.1:1", "data_dir": "/nowhere",
                                 "ledger": {"store": "memory", "retain": "7d"}})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["needsRestart"],
                         ["listen", "data_dir", "threads", "ledger.store"])
        self.assertEqual(answer.json()["changed"], ["ledger.retain", "providers.openai"])
        wait_until(lambda: farebox.log(msg="needs a restart"), 2)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-second")

    def test_no_open_relay_by_reload(self):
        """What runs off loopback can't be given keys by a file that says it is on it."""
        farebox = self.start({"providers": providers(self.mock), "listen": "0.0.0.0:0"})
        answer = farebox.reload({"providers": own_key(self.mock, "sk-own"),
                                 "listen": "127.0.0.1:4141"})
        self.assertEqual(answer.status, 400)
        self.assertIn("anyone could spend your money", answer.json()["error"]["problems"][0])

    def test_without_a_file_there_is_nothing_to_reload(self):
        farebox = self.start({"providers": providers(self.mock)},
                             arguments=["serve", "--listen", "127.0.0.1:0",
                                        "--admin-listen", "127.0.0.1:0"])
        answer = farebox.reload()
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (409, "no_config_file"))
        farebox.send_signal(signal.SIGHUP)
        wait_until(lambda: [l for l in farebox.log(level="warn") if "nothing to reload" in l["msg"]])

    def test_the_admin_token_guards_it_and_changes_with_it(self):
        table = {"providers": providers(self.mock)}
        admin = {"listen": "127.0.0.1:0", "token": "old-token", "read_token": "reader"}
        farebox = self.start(dict(table, admin=admin))
        ask = lambda token: farebox.admin("POST", "/api/config/reload",
                                          {"Authorization": "Bearer " + token}, b"").status
        self.assertEqual(farebox.admin("POST", "/api/config/reload", (), b"").status, 401)
        self.assertEqual((ask("reader"), ask("wrong")), (403, 401))
        self.assertEqual(farebox.admin("GET", "/api/config/reload",
                                       {"Authorization": "Bearer old-token"}).status, 405)
        farebox.rewrite(dict(table, admin=dict(admin, token="new-token")))
        self.assertEqual(ask("old-token"), 200)
        self.assertEqual((ask("old-token"), ask("new-token")), (401, 200))

    def test_connections_of_an_unchanged_provider_stay(self):
        table = providers(self.mock)
        farebox = self.start({"providers": table, "threads": 1})
        self.chat(farebox)
        self.chat(farebox, "/probe" + CHAT)
        table["probe"]["timeouts"] = {"idle": "7s"}
        self.assertEqual(farebox.reload({"providers": table, "threads": 1}).json()["changed"],
                         ["providers.probe"])
        self.chat(farebox)
        self.chat(farebox, "/probe" + CHAT)
        first, probe, again, probe_again = [s.connection for s in self.mock.requests()]
        self.assertEqual(first, again, "a pool was lost that nobody changed")
        self.assertNotEqual(probe, probe_again, "a changed provider kept its old connections")
        wait_until(lambda: farebox.metric("farebox_upstream_connections", provider="probe") == 1, 4)

    def test_a_request_keeps_what_it_began_with(self):
        """Its provider is taken away while it runs; it ends as if nothing had happened."""
        table = providers(self.mock)
        farebox = self.start({"providers": table})
        with Connection(farebox.port, timeout=30) as connection:
            connection.ask("POST", "/anthropic" + MESSAGES, {
                "x-mock-chunks": "40", "x-mock-delay-chunk-ms": "25"}, messages_body(stream=True))
            reply = connection.head()
            pieces = connection.pieces(reply)
            next(pieces)
            rest = {name: entry for name, entry in table.items() if name != "anthropic"}
            self.assertEqual(farebox.reload({"providers": rest}).status, 200)
            for _ in range(3):          # the one it began under is no longer the last but one
                self.assertEqual(farebox.reload().status, 200)
            for _ in pieces:
                pass
            self.assertTrue(reply.complete)
            self.assertIn("message_stop", reply.text)
            record = farebox.record_of(reply)
            self.assertEqual((record["provider"], record["outcome"], record["outputTokens"]),
                             ("anthropic", "ok", 40))
            connection.ask("POST", "/anthropic" + MESSAGES, (), messages_body())
            self.assertEqual(connection.response().status, 404)

    def test_prices_change(self):
        model = "priced-by-me"
        entry = lambda price: {"providers": providers(self.mock), "prices": {
            "overrides": {model: {"input": price, "output": price}}}}
        farebox = self.start(entry("1"))
        cost = lambda: farebox.record_of(self.cost_chat(farebox, model))["costUsd"]
        self.assertEqual(cost(), "0.000011")
        self.assertEqual(farebox.reload(entry("2")).json()["changed"], ["prices"])
        self.assertEqual(cost(), "0.000022")

    def cost_chat(self, farebox, model):
        with Connection(farebox.port) as connection:
            connection.ask("POST", CHAT, (), chat_body(model=model))
            return connection.response()

    def test_limits_and_origins_change(self):
        farebox = self.start({"providers": providers(self.mock)})
        self.assertEqual(farebox.reload({"providers": providers(self.mock),
                                         "limits": {"body": "1KiB"},
                                         "allowed_origins": ["https://a.example"]}).status, 200)
        with Connection(farebox.port) as connection:
            connection.ask("POST", CHAT, (), chat_body("x" * 2000))
            self.assertEqual(connection.response().status, 413)
        self.assertEqual(self.chat(farebox, headers={"Origin": "https://a.example"}).status, 200)
        self.assertEqual(self.chat(farebox, headers={"Origin": "https://b.example"}).status, 403)


class UnderLoad(ReloadTest):
    STREAMS, RELOADS = 200, 20

    def test_two_hundred_streams_through_twenty_reloads(self):
        table = providers(self.mock, each={"pool": {"max": 300}})
        farebox = self.start({"providers": table})
        replies, errors = [], []

        def stream(number):
            try:
                with Connection(farebox.port, timeout=60) as connection:
                    connection.ask("POST", MESSAGES, {
                        "x-mock-chunks": "60", "x-mock-delay-chunk-ms": "50",
                        "x-farebox-request-id": "s%d" % number},
                        messages_body(stream=True, max_tokens=100000))
                    reply = connection.response()
                replies.append(reply)
            except Exception as error:      # noqa: BLE001: told below
                errors.append((number, error))
        threads = [threading.Thread(target=stream, args=(i,)) for i in range(self.STREAMS)]
        for thread in threads:
            thread.start()
        wait_until(lambda: farebox.metric("farebox_streams_active") >= self.STREAMS * 0.9, 20)
        short, statuses = [], []
        for number in range(self.RELOADS):
            table["anthropic"]["timeouts"] = {"idle": "%ds" % (60 + number)}
            config = {"providers": dict(table), "limits": {"idle_timeout": "%ds" % (100 + number)}}
            if number % 4 == 3:
                config["nonsense"] = True
            statuses.append(farebox.reload(config).status)
            short.append(self.chat(farebox).status)
            time.sleep(0.05)
        for thread in threads:
            thread.join(90)
        self.assertEqual(errors, [])
        self.assertEqual(statuses, [200, 200, 200, 400] * (self.RELOADS // 4))
        self.assertEqual(set(short), {200})
        self.assertEqual(len(replies), self.STREAMS)
        self.assertEqual({(r.status, r.complete, len(r.chunks)) for r in replies},
                         {(200, True, 66)})
        self.assertEqual(len({r.body.partition(b"content_block_start")[2] for r in replies}), 1)
        streams = [r for r in farebox.records() if r["requestId"].startswith("s")]
        self.assertEqual(len(streams), self.STREAMS)
        self.assertEqual({(r["outcome"], r["outputTokens"]) for r in streams}, {("ok", 60)})
        bill = self.mock.bill()["total"]
        self.assertEqual(bill["requests"], self.STREAMS + self.RELOADS)

    def test_reloads_at_the_same_time_are_one_after_the_other(self):
        farebox = self.start({"providers": providers(self.mock)})
        statuses = []

        def ask():
            statuses.append(farebox.reload().status)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            farebox.send_signal(signal.SIGHUP)
        for thread in threads:
            thread.join(30)
        self.assertEqual(statuses, [200] * 8)
        self.assertEqual(self.chat(farebox).status, 200)

    def test_many_reloads_leave_nothing_behind(self):
        table = providers(self.mock)
        farebox = self.start({"providers": table})

        def rounds(count):
            for number in range(count):
                table["probe"]["timeouts"] = {"idle": "%ds" % (60 + number % 2)}
                farebox.reload({"providers": table})
                self.chat(farebox, "/probe" + CHAT)
        rounds(50)
        before, files = farebox.rss_kib(), farebox.open_files()
        rounds(150)
        self.assertLess(farebox.open_files() - files, 10)
        if os.environ.get("FAREBOX_PRESET") == "release":   # a sanitizer keeps what was freed
            self.assertLess(farebox.rss_kib() - before, 1024)


class Watched(ReloadTest):
    """watch_config: a file that is replaced is read again by itself."""

    def start_watched(self, key="sk-first"):
        farebox = self.start({"providers": own_key(self.mock, key), "watch_config": True})
        self.chat(farebox)
        return farebox

    def applied(self, farebox):
        return farebox.metric("farebox_config_reloads_total", result="success") or 0

    def test_a_file_that_is_rewritten_is_read_again_once(self):
        farebox = self.start_watched()
        farebox.rewrite({"providers": own_key(self.mock, "sk-second"), "watch_config": True})
        wait_until(lambda: self.applied(farebox) == 1, 15)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-second")
        time.sleep(5)
        self.assertEqual(self.applied(farebox), 1)

    def test_a_swap_of_links_as_kubernetes_makes_it(self):
        """ConfigMaps: farebox.yaml -> ..data/farebox.yaml, ..data -> a directory with a date."""
        farebox = self.start_watched()
        place = os.path.dirname(farebox.config_file)
        first, second = os.path.join(place, "..1"), os.path.join(place, "..2")
        os.mkdir(first)
        os.mkdir(second)
        os.rename(farebox.config_file, os.path.join(first, "farebox.yaml"))
        with open(os.path.join(first, "farebox.yaml")) as old:
            text = old.read()
        with open(os.path.join(second, "farebox.yaml"), "w") as new:
            new.write(text.replace("sk-first", "sk-second"))
        data = os.path.join(place, "..data")
        os.symlink(first, data)
        os.symlink(os.path.join("..data", "farebox.yaml"), farebox.config_file)
        before = self.applied(farebox)
        os.symlink(second, data + ".tmp")
        os.rename(data + ".tmp", data)
        wait_until(lambda: self.applied(farebox) > before, 15)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-second")

    def test_a_mistake_is_told_once_and_changes_nothing(self):
        farebox = self.start_watched()
        farebox.rewrite({"providers": own_key(self.mock, "sk-second"), "watch_config": True,
                         "nonsense": 1})
        wait_until(lambda: farebox.metric("farebox_config_reloads_total", result="failure") == 1, 15)
        self.chat(farebox)
        self.assertEqual(self.sent_key(), "Bearer sk-first")
        time.sleep(5)
        self.assertEqual(farebox.metric("farebox_config_reloads_total", result="failure"), 1)


class ManyReloads(ReloadTest):
    """Row O1: FAREBOX_ROUNDS=1000 for its figure."""

    ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", 60))

    def test_reloads_under_load_half_of_them_mistakes(self):
        table = providers(self.mock)
        farebox = self.start({"providers": table})
        stop, statuses = threading.Event(), []

        def load():
            with Connection(farebox.port, timeout=60) as connection:
                while not stop.is_set():
                    connection.ask("POST", CHAT, (), chat_body())
                    statuses.append(connection.response().status)
                    time.sleep(0.02)        # records take memory of their own
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        answers, before = [], 0
        for number in range(self.ROUNDS):
            table["openai"]["timeouts"] = {"idle": "%ds" % (60 + number % 7)}
            config = {"providers": table}
            if number % 2:
                config["nonsense"] = number
            answers.append(farebox.reload(config).status)
            if number == self.ROUNDS // 3:
                before = farebox.rss_kib()
        grown = farebox.rss_kib() - before
        stop.set()
        for thread in threads:
            thread.join(60)
        self.assertEqual(set(answers[0::2] + answers[1::2]), {200, 400})
        self.assertEqual(set(statuses), {200})
        self.assertGreater(len(statuses), self.ROUNDS // 4)
        # Each reload leaves an audit record, each call one: some KiB in the store's memory until
        # that is written out.
        if os.environ.get("FAREBOX_PRESET") == "release":
            self.assertLess(grown, 1024 + 2 * self.ROUNDS + len(statuses))


if __name__ == "__main__":
    unittest.main()
