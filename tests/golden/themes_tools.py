"""What is billed beside the tokens of the top level: searches, sub-inferences, speed, place."""

import replies
from book import ask, chat_request, generate_request, message_request
from replies import LEFT_OUT


def claude(book):
    book.theme("claude_tools", "Anthropic: searches, sub-inferences, fast mode and inference in the US")
    base = {"inputTokens": 10_423, "outputTokens": 517}
    for number, model in ((1, "claude-opus-4-1"), (3, "claude-sonnet-4-6"), (2, "claude-haiku-4-5")):
        usage = dict(base, extras=[{"type": "web_search", "count": number}])
        book.add("search-" + model, "10 USD for 1,000 searches; what they found is input already", "anthropic/" + model,
                 message_request(model), replies.message(model, usage), usage)
    usage = dict(base)
    book.add("fetch-claude", "a web fetch costs nothing beyond its tokens", "anthropic/claude-opus-4-6",
             message_request("claude-opus-4-6"), replies.message("claude-opus-4-6", usage, {
                 "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 4}}), usage)
    for model in ("claude-opus-4-6", "claude-opus-4-8", "claude-opus-5"):
        cached = {"inputTokens": 5_003, "cachedInputTokens": 3_000, "outputTokens": 401}
        usage = dict(cached, speed="fast")
        book.add("fast-" + model, "fast mode multiplies all token prices, by a factor of its own for each model",
                 "anthropic/" + model, message_request(model, speed="fast"), replies.message(model, usage), usage)
        usage = dict(cached, inferenceGeo="us")
        book.add("geo-" + model, "inference in the US costs 1.1 times as much", "anthropic/" + model,
                 message_request(model), replies.message(model, usage), usage)
        usage = dict(cached, cacheWriteTokens=1_003, cacheWrite1hTokens=501, speed="fast", inferenceGeo="us",
                     extras=[{"type": "web_search", "count": 2}])
        book.add("fast-geo-" + model, "both factors on the tokens, none on the searches", "anthropic/" + model,
                 message_request(model, speed="fast"), replies.message(model, usage), usage)
    for geo in ("global", "not_available"):
        usage = dict(base, inferenceGeo=geo, speed="standard")
        book.add("geo-" + geo, "list price", "anthropic/claude-opus-4-8", message_request("claude-opus-4-8"),
                 replies.message("claude-opus-4-8", usage), usage)
    usage = dict(base, inferenceGeo="eu")
    book.add("geo-unknown", "a place without a published factor: the list price, estimated", "anthropic/claude-opus-4-8",
             message_request("claude-opus-4-8"), replies.message("claude-opus-4-8", usage), usage)
    usage = dict(base, speed="ludicrous")
    book.add("speed-unknown", "a speed without a published price has no price", "anthropic/claude-opus-4-8",
             message_request("claude-opus-4-8"), replies.message("claude-opus-4-8", usage), usage)
    usage = dict(base, serviceTier="batch", inferenceGeo="us")
    book.add("batch-geo", "half, then 1.1 times", "anthropic/claude-opus-4-8", message_request("claude-opus-4-8"),
             replies.message("claude-opus-4-8", usage), usage)
    extras = {
        "compaction": [{"type": "compaction", "inputTokens": 55_196, "outputTokens": 1_203}],
        "compaction-cached": [{"type": "compaction", "inputTokens": 60_000, "cachedInputTokens": 50_001,
                               "cacheWriteTokens": 4_000, "outputTokens": 900}],
        "compaction-written-1h": [{"type": "compaction", "inputTokens": 60_000, "cacheWriteTokens": 4_000,
                                   "cacheWrite1hTokens": 3_000, "outputTokens": 900}],
        "advisor": [{"type": "advisor_message", "model": "claude-opus-4-6", "inputTokens": 3_001, "outputTokens": 404}],
        "advisor-twice": [{"type": "advisor_message", "model": "claude-opus-4-6", "inputTokens": 3_001,
                           "outputTokens": 404},
                          {"type": "advisor_message", "model": "claude-opus-5", "inputTokens": 2_002,
                           "cachedInputTokens": 2_000, "outputTokens": 303}],
        "compaction-above": [{"type": "compaction", "inputTokens": 200_001, "outputTokens": 10}]}
    for word, rows in extras.items():
        usage = {"inputTokens": 220, "outputTokens": 45, "extras": rows}
        book.add("inner-" + word, "billed on top of the top-level counts, each by its own size and model",
                 "anthropic/claude-sonnet-4-5", message_request("claude-sonnet-4-5"),
                 replies.message("claude-sonnet-4-5", usage), usage)
    usage = {"inputTokens": 220, "outputTokens": 45, "extras": [
        {"type": "advisor_message", "model": "claude-nobody-knows", "inputTokens": 5, "outputTokens": 5}]}
    book.add("inner-unknown", "a sub-inference on a model without a price has no price", "anthropic/claude-sonnet-4-5",
             message_request("claude-sonnet-4-5"), replies.message("claude-sonnet-4-5", usage), usage)
    usage = {"inputTokens": 220, "outputTokens": 45, "serviceTier": "batch", "extras": [
        {"type": "compaction", "inputTokens": 10_001, "outputTokens": 300}]}
    book.add("inner-batch", "in a batch the sub-inference costs half, too", "anthropic/claude-opus-4-6",
             message_request("claude-opus-4-6"), replies.message("claude-opus-4-6", usage), usage)
    usage = {"inputTokens": 300, "outputTokens": 20}
    book.add("fallback-model", "another model answered: its price", "anthropic/claude-haiku-4-5",
             message_request("claude-opus-4-6"), replies.message("claude-opus-4-6", usage, {"iterations": [
                 {"type": "fallback_message", "model": "claude-haiku-4-5", "input_tokens": 300,
                  "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 20}]}), usage)


def google(book):
    book.theme("google_tools", "Google: grounding by the prompt or by the query, tool-use prompts, thoughts")
    for model, queries in (("gemini-2.5-flash", 1), ("gemini-2.5-flash", 3), ("gemini-2.0-flash", 2),
                           ("gemini-3-flash-preview", 1), ("gemini-3-flash-preview", 3),
                           ("gemini-3-pro-preview", 2)):
        usage = {"inputTokens": 801, "outputTokens": 203, "extras": [{"type": "web_search", "count": queries}]}
        per = "each query" if model.startswith("gemini-3") else "the prompt, however many queries it took"
        book.add("ground-%s-%d" % (model, queries), "grounding is charged for " + per, "gemini/" + model,
                 generate_request("gemini", model, tools=[{"googleSearch": {}}]),
                 replies.generate(model, usage, queries=["query %d" % i for i in range(queries)]), usage)
    usage = {"inputTokens": 9_181, "toolUseInputTokens": 9_000, "outputTokens": 905, "reasoningTokens": 640}
    for model in ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash-preview"):
        book.add("tool-use-" + model, "what tools put into the prompt is input, thoughts are output", "gemini/" + model,
                 generate_request("gemini", model), replies.generate(model, usage), dict(usage))
    usage = {"inputTokens": 100, "outputTokens": 640, "reasoningTokens": 640}
    book.add("only-thoughts", "thoughts alone, no candidates", "gemini/gemini-2.5-pro",
             generate_request("gemini", "gemini-2.5-pro"),
             replies.generate("gemini-2.5-pro", usage, {"candidatesTokenCount": LEFT_OUT}), usage)
    usage = {"inputTokens": 1_900, "outputTokens": 300, "reasoningTokens": 120, "toolUseInputTokens": 400}
    book.add("interactions", "the Interactions API: thoughts and tool use stand apart", "gemini/gemini-3-pro-preview",
             ask("/v1beta/interactions", model="gemini-3-pro-preview", input="Do it, please."),
             replies.as_json({"id": "golden", "object": "interaction", "status": "completed",
                              "model": "gemini-3-pro-preview", "outputs": [{"type": "text", "text": "It is done."}],
                              "usage": {"total_input_tokens": 1_500, "total_tool_use_tokens": 400,
                                        "total_output_tokens": 180, "total_thought_tokens": 120,
                                        "total_cached_tokens": 0, "total_tokens": 2_200}}), usage)
    usage = {"inputTokens": 50, "outputTokens": 90}
    book.add("openai-path", "Gemini's OpenAI endpoint leaves thinking out of completion_tokens, not out of the total",
             "gemini/gemini-2.5-flash", ask("/v1beta/openai/chat/completions", model="gemini-2.5-flash", messages=[
                 {"role": "user", "content": "Do it, please."}]),
             replies.chat("gemini-2.5-flash", usage, {"completion_tokens": 20, "completion_tokens_details": LEFT_OUT,
                                                      "prompt_tokens_details": LEFT_OUT}), usage)


def openai(book):
    book.theme("openai_tools", "OpenAI: calls of functions are output; reasoning, predictions and written caches")
    for model, calls in (("gpt-4.1", 3), ("gpt-5", 1)):
        usage = {"inputTokens": 700, "outputTokens": 60}
        book.add("functions-" + model, "what a function is called with is output", "openai/" + model,
                 chat_request("openai", model), replies.chat(model, usage, calls=calls), usage)
    usage = {"inputTokens": 2_000, "outputTokens": 950}
    book.add("predictions", "rejected predictions are billed as output and stand in it already", "openai/gpt-4o",
             chat_request("openai", "gpt-4o"), replies.chat("gpt-4o", usage, {"completion_tokens_details": {
                 "accepted_prediction_tokens": 400, "rejected_prediction_tokens": 500}}), usage)
    usage = {"inputTokens": 3_000, "cacheWriteTokens": 2_048, "outputTokens": 10, "serviceTier": "default"}
    book.add("written-gpt-5.6", "from GPT-5.6 on what is written to the cache costs 1.25 times the input price",
             "openai/gpt-5.6", ask("/v1/responses", model="gpt-5.6", input="Do it, please."),
             replies.responses("gpt-5.6", usage), usage)
    usage = {"inputTokens": 3_000, "cacheWriteTokens": 2_048, "outputTokens": 10}
    book.add("written-gpt-5.2", "before, it costs what input costs", "openai/gpt-5.2",
             chat_request("openai", "gpt-5.2"), replies.chat("gpt-5.2", usage), usage)
    usage = {"inputTokens": 3_000, "outputTokens": 2_000, "reasoningTokens": 2_000, "serviceTier": "default"}
    book.add("only-reasoning", "all of the output was reasoning", "openai/o4-mini",
             ask("/v1/responses", model="o4-mini", input="Do it, please."), replies.responses("o4-mini", usage), usage)
    for kind, calls in (("file_search", 1), ("file_search", 3), ("code_interpreter", 1), ("code_interpreter", 2)):
        usage = {"inputTokens": 4_100, "outputTokens": 210, "serviceTier": "default",
                 "extras": [{"type": kind, "count": calls}]}
        book.add("%s-%d" % (kind.replace("_", "-"), calls), "calls that ran at the provider, listed in the output",
                 "openai/gpt-4.1", ask("/v1/responses", model="gpt-4.1", input="Do it, please."),
                 replies.responses("gpt-4.1", usage, items=[{"type": kind + "_call"}] * calls), usage)
    usage = {"inputTokens": 60_000, "outputTokens": 4_000, "serviceTier": "default"}
    book.add("compact", "compacting a conversation is billed like an answer", "openai/gpt-5.2",
             ask("/v1/responses/compact", model="gpt-5.2", input="Do it, please."), replies.responses("gpt-5.2", usage), usage)


def perplexity(book):
    book.theme("perplexity", "Perplexity: a fee for the request by the size of its search context, and cited tokens")
    bare = {"prompt_tokens_details": LEFT_OUT, "completion_tokens_details": LEFT_OUT}
    for model in ("sonar", "sonar-pro", "sonar-reasoning-pro"):
        for size in ("low", "medium", "high"):
            usage = {"inputTokens": 12, "outputTokens": 243, "searchContext": size}
            book.add("%s-%s" % (model, size), "request fee for a %s search context" % size, "perplexity/" + model,
                     chat_request("perplexity", model), replies.chat(model, usage, dict(bare, search_context_size=size)),
                     usage)
    for word, thought in (("", 0), ("-reasoning", 95_305)):
        usage = {"inputTokens": 30, "outputTokens": 800 + thought, "citationTokens": 20_016,
                 "units": {"queries": 18}}
        if thought:
            usage["reasoningTokens"] = thought
        more = dict(bare, citation_tokens=20_016, num_search_queries=18, completion_tokens=800,
                    total_tokens=830, reasoning_tokens=thought)
        book.add("sonar-deep-research" + word, "cited tokens, searches and reasoning are charged beside input and output",
                 "perplexity/sonar-deep-research", chat_request("perplexity", "sonar-deep-research"),
                 replies.chat("sonar-deep-research", usage, more), usage)


def write(book):
    for part in (claude, google, openai, perplexity):
        part(book)
