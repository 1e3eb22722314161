"""The golden bills (tests/golden/README.md) as a black box: the pretend provider answers with
each bill's reply, and the ledger must say exactly what the bill says; `farebox bill`; and the
differential against the raw price facts."""

import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import unittest
from decimal import Decimal

from harness import CALM, FACTS, ROOT
from farebox_process import Farebox, environment, program, run_to_end, wait_until
from mock_provider import Mock
from wire import Connection

GOLDEN = os.path.join(ROOT, "tests", "golden")
TOKENS = ("inputTokens", "cachedInputTokens", "cacheWriteTokens", "outputTokens", "reasoningTokens",
          "audioInputTokens", "audioOutputTokens", "imageInputTokens", "imageOutputTokens")
SAID = {"serviceTier": "", "inferenceGeo": "", "speed": "", "cacheWrite1hTokens": 0, "toolUseInputTokens": 0,
        "citationTokens": 0}
UNITS = ("characters", "queries", "pages")
CONNECTIONS = 4


def files():
    return sorted(p for p in glob.glob(os.path.join(GOLDEN, "*.json"))
                  if os.path.basename(p) != "price_facts.json")


def load():
    bills = []
    for path in files():
        with open(path, encoding="utf-8") as file:
            bills += json.load(file, parse_float=Decimal)["bills"]
    return bills


def waiting():
    with open(os.path.join(GOLDEN, "waiting.txt"), encoding="utf-8") as file:
        return {line.split()[0] for line in file if line.strip() and not line.startswith("#")}


def octets(body):
    """As it stands in the file, a text or JSON: 25.0 stays 25.0."""
    if isinstance(body, str):
        return body
    return json.dumps(body, default=lambda number: float(number))


def mark(bill):
    """No mark is a part of another."""
    return "<%s>" % bill["id"]


def used(extras):
    return [(e["type"], e.get("inputTokens", 0), e.get("outputTokens", 0), e.get("count", 0))
            for e in extras if e["type"] != "web_fetch"]


class GoldenBills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bills, cls.waiting = load(), waiting()
        cls.mock = Mock()
        cls.mock._call("POST", "/rules", [
            {"match": {"header": ["x-golden", mark(bill)]},
             "behaviour": {"status": bill["reply"]["status"], "content_type": bill["reply"]["contentType"],
                           "body": octets(bill["reply"]["body"])}} for bill in cls.bills])
        table = {bill["provider"]: bill["dialect"] for bill in cls.bills}
        cls.farebox = Farebox({"providers": {
            name: dict(CALM, dialect=dialect, retry={"max_attempts": 1}, base_url=cls.mock.url)
            for name, dialect in table.items()}})
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(cls.send, [cls.bills[i::CONNECTIONS] for i in range(CONNECTIONS)]))
        cls.records = wait_until(cls.all_records, 10, "records are missing")

    @classmethod
    def tearDownClass(cls):
        code = cls.farebox.stop()
        cls.mock.stop()
        assert code == 0, code

    @classmethod
    def send(cls, bills):
        connection = Connection(cls.farebox.port)
        for bill in bills:
            headers = [("content-type", "application/json"), ("authorization", "Bearer golden"),
                       ("x-golden", mark(bill)), ("x-farebox-request-id", bill["id"])]
            connection.ask("POST", "/" + bill["provider"] + bill["request"]["path"], headers,
                           octets(bill["request"]["body"]).encode())
            reply = connection.response("POST")
            assert reply.status == bill["reply"]["status"], (bill["id"], reply.status, reply.text[:300])
            if not reply.complete or reply.framing == "close":
                connection.close()
                connection = Connection(cls.farebox.port)
        connection.close()

    @classmethod
    def all_records(cls):
        records = {r["requestId"]: r for r in cls.farebox.records()}
        return records if len(records) == len(cls.bills) else None

    def difference(self, bill):
        """What the record says that the bill doesn't, or None."""
        record, usage = self.records[bill["id"]], bill["usage"]
        if usage is None and bill["priced"]:        # nothing was billed
            return None if (record["costUsd"], record["estimated"]) == ("0", False) else \
                "costs %s" % record["costUsd"]
        if usage is None:                           # counted by farebox, and marked
            return None if record["estimated"] and record["costUsd"] != "0" else \
                "estimated %s, costs %s" % (record["estimated"], record["costUsd"])
        found, wanted = {}, {}
        for name in TOKENS:
            found[name], wanted[name] = record[name], usage.get(name, 0)
        for name, nothing in SAID.items():
            found[name], wanted[name] = record.get(name, nothing), usage.get(name, nothing)
        units = usage.get("units", {})
        for name in UNITS:
            found[name], wanted[name] = record["units"].get(name, 0), units.get(name, 0)
        if "images" in units:
            found["images"], wanted["images"] = record["units"]["images"], units["images"]
        found["seconds"], wanted["seconds"] = Decimal(str(record["units"]["seconds"])), Decimal(units.get("seconds", 0))
        found["extras"], wanted["extras"] = used(record["extras"]), used(usage.get("extras", []))
        for name in ("priced", "estimated"):
            found[name], wanted[name] = record[name], bill[name]
        found["costUsd"], wanted["costUsd"] = record["costUsd"], bill["total"]
        found["model"], wanted["model"] = record["model"], bill["model"]
        if not bill["priced"]:
            wanted["estimated"] = found["estimated"]    # an unknown cost is no estimate, nor exact
        found["estimatedBy"], wanted["estimatedBy"] = sorted(record.get("estimatedBy", [])), bill["estimatedBy"]
        wrong = {n: (found[n], wanted[n]) for n in found if found[n] != wanted[n]}
        return "found, wanted: %s" % wrong if wrong else None

    def test_every_record_says_what_its_bill_says(self):
        wrong, waits = [], []
        for bill in self.bills:
            difference = self.difference(bill)
            if difference:
                (waits if bill["id"] in self.waiting else wrong).append("%s: %s" % (bill["id"], difference))
        print("golden bills through the proxy: %d agree, %d wait"
              % (len(self.bills) - len(wrong) - len(waits), len(waits)))
        self.assertGreaterEqual(len(self.bills), 300)
        self.assertEqual(len(wrong), 0, "%d of %d\n%s" % (len(wrong), len(self.bills), "\n".join(wrong[:60])))

    def test_the_total_is_the_exact_sum_of_all_bills(self):
        expected = Decimal(0)
        for bill in self.bills:
            said = bill["usage"] is not None and bill["id"] not in self.waiting
            cost = bill["total"] if said else self.records[bill["id"]]["costUsd"]
            expected += Decimal(cost or 0)
        total = self.farebox.admin_json("/api/usage?since=24h")["total"]
        self.assertEqual(Decimal(total["costUsd"]), expected)
        self.assertEqual(total["requests"], len(self.bills))


