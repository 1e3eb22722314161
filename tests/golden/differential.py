#!/usr/bin/env python3
"""The cost of every recorded reply, computed twice: by farebox from the reply, and here from
the usage that a reader of the recordings worked out and the raw price facts.

    FAREBOX_BIN=build/release/farebox tests/golden/differential.py [FACTS_DIR]

FACTS_DIR (else FAREBOX_FACTS_DIR, else ../shared beside the checkout) holds recordings/ and
prices/. Reads neither config/prices.json nor anything else of farebox. Prints what differs and
what only one of the two can price; exit 1 when a cost differs by as much as one picodollar.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import arithmetic                                               # noqa: E402

ROOT = os.path.dirname(os.path.dirname(HERE))
DIALECTS = {"anthropic": "anthropic", "azure": "azure", "gemini": "gemini", "vertex": "gemini",
            "mistral": "mistral", "cohere": "cohere", "bedrock": "bedrock", "ollama": "ollama"}
BASE_PATHS = {"databricks": "/serving-endpoints", "snowflake": "/api/v2/cortex"}
COUNTS = {"inputTokens": "input_tokens", "outputTokens": "output_tokens",
          "cachedInputTokens": "cached_input_tokens", "cacheWriteTokens": "cache_creation_tokens",
          "cacheWrite1hTokens": "cache_creation_1h_tokens", "audioInputTokens": "audio_input_tokens",
          "imageInputTokens": "image_input_tokens", "reasoningTokens": "reasoning_tokens",
          "audioOutputTokens": "audio_output_tokens", "imageOutputTokens": "image_output_tokens"}
DATED = re.compile(r"^(.+?)(?:-20\d\d-\d\d-\d\d|-20\d{6}|@20\d{6})$")
STATE_COSTS = ("openrouter", "perplexity", "xai", "vercel-gateway")
# Tools that ran at the provider and have a fee no public table states.
FEES = ("web_search", "file_search", "code_interpreter", "image_generation", "x_search")


class Facts:
    """Published cards by seller and name."""

    def __init__(self, directory):
        self.names, self.cards, self.worldwide = {}, {}, {}
        with open(os.path.join(directory, "prices.json"), encoding="utf-8") as file:
            curated = json.load(file)["models"]
        with open(os.path.join(directory, "prices-all.jsonl"), encoding="utf-8") as file:
            others = [json.loads(line) for line in file]
        for card in curated + others:
            if card.get("variant"):
                continue
            seller = {"azure-ai": "azure"}.get(card["provider"], card["provider"])
            if card.get("region"):
                if card["region"] == "global":
                    self.worldwide[seller, card["model"].lower()] = card
                continue
            self.cards.setdefault(card["id"], card)
            for name in [card["model"]] + card.get("aliases", []):
                self.names.setdefault((seller, name.lower()), card)

    def find(self, provider, model):
        if not model:
            return None
        sellers = [provider] + (["openai"] if provider == "azure" else [])
        names = [model.lower()]
        if names[0].startswith("models/"):
            names.append(names[0][7:])
        dated = DATED.match(names[-1])
        if dated:
            names.append(dated.group(1))
        for seller in sellers:
            found = [self.names[seller, name] for name in names if (seller, name) in self.names]
            # A snapshot that costs what its model costs is sold in all of its model's tiers.
            if found:
                return found[-1] if standard(found[-1]) == standard(found[0]) else found[0]
        return None

    def find_worldwide(self, provider, model):
        return self.worldwide.get((provider, (model or "").lower()))


def standard(card):
    """What the list price is, for a comparison."""
    rows = [r for r in card["per_million_tokens"] if r["tier"] == "standard" and not r.get("above_input_tokens")]
    return {k: v for k, v in rows[0].items() if k in ("input", "output")} if rows else None


def usage_of(recording):
    """The usage in farebox's words, or None where something has no plain answer."""
    said = recording["expected"]
    usage = {}
    for name, key in COUNTS.items():
        if said.get(key):
            usage[name] = said[key]
    if not usage and said.get("total_tokens"):
        usage["inputTokens"] = said["total_tokens"]     # embeddings: nothing else is said
    for name, key in (("serviceTier", "service_tier"), ("inferenceGeo", "inference_geo"), ("speed", "speed")):
        if said.get(key):
            usage[name] = str(said[key])
    if not usage.get("serviceTier") and said.get("traffic_type"):
        usage["serviceTier"] = str(said["traffic_type"])
    extra = said.get("extra") or {}
    units = {}
    if said.get("audio_seconds"):
        units["seconds"] = str(said["audio_seconds"])
    if extra.get("search_units"):
        units["queries"] = extra["search_units"]
    if extra.get("pages_processed"):
        units["pages"] = extra["pages_processed"]
    if units:
        usage["units"] = units
    if extra.get("search_context_size"):
        usage["searchContext"] = extra["search_context_size"]
    extras = [{"type": name[:-len("_requests")], "count": count}
              for name, count in (said.get("server_tools") or {}).items() if count]
    for inner in said.get("extra_iterations") or []:
        extras.append({"type": inner.get("type", "inner"), "model": inner.get("model") or "",
                       "inputTokens": (inner.get("input_tokens") or 0) + (inner.get("cache_read_input_tokens") or 0) +
                       (inner.get("cache_creation_input_tokens") or 0),
                       "cachedInputTokens": inner.get("cache_read_input_tokens") or 0,
                       "cacheWriteTokens": inner.get("cache_creation_input_tokens") or 0,
                       "outputTokens": inner.get("output_tokens") or 0})
    if extras:
        usage["extras"] = extras
    return usage


