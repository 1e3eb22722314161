"""Through a corporate proxy to the providers: CONNECT, absolute-form, who is asked for
what, and what a client is told when the proxy fails."""

import base64
import os
import subprocess
import tempfile
import time
import unittest

from connect_proxy import ConnectProxy
from farebox_process import Farebox
from free_port import free_port
from harness import CALM, CHAT, ROOT, FareboxTest, chat_body, wait_until

PASSWORD = "joe:s3cret/p@ss"
IN_A_URL = "joe:s3cret%2Fp%40ss"
BASIC = "Basic " + base64.b64encode(PASSWORD.encode()).decode()
KEY = "sk-provider-key-that-no-proxy-may-see"


class ThroughAProxy(FareboxTest):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        subprocess.run([os.path.join(ROOT, "tests", "mock", "make_test_ca.sh"), directory.name],
                       check=True)
        cls.path = os.path.join(directory.name, "")
        good = (cls.path + "good.pem", cls.path + "good.key")
        cls.proxies = {
            "plain": ConnectProxy(), "password": ConnectProxy(PASSWORD),
            "forbids": ConnectProxy(answer=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
            "fails": ConnectProxy(answer=b"HTTP/1.1 503 Busy\r\n\r\n"),
            "garbage": ConnectProxy(answer=b"220 mail.example ESMTP\r\n\r\n"),
            "behind": ConnectProxy(behind=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
            "silent": ConnectProxy(silent=True), "closes": ConnectProxy(closes=True),
            "tls": ConnectProxy(PASSWORD, certificate=good),
            "wrong-host": ConnectProxy(certificate=(cls.path + "wrong-host.pem",
                                                    cls.path + "wrong-host.key")),
        }
        for proxy in cls.proxies.values():
            cls.addClassCleanup(proxy.close)
        super().setUpClass()

    @classmethod
    def mock_arguments(cls):
        return {"tls": [(cls.path + "good.pem", cls.path + "good.key")]}

    @classmethod
    def config(cls):
        tls = "https://localhost:%d" % cls.mock.tls_ports[0]
        each = {"dialect": "openai", "ca_file": cls.path + "ca.pem", "api_keys": [KEY],
                "retry": {"max_attempts": 1},
                "timeouts": {"connect": "600ms"}}
        wait = dict(each, timeouts={"connect": "10s"})
        p = cls.proxies
        table = {
            "tunnel": dict(wait, base_url=tls, upstream_proxy=p["plain"].url()),
            # Its own: a connection it leaves in the pool is another test's.
            "stream": dict(wait, base_url=tls, upstream_proxy=p["plain"].url()),
            "password": dict(wait, base_url=tls, upstream_proxy=p["password"].url(IN_A_URL)),
            "no-password": dict(wait, base_url=tls, upstream_proxy=p["password"].url()),
            "wrong-password": dict(wait, base_url=tls, upstream_proxy=p["password"].url("joe:Hunter2")),
            "clear": dict(wait, base_url=cls.mock.url + "/base",
                          upstream_proxy=p["password"].url(IN_A_URL)),
            "clear-no-password": dict(wait, base_url=cls.mock.url,
                                      upstream_proxy=p["password"].url()),
            "over-tls": dict(wait, base_url=tls, upstream_proxy=p["tls"].url(IN_A_URL)),
            "clear-over-tls": dict(wait, base_url=cls.mock.url, upstream_proxy=p["tls"].url(IN_A_URL)),
            "wrong-host": dict(wait, base_url=tls, upstream_proxy=p["wrong-host"].url()),
            "direct": dict(wait, base_url=tls, upstream_proxy="none"),
            "untrusted": dict(wait, base_url=tls, ca_file="", upstream_proxy=p["plain"].url()),
            "elsewhere": dict(wait, base_url="https://no-such-host.invalid",
                              upstream_proxy=p["plain"].url()),
            "unreachable": dict(each, base_url=tls,
                                upstream_proxy="http://127.0.0.1:%d" % free_port()),
        }
        for name in ("forbids", "fails", "garbage", "behind", "silent", "closes"):
            table[name] = dict(each if name == "silent" else wait, base_url=tls,
                               upstream_proxy=p[name].url())
        return {"providers": table}

    def setUp(self):
        super().setUp()
        for proxy in self.proxies.values():
            proxy.heads.clear()

    def chat(self, provider, headers=()):
        return self.post("/%s%s" % (provider, CHAT), chat_body(), headers)

    def refused(self, provider, proxy=None, status=502, code="upstream_unreachable"):
        """The message of the refusal, which names the proxy and no secret."""
        reply = self.chat(provider)
        self.assertEqual(reply.status, status, (provider, reply.text))
        error = reply.json()["error"]
        self.assertEqual((error["type"], error["code"]), ("server_error", code), provider)
        if proxy:
            self.assertIn(":%d" % self.proxies[proxy].port, error["message"], provider)
        # A refusal stands; what may pass may be tried again, for nothing was sent.
        again = "false" if "(407)" in error["message"] or "(403)" in error["message"] else "true"
        self.assertEqual(reply.header("x-should-retry"), again, error["message"])
        for secret in (PASSWORD.split(":")[1], IN_A_URL.split(":")[1], "Hunter2", "Basic", KEY):
            self.assertNotIn(secret, reply.text)
        return error["message"]

    def test_https_goes_through_a_tunnel(self):
        client = self.connect()
        for _ in range(2):
            client.ask("POST", "/tunnel" + CHAT, (), chat_body())
            self.assertEqual(client.response().status, 200)
        proxy = self.proxies["plain"]
        target = "localhost:%d" % self.mock.tls_ports[0]
        self.assertEqual(proxy.requests(), [("CONNECT", target)])
        self.assertEqual(proxy.fields("host"), [target])
        self.assertEqual(proxy.fields("proxy-authorization"), [])
        seen = self.mock.requests()
        self.assertEqual([s.tls["sni"] for s in seen], ["localhost"] * 2)
        self.assertEqual(len({s.connection for s in seen}), 1)      # pooled
        self.assertEqual(seen[0].all("authorization"), ["Bearer " + KEY])
        self.assertEqual(seen[0].all("proxy-authorization"), [])
        self.assertNotIn(KEY.encode(), proxy.passed)
        self.assertNotIn(KEY.encode(), b"".join(proxy.heads))

    def test_the_password_is_for_the_proxy_only(self):
        self.assertEqual(self.chat("password").status, 200)
        self.assertEqual(self.proxies["password"].fields("proxy-authorization"), [BASIC])
        self.assertEqual(self.seen().all("proxy-authorization"), [])

    def test_http_goes_by_absolute_form(self):
        reply = self.chat("clear", {"Proxy-Authorization": "Basic bXk6b3du"})
        self.assertEqual(reply.status, 200)
        proxy = self.proxies["password"]
        self.assertEqual(proxy.requests(), [("POST", self.mock.url + "/base" + CHAT)])
        self.assertEqual(proxy.fields("proxy-authorization"), [BASIC])
        self.assertEqual(proxy.fields("host"), ["127.0.0.1:%d" % self.mock.port])
        self.assertEqual(self.seen().target, "/base" + CHAT)

    def test_a_stream_passes_through_a_tunnel(self):
        reply = self.post("/stream" + CHAT, chat_body(stream=True), {"x-mock-chunks": "30"})
        self.assertTrue(reply.complete)
        self.assertIn(b"[DONE]", reply.body)

    def test_the_proxy_itself_may_speak_tls(self):
        environment = {"SSL_CERT_FILE": self.path + "ca.pem"}
        farebox = Farebox(self.config(), environment)
        self.addCleanup(farebox.stop)
        ours, type(self).farebox = self.farebox, farebox
        try:
            client = self.connect()
            for _ in range(3):
                client.ask("POST", "/over-tls" + CHAT, (), chat_body())
                self.assertEqual(client.response().status, 200)
            target = "localhost:%d" % self.mock.tls_ports[0]
            self.assertEqual(self.proxies["tls"].requests(), [("CONNECT", target)])
            self.assertEqual(self.proxies["tls"].fields("proxy-authorization"), [BASIC])
            large = self.post("/over-tls/v1/files", bytes(2 << 20), {
                "x-mock-body-size": str(2 << 20), "content-type": "application/octet-stream"})
            self.assertEqual((large.status, len(large.body)), (200, 2 << 20))
            self.assertEqual(self.chat("clear-over-tls").status, 200)
            self.assertEqual(self.proxies["tls"].requests()[-1], ("POST", self.mock.url + CHAT))
            message = self.refused("wrong-host", "wrong-host")
            self.assertIn("certificate refused", message)
        finally:
            type(self).farebox = ours
        self.assertIn("certificate refused", self.refused("over-tls", "tls"))

    def test_none_goes_direct(self):
        self.assertEqual(self.chat("direct").status, 200)
        self.assertEqual([p.heads for p in self.proxies.values() if p.heads], [])

    def test_the_provider_is_verified_through_the_tunnel(self):
        reply = self.chat("untrusted")
        self.assertEqual(reply.status, 502)
        self.assertRegex(reply.json()["error"]["message"], "certificate refused")
        self.assertNotIn("proxy", reply.json()["error"]["message"])
        self.assertEqual(self.mock.requests(), [])

    def test_the_proxy_resolves_the_name(self):
        proxy = self.proxies["plain"]
        self.addCleanup(setattr, proxy, "to", proxy.to)
        proxy.to = ("127.0.0.1", self.mock.tls_ports[0])
        reply = self.chat("elsewhere")      # the certificate is for another name
        self.assertEqual(reply.status, 502)
        self.assertIn("certificate refused", reply.text)
        self.assertEqual(proxy.requests(), [("CONNECT", "no-such-host.invalid:443")])

    def test_a_proxy_that_refuses_is_named(self):
        self.assertIn("asks for a user and a password (407)",
                      self.refused("no-password", "password"))
        self.assertIn("does not accept the user and password",
                      self.refused("wrong-password", "password"))
        self.assertIn("asks for a user", self.refused("clear-no-password", "password"))
        self.assertIn("(403)", self.refused("forbids", "forbids"))
        self.assertIn("answered 503", self.refused("fails", "fails"))
        self.assertIn("not HTTP", self.refused("garbage", "garbage"))
        self.assertIn("octets behind", self.refused("behind", "behind"))
        self.assertIn("closed the connection", self.refused("closes", "closes"))
        self.assertIn("Connection refused", self.refused("unreachable"))
        self.assertEqual(self.mock.requests(), [])

    def test_a_silent_proxy_is_given_up_in_time(self):
        began = time.monotonic()
        message = self.refused("silent", "silent", 504, "upstream_timeout")
        self.assertIn("within the connect timeout", message)
        self.assertLess(time.monotonic() - began, 5)

    def test_logs_and_metrics_tell_the_proxy_from_the_provider(self):
        self.refused("forbids", "forbids")
        line = wait_until(lambda: self.farebox.log(msg="request", provider="forbids"))[-1]
        self.assertEqual(line["reason"], "upstream_proxy")
        self.assertIn("(403)", line["why"])
        wait_until(lambda: self.farebox.metric("farebox_upstream_connects_total", provider="forbids",
                                               reason="failed_at_proxy") >= 1)
        self.assertEqual(self.farebox.metric("farebox_upstream_connects_total", provider="forbids",
                                             reason="failed"), 0)
        everything = "\n".join(self.farebox.raw_lines) + self.farebox.admin("GET", "/metrics").text
        for secret in (PASSWORD, IN_A_URL, "Hunter2", BASIC.split()[1], KEY):
            self.assertNotIn(secret, everything)


class ByEnvironment(FareboxTest):
    """HTTPS_PROXY and its kin never touch loopback, so the provider has a name that only the
    proxy knows."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.path = directory.name
        super().setUpClass()
        cls.proxy = ConnectProxy(PASSWORD, to=("127.0.0.1", cls.mock.port))
        cls.addClassCleanup(cls.proxy.close)

    def serve(self, environment, **settings):
        config = {"providers": {
            name: dict(CALM, dialect="openai", base_url=url)
            for name, url in (("tls", "https://api.farebox.invalid"),
                              ("plain", "http://plain.farebox.invalid"), ("local", self.mock.url))}}
        config.update(settings)
        farebox = Farebox(config, environment)
        self.addCleanup(farebox.stop)
        self.proxy.heads.clear()
        ours, type(self).farebox = self.farebox, farebox
        self.addCleanup(setattr, type(self), "farebox", ours)
        return farebox

    def ask(self):
        """The status of each provider."""
        return {name: self.post("/%s%s" % (name, CHAT), chat_body()).status
                for name in ("tls", "plain", "local")}

    def test_https_proxy_is_for_https_providers(self):
        farebox = self.serve({"HTTPS_PROXY": self.proxy.url(IN_A_URL)})
        self.assertEqual(self.ask(), {"tls": 502, "plain": 502, "local": 200})
        self.assertEqual(self.proxy.requests(), [("CONNECT", "api.farebox.invalid:443")])
        self.assertEqual(self.proxy.fields("proxy-authorization"), [BASIC])
        self.mock.clear()           # a TLS hello is no clean HTTP, and need not be
        with open("/proc/%d/environ" % farebox.pid, "rb") as file:
            self.assertNotIn(IN_A_URL.encode(), file.read())

    def test_http_proxy_in_small_letters_is_for_http_providers(self):
        self.serve({"http_proxy": self.proxy.url(IN_A_URL), "HTTP_PROXY": "http://127.0.0.1:9"})
        self.assertEqual(self.ask(), {"tls": 502, "plain": 200, "local": 200})
        self.assertEqual(self.proxy.requests(), [("POST", "http://plain.farebox.invalid" + CHAT)])

    def test_no_proxy_is_honoured(self):
        self.serve({"ALL_PROXY": self.proxy.url(IN_A_URL), "NO_PROXY": "other.test,.farebox.invalid"})
        self.ask()
        self.assertEqual(self.proxy.requests(), [])

    def test_upstream_proxy_goes_before_the_environment(self):
        secret = os.path.join(self.path, "proxy-url")
        with open(secret, "w", encoding="ascii") as file:
            file.write(self.proxy.url(IN_A_URL) + "\n")
        os.chmod(secret, 0o600)
        self.serve({"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*"}, upstream_proxy_file=secret)
        self.assertEqual(self.ask(), {"tls": 502, "plain": 200, "local": 200})
        self.assertEqual([method for method, _ in self.proxy.requests()], ["CONNECT", "POST", "POST"])
        self.mock.clear()

    def test_an_environment_that_points_at_farebox_is_ignored(self):
        port = free_port()
        ours = "http://127.0.0.1:%d" % port
        farebox = self.serve({"HTTPS_PROXY": ours, "http_proxy": ours, "ALL_PROXY": ours},
                             listen="127.0.0.1:%d" % port)
        self.assertEqual(self.ask(), {"tls": 502, "plain": 502, "local": 200})
        lines = [l for l in farebox.lines if "points at farebox itself" in l.get("problem", "")]
        self.assertEqual(len(lines), 1, farebox.raw_lines)
        self.assertIn("HTTPS_PROXY, http_proxy, ALL_PROXY", lines[0]["problem"])
        self.assertEqual(farebox.log(msg="refused"), [])    # nothing came back to us


if __name__ == "__main__":
    unittest.main()
