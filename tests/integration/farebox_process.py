"""farebox as a process: written configuration, ports the system picks, its log
lines, its admin port, its end."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import wire

START_SECONDS = 20
PLAIN_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                     "TSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH")


def wait_until(predicate, seconds=5.0, message="waited in vain"):
    """The first true value of predicate(); an AssertionError after the time."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("%s (%.1f s)" % (message, seconds))
        time.sleep(0.01)


def program():
    path = os.environ.get("FAREBOX_BIN")
    if not path:
        sys.exit("set FAREBOX_BIN to the farebox program")
    return path


def environment(more=None):
    """Ours, without anything that would change farebox: proxies, keys, settings."""
    kept = {name: os.environ[name] for name in PLAIN_ENVIRONMENT if name in os.environ}
    if os.geteuid() != 0:       # tests look into /proc/PID, which else is root's alone
        kept["FAREBOX_DUMPABLE"] = "1"
    kept.update(more or {})
    return kept


def run_to_end(arguments, more_environment=None, seconds=20, text=None):
    """For commands that end by themselves: (exit code, stdout, stderr)."""
    done = subprocess.run([program()] + list(arguments), env=environment(more_environment),
                          input=text, capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


class Farebox:
    """A running `farebox serve`. The configuration is a dict; JSON is valid YAML."""

    def __init__(self, config, more_environment=None, directory=None, arguments=None,
                 most_files=None):
        """`arguments` stand in place of the configuration on the command line; `most_files`
        is the limit of its open files, which it can't raise."""
        self._own_directory = None if directory else tempfile.TemporaryDirectory(prefix="farebox-")
        self.directory = directory or self._own_directory.name
        config = dict(config)
        config.setdefault("listen", "127.0.0.1:0")
        config.setdefault("admin", {"listen": "127.0.0.1:0"})
        config.setdefault("data_dir", os.path.join(self.directory, "data"))
        self.data_dir = config["data_dir"]
        self._kept = {key: config[key] for key in ("listen", "admin", "data_dir")}
        self.config_file = write_config(self.directory, config)
        self.lines = []         # parsed log lines
        self.raw_lines = []     # all lines of standard error
        self.process = subprocess.Popen(
            [os.path.abspath(program())]
            + list(arguments or ["serve", "--config", self.config_file]),
            env=environment(more_environment), stdin=subprocess.DEVNULL,
            cwd=self.directory if arguments else None,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=most_files and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE,
                                                                  (most_files, most_files))))
        self.pid = self.process.pid
        self._threads = [self._collect(self.process.stderr, self._note_line),
                         self._collect(self.process.stdout, lambda line: None)]
        ready = self._wait_ready()
        self.port = port_of(ready["listen"])
        self.admin_port = port_of(ready["admin"])

    # -- start, log, end -------------------------------------------------

    def _collect(self, pipe, note):
        def run():
            for line in pipe:
                note(line.decode("utf-8", "replace").rstrip("\n"))
            pipe.close()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _note_line(self, line):
        self.raw_lines.append(line)
        try:
            self.lines.append(json.loads(line))
        except ValueError:
            pass                # a sanitizer's report, or a crash

    def _wait_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            for line in list(self.lines):
                if line.get("msg") == "listening":
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        self.process.kill()
        self._join()
        raise RuntimeError("farebox did not start, exit %s:\n%s"
                           % (self.process.wait(), "\n".join(self.raw_lines[-20:])))

    def _join(self):
        for thread in self._threads:
            thread.join(5)

    def log(self, **wanted):
        """Log lines that have these values."""
        return [line for line in list(self.lines)
                if all(line.get(key) == value for key, value in wanted.items())]

    def is_running(self):
        return self.process.poll() is None

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=45):
        code = self.process.wait(seconds)
        self._join()
        return code

    def stop(self, number=signal.SIGTERM, seconds=45):
        """Ends it and returns its exit code."""
        if self.is_running():
            self.send_signal(number)
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError("farebox did not end within %d s of signal %d:\n%s"
                                 % (seconds, number, "\n".join(self.raw_lines[-20:])))
        if self._own_directory:
            self._own_directory.cleanup()
        return code

    def rss_kib(self):
        with open("/proc/%d/status" % self.pid) as status:
            return int(next(l for l in status if l.startswith("VmRSS:")).split()[1])

    def open_files(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    # -- reload ----------------------------------------------------------

    def rewrite(self, config):
        """Another content of the configuration file; what isn't said stays as it was."""
        for key, value in self._kept.items():
            config.setdefault(key, value)
        path = self.config_file + ".new"
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=1))
        os.replace(path, self.config_file)

    def reload(self, config=None):
        """POST /api/config/reload, after `rewrite` where there is a configuration."""
        if config is not None:
            self.rewrite(dict(config))
        return self.admin("POST", "/api/config/reload", (), b"")

    # -- the admin port --------------------------------------------------

    def admin(self, method, target, headers=(), body=None):
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        names = {n.lower() for n, _ in fields}
        if "host" not in names:
            unix = isinstance(self.admin_port, str)
            fields.insert(0, ("Host", "localhost" if unix else "127.0.0.1:%d" % self.admin_port))
        fields.append(("Connection", "close"))
        return wire.fetch(self.admin_port, method, target, fields, body)

    def admin_json(self, target):
        response = self.admin("GET", target)
        if response.status != 200:
            raise AssertionError("GET %s: %d %s" % (target, response.status, response.text))
        return response.json()

    def metrics(self):
        """{'name{labels}': value} of the whole exposition."""
        values = {}
        for line in self.admin("GET", "/metrics").text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def metric(self, name, **labels):
        """Sum of the series of this name that carry these labels."""
        total = 0.0
        for series, value in self.metrics().items():
            base, _, rest = series.partition("{")
            if base == name and all('%s="%s"' % pair in rest for pair in labels.items()):
                total += value
        return total

    def records(self, **query):
        """All records, newest first, through as many pages as it takes."""
        query.setdefault("limit", 1000)
        out, cursor = [], None
        while True:
            if cursor:
                query["cursor"] = cursor
            page = self.admin_json("/api/usage/records?" + urllib.parse.urlencode(query))
            out += page["records"]
            cursor = page["nextCursor"]
            if not cursor:
                return out

    def record_of(self, response_or_id, seconds=5.0):
        """The ledger record of one exchange."""
        wanted = response_or_id
        if not isinstance(wanted, str):
            wanted = response_or_id.header("x-farebox-request-id")
        assert wanted, "the response names no request id"

        def find():
            page = self.admin_json("/api/usage/records?limit=1000")["records"]
            return next((r for r in page if r["requestId"] == wanted), None)
        return wait_until(find, seconds, "no record for %s" % wanted)


def port_of(shown):
    """The port of an address as the log says it, or the path of a Unix socket."""
    return shown[5:] if shown.startswith("unix:") else int(shown.rpartition(":")[2])


def write_config(directory, config, name="farebox.yaml"):
    """A dict becomes JSON, a text is written as it is. Returns the path."""
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(config if isinstance(config, str) else json.dumps(config, indent=1))
    return path