def stated_cost(recording):
    said = recording["expected"]
    if recording["provider"] not in STATE_COSTS:
        return None
    if said.get("cost_reported") is not None:
        return Fraction(str(said["cost_reported"]))
    if said.get("cost_reported_ticks") is not None:
        return Fraction(said["cost_reported_ticks"], 10**10)
    return None


def has_hidden_fee(recording):
    said = recording["expected"]
    if recording["provider"] == "anthropic":
        return any("code_execution" in name for name in said.get("other_call_items") or {})
    return any(name.startswith(FEES) for name in said.get("other_call_items") or {}) or \
        any(word in (recording["response"]["body"] or "") for word in ("webSearchQueries", "google_search_call"))


def costs_of(facts, recording):
    """The acceptable costs in picodollars: by the table, with prices that other tables agree on,
    of Azure's worldwide deployments, and as stated. Empty: no price is known here."""
    said = recording["expected"]
    card = facts.find(recording["provider"], said.get("model")) or \
        facts.find(recording["provider"], said.get("request_model"))
    if recording["provider"] == "bedrock":
        card = facts.find("bedrock", said.get("request_model")) or card
    found = {}
    stated = stated_cost(recording)
    if stated is not None:
        found["as stated"] = arithmetic.picodollars(stated)
    if card is None or has_hidden_fee(recording):
        return found, card
    bill = arithmetic.bill_for(facts.cards, card, usage_of(recording))
    if bill.priced:
        found["by the table"] = arithmetic.picodollars(bill.sum)
    if card.get("others_agree_on"):
        rows = [dict(row, **card["others_agree_on"]) if row["tier"] == "standard" and
                not row.get("above_input_tokens") else row for row in card["per_million_tokens"]]
        bill = arithmetic.bill_for(facts.cards, dict(card, per_million_tokens=rows), usage_of(recording))
        if bill.priced:
            found["as others agree"] = arithmetic.picodollars(bill.sum)
    worldwide = facts.find_worldwide(recording["provider"], said.get("model"))
    if worldwide:
        bill = arithmetic.bill_for(facts.cards, worldwide, usage_of(recording))
        if bill.priced:
            found["as sold worldwide"] = arithmetic.picodollars(bill.sum)
    return found, card


def waiting():
    with open(os.path.join(HERE, "waiting.txt"), encoding="utf-8") as file:
        return {line.split()[0] for line in file if line.strip() and not line.startswith("#")}


