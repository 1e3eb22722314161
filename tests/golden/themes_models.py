"""Thresholds, streams, and one model of each seller after the other."""

import replies
from book import SELLERS, VERTEX, ask, chat_request, generate_request, message_request
from replies import LEFT_OUT


def thresholds(book):
    book.theme("thresholds", "Long prompts: the dearer card applies from one token MORE than N on, and counts all input")
    rows = (("gemini/gemini-1.5-flash-002", 128_000), ("xai/grok-4-1-fast", 128_000),
            ("anthropic/claude-sonnet-4-5", 200_000), ("gemini/gemini-2.5-pro", 200_000),
            ("gemini/gemini-3.1-pro-preview", 200_000), ("xai/grok-4.3", 200_000),
            ("vertex/gemini-2.5-pro", 200_000), ("openai/gpt-5.4", 272_000), ("openai/gpt-5.5", 272_000),
            ("openai/gpt-5.6-sol", 272_000), ("azure/gpt-5.4", 272_000))
    for card, threshold in rows:
        for word, tokens in (("just-below", threshold - 1), ("at", threshold), ("just-above", threshold + 1)):
            usage = {"inputTokens": tokens, "outputTokens": 1_003}
            plain(book, "threshold-%s-%s" % (card.replace("/", "-"), word),
                  "%d tokens where the size is %d" % (tokens, threshold), card, usage)
    # Cached tokens count towards the size.
    for card, threshold in (("anthropic/claude-sonnet-4-5", 200_000), ("gemini/gemini-2.5-pro", 200_000),
                            ("openai/gpt-5.5", 272_000), ("xai/grok-4.3", 200_000)):
        for word, whole in (("at", threshold), ("above", threshold + 1)):
            usage = {"inputTokens": whole, "cachedInputTokens": whole - 1_234, "outputTokens": 99}
            plain(book, "threshold-cached-%s-%s" % (card.replace("/", "-"), word),
                  "1,234 fresh tokens; what was cached counts towards the size", card, usage)
    usage = {"inputTokens": 128_001, "cachedInputTokens": 100_000, "outputTokens": 50}
    plain(book, "threshold-no-cached-price", "the card above 128,000 publishes no cached price: cached input costs what "
          "input costs there", "xai/grok-4-1-fast", usage)
    usage = {"inputTokens": 200_001, "cacheWriteTokens": 200_000, "cacheWrite1hTokens": 1, "outputTokens": 1}
    plain(book, "threshold-written", "one fresh token and 200,000 written ones are more than 200,000",
          "anthropic/claude-sonnet-4-5", usage)


def plain(book, id_, says, card, usage, **more):
    """The ordinary request of that seller, and its ordinary reply."""
    provider, _, model = card.partition("/")
    if provider == "anthropic":
        book.add(id_, says, card, message_request(model), replies.message(model, usage), usage, **more)
    elif provider in ("gemini", "vertex"):
        book.add(id_, says, card, generate_request(provider, model),
                 replies.generate(model, usage, traffic=provider == "vertex"), usage, **more)
    elif provider == "xai":
        book.add(id_, says, card, chat_request(provider, model),
                 replies.chat(model, usage, hidden_reasoning=True), usage, **more)
    else:
        book.add(id_, says, card, chat_request(provider, model), replies.chat(model, usage), usage, **more)


