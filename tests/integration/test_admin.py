"""The admin port: health, metrics, usage, records, and who may ask."""

import shutil
import subprocess
import unittest

from harness import (CHAT, GENERATE, MESSAGES, FareboxTest, chat_body, fetch, generate_body,
                     messages_body, providers, wait_until)

RECORD_FIELDS = {
    "id", "time", "requestId", "provider", "dialect", "endpoint", "model", "requestedModel",
    "keyName", "org", "project", "user", "tags", "stream", "status", "outcome", "inputTokens",
    "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens", "audioInputTokens",
    "audioOutputTokens", "imageInputTokens", "imageOutputTokens", "toolCalls", "units", "extras",
    "costUsd", "priced", "priceVersion", "estimated", "overHold", "metered", "cache", "attempts",
    "ttfbMs", "latencyMs", "finishReason"}
FAMILIES = {"farebox_requests_total": "counter", "farebox_tokens_total": "counter",
            "farebox_cost_usd_total": "counter", "farebox_request_duration_seconds": "histogram",
            "farebox_overhead_seconds": "histogram",
            "farebox_time_to_first_token_seconds": "histogram", "farebox_streams_active": "gauge",
            "farebox_ledger_records_total": "counter", "farebox_ledger_dropped_total": "counter",
            "farebox_config_reloads_total": "counter",
            "farebox_config_last_reload_successful": "gauge",
            "farebox_build_info": "gauge", "process_resident_memory_bytes": "gauge"}


class Health(FareboxTest):
    def test_healthz_and_readyz(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.farebox.admin("GET", path).status, 200)
            self.assertEqual(self.farebox.admin("GET", path, {"Host": "10.1.2.3:4142"}).status, 200)

    def test_unknown_paths_are_404_as_json(self):
        for path in ("/api/nothing", "/api/usage/recordz"):
            reply = self.farebox.admin("GET", path)
            self.assertEqual(reply.status, 404, path)
            self.assertEqual(set(reply.json()["error"]), {"code", "message"})

    def test_admin_paths_are_not_on_the_data_port(self):
        for path in ("/healthz", "/metrics", "/api/usage", "/api/usage/records"):
            self.assertEqual(self.fetch("GET", path).status, 404, path)

    def test_data_paths_are_not_on_the_admin_port(self):
        self.assertIn(self.farebox.admin("POST", CHAT, (), b"{}").status, (404, 405))
        self.assertEqual(self.mock.requests(), [])

    def test_writes_to_read_only_calls_are_refused(self):
        for path in ("/healthz", "/metrics", "/api/usage"):
            self.assertIn(self.farebox.admin("POST", path, (), b"{}").status, (404, 405), path)


