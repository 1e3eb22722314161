"""The rows: what is measured, and what must come out."""

import base64
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import fuzzed
import sanitized
import worst_inputs
from free_port import free_port
from harness import CALM, FACTS, ROOT, Farebox

PROBE = os.path.join(FACTS, "http1", "http1_probe.py")
CASES = os.path.join(FACTS, "http1", "cases.jsonl")
STREAM = os.path.join(FACTS, "tools", "stream_probe.py")


class Row:
    def __init__(self, goal, measure):
        self.goal, self.measure = goal, measure


def probed(upstream, **more):
    """A farebox before a probe's own upstream."""
    entry = dict(CALM, dialect="openai", base_url="http://127.0.0.1:%d" % upstream, pool={"max": 20000})
    return Farebox(dict({"providers": {"probe": entry}, "limits": {"connections": 100000}}, **more))


# -- HTTP/1.1 -----------------------------------------------------------------

def judge(cases):
    """Verdicts of the shared probe over a file of cases."""
    upstream = free_port()
    farebox = probed(upstream)
    with tempfile.NamedTemporaryFile(suffix=".json") as verdicts:
        done = subprocess.run(
            [sys.executable, PROBE, "--proxy", "127.0.0.1:%d" % farebox.port, "--upstream-port", str(upstream),
             "--path", "/probe/c/{name}", "--blind", "--json", verdicts.name, cases],
            capture_output=True, text=True, timeout=3600)
        code = farebox.stop()
        if not os.path.getsize(verdicts.name):
            raise RuntimeError((done.stdout + done.stderr)[-300:])
        with open(verdicts.name, encoding="utf-8") as file:
            return dict(json.load(file)["total"], exit=code)


def h3(options):
    total = judge(CASES)
    return total, total["pass"] == total["cases"] and total["critical"] == 0 and total["exit"] == 0


