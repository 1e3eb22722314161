"""What a usage costs, by the rules of the providers' price pages, in exact fractions.

A second opinion: it shares nothing with farebox, reads the published prices as they
stand in price_facts.json, and applies these rules to them:

  parts     cached, cache-write, audio and image tokens are parts of the input; reasoning,
            audio and image tokens parts of the output. A part is cut down to its whole,
            taken off it, and charged at its own price. Where it isn't said how much of
            the audio or of the images was cached, as little as the totals allow is.
  size      a card "above N input tokens" replaces the one below for the whole request,
            output included, when ALL its input tokens are more than N.
  tier      the tier the REPLY names. One that isn't sold or isn't known: the standard price,
            estimated.
  fallback  a price that isn't published: cache reads and writes, audio and images in cost
            what input costs; the one-hour cache write what the five-minute one costs;
            reasoning, audio and images out what output costs.
  Claude    the one-hour cache write is twice the input price. Anthropic's batches cost half
            of everything; its web searches 10 USD per 1,000 requests, and web fetches nothing.
  batches   of OpenAI and Google cost half, media and long prompts too.
  Google    A search is charged once for a prompt that was grounded, from Gemini 3 on for each
            query.
  OpenAI    file search costs 2.50 USD for 1,000 calls, a code interpreter what a container's
            session does; calls can share one, so that is an estimate.
  Sonar     the price by search context size is a fee for the request; deep research pays for
            each search instead.
  images    a price by the pixel is a conversion of the price by the image, which is told in
            tenths of a cent: pixels times price, rounded to that.
  said cost where the provider states its own cost, that is the cost.

The sum of all lines is rounded once, half up, to 12 decimals (picodollars).
"""

from fractions import Fraction

MILLION = 1_000_000
FALLBACK = {"cache_read": "input", "cache_write_5m": "input", "cache_write_1h": "cache_write_5m",
            "audio_input": "input", "image_input": "input", "audio_cache_read": "cache_read",
            "audio_cache_write": "cache_write_5m", "reasoning": "output", "audio_output": "output",
            "image_output": "output"}
TIERS = {"": "standard", "default": "standard", "standard": "standard", "on_demand": "standard",
         "priority": "priority", "fast": "priority", "on_demand_priority": "priority",
         "flex": "flex", "on_demand_flex": "flex", "batch": "batch"}
WORDS = {"input": "input", "cache_read": "cached input", "cache_write_5m": "cache write, 5 minutes",
         "cache_write_1h": "cache write, 1 hour", "audio_input": "audio input",
         "audio_cache_read": "cached audio input", "image_input": "image input", "output": "output",
         "reasoning": "reasoning", "audio_output": "audio output", "image_output": "image output",
         "citation": "citations"}
SIZES = ("low", "medium", "high")


class Unpriced(Exception):
    """Something in the usage has no published price."""


def decimal(value):
    """A fraction as a plain decimal, exactly; it must have one."""
    value = Fraction(value)
    scale = 0
    while value.denominator != 1:
        value *= 10
        scale += 1
        if scale > 60:
            raise ValueError("no finite decimal")
    digits = str(abs(value.numerator)).rjust(scale + 1, "0")
    sign = "-" if value < 0 else ""
    if not scale:
        return sign + digits
    return (sign + digits[:-scale] + "." + digits[-scale:]).rstrip("0").rstrip(".")


def picodollars(value):
    """Rounded half up."""
    return int(value * 10**12 + Fraction(1, 2)) if value >= 0 else -int(-value * 10**12 + Fraction(1, 2))


def tier_name(word):
    """The tier of a word in a reply, and whether that word is known."""
    known = TIERS.get((word or "").lower())
    return known or "standard", known is not None


def tiers_of(card):
    """The published rates by tier, with what the rules above add."""
    tiers = {}
    for row in card["per_million_tokens"]:
        prices = {k: Fraction(v) for k, v in row.items() if k not in ("tier", "above_input_tokens")}
        if "claude" in card["model"] and "cache_write_5m" in prices and "input" in prices:
            prices["cache_write_1h"] = 2 * prices["input"]
        tiers.setdefault(row["tier"], {})[row.get("above_input_tokens", 0)] = prices
    if card["provider"] == "anthropic" and "batch" not in tiers:
        tiers["batch"] = {above: {k: v / 2 for k, v in prices.items()}
                          for above, prices in tiers["standard"].items()}
    if card["provider"] in ("gemini", "vertex") and "batch" in tiers:
        for name, whole in (("audio_input", "input"), ("image_output", "output")):
            said = tiers["standard"][0].get(name)
            if said is not None and said != tiers["standard"][0].get(whole):
                tiers["batch"][0].setdefault(name, said / 2)
    if card["provider"] in ("openai", "gemini", "vertex") and "batch" in tiers:
        for above, prices in tiers["standard"].items():
            if above and above not in tiers["batch"]:
                tiers["batch"][above] = {k: v / 2 for k, v in prices.items() if k in tiers["batch"][0]}
    return tiers


