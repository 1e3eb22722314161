"""Canaries in every place a secret can be (reliability, X1); none may come out where it
must not: raw, hex, URL-coded or base64."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import unittest
import urllib.parse

import canaries
from connect_proxy import ConnectProxy
from farebox_process import Farebox, environment, program, run_to_end, write_config
from harness import (CHAT, GENERATE, MESSAGES, STREAM_GENERATE, FareboxTest, chat_body,
                     generate_body, messages_body, providers)

CONFIG_KEY = "sk-CANARY-config-7f3a9c51e2+/="
FILE_KEY = "sk-CANARY-file-0b8d66e1aa"
VARIABLE_KEY = "sk-CANARY-variable-c27d0f95e3"
CALLER_KEY = "sk-CANARY-caller-5d20c4b7f9"
URL_KEY = "AIza-CANARY-url-91ce02aa37"
VIRTUAL_KEY = "fb-" + "CANARYvirtual" * 3 + "0123"
KNOWN_KEY = "fb-" + "CANARYknownky" * 3 + "4567"
REVOKED_KEY = "fb-" + "CANARYrevoked" * 3 + "89ab"
ADMIN_TOKEN = "CANARY-admin-token-33e1f0c8d4"
READ_TOKEN = "CANARY-read-token-8a61b20c7e"
PROXY_PASSWORD = "CANARY/proxy@9d41c7b2+e"
WRONG_PASSWORD = "CANARY/wrong@47ae10d9"
PROMPT = "CANARY-prompt-the-eagle-has-landed"
ANSWER = "CANARY-answer-as-cold-as-the-moon"
SECRETS = (CONFIG_KEY, FILE_KEY, VARIABLE_KEY, CALLER_KEY, URL_KEY, VIRTUAL_KEY, KNOWN_KEY,
           REVOKED_KEY, ADMIN_TOKEN,
           READ_TOKEN, PROXY_PASSWORD, WRONG_PASSWORD, PROMPT, ANSWER)
AUTHORIZED = {"Authorization": "Bearer " + ADMIN_TOKEN}
NOBODY = 65534


def secret_file(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    os.chmod(path, 0o600)
    return path


def with_password(url, password):
    return url.replace("//", "//joe:%s@" % urllib.parse.quote(password, safe=""))


class Canaries(FareboxTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.key_file = secret_file(directory.name, "key", FILE_KEY)
        cls.token_file = secret_file(directory.name, "token", READ_TOKEN)
        cls.proxy = ConnectProxy("joe:" + PROXY_PASSWORD)
        cls.addClassCleanup(cls.proxy.close)
        cls.variables = {"CANARY_VARIABLE_KEY": VARIABLE_KEY,
                         "HTTPS_PROXY": with_password(cls.proxy.url(), PROXY_PASSWORD)}
        super().setUpClass()
        cls.farebox.stop()
        cls.farebox = Farebox(cls.config(), cls.variables)

    @classmethod
    def config(cls):
        def own(key=CONFIG_KEY, **more):
            return dict({"dialect": "openai", "base_url": cls.mock.url, "api_keys": [key],
                         "retry": {"max_attempts": 1},
                         "circuit_breaker": {"enabled": False}}, **more)
        table = providers(cls.mock, each={"retry": {"max_attempts": 1}},
                          openai={"api_keys": [CONFIG_KEY]})
        table["by-file"] = own()
        del table["by-file"]["api_keys"]
        table["by-file"]["api_keys_file"] = cls.key_file
        table["stale"] = own()
        table["by-variable"] = own("${CANARY_VARIABLE_KEY:-unset}")
        table["nobody"] = own(base_url="http://127.0.0.1:9")
        table["no-name"] = own(base_url="https://no-such-host.invalid")
        table["proxied"] = own(upstream_proxy=with_password(cls.proxy.url(), PROXY_PASSWORD))
        table["wrong-password"] = own(upstream_proxy=with_password(cls.proxy.url(), WRONG_PASSWORD))
        table["tunnel"] = own(base_url=cls.mock.url.replace("http", "https"),
                              upstream_proxy=with_password(cls.proxy.url(), PROXY_PASSWORD))
        table["wrong-tunnel"] = own(base_url="https://api.invalid",
                                    upstream_proxy=with_password(cls.proxy.url(), WRONG_PASSWORD))
        table["no-proxy"] = own(upstream_proxy=with_password("http://127.0.0.1:9", PROXY_PASSWORD))
        return {"providers": table,
                "keys": [dict(key_hash="sha256:" + hashlib.sha256(key.encode()).hexdigest(), **more)
                         for key, more in ((KNOWN_KEY, {"name": "known", "models": ["gpt-4.1-mini"]}),
                                           (REVOKED_KEY, {"name": "revoked", "enabled": False}))],
                "admin": {"listen": "127.0.0.1:0", "token": ADMIN_TOKEN,
                          "read_token_file": cls.token_file}}

    def everything_asked(self):
        """Requests of every fate, with keys everywhere. Returns our own answers."""
        bearer = {"Authorization": "Bearer " + CALLER_KEY, "Cookie": "session=" + CALLER_KEY,
                  "Proxy-Authorization": "Basic " + CALLER_KEY}
        self.mock.rule({"body": '{"choices":[{"message":{"content":"%s"}}]}' % ANSWER},
                       path_prefix="/answers/")
        self.mock.rule({"echo": True}, path_prefix="/echoes/")
        replies = [
            self.post(CHAT, chat_body(text=PROMPT), bearer),
            self.post("/anthropic" + MESSAGES, messages_body(text=PROMPT), {"x-api-key": CALLER_KEY}),
            self.post(GENERATE + "?key=" + URL_KEY, generate_body(text=PROMPT)),
            self.post(STREAM_GENERATE + "&key=" + URL_KEY, generate_body(text=PROMPT)),
            self.post(GENERATE, generate_body(), {"x-goog-api-key": CALLER_KEY}),
            self.post("/azure/openai/v1/chat/completions", chat_body(), {"api-key": CALLER_KEY}),
            self.post(CHAT, chat_body(), dict(bearer, **{"x-farebox-key": VIRTUAL_KEY})),
            self.post(CHAT, chat_body(), {"Authorization": "Bearer " + VIRTUAL_KEY}),
            self.post(GENERATE + "?key=" + VIRTUAL_KEY.replace("-", "%2D"), generate_body()),
            self.post(CHAT, chat_body(text=PROMPT), dict(bearer, **{"x-farebox-key": KNOWN_KEY})),
            self.post(CHAT, chat_body(model="o3"), {"Authorization": "Bearer " + KNOWN_KEY}),
            self.post(CHAT, chat_body(), {"Authorization": "Bearer " + KNOWN_KEY, "X-Copy": KNOWN_KEY,
                                          "x-farebox-project": "p" * 200}),
            self.post("/probe" + CHAT, chat_body(), {"Authorization": "Bearer " + KNOWN_KEY}),
            self.post(CHAT, chat_body(), {"Authorization": "Bearer " + REVOKED_KEY}),
            self.post(CHAT, chat_body(), {"x-farebox-key": KNOWN_KEY[:-1]}),
            self.post(GENERATE + "?key=" + REVOKED_KEY, generate_body()),
            self.post("/probe/answers/v1/chat/completions", chat_body(text=PROMPT), bearer),
            self.post("/nobody" + CHAT, chat_body(text=PROMPT), bearer),
            self.post("/no-name" + CHAT, chat_body(text=PROMPT), bearer),
            self.post(CHAT, '{"model":"%s","model":"%s"}' % (PROMPT, CALLER_KEY), bearer),
            self.post("/nowhere?key=" + URL_KEY, b"{}", bearer),
            self.fetch("GET", "/v1/models?key=" + URL_KEY, dict(bearer, **{"Bad Name": CALLER_KEY})),
            self.post(CHAT, chat_body(), dict(bearer, **{"X-Big": CALLER_KEY * 2000})),
            self.post(CHAT, chat_body(), dict(bearer, Origin="https://" + CALLER_KEY)),
            self.fetch("TRACE", "/v1/models?key=" + URL_KEY, bearer),
            self.fetch("CONNECT", "api.openai.com:443", bearer),
        ]
        for provider in ("by-file", "by-variable", "proxied", "wrong-password", "tunnel",
                         "wrong-tunnel", "no-proxy"):
            replies.append(self.post("/%s%s" % (provider, CHAT), chat_body(text=PROMPT), bearer))
            replies.append(self.post("/%s%s" % (provider, CHAT),
                                     chat_body(text=PROMPT, stream=True), bearer))
        for status in ("400", "401", "403", "404", "407", "422", "429", "500", "503", "529"):
            replies.append(self.post("/by-file" + CHAT, chat_body(text=PROMPT),
                                     dict(bearer, **{"x-mock-status": status})))
            self.post("/by-file/echoes" + CHAT, chat_body(text=PROMPT),
                      dict(bearer, **{"x-mock-status": status}))
        for told in ({"x-mock-cut-chunks": "3"}, {"x-mock-cut-wire": "20"},
                     {"x-mock-cut-chunks": "3", "x-mock-cut": "reset"}):
            self.post(CHAT, chat_body(text=PROMPT, stream=True), dict(bearer, **told))
        # Its own provider: the connection it leaves in the pool would be another test's.
        self.post("/stale" + CHAT, chat_body(text=PROMPT, stream=True),
                  dict(bearer, **{"x-mock-stale": "fin"}))
        connection = self.connect()
        connection.ask("POST", CHAT, dict(bearer, **{"x-mock-delay-chunk-ms": "20"}),
                       chat_body(text=PROMPT, stream=True))
        connection.head()
        connection.close()
        half = self.connect()
        half.send(b"POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                  % (CHAT.encode(), CALLER_KEY.encode()))
        half.close()
        return replies

    def assert_clean(self, where, octets, secrets=SECRETS):
        octets = octets if isinstance(octets, bytes) else octets.encode()
        self.assertEqual(canaries.hits(octets, secrets), [], where)

    def test_no_secret_in_any_output(self):
        replies = self.everything_asked()
        own = 0
        for reply in replies:
            self.assert_clean("a response head", reply.head)
            is_ours = reply.status >= 400 and not reply.header("x-farebox-provider")
            if is_ours:
                own += 1
                self.assert_clean("an error of %d" % reply.status, reply.body)
        self.assertGreaterEqual(own, 18)
        self.assertIn(407, [r.status for r in replies])     # a provider's own passes
        for path in ("/metrics", "/healthz", "/readyz", "/api/usage?groupBy=model,project,user,key",
                     "/api/usage/records?limit=1000", "/api/keys", "/api/providers", "/api/ledger", "/api/nothing"):
            self.assert_clean(path, self.farebox.admin("GET", path, AUTHORIZED).body)
            self.assert_clean(path, self.farebox.admin("GET", path, {
                "Authorization": "Bearer " + CALLER_KEY}).body)
        self.assert_clean("the log", "\n".join(self.farebox.raw_lines))
        self.assert_clean("the log", json.dumps(self.farebox.lines, ensure_ascii=False))
        for path, octets in canaries.files_below(self.farebox.data_dir):
            self.assert_clean(path, octets)
        for arguments in (["usage", "--json", "--since", "0"], ["usage", "--records", "1000"],
                          ["ledger", "export"], ["ledger", "export", "--format", "csv"],
                          ["ledger", "verify", "--json"]):
            more = [] if arguments[0] == "ledger" else \
                ["--admin-listen", "127.0.0.1:%d" % self.farebox.admin_port]
            code, out, err = run_to_end(arguments + ["--config", self.farebox.config_file] + more,
                                        self.variables)
            self.assertEqual(code, 0, (arguments, err))
            self.assertGreater(len(out), 10)
            self.assert_clean(" ".join(arguments), out + err)
        self.mock.clear()           # a TLS hello is no clean HTTP, and need not be

    def test_a_key_that_is_made_is_said_once(self):
        made = []
        for method, target, body in (("POST", "/api/keys", {"name": "canary"}),
                                     ("POST", "/api/keys/rotate", {"id": "canary"})):
            answer = self.farebox.admin(method, target, dict(AUTHORIZED, **{
                "Content-Type": "application/json"}), json.dumps(body))
            self.assertEqual(answer.status, 201, answer.text)
            made.append(answer.json()["key"])
        for key in made:
            self.post(CHAT, chat_body(), {"Authorization": "Bearer " + key})
        self.farebox.admin("DELETE", "/api/keys?name=canary", AUTHORIZED)
        for key in made:
            self.assertEqual(self.post(CHAT, chat_body(), {"Authorization": "Bearer " + key}).status, 401)
        for path in ("/metrics", "/api/keys", "/api/usage/records?limit=1000"):
            self.assert_clean(path, self.farebox.admin("GET", path, AUTHORIZED).body, made)
        self.assert_clean("the log", "\n".join(self.farebox.raw_lines), made)
        for path, octets in canaries.files_below(self.farebox.data_dir):
            self.assert_clean(path, octets, made)

    def test_the_command_line_and_environment_hold_no_key(self):
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (self.farebox.pid, name), "rb") as file:
                self.assert_clean(name, file.read())
        # And yet it knows the one that came from there.
        self.post("/by-variable" + CHAT, chat_body())
        self.assertEqual(self.seen().all("authorization"), ["Bearer " + VARIABLE_KEY])

    def test_the_providers_key_replaces_the_callers(self):
        for provider, key in (("openai", CONFIG_KEY), ("by-file", FILE_KEY), ("proxied", CONFIG_KEY)):
            self.mock.clear()
            self.post("/%s%s" % (provider, CHAT), chat_body(), {"Authorization": "Bearer " + CALLER_KEY})
            self.assertEqual(self.seen().all("authorization"), ["Bearer " + key])
            self.assert_clean("a request to " + provider, self.seen().head, [CALLER_KEY, PROXY_PASSWORD])

    def test_without_a_key_of_ours_the_callers_passes(self):
        self.post(MESSAGES, messages_body(), {"x-api-key": CALLER_KEY})
        self.assertEqual(self.seen().all("x-api-key"), [CALLER_KEY])
        self.mock.clear()
        self.post(GENERATE + "?key=" + URL_KEY, generate_body())
        self.assertEqual(self.seen().target, GENERATE + "?key=" + URL_KEY)

    def test_a_virtual_key_in_the_query_never_travels_on(self):
        for key in (VIRTUAL_KEY, VIRTUAL_KEY.replace("-", "%2D"), "AIza&key=" + VIRTUAL_KEY,
                    "%66b%2d" + VIRTUAL_KEY[3:]):
            reply = self.post(GENERATE + "?key=" + key, generate_body())
            self.assertEqual(reply.status, 401, key)
        self.assertEqual(self.mock.requests(), [])

    def test_a_key_goes_to_its_provider_only(self):
        for provider in ("probe", "anthropic", "gemini", "azure"):
            self.mock.clear()
            self.post("/%s/v1/anything" % provider, b"{}")
            self.assert_clean("a request to " + provider, self.seen().head)

    def test_a_provider_that_echoes_its_key_in_a_header_is_silenced(self):
        self.mock.rule({"headers": [["X-Echo", "you sent Bearer " + CONFIG_KEY],
                                    ["Authorization", "Bearer " + CONFIG_KEY]]})
        reply = self.post(CHAT, chat_body())
        self.assert_clean("a response head", reply.head)

    def test_a_redirect_does_not_carry_the_key_away(self):
        reply = self.post(CHAT, chat_body(), {"x-mock-location": self.mock.url + "/echo"})
        self.assertEqual(reply.status, 307)
        self.assertEqual(len(self.mock.requests()), 1)
        self.assert_clean("a redirect", reply.head)


class Check(unittest.TestCase):
    """What `check` and a start that fails say of a configuration full of secrets."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = directory.name

    def check(self, config, variables=None):
        path = write_config(self.path, config)
        code, out, err = run_to_end(["check", "--config", path], variables)
        self.assertEqual(canaries.hits((out + err).encode(), SECRETS), [], out + err)
        return code, out + err

    def provider(self, **more):
        return {"providers": {"p": dict({"base_url": "https://a.example"}, **more)}}

    def test_mistakes_around_secrets_do_not_show_them(self):
        for config in (
                self.provider(api_keys=[CONFIG_KEY + " "]),
                self.provider(api_keys=CONFIG_KEY),
                self.provider(api_keys=[{"key": CONFIG_KEY}]),
                self.provider(api_key=CONFIG_KEY),
                self.provider(api_keys_file=FILE_KEY),
                self.provider(base_url="https://joe:%s@a.example" % WRONG_PASSWORD),
                self.provider(upstream_proxy="ftp://joe:%s@a.example" % WRONG_PASSWORD),
                self.provider(upstream_proxy="http://joe:%s@a.example:x" % WRONG_PASSWORD),
                {"admin": {"token": ADMIN_TOKEN, "read_token": ADMIN_TOKEN}},
                {"admin": {"token": ADMIN_TOKEN + "\n"}},
                {"admin": {"tokens": ADMIN_TOKEN}},
                "admin: {token:%s}\n" % ADMIN_TOKEN,
                "providers: {p: {base_url: 'https://a.example', api_keys: [%s}}\n" % CONFIG_KEY):
            code, said = self.check(config)
            self.assertEqual(code, 78, said)
        code, said = self.check({}, {"HTTPS_PROXY": "socks5://joe:%s@a:1" % PROXY_PASSWORD})
        self.assertEqual(code, 0)
        self.assertIn("HTTPS_PROXY can't be used", said)
        code, said = self.check({}, {"FAREBOX_ADMIN_TOKEN": ADMIN_TOKEN + " x"})
        self.assertEqual(code, 78)

    def test_secret_files_are_read_with_care(self):
        good = secret_file(self.path, "good", FILE_KEY + "\n" + "sk-another-key\n")
        self.assertEqual(self.check(self.provider(api_keys_file=good))[0], 0)
        for name, text, cure in (("absent", None, "check its name and its permissions"),
                                 ("empty", "", "write one into the file"),
                                 ("two", READ_TOKEN + "\n" + ADMIN_TOKEN, "leave only the secret"),
                                 ("blank", "CANARY with a blank", "remove it")):
            path = os.path.join(self.path, name)
            if text is not None:
                secret_file(self.path, name, text)
            code, said = self.check({"admin": {"token_file": path}})
            self.assertEqual(code, 78, name)
            self.assertIn("admin.token_file", said)
            self.assertIn(cure, said)
        os.chmod(good, 0o644)
        code, said = self.check(self.provider(api_keys_file=good))
        self.assertEqual(code, 0)
        self.assertIn("chmod o-rwx", said)
        code, said = self.check(self.provider(api_keys=["${NO_SUCH_VARIABLE}"]))
        self.assertEqual(code, 78)
        self.assertIn("the environment variable NO_SUCH_VARIABLE is not set; set it", said)

    def test_keys_of_the_environment_are_used_only_where_a_config_names_them(self):
        code, _ = self.check({"listen": "0.0.0.0:4141"}, {"OPENAI_API_KEY": CONFIG_KEY})
        self.assertEqual(code, 0)       # no keys of our own, so no open relay
        config = self.provider(api_keys=["${OPENAI_API_KEY}"])
        config["listen"] = "0.0.0.0:4141"
        code, said = self.check(config, {"OPENAI_API_KEY": CONFIG_KEY})
        self.assertEqual(code, 78, said)
        self.assertIn("auth.allow_anonymous", said)


