"""The client programs of node/ and python/ as processes: one JSON object a line each way."""

import json
import os
import select
import subprocess
import tempfile

import _paths
from farebox_process import PLAIN_ENVIRONMENT

LONGEST_CALL = 40


def environment():
    """Ours, without keys, base URLs and proxies that would change what an SDK does."""
    kept = {name: os.environ[name] for name in PLAIN_ENVIRONMENT if name in os.environ}
    return dict(kept, NODE_NO_WARNINGS="1", PYTHONDONTWRITEBYTECODE="1")


def command(runtime):
    if runtime == "node":
        # Packages are found from where a file lies, so tests/e2e/run copies them there.
        return ["node", os.path.join(_paths.INSTALLED, "node", "client.mjs")]
    return [os.path.join(_paths.INSTALLED, "python", "bin", "python"), "-W", "ignore",
            os.path.join(_paths.HERE, "python", "client.py")]


class Client:
    """One client program; it makes one call at a time."""

    def __init__(self, runtime):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command(runtime), env=environment(), stderr=self.errors,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.rest = b""

    def call(self, sdk, what, args):
        """What the SDK showed of the call: "result", "error", "events", "leftAt"."""
        line = json.dumps({"sdk": sdk, "do": what, "args": args}) + "\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        return json.loads(self._line(what))

    def _line(self, what):
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], LONGEST_CALL)[0]:
                self.process.kill()
                raise AssertionError("%s took longer than %d s" % (what, LONGEST_CALL))
            octets = os.read(self.process.stdout.fileno(), 1 << 16)
            if not octets:
                self.errors.seek(0)
                raise AssertionError("the client ended during %s: %s" % (
                    what, self.errors.read().decode("utf-8", "replace")[-2000:]))
            self.rest += octets
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def stop(self):
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except BrokenPipeError:
            self.process.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
