"""Real traffic of real providers, replayed through the running program: the bytes
stay, and the ledger finds what the provider said.

The selection in tests/data/recordings runs always; FAREBOX_FULL=1 takes the whole
set of FAREBOX_FACTS_DIR instead. Each selection becomes a mock behind farebox, each
recording one request with the recorded method, path, headers and body."""

import base64
import glob
import json
import os
import unittest
import urllib.parse
from decimal import Decimal

from harness import CALM, FACTS, ROOT, Connection, Farebox, Mock

SELECTION = os.path.join(ROOT, "tests", "data", "recordings")
FULL = os.path.join(FACTS, "recordings")

# What `dialect:` says for each provider of the set; all others are openai.
DIALECTS = {"anthropic": "anthropic", "azure": "azure", "gemini": "gemini", "vertex": "gemini",
            "mistral": "mistral", "cohere": "cohere", "bedrock": "bedrock", "ollama": "ollama"}

# Where a provider's base URL ends, when that is not behind the host name.
BASE_PATHS = {"databricks": "/serving-endpoints", "snowflake": "/api/v2/cortex",
              "openrouter": "/api/v1", "groq": "/openai/v1", "alibaba": "/compatible-mode/v1"}

# What is never billed by the request: of these only the bytes are checked.
UNMETERED = (".other", ".batches", ".assistants", ".count_tokens", ".countTokens", ".moderations",
             ".input_tokens", ".client_secrets", ".batchGenerateContent", ".predictLongRunning")

# Record field: (field of `expected`, the whole it is a part of).
TOKENS = {"inputTokens": ("input_tokens", None),
          "cachedInputTokens": ("cached_input_tokens", "input_tokens"),
          "cacheWriteTokens": ("cache_creation_tokens", "input_tokens"),
          "outputTokens": ("output_tokens", None),
          "reasoningTokens": ("reasoning_tokens", "output_tokens"),
          "audioInputTokens": ("audio_input_tokens", "input_tokens"),
          "audioOutputTokens": ("audio_output_tokens", "output_tokens"),
          "imageInputTokens": ("image_input_tokens", "input_tokens"),
          "imageOutputTokens": ("image_output_tokens", "output_tokens")}


def is_metered(recording):
    return not recording["api"].endswith(UNMETERED)


def is_plainly_priced(expected):
    """No tier, fee or tool that makes the cost an estimate although the tokens aren't."""
    return (expected.get("service_tier") in (None, "default", "standard")
            and expected.get("traffic_type") in (None, "ON_DEMAND")
            and not any(expected.get(n) for n in ("other_call_items", "server_tools", "extra")))


def target_of(recording):
    url = urllib.parse.urlsplit(recording["request"]["url"])
    return url.path + ("?" + url.query if url.query else "")


def octets_of(message):
    body = message["body"] or ""
    if message.get("body_encoding") == "base64":
        return base64.b64decode(body)
    return body.encode("utf-8")