def openai_models(book):
    book.theme("openai_models", "OpenAI: one bill for each of the usual models")
    for number, model in enumerate((
            "gpt-3.5-turbo", "gpt-4", "gpt-4-turbo", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o",
            "gpt-4o-mini", "gpt-5", "gpt-5-mini", "gpt-5.1", "gpt-5.2", "gpt-5.4-mini", "o1", "o3", "o3-mini",
            "o4-mini")):
        usage = {"inputTokens": 1_203 + 17 * number, "outputTokens": 57 + number}
        if model[0] == "o" or model.startswith("gpt-5"):
            usage["reasoningTokens"] = 32 + number
        if number % 2 and model not in ("gpt-4", "gpt-4-turbo"):
            usage["cachedInputTokens"] = 1_024
        plain(book, "openai-" + model, "list price", "openai/" + model, usage)
    for model in ("gpt-5-pro", "gpt-5.1-codex", "codex-mini-latest", "gpt-5.5-pro"):
        usage = {"inputTokens": 4_321, "outputTokens": 2_222, "reasoningTokens": 1_984, "serviceTier": "default"}
        book.add("openai-" + model, "only the Responses API has it", "openai/" + model,
                 ask("/v1/responses", model=model, input="Do it, please."), replies.responses(model, usage), usage)
    usage = {"inputTokens": 25, "outputTokens": 7}
    book.add("openai-instruct", "the legacy Completions API", "openai/gpt-3.5-turbo-instruct",
             ask("/v1/completions", model="gpt-3.5-turbo-instruct", prompt="Do it, please."),
             replies.completion("gpt-3.5-turbo-instruct", usage), usage)
    for tier in ("flex", "priority"):
        for model in ("o3", "o4-mini", "gpt-5", "gpt-5-mini"):
            usage = {"inputTokens": 9_001, "cachedInputTokens": 4_096, "outputTokens": 801, "reasoningTokens": 640,
                     "serviceTier": tier}
            plain(book, "openai-%s-%s" % (model, tier), "the reply names the tier, whatever the request asked for",
                  "openai/" + model, usage)
    usage = {"inputTokens": 500, "outputTokens": 50, "serviceTier": "priority"}
    book.add("openai-asked-flex-got-priority", "asked for flex, served and billed as priority", "openai/gpt-4.1",
             chat_request("openai", "gpt-4.1", service_tier="flex"), replies.chat("gpt-4.1", usage), usage)
    usage = {"inputTokens": 500, "outputTokens": 50, "serviceTier": "default"}
    book.add("openai-asked-priority-got-default", "asked for priority, served and billed at the list price",
             "openai/gpt-4.1", chat_request("openai", "gpt-4.1", service_tier="priority"),
             replies.chat("gpt-4.1", usage), usage)


def claude_models(book):
    book.theme("claude_models", "Anthropic: one bill for each of the usual models, on three hosts")
    usage = {"inputTokens": 9_009, "cachedInputTokens": 4_000, "cacheWriteTokens": 3_003,
             "cacheWrite1hTokens": 1_001, "outputTokens": 707}
    for model in ("claude-haiku-4-5", "claude-opus-4-1", "claude-opus-4-5", "claude-opus-4-6", "claude-opus-4-7",
                  "claude-opus-4-8", "claude-opus-5", "claude-sonnet-4-6", "claude-3-7-sonnet-20250219"):
        plain(book, "anthropic-" + model, "fresh, read, and written for 5 minutes and for 1 hour",
              "anthropic/" + model, dict(usage))
    plain(book, "anthropic-claude-3-haiku", "written for 5 minutes at 1.2 times the input price: its own, odd price",
          "anthropic/claude-3-haiku-20240307", {"inputTokens": 5_005, "cacheWriteTokens": 2_048, "outputTokens": 11})
    for model in ("claude-haiku-4-5", "claude-opus-4-6", "claude-opus-4-8"):
        plain(book, "anthropic-%s-batch" % model, "half of everything, on top of caching", "anthropic/" + model,
              dict(usage, serviceTier="batch"))
    for model in ("claude-sonnet-4-5", "claude-opus-4-6", "claude-haiku-4-5"):
        said = {"inputTokens": 7_007, "cachedInputTokens": 2_002, "cacheWriteTokens": 1_001, "outputTokens": 303}
        book.add("vertex-" + model, "Claude on Vertex AI: Anthropic's reply under a Google path", "vertex/" + model,
                 ask(VERTEX % ("anthropic", model, "rawPredict"), anthropic_version="vertex-2023-10-16",
                     max_tokens=1000, messages=[{"role": "user", "content": "Do it, please."}]),
                 replies.message(model, said), said)


