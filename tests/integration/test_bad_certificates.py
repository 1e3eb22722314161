"""Row O4: providers whose TLS is bad, one mistake each. Nothing is ever sent to them, and the 502
says which mistake it is."""

import ssl
import unittest
import warnings

from certificates import Certificates
from harness import CHAT, Farebox, chat_body, fetch
from hostile_upstream import Upstream, answer_of

V1, V11, V12 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2

# name: certificate, CA to trust, most TLS version, ciphers, what the message says.
BAD = {
    "expired": ("expired", "ca", None, None, "expired"),
    "not yet valid": ("future", "ca", None, None, "not yet valid"),
    "another name": ("wrong-host", "ca", None, None, "another name"),
    "self-signed": ("self-signed", "ca", None, None, "not trusted"),
    "unknown CA": ("other-ca", "ca", None, None, "not trusted"),
    "weak signature": ("weak-signature", "ca", None, None, "certificate refused"),
    "weak key": ("weak-key", "ca", None, None, "certificate refused|handshake failed"),
    "for clients only": ("client-only", "ca", None, None, "not made for a server"),
    "name constraint broken": ("constrained", "root", None, None, "certificate refused"),
    "signed by no CA": ("by-a-leaf", "root", None, None, "certificate refused"),
    "TLS 1.0": ("good", "ca", V1, None, "handshake failed"),
    "TLS 1.1": ("good", "ca", V11, None, "handshake failed"),
    "no encryption": ("good", "ca", V12, "eNULL:@SECLEVEL=0", "handshake failed"),
    "no certificate": ("good", "ca", V12, "aNULL:@SECLEVEL=0", "handshake failed"),
}
GOOD = {"good": ("good", "ca", None, None, ""), "chained": ("chained", "root", None, None, ""),
        "TLS 1.2": ("good", "ca", V12, None, "")}


def server_context(files, leaf, most, ciphers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")         # of the versions that are bad on purpose
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = most if most in (V1, V11) else V12
        if most:
            context.maximum_version = most
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    context.load_cert_chain(files.file(leaf + ".pem"), files.file(leaf + ".key"))
    return context


def measure():
    """{name: (status, message, requests that arrived)} of each provider above."""
    files = Certificates()
    servers, entries = {}, {}
    for number, (name, (leaf, ca, most, ciphers, _)) in enumerate({**BAD, **GOOD}.items()):
        context = server_context(files, leaf, most, ciphers)
        servers[name] = Upstream(lambda *_: (answer_of(b'{"usage":{}}'), True),
                                 wrap=lambda raw, own=context: own.wrap_socket(raw, server_side=True))
        entries["p%d" % number] = {"dialect": "openai", "retry": {"max_attempts": 1},
                                   "base_url": "https://localhost:%d" % servers[name].port,
                                   "ca_file": files.file(ca + ".pem"), "api_keys": ["sk-canary-of-tls"]}
    farebox = Farebox({"providers": entries})
    try:
        seen = {}
        for number, name in enumerate(servers):
            reply = fetch(farebox.port, "POST", "/p%d%s" % (number, CHAT), (), chat_body())
            message = "" if reply.status == 200 else reply.json()["error"]["message"]
            seen[name] = (reply.status, message, servers[name].requests)
        return seen
    finally:
        code = farebox.stop()
        for each in servers.values():
            each.close()
        files.cleanup()
        assert code == 0, code


class BadCertificates(unittest.TestCase):
    def test_none_is_accepted_and_each_is_named(self):
        seen = measure()
        for name in GOOD:
            self.assertEqual((seen[name][0], seen[name][2]), (200, 1), (name, seen[name]))
        for name, (*_, words) in BAD.items():
            status, message, requests = seen[name]
            self.assertEqual((status, requests), (502, 0), (name, message))
            self.assertRegex(message, words, name)
            self.assertNotIn("sk-canary", message)


if __name__ == "__main__":
    unittest.main()