def load(directory):
    out = []
    for path in sorted(glob.glob(os.path.join(directory, "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            out += [r for r in map(json.loads, file) if "response" in r]
    return out


def expected_tokens(expected):
    """The record's numbers: null is 0 there, and a part is clamped to its whole."""
    out = {}
    for field, (name, whole) in TOKENS.items():
        value = expected.get(name) or 0
        out[field] = min(value, expected.get(whole) or 0) if whole else value
    return out


def expected_units(expected):
    """What isn't tokens, where the provider says it."""
    out, extra = {}, expected.get("extra") or {}
    if expected.get("audio_seconds") is not None:
        out["seconds"] = Decimal(str(expected["audio_seconds"]))
    if expected.get("images_count"):
        out["images"] = Decimal(expected["images_count"])
    if expected.get("cost_reported"):
        out["cost"] = Decimal(expected["cost_reported"])
    if expected.get("cost_reported_ticks"):
        out["cost"] = Decimal(expected["cost_reported_ticks"]) / 10 ** 10
    for name, said in (("pages", "pages_processed"), ("queries", "search_units"),
                       ("characters", "billable_characters")):
        if extra.get(said):
            out[name] = Decimal(extra[said])
    if expected["usage_found"] and expected["input_tokens"] is None and not out.keys() - {"cost"} \
            and expected["total_tokens"] and expected["output_tokens"] is None \
            and "total_tokens" in (expected["usage_native"] or {}):
        out["input"] = Decimal(expected["total_tokens"])   # rerankers say no more
    return out


def record_units(record):
    units = record["units"]
    return {"seconds": Decimal(str(units.get("seconds") or 0)), "images": units.get("images") or 0,
            "cost": Decimal(record.get("reportedCostUsd") or 0), "pages": units.get("pages") or 0,
            "queries": units.get("queries") or 0, "characters": units.get("characters") or 0,
            "input": record["inputTokens"]}


def is_usage_chunk(event):
    """The one chunk that stream_options.include_usage causes."""
    if not event.startswith(b"data: {"):
        return False
    try:
        data = json.loads(event[6:])
    except ValueError:
        return False
    return data.get("choices") == [] and bool(data.get("usage"))


def without_usage_chunk(body):
    """The reply as a client sees it whose request farebox spliced."""
    mark = b"\r\n\r\n" if b"\r\n\r\n" in body else b"\n\n"
    return mark.join(e for e in body.split(mark) if not is_usage_chunk(e))


class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        full = os.environ.get("FAREBOX_FULL") == "1"
        cls.directory = FULL if full else SELECTION
        if not glob.glob(os.path.join(cls.directory, "*.jsonl")):
            raise unittest.SkipTest("no recordings in %s" % cls.directory)
        cls.recordings = load(cls.directory)
        cls.mock = Mock(recordings=[cls.directory])
        names = sorted({r["provider"] for r in cls.recordings})
        cls.farebox = Farebox({"providers": {
            name: dict(CALM, dialect=DIALECTS.get(name, "openai"), retry={"max_attempts": 1},
                       base_url=cls.mock.url + BASE_PATHS.get(name, "")) for name in names}})
        cls.replies = cls.replay_all()
        cls.records = {r["requestId"]: r for r in cls.farebox.records()}

    @classmethod
    def tearDownClass(cls):
        assert cls.farebox.stop() == 0
        cls.mock.stop()

    @classmethod
    def replay_all(cls):
        """{id: (response, the request as the provider saw it)}"""
        replies, connection = {}, Connection(cls.farebox.port)
        for recording in cls.recordings:
            request = recording["request"]
            base = BASE_PATHS.get(recording["provider"], "")
            target = "/" + recording["provider"] + target_of(recording)[len(base):]
            own = {"x-mock-recording": recording["id"], "x-farebox-request-id": recording["id"]}
            headers = [(n, v) for n, v in request["headers"] if n.lower() not in ("host", "expect")]
            try:
                connection.ask(request["method"], target, headers + list(own.items()),
                               octets_of(request) if request["method"] not in ("GET", "HEAD") else None)
                reply = connection.response(request["method"])
            except (OSError, EOFError) as error:
                reply = error
            replies[recording["id"]] = reply
            if isinstance(reply, Exception) or not reply.complete or reply.framing == "close":
                connection.close()
                connection = Connection(cls.farebox.port)
        connection.close()
        # The bodies kept by the mock tell which requests were spliced.
        seen = {s.header("x-mock-recording"): s for s in cls.mock.requests()}
        return {id_: (reply, seen.get(id_)) for id_, reply in replies.items()}

    def all_of(self, check):
        """Runs check on each recording and reports all failures together."""
        wrong = []
        for recording in self.recordings:
            finding = check(recording, *self.replies[recording["id"]])
            if finding:
                wrong.append("%s %s %s: %s" % (recording["provider"], recording["api"],
                                               recording["id"], finding))
        self.assertEqual(len(wrong), 0, "%d of %d\n%s" % (len(wrong), len(self.recordings),
                                                          "\n".join(wrong[:40])))

    def test_every_request_reached_its_provider(self):
        def check(recording, reply, seen):
            if isinstance(reply, Exception):
                return repr(reply)
            if seen is None:
                return "refused with %d %s" % (reply.status, reply.text[:200])
            return seen.fault
        self.all_of(check)

    def test_requests_keep_their_target_and_headers(self):
        def check(recording, reply, seen):
            if seen is None:
                return None
            if seen.target != target_of(recording):
                return "target became " + seen.target
            dropped = ("host", "expect", "connection", "accept-encoding", "te", "keep-alive", "via")
            missing = [n for n, v in recording["request"]["headers"]
                       if n.lower() not in dropped and (n, v) not in seen.headers]
            return "headers lost: %s" % missing if missing else None
        self.all_of(check)

    def test_replies_keep_their_status_and_octets(self):
        def check(recording, reply, seen):
            if seen is None or isinstance(reply, Exception):
                return None
            body = octets_of(recording["response"])
            # The log keeps 64 KiB of a request; farebox splices near its start.
            spliced = b"include_usage" in seen.body and \
                b"include_usage" not in octets_of(recording["request"])
            if reply.status != recording["response"]["status"]:
                return "status became %d" % reply.status
            if not reply.complete:
                return "the reply is not whole"
            if recording["request"]["method"] == "HEAD" or reply.status in (204, 304):
                return "a body appeared" if reply.body else None
            if reply.body != (without_usage_chunk(body) if spliced else body):
                return "the body changed%s" % (" (spliced)" if spliced else "")
            return None
        self.all_of(check)

    def test_reply_headers_pass(self):
        def check(recording, reply, seen):
            if seen is None or isinstance(reply, Exception):
                return None
            dropped = ("connection", "transfer-encoding", "content-length", "keep-alive",
                       "content-type", "content-encoding", "via")
            missing = [(n, v) for n, v in recording["response"]["headers"]
                       if n.lower() not in dropped and not n.lower().startswith("x-farebox-")
                       and (n, v.strip()) not in reply.headers]
            return "headers lost: %s" % missing[:5] if missing else None
        self.all_of(check)

    def test_every_exchange_has_one_record(self):
        def check(recording, reply, seen):
            if seen is not None and recording["id"] not in self.records:
                return "no record"
            return None
        self.all_of(check)
        self.assertEqual(len(self.farebox.records()),
                         len([1 for _, seen in self.replies.values() if seen]))

    def test_usage_is_what_the_provider_said(self):
        def check(recording, reply, seen):
            expected, record = recording["expected"], self.records.get(recording["id"])
            if record is None or not is_metered(recording):
                return None
            if recording["response"]["status"] >= 400:
                costs = {f: record[f] for f in TOKENS if record[f]}
                return "an error costs %s" % costs if costs else None
            wrong = {n: (record_units(record)[n], v) for n, v in expected_units(expected).items()
                     if record_units(record)[n] != v}
            if wrong:
                return "found, expected: %s" % wrong
            if not expected["usage_found"] or expected["input_tokens"] is None:
                return None
            wrong = {f: (record[f], v) for f, v in expected_tokens(expected).items() if record[f] != v}
            if expected["image_input_tokens"] is None:
                wrong.pop("imageInputTokens", None)     # worked out for few APIs only
            # A price may be that of another place; what was used is no estimate.
            rules = [r for r in record.get("estimatedBy", ()) if not r.startswith("price_")]
            if rules and is_plainly_priced(expected):
                wrong["estimated"] = rules
            return "found, expected: %s" % wrong if wrong else None
        self.all_of(check)

    def test_the_model_and_the_ending_are_found(self):
        def check(recording, reply, seen):
            expected, record = recording["expected"], self.records.get(recording["id"])
            if (record is None or not is_metered(recording)
                    or recording["response"]["status"] >= 400):
                return None
            model = expected["model"] or expected["request_model"]
            if expected.get("counted_tokens") is not None or model == "unknown":
                model = None        # free, or a request that was not recorded
            if model and record["model"] != model:
                return "model %r, expected %r" % (record["model"], model)
            # Gemini can be asked for numbers instead of names.
            finish = expected["finish_reason"] and str(expected["finish_reason"])
            if finish and record["finishReason"] != finish:
                return "finish %r, expected %r" % (record["finishReason"], finish)
            return None
        self.all_of(check)

    def test_outcomes_tell_the_truth(self):
        def check(recording, reply, seen):
            record = self.records.get(recording["id"])
            if record is None:
                return None
            status = recording["response"]["status"]
            in_stream = recording["expected"].get("error_in_stream")
            wanted = ("provider_error",) if status >= 400 or in_stream else ("ok",)
            if (record["status"], record["outcome"] in wanted) != (status, True):
                return "status %s, outcome %s" % (record["status"], record["outcome"])
            return None
        self.all_of(check)


if __name__ == "__main__":
    unittest.main()