def bedrock(book):
    book.theme("bedrock", "Bedrock: regional profiles cost 10 % more than global ones; inputTokens leaves the cache out")
    for place in ("us", "global"):
        for name in ("anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"):
            model = "%s.%s" % (place, name)
            usage = {"inputTokens": 3_201, "cachedInputTokens": 2_752, "cacheWriteTokens": 16, "outputTokens": 144}
            book.add("bedrock-%s-%s" % (place, name.split("-")[1]), "Converse, read from and written to the cache",
                     "bedrock/" + model, ask("/model/%s/converse" % model.replace(":", "%3A"), messages=[
                         {"role": "user", "content": [{"text": "Do it, please."}]}]),
                     replies.converse(usage), usage)
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    for word, hour in (("1h", 1_200), ("both", 700)):
        usage = {"inputTokens": 2_001, "cacheWriteTokens": 1_200, "cacheWrite1hTokens": hour, "outputTokens": 55}
        book.add("bedrock-written-" + word, "cacheDetails tells how long it is kept", "bedrock/" + model,
                 ask("/model/%s/converse" % model.replace(":", "%3A"), messages=[
                     {"role": "user", "content": [{"text": "Do it, please."}]}]), replies.converse(usage), usage)
    usage = {"inputTokens": 200_001, "cachedInputTokens": 150_000, "outputTokens": 70}
    book.add("bedrock-above", "the cache counts towards the size although inputTokens leaves it out",
             "bedrock/" + model, ask("/model/%s/converse" % model.replace(":", "%3A"), messages=[
                 {"role": "user", "content": [{"text": "Do it, please."}]}]), replies.converse(usage), usage)
    for name in ("meta.llama3-3-70b-instruct-v1:0", "amazon.nova-2-lite-v1:0"):
        usage = {"inputTokens": 611, "outputTokens": 87}
        book.add("bedrock-" + name.split("-v")[0], "Converse, list price", "bedrock/" + name,
                 ask("/model/%s/converse" % name.replace(":", "%3A"), messages=[
                     {"role": "user", "content": [{"text": "Do it, please."}]}]), replies.converse(usage), usage)
    usage = {"inputTokens": 123, "outputTokens": 456, "reasoningTokens": 400}
    name = "openai.gpt-oss-120b-1:0"
    book.add("bedrock-openai-path", "OpenAI's API on Bedrock", "bedrock/" + name,
             ask("/openai/v1/chat/completions", model=name, messages=[{"role": "user", "content": "Do it, please."}]),
             replies.chat(name, usage), usage)


