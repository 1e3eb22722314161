"""Row M9: the wall clock jumps by a second, an hour, a day and a year, ahead and back, across the
bounds of days, weeks, months and years, while calls run on budgets that are spent all the time.

The program is the real one; jumping_clock.cpp stands between it and the clock. What must hold is
seen from outside, in the records and in the budgets' rows: no window pays twice, none is left out,
and none that was closed counts anything more."""

import datetime
import itertools
import mmap
import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
import zoneinfo
from decimal import Decimal

import books
from books import row_of, usd
from harness import CALM, CHAT, ROOT, Farebox, Mock, chat_body, fetch, run_to_end, wait_until

SECOND = 1_000_000_000
# A round takes some ten years from here. Tables of zones say nothing of changes after 2037.
BEGINS = datetime.date(2026, 6, 1)
SIZES = {"1 s": SECOND, "1 h": 3600 * SECOND, "1 d": 86400 * SECOND, "1 y": 365 * 86400 * SECOND}
DWELL = {"1 s": 0.25}       # seconds of each step; short, for time runs on meanwhile
USUAL_DWELL = 0.3
# Ahead over the bound, back, ahead again, back to before where it began, and to the newest.
JUMPS = (1, -1, 1, -1, -1, 1, 1)
BERLIN, UTC = zoneinfo.ZoneInfo("Europe/Berlin"), datetime.timezone.utc
BUDGETS = {"d": ("daily", UTC), "w": ("weekly", UTC), "m": ("monthly", UTC), "y": ("yearly", UTC),
           "berlin": ("daily", BERLIN)}
CALLS = 12                  # that each window pays for
WORDS = 8
COST = books.cost("gpt-4.1-mini", 3, WORDS)
LIMIT = COST * CALLS + Decimal("0.0003")    # a hold is larger than what a call costs
PER_MINUTE = 120            # of the rate limit, by the monotonic clock
CALLERS = 4
MOST = 12.0                 # seconds that any call may take


# -- the calendar ----------------------------------------------------------------

