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
 5. Everything else in prices-all.jsonl is added as it is. Where one id has several entries
    the one whose key names the provider is taken (Bedrock's own keys have no such prefix).
    Left out is what has no price, and what says zero without being free (NOT_FREE).
 6. Rows of the source that can't be a price are dropped (DROPPED_ROWS).
 7. Azure AI Foundry ("azure-ai") and Azure OpenAI are one seller to traffic: azure.
 8. Sized images are priced per image: prices per pixel are conversions of those and are
    turned back; a generation price under image_input becomes image_output.
 9. Bedrock's geographies of recent Claude models cost 10 % more than global; those without
    an entry get a card that marks its bills as estimates. Vertex's regional endpoints of the
    same models: a factor, as the host tells them from the global one.
10. A batch row is given its long-context row where batch is half of the standard price.
11. OpenAI's tools: a container session as in the entry "container", file search at 2.50 per
    1,000 calls (OpenAI's price page), for every chat model of OpenAI and Azure.
12. Anthropic's web search at 10 USD per 1,000 where the source forgets it.
13. Gemini before 3 charges a grounded prompt once, Gemini 3 each query.
"""

import json
import re
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

VERSION = "2026-11-21.2"
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
    "openai/davinci-002": ["davinci:2023-07-21-v2"],
    "openai/babbage-002": ["babbage:2023-07-21-v2"],
    "vertex/claude-3-7-sonnet@20250219": ["claude-3-7-sonnet-20250219"],
    "azure/Cohere-embed-v3-english": ["embed-english-v3.0"],
}

# Zero in the source for want of a price: sold by time, in a preview, or not published. What is
# free in fact (Ollama, moderation, :free) stays.
NOT_FREE = re.compile(
    r"(volcengine|gigachat|sagemaker|fireworks)/|bedrock/anthropic\.claude-mythos-preview$|"
    r"openrouter/openrouter/(auto|bodybuilder)$|gemini/lyria-|vertex/meta/|"
    r"scaleway/openai/whisper-|gemini/gemini-1\.5-flash$")

# Incomplete: the router's fee alone, without the model it chooses.
NOT_WHOLE = {"azure/model_router", "azure/model-router", "openai/container", "azure/container"}

# Units of the source that say nothing a reply could be billed by.
UNUSED_UNIT = re.compile(r"dbu_|other:|credit_|.*_above_128k$|second_output_1080p$")

# Claude from 4.5 on: regional endpoints cost 10 % more.
RECENT_CLAUDE = re.compile(r"claude-(sonnet|haiku|opus)-(4-[5-9]|[5-9])|claude-fable-")
GEOGRAPHIES = ("us", "eu", "jp", "au", "apac")

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
        if not any(name.startswith("web_search") for name in units):
            units.update({f"web_search_{size}": "0.01" for size in ("low", "medium", "high")})
            comments.append("web search: 10 USD per 1,000, as for every Claude model")
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
        long_rows = [r for r in rows if r["tier"] == "standard" and "above_input_tokens" in r]
        if batch and all(Decimal(batch[n]) * 2 == Decimal(standard[n]) for n in ("input", "output")
                         if n in batch and n in standard):
            for row in long_rows:
                if row_of(rows, "batch", row["above_input_tokens"]) is None:
                    rows.append({k: ("batch" if k == "tier" else v if k == "above_input_tokens"
                                     else times(v, Decimal("0.5"))) for k, v in row.items()
                                 if k in batch or k == "above_input_tokens"})
                    comments.append(f"batch above {row['above_input_tokens']}: half of the standard price")
    if provider == "perplexity" and "deep-research" in fact["model"]:
        fact["per_query"] = True
    elif provider == "perplexity" and "sonar" in fact["model"] and "request" not in units:
        for size in ("low", "medium", "high"):
            if f"web_search_{size}" in units:
                units[f"request_{size}"] = units.pop(f"web_search_{size}")


def image_units(fact, units, comments):
    """Prices of sized images per image."""
    size = re.search(r"(\d+)-x-(\d+)", fact.get("variant", ""))
    pixels = int(size.group(1)) * int(size.group(2)) if size else 0
    if fact["mode"] != "image" or not pixels:
        return
    per_pixel = {name: units.pop(name) for name in ("pixel_input", "pixel_output") if name in units}
    if "image_input" in units and "image_output" not in units:
        units["image_output"] = units.pop("image_input")
    elif per_pixel and "image_output" not in units:
        exact = sum(Decimal(price) for price in per_pixel.values()) * pixels
        short = exact.quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
        if abs(short - exact) * 200 > exact:
            short = exact.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
        units["image_output"] = decimal_text(short)
        comments.append(f"per image: {pixels} pixels at {max(per_pixel.values())}")


def tool_units(fact, units, comments):
    """OpenAI's tools, which the source prices apart from models."""
    if fact["provider"] not in ("openai", "azure") or fact["mode"] not in ("chat", "responses"):
        return
    if fact["provider"] == "azure" and not re.match(r"gpt-|o\d|codex", fact["model"]):
        return
    units.setdefault("code_interpreter_session", "0.03")
    units.setdefault("file_search_1k_calls", "2.5")


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
    for name in [name for name in units if UNUSED_UNIT.match(name)]:
        comments.append(f"{name} {units.pop(name)} left out")
    image_units(fact, units, comments)
    tool_units(fact, units, comments)
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
    factors = dict(fact.get("multipliers") or {})
    if fact["provider"] == "vertex" and RECENT_CLAUDE.match(fact["model"]):
        factors["data_residency=*"] = "1.1"
    google = fact["provider"] in ("gemini", "vertex") and fact["model"].startswith("gemini")
    card = {"id": fact["id"], "provider": fact["provider"], "model": fact["model"],
            "region": fact.get("region"), "variant": fact.get("variant"),
            "aliases": sorted(fact.get("aliases", []) + EXTRA_ALIASES.get(fact["id"], [])),
            "mode": fact["mode"]}
    for key in ("context_window", "max_output_tokens", "embedding_dimensions", "cache_min_tokens",
                "tokenizer", "tokenizer_public"):
        card[key] = fact.get(key)
    card["rates"] = [{k: row[k] for k in ["tier", "above_input_tokens", *CLASSES] if k in row} for row in rows]
    card["units"] = dict(sorted(units.items()))
    card["web_search_per_query"] = per_query or fact.get("per_query")
    card["web_search_per_prompt"] = (google and "web_search_medium" in units and not per_query) or None
    card["estimated"] = fact.get("estimated")
    card["factors"] = factors
    card["deprecation_date"] = fact.get("deprecation_date")
    card["price_page"] = fact.get("price_page")
    card["source"] = source
    card["date"] = CAPTURED[source]
    card["comment"] = "; ".join(fact.get("comments", []) + comments)
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


def everything_else(facts, everything):
    """Every other entry with a price, one for each provider, model, region and variant."""
    known = {(f["provider"], name, f.get("region"), f.get("variant"))
             for f in facts for name in [f["model"], *f.get("aliases", [])]}
    chosen = {}
    for entry in everything:
        seller = SELLERS.get(entry["provider"], entry["provider"])
        entry = {**entry, "provider": seller, "id": entry["id"].replace(entry["provider"] + "/", seller + "/", 1)}
        key = (seller, entry["model"], entry.get("region"), entry.get("variant"))
        named = "/" in entry["source_key"] and not entry["source_key"].startswith(("codestral/", "text-completion"))
        if seller == "bedrock":
            named = not entry["source_key"].startswith("bedrock/") or "region" in entry
        if key in known or not has_price(entry):
            continue
        if key not in chosen or (named and key[:2] != ("azure", "gpt-5.5")):
            chosen[key] = entry
    return chosen.values()


def has_price(entry):
    prices = [v for row in entry["per_million_tokens"] for k, v in row.items() if k not in ("tier", "above_input_tokens")]
    prices += [v for k, v in entry.get("per_unit", {}).items() if k != "web_search_unit" and not UNUSED_UNIT.match(k)]
    return bool(prices) and entry["id"] not in NOT_WHOLE and not (
        all(Decimal(price) == 0 for price in prices) and NOT_FREE.match(entry["id"]))


def geographies(facts):
    """Bedrock's regional inference profiles of recent Claude models that the source lacks."""
    known = {name for f in facts if f["provider"] == "bedrock" for name in [f["model"], *f.get("aliases", [])]}
    for fact in facts:
        world = re.match(r"global\.(anthropic\..*)$", fact["model"])
        if fact["provider"] != "bedrock" or not world or not RECENT_CLAUDE.search(fact["model"]):
            continue
        for place in GEOGRAPHIES:
            name = f"{place}.{world.group(1)}"
            if name in known:
                continue
            rows = [{k: v if k in ("tier", "above_input_tokens") else times(v, Decimal("1.1"))
                     for k, v in row.items()} for row in fact["per_million_tokens"]]
            yield {**fact, "id": f"bedrock/{name}", "model": name, "aliases": [], "estimated": True,
                   "per_million_tokens": rows,
                   "comments": [f"10 % above {fact['model']}, as regional endpoints of recent models are"]}


FREE_ROUTE = {"id": "openrouter/*:free", "provider": "openrouter", "model": "*:free", "mode": "chat",
              "per_million_tokens": [{"tier": "standard", "input": "0", "output": "0"}],
              "comments": ["every model with :free at the end"]}


def main():
    facts_dir = Path(sys.argv[1])
    facts = json.loads((facts_dir / "prices.json").read_text())["models"]
    everything = [json.loads(line) for line in (facts_dir / "prices-all.jsonl").read_text().splitlines()]
    for entry in everything:
        entry["mode"] = entry["mode"] or "chat"
    facts += list(split_moving_names(facts))
    facts += list(add_snapshots(facts, everything))
    facts += list(everything_else(facts, everything))
    facts += list(geographies(facts))
    facts.append(FREE_ROUTE)

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