class Metrics(FareboxTest):
    def exposition(self):
        reply = self.farebox.admin("GET", "/metrics")
        self.assertEqual(reply.status, 200)
        return reply

    def test_the_exposition_has_its_type(self):
        self.assertEqual(self.exposition().header("content-type"),
                         "text/plain; version=0.0.4; charset=utf-8")

    def test_families_have_their_names_and_types(self):
        self.post(CHAT, chat_body())
        # Counted a moment after the client has its answer.
        wait_until(lambda: self.farebox.metric("farebox_requests_total") > 0)
        text = self.exposition().text
        for name, kind in FAMILIES.items():
            self.assertIn("# TYPE %s %s\n" % (name, kind), text)

    def test_promtool_accepts_it(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        self.post(CHAT, chat_body(model='odd "model"\n\\ \u00e9'))
        self.post(CHAT, b'{"model":"\xff\xfe","messages":[]}')
        done = subprocess.run(["promtool", "check", "metrics"], input=self.exposition().text,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_requests_and_tokens_are_counted(self):
        model = "gpt-4.1-nano"      # no other test of this class asks for it
        count = lambda: self.farebox.metric("farebox_requests_total", model=model, code="200",
                                            outcome="ok")
        tokens = lambda kind: self.farebox.metric("farebox_tokens_total", model=model, type=kind)
        for _ in range(3):
            self.post(CHAT, chat_body(model=model))
        wait_until(lambda: count() == 3, 3, "requests are not counted")
        self.assertEqual((tokens("input"), tokens("output")), (9, 24))
        self.assertEqual(self.farebox.metric("farebox_ledger_dropped_total"), 0)

    def test_histograms_count_every_request(self):
        name = "farebox_request_duration_seconds_count"
        before = self.farebox.metric(name)
        for _ in range(4):
            self.post(CHAT, chat_body())
        wait_until(lambda: self.farebox.metric(name) == before + 4, 3)


class BoundedMetrics(FareboxTest):
    def test_labels_are_bounded(self):
        for i in range(400):
            self.post(CHAT, chat_body(model="model-%d" % i))
        models = {s for s in self.farebox.metrics() if s.startswith("farebox_requests_total")}
        self.assertLess(len(models), 300)
        self.assertGreater(self.farebox.metric("farebox_requests_total", model="other"), 0)


class Usage(FareboxTest):
    def test_a_record_says_everything(self):
        reply = self.post(CHAT, chat_body(), {
            "x-farebox-project": "search", "x-farebox-user": "ada", "x-farebox-tags": "team=a,tier=b",
            "x-mock-cached-tokens": "2", "x-mock-reasoning-tokens": "1"})
        record = self.farebox.record_of(reply)
        self.assertEqual(RECORD_FIELDS - set(record), set())
        for name, value in {
                "provider": "openai", "dialect": "openai", "endpoint": "chat.completions",
                "model": "gpt-4.1-mini", "requestedModel": "gpt-4.1-mini", "project": "search",
                "user": "ada", "tags": {"team": "a", "tier": "b"}, "stream": False, "status": 200,
                "outcome": "ok", "inputTokens": 3, "cachedInputTokens": 2, "outputTokens": 8,
                "reasoningTokens": 1, "estimated": False, "metered": True, "overHold": False,
                "finishReason": "stop"}.items():
            self.assertEqual(record[name], value, name)
        self.assertRegex(record["costUsd"], r"^\d+(\.\d+)?$")
        self.assertEqual(len(record["attempts"]), 1)
        self.assertEqual((record["attempts"][0]["status"], record["attempts"][0]["outcome"]),
                         (200, "ok"))
        self.assertGreaterEqual(record["latencyMs"], record["ttfbMs"])

    def test_every_dialect_is_metered(self):
        for target, body, provider in ((CHAT, chat_body(), "openai"),
                                       (MESSAGES, messages_body(), "anthropic"),
                                       (GENERATE, generate_body(), "gemini")):
            record = self.farebox.record_of(self.post(target, body))
            self.assertEqual((record["provider"], record["inputTokens"], record["outputTokens"]),
                             (provider, 3, 8))

    def test_parts_are_clamped_to_their_whole(self):
        record = self.farebox.record_of(self.post(CHAT, chat_body(), {
            "x-mock-cached-tokens": "500", "x-mock-reasoning-tokens": "500"}))
        self.assertEqual((record["cachedInputTokens"], record["reasoningTokens"]), (3, 8))

    def test_an_unknown_path_is_recorded_unmetered(self):
        record = self.farebox.record_of(self.fetch("GET", "/openai/echo/x"))
        self.assertEqual((record["metered"], record["outcome"]), (False, "ok"))

    def test_an_unpriced_model_is_not_free(self):
        record = self.farebox.record_of(self.post(CHAT, chat_body(model="nobody-sells-this")))
        self.assertFalse(record["priced"])

    def test_a_reply_that_was_sent_is_visible_at_once(self):
        for i in range(20):
            reply = self.post(CHAT, chat_body(), {"x-farebox-request-id": "seen-%d" % i})
            self.assertTrue(reply.complete)
            newest = self.farebox.admin_json("/api/usage/records?limit=1")["records"]
            self.assertEqual(newest[0]["requestId"], "seen-%d" % i)

    def test_sums_are_the_sum_of_the_records(self):
        for n in range(1, 6):
            self.post(CHAT, chat_body(model="summed-%d" % (n % 2)), {"x-mock-output-tokens": str(n),
                                                                    "x-farebox-project": "sums"})
        rows = self.farebox.admin_json("/api/usage?groupBy=model&projectId=sums")
        by_model = {row["model"]: row for row in rows["rows"]}
        self.assertEqual((by_model["summed-1"]["requests"], by_model["summed-1"]["outputTokens"]),
                         (3, 9))
        self.assertEqual((by_model["summed-0"]["requests"], by_model["summed-0"]["outputTokens"]),
                         (2, 6))
        total = rows["total"]
        self.assertEqual((total["requests"], total["inputTokens"], total["outputTokens"]), (5, 15, 15))
        self.assertIsInstance(total["costUsd"], str)

    def test_everything_adds_up_to_the_mocks_bill(self):
        before = self.farebox.admin_json("/api/usage")["total"]
        for target, body in ((CHAT, chat_body()), (CHAT, chat_body(stream=True)),
                             (MESSAGES, messages_body(stream=True)), (GENERATE, generate_body())):
            self.post(target, body)
        after = self.farebox.admin_json("/api/usage")["total"]
        bill = self.mock.bill()["total"]
        for ours, theirs in (("requests", "requests"), ("inputTokens", "inputTokens"),
                             ("outputTokens", "outputTokens")):
            self.assertEqual(after[ours] - before[ours], bill[theirs], ours)


class Paging(FareboxTest):
    COUNT = 25

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(cls.COUNT):
            fetch(cls.farebox.port, "POST", CHAT, {"x-farebox-request-id": "page-%02d" % i},
                  chat_body())
        cls.ids = ["page-%02d" % i for i in reversed(range(cls.COUNT))]

    def page(self, query):
        return self.farebox.admin_json("/api/usage/records?" + query)

    def test_newest_come_first(self):
        records = self.page("limit=1000")["records"]
        self.assertEqual([r["requestId"] for r in records], self.ids)
        self.assertEqual([r["time"] for r in records],
                         sorted((r["time"] for r in records), reverse=True))

    def test_pages_follow_each_other_without_gap_or_repeat(self):
        ids, cursor = [], ""
        while cursor is not None:
            page = self.page("limit=4" + ("&cursor=" + cursor if cursor else ""))
            self.assertLessEqual(len(page["records"]), 4)
            ids += [r["requestId"] for r in page["records"]]
            cursor = page["nextCursor"]
            if cursor is not None:
                self.assertRegex(cursor, r"^[A-Za-z0-9._~-]+$", "a cursor is URL-safe")
        self.assertEqual(ids, self.ids)

    def test_nonsense_is_400(self):
        for query in ("limit=0", "limit=-1", "limit=x", "cursor=%21%21"):
            reply = self.farebox.admin("GET", "/api/usage/records?" + query)
            self.assertEqual(reply.status, 400, query)
            self.assertIn("message", reply.json()["error"])
        self.assertIn(self.farebox.admin("GET", "/api/usage/records?limit=5000").status, (200, 400))
        self.assertIn(self.farebox.admin("GET", "/api/usage/records?cursor=AAAA").status, (200, 400))


class PagingUnderWay(FareboxTest):
    def test_new_records_do_not_disturb_a_cursor(self):
        for _ in range(12):
            self.post(CHAT, chat_body())
        path = "/api/usage/records?limit=5"
        cursor = self.farebox.admin_json(path)["nextCursor"]
        before = self.farebox.admin_json(path + "&cursor=" + cursor)
        self.post(CHAT, chat_body())
        self.assertEqual(self.farebox.admin_json(path + "&cursor=" + cursor), before)


class Browsers(FareboxTest):
    """A web page can reach loopback: Host and Origin are checked."""

    def test_a_foreign_host_is_refused(self):
        for host in ("evil.test", "evil.test:%d" % self.farebox.admin_port, "127.0.0.1.evil.test"):
            reply = self.farebox.admin("GET", "/api/usage", {"Host": host})
            self.assertEqual(reply.status, 403, host)
            self.assertNotIn("rows", reply.text)

    def test_our_own_names_are_accepted(self):
        for host in ("127.0.0.1:%d", "localhost:%d", "[::1]:%d"):
            reply = self.farebox.admin("GET", "/api/usage", {"Host": host % self.farebox.admin_port})
            self.assertEqual(reply.status, 200, host)

    def test_health_and_metrics_are_exempt(self):
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(self.farebox.admin("GET", path, {"Host": "evil.test"}).status, 200)


class Token(FareboxTest):
    TOKEN = "an-admin-token-of-some-length"

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock),
                "admin": {"listen": "127.0.0.1:0", "token": cls.TOKEN}}

    def test_the_api_needs_the_token(self):
        for value in (None, "Bearer wrong", "Bearer " + self.TOKEN[:-1], "Bearer " + self.TOKEN + "x",
                      self.TOKEN, "Basic " + self.TOKEN, "Bearer"):
            headers = {"Authorization": value} if value else {}
            self.assertEqual(self.farebox.admin("GET", "/api/usage", headers).status, 401, value)

    def test_the_token_opens_the_api(self):
        reply = self.farebox.admin("GET", "/api/usage", {"Authorization": "Bearer " + self.TOKEN})
        self.assertEqual(reply.status, 200)

    def test_variants_of_the_path_stay_locked(self):
        for path in ("/api//usage", "//api/usage", "/api/usage/", "/API/usage", "/api/%75sage",
                     "/healthz/../api/usage", "/api/usage/records?token=" + self.TOKEN):
            self.assertNotEqual(self.farebox.admin("GET", path).status, 200, path)

    def test_health_and_metrics_stay_open(self):
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(self.farebox.admin("GET", path).status, 200)


if __name__ == "__main__":
    unittest.main()