def golden_form(recording):
    url = urllib.parse.urlsplit(recording["request"]["url"])
    path = url.path[len(BASE_PATHS.get(recording["provider"], "")):] + ("?" + url.query if url.query else "")
    body = recording["request"]["body"] or ""
    return {"id": recording["id"], "provider": recording["provider"],
            "dialect": DIALECTS.get(recording["provider"], "openai"),
            "model": recording["expected"].get("model") or "", "says": recording["api"],
            "request": {"path": path, "model": recording["expected"].get("request_model") or "",
                        "body": body if recording["request"].get("body_encoding") != "base64" else ""},
            "reply": {"status": recording["response"]["status"], "body": recording["response"]["body"]},
            "usage": None, "lines": [], "total": None, "estimated": False, "estimatedBy": []}


def farebox_costs(recordings):
    """id -> what farebox bill says"""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({"bills": [golden_form(r) for r in recordings]}, file)
        file.flush()
        done = subprocess.run([os.environ["FAREBOX_BIN"], "bill", "--json", file.name], capture_output=True,
                              text=True, timeout=500)
    if done.returncode not in (0, 65) or not done.stdout:
        sys.exit("farebox bill: exit %d\n%s" % (done.returncode, done.stderr))
    return {bill["id"]: bill for bill in json.loads(done.stdout)["bills"]}


def load(directory):
    kept, binary = [], 0
    for path in sorted(glob.glob(os.path.join(directory, "*.jsonl"))):
        with open(path, encoding="utf-8") as file:
            for line in file:
                recording = json.loads(line)
                if not recording.get("expected", {}).get("usage_found"):
                    continue
                # AWS event streams, and usage that stands in fields of the head alone.
                if recording["response"].get("body_encoding") == "base64" or \
                        recording["expected"].get("usage_source") == "headers":
                    binary += 1
                else:
                    kept.append(recording)
    return kept, binary


def compare(facts_dir):
    facts = Facts(os.path.join(facts_dir, "prices"))
    recordings, binary = load(os.path.join(facts_dir, "recordings"))
    found = farebox_costs(recordings)
    tally, wrong, only_one, waits = {}, [], {}, waiting()
    for recording in recordings:
        bill, (costs, card) = found[recording["id"]], costs_of(facts, recording)
        name = "%s %s %s" % (recording["provider"], recording["api"],
                             recording["expected"].get("model") or recording["expected"].get("request_model"))
        ours = arithmetic.picodollars(Fraction(bill["costUsd"])) if bill["priced"] else None
        how = next((word for word, cost in costs.items() if cost == ours), None)
        if ours is not None and how:
            tally[how] = tally.get(how, 0) + 1
        elif ours is not None and costs and recording["id"] in waits:
            tally["by neither"] = tally.get("by neither", 0) + 1
        elif ours is not None and costs:
            wrong.append("%s %s: farebox %s, here %s" % (recording["id"], name, bill["costUsd"], ", ".join(
                "%s %s" % (w, arithmetic.decimal(Fraction(c, 10**12))) for w, c in costs.items())))
        elif ours is None and not costs:
            tally["by neither"] = tally.get("by neither", 0) + 1
        else:
            key = ("only farebox", name) if costs == {} else ("only here", name)
            only_one[key] = only_one.get(key, 0) + 1
    return recordings, binary, tally, wrong, only_one


def main():
    facts_dir = sys.argv[1] if len(sys.argv) > 1 else \
        os.environ.get("FAREBOX_FACTS_DIR", os.path.join(os.path.dirname(ROOT), "shared"))
    if not os.path.isdir(os.path.join(facts_dir, "recordings")):
        print("skipping: no recordings in %s; set FAREBOX_FACTS_DIR" % facts_dir)
        return 0
    recordings, binary, tally, wrong, only_one = compare(facts_dir)
    for line in wrong:
        print("DIFFERS " + line)
    for (who, name), count in sorted(only_one.items()):
        print("%s: %s (%d)" % (who, name, count))
    same = sum(count for word, count in tally.items() if word != "by neither")
    print("%d recordings: %d cost the same (%s), %d differ; %d priced by one alone, %d by neither; "
          "%d more are not text" % (len(recordings), same, ", ".join(
              "%d %s" % (c, w) for w, c in sorted(tally.items()) if w != "by neither"), len(wrong),
              sum(only_one.values()), tally.get("by neither", 0), binary))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
