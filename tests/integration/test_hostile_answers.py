"""Row H8: whatever a provider answers one client, the next one gets its own answer."""

import os
import unittest

from harness import CALM, Connection, Farebox
from hostile_upstream import STOLEN, Hostile

ROUNDS = int(os.environ.get("FAREBOX_ROUNDS", "300"))
SEED = int(os.environ.get("FAREBOX_SEED", "1"))


def run(port, hostile, rounds, first=0):
    """(wrong or missing canaries, answers that looked whole and stolen) of so many rounds."""
    wrong = []
    canary = Connection(port, timeout=10)
    for number in range(first, first + rounds):
        # Every other one by POST, and some by HEAD: their answers are framed otherwise.
        method = ("GET", "POST", "HEAD", "GET")[number % 4]
        attacker = Connection(port, timeout=10)
        try:
            attacker.ask(method, "/probe/h/%d" % number, (), b"{}" if method == "POST" else None)
            attacker.response(method)
        except (OSError, EOFError, ValueError, AssertionError, IndexError):
            pass                        # cut, or refused: his affair
        attacker.close()
        for again in range(2):
            try:
                canary.ask("GET", "/probe/canary/%d" % number)
                reply = canary.response()
            except (OSError, EOFError, ValueError) as error:
                wrong.append((number, "missing", repr(error)))
                canary = Connection(port, timeout=10)
                break
            if reply.status != 200 or reply.body != b'{"canary":%d}' % number:
                wrong.append((number, reply.status, reply.body[:80]))
                break
            if STOLEN in reply.body:
                wrong.append((number, "stolen", reply.body[:80]))
    canary.close()
    return wrong


class HostileAnswers(unittest.TestCase):
    def test_the_next_client_gets_its_own_answer(self):
        upstream = Hostile(SEED)
        self.addCleanup(upstream.close)
        entry = dict(CALM, dialect="openai", base_url=upstream.url, retry={"max_attempts": 1},
                     timeouts={"first_byte": "400ms", "idle": "60ms", "total": "3s"})
        farebox = Farebox({"threads": 1, "providers": {"probe": entry}})
        try:
            wrong = run(farebox.port, upstream, ROUNDS)
            self.assertEqual(wrong, [], "seed %d: %s" % (SEED, [upstream.shown(w[0]) for w in wrong[:3]]))
            self.assertTrue(farebox.is_running())
        finally:
            self.assertEqual(farebox.stop(), 0)


if __name__ == "__main__":
    unittest.main()
