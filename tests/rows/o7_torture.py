"""Row O7: the n-th allocation or call of the system fails, for every n, while one request of a
kind runs. Then the program lives, somebody was answered, and nothing is left over.

tests/torture/fail_nth.hpp says what fails them, and which don't: what RocksDB, OpenSSL
and libc allocate for themselves, ordinary files (tests/crash has those), and a few that no kernel
refuses. FAREBOX_TORTURE_KINDS (commas) and FAREBOX_TORTURE_PASSES (semicolons) choose; --rounds N
ends each kind at the N-th call.
"""

import bisect
import hashlib
import mmap
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import wire
from farebox_process import run_to_end, wait_until
from harness import CHAT, ROOT, Farebox, Mock, chat_body, providers

SOURCES = [os.path.join(ROOT, "tests", "torture", name + ".cpp")
           for name in ("fail_nth", "fail_allocations", "fail_calls")]
KEY = "fb-" + "TortureChamber" * 3 + "1"
ALLOCATIONS, CALLS = 1, 2
# What is failed, and with which errno: 0 is final, 1 says try again where there is such a one.
PASSES = {"calls": (CALLS, 0), "calls, once more": (CALLS, 1), "allocations": (ALLOCATIONS, 0)}
ANSWER_S = 15               # every deadline of the configuration is shorter
QUIET_S = 6.0               # after that nothing may be held
FDS = 6                     # how much the number of descriptors may swing


class Page:
    """The page that the program and this one map; `Page` in fail_nth.hpp."""
    HEAD = struct.Struct("=IIQQII32s16s")
    FRAMES = 96

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(4096))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)

    def arm(self, kind, soft, n):
        self.map[:] = self.HEAD.pack(0, soft, n, 0, 0, 0, b"", b"").ljust(4096, b"\0")
        self.map[0:4] = struct.pack("=I", kind)

    def disarm(self):
        self.map[0:4] = bytes(4)

    def read(self):
        """(seen, fired, what, thread, frames)"""
        _, _, _, seen, fired, count, what, thread = self.HEAD.unpack_from(self.map)
        frames = struct.unpack_from("=%dQ" % min(count, self.FRAMES), self.map, self.HEAD.size)
        return seen, fired, what.rstrip(b"\0").decode(), thread.split(b"\0")[0].decode(), frames

    def close(self):
        self.map.close()
        self.file.close()


class Names:
    """What code addresses mean, from the symbols of the program."""

    def __init__(self, program):
        listed = subprocess.run(["nm", "-C", "--defined-only", program], capture_output=True, text=True)
        pairs = [line.split(" ", 2) for line in listed.stdout.splitlines()]
        self.table = sorted((int(a, 16), name) for a, kind, name in pairs if kind in "tTwW")
        self.places = [place for place, _ in self.table]
        self.program = os.path.realpath(program)
        self.maps = []

    def look(self, pid):
        with open("/proc/%d/maps" % pid, encoding="utf-8") as file:
            lines = [line.split() for line in file]
        self.maps = [(int(l[0].split("-")[0], 16), int(l[0].split("-")[1], 16), int(l[2], 16), l[5])
                     for l in lines if len(l) > 5]

    def say(self, frames, most=14):
        out = []
        for address in frames:
            for begin, end, offset, path in self.maps:
                if not begin <= address < end:
                    continue
                if path != self.program:
                    out.append(os.path.basename(path))
                    break
                base = min(b for b, _, _, p in self.maps if p == path)
                at = bisect.bisect_right(self.places, address - base - 1) - 1
                name = re.sub(r"<.*>", "<>", self.table[at][1].split("(")[0]) if at >= 0 else "?"
                out.append(name)
        words = [w for i, w in enumerate(out) if i == 0 or w != out[i - 1]]
        return " < ".join(words[1:most])


# -- the kinds of request ---------------------------------------------------------

def exact(text):
    return chat_body(text, temperature=0)


def ask(farebox, method, target, body=None, fields=(), port=None):
    """An answer's status, or what happened instead; to the end of the connection."""
    headers = {"x-farebox-key": KEY, "connection": "close", **dict(fields)}
    if port is not None:
        headers = {"connection": "close", "host": "127.0.0.1:%d" % port}
    try:
        with wire.Connection(port or farebox.port, timeout=ANSWER_S) as connection:
            connection.ask(method, target, headers, body)
            reply = connection.response(method)
            connection.is_closed_within(ANSWER_S)
            return reply.status if reply.complete else "cut"
    except socket.timeout:
        return "hung"
    except (OSError, EOFError, ValueError):
        return "closed"


