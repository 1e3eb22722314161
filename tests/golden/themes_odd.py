"""What goes wrong: parts that don't fit, numbers that are none, usage that never comes, errors,
models nobody knows; and the ends of the scale."""

import replies
from book import ask, chat_request, generate_request, message_request
from replies import LEFT_OUT


def parts(book):
    book.theme("parts", "Parts that don't fit their whole are cut down to it")
    usage = {"inputTokens": 7, "cachedInputTokens": 7, "outputTokens": 161}
    book.add("cached-above-input", "161 cached of 7: the provider hides its own prompt from one of the two",
             "azure/gpt-4.1", ask("/openai/v1/chat/completions", model="gpt-4.1", messages=[
                 {"role": "user", "content": "Do it, please."}]),
             replies.chat("gpt-4.1", usage, {"prompt_tokens_details": {"cached_tokens": 161}}), usage)
    usage = {"inputTokens": 90, "outputTokens": 10, "reasoningTokens": 10}
    book.add("reasoning-above-output", "11 reasoning tokens of 10", "openai/o4-mini", chat_request("openai", "o4-mini"),
             replies.chat("o4-mini", usage, {"completion_tokens_details": {"reasoning_tokens": 11}}), usage)
    usage = {"inputTokens": 100, "audioInputTokens": 100, "outputTokens": 10, "audioOutputTokens": 10}
    book.add("audio-above-input", "more audio than there are tokens", "openai/gpt-audio", chat_request("openai", "gpt-audio"),
             replies.chat("gpt-audio", usage, {"prompt_tokens_details": {"audio_tokens": 101},
                                               "completion_tokens_details": {"audio_tokens": 12}}), usage)
    usage = {"inputTokens": 1_000, "cachedInputTokens": 600, "audioInputTokens": 400, "outputTokens": 10}
    book.add("audio-fits-beside-cached", "what was cached need not have been audio", "gemini/gemini-2.5-flash",
             generate_request("gemini", "gemini-2.5-flash"), replies.generate("gemini-2.5-flash", usage), usage)
    usage = {"inputTokens": 1_000, "cachedInputTokens": 1_000, "imageInputTokens": 600, "outputTokens": 10}
    book.add("image-all-cached", "all was cached, so the images were, and cost what cached text costs",
             "gemini/gemini-2.5-flash", generate_request("gemini", "gemini-2.5-flash"),
             replies.generate("gemini-2.5-flash", usage), usage)
    usage = {"inputTokens": 3_000, "cacheWriteTokens": 1_000, "cacheWrite1hTokens": 1_000, "outputTokens": 10}
    book.add("hour-above-written", "more written for an hour than written at all", "anthropic/claude-haiku-4-5",
             message_request("claude-haiku-4-5"), replies.message("claude-haiku-4-5", usage, {
                 "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1_200}}), usage)
    nothing = {"prompt_tokens_details": None, "completion_tokens_details": None}
    absent = {"prompt_tokens_details": LEFT_OUT, "completion_tokens_details": LEFT_OUT}
    nulls = {"prompt_tokens_details": {"cached_tokens": None, "audio_tokens": None},
             "completion_tokens_details": {"reasoning_tokens": None}}
    for word, more in (("null", nothing), ("absent", absent), ("of-nulls", nulls), ("empty", {
            "prompt_tokens_details": {"cached_tokens": LEFT_OUT, "audio_tokens": LEFT_OUT}})):
        usage = {"inputTokens": 3, "outputTokens": 2}
        book.add("details-" + word, "no parts are said: all is fresh text", "openai/gpt-4.1-mini",
                 chat_request("openai", "gpt-4.1-mini"), replies.chat("gpt-4.1-mini", usage, more), usage)
    usage = {"inputTokens": 30, "outputTokens": 2}
    book.add("cache-null", "null counts of the cache", "anthropic/claude-haiku-4-5", message_request("claude-haiku-4-5"),
             replies.message("claude-haiku-4-5", usage, {"cache_creation_input_tokens": None, "cache_creation": None,
                                                         "cache_read_input_tokens": None}), usage)
    usage = {"inputTokens": 100, "outputTokens": 30}
    book.add("total-only-in", "one side missing follows from the total", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage, {"completion_tokens": LEFT_OUT}), usage)
    usage = {"inputTokens": 25, "outputTokens": 4}
    book.add("whole-floats", "25.0 is 25", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage, {"prompt_tokens": 25.0, "completion_tokens": 4.0}), usage)
    book.add("unknown-fields", "what isn't known in the usage is let be", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage, {"moon_tokens": 1_000_000, "latency_checkpoint": {"engine_ttft_ms": 5}}), dict(usage))
    usage = {"inputTokens": 0, "outputTokens": 0}
    book.add("zero-tokens", "zero that was said is zero", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage), usage)
    usage = {"inputTokens": 18, "outputTokens": 0}
    book.add("blocked-prompt", "a blocked prompt is billed, there is no answer", "gemini/gemini-2.5-flash",
             generate_request("gemini", "gemini-2.5-flash"), replies.as_json({
                 "promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-flash",
                 "usageMetadata": {"promptTokenCount": 18, "totalTokenCount": 18}}), usage)


