"""Virtual keys: who calls, with what, and what the provider never sees of it."""

import base64
import hashlib
import json
import os
import re
import time
import unittest

import canaries
from command_line import on_terminal
from farebox_process import run_to_end
from harness import (CHAT, GENERATE, MESSAGES, Connection, Farebox, FareboxTest, Mock, chat_body,
                     generate_body, messages_body, providers, wait_until)

KEY = re.compile(r"^fb-[A-Za-z0-9_-]{43}$")
JSON = {"Content-Type": "application/json"}
CONFIG_KEY = "fb-" + "ConfiguredKey" * 3 + "0123"
OFF_KEY = "fb-" + "SwitchedOffKe" * 3 + "0123"
OLD_KEY = "fb-" + "ExpiredOldKey" * 3 + "0123"
NOBODYS = "fb-" + "NobodysOwnKey" * 3 + "0123"
PROVIDER_KEY = "sk-providers-own-key"


def hash_of(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def with_keys(mock, **more):
    """Providers with keys of their own, but for `open`, which has none."""
    table = providers(mock, each={"api_keys": [PROVIDER_KEY]})
    table["open"] = {"dialect": "openai", "base_url": mock.url}
    table["local"] = {"dialect": "ollama", "base_url": mock.url}
    return dict({"providers": table}, **more)


def make(farebox, name, headers=(), **more):
    answer = farebox.admin("POST", "/api/keys", dict(JSON, **dict(headers)),
                           json.dumps(dict({"name": name}, **more)))
    if answer.status == 201:
        canaries.note([("x-farebox-key", answer.json()["key"])])
    return answer


def bearer(key):
    return {"Authorization": "Bearer " + key}


class Keys(FareboxTest):
    """Made by the admin API, presented in every place, gone before the provider."""

    @classmethod
    def config(cls):
        return with_keys(cls.mock, keys=[
            {"name": "configured", "key_hash": hash_of(CONFIG_KEY), "project": "search", "org": "acme",
             "tags": {"team": "red"}},
            {"name": "off", "key_hash": hash_of(OFF_KEY), "enabled": False},
            {"name": "old", "key_hash": hash_of(OLD_KEY), "expires": "2020-01-01"}])

    def make(self, name, **more):
        answer = make(self.farebox, name, **more)
        self.assertEqual(answer.status, 201, answer.text)
        return answer.json()

    def error(self, reply):
        return reply.json()["error"]

    def row(self, name):
        return next(k for k in self.farebox.admin_json("/api/keys")["keys"] if k["name"] == name)

    def test_a_key_is_shown_once_and_kept_as_a_hash(self):
        made = self.make("shown-once", project="p", tags={"a": "b"})
        self.assertRegex(made["key"], KEY)
        self.assertEqual(made["prefix"], made["key"][:7])
        listed = self.farebox.admin("GET", "/api/keys")
        self.assertNotIn(made["key"], listed.text)
        row = self.row("shown-once")
        self.assertEqual({k: v for k, v in made.items() if k != "key"}, row)
        self.assertEqual((row["source"], row["status"], row["project"], row["tags"], row["models"],
                          row["lastUsedAt"], row["expiresAt"]),
                         ("api", "active", "p", {"a": "b"}, ["*"], None, None))
        self.assertEqual(self.row("configured")["source"], "config")
        self.assertEqual([self.row(n)["status"] for n in ("configured", "off", "old")],
                         ["active", "revoked", "expired"])
        for _, octets in canaries.files_below(self.farebox.data_dir):
            self.assertNotIn(made["key"].encode(), octets)

    def test_every_place_of_a_key(self):
        key = self.make("everywhere", project="search", user="ada")["key"]
        for target, body, headers in (
                (CHAT, chat_body(), bearer(key)),
                (CHAT, chat_body(), {"authorization": "bearer " + key}),
                (CHAT, chat_body(), {"x-farebox-key": key}),
                (CHAT, chat_body(), dict(bearer("sk-callers-own"), **{"x-farebox-key": key})),
                (MESSAGES, messages_body(), {"x-api-key": key}),
                (MESSAGES, messages_body(), bearer(key)),
                (GENERATE, generate_body(), {"x-goog-api-key": key}),
                (GENERATE + "?key=" + key, generate_body(), {}),
                (GENERATE + "?api_key=" + key + "&KEY=" + key, generate_body(), {}),
                (GENERATE + "?alt=json&key=" + key.replace("-", "%2D"), generate_body(), {}),
                ("/azure/openai/deployments/gpt-4.1-mini/chat/completions?api-version=1", chat_body(),
                 {"api-key": key})):
            with self.subTest(target=target, headers=list(headers)):
                self.mock.clear()
                reply = self.post(target, body, headers)
                self.assertEqual(reply.status, 200, reply.text)
                seen = self.seen()
                self.assertEqual(canaries.hits(seen.head, [key]), [])
                self.assertIn(PROVIDER_KEY, seen.head.decode())
                record = self.farebox.record_of(reply)
                self.assertEqual((record["keyName"], record["project"], record["user"]),
                                 ("everywhere", "search", "ada"))

    def test_it_is_taken_out_of_any_other_field_too(self):
        key = self.make("copied")["key"]
        self.post(CHAT, chat_body(), dict(bearer(key), Cookie="a=b; k=" + key, **{"X-Copy": key}))
        self.assertEqual(canaries.hits(self.seen().head, [key]), [])
        self.assertEqual(self.seen().all("x-copy") + self.seen().all("cookie"), [])

    def test_one_in_any_other_place_is_refused(self):
        """Nobody looks for it there, so the provider or the ledger would get it."""
        key, other = self.make("stray")["key"], self.make("stray-too")["key"]
        basic = base64.b64encode(("user:" + key).encode()).decode()
        for provider in ("", "/open"):
            for target, headers in (
                    ("", {"Cookie": "session=" + key}), ("", {"X-Auth": key}),
                    ("", {"Authorization": "Basic " + basic}),
                    ("", dict(bearer("sk-own"), **{"Helicone-Auth": "Bearer " + key})),
                    ("", dict(bearer(key), **{"X-Second": other})),
                    ("", dict(bearer(key), **{"x-farebox-user": key})),
                    ("?session=" + key, {}), ("?session=" + other, bearer(key))):
                reply = self.post(provider + CHAT + target, chat_body(), headers)
                self.assertEqual((reply.status, self.error(reply)["code"]), (401, "invalid_api_key"), headers)
                self.assertIn("stands in", self.error(reply)["message"])
                self.assertEqual(canaries.hits(reply.body, [key, other]), [])
        self.assertEqual(self.mock.requests(), [])

    def test_a_damaged_or_a_second_one_is_a_wrong_key(self):
        """Also where no key is required: what begins like ours never goes to a provider."""
        key, other = self.make("whole")["key"], self.make("second-one")["key"]
        for headers in (bearer(key[:-1]), bearer(key + "x"), bearer(key + ","), {"x-api-key": key[:20]},
                        {"x-goog-api-key": key + "="}, bearer("%s, Bearer %s" % (key, other)),
                        bearer("%s, Bearer sk-own" % key),
                        [("Authorization", "Bearer " + key), ("Authorization", "Bearer " + other)]):
            for target in (CHAT, "/open" + CHAT):
                reply = self.post(target, chat_body(), headers)
                self.assertEqual((reply.status, self.error(reply)["code"]), (401, "invalid_api_key"), headers)
        reply = self.post(GENERATE + "?key=" + key[:-1], generate_body())
        self.assertEqual(reply.status, 401)
        self.assertEqual(self.mock.requests(), [])
        # The body's user is recorded, but not where it is a key.
        reply = self.post(CHAT, json.dumps({"model": "gpt-4.1-mini", "messages": [], "user": key}), {})
        self.assertNotEqual(self.farebox.record_of(reply)["user"], key)

    def test_a_provider_without_keys_gets_none_of_ours(self):
        key = self.make("no-provider-key")["key"]
        reply = self.post("/open" + CHAT, chat_body(), bearer(key))
        self.assertEqual((reply.status, self.error(reply)["code"]), (401, "provider_key_missing"))
        self.assertIn("providers.open.api_keys", self.error(reply)["message"])
        self.assertEqual(self.mock.requests(), [])
        reply = self.post("/open" + CHAT, chat_body(),
                          dict(bearer("sk-callers-own"), **{"x-farebox-key": key}))
        self.assertEqual(reply.status, 200)
        self.assertEqual(self.seen().all("authorization"), ["Bearer sk-callers-own"])
        self.mock.clear()
        reply = self.post("/open" + CHAT, chat_body(), dict(bearer(key), **{"x-api-key": "callers-own"}))
        self.assertEqual((reply.status, self.seen().all("authorization"), self.seen().all("x-api-key")),
                         (200, [], ["callers-own"]))
        self.mock.clear()       # one that runs at home asks for no key
        self.assertEqual(self.post("/local" + CHAT, chat_body(), bearer(key)).status, 200)
        self.assertEqual(self.seen().all("authorization"), [])

    def test_unknown_revoked_and_expired_keys_are_told_the_same(self):
        revoked = self.make("to-revoke")
        self.farebox.admin("DELETE", "/api/keys?id=" + revoked["id"])
        messages = set()
        for key, reason in ((NOBODYS, "unknown"), (revoked["key"], "revoked"), (OFF_KEY, "revoked"),
                            (OLD_KEY, "expired")):
            count = lambda: self.farebox.metric("farebox_auth_failures_total", reason=reason)
            before = count()
            reply = self.post(CHAT, chat_body(), bearer(key))
            self.assertEqual((reply.status, self.error(reply)["code"], self.error(reply)["type"]),
                             (401, "invalid_api_key", "authentication_error"))
            self.assertEqual(reply.header("x-should-retry"), "false")
            messages.add(self.error(reply)["message"])
            self.assertEqual(count(), before + 1)
            request_id = reply.header("x-farebox-request-id")
            line = wait_until(lambda: self.farebox.log(request_id=request_id))[0]
            self.assertEqual(line["reason"], reason)
        self.assertEqual(len(messages), 1, messages)
        self.assertEqual(self.mock.requests(), [])

    def test_two_different_keys_or_one_that_is_none_are_refused(self):
        first, second = self.make("first")["key"], self.make("second")["key"]
        for headers in (dict(bearer(first), **{"x-farebox-key": second}),
                        dict(bearer(first), **{"x-farebox-key": "no-key"}),
                        {"x-farebox-key": "no-key"}, dict(bearer(first), **{"x-api-key": second})):
            self.assertEqual(self.post(CHAT, chat_body(), headers).status, 401, headers)
        self.assertEqual(self.post(CHAT, chat_body(), dict(bearer(first), **{"x-farebox-key": first})).status, 200)

    def test_errors_have_the_shape_of_the_dialect(self):
        reply = self.post(MESSAGES, messages_body(), {"x-api-key": NOBODYS})
        self.assertEqual((reply.status, reply.json()["error"]["type"]), (401, "authentication_error"))
        reply = self.post(GENERATE + "?key=" + NOBODYS, generate_body())
        self.assertEqual((reply.status, reply.json()["error"]["status"]), (401, "UNAUTHENTICATED"))

    def test_revocation_has_effect_at_once_on_a_kept_connection(self):
        made = self.make("kept")
        connection = self.connect()
        for expected in (200, 401):
            connection.ask("POST", CHAT, bearer(made["key"]), chat_body())
            self.assertEqual(connection.response().status, expected)
            self.assertEqual(self.farebox.admin("DELETE", "/api/keys?name=kept").status, 200)
        self.assertEqual(self.row("kept")["status"], "revoked")
        # Its name is free again.
        again = self.make("kept")
        connection.ask("POST", CHAT, bearer(again["key"]), chat_body())
        self.assertEqual(connection.response().status, 200)

    def test_rotation_lets_both_keys_work_for_a_while(self):
        old = self.make("rotated")
        def rotate(overlap):
            answer = self.farebox.admin("POST", "/api/keys/rotate", JSON,
                                        json.dumps({"id": old["id"], "overlap": overlap}))
            self.assertEqual(answer.status, 201, answer.text)
            canaries.note([("x-farebox-key", answer.json()["key"])])
            return answer.json()
        status = lambda key: self.post(CHAT, chat_body(), bearer(key)).status
        second = rotate("24h")
        self.assertEqual((second["id"], second["name"]), (old["id"], "rotated"))
        self.assertIn("previousKeyEndsAt", second)
        self.assertEqual([status(old["key"]), status(second["key"])], [200, 200])
        third = rotate("500ms")     # the first is gone, the second is going
        self.assertEqual([status(k["key"]) for k in (old, second, third)], [401, 200, 200])
        time.sleep(0.6)
        self.assertEqual([status(k["key"]) for k in (second, third)], [401, 200])
        fourth = rotate("0s")
        self.assertEqual([status(k["key"]) for k in (third, fourth)], [401, 200])

    def test_expiry(self):
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        made = self.make("short-lived", expires=soon)
        self.assertEqual(self.post(CHAT, chat_body(), bearer(made["key"])).status, 200)
        wait_until(lambda: self.row("short-lived")["status"] == "expired", 5)
        self.assertEqual(self.post(CHAT, chat_body(), bearer(made["key"])).status, 401)

    def test_models_providers_and_dialects(self):
        key = self.make("narrow", models=["gpt-4.1-*", "gemini-*"], providers=["openai", "gemini"],
                        dialects=["openai", "gemini"])["key"]
        for target, body, expected in (
                (CHAT, chat_body(model="gpt-4.1-mini"), None),
                (CHAT, chat_body(model="gpt-4.1"), "model_not_allowed"),
                (CHAT, chat_body(model="GPT-4.1-mini"), "model_not_allowed"),
                (CHAT, b"{}", "model_not_allowed"),
                (CHAT, chat_body(models=["gpt-4.1-mini", "o3"]), "model_not_allowed"),
                (CHAT, chat_body(models=["gpt-4.1-nano"]), None),
                (CHAT, b'{"model":', "model_not_allowed"),
                ("/v1/batches", {"input_file_id": "x"}, "model_not_allowed"),
                ("/v1/nobody/knows", b"{}", "model_not_allowed"),
                (GENERATE, generate_body(), None),
                (GENERATE.replace("gemini-2.5-flash", "other"), generate_body(), 403),
                ("/azure" + CHAT, chat_body(), "provider_not_allowed"),
                (MESSAGES, messages_body(), 403),
                ("/openai" + MESSAGES, messages_body(model="gpt-4.1-mini"), 403)):
            with self.subTest(target=target, body=body):
                reply = self.post(target, body, bearer(key))
                if expected is None:
                    self.assertEqual(reply.status, 200, reply.text)
                    continue
                self.assertEqual(reply.status, 403, reply.text)
                if expected != 403:
                    self.assertEqual((self.error(reply)["type"], self.error(reply)["code"]),
                                     ("permission_error", expected))
                self.assertIn("narrow", reply.text)
        self.assertEqual(self.fetch("GET", "/v1/models", bearer(key)).status, 200)
        refused = self.farebox.record_of(self.post(CHAT, chat_body(model="o3"), bearer(key)))
        self.assertEqual((refused["keyName"], refused["outcome"], refused["status"]),
                         ("narrow", "refused", 403))

    def test_headers_fill_what_the_key_leaves_open(self):
        reply = self.post(CHAT, chat_body(), dict(bearer(CONFIG_KEY), **{
            "x-farebox-user": "joe", "x-farebox-project": "search", "x-farebox-org": "acme",
            "x-farebox-tags": "tier=b, team=red"}))
        record = self.farebox.record_of(reply)
        self.assertEqual([record[k] for k in ("keyName", "org", "project", "user", "tags")],
                         ["configured", "acme", "search", "joe", {"team": "red", "tier": "b"}])
        for field, value in (("project", "other"), ("org", "other"), ("tags", "team=blue")):
            reply = self.post(CHAT, chat_body(), dict(bearer(CONFIG_KEY), **{"x-farebox-" + field: value}))
            self.assertEqual((reply.status, self.error(reply)["code"]), (403, "scope_mismatch"), field)

    def test_scopes_are_never_cut(self):
        for field, value in (("project", "p" * 129), ("user", "u" * 129), ("org", "o" * 129),
                             ("tags", "a=" + "v" * 129), ("tags", "n" * 65 + "=v"), ("tags", "no-pair"),
                             ("tags", "a=1,a=2"), ("tags", ",".join("t%d=v" % i for i in range(17)))):
            reply = self.post(CHAT, chat_body(), {"x-farebox-" + field: value})
            self.assertIn(reply.status, (400, 403), (field, value))
        reply = self.post(CHAT, chat_body(), {"x-farebox-project": "p" * 128})
        self.assertEqual(self.farebox.record_of(reply)["project"], "p" * 128)

    def test_last_use_is_known(self):
        made = self.make("used")
        self.post(CHAT, chat_body(), bearer(made["key"]))
        self.assertRegex(self.row("used")["lastUsedAt"], r"^\d{4}-\d\d-\d\dT")

    def test_mistakes_are_told(self):
        self.make("taken")
        for body, status, said in (
                (b"{", 400, "no JSON object"), (b"[]", 400, "no JSON object"), (b"", 400, "JSON"),
                (b"{}", 400, "'name' is missing"), ({"name": ""}, 400, "'name'"),
                ({"name": 7}, 400, "'name'"), ({"name": "a\nb"}, 400, "'name'"),
                ({"name": "n", "nmae": 1}, 400, "'nmae'"), ({"name": "n", "models": []}, 400, "'models'"),
                ({"name": "n", "models": "x"}, 400, "'models'"),
                ({"name": "n", "providers": ["opnai"]}, 400, "'providers'"),
                ({"name": "n", "dialects": ["x"]}, 400, "'dialects'"),
                ({"name": "n", "tags": {"a b": "c"}}, 400, "'tags'"),
                ({"name": "n", "tags": {"a": "b,c"}}, 400, "comma"),
                ({"name": "n", "expires": "soon"}, 400, "2026-12-31"),
                ({"name": "n", "expires": "2020-01-01"}, 400, "over already"),
                ({"name": "n", "project": "p" * 129}, 400, "'project'"),
                ({"name": "taken"}, 409, "taken"), ({"name": "configured"}, 409, "configuration")):
            answer = self.farebox.admin("POST", "/api/keys", JSON,
                                        body if isinstance(body, bytes) else json.dumps(body))
            self.assertEqual(answer.status, status, (body, answer.text))
            self.assertIn(said, self.error(answer)["message"], body)
        for method, target, body, status, code in (
                ("DELETE", "/api/keys", None, 400, "bad_request"),
                ("DELETE", "/api/keys?id=nobody", None, 404, "key_not_found"),
                ("DELETE", "/api/keys?name=configured", None, 409, "owned_by_config"),
                ("POST", "/api/keys/rotate", {"id": "configured"}, 409, "owned_by_config"),
                ("POST", "/api/keys/rotate", {"id": "nobody"}, 404, "key_not_found"),
                ("POST", "/api/keys/rotate", {"id": "taken", "overlap": "ever"}, 400, "bad_request"),
                ("POST", "/api/keys/rotate", {}, 400, "bad_request"),
                ("PUT", "/api/keys", {}, 405, "method_not_allowed"),
                ("GET", "/api/keys/rotate", None, 405, "method_not_allowed")):
            answer = self.farebox.admin(method, target, JSON, None if body is None else json.dumps(body))
            self.assertEqual((answer.status, self.error(answer)["code"]), (status, code), (method, target))
        self.assertEqual(self.farebox.admin("PUT", "/api/keys", JSON, "{}").header("allow"), "GET, POST, DELETE")
        # A web page can send text to another origin unasked. A form it can send too, but so does
        # curl when nothing is said; there the page's Origin tells.
        answer = self.farebox.admin("POST", "/api/keys", {"Content-Type": "text/plain"},
                                    '{"name":"by-a-page"}')
        self.assertEqual((answer.status, self.error(answer)["code"]), (415, "json_expected"))
        answer = self.farebox.admin("POST", "/api/keys", JSON, b" " * (1 << 20) + b"{}")
        self.assertEqual(answer.status, 413)

    def test_a_web_page_makes_no_key(self):
        for headers in ({"Origin": "https://evil.test"}, {"Host": "evil.test"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            answer = make(self.farebox, "by-a-page", headers)
            self.assertEqual(answer.status, 403, headers)
            answer = self.farebox.admin("DELETE", "/api/keys?name=configured", headers)
            self.assertEqual(answer.status, 403, headers)
        self.assertNotIn("by-a-page", self.farebox.admin("GET", "/api/keys").text)

    def test_a_body_in_chunks_is_read(self):
        connection = Connection(self.farebox.admin_port)
        self.addCleanup(connection.close)
        connection.send(b"POST /api/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n8\r\n{\"name\":\r\n")
        time.sleep(0.05)
        connection.send(b"a\r\n\"chunked\"}\r\n0\r\n\r\n")
        answer = connection.response()
        self.assertEqual((answer.status, answer.json()["name"]), (201, "chunked"))
        canaries.note([("x-farebox-key", answer.json()["key"])])

    def test_an_app_cannot_ask_the_admin_api_by_a_virtual_key(self):
        self.assertEqual(self.fetch("GET", "/api/keys", bearer(CONFIG_KEY)).status, 404)


class Required(FareboxTest):
    TOKEN, READER = "an-admin-token-of-some-length", "a-read-token-of-some-length"

    @classmethod
    def config(cls):
        return with_keys(cls.mock, auth={"require_keys": True},
                         admin={"listen": "127.0.0.1:0", "token": cls.TOKEN, "read_token": cls.READER},
                         keys=[{"name": "configured", "key_hash": hash_of(CONFIG_KEY)}])

    def test_nobody_passes_without_a_key(self):
        missing = lambda: self.farebox.metric("farebox_auth_failures_total", reason="missing") or 0
        before = missing()
        for headers in ({}, bearer("sk-callers-own"), {"x-farebox-project": "search"}):
            reply = self.post(CHAT, chat_body(), headers)
            self.assertEqual((reply.status, reply.json()["error"]["code"]), (401, "invalid_api_key"))
            self.assertIn("x-farebox-key", reply.json()["error"]["message"])
        self.assertEqual(self.fetch("GET", "/v1/models").status, 401)
        self.assertEqual(self.mock.requests(), [])
        self.assertEqual(missing() - before, 4)
        self.assertEqual(self.post(CHAT, chat_body(), bearer(CONFIG_KEY)).status, 200)

    def test_no_large_body_is_held_for_who_has_no_key(self):
        """Nine unfinished ones without a key were all that limits.buffered_bodies had room for."""
        ask = ("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s"
               "Content-Length: 60000000\r\n\r\n{")
        for headers in ("", "Authorization: Bearer %s\r\n" % NOBODYS):
            client = self.connect()
            client.send((ask % (CHAT, headers)).encode())
            self.assertEqual(client.response("POST").status, 401)
            client.close()
        text = "long " * 20_000
        self.assertEqual(self.post(CHAT, chat_body(text), bearer(CONFIG_KEY)).status, 200)
        self.assertEqual(self.post(CHAT, chat_body(text)).status, 401)

    def test_the_read_token_reads_only(self):
        reader, writer = bearer(self.READER), bearer(self.TOKEN)
        self.assertEqual(make(self.farebox, "by-reader", reader).status, 403)
        self.assertEqual(self.farebox.admin("DELETE", "/api/keys?name=configured", reader).status, 403)
        self.assertEqual(self.farebox.admin("POST", "/api/keys/rotate", dict(JSON, **reader), "{}").status, 403)
        self.assertEqual(self.farebox.admin("GET", "/api/keys", reader).status, 200)
        self.assertEqual(self.farebox.admin("GET", "/api/keys").status, 401)
        self.assertEqual(make(self.farebox, "by-nobody").status, 401)
        self.assertEqual(make(self.farebox, "by-data-key", bearer(CONFIG_KEY)).status, 401)
        self.assertEqual(make(self.farebox, "by-writer", writer).status, 201)


class OtherGateways(FareboxTest):
    @classmethod
    def config(cls):
        return with_keys(cls.mock, auth={"compatibility_headers": ["litellm", "portkey", "helicone"]})

    def test_their_headers_name_users_and_tags(self):
        headers = {"x-litellm-tags": "prod,tier=b", "Helicone-Property-Session": "s1",
                   "Helicone-User-Id": "ada", "x-portkey-metadata": '{"_user":"eve","env":"eu","n":1}',
                   "x-farebox-tags": "env=us"}
        reply = self.post(CHAT, chat_body(), headers)
        record = self.farebox.record_of(reply)
        self.assertEqual((record["user"], record["tags"]),
                         ("eve", {"env": "us", "prod": "true", "tier": "b", "session": "s1"}))
        self.assertEqual(self.seen().header("helicone-user-id"), "ada")     # they pass
        self.assertEqual(self.post(CHAT, chat_body(), {"x-portkey-metadata": "{"}).status, 400)
        self.assertEqual(self.post(CHAT, chat_body(), {"helicone-user-id": "u" * 129}).status, 400)


class Lives(unittest.TestCase):
    """Restarts and reloads."""

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)

    def start(self, config, **more):
        farebox = Farebox(config, **more)
        self.addCleanup(lambda: farebox.is_running() and farebox.stop())
        return farebox

    def status(self, farebox, key):
        with Connection(farebox.port) as connection:
            connection.ask("POST", CHAT, bearer(key), chat_body())
            return connection.response().status

    def states(self, farebox):
        return {(k["name"], k["source"]): k["status"] for k in farebox.admin_json("/api/keys")["keys"]}

    def test_a_restart_keeps_the_keys_of_the_api(self):
        first = self.start(with_keys(self.mock))
        self.assertFalse(os.path.exists(os.path.join(first.data_dir, "documents")))
        kept, gone = make(first, "kept", project="p").json(), make(first, "gone").json()
        self.assertEqual(self.status(first, kept["key"]), 200)
        first.admin("DELETE", "/api/keys?id=" + gone["id"])
        listed = first.admin_json("/api/keys")
        directory = os.path.dirname(first.data_dir)
        first.process.terminate()
        self.assertEqual(first.wait(), 0)
        second = self.start(with_keys(self.mock), directory=directory)
        self.assertEqual(second.admin_json("/api/keys"), listed)
        self.assertEqual([self.status(second, k["key"]) for k in (kept, gone)], [200, 401])
        second.process.kill()       # nothing that was told needs a clean end
        second.wait()
        third = self.start(with_keys(self.mock), directory=directory)
        self.assertEqual([self.status(third, k["key"]) for k in (kept, gone)], [200, 401])
        files = b"".join(octets for _, octets in canaries.files_below(third.data_dir))
        self.assertEqual(canaries.hits(files, [kept["key"], gone["key"]]), [])

    def test_a_store_in_memory_forgets(self):
        farebox = self.start(with_keys(self.mock, ledger={"store": "memory"}))
        self.assertEqual(self.status(farebox, make(farebox, "a").json()["key"]), 200)
        self.assertFalse(os.path.exists(os.path.join(farebox.data_dir, "documents")))

    def test_a_reload_adds_and_removes_keys(self):
        farebox = self.start(with_keys(self.mock))
        entry = {"name": "later", "key_hash": hash_of(CONFIG_KEY)}
        connection = Connection(farebox.port)
        self.addCleanup(connection.close)
        for keys, expected in (([entry], 200), ([dict(entry, enabled=False)], 401), ([entry], 200),
                               ([dict(entry, models=["o3"])], 403), ([], 401)):
            self.assertEqual(farebox.reload(with_keys(self.mock, keys=keys)).status, 200)
            connection.ask("POST", CHAT, bearer(CONFIG_KEY), chat_body())
            self.assertEqual(connection.response().status, expected, keys)
        farebox.reload(with_keys(self.mock, auth={"require_keys": True}))
        connection.ask("POST", CHAT, (), chat_body())
        self.assertEqual(connection.response().status, 401)

    def test_configuration_and_api_never_fight_silently(self):
        farebox = self.start(with_keys(self.mock))
        made = make(farebox, "search").json()
        farebox.reload(with_keys(self.mock, keys=[{"name": "search", "key_hash": hash_of(CONFIG_KEY)}]))
        self.assertEqual(self.states(farebox), {("search", "config"): "active", ("search", "api"): "shadowed"})
        line = wait_until(lambda: farebox.log(level="warn", name="search"))[0]
        self.assertIn("shadowed", line["msg"])
        self.assertEqual([self.status(farebox, k) for k in (CONFIG_KEY, made["key"])], [200, 401])
        farebox.reload(with_keys(self.mock))
        self.assertEqual(self.states(farebox), {("search", "api"): "active"})
        self.assertEqual([self.status(farebox, k) for k in (CONFIG_KEY, made["key"])], [401, 200])


class Commands(FareboxTest):
    @classmethod
    def config(cls):
        return with_keys(cls.mock)

    def run_keys(self, *arguments):
        return run_to_end(["keys"] + list(arguments)
                          + ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port])

    def status(self, key):
        canaries.note([("x-farebox-key", key)])
        return self.post(CHAT, chat_body(), bearer(key)).status

    def test_a_key_from_its_making_to_its_end(self):
        code, out, err = self.run_keys("create", "--name", "cli", "--project", "search", "--org", "acme",
                                       "--user", "ada", "--model", "gpt-4.1-*", "--model", "o3", "--tag",
                                       "team=red", "--expires", "2199-01-01", "--provider", "openai",
                                       "--dialect", "openai")
        self.assertEqual((code, err), (0, ""))
        made = json.loads(out)
        self.assertEqual([made[k] for k in ("org", "project", "user", "models", "tags", "providers", "expiresAt")],
                         ["acme", "search", "ada", ["gpt-4.1-*", "o3"], {"team": "red"}, ["openai"],
                          "2199-01-01T00:00:00.000Z"])
        self.assertEqual(self.status(made["key"]), 200)
        code, out, _ = self.run_keys("list")
        self.assertEqual((code, out.count(made["key"])), (0, 0))
        self.assertEqual([k["name"] for k in json.loads(out)["keys"]], ["cli"])
        code, out, _ = self.run_keys("rotate", "cli", "--overlap", "0s")
        rotated = json.loads(out)["key"]
        self.assertEqual([code, self.status(made["key"]), self.status(rotated)], [0, 401, 200])
        self.assertEqual(self.run_keys("revoke", "cli")[0], 0)
        self.assertEqual(self.status(rotated), 401)

    def test_people_read_text(self):
        port = ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
        code, out, _ = on_terminal(["keys", "create", "--name", "person"] + port)
        self.assertEqual(code, 0)
        self.assertRegex(out.split("\n")[0], KEY)
        self.assertIn("only time", out)
        canaries.note([("x-farebox-key", out.split("\n")[0])])
        code, out, _ = on_terminal(["keys", "list"] + port)
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^NAME +PREFIX +STATUS")
        self.assertRegex(out, r"(?m)^person +fb-\S{4} +active")

    def test_mistakes(self):
        for arguments, code, said in (
                (["create"], 64, "--name"), (["create", "--name", "x", "--tag", "y"], 64, "name=value"),
                (["revoke", "nobody"], 64, "no key 'nobody'"), (["revoke"], 64, "ID"),
                (["create", "--name", "x", "--expires", "soon"], 64, "2026-12-31"), ([], 64, "create")):
            got, out, err = run_to_end(["keys"] + arguments + (
                ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port] if arguments else []))
            self.assertEqual((got, out), (code, ""), err)
            self.assertIn(said, err)
        got, _, err = run_to_end(["keys", "list", "--admin-listen", "127.0.0.1:9"])
        self.assertEqual(got, 69)
        self.assertIn("is farebox running?", err)

    def test_a_key_made_offline_works_where_its_hash_is_configured(self):
        code, out, err = run_to_end(["keys", "create", "--offline", "--name", "it's \"odd\"", "--project", "p",
                                     "--model", "gpt-*", "--tag", "a=b", "--expires", "2199-01-01"])
        self.assertEqual((code, err), (0, ""))
        key, _, rest = out.partition("\n")
        self.assertRegex(key, KEY)
        yaml = rest[rest.index("keys:"):]
        self.assertNotIn(key, yaml)
        base = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"},
                "data_dir": self.farebox.data_dir + "-offline"}
        other = Farebox(base)
        try:
            text = "\n".join("%s: %s" % (k, json.dumps(v)) for k, v in
                             dict(base, **with_keys(self.mock)).items()) + "\n" + yaml
            path = other.config_file
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            answer = other.reload()
            self.assertEqual(answer.status, 200, answer.text)
            with Connection(other.port) as connection:
                connection.ask("POST", CHAT, bearer(key), chat_body())
                reply = connection.response()
            self.assertEqual(reply.status, 200, reply.text)
            record = other.record_of(reply)
            self.assertEqual([record[k] for k in ("keyName", "project", "tags")],
                             ["it's \"odd\"", "p", {"a": "b"}])
        finally:
            other.stop()
        code, out, _ = run_to_end(["keys", "create", "--offline", "--name", "j", "--json"])
        said = json.loads(out)
        self.assertEqual((code, said["keyHash"]), (0, hash_of(said["key"])))


if __name__ == "__main__":
    unittest.main()