def rates_for(card, service_tier, all_input):
    """(tier, above, prices, estimated)"""
    tiers = tiers_of(card)
    tier, known = tier_name(service_tier)
    estimated = not known
    if tier not in tiers:
        tier, estimated = "standard", True
    if tier not in tiers:
        raise Unpriced("no price by tokens")
    above = max(a for a in tiers[tier] if a == 0 or all_input > a)
    return tier, above, tiers[tier][above], estimated


def price_of(prices, name):
    """The price of that kind of tokens, and the kind whose price it is."""
    while name not in prices:
        if name not in FALLBACK:
            raise Unpriced("no price for " + name)
        name = FALLBACK[name]
    return prices[name], name


def token_classes(usage):
    """Every token in exactly one class."""
    def part(name, whole):
        return min(usage.get(name, 0), whole)

    fresh = usage.get("inputTokens", 0)
    read = part("cachedInputTokens", fresh)
    write = part("cacheWriteTokens", fresh - read)
    hour = min(usage.get("cacheWrite1hTokens", 0), write)
    fresh -= read + write
    audio = part("audioInputTokens", usage.get("inputTokens", 0))
    fresh_audio = min(audio, fresh)
    cached_audio = min(audio - fresh_audio, read)
    fresh -= fresh_audio
    image = part("imageInputTokens", fresh)
    out = usage.get("outputTokens", 0)
    reasoning = part("reasoningTokens", out)
    audio_out = part("audioOutputTokens", out - reasoning)
    image_out = part("imageOutputTokens", out - reasoning - audio_out)
    return [("input", fresh - image), ("cache_read", read - cached_audio),
            ("cache_write_5m", write - hour), ("cache_write_1h", hour),
            ("audio_input", fresh_audio), ("audio_cache_read", cached_audio),
            ("image_input", image), ("output", out - reasoning - audio_out - image_out),
            ("reasoning", reasoning), ("audio_output", audio_out), ("image_output", image_out),
            ("citation", usage.get("citationTokens", 0))]


class Bill:
    """Lines and what is known about them. `lines` are dicts as the files have them."""

    def __init__(self):
        self.lines, self.sum, self.priced, self.by = [], Fraction(0), True, set()

    def add(self, what, count, usd, per=1, factor=None):
        amount = Fraction(count) * Fraction(usd) / per * Fraction(factor or 1)
        line = {"what": what, "count": count if isinstance(count, int) else decimal(count),
                "usd": decimal(usd)}
        if per != 1:
            line["per"] = per
        if factor:
            line["times"] = decimal(factor)
        line["amount"] = decimal(amount)
        self.lines.append(line)
        self.sum += amount


def factor_of(card, usage, bill):
    factors = card.get("multipliers") or {}
    factor = Fraction(1)
    geo, speed = usage.get("inferenceGeo", ""), usage.get("speed", "")
    if geo not in ("", "global", "not_available"):
        if "inference_geo=" + geo in factors:
            factor *= Fraction(factors["inference_geo=" + geo])
        else:
            bill.by.add("price_place")
    if speed not in ("", "standard"):
        if "speed=" + speed not in factors:
            raise Unpriced("no price for speed " + speed)
        factor *= Fraction(factors["speed=" + speed])
    return None if factor == 1 else factor


def add_tokens(bill, card, usage, whole_usage, label=""):
    classes = [(name, count) for name, count in token_classes(usage) if count]
    if not classes:
        return
    _, _, prices, estimated = rates_for(card, whole_usage.get("serviceTier"), usage.get("inputTokens", 0))
    if estimated:
        bill.by.add("price_tier")
    factor = factor_of(card, whole_usage, bill)
    for name, count in classes:
        usd, found = price_of(prices, name)
        if name.startswith("audio_cache") and found != name and "audio_input" in prices:
            bill.by.add("price_class")
        bill.add(label + WORDS[name], count, usd, MILLION, factor)


