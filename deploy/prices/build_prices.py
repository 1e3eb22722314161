#!/usr/bin/env python3
"""Builds config/prices.json, the price table inside farebox, from a directory of price facts.

    deploy/prices/build_prices.py FACTS_DIR > config/prices.json

FACTS_DIR holds prices.json, prices-all.jsonl and README.md (public price tables in a
neutral form, compared with each other). The same facts always give the same bytes.
The schema of the output is described in config/price_reader.hpp.

What is changed on the way, and why; each card says so in its "comment":

 1. Where at least two other tables agree against the source, they are followed,
    except where NOT_FOLLOWED says why not. Other tiers and sizes of the card that carry
    the same token class move in proportion.
 2. Prices with more than 12 decimals per million tokens (18 per unit) are remains of
    floating-point conversions and are rounded, half up.
 3. Rules that the facts state in words become data: Claude's one-hour cache write is
    twice the input price; Anthropic's batch is half of everything; media tokens in OpenAI's
    and Google's batches are half of the standard price; Sonar's fee per request; Claude's
    web fetch, which costs nothing beyond its tokens.
 4. Dated snapshots of a model in the table are added: as an alias where every price they
    publish is the model's, else with a card of their own (gpt-4o-2024-05-13). So taking
    the date off a name is the last resort of a lookup, for snapshots nobody has listed.
 5. Models that recorded traffic names and prices.json lacks are added (EXTRA_MODELS).
 6. Rows of the source that can't be a price are dropped (DROPPED_ROWS).
"""

import json
import re
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

VERSION = "2026-11-21.1"
CAPTURED = {"litellm": "2026-08-01", "genai-prices": "2026-08-21"}

CLASSES = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning",
           "audio_input", "audio_cache_read", "audio_cache_write", "audio_output",
           "image_input", "image_output", "video_output", "citation"]
MEDIA = {"audio_input": "input", "image_input": "input",
         "audio_output": "output", "image_output": "output"}
TIERS = ["standard", "batch", "flex", "priority"]

# Where the other tables agree and are wrong all the same: (pattern of ids, classes or None for all, reason).
NOT_FOLLOWED = [
    (r"gemini/.*-image(-preview)?$", {"output"},
     "others put the image price into output; image_output has it"),
    (r"bedrock/us\.", None, "others list the global price; regional endpoints cost 10 % more"),
    (r"mistral/(mistral-medium|ministral-8b)-latest$", None,
     "-latest has moved on to the dated alias of this card; others price the model before it"),
    (r"openrouter/openai/gpt-oss-120b$", None,
     "others agree on half of the pair only; OpenRouter's route moves, and it states its own cost"),
]

DROPPED_ROWS = {("openai/gpt-5-nano", "priority"): "a priority row without output, at 50 times the input price"}

# Names that replies carry for a model in the table, besides snapshots.
EXTRA_ALIASES = {
    "openai/text-embedding-ada-002": ["text-embedding-ada-002-v2"],
    "openai/davinci-002": ["davinci:2023-07-21-v2"],
    "openai/babbage-002": ["babbage:2023-07-21-v2"],
    "vertex/claude-3-7-sonnet@20250219": ["claude-3-7-sonnet-20250219"],
    "azure/Cohere-embed-v3-english": ["embed-english-v3.0"],
}

# Models beyond prices.json that real traffic was seen to name: entries of prices-all.jsonl.
# gemini/gemini-1.5-flash isn't among them: its entry gives the output away.
EXTRA_MODELS = """
azure-ai/Cohere-embed-v3-english azure-ai/grok-4-1-fast-non-reasoning
bedrock/amazon.nova-2-multimodal-embeddings-v1:0 bedrock/amazon.titan-text-express-v1
bedrock/amazon.titan-text-lite-v1 bedrock/anthropic.claude-3-sonnet-20240229-v1:0
bedrock/anthropic.claude-v2:1 bedrock/cohere.command-light-text-v14 bedrock/cohere.command-r-v1:0
bedrock/cohere.command-text-v14 bedrock/cohere.embed-multilingual-v3 bedrock/google.gemma-3-27b-it
bedrock/meta.llama2-13b-chat-v1 bedrock/mistral.devstral-2-123b bedrock/moonshot.kimi-k2-thinking
bedrock/qwen.qwen3-32b-v1:0 bedrock/us.mistral.pixtral-large-2502-v1:0 bedrock/us.writer.palmyra-x4-v1:0
cohere/command cohere/command-light cohere/embed-english-light-v3.0 cohere/rerank-english-v2.0
mistral/mistral-tiny mistral/pixtral-12b-2409
openai/gpt-4-0125-preview openai/gpt-4-1106-preview openai/gpt-4-turbo-preview
openrouter/anthropic/claude-3.5-sonnet openrouter/google/gemini-3.1-flash-lite-preview
openrouter/openai/gpt-4.1-mini openrouter/openai/gpt-oss-20b
perplexity/pplx-embed-v1-0.6b
together/meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo together/mistralai/Mixtral-8x7B-Instruct-v0.1
vertex/claude-3-7-sonnet@20250219 vertex/gemini-embedding-2 vertex/text-embedding-004
voyage/rerank-2-lite voyage/voyage-3-lite voyage/voyage-multimodal-3
xai/grok-beta
""".split()