def hosts(book):
    book.theme("hosts", "Everybody else: Mistral, Groq, DeepSeek, Cohere, xAI, Together, Fireworks, Cerebras ...")
    for number, card in enumerate((
            "groq/llama-3.3-70b-versatile", "groq/llama-3.1-8b-instant", "groq/openai/gpt-oss-120b",
            "groq/qwen/qwen3-32b", "groq/moonshotai/kimi-k2-instruct-0905",
            "together/meta-llama/Llama-3.3-70B-Instruct-Turbo", "together/deepseek-ai/DeepSeek-V3.1",
            "together/openai/gpt-oss-20b", "fireworks/accounts/fireworks/models/kimi-k2-thinking",
            "fireworks/accounts/fireworks/models/deepseek-v3p1", "cerebras/gpt-oss-120b", "cerebras/llama3.1-8b",
            "moonshot/kimi-k2.5", "moonshot/kimi-k2-turbo-preview", "zai/glm-4.6", "xai/grok-3",
            "xai/grok-3-mini", "xai/grok-code-fast-1", "mistral/mistral-large-latest",
            "mistral/magistral-medium-latest", "mistral/devstral-latest", "mistral/pixtral-large-latest")):
        usage = {"inputTokens": 2_017 + 31 * number, "outputTokens": 409 + 3 * number}
        if card.startswith(("moonshot", "zai", "xai", "groq/openai", "groq/moonshotai")):
            usage["cachedInputTokens"] = 1_536
        if card in ("xai/grok-3-mini", "groq/openai/gpt-oss-120b"):
            usage["reasoningTokens"] = 300
        plain(book, "host-" + card.replace("/", "-").replace(":", "-"), "list price", card, usage)
    # The cached tokens stand elsewhere.
    for model, hit in (("deepseek-v3.2", 1_280), ("deepseek-v4-flash", 64), ("deepseek-v4-pro", 0)):
        usage = {"inputTokens": 1_300, "cachedInputTokens": hit, "outputTokens": 30}
        more = {"prompt_cache_hit_tokens": hit, "prompt_cache_miss_tokens": 1_300 - hit,
                "prompt_tokens_details": {"audio_tokens": LEFT_OUT}}
        book.add("host-deepseek-" + model, "prompt_tokens is what hit the cache and what missed it",
                 "deepseek/" + model, chat_request("deepseek", model), replies.chat(model, usage, more), usage)
    usage = {"inputTokens": 900, "cachedInputTokens": 512, "outputTokens": 40}
    book.add("host-moonshot-top", "cached_tokens at the top level", "moonshot/kimi-k2.5",
             chat_request("moonshot", "kimi-k2.5"), replies.chat("kimi-k2.5", usage, {
                 "cached_tokens": 512, "prompt_tokens_details": LEFT_OUT,
                 "completion_tokens_details": LEFT_OUT}), usage)
    for model, billed, processed in (("command-a-03-2025", (67, 21), 443), ("command-r7b-12-2024", (10, 5), 90)):
        usage = {"inputTokens": billed[0], "outputTokens": billed[1]}
        book.add("host-cohere-" + model, "billed units are the invoice, tokens are the work", "cohere/" + model,
                 ask("/v2/chat", model=model, messages=[{"role": "user", "content": "Do it, please."}]),
                 replies.cohere_chat(usage, processed), usage)
    usage = {"inputTokens": 25, "outputTokens": 8}
    book.add("host-cohere-floats", "counts written as 25.0", "cohere/command-a-03-2025",
             ask("/v2/chat", model="command-a-03-2025", messages=[{"role": "user", "content": "Do it, please."}]),
             replies.as_json({"id": "golden", "finish_reason": "COMPLETE", "message": {
                 "role": "assistant", "content": [{"type": "text", "text": "It is done."}]}, "usage": {
                     "billed_units": {"input_tokens": 25.0, "output_tokens": 8.0},
                     "tokens": {"input_tokens": 325.0, "output_tokens": 8.0}}}), usage)
    for model, units in (("rerank-v3.5", 3), ("rerank-english-v3.0", 1)):
        usage = {"inputTokens": 0, "outputTokens": 0, "units": {"queries": units}}
        book.add("host-cohere-" + model, "by the search", "cohere/" + model,
                 ask("/v2/rerank", model=model, query="it", documents=["one", "two"]),
                 replies.cohere_units({"search_units": units}, results=[{"index": 0, "relevance_score": 0.5}]), usage)
    for model, field in (("mistral-large-latest", "num_cached_tokens"),):
        usage = {"inputTokens": 640, "cachedInputTokens": 320, "outputTokens": 12}
        book.add("host-mistral-cached", "no cached price is published: cached input costs what input costs",
                 "mistral/" + model, chat_request("mistral", model),
                 replies.chat(model, usage, {field: 320, "prompt_tokens_details": LEFT_OUT}), usage)


