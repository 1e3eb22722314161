"""What callers and operators write stays what it is: a line of the log stays one line, a field
stays one field, and what policy reads of a body is what the provider reads (X8, X10, X16)."""

import json
import os
import unittest

from harness import (CHAT, MESSAGES, FareboxTest, chat_body, fetch, messages_body, providers, run_to_end,
                     wait_until, write_config)

NASTY = {
    "CR LF": "a\r\nX-Evil: 1\r\n\r\nb", "LF": "a\nX-Evil: 1", "CR": "a\rX-Evil: 1", "NUL": "a\0b",
    "ESC": "\x1b[31mred\x1b[0m\x07", "C1": "\x9b31m\x85\u2028\u2029", "quotes": '"}\n{"msg":"request","x":"',
    "bidi": "\u202eevil\u202c", "long": "x" * (1 << 20), "surrogates": "\ud800", "DEL": "\x7f\x08\x08",
}
INVALID_UTF8 = [b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\x80b", b"\xe2\x28\xa1"]


class Log(FareboxTest):
    """X8: every line is one JSON object, one a request, whatever stands in it."""

    @classmethod
    def config(cls):
        return {"limits": {"head": "64KiB"}, "providers": providers(cls.mock)}

    def test_every_logged_field_stays_in_its_line(self):
        lines, asked = len(self.farebox.raw_lines), 0
        metered = []
        for value in NASTY.values():
            body = json.dumps(chat_body()).replace("gpt-4.1-mini", json.dumps(value)[1:-1])
            metered.append(self.post(CHAT, body))
            metered.append(self.post(CHAT, chat_body(), {"x-mock-body": json.dumps({"model": value[:2000]})}
                                     if value.isprintable() else ()))
        for octets in INVALID_UTF8:
            body = json.dumps(chat_body(model="MODEL")).encode().replace(b"MODEL", octets)
            metered.append(self.post(CHAT, body))
            text = octets.decode("latin-1")
            for field in ("x-farebox-project", "x-farebox-user", "x-farebox-request-id", "x-farebox-tags",
                          "user-agent"):
                metered.append(self.post(CHAT, chat_body(), {field: ("team=" if "tags" in field else "") + text}))
        for path in ("/v1beta/models/%0d%0aX%3a1:generateContent", "/v1beta/models/a%00b%1b%5b31m:generateContent",
                     "/openai/v1/%ff%fe", "/nobody/%0a%0d", "/v1beta/models/" + "m" * 15000 + ":generateContent"):
            self.post(path, {"contents": []})
        # A provider's own words reach the log as the reason.
        self.mock.rule({"raw": "SFRUUC8xLjEgMjAwIE9LDQpYOiAbWzMxbQANCg0K"}, times=1)
        self.post(CHAT, chat_body())
        asked = len([r for r in metered if r.status != 0])
        wait_until(lambda: len(self.farebox.log(msg="request")) >= 1, 5)
        self.farebox.admin("GET", "/healthz")
        new = self.farebox.raw_lines[lines:]
        self.assertGreater(asked, 40)
        ids = []
        for line in new:
            try:
                entry = json.loads(line)
            except ValueError:
                self.fail("no JSON: %r" % line[:300])
            self.assertLess(len(line), 16 << 10)
            self.assertTrue(all(0x20 <= ord(c) for c in line), repr(line[:300]))
            self.assertNotIn("\x1b", line)
            if entry.get("msg") == "request":
                ids.append(entry["request_id"])
        self.assertEqual(len(ids), len(set(ids)), "a request has more than one line")
        for reply in metered:
            ident = reply.header("x-farebox-request-id")
            self.assertLessEqual(ids.count(ident), 1)
        self.assertNotIn("X-Evil", [n for r in metered for n, _ in r.headers])
        metrics = self.farebox.admin("GET", "/metrics")
        self.assertEqual(metrics.status, 200)
        metrics.body.decode("utf-8")

    def test_records_are_json_whatever_was_asked(self):
        for value in NASTY.values():
            body = json.dumps(chat_body()).replace("gpt-4.1-mini", json.dumps(value)[1:-1])
            self.post(CHAT, body)
        for record in self.farebox.records():
            self.assertLessEqual(len(record["model"] or ""), 1 << 10)


class Fields(FareboxTest):
    """X10: nobody writes fields of ours, of the provider's or of the client's."""

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock), "budgets": [
            {"name": "tight", "scope": {"project": "tight"}, "period": "total", "limit_usd": "1"}]}

    def admin_post(self, path, body):
        return self.farebox.admin("POST", path, {"content-type": "application/json"}, json.dumps(body).encode())

    def test_names_made_by_the_admin_port_break_no_head(self):
        secrets = []
        for kind, value in NASTY.items():
            if kind in ("long", "surrogates"):
                continue
            for key in ("name", "project", "user", "org"):
                made = self.admin_post("/api/keys", {"name": "k-" + kind.replace(" ", "") + key, key: value})
                self.assertIn(made.status, (200, 201, 400, 409, 422), (kind, key, made.text))
                if made.status in (200, 201):
                    secrets.append(made.json()["key"])
            made = self.admin_post("/api/keys", {"name": "t-" + kind.replace(" ", ""), "tags": {"team": value}})
            if made.status in (200, 201):
                secrets.append(made.json()["key"])
            budget = self.admin_post("/api/budgets", {"name": value, "scope": {"project": "p-" + kind},
                                                      "budgetType": "total", "limitUsd": "0.0000001"})
            self.assertIn(budget.status, (200, 201, 400, 422), (kind, budget.text))
            reply = self.post(CHAT, chat_body(), {"x-farebox-project": "p-" + kind})
            self.assertNotIn("x-evil", [n.lower() for n, _ in reply.headers])
        for secret in secrets:
            reply = self.post(CHAT, chat_body(), {"authorization": "Bearer " + secret})
            self.assertNotIn("x-evil", [n.lower() for n, _ in reply.headers])
        for seen in self.mock.requests():
            self.assertNotIn("x-evil", [n.lower() for n in seen.names()])

    def test_headers_with_control_octets_are_refused(self):
        for octets in (b"a\rX-Evil: 1", b"a\x00b", b"a\nX-Evil: 1"):
            for field in (b"x-farebox-tags: team=", b"x-farebox-project: ", b"user-agent: ", b"x-request-id: "):
                connection = self.connect()
                body = json.dumps(chat_body()).encode()
                connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s%s\r\n\r\n"
                                % (len(body), field, octets) + body)
                self.assertEqual(connection.response().status, 400, (field, octets))
        self.assertEqual(self.mock.requests(), [])

    def test_a_configuration_with_control_octets_is_refused_or_harmless(self):
        rows = {"base_url": "http://127.0.0.1:1/\r\nX-Evil: 1", "api_keys": ["sk-a\r\nX-Evil: 1"],
                "health_check": {"path": "/a\r\nX-Evil: 1"}}
        for key, value in rows.items():
            path = write_config(self.farebox.directory, {"providers": {"openai": {
                "base_url": "http://127.0.0.1:1", **{key: value}}}}, "odd.yaml")
            code, _, said = run_to_end(["check", "--config", path])
            self.assertEqual(code, 78, (key, said))
            self.assertNotIn("\r\nX-Evil", said)
            os.remove(path)