# Other names of the source for a seller of ours.
SELLERS = {"azure-ai": "azure"}

# Snapshots whose entry is the regional price, 10 % above the global one its model's card has.
REGIONAL_SNAPSHOTS = {"azure/gpt-4o-2024-11-20"}

DATED = re.compile(r"^(.+?)(?:-20\d\d-\d\d-\d\d|-20\d{6}|@20\d{6})$")


def decimal_text(value):
    """The shortest plain decimal: no exponent, no trailing zeros."""
    text = format(value.normalize(), "f")
    return "0" if text in ("-0", "") else text


def rounded(text, places):
    """The price as a plain decimal of at most so many places, and whether that changed it."""
    value = Decimal(text)
    short = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return decimal_text(short), short != value


def times(text, factor):
    return rounded(str(Decimal(text) * factor), 12)[0]


def row_of(rows, tier, above=None):
    for row in rows:
        if row["tier"] == tier and row.get("above_input_tokens") == above:
            return row
    return None


def follow_others(fact, rows, comments):
    """Takes the price that at least two other tables agree on."""
    agreed = fact.get("others_agree_on", {})
    standard = row_of(rows, "standard")
    for name, value in agreed.items():
        reason = next((why for pattern, classes, why in NOT_FOLLOWED
                       if re.match(pattern, fact["id"]) and (classes is None or name in classes)), None)
        was = standard.get(name)
        if reason:
            comments.append(f"{name} {was}, others {value}: kept, {reason}")
            continue
        comments.append(f"{name} {was or 'absent'} in the source, {value} in at least two others: followed")
        standard[name] = value
        for row in rows:
            if row is not standard and was and Decimal(was) and name in row:
                row[name] = times(row[name], Decimal(value) / Decimal(was))


def derive(fact, rows, units, comments):
    """Rules that the facts state in words."""
    provider, claude = fact["provider"], "claude" in fact["model"]
    if claude:
        for row in rows:
            twice = times(row["input"], 2)
            if "cache_write_5m" in row and row.get("cache_write_1h") != twice:
                comments.append(f"{row['tier']} cache_write_1h {row.get('cache_write_1h', 'absent')} in the "
                                f"source: {twice}, twice the input price")
                row["cache_write_1h"] = twice
    if provider == "anthropic":
        units["web_fetch"] = "0"
        if row_of(rows, "batch") is None:
            comments.append("batch: half of everything")
            rows.extend({k: ("batch" if k == "tier" else v if k == "above_input_tokens" else times(v, Decimal("0.5")))
                         for k, v in row.items()} for row in list(rows) if row["tier"] == "standard")
    if provider in ("openai", "gemini", "vertex") and not claude:
        standard, batch = row_of(rows, "standard"), row_of(rows, "batch")
        for name, base in MEDIA.items():
            if batch and name in standard and name not in batch and standard[name] != standard.get(base):
                batch[name] = times(standard[name], Decimal("0.5"))
                comments.append(f"batch {name}: half of the standard price")
    if provider == "perplexity" and "sonar" in fact["model"] and "request" not in units:
        for size in ("low", "medium", "high"):
            if f"web_search_{size}" in units:
                units[f"request_{size}"] = units.pop(f"web_search_{size}")