def stated_cost(book):
    book.theme("stated_cost", "Providers that state what they charged: that is the cost")
    rows = (("openai/gpt-4o-mini", "0.00014265", "what the list price gives, too"),
            ("anthropic/claude-sonnet-4.5", "0.003333", "what the list price gives, too"),
            ("openai/gpt-4o-mini", "0.0001498", "5 % more than the list price: the route was another"),
            ("nobody/knows-this-model", "0.0000031", "no list price, and a cost all the same"),
            ("nobody/is-free", "0", "stated to be free"))
    for number, (model, cost, word) in enumerate(rows):
        usage = {"inputTokens": 311, "outputTokens": 160, "reportedCostUsd": cost}
        book.add("stated-openrouter-%d" % (number + 1), "usage.cost in USD: " + word, "openrouter/" + model,
                 chat_request("openrouter", model), replies.chat(model, usage, {"cost": float(cost), "cost_details": {
                     "upstream_inference_cost": None}, "is_byok": False}), usage)
    for model, ticks, cost in (("grok-4.3", 12_697_500, "0.00126975"), ("grok-3-mini", 2_727_750, "0.000272775")):
        usage = {"inputTokens": 468, "cachedInputTokens": 305, "outputTokens": 402, "reasoningTokens": 320,
                 "reportedCostUsd": cost}
        book.add("stated-xai-" + model, "10,000,000,000 ticks are a dollar", "xai/" + model,
                 chat_request("xai", model), replies.chat(model, usage, {"cost_in_usd_ticks": ticks,
                                                                         "num_sources_used": 0}, hidden_reasoning=True), usage)
    usage = {"inputTokens": 45, "outputTokens": 482, "searchContext": "low", "reportedCostUsd": "0.005527"}
    book.add("stated-perplexity", "cost.total_cost, the fee for the request included", "perplexity/sonar",
             chat_request("perplexity", "sonar"), replies.chat("sonar", usage, {
                 "search_context_size": "low", "prompt_tokens_details": LEFT_OUT, "completion_tokens_details": LEFT_OUT,
                 "cost": {"input_tokens_cost": 0.000045, "output_tokens_cost": 0.000482, "request_cost": 0.005,
                          "total_cost": 0.005527}}), usage)


def streams(book):
    book.theme("streams", "The same counts, streamed: the last usage counts, and pieces are never added up")
    usage = {"inputTokens": 2_111, "cachedInputTokens": 1_024, "outputTokens": 333, "reasoningTokens": 256}
    for model in ("gpt-5-mini", "o4-mini"):
        book.add("stream-chat-" + model, "a last chunk without choices", "openai/" + model,
                 chat_request("openai", model, stream=True), replies.chat_stream(model, usage), dict(usage))
    book.add("stream-responses", "response.completed has the usage", "openai/gpt-5.1",
             ask("/v1/responses", model="gpt-5.1", input="Do it, please.", stream=True),
             replies.responses_stream("gpt-5.1", usage), dict(usage, serviceTier="default"))
    flex = dict(usage, serviceTier="flex")
    book.add("stream-flex", "the tier in the last chunk", "openai/o3", chat_request("openai", "o3", stream=True),
             replies.chat_stream("o3", flex), flex)
    said = {"inputTokens": 4_444, "cachedInputTokens": 2_000, "cacheWriteTokens": 1_000, "cacheWrite1hTokens": 400,
            "outputTokens": 222}
    for model in ("claude-sonnet-4-5", "claude-haiku-4-5"):
        book.add("stream-messages-" + model, "message_start, and message_delta over it", "anthropic/" + model,
                 message_request(model, stream=True), replies.message_stream(model, said), dict(said))
    searched = dict(said, extras=[{"type": "web_search", "count": 2}])
    book.add("stream-messages-search", "a search makes the counts grow while it streams", "anthropic/claude-opus-4-6",
             message_request("claude-opus-4-6", stream=True),
             replies.message_stream("claude-opus-4-6", searched), searched)
    thought = {"inputTokens": 1_500, "outputTokens": 900, "reasoningTokens": 600}
    for word, array in (("sse", False), ("array", True)):
        verb = "streamGenerateContent" + ("" if array else "?alt=sse")
        for provider, model in (("gemini", "gemini-2.5-flash"), ("vertex", "gemini-2.5-flash")):
            book.add("stream-%s-%s" % (provider, word), "cumulative in every chunk", "%s/%s" % (provider, model),
                     generate_request(provider, model, verb),
                     replies.generate_stream(model, thought, array=array), dict(thought))
    plain_usage = {"inputTokens": 77, "outputTokens": 15}
    for card in ("groq/llama-3.3-70b-versatile", "deepseek/deepseek-v3.2", "mistral/mistral-large-latest",
                 "together/openai/gpt-oss-20b"):
        provider, _, model = card.partition("/")
        top, beside = None, True
        if provider == "groq":
            top = {"x_groq": {"id": "req_golden", "usage": replies.chat_usage(plain_usage)}}
        book.add("stream-" + provider, "the usage beside the last choice", card,
                 chat_request(provider, model, stream=True),
                 replies.chat_stream(model, plain_usage, with_choice=beside, top=top), dict(plain_usage))


