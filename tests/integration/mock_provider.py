"""The pretend provider as a process: start it, tell it how to behave, read back
what it saw. tests/mock/README.md lists the behaviours."""

import base64
import json
import os
import signal
import subprocess
import sys

import wire


class Seen:
    """One request as the provider read it."""

    def __init__(self, entry):
        self.entry = entry
        self.id = entry["id"]
        self.connection, self.nth = entry["connection"], entry["nth"]
        self.method, self.target = entry["method"], entry["target"]
        self.version = entry["version"]
        self.head = entry["head"].encode("latin-1")
        self.headers = [(n, v) for n, v in entry["headers"]]
        self.trailers = entry["trailers"]
        self.chunks = entry["chunks"]
        self.body_size, self.body_sha256 = entry["bodySize"], entry["bodySha256"]
        self.body = base64.b64decode(entry["bodyBase64"])   # the first 64 KiB
        self.fault, self.outcome = entry["fault"], entry["outcome"]
        self.head_at, self.body_at = entry["headAt"], entry["bodyAt"]
        self.peer_left_at = entry["peerLeftAt"]
        self.tls = entry.get("tls")

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def header(self, name, otherwise=None):
        found = self.all(name)
        return found[0] if found else otherwise

    def names(self):
        return [n for n, _ in self.headers]

    def json(self):
        return json.loads(self.body)


class Mock:
    """A running farebox-mock."""

    def __init__(self, tls=(), recordings=(), arguments=(), listen="127.0.0.1:0"):
        """tls: pairs of certificate and key file, each gets a port."""
        command = [program(), "--listen", listen, "--control", "127.0.0.1:0"]
        for certificate, key in tls:
            command += ["--tls-listen", "127.0.0.1:0", "--cert", certificate, "--key", key]
        for path in recordings:
            command += ["--recordings", path]
        self.process = subprocess.Popen(command + list(arguments), stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the mock did not start: exit %s" % self.process.wait())
        ready = json.loads(line)
        self.port = port_of(ready["listen"])
        self.control = port_of(ready["control"])
        self.tls_ports = [port_of(a) for a in ready.get("tlsAll", [])]
        self.url = "http://127.0.0.1:%d" % self.port

    def rule(self, behaviour, times=0, skip=0, **match):
        """match: path_prefix, path, method, header=[name, part], nth."""
        self._call("POST", "/rules",
                   {"match": match, "behaviour": behaviour, "times": times, "skip": skip})

    def clear(self):
        self._call("DELETE", "/rules")
        self._call("DELETE", "/log")

    def requests(self, after=0):
        return [Seen(e) for e in self._call("GET", "/log?after=%d" % after)["requests"]]

    def bill(self):
        return self._call("GET", "/bill")

    def connections(self):
        return self._call("GET", "/connections")

    def close_connections(self):
        self._call("POST", "/connections/close")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        return self.process.wait(10)

    def _call(self, method, target, body=None):
        try:
            response = wire.fetch(self.control, method, target, {"connection": "close"}, body)
        except OSError as error:
            raise RuntimeError("the mock does not answer (%s), exit code %s"
                               % (error, self.process.poll())) from error
        if response.status != 200:
            raise RuntimeError("mock control: %s" % response.text)
        return response.json()


def program():
    path = os.environ.get("FAREBOX_MOCK_BIN")
    if not path:
        sys.exit("set FAREBOX_MOCK_BIN to the farebox-mock program")
    return path


def port_of(address):
    return int(address.rpartition(":")[2])