def card_of(fact):
    """One line of our table from one fact."""
    comments = []
    rows = []
    for row in fact["per_million_tokens"]:
        dropped = DROPPED_ROWS.get((fact["id"], row["tier"]))
        if dropped:
            comments.append(f"{row['tier']} left out: {dropped}")
        else:
            rows.append(dict(row))
    units = dict(fact.get("per_unit", {}))
    per_query = units.pop("web_search_unit", None) == "per_query"
    if rows:
        follow_others(fact, rows, comments)
        derive(fact, rows, units, comments)

    for row in rows:
        for name in CLASSES:
            if name in row:
                row[name], changed = rounded(row[name], 12)
                if changed:
                    comments.append(f"{name} rounded to 12 decimals")
    for name in units:
        units[name], changed = rounded(units[name], 18)
        if changed:
            comments.append(f"{name} rounded to 18 decimals")
    if re.search(r"/(gpt-5\.6-(terra|luna)|claude-sonnet-5)$", fact["id"]) and "disputed" in fact:
        others = sorted({f"{k} {v} ({t})" for k, d in fact["disputed"].items() for t, v in d.items()})
        comments.append("check before use: " + ", ".join(others))

    rows.sort(key=lambda row: (TIERS.index(row["tier"]), row.get("above_input_tokens", 0)))
    source = fact.get("source", "litellm")
    card = {"id": fact["id"], "provider": fact["provider"], "model": fact["model"],
            "variant": fact.get("variant"),
            "aliases": sorted(fact.get("aliases", []) + EXTRA_ALIASES.get(fact["id"], [])),
            "mode": fact["mode"]}
    for key in ("context_window", "max_output_tokens", "embedding_dimensions", "cache_min_tokens",
                "tokenizer", "tokenizer_public"):
        card[key] = fact.get(key)
    card["rates"] = [{k: row[k] for k in ["tier", "above_input_tokens", *CLASSES] if k in row} for row in rows]
    card["units"] = dict(sorted(units.items()))
    card["web_search_per_query"] = per_query or None
    card["factors"] = fact.get("multipliers")
    card["deprecation_date"] = fact.get("deprecation_date")
    card["price_page"] = fact.get("price_page")
    card["source"] = source
    card["date"] = CAPTURED[source]
    card["comment"] = "; ".join(comments)
    return {k: v for k, v in card.items() if v not in (None, "", {}) and (v != [] or k == "rates")}


def split_moving_names(facts):
    """Dated aliases of a -latest card keep the source's price when the card follows others."""
    for fact in facts:
        followed = fact.get("others_agree_on") and not any(re.match(p, fact["id"]) for p, _, _ in NOT_FOLLOWED)
        if followed and fact["model"].endswith("-latest") and fact.get("aliases"):
            for alias in fact.pop("aliases"):
                yield {**{k: v for k, v in fact.items() if k not in ("others_agree_on", "disputed")},
                       "id": f"{fact['provider']}/{alias}", "model": alias}


def add_snapshots(facts, everything):
    """Dated snapshots of the models in the table, each an alias or a card of its own."""
    known = {}
    for fact in facts:
        if "variant" not in fact:
            for name in [fact["model"], *fact.get("aliases", [])]:
                known[fact["provider"], name] = fact
    for entry in everything:
        key = entry["provider"], entry["model"]
        dated = DATED.match(entry["model"])
        base = dated and known.get((entry["provider"], dated.group(1)))
        if not base or key in known or "region" in entry or "variant" in entry:
            continue
        rows = {(r["tier"], r.get("above_input_tokens")): r for r in base["per_million_tokens"]}
        same = all(rows.get((r["tier"], r.get("above_input_tokens"))) == r for r in entry["per_million_tokens"])
        agreed = {**row_of(base["per_million_tokens"], "standard"), **base.get("others_agree_on", {})}
        if same or entry["per_million_tokens"] == [agreed] or entry["id"] in REGIONAL_SNAPSHOTS:
            base.setdefault("aliases", []).append(entry["model"])
        else:
            yield entry


def extra_models(everything):
    """The entries that EXTRA_MODELS names; where several have one id, the last, provider-prefixed one."""
    by_id = {entry["id"]: entry for entry in everything}
    for name in EXTRA_MODELS:
        entry = by_id[name]
        seller = SELLERS.get(entry["provider"], entry["provider"])
        yield {**entry, "provider": seller, "id": f"{seller}/{entry['model']}"}


def main():
    facts_dir = Path(sys.argv[1])
    facts = json.loads((facts_dir / "prices.json").read_text())["models"]
    everything = [json.loads(line) for line in (facts_dir / "prices-all.jsonl").read_text().splitlines()]
    facts += list(split_moving_names(facts))
    facts += list(extra_models(everything))
    facts += list(add_snapshots(facts, everything))

    cards = sorted((card_of(fact) for fact in facts), key=lambda card: card["id"])
    head = {"schema": 1, "version": VERSION, "currency": "USD", "token_unit": 1000000,
            "comment": "Built by deploy/prices/build_prices.py; prices are data of BerriAI/litellm and "
                       "pydantic/genai-prices (both MIT). They change weekly: prices.file replaces or extends them."}
    out = ["{"]
    out += [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    out.append(' "models": [')
    lines = ["  " + json.dumps(card, ensure_ascii=False) for card in cards]
    out.append(",\n".join(lines))
    out += [" ]", "}"]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