class SamePolicy(FareboxTest):
    """X16: a body that two readers could read differently doesn't pass, or both read the same."""

    KEYS = {CHAT: {"model": '"gpt-4.1-mini"', "stream": "false", "max_tokens": "7", "max_completion_tokens": "7",
                   "n": "1", "stream_options": '{"include_usage":true}'},
            MESSAGES: {"model": '"claude-sonnet-4-5"', "stream": "false", "max_tokens": "7"}}
    DEEP = 100000
    NEVER = ("twice", "twice, escaped")     # whatever depends on it
    HEADERS = {}

    @classmethod
    def config(cls):
        return {"providers": providers(cls.mock)}

    def bodies(self, target, key, value):
        usual = chat_body() if target == CHAT else messages_body()
        usual.pop(key, None)
        rest = json.dumps(usual)[1:-1]
        said = '"%s":%s' % (key, value)
        escaped = '"%s\\u%04x":' % (key[:-1], ord(key[-1]))
        other = {"model": '"gpt-4.1"', "stream": "true"}.get(key, "9")
        yield "plain", "{%s,%s}" % (said, rest)
        yield "twice", '{%s,%s,"%s":%s}' % (said, rest, key, other)
        yield "twice, escaped", "{%s,%s,%s%s}" % (said, rest, escaped, other)
        yield "escaped alone", "{%s%s,%s}" % (escaped, value, rest)
        yield "another case", '{%s,"%s":%s,%s}' % (said, key.upper(), other, rest)
        yield "BOM", "\ufeff{%s,%s}" % (said, rest)
        yield "comment", '{/* "%s":%s, */%s,%s}' % (key, other, said, rest)
        yield "line comment", '{// "%s":%s\n%s,%s}' % (key, other, said, rest)
        yield "trailing comma", "{%s,%s,}" % (said, rest)
        yield "single quotes", "{'%s':%s,%s,%s}" % (key, other, said, rest)
        yield "behind the end", "{%s,%s}{\"%s\":%s}" % (said, rest, key, other)
        yield "NUL behind", "{%s,%s}\0" % (said, rest)
        yield "in an array", "[{%s,%s}]" % (said, rest)
        for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1", "0x7", "07", "7.0", "7e0", "+7", "1_0", ".7",
                       "18446744073709551617", "1" + "0" * 400, '"7"', "null", "[]", "{}", "true",
                       "[" * self.DEEP + "]" * self.DEEP):
            yield number[:20], '{"%s":%s,%s}' % (key, number, rest)
        yield "lone surrogate", '{"%s":"\\ud800",%s}' % (key, rest)
        yield "raw control", '{"%s":"a\nb",%s}' % (key, rest)
        yield "nested deep beside", '{%s,"x":%s1%s,%s}' % (said, "[" * self.DEEP, "]" * self.DEEP, rest)

    @staticmethod
    def readings(octets):
        """What readers that exist make of it: the first key wins, the last wins, none."""
        found = []
        for take in (dict, lambda pairs: dict(reversed(pairs))):
            try:
                read = json.loads(octets, object_pairs_hook=take)
            except (ValueError, RecursionError):
                read = None
            found.append(read if isinstance(read, dict) else None)
        return found

    def test_what_passes_means_one_thing(self):
        passed = refused = 0
        for target, keys in self.KEYS.items():
            for key, value in keys.items():
                for kind, body in self.bodies(target, key, value):
                    self.mock.clear()
                    reply = self.post(target, body.encode("utf-8", "surrogatepass"), self.HEADERS)
                    seen = self.mock.requests()
                    if not seen:
                        refused += 1
                        self.assertIn(reply.status, (400, 403, 413), (target, key, kind, reply.text[:200]))
                        continue
                    passed += 1
                    self.assertNotIn(kind, self.NEVER, (target, key, kind))
                    first, last = self.readings(seen[0].body) if seen[0].body_size < 65536 else (None, None)
                    if first is None or last is None:
                        continue        # the provider refuses it as well
                    self.assertEqual(repr(first.get(key)), repr(last.get(key)), (target, key, kind))
                    if key == "model":
                        record = self.farebox.record_of(reply)
                        asked = record["requestedModel"] if "requestedModel" in record else record["model"]
                        if isinstance(first.get(key), str) and first[key].isprintable():
                            self.assertIn(first[key], (asked, record["model"]), kind)
        self.assertGreater(refused, 15)
        self.assertGreater(passed, 20)


class SamePolicyWithMoney(SamePolicy):
    """Where a budget depends on the body, nothing passes that is no plain JSON."""
    NEVER = SamePolicy.NEVER + ("another case", "comment", "line comment", "behind the end", "single quotes",
                                "NUL behind", "NaN", "Infinity", "-Infinity", "0x7", "07", "+7", "1_0", ".7")

    HEADERS = {"x-farebox-project": "search"}

    @classmethod
    def config(cls):
        return dict(super().config(), budgets=[
            {"name": "all", "scope": {"project": "*"}, "period": "total", "limit_usd": "1000000"}])


if __name__ == "__main__":
    unittest.main()