def search_price(card, usage, bill, units):
    sized = {s: units["web_search_" + s] for s in SIZES if "web_search_" + s in units}
    if not sized:
        raise Unpriced("no price for a search")
    said = usage.get("searchContext")
    if said not in sized:
        said = "medium"
        if len(set(sized.values())) > 1:
            bill.by.add("price_size")
    return sized[said]


def add_pieces(bill, card, usage, units):
    counts = usage.get("units", {})
    if counts.get("seconds") and not usage.get("audioInputTokens") and not usage.get("audioOutputTokens"):
        bill.add("seconds of audio", Fraction(counts["seconds"]), units["second_input"])
    if counts.get("characters") and not usage.get("inputTokens"):
        bill.add("characters", counts["characters"], units["character_input"])
    if counts.get("queries") and ("query" in units or not usage.get("inputTokens")) and \
            "deep-research" not in card["model"]:
        bill.add("searches", counts["queries"], units["query"])
    if counts.get("images") and not usage.get("outputTokens"):
        add_images(bill, card, usage, units, counts["images"])
    if counts.get("pages"):
        bill.add("pages read", counts["pages"], units["page_ocr"])
    if counts.get("annotatedPages"):
        bill.add("pages annotated", counts["annotatedPages"], units["page_annotation"])
    if "request" in units:
        bill.add("request", 1, units["request"])
    elif counts.get("queries") and "deep-research" in card["model"]:
        bill.add("searches", counts["queries"], search_price(card, usage, bill, units))
    elif card["provider"] == "perplexity" and "web_search_medium" in units and \
            "deep-research" not in card["model"]:
        size = usage.get("searchContext")
        bill.add("request, %s search context" % (size or "medium"), 1, search_price(card, usage, bill, units))


def add_images(bill, card, usage, units, images):
    if "pixel_input" in units:
        wide, high = card["variant"].split("/")[-1].split("-x-")
        exact = int(wide) * int(high) * Fraction(units["pixel_input"])
        bill.add("images", images, Fraction(int(exact * 1000 + Fraction(1, 2)), 1000))
    else:
        bill.add("images", images, units.get("image_output", units.get("image_input")))


def add_tool(bill, cards, card, usage, kind, count, units):
    if kind == "web_fetch" and card["provider"] == "anthropic":
        bill.add("web fetches", count, 0)
    elif kind == "web_search":
        if card["provider"] == "anthropic":
            units = dict(units, web_search_medium="0.01")
        grounded_prompt = card["provider"] in ("gemini", "vertex") and \
            units.get("web_search_unit") != "per_query"
        usd = search_price(card, usage, bill, units)
        bill.add("grounded prompt" if grounded_prompt else "web searches",
                 1 if grounded_prompt else count, usd)
    elif kind == "file_search" and card["provider"] == "openai":
        bill.add("file searches", count, Fraction("2.5"), 1000)
    elif kind == "code_interpreter" and card["provider"] == "openai":
        bill.by.add("tool_sessions")
        bill.add("code interpreter sessions", count, cards["openai/container"]["per_unit"]["code_interpreter_session"])
    else:
        raise Unpriced("no price for the tool " + kind)


def bill_for(cards, card, usage):
    """The bill of a usage in the files' own words. `cards`: id -> card."""
    bill = Bill()
    if usage is not None and usage.get("reportedCostUsd") is not None:
        bill.add("as the provider states it", 1, usage["reportedCostUsd"])
        return bill
    if usage is None or card is None:
        bill.priced = False
        return bill
    units = card.get("per_unit") or {}
    steps = [lambda: add_tokens(bill, card, usage, usage),
             lambda: add_pieces(bill, card, usage, units)]
    for extra in usage.get("extras", []):
        own = cards.get("%s/%s" % (card["provider"], extra["model"])) if extra.get("model") else card
        label = extra["type"].replace("_", " ") + ", "
        if own is None:
            bill.priced = False
            continue
        steps.append(lambda own=own, extra=extra, label=label: add_tokens(bill, own, extra, usage, label))
        if extra.get("count"):
            steps.append(lambda own=own, extra=extra: add_tool(
                bill, cards, own, usage, extra["type"], extra["count"], own.get("per_unit") or {}))
    for step in steps:
        try:
            step()
        except (Unpriced, KeyError):
            bill.priced = False
    return bill
