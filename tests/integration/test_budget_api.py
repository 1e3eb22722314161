"""/api/budgets: who owns a budget, what it says of itself, and who may change it.

The JSON is design.md 7's. A budget of the configuration and one of the API never fight in
silence: the one that gives way says so."""

import json
import os
import re
import tempfile
import unittest
import urllib.parse

import books
from books import row_of, usd
from harness import CHAT, Farebox, FareboxTest, Mock, chat_body, fetch, providers, wait_until

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
JSON = {"Content-Type": "application/json"}


class Api:
    """What these tests say to the admin port of `self.farebox`."""

    def call(self, method, target, body=None, headers=()):
        octets = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        return self.farebox.admin(method, target, dict(JSON, **dict(headers)), octets)

    def put(self, status=201, **said):
        answer = self.call("POST", "/api/budgets", said)
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def drop(self, id_, status=200):
        answer = self.call("DELETE", "/api/budgets?budgetId=" + urllib.parse.quote(id_))
        self.assertEqual(answer.status, status, answer.text)
        return answer.json()

    def rows(self, query=""):
        return self.farebox.admin_json("/api/budgets" + query)["budgets"]

    def row(self, name):
        return row_of(self.farebox, name)

    def chat(self, project, status=200, **more):
        reply = fetch(self.farebox.port, "POST", CHAT, {"x-farebox-project": project},
                      chat_body(**dict({"max_tokens": 20}, **more)))
        self.assertEqual(reply.status, status, reply.text)
        return reply


def config_of(mock, **more):
    return dict({"providers": providers(mock), "prices": {"overrides": books.OVERRIDES}}, **more)


