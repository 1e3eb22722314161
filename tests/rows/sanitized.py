"""Row X18: everything under the sanitizers, and no suppression without a reason.

What ./dev test does under ASan and UBSan, and the same tests once more under TSan, whose builds
must be there: ninja -C build/debug, ninja -C build/tsan.
"""

import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTS = os.path.join(ROOT, "tests", "integration")
REPORT = re.compile(r"^(?:SUMMARY: |==\d+==ERROR: |WARNING: )(?:Address|Leak|Thread|UndefinedBehavior)Sanitizer"
                    r"|runtime error:", re.M)
# They build, measure or have ports that are agreed on.
ALONE = ("readme", "dev", "demo", "stream_probe")
OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:abort_on_error=1",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
           "TSAN_OPTIONS": "halt_on_error=1:suppressions=" + os.path.join(ROOT, "tests", "tsan.supp")}


def run(command, folder, environment, seconds):
    """Exit code and all it said."""
    with tempfile.TemporaryFile("w+", errors="replace") as words:
        try:
            code = subprocess.run(command, cwd=folder, env=environment, stdout=words, stderr=words,
                                  timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            code = 124
        words.seek(0)
        return code, words.read()


def suites(preset):
    """Name, command and folder of each."""
    for program in sorted(glob.glob(os.path.join(ROOT, "build", preset, "tests", "*_test"))):
        yield os.path.basename(program), [program, "--gtest_brief=1"], ROOT
    for path in sorted(glob.glob(os.path.join(TESTS, "test_*.py"))):
        name = os.path.basename(path)[:-3]
        if name[5:] not in ALONE:
            yield name, [sys.executable, "-W", "ignore", "-m", "unittest", name], TESTS


def under(preset):
    environment = dict(os.environ, **OPTIONS, FAREBOX_PRESET=preset,
                       FAREBOX_BIN=os.path.join(ROOT, "build", preset, "farebox"))
    if not os.path.exists(environment["FAREBOX_BIN"]):
        return None
    figure = {"suites": 0, "tests": 0, "failed": [], "reports": 0}

    def one(suite):
        name, command, folder = suite
        return name, *run(command, folder, environment, 1200)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, code, words in pool.map(one, suites(preset)):
            figure["suites"] += 1
            figure["tests"] += sum(map(int, re.findall(r"(?:^Ran |\] )(\d+) tests?", words, re.M)))
            figure["reports"] += len(REPORT.findall(words))
            if code:
                figure["failed"].append(name)
                print(name, words[-1500:], file=sys.stderr)
    return figure


def without_reason():
    """Suppressions that no comment stands before."""
    bare = 0
    for path in glob.glob(os.path.join(ROOT, "tests", "*.supp")):
        reason = False
        with open(path, encoding="utf-8") as lines:
            for line in map(str.strip, lines):
                if not line:
                    reason = False
                elif line.startswith("#"):
                    reason = True
                elif not reason:
                    bare += 1
    return bare


def x18(options):
    figure = {preset: under(preset) for preset in ("debug", "tsan")}   # null: not built
    figure["suppressions_without_reason"] = without_reason()
    ok = all(each is not None and not each["failed"] and not each["reports"]
             for each in (figure["debug"], figure["tsan"]))
    return figure, ok and not figure["suppressions_without_reason"]