def moment(ns):
    return datetime.datetime.fromtimestamp(ns // SECOND, UTC)


def window_start(name, ns):
    """Where the window begins that has the moment; nanoseconds."""
    period, zone = BUDGETS[name]
    day = moment(ns).astimezone(zone).date()
    if period == "weekly":
        day -= datetime.timedelta(days=day.weekday())
    elif period == "monthly":
        day = day.replace(day=1)
    elif period == "yearly":
        day = day.replace(month=1, day=1)
    return midnight(day, zone)


def midnight(day, zone):
    return int(datetime.datetime.combine(day, datetime.time(), zone).timestamp()) * SECOND


def is_after_change(day):
    """Had the day before it 23 or 25 hours?"""
    return midnight(day, BERLIN) - midnight(day - datetime.timedelta(days=1), BERLIN) != SIZES["1 d"]


BOUNDS = ((UTC, lambda day: (day.month, day.day) == (1, 1)), (UTC, lambda day: day.weekday() == 0),
          (UTC, lambda day: day.day == 1), (BERLIN, is_after_change))


def bound_after(ns, zone, is_it):
    """The first midnight of such a day, some days later at least."""
    day = moment(ns).astimezone(zone).date() + datetime.timedelta(days=3)
    while not is_it(day):
        day += datetime.timedelta(days=1)
    return midnight(day, zone)


def nanoseconds(text):
    """Of a time such as 2029-01-01T00:00:00.000Z."""
    said = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(said.timestamp()) * SECOND + said.microsecond * 1000


# -- the clock ---------------------------------------------------------------------

class JumpingClock:
    def __init__(self, directory):
        library = os.path.join(directory, "jumping_clock.so")
        source = os.path.join(ROOT, "tests", "rows", "jumping_clock.cpp")
        subprocess.run(["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", library, source], check=True,
                       timeout=120)
        path = os.path.join(directory, "wrong")
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self._wrong = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": library, "JUMPING_CLOCK": path}
        self.high = self.now()  # the latest that it ever showed

    def now(self):
        return time.time_ns() + struct.unpack("q", self._wrong)[0]

    def jump(self, by):
        self.high = max(self.high, self.now())
        self._wrong[:] = struct.pack("q", struct.unpack("q", self._wrong)[0] + by)
        self.high = max(self.high, self.now())

    def put(self, at):
        self.jump(at - self.now())


# -- the load ------------------------------------------------------------------------

class Load:
    """Callers that spend every budget as soon as there is something in it, by calls and by streams
    that the clock jumps away under; one whose calls are long, and one at a rate limit."""

    def __init__(self, farebox, clock):
        self.farebox, self.clock, self.step = farebox, clock, None
        self.calls, self.odd, self.rate, self.longest = [], [], [0, 0, 0.0], 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._spend, args=(n,)) for n in range(CALLERS)]
        self._threads += [threading.Thread(target=self._long), threading.Thread(target=self._limited)]
        for each in self._threads:
            each.start()

    def stop(self):
        self._stop.set()
        for each in self._threads:
            each.join(2 * MOST)
        if any(each.is_alive() for each in self._threads):
            self.odd.append("a caller hangs")

    def _call(self, project, headers=(), **more):
        began, step, high = time.monotonic(), self.step, max(self.clock.high, self.clock.now())
        reply, code = None, ""
        try:
            reply = fetch(self.farebox.port, "POST", CHAT, dict(headers, **{"x-farebox-project": project}),
                          chat_body(max_tokens=WORDS, **more), timeout=MOST)
            if reply.status != 200:
                code = reply.json()["error"]["code"]
        except Exception as error:          # whatever it is, it shouldn't be
            code = repr(error)
        ended = time.monotonic()
        self.longest = max(self.longest, ended - began)
        if reply is None or (reply.status, code) not in (
                (200, ""), (429, "budget_exceeded"), (429, "budget_held"), (429, "rate_limit_exceeded")):
            self.odd.append("%s: %s" % (project, code))
            return None
        self.calls.append({"project": project, "status": reply.status, "began": began, "ended": ended,
                           "id": reply.header("x-farebox-request-id"), "high": high,
                           "step": step if step == self.step else None})
        return reply.status

    def _spend(self, number):
        names, turn = itertools.cycle(BUDGETS), number
        for _ in range(number):
            next(names)
        while not self._stop.wait(0.002):
            turn += 1
            if turn % 10 == 0:
                self._call(next(names), {"x-mock-delay-chunk-ms": "20"}, stream=True)
            else:
                self._call(next(names), {"x-mock-delay-head-ms": "150"} if turn % 10 == 5 else ())

    def _long(self):
        while not self._stop.is_set():
            self._call("long", {"x-mock-delay-head-ms": "200"})

    def _limited(self):
        began = time.monotonic()
        while not self._stop.wait(0.02):
            self.rate[0 if self._call("rate") == 200 else 1] += 1
            self.rate[2] = time.monotonic() - began


# -- what must hold --------------------------------------------------------------------

class Findings:
    def __init__(self):
        self.counts = {"doubled": 0, "skipped": 0, "reopened": 0, "rows_wrong": 0, "lost": 0}
        self.first = []

    def note(self, what, text):
        self.counts[what] += 1
        if len(self.first) < 5:
            self.first.append("%s: %s" % (what, text))


class Rows:
    """The budgets' rows at the end of each step: they add up, and their windows never go back."""

    def __init__(self, findings):
        self.findings, self.starts = findings, {}

    def look(self, farebox, clock):
        before = max(clock.high, clock.now())
        rows = {row["name"]: row for row in farebox.admin_json("/api/budgets")["budgets"]}
        after = max(clock.high, clock.now())
        for name in BUDGETS:
            row, start = rows[name], nanoseconds(rows[name]["windowStart"])
            for fault in books.faults_of(row):
                self.findings.note("rows_wrong", fault)
            if start < self.starts.get(name, 0):
                self.findings.note("reopened", "%s went back to %s" % (name, row["windowStart"]))
            if start not in (window_start(name, before), window_start(name, after)):
                self.findings.note("rows_wrong", "%s is in the window of %s at %s" % (
                    name, row["windowStart"], moment(before)))
            self.starts[name] = max(start, self.starts.get(name, 0))