class Documents(Api, FareboxTest):
    @classmethod
    def config(cls):
        return config_of(cls.mock, budgets=[
            {"name": "owned", "scope": {"project": "owned"}, "period": "monthly", "limit_usd": "5"},
            {"name": "each", "scope": {"org": "each", "project": "*"}, "period": "daily", "limit_usd": "1"}])

    def test_made_updated_listed_removed(self):
        made = self.put(projectId="life", budgetType="monthly", limitUsd="2.50", warningThreshold=0.5,
                        criticalThreshold=0.9, alertsEnabled=False)
        self.assertEqual(made["status"], "ok")
        cost = usd(self.chat("life").header("x-farebox-cost-usd"))
        row, = self.rows("?projectId=life")
        self.assertEqual(
            (row["id"], row["scope"], row["budgetType"], usd(row["limitUsd"]), row["source"],
             row["warningThreshold"], row["criticalThreshold"], row["alertsEnabled"], row["shadowed"]),
            (made["id"], {"project": "life"}, "monthly", usd("2.5"), "api", 0.5, 0.9, False, False))
        self.assertEqual((usd(row["currentSpendUsd"]), usd(row["heldUsd"]), usd(row["remainingUsd"])),
                         (cost, 0, usd("2.5") - cost))
        self.assertRegex(row["windowStart"], TIME)
        self.assertLess(row["windowStart"], row["windowEnd"])
        for key in ("limitUsd", "currentSpendUsd", "heldUsd", "remainingUsd"):
            self.assertRegex(row[key], r"^\d+(\.\d+)?$", "money is a decimal string")

        # The same scope and period again is the same budget, and keeps what it counted.
        again = self.put(200, projectId="life", budgetType="monthly", limitUsd=3)
        self.assertEqual(again["id"], made["id"])
        row, = self.rows("?projectId=life")
        self.assertEqual((usd(row["limitUsd"]), usd(row["currentSpendUsd"])), (3, cost))
        by_id = self.put(200, id=made["id"], projectId="life", budgetType="monthly", limitUsd="4")
        self.assertEqual(by_id["id"], made["id"])
        # Another period is another budget.
        total = self.put(projectId="life", budgetType="total", limitUsd="9")
        rows = {r["budgetType"]: r for r in self.rows("?projectId=life")}
        self.assertEqual(set(rows), {"monthly", "total"})
        self.assertEqual((rows["total"]["windowStart"], rows["total"]["windowEnd"]), (None, None))
        self.assertEqual(usd(rows["total"]["currentSpendUsd"]), cost, "what was spent before it came")
        for each in (made, total):
            self.drop(each["id"])
            self.drop(each["id"], 404)
        self.assertEqual(self.rows("?projectId=life"), [])

    def test_a_limit_below_what_is_spent(self):
        self.chat("low")
        made = self.put(projectId="low", budgetType="total", limitUsd="0.00000001")
        self.assertEqual(made["status"], "exceeded")
        row, = self.rows("?projectId=low")
        self.assertEqual((usd(row["remainingUsd"]), row["status"]), (0, "exceeded"))
        self.assertEqual(self.chat("low", 429).json()["error"]["code"], "budget_exceeded")
        self.put(200, projectId="low", budgetType="total", limitUsd="1")
        self.chat("low")
        self.drop(made["id"])

    def test_what_the_configuration_owns(self):
        answer = self.call("POST", "/api/budgets", {"projectId": "owned", "budgetType": "monthly",
                                                    "limitUsd": "9"})
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (409, "owned_by_config"))
        self.assertIn("'owned'", answer.json()["error"]["message"])
        answer = self.call("DELETE", "/api/budgets?budgetId=owned")
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (409, "owned_by_config"))
        for name in ("owned", "each"):
            answer = self.call("POST", "/api/budgets", {"name": name, "projectId": "somebody",
                                                        "budgetType": "daily", "limitUsd": "9"})
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (409, "name_taken"))
        self.assertEqual((self.row("owned")["source"], usd(self.row("owned")["limitUsd"])), ("config", 5))
        self.assertEqual(self.rows("?projectId=somebody"), [])

    def test_the_filter_of_projects(self):
        for project in ("f1", "f2"):
            fetch(self.farebox.port, "POST", CHAT,
                  {"x-farebox-org": "each", "x-farebox-project": project}, chat_body(max_tokens=20))
        self.assertEqual([r["scope"] for r in self.rows("?projectId=f1")],
                         [{"org": "each", "project": "f1"}])
        self.assertEqual([r["name"] for r in self.rows("?projectId=owned")], ["owned"])
        self.assertEqual(self.rows("?projectId=nobody"), [])
        every = {(r["name"], r["scope"].get("project")) for r in self.rows()}
        self.assertLessEqual({("each", "f1"), ("each", "f2"), ("owned", "owned")}, every)

    def test_pages(self):
        for i in range(5):
            self.post(CHAT, chat_body(max_tokens=20), {"x-farebox-org": "each", "x-farebox-project": "page%d" % i})
        whole = [json.dumps(r["scope"]) for r in self.rows()]
        paged, cursor = [], ""
        for _ in range(len(whole) + 1):
            answer = self.farebox.admin_json("/api/budgets?limit=2" + cursor)
            self.assertLessEqual(len(answer["budgets"]), 2)
            paged += [json.dumps(r["scope"]) for r in answer["budgets"]]
            if answer["nextCursor"] is None:
                break
            cursor = "&cursor=" + answer["nextCursor"]
        self.assertEqual(paged, whole)

    def test_all_that_a_budget_can_be(self):
        for extra in ({"onExceeded": "audit"}, {"onExceeded": "downgrade", "downgradeTo": "gpt-4.1-nano"},
                      {"onExceeded": "throttle", "throttleRequestsPerMinute": 3}, {"rollover": True},
                      {"timeZone": "Europe/Berlin"}, {"weekStarts": "sunday"}, {"yearStarts": "april"},
                      {"limitTokens": 1000}, {"scope": {"tag.team": "red", "user": "*"}},
                      {"budgetType": "yearly"}, {"budgetType": "weekly"}, {"limitUsd": "0"}):
            with self.subTest(extra=extra):
                said = dict({"projectId": "all", "budgetType": "daily", "limitUsd": "1"}, **extra)
                if "scope" in extra:
                    del said["projectId"]
                made = self.put(**said)
                row = next(r for r in self.rows() if r["id"] == made["id"])
                for key in ("onExceeded", "timeZone", "limitTokens", "budgetType"):
                    if key in extra:
                        self.assertEqual(row[key], extra[key])
                self.drop(made["id"])

    def test_mistakes_are_sentences(self):
        good = {"projectId": "m", "budgetType": "monthly", "limitUsd": "1"}
        bad = [b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff\xfe", {}]
        bad += [dict(good, **change) for change in (
            {"limitUsd": "-1"}, {"limitUsd": "lots"}, {"limitUsd": "1e3"}, {"limitUsd": True},
            {"limitUsd": "0.0000000000001"}, {"limitUsd": []}, {"budgetType": "hourly"},
            {"budgetType": 7}, {"warningThreshold": 1.5}, {"warningThreshold": -0.1},
            {"warningThreshold": "x"}, {"warningThreshold": 0.99, "criticalThreshold": 0.5},
            {"alertsEnabled": "yes"}, {"projectId": "p" * 200}, {"scope": "all"},
            {"scope": {"nobody": "x"}}, {"scope": {"tag.": "x"}}, {"scope": {"project": ""}},
            {"scope": {"project": ["a"]}}, {"scope": {"provider": "no-such-provider"}},
            {"name": ""}, {"name": "a\nb"}, {"id": 7}, {"limit": "1"}, {"limit_usd": "2"},
            {"onExceeded": "explode"}, {"onExceeded": "downgrade"}, {"downgradeTo": "x"},
            {"timeZone": "Mars/Olympus"}, {"timeZone": "../../etc/passwd"}, {"limitTokens": -1},
            {"limitTokens": "many"}, {"rollover": "yes"}, {"throttleRequestsPerMinute": 1})]
        bad += [{"projectId": "m", "budgetType": "monthly"}]
        # What could be read in two ways, or would be left out in silence.
        bad += [dict(good, **change) for change in (
            {"scope": {"user": "u"}}, {"scope": None}, {"projectId": None}, {"period": "daily"},
            {"id": "x", "budgetId": "x"}, {"limitUsd": "-0"}, {"projectId": "team-*"})]
        bad += [{"scope": {"project": "a", "projectId": "b"}, "budgetType": "daily", "limitUsd": "1"},
                b'{"projectId": "m", "budgetType": "monthly", "limitUsd": "1", "limitUsd": "2"}',
                b'{"scope": {"user": "a", "user": "b"}, "budgetType": "monthly", "limitUsd": "1"}']
        before = self.rows()
        for body in bad:
            with self.subTest(body=body):
                answer = self.call("POST", "/api/budgets", body)
                self.assertEqual(answer.status, 400, answer.text)
                error = answer.json()["error"]
                self.assertEqual(error["code"], "bad_request")
                self.assertGreater(len(error["message"].split()), 3, error)
        self.assertEqual(self.rows(), before)
        answer = self.call("POST", "/api/budgets", dict(good, id="bgt-nobody"))
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (404, "budget_not_found"))
        self.assertEqual(self.call("DELETE", "/api/budgets").status, 400)
        for method, target in (("GET", "/api/budgets?project=m"), ("POST", "/api/budgets?dryRun=1"),
                               ("DELETE", "/api/budgets?budgetId=owned&force=1"), ("GET", "/api/keys?limit=1"),
                               ("GET", "/api/budgets?limit=0"), ("GET", "/api/budgets?limit=x"),
                               ("GET", "/api/budgets?cursor=1"), ("GET", "/api/budgets?limit=1&cursor=x")):
            answer = self.call(method, target, good if method == "POST" else None)
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (400, "bad_request"), target)
        self.assertEqual(self.call("PUT", "/api/budgets", good).status, 405)

    def test_foreign_pages_change_nothing(self):
        said = {"projectId": "page", "budgetType": "monthly", "limitUsd": "1"}
        for headers in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {"Host": "evil.test"},
                        {"Sec-Fetch-Site": "cross-site"}):
            for method, target in (("POST", "/api/budgets"), ("DELETE", "/api/budgets?budgetId=owned"),
                                   ("POST", "/api/budgets/override"), ("POST", "/api/budgets/top-up"),
                                   ("DELETE", "/api/budgets/override?budgetId=owned")):
                answer = self.call(method, target, said if method == "POST" else None, headers)
                self.assertEqual(answer.status, 403, (headers, method, target, answer.text))
        self.assertEqual(self.rows("?projectId=page"), [])

    def test_a_page_may_not_send_it_as_text(self):
        # What a page may send to another origin unasked (Fetch, 2.2.2). Forms, which curl claims
        # to send by itself, are known by their Origin.
        for kind in ("text/plain", "multipart/form-data; boundary=x"):
            for path in ("/api/budgets", "/api/budgets/override", "/api/budgets/top-up"):
                answer = self.farebox.admin("POST", path, {"Content-Type": kind}, json.dumps(
                    {"projectId": "page", "budgetType": "monthly", "limitUsd": "1"}))
                self.assertEqual(answer.status, 415, (kind, path, answer.text))
        self.assertEqual(self.rows("?projectId=page"), [])