def h6(options):
    """In process at every offset by the unit tests; through the program at sampled ones."""
    rnd = random.Random(options.seed)
    with open(CASES, encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    cases = [each for each in cases if "split_at" not in each and not each.get("upstream", {}).get("early")]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as cut:
        for number in range(options.rounds or 200):
            case = dict(rnd.choice(cases))
            name = "%s--%d" % (case["name"], number)
            raw = base64.b64decode(case["raw_request_base64"]).replace(
                b"/c/" + case["name"].encode(), b"/c/" + name.encode())
            case.update(name=name, raw_request_base64=base64.b64encode(raw).decode(),
                        split_at=[rnd.randrange(1, max(2, len(raw)))], split_wait_ms=30)
            cut.write(json.dumps(case) + "\n")
        cut.flush()
        total = judge(cut.name)
    figure = {"sampled": total["cases"], "passed": total["pass"], "critical": total["critical"]}
    unit = os.path.join(ROOT, "build", "debug", "tests", "dialect_test")
    in_process = None
    if os.path.exists(unit):
        done = subprocess.run([unit, "--gtest_filter=*egmentation*:*SharedCases*"], capture_output=True, text=True)
        in_process = done.returncode
    figure["in_process_exit"] = in_process      # null: the unit tests are not built
    return figure, total["pass"] == total["cases"] and in_process in (0, None)


def h7(options):
    figure = worst_inputs.measure(options.rounds or 1000)
    return figure, figure["worst_cpu_ratio"] <= 16 and figure["worst_memory_ratio"] <= 16


def h8(options):
    import test_hostile_answers
    from concurrent.futures import ThreadPoolExecutor
    from hostile_upstream import Hostile
    rounds, lanes = options.rounds or 10000, 8
    upstream = Hostile(options.seed)
    entry = dict(CALM, dialect="openai", base_url=upstream.url, retry={"max_attempts": 1},
                 timeouts={"first_byte": "400ms", "idle": "60ms", "total": "3s"})
    farebox = Farebox({"providers": {"probe": entry}})
    with ThreadPoolExecutor(lanes) as pool:
        share = rounds // lanes
        wrong = sum(pool.map(lambda lane: test_hostile_answers.run(farebox.port, upstream, share, lane * share),
                             range(lanes)), [])
    figure = {"rounds": share * lanes, "wrong_or_missing": len(wrong), "first": [str(w)[:120] for w in wrong[:3]],
              "exit": farebox.stop()}
    upstream.close()
    return figure, not wrong and figure["exit"] == 0


# -- streams ------------------------------------------------------------------

def stream(what, *more, **config):
    upstream = free_port()
    farebox = probed(upstream, **config)
    try:
        done = subprocess.run(
            [sys.executable, STREAM, "--proxy", "127.0.0.1:%d" % farebox.port, "--upstream-port", str(upstream),
             "--path", "/probe/{what}", "--pid", str(farebox.pid), "--only", what] + [str(m) for m in more],
            capture_output=True, text=True, timeout=900)
        for line in done.stdout.splitlines():
            if line.startswith(what):
                return json.loads(line[len(what):])
        raise RuntimeError((done.stdout + done.stderr)[-300:])
    finally:
        farebox.stop()


def s1(options):
    figure = stream("relay")
    return figure, figure["p99_ms"] <= 0.5 and figure["events"] == figure["of"]


def s2(options):
    figure = stream("cancel")
    return figure, figure["cancelled"] == figure["streams"] and figure["max_ms"] <= 50


def s3(options):
    import s3_slow
    figure = s3_slow.measure(options.rounds or 1000)
    # Where the machine itself is busy, calls may take what they take without the streams.
    most = max(5, 1.5 * figure["alone"]["p99_ms"])
    return figure, (figure["memory_per_stream_KiB"] <= 64 and figure["exit"] == 0
                    and figure["healthy"]["p99_ms"] <= most)


def s4(options):
    figure = stream("cut")
    random_cuts = suite("test_faults.CutShort")[0]
    figure["random_cuts"] = random_cuts
    return figure, (figure["looked_whole"], figure["left_hanging"], random_cuts["failures"]) == (0, 0, 0)


def s5(options):
    figure = stream("idle", "--idle", options.rounds or 8000)
    healthy = figure["healthy"]
    return figure, (figure["memory_each_KiB"] <= 16 and figure["connections"] == figure["asked"]
                    and healthy["failed"] == 0 and healthy["p99_ms"] <= 10)


def s6(options):
    import s6_idle
    figure = s6_idle.measure(options.rounds or s6_idle.WANTED)
    return figure, s6_idle.is_good(figure)


def s7(options):
    figure = stream("drip", "--drip-seconds", 15, "--idle", 300,
                    limits={"head_timeout": "5s", "connections": 100000})
    twins = suite("test_overload.Slow")[0]
    figure["body_and_read_twins"] = twins
    return figure, (figure["still_open"] == 0 and figure["healthy"]["p99_ms"] <= 5
                    and twins["failures"] == 0)


def s8(options):
    import s8_bombs
    figure = s8_bombs.measure(options.rounds or 10240)
    return figure, figure["rss_growth_MiB"] <= 32 and figure["octets_equal"]


# -- what integration tests show ------------------------------------------------

def suite(*names):
    """Runs tests of tests/integration: how many, and how many of them failed."""
    words = io.StringIO()
    result = unittest.TextTestRunner(stream=words).run(unittest.defaultTestLoader.loadTestsFromNames(names))
    bad = [str(test).split(" ")[0] for test, _ in result.failures + result.errors]
    figure = {"tests": result.testsRun, "failures": len(bad), "skipped": len(result.skipped)}
    if bad:
        figure["failed"] = bad[:5]
        print(words.getvalue()[-3000:], file=sys.stderr)
    return figure, not bad and result.testsRun > len(result.skipped)


def m9(options):
    import m9_clocks
    figure = m9_clocks.measure(options.rounds or 1)
    return figure, m9_clocks.is_good(figure)


def o5(options):
    import o5_overload
    figure = o5_overload.measure(options.rounds or 20, options.seed)
    return figure, o5_overload.is_good(figure)


def o6(options):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "bench", "soak.py"), "--farebox",
                           os.environ["FAREBOX_BIN"], "--mock", os.environ["FAREBOX_MOCK_BIN"], "--seconds",
                           str(options.rounds or 600)], capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(done.stderr[-300:])
    figure = json.loads(done.stdout)
    return figure, done.returncode == 0 and figure["rss_slope_mib_per_10_min"] < 1