def judge(calls, records, seen, findings):
    """`seen`: of each budget the windows that the clock was in long enough to be used."""
    times = {r["requestId"]: nanoseconds(r["time"]) for r in records}
    spent = {}
    for record in records:
        if record["project"] in BUDGETS and usd(record["costUsd"]) > 0:
            at = record["project"], window_start(record["project"], nanoseconds(record["time"]))
            spent[at] = spent.get(at, 0) + usd(record["costUsd"])
    for (name, start), cost in spent.items():
        if cost > LIMIT:
            findings.note("doubled", "%s paid %s of %s from %s on" % (name, cost, LIMIT, moment(start)))
    for call in calls:
        if call["status"] == 200 and call["id"] not in times:
            findings.note("lost", "%s of %s has no record" % (call["id"], call["project"]))
    calls = [call for call in calls if call["id"] in times]
    for name, starts in seen.items():
        for start in starts:
            if (name, start) not in spent:
                findings.note("skipped", "%s paid nothing from %s on" % (name, moment(start)))
    for name in BUDGETS:
        # Whoever began after another had ended is counted no earlier.
        paid = [c for c in calls if c["project"] == name and c["status"] == 200]
        ends, latest = sorted(paid, key=lambda c: c["ended"]), 0
        at = 0
        for call in sorted(paid, key=lambda c: c["began"]):
            while at < len(ends) and ends[at]["ended"] < call["began"]:
                latest = max(latest, times[ends[at]["id"]])
                at += 1
            if window_start(name, times[call["id"]]) < window_start(name, max(latest, 1)) and latest:
                findings.note("reopened", "%s counts %s after %s" % (
                    name, moment(times[call["id"]]), moment(latest)))


# -- the run -----------------------------------------------------------------------------

def config(mock):
    budgets = [{"name": name, "scope": {"project": name}, "period": period, "limit_usd": str(LIMIT),
                "time_zone": str(zone) if zone is BERLIN else "UTC"}
               for name, (period, zone) in BUDGETS.items()]
    budgets.append({"name": "long", "scope": {"project": "long"}, "period": "total", "limit_usd": "1000"})
    return {"providers": {"openai": dict(CALM, base_url=mock.url)}, "prices": {"overrides": books.OVERRIDES},
            "budgets": budgets, "enforcement": {"budget_wait": "20ms"}, "ledger": {"retain": "800000h"},
            "rate_limits": [{"name": "rate", "scope": {"project": "rate"}, "requests_per_minute": PER_MINUTE}]}


