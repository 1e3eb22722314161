"""Ways to spend beyond a budget that a reader with a fresh eye found; each stays closed."""

import json
import time
from decimal import Decimal

import books
from harness import CHAT, FareboxTest, chat_body, providers, wait_until


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

    def test_a_project_that_is_two_is_none(self):
        headers = [("x-farebox-project", "roomy"), ("x-farebox-project", "poor")]
        self.assertEqual(self.post(CHAT, chat_body(), headers).status, 400)