class Tokens(Api, FareboxTest):
    TOKEN, READER = "an-admin-token-of-some-length", "a-read-token-of-some-length"

    @classmethod
    def config(cls):
        return config_of(cls.mock, admin={"listen": "127.0.0.1:0", "token": cls.TOKEN,
                                          "read_token": cls.READER})

    def test_who_may_read_and_who_may_write(self):
        said = {"projectId": "p", "budgetType": "monthly", "limitUsd": "1"}
        change = {"budgetId": "x", "limitUsd": "1", "amountUsd": "1", "for": "1h"}
        writes = (("POST", "/api/budgets", said), ("POST", "/api/budgets/override", change),
                  ("POST", "/api/budgets/top-up", change), ("DELETE", "/api/budgets?budgetId=x", None),
                  ("DELETE", "/api/budgets/override?budgetId=x", None))
        for token, read, write in ((None, 401, 401), ("wrong-token-of-some-length", 401, 401),
                                   (self.READER, 200, 403), (self.TOKEN[:-1], 401, 401)):
            fields = {"Authorization": "Bearer " + token} if token else {}
            self.assertEqual(self.call("GET", "/api/budgets", None, fields).status, read)
            for method, target, body in writes:
                answer = self.call(method, target, body, fields)
                self.assertEqual(answer.status, write, (token, method, target))
        writer = {"Authorization": "Bearer " + self.TOKEN}
        self.assertEqual(self.call("GET", "/api/budgets", None, writer).json(), {"budgets": []})
        made = self.call("POST", "/api/budgets", said, writer)
        self.assertEqual(made.status, 201)
        reader = {"Authorization": "Bearer " + self.READER}
        self.assertEqual(len(self.call("GET", "/api/budgets", None, reader).json()["budgets"]), 1)