def leave(farebox):
    """A stream whose client goes after its first event."""
    try:
        with wire.Connection(farebox.port, timeout=ANSWER_S) as connection:
            connection.ask("POST", CHAT, {"x-farebox-key": KEY, "x-mock-delay-chunk-ms": "15",
                                          "x-mock-output-tokens": "40"}, chat_body(stream=True))
            reply = connection.head("POST")
            for _ in connection.pieces(reply):
                break
            connection.reset()
            return "left"
    except socket.timeout:
        return "hung"
    except (OSError, EOFError, ValueError):
        return "closed"


EMBED = {"model": "text-embedding-3-small", "input": ["one two", "three"]}
KINDS = {
    "whole": lambda f, n: ask(f, "POST", CHAT, chat_body()),
    "dialled": lambda f, n: ask(f, "POST", "/fresh" + CHAT, chat_body()),
    "stream": lambda f, n: ask(f, "POST", CHAT, chat_body(stream=True)),
    "embeddings": lambda f, n: ask(f, "POST", "/v1/embeddings", EMBED),
    "refused": lambda f, n: ask(f, "POST", CHAT, chat_body(model="nobody-knows-it")),
    "kept": lambda f, n: ask(f, "POST", CHAT, exact("new %s" % n)),
    "hit": lambda f, n: ask(f, "POST", CHAT, exact("old")),
    "cancelled": lambda f, n: leave(f),
    "metrics": lambda f, n: ask(f, "GET", "/metrics", port=f.admin_port),
    "usage": lambda f, n: ask(f, "GET", "/api/usage?group_by=model", port=f.admin_port),
}


