"""What farebox is started with: standard streams that nobody reads or that are closed, and few
open files; and a ledger whose directory goes away under it."""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from command_line import IO_FAILED
from farebox_process import environment, port_of, program
from harness import (CHAT, Farebox, Mock, chat_body, fetch, providers, run_to_end, wait_until,
                     write_config)

PIPE_SIZE = 1031        # F_SETPIPE_SZ
REQUESTS = 400          # their lines are far more than the pipe holds
END_SECONDS = 20        # two of them are what the log gets, the others are for a slow machine


class Started(unittest.TestCase):
    """A mock, a directory and a configuration."""

    def setUp(self):
        self.mock = Mock()
        self.addCleanup(self.mock.stop)
        directory = tempfile.TemporaryDirectory(prefix="farebox-start-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.data_dir = os.path.join(self.directory, "data")
        self.config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"},
                       "data_dir": self.data_dir, "providers": providers(self.mock)}

    def serve(self, **how):
        path = write_config(self.directory, self.config)
        process = subprocess.Popen([program(), "serve", "--config", path], env=environment(), **how)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process

    def ask(self, port):
        return fetch(port, "POST", CHAT, {}, chat_body()).status


class StandardError(Started):
    def test_a_full_pipe_that_nobody_reads_does_not_hold_up_the_end(self):
        # Its writer sat in write(2) for ever, and the end waited for the writer.
        reads, writes = os.pipe()
        self.addCleanup(os.close, reads)
        fcntl.fcntl(writes, PIPE_SIZE, 4096)
        process = self.serve(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writes)
        os.close(writes)
        told = b""
        while b'"listening"' not in told:
            piece = os.read(reads, 4096)
            self.assertTrue(piece, told)
            told += piece
        line = next(l for l in told.splitlines() if b'"listening"' in l)
        port = port_of(json.loads(line)["listen"])
        for _ in range(REQUESTS):
            self.assertEqual(self.ask(port), 200)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(END_SECONDS), 0)
        found = run_to_end(["ledger", "verify", "--data-dir", self.data_dir])
        self.assertEqual(found[0], 0, found)
        self.assertIn(str(REQUESTS), found[1])


class Closed(Started):
    """Descriptors 0 to 2 were closed at the start: an eventfd, an epoll and a timerfd got their
    numbers, and the log was written into one of them."""

    @staticmethod
    def close_standard():
        for number in range(3):
            os.close(number)

    def test_serving_leaves_them_alone(self):
        process = self.serve(preexec_fn=self.close_standard)
        place = "/proc/%d/fd" % process.pid

        def listens():
            self.assertIsNone(process.poll())
            with contextlib.suppress(OSError):
                return any(os.readlink("%s/%s" % (place, n)).startswith("socket:")
                           for n in os.listdir(place))
        wait_until(listens, END_SECONDS)
        self.assertEqual([os.readlink("%s/%d" % (place, n)) for n in range(3)], ["/dev/null"] * 3)
        wait_until(lambda: os.path.exists(os.path.join(self.data_dir, "ledger", "CURRENT")), END_SECONDS)
        process.send_signal(signal.SIGTERM)
        self.assertIn(process.wait(END_SECONDS), (0, -signal.SIGTERM))

    def test_a_command_does_what_it_is_asked(self):
        farebox = Farebox(self.config, directory=self.directory)
        self.assertEqual(self.ask(farebox.port), 200)
        self.assertEqual(farebox.stop(), 0)
        target = os.path.join(self.directory, "month.jsonl")
        for arguments in (["verify"], ["export", "--output", target]):
            done = subprocess.run([program(), "ledger"] + arguments + ["--data-dir", self.data_dir],
                                  env=environment(), preexec_fn=self.close_standard, timeout=END_SECONDS)
            self.assertEqual(done.returncode, 0, arguments)
        with open(target, encoding="utf-8") as file:
            self.assertEqual(len(file.readlines()), 1)