class Memory(unittest.TestCase):
    """No core file, no debugger of the same user: whoever runs it, as root sees all."""

    def serve(self, more=None, settings=None):
        # Of a user who isn't root, so that the system's rules show.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        user = NOBODY if os.geteuid() == 0 else os.geteuid()
        os.chown(directory.name, user, -1)
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"},
                  "data_dir": os.path.join(directory.name, "data"),
                  "providers": {"p": {"base_url": "https://a.example", "api_keys": [CONFIG_KEY]}}}
        path = write_config(directory.name, dict(config, **(settings or {})))
        os.chmod(path, 0o644)
        variables = environment(more)
        if not more:
            variables.pop("FAREBOX_DUMPABLE", None)
        # The binary may stand where that user can't go, so it is named by its descriptor.
        binary = os.open(program(), os.O_RDONLY)
        self.addCleanup(os.close, binary)
        process = subprocess.Popen(
            ["/proc/self/fd/%d" % binary, "serve", "--config", path], env=variables,
            cwd=directory.name, user=user, pass_fds=(binary,), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2))
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if b'"listening"' in line:
                return process, user, directory.name
        self.fail("it did not start, exit %s" % process.wait())

    def may_read_memory(self, process, user):
        # The system asks for the same right here as for ptrace.
        return subprocess.run(["cat", "/proc/%d/environ" % process.pid], user=user,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def core_limit(self, process):
        with open("/proc/%d/limits" % process.pid, encoding="ascii") as file:
            return next(l for l in file if l.startswith("Max core file size")).split()[4:6]

    def test_is_closed_to_the_same_user(self):
        process, user, _ = self.serve()
        self.assertFalse(self.may_read_memory(process, user))
        self.assertEqual(os.stat("/proc/%d/environ" % process.pid).st_uid, 0)
        self.assertEqual(self.core_limit(process), ["0", "0"])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0, process.stderr.read().decode())

    def test_a_crash_leaves_no_core(self):
        for number in (signal.SIGABRT, signal.SIGQUIT):
            process, _, directory = self.serve()
            process.send_signal(number)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -number        # waited for here, not by Popen
            self.assertEqual((os.WTERMSIG(status), os.WCOREDUMP(status)), (number, False))
            self.assertEqual([n for n in os.listdir(directory) if "core" in n], [])
            # The key stands in the configuration, where it was written, and nowhere else.
            for path, octets in canaries.files_below(directory):
                if not path.endswith("farebox.yaml"):
                    self.assertEqual(canaries.hits(octets, SECRETS), [], path)

    def test_can_be_opened_for_debugging(self):
        for more, settings in (({"FAREBOX_DUMPABLE": "1"}, None), (None, {"debug": {"dumpable": True}})):
            process, user, _ = self.serve(more, settings)
            self.assertTrue(self.may_read_memory(process, user), (more, settings))
            process.terminate()
            self.assertEqual(process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()