def unknown(book):
    book.theme("unknown", "Unknown is never zero: no price, or no usage")
    usage = {"inputTokens": 100, "outputTokens": 30}
    for card in ("openai/gpt-nobody-knows", "openai/ft:nobody-knows:acme::1", "anthropic/claude-nobody-knows", "groq/nobody/knows",
                 "gemini/gemini-nobody-knows"):
        provider, _, model = card.partition("/")
        if provider == "anthropic":
            request, reply = message_request(model), replies.message(model, usage)
        elif provider == "gemini":
            request, reply = generate_request(provider, model), replies.generate(model, usage)
        else:
            request, reply = chat_request(provider, model), replies.chat(model, usage)
        book.add("no-price-" + card.replace("/", "-").replace(":", "-"), "a model without a price has no cost", card, request, reply,
                 dict(usage))
    for tier in ("scale", "auto", "moonlight"):
        said = dict(usage, serviceTier=tier)
        book.add("tier-" + tier, "a tier without a published price: the list price, estimated", "openai/gpt-4.1",
                 chat_request("openai", "gpt-4.1"), replies.chat("gpt-4.1", said), said)
    said = dict(usage, serviceTier="flex")
    book.add("tier-not-sold", "flex isn't sold for this model: the list price, estimated", "openai/gpt-4o",
             chat_request("openai", "gpt-4o"), replies.chat("gpt-4o", said), said)
    said = dict(usage, serviceTier="PROVISIONED_THROUGHPUT")
    book.add("tier-provisioned", "provisioned throughput has no price by the token: the list price, estimated",
             "vertex/gemini-2.5-flash", generate_request("vertex", "gemini-2.5-flash"),
             replies.generate("gemini-2.5-flash", said, traffic=True), said)
    # What was said can't be a count: no usage was read, and farebox counts itself.
    for word, value in (("negative", -5), ("fractional", 25.5), ("text", "12"), ("too-large", 2**53 + 1),
                        ("list", [12]), ("true", True)):
        book.add("count-" + word, "no count", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
                 replies.chat("gpt-4.1", usage, {"prompt_tokens": value, "total_tokens": LEFT_OUT}), None)
    book.add("usage-null", "usage: null", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage, top={"usage": None}), None)
    book.add("usage-empty", "usage: {}", "openai/gpt-4.1", chat_request("openai", "gpt-4.1"),
             replies.chat("gpt-4.1", usage, top={"usage": LEFT_OUT}), None)
    book.add("usage-missing-anthropic", "no usage", "anthropic/claude-haiku-4-5", message_request("claude-haiku-4-5"),
             replies.message("claude-haiku-4-5", usage, top={"usage": LEFT_OUT}), None)
    book.add("usage-missing-gemini", "a traffic type alone is no usage", "gemini/gemini-2.5-flash",
             generate_request("gemini", "gemini-2.5-flash"), replies.as_json({
                 "candidates": [{"content": {"role": "model", "parts": [{"text": "It is done."}]},
                                 "finishReason": "STOP"}], "usageMetadata": {"trafficType": "ON_DEMAND"}}), None)
    cut = replies.chat_stream("gpt-4.1", usage)
    cut["body"] = cut["body"].split("data: ")
    cut["body"] = "data: ".join(cut["body"][:3])
    book.add("usage-cut", "a stream that ended before its usage", "openai/gpt-4.1",
             chat_request("openai", "gpt-4.1", stream=True), cut, None)


