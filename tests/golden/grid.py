"""The combinations: {cache none, read, 5 minutes, 1 hour} x {below, above the size from which
long prompts cost more} x {standard, flex, priority, batch} x {text, audio, image, reasoning,
tools}, for models where such prices exist."""

import itertools

import arithmetic
import replies
from book import chat_request, generate_request, message_request

CACHES = ("none", "read", "write5m", "write1h", "both")
TIERS = ("standard", "flex", "priority", "batch")
KINDS = ("text", "audio", "image", "reasoning", "tools")


def usage_of(number, cache, size, tier_word, kind, threshold):
    """Counts that are never round, so that no two lines look alike."""
    spread = 37 * number + 11
    whole = (threshold + 1 + 3 * spread) if size == "above" else min(threshold, 40_000) - 5 - 7 * spread
    usage = {"inputTokens": whole, "outputTokens": 701 + 13 * number}
    if cache in ("read", "both"):
        usage["cachedInputTokens"] = whole // 3 + 1
    if cache in ("write5m", "write1h", "both"):
        usage["cacheWriteTokens"] = whole // 5 + 2
        if cache == "write1h":
            usage["cacheWrite1hTokens"] = usage["cacheWriteTokens"]
        elif cache == "both":
            usage["cacheWrite1hTokens"] = usage["cacheWriteTokens"] // 2
    if kind == "audio":
        usage["audioInputTokens"] = whole // 7
    elif kind == "image":
        usage["imageInputTokens"] = whole // 9
    elif kind == "reasoning":
        usage["reasoningTokens"] = 512 + 5 * number
    if tier_word:
        usage["serviceTier"] = tier_word
    return usage


def is_plain(card, usage):
    """False where the published tables leave open what a tier or a size charges: the standard
    card has a price of its own for that kind of tokens, and this row doesn't."""
    tier, above, prices, estimated = arithmetic.rates_for(card, usage.get("serviceTier"), usage["inputTokens"])
    if estimated:
        return True
    tiers = arithmetic.tiers_of(card)
    if tier != "batch" and usage["inputTokens"] > max(tiers["standard"]) > 0 and above == 0:
        return False        # long prompts have a price of their own, but not in this tier
    for name, count in arithmetic.token_classes(usage):
        if count and name not in prices and name in tiers["standard"][0]:
            return False
    return True


def cells(book, card_id, threshold, caches, words, kinds, sizes=("below", "above")):
    """Each plain combination: (number, name, words about it, usage)."""
    card = book.cards[card_id]
    number = 0
    for size, tier, cache, kind in itertools.product(sizes, TIERS, caches, kinds):
        if tier not in words:
            continue
        number += 1
        usage = usage_of(number, cache, size, words[tier], kind, threshold)
        if is_plain(card, usage):
            name = "-".join((size, tier, cache, kind))
            about = "%s; %s tier; cache: %s; %s" % (
                {"below": "a prompt of usual size", "above": "more than %d input tokens" % threshold}[size],
                tier, cache, kind)
            yield number, name, about, usage


def claude(book):
    book.theme("grid_claude", "Claude Sonnet 4.5: cache reads and writes, long prompts, batches, thinking and searches")
    model = "claude-sonnet-4-5"
    words = {"standard": "standard", "batch": "batch", "priority": "priority"}
    for number, name, about, usage in cells(book, "anthropic/" + model, 200_000, CACHES, words,
                                            ("text", "reasoning", "tools")):
        if usage["serviceTier"] == "priority" and name.endswith(("reasoning", "tools")):
            continue        # its price isn't public: a few bills show the estimate
        calls = 0
        if name.endswith("tools"):
            usage["extras"] = [{"type": "web_search", "count": 1 + number % 3}]
            calls = 1
        book.add("claude-" + name, about, "anthropic/" + model, message_request(model),
                 replies.message(model + "-20250929", usage, calls=calls), usage, model=model + "-20250929")


def gpt(book):
    book.theme("grid_gpt", "GPT-5.6 and its relatives: cache reads and writes, long prompts, flex, priority and batch")
    words = {"standard": "default", "flex": "flex", "priority": "priority", "batch": "batch"}
    kinds = ("text", "image", "reasoning", "tools")
    for card, threshold, caches in (("gpt-5.6", 272_000, ("none", "read", "write5m")),
                                    ("gpt-5.4", 272_000, ("none", "read"))):
        for number, name, about, usage in cells(book, "openai/" + card, threshold, caches, words, kinds):
            calls = 2 if name.endswith("tools") else 0
            if number % 2 and not name.endswith("image"):
                path = {"path": "/v1/responses", "body": {"model": card, "input": "Do it, please."}}
                reply = replies.responses(card, usage, calls=calls)
            else:
                path, reply = chat_request("openai", card), replies.chat(card, usage, calls=calls)
            book.add("%s-%s" % (card, name), about, "openai/" + card, path, reply, usage)


def azure(book):
    book.theme("grid_azure", "GPT-5.5 on Azure: long prompts in the standard and the priority tier")
    words = {"standard": "default", "priority": "priority"}
    for number, name, about, usage in cells(book, "azure/gpt-5.5", 272_000, ("none", "read"), words,
                                            ("text", "reasoning", "tools")):
        path = "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
        book.add("azure-" + name, about, "azure/gpt-5.5", {"path": path, "body": {"messages": [
            {"role": "user", "content": "Do it, please."}]}},
            replies.chat("gpt-5.5-2026-04-23", usage, calls=2 if name.endswith("tools") else 0), usage,
            model="gpt-5.5-2026-04-23")


def gemini(book):
    book.theme("grid_gemini", "Gemini 3 Pro and 3.1 Flash-Lite: cached content, long prompts, tiers, media, thoughts and tools")
    words = {"standard": "standard", "flex": "flex", "priority": "priority", "batch": "batch"}
    for model, threshold, sizes in (("gemini-3-pro-preview", 200_000, ("below", "above")),
                                    ("gemini-3.1-flash-lite", 1_000_000, ("below",))):
        for _, name, about, usage in cells(book, "gemini/" + model, threshold, ("none", "read"), words, KINDS, sizes):
            if "flex" in name and model == "gemini-3-pro-preview" and not name.endswith("text"):
                continue    # not sold: two bills show the estimate
            if name.endswith("tools"):
                usage["toolUseInputTokens"] = usage["inputTokens"] // 11
            book.add("%s-%s" % (model, name), about, "gemini/" + model, generate_request("gemini", model),
                     replies.generate(model, usage, calls=1 if name.endswith("tools") else 0), usage)


def vertex(book):
    book.theme("grid_vertex", "Gemini on Vertex AI: the traffic type names the tier")
    words = {"standard": "ON_DEMAND", "priority": "ON_DEMAND_PRIORITY"}
    model = "gemini-3-pro-preview"
    for _, name, about, usage in cells(book, "vertex/" + model, 200_000, ("none", "read"), words,
                                       ("text", "image", "reasoning")):
        book.add("vertex-" + name, about, "vertex/" + model, generate_request("vertex", model),
                 replies.generate(model, usage, traffic=True), usage)


def write(book):
    for part in (claude, gpt, azure, gemini, vertex):
        part(book)