class Run:
    def __init__(self, directory, mock):
        self.mock, self.directory = mock, directory
        self.clock, self.findings = JumpingClock(directory), Findings()
        self.clock.put(midnight(BEGINS, UTC))
        self.clock.high = self.clock.now()
        self.rows, self.seen = Rows(self.findings), {name: set() for name in BUDGETS}
        self.steps = self.jumps_ahead = 0
        self.farebox = self.start()
        self.load = None

    def start(self):
        return Farebox(config(self.mock), self.clock.environment, self.directory)

    def stay(self, seconds):
        """Calls run; what the windows are by then."""
        self.steps += 1
        for name in BUDGETS:
            self.seen[name].add(window_start(name, self.clock.high))
        time.sleep(seconds)
        self.rows.look(self.farebox, self.clock)

    def jump_about(self):
        self.load = Load(self.farebox, self.clock)
        try:
            for size, by in SIZES.items():
                for zone, is_it in BOUNDS:
                    bound = bound_after(self.clock.high + by, zone, is_it)
                    self.clock.put(bound - by * (8 if size == "1 s" else 5) // 10)
                    for jump in (0,) + JUMPS:
                        self.clock.jump(jump * by)
                        self.jumps_ahead += jump > 0
                        self.stay(DWELL.get(size, USUAL_DWELL))
        finally:
            self.load.stop()

    def settled(self):
        rows = self.farebox.admin_json("/api/budgets")["budgets"]
        return rows if all(usd(row["heldUsd"]) == 0 for row in rows) else None

    def killed_behind(self):
        """kill -9 while the clock is behind: the windows are those of before."""
        self.clock.jump(-SIZES["1 d"])
        keys = ("name", "windowStart", "windowEnd", "currentSpendUsd")
        before = [[row[key] for key in keys] for row in self.settled()]
        self.farebox.stop(signal.SIGKILL)
        self.farebox = self.start()
        after = [[row[key] for key in keys] for row in self.settled()]
        if sorted(before) != sorted(after):
            self.findings.note("reopened", "by a restart: %s, before %s" % (after, before))
        first, self.load = self.load, Load(self.farebox, self.clock)
        self.stay(0.5)
        self.clock.jump(3 * SIZES["1 d"])       # and the next day opens
        self.stay(0.5)
        self.load.stop()
        self.load.calls += first.calls
        self.load.odd += first.odd
        self.load.longest = max(self.load.longest, first.longest)
        return first

    def figure(self, first, rated, elapsed):
        wait_until(self.settled, 10, "a hold never ended")
        records = self.farebox.records(since="2000-01-01T00:00:00Z", until="2200-01-01T00:00:00Z")
        judge(self.load.calls, records, self.seen, self.findings)
        billed = books.billed(self.mock.bill()["lines"])
        costs = sum((usd(r["costUsd"]) for r in records), Decimal(0))
        for name in BUDGETS:
            row = row_of(self.farebox, name, project=name)
            start = nanoseconds(row["windowStart"])
            its = sum((usd(r["costUsd"]) for r in records if r["project"] == name
                       and window_start(name, nanoseconds(r["time"])) == start), Decimal(0))
            if its != usd(row["currentSpendUsd"]):
                self.findings.note("rows_wrong", "%s says %s, its records %s" % (
                    name, row["currentSpendUsd"], its))
        logged = [line for line in self.farebox.lines if "clock" in line.get("msg", "")]
        most = PER_MINUTE + first.rate[2] * PER_MINUTE / 60
        return {"steps": self.steps, "jumps_ahead": self.jumps_ahead, "seconds": round(elapsed, 1),
                "calls": len(self.load.calls), "admitted": sum(c["status"] == 200 for c in self.load.calls),
                "windows": {name: len(starts) for name, starts in self.seen.items()},
                "clock_at_last": str(moment(self.clock.high)), **self.findings.counts,
                "first": self.findings.first, "odd": self.load.odd[:5], "odd_answers": len(self.load.odd),
                "longest_call_s": round(self.load.longest, 2), "rate_admitted": rated[0],
                "rate_refused": rated[1], "rate_may": round(most, 1), "records": len(records),
                "bill_equals_records": billed == costs, "jumps_logged": len(logged)}


def one_round():
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="farebox-clock-") as directory:
        mock = Mock()
        run = None
        try:
            run = Run(directory, mock)
            run.jump_about()
            wait_until(run.settled, 10, "a hold never ended")
            rated = list(run.load.rate)
            first = run.killed_behind()
            figure = run.figure(first, rated, time.monotonic() - began)
            figure["exit"] = run.farebox.stop()
            figure["ledger_verify"] = run_to_end(["ledger", "verify", "--data-dir", run.farebox.data_dir])[0]
            return figure
        finally:
            if run and run.farebox.is_running():
                run.farebox.stop()
            mock.stop()


def measure(rounds):
    """The figures of the first round that isn't good, or of the last."""
    for done in range(1, rounds + 1):
        figure = one_round()
        if not is_good_round(figure):
            break
    return dict(figure, rounds=done, every_zone=every_zone())


def every_zone():
    """All zones, 20 years, by the unit test, and how it ended; None: it isn't built."""
    for preset in ("release", "debug"):
        test = os.path.join(ROOT, "build", preset, "tests", "policy_test")
        if os.path.exists(test):
            done = subprocess.run([test, "--gtest_filter=Period.*:TimeZone.*"], capture_output=True, text=True,
                                  timeout=600)
            return {"preset": preset, "exit": done.returncode}
    return None


def is_good(figure):
    return is_good_round(figure) and (figure["every_zone"] is None or figure["every_zone"]["exit"] == 0)


def is_good_round(figure):
    rate = figure["rate_admitted"]
    return (all(figure[name] == 0 for name in ("doubled", "skipped", "reopened", "rows_wrong", "lost",
                                               "odd_answers", "exit", "ledger_verify"))
            and figure["bill_equals_records"] and figure["longest_call_s"] < MOST / 2
            and 0.9 * (figure["rate_may"] - PER_MINUTE / 60) <= rate <= figure["rate_may"] + 1)