def embeddings(book):
    book.theme("embeddings", "Embeddings and reranking by the token: there is no output")
    for card, tokens in (("openai/text-embedding-3-large", 8_191), ("openai/text-embedding-3-small", 1),
                         ("openai/text-embedding-ada-002", 300_000), ("azure/text-embedding-3-large", 17),
                         ("mistral/mistral-embed", 1_111), ("mistral/codestral-embed", 999)):
        provider, _, model = card.partition("/")
        usage = {"inputTokens": tokens, "outputTokens": 0}
        more = {"completion_tokens": 0} if provider == "mistral" else {}
        book.add("embed-" + card.replace("/", "-"), "prompt tokens alone", card,
                 ask(SELLERS[provider][1] + "/embeddings", model=model, input=["Do it."]),
                 replies.embeddings(model, usage, more), usage)
    for model in ("voyage-3.5", "voyage-3.5-lite", "voyage-code-3"):
        usage = {"inputTokens": 8_000, "outputTokens": 0}
        book.add("embed-" + model, "only total_tokens is said", "voyage/" + model,
                 ask("/v1/embeddings", model=model, input=["Do it."]),
                 replies.embeddings(model, usage, {"prompt_tokens": LEFT_OUT}), usage)
    usage = {"inputTokens": 57, "outputTokens": 0}
    book.add("rerank-voyage", "by the token, not by the search", "voyage/rerank-2.5",
             ask("/v1/rerank", model="rerank-2.5", query="it", documents=["one", "two"]),
             replies.as_json({"object": "list", "data": [{"relevance_score": 0.5, "index": 0}],
                              "model": "rerank-2.5", "usage": {"total_tokens": 57}}), usage)
    usage = {"inputTokens": 11, "outputTokens": 0}
    book.add("embed-gemini", "newer models say it", "gemini/gemini-embedding-001",
             ask("/v1beta/models/gemini-embedding-001:embedContent", content={"parts": [{"text": "Do it."}]}),
             replies.embed_content(usage), usage)
    usage = {"inputTokens": 420, "outputTokens": 0}
    book.add("embed-cohere", "billed units", "cohere/embed-v4.0",
             ask("/v2/embed", model="embed-v4.0", input_type="search_query", texts=["Do it."], embedding_types=["float"]),
             replies.cohere_units({"input_tokens": 420}, embeddings={"float": [[0.25, -0.5]]}), usage)
    usage = {"inputTokens": 7, "outputTokens": 0}
    book.add("embed-titan", "Bedrock: the body of the model's own family", "bedrock/amazon.titan-embed-text-v2:0",
             ask("/model/amazon.titan-embed-text-v2%3A0/invoke", inputText="Do it."),
             replies.as_json({"embedding": [0.25, -0.5], "inputTextTokenCount": 7}), usage)


def write(book):
    for part in (thresholds, openai_models, claude_models, bedrock, hosts, stated_cost, streams, embeddings):
        part(book)
