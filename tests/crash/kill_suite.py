"""One data directory, one mock, many lives of farebox, and the comparison of the ledger
with what the provider and the clients saw. kill_program.py says what must hold."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import traffic                                                              # noqa: E402
from farebox_process import Farebox, run_to_end, wait_until, write_config  # noqa: E402
from mock_provider import Mock                                              # noqa: E402

READY_MS = 1000
BREAKS = ("lost", "doubled", "unsent", "wrong", "cheaper", "other")


def brief(record):
    return "record %(id)s %(requestId)s %(endpoint)s stream=%(stream)s status=%(status)s " \
        "%(outcome)s in=%(inputTokens)d out=%(outputTokens)d costUsd=%(costUsd)s " \
        "priced=%(priced)s estimated=%(estimated)s attempts=%(attempts)s" % record


def picodollars(decimal):
    return int(Decimal(decimal).scaleb(12))


class Suite:
    """One data directory, one mock, many lives of farebox."""

    def __init__(self, name, seed, sync="interval", ready_ms=READY_MS, clients=6, release=False,
                 verify_every=10):
        self.name, self.random, self.clients = name, random.Random("%s/%s" % (seed, name)), clients
        self.ready_ms, self.verify_every = ready_ms, verify_every
        self.release = release     # crash_settlement: release; then crashed calls cost nothing
        self.directory = tempfile.mkdtemp(prefix="farebox-crash-")
        self.mock = Mock()
        table = {n: {"dialect": n, "base_url": self.mock.url}
                 for n in ("openai", "anthropic", "gemini")}
        for provider in table.values():
            provider["circuit_breaker"] = {"failure_threshold": 1000000, "min_requests": 1000000}
            provider["retry"] = {"max_attempts": 1}
        self.config = {"providers": table, "prices": {"overrides": traffic.OVERRIDES}, "threads": 2,
                       "ledger": {"sync": sync,
                                  "crash_settlement": "release" if release else "charge"}}
        self.farebox = None
        self.known = set()         # request ids that have their record
        self.last_id = ""          # of the newest record seen
        self.cost = 0              # of all records seen
        self.ids = set()           # that were ever sent
        self.figures = dict.fromkeys(("rounds", "requests", "records", "crashed", "killed_starts",
                                      "verified") + BREAKS, 0)
        self.figures["max_ready_ms"] = 0
        self.details = []

    def broken(self, kind, text):
        self.figures[kind] += 1
        if len(self.details) < 60:
            self.details.append("%s round %d %s: %s"
                                % (self.name, self.figures["rounds"], kind, text))

    # -- lives -----------------------------------------------------------

    def start(self):
        began = time.monotonic()
        self.farebox = Farebox(self.config, directory=self.directory)
        wait_until(lambda: self.farebox.admin("GET", "/readyz").status == 200, 20, "not ready")
        ms = round((time.monotonic() - began) * 1000)
        self.figures["max_ready_ms"] = max(self.figures["max_ready_ms"], ms)
        if ms > self.ready_ms:
            self.broken("other", "ready after %d ms" % ms)

    def kill(self):
        os.kill(self.farebox.pid, signal.SIGKILL)
        self.farebox.wait()

    def kill_start(self, directory):
        """A start that doesn't get far."""
        file = write_config(directory, dict(
            self.config, listen="127.0.0.1:0", admin={"listen": "127.0.0.1:0"},
            data_dir=os.path.join(directory, "data")), "doomed.yaml")
        process = subprocess.Popen([os.environ["FAREBOX_BIN"], "serve", "--config", file],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0.001, 0.05) if self.random.random() < 0.5
                   else self.random.uniform(0.005, 0.015))
        process.kill()
        process.wait()
        self.figures["killed_starts"] += 1

    def kill_first_start(self):
        """The same where there is no ledger yet: half of one must not be in the way."""
        with tempfile.TemporaryDirectory(prefix="farebox-crash-") as directory:
            self.kill_start(directory)
            try:
                Farebox(self.config, directory=directory).stop()
            except RuntimeError as error:
                self.broken("other", "after a first start that was killed: %s" % error)

    def round(self, seconds=(0.05, 0.4)):
        self.figures["rounds"] += 1
        load = traffic.Load("%s.%d" % (self.name, self.figures["rounds"]), self.farebox.port,
                            self.random, self.clients)
        until = time.monotonic() + self.random.uniform(*seconds)
        if self.random.random() < 0.5 / self.verify_every:
            self.verify()          # beside a farebox that writes
        time.sleep(max(0, until - time.monotonic()))
        self.kill()
        sent = load.end()
        if self.random.random() < 0.2:
            self.kill_start(self.directory)
        if self.random.random() < 0.05:
            self.kill_first_start()
        self.start()
        self.check(sent)
        if self.figures["rounds"] % self.verify_every == 0:
            self.verify()

    def run(self, rounds, seconds=(0.05, 0.4)):
        try:
            self.start()
            for _ in range(rounds):
                self.round(seconds)
                if len(self.details) >= 20:
                    break
            self.check_all()
            self.verify()
            code = self.farebox.stop()
            if code != 0:
                self.broken("other", "exit %s at the end" % code)
        except Exception as error:      # a start that fails, a hang: the worst break of all
            self.broken("other", "%s: %s" % (type(error).__name__, error))
        finally:
            if self.farebox and self.farebox.is_running():
                self.kill()
            self.mock.stop()
            if not self.details:
                shutil.rmtree(self.directory, ignore_errors=True)
        return self.figures, self.details, self.directory

    # -- the truth -------------------------------------------------------

    def provider_truth(self):
        """{tag: [(log entry, bill line or None)]} of everything since the last call."""
        def settled():
            log = self.mock._call("GET", "/log?after=0")["requests"]
            return None if any(e["outcome"] == "running" for e in log) else log or [None]
        log = [e for e in wait_until(settled, 5, "the mock is still answering") if e]
        bill = {line["id"]: line for line in self.mock.bill()["lines"]}
        self.mock.clear()
        truth = {}
        for entry in log:
            if entry["fault"]:
                self.broken("other", "a request with a fault: %s" % entry["fault"])
            if entry["outcome"] == "request_cut":
                continue           # never whole at the provider: nothing to bill
            tag = next((v for n, v in entry["headers"] if n.lower() == "x-request-tag"), None)
            truth.setdefault(tag, []).append((entry, bill.get(entry["id"])))
        return truth

    def new_records(self):
        """Newest first, down to the newest one of the last time."""
        records, cursor = [], ""
        while True:
            page = self.farebox.admin_json("/api/usage/records?limit=1000" + cursor)
            for record in page["records"]:
                if record["id"] <= self.last_id:
                    return records
                records.append(record)
            if not page["nextCursor"]:
                return records
            cursor = "&cursor=" + page["nextCursor"]

    def check(self, sent):
        self.figures["requests"] += len(sent)
        self.ids.update(s.id for s in sent)
        records = self.new_records()
        of = {}
        for record in reversed(records):
            if record["id"] <= self.last_id:
                self.broken("other", "id %s after %s" % (record["id"], self.last_id))
            self.last_id = record["id"]
            name = record["requestId"]
            if name not in self.ids:
                self.broken("unsent", brief(record))
            elif name in self.known or name in of:
                self.broken("doubled", brief(record))
            of[name] = record
            self.cost += picodollars(record["costUsd"])
            self.figures["crashed"] += record["outcome"] == "crashed"
        self.figures["records"] += len(records)

        truth = self.provider_truth()
        for tag, exchanges in truth.items():
            if tag in of:
                self.check_cost(of[tag], exchanges)
            elif tag not in self.known:
                self.broken("lost", "%s reached the provider, which says %s" % (tag, [
                    (e["outcome"], e["status"], b) for e, b in exchanges]))
        for one in sent:
            if one.complete:
                self.check_answered(one, of.get(one.id), truth.get(one.id, []))
        self.known.update(of)
        self.check_sums()

    def check_cost(self, record, exchanges):
        billed = 0
        for _, line in exchanges:
            if line:
                price = traffic.PRICES[line["model"]]
                billed += (line["inputTokens"] * price[0] + line["outputTokens"] * price[1]) * 10**6
        if self.release and record["outcome"] == "crashed":
            billed = 0
            if picodollars(record["costUsd"]) != 0:
                self.broken("wrong", "released, and yet it costs: %s" % brief(record))
        if picodollars(record["costUsd"]) < billed or not record["priced"]:
            self.broken("cheaper", "billed %d picodollars: %s %s"
                        % (billed, brief(record), [line for _, line in exchanges]))

    def check_answered(self, one, record, exchanges):
        if record is None:
            return self.broken("lost", "%s was answered" % one)
        if not exchanges:
            return self.broken("wrong", "%s was answered without a provider: %s" % (one, one.error))
        line = exchanges[-1][1] or {"inputTokens": 0, "outputTokens": 0}
        outcome = "ok" if one.status < 400 else "provider_error"
        if (record["outcome"], record["inputTokens"], record["outputTokens"]) != (
                outcome, line["inputTokens"], line["outputTokens"]):
            self.broken("wrong", "%s: %s, billed %s" % (one, brief(record), line))

    def check_sums(self):
        total = self.farebox.admin_json("/api/usage")["total"]
        if total["requests"] != self.figures["records"]:
            self.broken("other", "%d records, but usage counts %d requests"
                        % (self.figures["records"], total["requests"]))
        if picodollars(total["costUsd"]) != self.cost:
            self.broken("other", "usage says %s, the records %s"
                        % (total["costUsd"], Decimal(self.cost).scaleb(-12)))
        ledger = self.farebox.admin_json("/api/ledger")
        if ledger["openHolds"] != 0:
            self.broken("other", "%s holds open while idle" % ledger["openHolds"])

    def check_all(self):
        """Every record once more: none of an earlier round has gone."""
        records = self.farebox.records()
        names = {record["requestId"] for record in records}
        if len(names) != len(records):
            self.broken("doubled", "%d records of %d requests" % (len(records), len(names)))
        for name in self.known - names:
            self.broken("lost", "%s had a record" % name)

    def verify(self):
        code, out, err = run_to_end(["ledger", "verify", "--data-dir", self.farebox.data_dir],
                                    seconds=60)
        self.figures["verified"] += 1
        if code != 0:
            self.broken("other", "ledger verify: exit %d\n%s%s" % (code, out[-2000:], err[-2000:]))