def errors(book):
    book.theme("free", "What costs nothing: errors, counting, moderation, and models that are free")

    def wrong(status, body):
        return replies.as_json(body, status)
    for status, code in ((400, "invalid_request_error"), (401, "invalid_api_key"), (404, "model_not_found"),
                         (429, "rate_limit_exceeded"), (500, "server_error")):
        book.free("error-openai-%d" % status, "an error costs nothing", "openai", "gpt-4.1",
                  chat_request("openai", "gpt-4.1"),
                  wrong(status, {"error": {"message": "No.", "type": code, "param": None, "code": code}}))
    for status, kind in ((400, "invalid_request_error"), (529, "overloaded_error")):
        book.free("error-anthropic-%d" % status, "an error costs nothing", "anthropic", "claude-haiku-4-5",
                  message_request("claude-haiku-4-5"),
                  wrong(status, {"type": "error", "error": {"type": kind, "message": "No."}}))
    book.free("error-gemini-429", "an error costs nothing", "gemini", "gemini-2.5-flash",
              generate_request("gemini", "gemini-2.5-flash"),
              wrong(429, {"error": {"code": 429, "message": "No.", "status": "RESOURCE_EXHAUSTED"}}))
    book.free("count-anthropic", "counting is free", "anthropic", "claude-haiku-4-5",
              ask("/v1/messages/count_tokens", model="claude-haiku-4-5", messages=[{"role": "user", "content": "Hi"}]),
              replies.as_json({"input_tokens": 2_095}))
    book.free("count-gemini", "counting is free", "gemini", "gemini-2.5-flash",
              generate_request("gemini", "gemini-2.5-flash", "countTokens"), replies.as_json({"totalTokens": 31}))
    book.free("count-openai", "counting is free", "openai", "gpt-5.1",
              ask("/v1/responses/input_tokens", model="gpt-5.1", input="Do it, please."),
              replies.as_json({"object": "response.input_tokens", "input_tokens": 11}))
    book.free("moderation", "moderation is free", "openai", "omni-moderation-latest",
              ask("/v1/moderations", model="omni-moderation-latest", input="Do it, please."),
              replies.as_json({"id": "modr-golden", "model": "omni-moderation-latest", "results": [{"flagged": False}]}))
    for card in ("zai/glm-4.5-flash", "zai/glm-4.7-flash", "ollama/llama3.1"):
        provider, _, model = card.partition("/")
        usage = {"inputTokens": 12_345, "outputTokens": 678}
        book.add("free-" + card.replace("/", "-"), "a price of 0 is published: free is not unknown", card,
                 chat_request(provider, model), replies.chat(model, usage), usage)


def ends(book):
    book.theme("ends", "The ends of the scale, and the one rounding")
    # 0.00003083 USD a second: half a picodollar appears only below a microsecond's multiple.
    for micro in (1, 17, 50, 33_333, 1_000_001):
        usage = {"inputTokens": 0, "outputTokens": 0,
                 "units": {"seconds": "%d.%06d" % (micro // 1_000_000, micro % 1_000_000)}}
        usage["units"]["seconds"] = usage["units"]["seconds"].rstrip("0").rstrip(".")
        book.add("round-%d-microseconds" % micro, "rounded once, half up, to 12 decimals", "groq/whisper-large-v3",
                 ask("/openai/v1/audio/transcriptions", model="whisper-large-v3", file="speech"),
                 replies.transcription(usage), usage)
    for word, tokens in (("one", 1), ("million", 10**6), ("2-to-32", 2**32), ("2-to-40", 2**40), ("2-to-48", 2**48)):
        usage = {"inputTokens": tokens, "outputTokens": tokens}
        book.add("tokens-" + word, "exact, however many", "openai/gpt-4o-mini", chat_request("openai", "gpt-4o-mini"),
                 replies.chat("gpt-4o-mini", usage), usage)
    usage = {"inputTokens": 1, "cachedInputTokens": 1, "outputTokens": 0}
    book.add("one-cached-token", "0.075 USD a million", "openai/gpt-4o-mini", chat_request("openai", "gpt-4o-mini"),
             replies.chat("gpt-4o-mini", usage), usage)
    usage = {"inputTokens": 10**9, "cachedInputTokens": 333_333_333, "outputTokens": 10**9, "reasoningTokens": 7}
    book.add("a-billion", "a billion tokens of the dearest reasoning model", "openai/gpt-5.5",
             chat_request("openai", "gpt-5.5"), replies.chat("gpt-5.5", usage), usage)


def write(book):
    for part in (parts, unknown, errors, ends):
        part(book)