def o7(options):
    import o7_torture
    figure = o7_torture.measure(options.rounds)     # 0: every n
    return figure, figure["faults"] == 0


def rounds(goal, many, *names):
    """A suite that does as many rounds as FAREBOX_ROUNDS says."""
    def measure(options):
        os.environ["FAREBOX_ROUNDS"] = str(options.rounds or many)
        try:
            figure, ok = suite(*names)
            return dict(figure, rounds=options.rounds or many), ok
        finally:
            del os.environ["FAREBOX_ROUNDS"]
    return Row(goal, measure)


def tests(goal, *names):
    return Row(goal, lambda options: suite(*names))


ROWS = {
    "H3": Row("44 of 44 pass, 0 critical", h3),
    "H4": Row("0 crashes, timeouts, leaks; >= 90 % of the parsers' lines", fuzzed.h4),
    "H5": Row("0 of 1,000,000 mutants end differently for two readers", fuzzed.h5),
    "H6": Row("0 verdicts that change", h6),
    "H7": Row("CPU and memory of the worst input <= 16 times a plain request's", h7),
    "H8": Row("0 wrong or missing canaries in 10,000", h8),
    "S1": Row("p99 <= 0.5 ms, 0 merged", s1),
    "S2": Row("50 of 50 cancelled, <= 50 ms", s2),
    "S3": Row("<= 64 KiB a stream, healthy p99 <= 5 ms", s3),
    "S4": Row("0 look whole", s4),
    "S5": Row("<= 16 KiB each, healthy p99 <= 10 ms", s5),
    "S6": Row("0 refused below the limit, <= 2 GiB for 100,000", s6),
    "S7": Row("all closed by the deadline, healthy p99 <= 5 ms", s7),
    "S8": Row("RSS growth <= 32 MiB, octets equal", s8),
    "S11": tests("0 crashes, <= 20 % of a core, <= 1 s to recover", "test_overload.Descriptors"),
    "S9": tests("0 records missing, none charged below what was made or above its hold",
                "test_budget_aborts.Aborts"),
    "M3": rounds("0 over the limit, >= 95 % used", 5, "test_budget_storm"),
    "M9": Row("0 windows doubled, skipped or reopened", m9),
    "M11": tests("0 absurd values charged", "test_forged_usage"),
    "O1": rounds("0 failed calls, <= 1 MiB grown", 1000, "test_reload.ManyReloads"),
    "O2": tests("0 streams cut inside the grace, 0 records missing, exit 0", "test_drain.Drain"),
    "O5": Row("never above 256 MiB, p99 of the admitted <= 3 times that without overload", o5),
    "O6": Row("RSS slope < 1 MiB in 10 minutes, series capped, nothing left", o6),
    "O7": Row("0 crashes, hangs, leaks and lost holds", o7),
    "X1": tests("0 hits in logs, metrics, records, files", "test_secrets.Canaries"),
    "X5": tests("0 unexpected answers of the admin port", "test_admin.Browsers", "test_admin.Token"),
    "chaos": rounds("nothing left over after any round", 100, "test_chaos"),
    "O3": tests("0 failed calls after one refresh", "test_pool.Names"),
    "O4": tests("0 of 14 accepted", "test_bad_certificates"),
    "X2": tests("0 key octets at the client or another host",
                *["test_secrets.Canaries." + name for name in (
                    "test_a_key_goes_to_its_provider_only", "test_a_redirect_does_not_carry_the_key_away",
                    "test_a_provider_that_echoes_its_key_in_a_header_is_silenced")]),
    "X8": tests("0 lines not JSON, 1 a request", "test_injection.Log"),
    "X9": rounds("series <= cap, RSS growth <= 8 MiB with so many of each name", 100_000, "test_metric_bounds"),
    "X10": tests("0 fields not ours", "test_injection.Fields"),
    "X7": tests("0 cross answers of 8 tenants with cache, merging and batches (FAREBOX_BODIES each)",
                "test_cache_tenants.Apart"),
    "X18": Row("0 reports, 0 suppressions without a reason", sanitized.x18),
    "X16": tests("0 bodies read differently", "test_injection.SamePolicy",
                 "test_injection.SamePolicyWithMoney"),
}