class Lives(Api, unittest.TestCase):
    """Restarts and reloads."""

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        directory = tempfile.TemporaryDirectory(prefix="farebox-budgets-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def start(self, **more):
        self.farebox = Farebox(config_of(self.mock, **more), directory=self.directory)
        self.addCleanup(lambda f=self.farebox: f.is_running() and f.stop())

    def test_what_the_api_made_survives(self):
        self.start()
        self.put(name="kept", projectId="kept", budgetType="total", limitUsd="5",
                 warningThreshold=0.25, timeZone="Asia/Tokyo", limitTokens=100000, onExceeded="audit")
        gone = self.put(projectId="gone", budgetType="daily", limitUsd="5")
        cost = usd(self.chat("kept").header("x-farebox-cost-usd"))
        self.drop(gone["id"])
        before = self.rows()
        self.assertEqual(usd(before[0]["currentSpendUsd"]), cost)
        for end in (self.farebox.stop, lambda: (os.kill(self.farebox.pid, 9), self.farebox.wait())):
            end()
            self.start()
            self.assertEqual(self.rows(), before)
        self.assertEqual(self.farebox.reload(config_of(self.mock)).status, 200)
        self.assertEqual(self.rows(), before)

    def test_the_configuration_shadows_it_and_lets_it_back(self):
        self.start()
        made = self.put(name="mine", projectId="shared", budgetType="monthly", limitUsd="0.0000001")
        self.chat("shared", 429)
        theirs = {"name": "theirs", "scope": {"project": "shared"}, "period": "monthly", "limit_usd": "5"}
        self.assertEqual(self.farebox.reload(config_of(self.mock, budgets=[theirs])).status, 200)
        rows = {r["name"]: r for r in self.rows()}
        self.assertEqual((rows["mine"]["shadowed"], rows["theirs"]["shadowed"]), (True, False))
        self.assertEqual((rows["mine"]["source"], rows["theirs"]["source"]), ("api", "config"))
        wait_until(lambda: self.farebox.log(level="warn", budget="mine"), 2, "nobody was told")
        cost = usd(self.chat("shared").header("x-farebox-cost-usd"))
        rows = {r["name"]: r for r in self.rows()}
        self.assertEqual(usd(rows["theirs"]["currentSpendUsd"]), cost)
        self.assertEqual(usd(rows["mine"]["currentSpendUsd"]), 0)
        # Gone from the file, the API's is in force again, and knows what was spent meanwhile.
        self.assertEqual(self.farebox.reload(config_of(self.mock)).status, 200)
        row, = self.rows()
        self.assertEqual((row["id"], row["shadowed"], usd(row["currentSpendUsd"])),
                         (made["id"], False, cost))
        self.chat("shared", 429)

    def test_a_reload_keeps_what_a_budget_counted(self):
        budget = {"name": "b", "scope": {"project": "b"}, "period": "monthly", "limit_usd": "5"}
        self.start(budgets=[budget])
        cost = usd(self.chat("b").header("x-farebox-cost-usd"))
        for change in ({"limit_usd": "7"}, {"warning_threshold": 0.1}, {"period": "total"},
                       {"time_zone": "America/New_York"}, {"name": "c"}):
            budget = dict(budget, **change)
            self.assertEqual(self.farebox.reload(config_of(self.mock, budgets=[budget])).status, 200)
            row, = self.rows()
            self.assertEqual((row["name"], usd(row["currentSpendUsd"]), usd(row["limitUsd"])),
                             (budget["name"], cost, usd(budget["limit_usd"])), change)


if __name__ == "__main__":
    unittest.main()