class BillCommand(unittest.TestCase):
    def test_farebox_agrees_with_every_golden_file(self):
        code, out, err = run_to_end(["bill", "--json"] + files(), seconds=120)
        self.assertEqual(err, "")
        answer = json.loads(out)
        different = {b["id"]: b["differences"] for b in answer["bills"] if b["differences"]}
        self.assertEqual({i: d for i, d in different.items() if i not in waiting()}, {})
        self.assertEqual((code, answer["different"]), (65 if different else 0, len(different)))

    def test_a_wrong_total_is_found(self):
        with open(os.path.join(GOLDEN, "thresholds.json"), encoding="utf-8") as file:
            golden = json.load(file)
        golden["bills"][0]["total"] = "0.000000000001"
        code, out, _ = run_to_end(["bill", "--json"], text=json.dumps(golden))
        answer = json.loads(out)
        self.assertEqual((code, answer["different"]), (65, 1))
        self.assertIn("not 0.000000000001", answer["bills"][0]["differences"][0])

    def test_a_plain_reply_is_priced(self):
        reply = {"model": "gpt-4o-mini", "choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}],
                 "usage": {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010,
                           "prompt_tokens_details": {"cached_tokens": 400}}}
        code, out, err = run_to_end(["bill", "--provider", "openai"], text=json.dumps(reply))
        bill = json.loads(out)["bills"][0]
        self.assertEqual((code, err, bill["costUsd"], bill["priced"]), (0, "", "0.000126", True))
        self.assertEqual(sum(Decimal(line["amount"]) for line in bill["lines"]), Decimal("0.000126"))
        code, out, _ = run_to_end(["bill", "--provider", "anthropic", "--model", "x"], text="no reply at all")
        self.assertEqual((code, json.loads(out)["bills"][0]["costUsd"]), (0, None))

    def test_what_cant_be_read_is_said(self):
        self.assertEqual(run_to_end(["bill", "/nowhere/bills.json"])[0], 74)
        code, _, err = run_to_end(["bill"], text='{"bills":[{"id":"x"}]}')
        self.assertEqual(code, 65)
        self.assertIn("bill \"x\"", err)


class Files(unittest.TestCase):
    def run_python(self, name, *arguments):
        done = subprocess.run([sys.executable, os.path.join(GOLDEN, name)] + list(arguments), capture_output=True,
                              text=True, timeout=500, env=dict(environment(), FAREBOX_BIN=os.path.abspath(program()),
                                                               FAREBOX_FACTS_DIR=FACTS))
        return done.returncode, done.stdout + done.stderr

    def test_the_files_are_what_the_program_writes(self):
        code, out = self.run_python("make_bills.py", "--check")
        self.assertEqual(code, 0, out)

    def test_recordings_cost_the_same_computed_twice(self):
        if not os.path.isdir(os.path.join(FACTS, "recordings")):
            self.skipTest("no recordings in %s" % FACTS)
        code, out = self.run_python("differential.py")
        print(out.strip().splitlines()[-1] if out.strip() else "")
        self.assertEqual(code, 0, "\n".join(l for l in out.splitlines() if l.startswith("DIFFERS"))[:6000] or out)


if __name__ == "__main__":
    unittest.main()