def config(mock):
    each = {"retry": {"max_attempts": 1}, "circuit_breaker": {"enabled": False},
            "concurrency": {"max": 2, "max_wait": "1s"},
            "timeouts": {"connect": "1s", "first_byte": "1s", "idle": "1s", "total": "5s"}}
    table = providers(mock, each=each)
    # Each of its connections carries one request.
    table["fresh"] = dict(each, dialect="openai", base_url=mock.url, pool={"max_requests": 1})
    key = {"name": "victim", "key_hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()}
    return {"providers": table, "threads": 1, "keys": [key],
            "budgets": [{"name": "all", "scope": {"key": "*"}, "period": "total", "limit_usd": 50}],
            "rate_limits": [{"scope": {"key": "*"}, "requests_per_minute": 10000000,
                             "max_parallel_requests": 1}],
            "cache": {"ttl": "1h"}, "auth": {"require_keys": True},
            "limits": {"head_timeout": "2s", "body_timeout": "2s", "idle_timeout": "3s", "drain": "3s"}}


# -- one run ------------------------------------------------------------------------

class Torture:
    def __init__(self, place):
        self.place = place
        self.library = os.path.join(place, "fail_nth.so")
        subprocess.run(["g++", "-std=c++20", "-O2", "-fPIC", "-shared", "-o", self.library] + SOURCES + ["-ldl"],
                       check=True, timeout=120)
        self.page = Page(os.path.join(place, "page"))
        self.names = Names(os.environ["FAREBOX_BIN"])
        self.mock = Mock()
        self.faults, self.rounds, self.starts, self.slowest = [], 0, 0, 0.0
        self.farebox = None

    def start(self):
        self.starts += 1
        self.page.disarm()
        self.farebox = Farebox(config(self.mock), {
            "LD_PRELOAD": self.library, "FAREBOX_TORTURE_PAGE": self.page.path, "FAREBOX_DUMPABLE": "1",
            "MALLOC_PERTURB_": "165",       # what was freed doesn't look as it did
            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")})
        self.names.look(self.farebox.pid)
        for kind in KINDS.values():     # what is made once is made now
            kind(self.farebox, "first")
            kind(self.farebox, "again")
        self.wait_quiet("at the start")
        self.fds = self.open_descriptors()

    def open_descriptors(self):
        """Sockets and the kernel's own; how many files the store has open is its business."""
        at, count = "/proc/%d/fd" % self.farebox.pid, 0
        for each in os.listdir(at):
            try:
                count += not os.readlink(os.path.join(at, each)).startswith("/")
            except OSError:
                pass                # closed meanwhile
        return count

    def left_over(self):
        """What should be nothing, and the first of it that isn't."""
        values = self.farebox.metrics()
        for row in self.farebox.admin_json("/api/budgets")["budgets"]:
            if (row["heldUsd"], row["heldTokens"]) != ("0", 0):
                return "held by the budget: %s" % row["heldUsd"]
        for row in self.farebox.admin_json("/api/providers")["providers"]:
            if row["calls"]["running"] or row["calls"]["queued"]:
                return "calls of %s" % row["name"]
        ledger = self.farebox.admin_json("/api/ledger")
        if ledger["openHolds"]:
            return "holds of the ledger: %s" % ledger["openHolds"]
        for series, value in values.items():
            name = series.partition("{")[0]
            if value and (name in ("farebox_streams_active", "farebox_calls_running",
                                   "farebox_client_connections", "farebox_buffered_request_bytes",
                                   "farebox_upstream_waiting", "farebox_ledger_dropped_total") or
                          name == "farebox_upstream_connections" and 'state="idle"' not in series):
                return "%s %g" % (series, value)
        return ""

    def wait_quiet(self, when):
        def quiet():
            try:
                return not self.left_over()
            except (OSError, EOFError, ValueError, AssertionError):
                return False
        try:
            wait_until(quiet, QUIET_S)
            return ""
        except AssertionError:
            pass
        try:
            return self.left_over()
        except (OSError, EOFError, ValueError, AssertionError) as error:
            return "the admin port doesn't answer %s: %s" % (when, error)

    def fault(self, what, where):
        kind, failed, n, told = where
        call = "%s on %s: %s" % (told[2], told[3], self.names.say(told[4])) if told[1] else "nothing failed"
        self.faults.append({"fault": what, "kind": kind, "failed": failed, "n": n, "call": call})
        print("torture: %s" % self.faults[-1], file=sys.stderr, flush=True)

    def round(self, kind, failed, n):
        """Did the failure happen? Then the next n is due."""
        self.rounds += 1
        self.page.arm(*PASSES[failed], n)
        began = time.monotonic()
        said = KINDS[kind](self.farebox, "%s %d" % (failed, n))
        took = time.monotonic() - began
        seen = -1
        while seen != self.page.read()[0]:      # what comes after the answer
            seen = self.page.read()[0]
            time.sleep(0.004)
        self.page.disarm()
        told = self.page.read()
        where = (kind, failed, n, told)
        self.slowest = max(self.slowest, took)
        if said == "hung":
            self.fault("nobody was answered within %d s" % ANSWER_S, where)
        self.check(where)
        return bool(told[1])

    def check(self, where):
        """Whoever isn't well any more is replaced, so that the next round tells about itself."""
        wrong = self.wait_quiet("after it") if self.farebox.is_running() else "it is dead"
        if not wrong:
            said = KINDS["whole"](self.farebox, "plain")
            wrong = "" if said == 200 else "a plain request got: %s" % said
        if not wrong and abs(self.open_descriptors() - self.fds) > FDS:
            wrong = "%d descriptors, %d at the start" % (self.open_descriptors(), self.fds)
        if wrong:
            time.sleep(0.05)
            words = [l for l in self.farebox.raw_lines if l.strip() and not l.startswith("{")]
            self.fault(" / ".join([wrong] + words[:3]), where)
            self.end(well=False)
            self.start()

    def end(self, well=True):
        """Its end, and its books."""
        where = ("end", "", 0, (0, 0, "", "", ()))
        place, data = self.farebox.directory, self.farebox.data_dir
        alive = self.farebox.is_running()
        keep = self.farebox._own_directory
        self.farebox._own_directory = None      # stays until its books were read
        try:
            code = self.farebox.stop()
        except AssertionError as error:
            code = str(error)[:120]
        odd = [l for l in self.farebox.raw_lines if l.strip() and not l.startswith("{")]
        if well and (code != 0 or odd):
            self.fault("exit %s %s" % (code, odd[:5]), where)
        elif alive and code != 0:
            self.fault("SIGTERM ended with %s" % code, where)
        if code == 0 or well:
            checked, *words = run_to_end(["ledger", "verify", "--data-dir", data], seconds=60)
            if checked != 0:
                self.fault("ledger verify: %s" % words, where)
        keep.cleanup()
        assert not os.path.exists(place)

    def run(self, kinds, passes, most):
        figure = {}
        self.start()
        for failed in passes:
            for kind in kinds:
                n, spared = 1, 0
                # Other threads allocate now and then: two in a row that none fails are the end.
                while spared < 2 and (most == 0 or n <= most):
                    spared = 0 if self.round(kind, failed, n) else spared + 1
                    n += 1
                figure.setdefault(failed, {})[kind] = n - 1 - spared
        self.end()
        return figure


def measure(most):
    kinds = os.environ.get("FAREBOX_TORTURE_KINDS", "").split(",")
    passes = os.environ.get("FAREBOX_TORTURE_PASSES", "").split(";")
    with tempfile.TemporaryDirectory(prefix="farebox-torture-") as place:
        torture = Torture(place)
        try:
            failed = torture.run(kinds if kinds[0] else list(KINDS), passes if passes[0] else list(PASSES), most)
        finally:
            torture.mock.stop()
            if torture.farebox is not None and torture.farebox.is_running():
                torture.farebox.process.kill()
        torture.page.close()
        return {"failed": failed, "rounds": torture.rounds, "starts": torture.starts,
                "slowest_s": round(torture.slowest, 2), "faults": len(torture.faults),
                "first": [dict(f, call=f["call"][:200]) for f in torture.faults[:5]]}