class FewOpenFiles(Started):
    def test_the_start_says_so(self):
        # It ended with 70, "please report this as a bug", or listened without ever accepting.
        for limit in (12, 16, 22, 24, 26, 30):
            process = self.serve(
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                preexec_fn=lambda most=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
            told = process.communicate(timeout=END_SECONDS)[1].decode()
            self.assertEqual(process.returncode, IO_FAILED, (limit, told))
            self.assertIn("open files is %d" % limit, told)
            self.assertIn("LimitNOFILE", told)
            self.assertFalse(os.path.exists(self.data_dir), "a start that fails leaves nothing")


class DataDirectory(Started):
    """What is open goes on without its name: calls got 200 and a record each that was nowhere."""

    def start(self, ledger=None):
        farebox = Farebox(dict(self.config, ledger=ledger or {}), directory=self.directory)
        self.addCleanup(lambda: farebox.is_running() and farebox.stop(signal.SIGKILL))
        for _ in range(3):
            self.assertEqual(self.ask(farebox.port), 200)
        return farebox

    def ready(self, farebox):
        return farebox.admin("GET", "/readyz")

    def assert_gives_up(self, farebox):
        wait_until(lambda: self.ready(farebox).status == 503, 10, "still ready")
        self.assertIn("moved away", self.ready(farebox).text)
        self.assertEqual(self.ask(farebox.port), 503)
        told = wait_until(lambda: [line for line in farebox.log(level="error")
                                   if "ledger" in line["msg"]])
        self.assertIn(self.data_dir, told[0]["why"])
        self.assertIn("put it back", told[0]["why"])
        self.assertIn("farebox ledger restore", told[0]["why"])

    def test_removed_is_a_failed_store(self):
        farebox = self.start()
        shutil.rmtree(self.data_dir)
        self.assert_gives_up(farebox)
        self.assertEqual(farebox.stop(), IO_FAILED)
        self.assertFalse(os.path.exists(os.path.join(self.data_dir, "ledger")),
                         "a new ledger was begun in its place")

    def test_removed_just_before_the_end_is_told_too(self):
        farebox = self.start()
        shutil.rmtree(self.data_dir)
        self.assertEqual(farebox.stop(), IO_FAILED)
        self.assertTrue(farebox.log(level="error"))

    def test_a_ledger_that_was_put_in_its_place_is_left_alone(self):
        farebox = self.start()
        shutil.rmtree(self.data_dir)
        second = Farebox(self.config, directory=self.directory)
        self.addCleanup(lambda: second.is_running() and second.stop(signal.SIGKILL))
        self.assertEqual(self.ask(second.port), 200)
        self.assert_gives_up(farebox)
        self.assertEqual(second.stop(), 0)
        # Nobody has it open now, so the first could take it.
        time.sleep(3)
        self.assertEqual(self.ready(farebox).status, 503)
        self.assertEqual(farebox.stop(), IO_FAILED)
        found = run_to_end(["ledger", "verify", "--data-dir", self.data_dir])
        self.assertEqual(found[0], 0, found)

    def test_moved_back_it_goes_on_and_nothing_is_lost(self):
        farebox = self.start()
        os.rename(self.data_dir, self.data_dir + ".away")
        self.assert_gives_up(farebox)
        os.rename(self.data_dir + ".away", self.data_dir)
        wait_until(lambda: self.ready(farebox).status == 200, 15, "never ready again")
        self.assertEqual(self.ask(farebox.port), 200)
        kept = [record for record in farebox.records() if record["outcome"] == "ok"]
        self.assertEqual(len(kept), 4)
        self.assertEqual(farebox.stop(), 0)
        found = run_to_end(["ledger", "verify", "--data-dir", self.data_dir])
        self.assertEqual(found[0], 0, found)

    def test_calls_pass_where_that_is_allowed(self):
        farebox = self.start({"on_store_failure": "allow"})
        shutil.rmtree(self.data_dir)
        wait_until(lambda: not farebox.admin_json("/api/ledger")["writable"], 10)
        self.assertEqual(self.ask(farebox.port), 200)
        self.assertEqual(farebox.stop(), IO_FAILED)


if __name__ == "__main__":
    unittest.main()
