"""Ways to spend beyond a budget that a reader with a fresh eye found; each stays closed."""

import gzip
import json
import time
from decimal import Decimal

import books
from harness import CHAT, MESSAGES, FareboxTest, chat_body, messages_body, providers, wait_until


class Evasions(FareboxTest):
    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "budgets": [{"name": "each", "scope": {"project": "*"}, "period": "total",
                             "limit_usd": "5"}],
                "enforcement": {"budget_wait": "200ms"}}

    def left(self, project, target, body, wait=0.1):
        """A stream whose client leaves before its first event."""
        name = "left-" + project
        connection = self.connect()
        connection.ask("POST", target, {"x-farebox-project": project, "x-farebox-request-id": name,
                                        "x-mock-delay-body-ms": "2000"}, body)
        time.sleep(wait)
        connection.close()
        return self.farebox.record_of(name)

    def test_thinking_that_nobody_saw_is_paid(self):
        record = self.left("thinks", CHAT, chat_body(model="o3", stream=True,
                                                     max_completion_tokens=20000))
        self.assertEqual(record["outcome"], "client_closed")
        self.assertGreaterEqual(record["outputTokens"], 64 + 3 * 50)
        self.assertTrue(record["estimated"])

    def test_input_that_lies_elsewhere_is_paid(self):
        record = self.left("elsewhere", "/v1/responses",
                           {"model": "gpt-4.1-mini", "stream": True, "max_output_tokens": 50,
                            "previous_response_id": "resp_1", "input": "go on"})
        self.assertGreater(record["inputTokens"], 100000, "the whole window was held")

    def test_every_answer_has_its_allowance(self):
        record = self.left("many", CHAT, chat_body(stream=True, n=8, max_tokens=500))
        self.assertGreaterEqual(record["outputTokens"], 8 * 64)

    def test_a_response_in_the_background_is_refused(self):
        reply = self.post("/v1/responses", {"model": "gpt-4.1-mini", "input": "x", "background": True,
                                            "max_output_tokens": 50}, {"x-farebox-project": "later"})
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (403, "endpoint_not_metered"))
        self.assertEqual(self.mock.requests(), [])

    def test_a_call_in_the_disguise_of_a_list_is_refused(self):
        path = "/v1beta/models/gemini-2.5-flash:generateContent"
        body = {"contents": [{"parts": [{"text": "x"}]}]}
        for method, target, headers, content in (
                ("GET", path, {}, body), ("DELETE", path, {}, body),
                ("GET", path, {"x-http-method-override": "POST"}, None),
                ("GET", path + "?$httpMethod=POST", {}, None)):
            reply = self.fetch(method, target, dict(headers, **{"x-farebox-project": "hidden"}), content)
            self.assertEqual(reply.status, 403, (method, target, headers))
        self.assertEqual(self.mock.requests(), [])

    def test_another_name_is_the_same_budget(self):
        said = {"scope": {"project": "renamed"}, "budgetType": "daily", "limitUsd": "0.002"}
        kind = {"Content-Type": "application/json"}
        put = lambda **more: self.farebox.admin("POST", "/api/budgets", kind, json.dumps(dict(said, **more)))
        self.assertEqual(put(name="one").status, 201)
        self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-project": "renamed"})
        connection = self.connect()
        connection.ask("POST", CHAT, {"x-farebox-project": "renamed", "x-mock-delay-head-ms": "700"},
                       chat_body(max_tokens=20))
        held = lambda: next(r for r in self.farebox.admin_json("/api/budgets")["budgets"]
                            if r["budgetType"] == "daily")
        wait_until(lambda: Decimal(held()["heldUsd"]) > 0, 2)
        before = held()
        self.assertEqual(put(name="two").status, 200)
        after = held()
        self.assertEqual((after["name"], after["heldUsd"], after["currentSpendUsd"]),
                         ("two", before["heldUsd"], before["currentSpendUsd"]))
        connection.response("POST")
        self.assertLessEqual(Decimal(held()["currentSpendUsd"]), Decimal("0.002"))

    def test_a_star_is_a_name_like_any_other(self):
        for project in ("*", "**", "a*"):
            record = self.farebox.record_of(
                self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-project": project}))
            row = books.row_of(self.farebox, "each", project=project)
            self.assertEqual(Decimal(row["currentSpendUsd"]), Decimal(record["costUsd"]), project)
        self.assertEqual(self.post(CHAT, chat_body(max_tokens=600000), {"x-farebox-project": "*"}).status, 200)
        other = books.row_of(self.farebox, "each", project="a*")
        self.assertEqual(Decimal(other["currentSpendUsd"]), Decimal(record["costUsd"]))

    def test_a_body_that_two_may_read_differently_is_refused(self):
        """Where a budget depends on it; else it passes as it came."""
        plain = json.dumps(chat_body(max_tokens=20))
        odd = [plain.encode("utf-16"), plain.encode("utf-16-be"), plain.encode("utf-32"),
               gzip.compress(plain.encode()), (plain + plain).encode(), (plain + "x").encode(),
               json.dumps(dict(chat_body(max_tokens=20), Model="gpt-4.1")).encode(),
               json.dumps(dict(chat_body(), Max_Tokens=20)).encode(),
               json.dumps(dict(chat_body(max_tokens=20), MAX_TOKENS=90000)).encode(),
               plain.replace('"max_tokens"', '"max_to\u212aens"').encode(),
               plain.replace('"max_tokens"', '"max_token\u017f"').encode()]
        for body in odd:
            self.mock.clear()
            reply = self.post(CHAT, body, {"x-farebox-project": "odd", "Content-Type": "application/json"})
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "bad_request"), body[:80])
            self.assertIn("budget", reply.json()["error"]["message"])
            self.assertEqual(self.mock.requests(), [])
            self.post(CHAT, body, {"Content-Type": "application/json"})     # nobody's project
            self.assertEqual(self.seen().body, body)

    def test_a_larger_window_is_held(self):
        body = messages_body()
        body["messages"][0]["content"] = [{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]
        for project, headers, more in (("window", {}, {}), ("large", {"anthropic-beta": "x,context-1m-2025-08-07"}, {}),
                                       ("inside", {}, {"anthropic_beta": ["context-1m-2025-08-07"]})):
            connection = self.connect()
            connection.ask("POST", MESSAGES, dict(headers, **{"x-farebox-project": project,
                                                              "x-mock-delay-head-ms": "700"}), dict(body, **more))
            row = lambda: books.row_of(self.farebox, "each", project=project)
            wait_until(lambda: row() and Decimal(row()["heldUsd"]) > 0, 3)
            held = Decimal(row()["heldUsd"])
            (self.assertLess if project == "window" else self.assertGreaterEqual)(held, Decimal(3))
            connection.response("POST")

    def test_a_project_that_is_two_is_none(self):
        headers = [("x-farebox-project", "roomy"), ("x-farebox-project", "poor")]
        self.assertEqual(self.post(CHAT, chat_body(), headers).status, 400)


class Names(FareboxTest):
    """A model has many names, and one budget."""

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "prices": {"overrides": books.OVERRIDES},
                "budgets": [
                    {"name": "mini", "scope": {"model": "gpt-4.1-mini"}, "period": "total",
                     "limit_usd": "0.000000000001"},
                    {"name": "down", "scope": {"project": "down"}, "period": "total",
                     "limit_usd": "0.000000000001", "on_exceeded": "downgrade",
                     "downgrade_to": "gemini-2.0-flash"}],
                "rate_limits": [{"name": "claude", "scope": {"model": "claude-sonnet-4-5"},
                                 "requests_per_minute": 1}]}

    def test_no_spelling_of_a_model_dodges_its_budget(self):
        for name in ("gpt-4.1-mini", "GPT-4.1-Mini", "gpt-4.1-mini-2025-04-14", "openai/gpt-4.1-mini",
                     "models/gpt-4.1-mini"):
            reply = self.post(CHAT, chat_body(model=name, max_tokens=20))
            self.assertIn(reply.status, (403, 429), name)       # 403: without a price
            if reply.status == 429:
                self.assertIn("'mini'", reply.json()["error"]["message"], name)
        self.assertEqual(self.mock.requests(), [])
        reply = self.post(MESSAGES, messages_body())
        self.assertEqual(reply.status, 200)
        reply = self.post(MESSAGES, messages_body(model="claude-sonnet-4-5-20250929"))
        self.assertEqual((reply.status, reply.json()["error"]["type"]), (429, "rate_limit_error"))

    def test_a_body_whose_model_cannot_be_made_out_is_refused(self):
        plain = json.dumps(chat_body(model="gpt-4.1", max_tokens=20))
        for body in (plain.encode("utf-16"), gzip.compress(plain.encode()), (plain + plain).encode(),
                     json.dumps(dict(chat_body(model="gpt-4.1"), MODEL="gpt-4.1-mini")).encode()):
            reply = self.post(CHAT, body, {"Content-Type": "application/json"})
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (400, "bad_request"), body[:80])
        self.assertEqual(self.mock.requests(), [])

    def test_a_downgrade_keeps_to_the_models_of_the_key(self):
        kind = {"Content-Type": "application/json"}
        made = {}
        for name, models in (("narrow", ["gpt-4.1"]), ("wide", ["gpt-4.1", "gemini-2.0-flash"])):
            answer = self.farebox.admin("POST", "/api/keys", kind, json.dumps(
                {"name": name, "models": models, "project": "down"}))
            self.assertEqual(answer.status, 201, answer.text)
            made[name] = {"x-farebox-key": answer.json()["key"]}
        body = chat_body(model="gpt-4.1", max_tokens=20)
        reply = self.post(CHAT, body, made["narrow"])
        self.assertEqual((reply.status, reply.json()["error"]["code"]), (429, "budget_exceeded"))
        self.assertIn("may not use 'gemini-2.0-flash'", reply.json()["error"]["message"])
        self.assertEqual(self.mock.requests(), [])
        self.assertEqual(self.post(CHAT, body, made["wide"]).status, 200)
        self.assertEqual(json.loads(self.seen().body)["model"], "gemini-2.0-flash")
