"""The replies of the providers that carry a usage, in their own shapes and spellings.

Each function takes a usage in farebox's words (every input token in inputTokens, every
output token in outputTokens) and gives what the provider would have sent for it. `more`
goes over its usage object: fields that are null, odd, or left out (the value LEFT_OUT).
"""

import json
from fractions import Fraction

LEFT_OUT = object()
CREATED = 1785542400    # 2026-08-01


def merged(shape, more):
    out = dict(shape)
    for key, value in (more or {}).items():
        if value is LEFT_OUT:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


def sse(events, done=True, named=False):
    """[(event name or None, data)]"""
    text = ""
    for name, data in events:
        text += ("event: %s\n" % name if named and name else "") + "data: %s\n\n" % compact(data)
    return text + ("data: [DONE]\n\n" if done else "")


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_json(body, status=200):
    return {"status": status, "contentType": "application/json", "body": body}


def as_sse(text):
    return {"status": 200, "contentType": "text/event-stream", "body": text}


# -- OpenAI and its relatives ----------------------------------------------------------


def chat_usage(usage, hidden_reasoning=False):
    """Chat Completions. hidden_reasoning: completion_tokens leaves it out (xAI)."""
    count = usage.get
    out = {"prompt_tokens": count("inputTokens", 0),
           "completion_tokens": count("outputTokens", 0) -
           (count("reasoningTokens", 0) if hidden_reasoning else 0),
           "total_tokens": count("inputTokens", 0) + count("outputTokens", 0),
           "prompt_tokens_details": {"cached_tokens": count("cachedInputTokens", 0),
                                     "audio_tokens": count("audioInputTokens", 0)},
           "completion_tokens_details": {"reasoning_tokens": count("reasoningTokens", 0),
                                         "audio_tokens": count("audioOutputTokens", 0),
                                         "accepted_prediction_tokens": 0,
                                         "rejected_prediction_tokens": 0}}
    if "cacheWriteTokens" in usage:
        out["prompt_tokens_details"]["cache_write_tokens"] = usage["cacheWriteTokens"]
    if "imageInputTokens" in usage:
        out["prompt_tokens_details"]["image_tokens"] = usage["imageInputTokens"]
    return out


def tool_calls(count):
    return [{"id": "call_%d" % i, "type": "function",
             "function": {"name": "look_up", "arguments": "{\"n\":%d}" % i}} for i in range(count)]


def chat(model, usage, more=None, calls=0, hidden_reasoning=False, top=None):
    message = {"role": "assistant", "content": None if calls else "It is done."}
    if calls:
        message["tool_calls"] = tool_calls(calls)
    body = {"id": "chatcmpl-golden", "object": "chat.completion", "created": CREATED, "model": model,
            "choices": [{"index": 0, "message": message,
                         "finish_reason": "tool_calls" if calls else "stop"}],
            "usage": merged(chat_usage(usage, hidden_reasoning), more)}
    if usage.get("serviceTier"):
        body["service_tier"] = usage["serviceTier"]
    return as_json(merged(body, top))


def chat_stream(model, usage, more=None, with_choice=False, top=None):
    """The usage in a last chunk of its own, or beside the last choice."""
    def chunk(delta, finish=None, **rest):
        return (None, dict({"id": "chatcmpl-golden", "object": "chat.completion.chunk",
                            "created": CREATED, "model": model,
                            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, **rest))
    said = merged(chat_usage(usage), more)
    rest = dict({"service_tier": usage["serviceTier"]} if usage.get("serviceTier") else {}, **(top or {}))
    events = [chunk({"role": "assistant", "content": ""}), chunk({"content": "It is"}), chunk({"content": " done."})]
    if with_choice:
        events.append(chunk({}, "stop", usage=said, **rest))
    else:
        events.append(chunk({}, "stop"))
        last = chunk({}, None, usage=said, **rest)
        last[1]["choices"] = []
        events.append(last)
    return as_sse(sse(events))


def completion(model, usage):
    said = {k: v for k, v in chat_usage(usage).items() if not k.endswith("details")}
    return as_json({"id": "cmpl-golden", "object": "text_completion", "created": CREATED, "model": model,
                    "choices": [{"text": " done.", "index": 0, "logprobs": None, "finish_reason": "stop"}],
                    "usage": said})


def responses_usage(usage):
    count = usage.get
    out = {"input_tokens": count("inputTokens", 0),
           "input_tokens_details": {"cached_tokens": count("cachedInputTokens", 0)},
           "output_tokens": count("outputTokens", 0),
           "output_tokens_details": {"reasoning_tokens": count("reasoningTokens", 0)},
           "total_tokens": count("inputTokens", 0) + count("outputTokens", 0)}
    if "cacheWriteTokens" in usage:
        out["input_tokens_details"]["cache_write_tokens"] = usage["cacheWriteTokens"]
    return out


def responses_body(model, usage, more=None, items=(), calls=0):
    output = [dict({"id": "item_%d" % i, "status": "completed"}, **item) for i, item in enumerate(items)]
    output += [{"id": "fc_%d" % i, "type": "function_call", "call_id": "call_%d" % i, "name": "look_up",
                "arguments": "{}", "status": "completed"} for i in range(calls)]
    output.append({"id": "msg_golden", "type": "message", "role": "assistant", "status": "completed",
                   "content": [{"type": "output_text", "text": "It is done.", "annotations": []}]})
    return {"id": "resp_golden", "object": "response", "created_at": CREATED, "status": "completed",
            "model": model, "output": output, "service_tier": usage.get("serviceTier", "default"),
            "usage": merged(responses_usage(usage), more)}


def responses(model, usage, more=None, items=(), calls=0, top=None):
    return as_json(merged(responses_body(model, usage, more, items, calls), top))


def responses_stream(model, usage, more=None, items=()):
    body = responses_body(model, usage, more, items)
    begun = dict(body, status="in_progress", output=[], usage=None)
    events = [{"type": "response.created", "sequence_number": 0, "response": begun},
              {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_golden",
               "output_index": 0, "content_index": 0, "delta": "It is done."},
              {"type": "response.completed", "sequence_number": 2, "response": body}]
    return as_sse(sse([(e["type"], e) for e in events], done=False, named=True))


def embeddings(model, usage, more=None):
    said = {"prompt_tokens": usage["inputTokens"], "total_tokens": usage["inputTokens"]}
    return as_json({"object": "list", "model": model,
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
                    "usage": merged(said, more)})


def transcription(usage, more=None):
    if "units" in usage:
        said = {"type": "duration", "seconds": number(usage["units"]["seconds"])}
    else:
        said = {"type": "tokens", "total_tokens": usage["inputTokens"] + usage["outputTokens"],
                "input_tokens": usage["inputTokens"], "output_tokens": usage["outputTokens"],
                "input_token_details": {"text_tokens": usage["inputTokens"] - usage.get("audioInputTokens", 0),
                                        "audio_tokens": usage.get("audioInputTokens", 0)}}
    return as_json({"text": "It is done.", "usage": merged(said, more)})


def number(text):
    value = Fraction(text)
    return int(value) if value.denominator == 1 else float(value)


def images(usage, count=1):
    body = {"created": CREATED, "data": [{"b64_json": "aW1hZ2U="} for _ in range(count)]}
    if usage.get("outputTokens"):
        image_in, image_out = usage.get("imageInputTokens", 0), usage.get("imageOutputTokens", 0)
        body["usage"] = {
            "input_tokens": usage["inputTokens"], "output_tokens": usage["outputTokens"],
            "total_tokens": usage["inputTokens"] + usage["outputTokens"],
            "input_tokens_details": {"text_tokens": usage["inputTokens"] - image_in, "image_tokens": image_in},
            "output_tokens_details": {"text_tokens": usage["outputTokens"] - image_out,
                                      "image_tokens": image_out}}
    return as_json(body)


# -- Anthropic -----------------------------------------------------------------------


def anthropic_usage(usage):
    count = usage.get
    write, hour = count("cacheWriteTokens", 0), count("cacheWrite1hTokens", 0)
    out = {"input_tokens": count("inputTokens", 0) - count("cachedInputTokens", 0) - write,
           "cache_creation_input_tokens": write, "cache_read_input_tokens": count("cachedInputTokens", 0),
           "cache_creation": {"ephemeral_5m_input_tokens": write - hour, "ephemeral_1h_input_tokens": hour},
           "output_tokens": count("outputTokens", 0)}
    if "reasoningTokens" in usage:
        out["output_tokens_details"] = {"thinking_tokens": usage["reasoningTokens"]}
    if usage.get("serviceTier"):
        out["service_tier"] = usage["serviceTier"]
    if usage.get("inferenceGeo"):
        out["inference_geo"] = usage["inferenceGeo"]
    if usage.get("speed"):
        out["speed"] = usage["speed"]
    used = {e["type"] + "_requests": e["count"] for e in usage.get("extras", []) if e.get("count")}
    if used:
        out["server_tool_use"] = dict({"web_search_requests": 0, "web_fetch_requests": 0}, **used)
    inner = [e for e in usage.get("extras", []) if not e.get("count")]
    if inner:
        out["iterations"] = [dict({"type": "message"}, **plain_counts(out))]
        for extra in inner:
            row = dict({"type": extra["type"]}, **plain_counts(anthropic_usage(
                {k: v for k, v in extra.items() if k.endswith("Tokens")})))
            if extra.get("model"):
                row["model"] = extra["model"]
            out["iterations"].append(row)
    return out


def plain_counts(said):
    kept = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
            "output_tokens")
    return {k: v for k, v in said.items() if k in kept}


def message(model, usage, more=None, calls=0, top=None):
    content = [{"type": "text", "text": "It is done."}]
    content += [{"type": "tool_use", "id": "toolu_%d" % i, "name": "look_up", "input": {"n": i}}
                for i in range(calls)]
    return as_json(merged(
        {"id": "msg_golden", "type": "message", "role": "assistant", "model": model, "content": content,
         "stop_reason": "tool_use" if calls else "end_turn", "stop_sequence": None,
         "usage": merged(anthropic_usage(usage), more)}, top))


def message_stream(model, usage, more=None):
    """What was read and written of the cache comes first, what was made at the end."""
    said = merged(anthropic_usage(usage), more)
    first = dict({k: v for k, v in said.items() if k not in ("server_tool_use", "iterations", "output_tokens_details")},
                 output_tokens=1)
    last = {k: v for k, v in said.items() if k in (
        "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens",
        "output_tokens_details", "server_tool_use", "iterations")}
    events = [
        {"type": "message_start", "message": {
            "id": "msg_golden", "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": first}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "It is done."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": last},
        {"type": "message_stop"}]
    return as_sse(sse([(e["type"], e) for e in events], done=False, named=True))


# -- Google --------------------------------------------------------------------------


def by_modality(whole, **parts):
    rows = [{"modality": name, "tokenCount": count} for name, count in parts.items() if count]
    text = whole - sum(parts.values())
    return ([{"modality": "TEXT", "tokenCount": text}] if text else []) + rows


def usage_metadata(usage, traffic=False):
    """promptTokenCount leaves tool use out, candidatesTokenCount the thoughts."""
    count = usage.get
    prompt = count("inputTokens", 0) - count("toolUseInputTokens", 0)
    candidates = count("outputTokens", 0) - count("reasoningTokens", 0)
    out = {"promptTokenCount": prompt, "candidatesTokenCount": candidates,
           "totalTokenCount": count("inputTokens", 0) + count("outputTokens", 0),
           "promptTokensDetails": by_modality(prompt, AUDIO=count("audioInputTokens", 0),
                                              IMAGE=count("imageInputTokens", 0))}
    if count("imageOutputTokens") or count("audioOutputTokens"):
        out["candidatesTokensDetails"] = by_modality(candidates, AUDIO=count("audioOutputTokens", 0),
                                                     IMAGE=count("imageOutputTokens", 0))
    if "cachedInputTokens" in usage:
        out["cachedContentTokenCount"] = usage["cachedInputTokens"]
    if "reasoningTokens" in usage:
        out["thoughtsTokenCount"] = usage["reasoningTokens"]
    if "toolUseInputTokens" in usage:
        out["toolUsePromptTokenCount"] = usage["toolUseInputTokens"]
    if usage.get("serviceTier"):
        out["trafficType" if traffic else "serviceTier"] = usage["serviceTier"]
    return out


def content(model, usage, more=None, calls=0, queries=(), traffic=False):
    parts = [{"text": "It is done."}]
    parts += [{"functionCall": {"name": "look_up", "args": {"n": i}}} for i in range(calls)]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
    if queries:
        candidate["groundingMetadata"] = {"webSearchQueries": list(queries)}
    return {"candidates": [candidate], "usageMetadata": merged(usage_metadata(usage, traffic), more),
            "modelVersion": model, "responseId": "golden"}


def generate(model, usage, more=None, calls=0, queries=(), traffic=False):
    return as_json(content(model, usage, more, calls, queries, traffic))


def generate_stream(model, usage, more=None, array=False, traffic=False):
    first = content(model, dict(usage, outputTokens=1 + usage.get("reasoningTokens", 0)), traffic=traffic)
    del first["candidates"][0]["finishReason"]
    last = content(model, usage, more, traffic=traffic)
    if array:
        return as_json("[%s,\r\n%s]" % (compact(first), compact(last)))
    return as_sse("".join("data: %s\r\n\r\n" % compact(each) for each in (first, last)))


def embed_content(usage):
    return as_json({"embedding": {"values": [0.25, -0.5]},
                    "usageMetadata": {"promptTokenCount": usage["inputTokens"],
                                      "totalTokenCount": usage["inputTokens"]}})


# -- Others --------------------------------------------------------------------------


def cohere_chat(usage, processed=0, cached=0):
    return as_json({"id": "golden", "finish_reason": "COMPLETE",
                    "message": {"role": "assistant", "content": [{"type": "text", "text": "It is done."}]},
                    "usage": {"billed_units": {"input_tokens": usage["inputTokens"],
                                               "output_tokens": usage["outputTokens"]},
                              "tokens": {"input_tokens": usage["inputTokens"] + processed,
                                         "output_tokens": usage["outputTokens"]},
                              "cached_tokens": cached}})


def cohere_units(billed, **rest):
    return as_json(dict({"id": "golden", "meta": {"api_version": {"version": "2"}, "billed_units": billed}}, **rest))


def converse(usage, tier=None):
    count = usage.get
    read, write = count("cachedInputTokens", 0), count("cacheWriteTokens", 0)
    said = {"inputTokens": count("inputTokens", 0) - read - write, "outputTokens": count("outputTokens", 0),
            "totalTokens": count("inputTokens", 0) + count("outputTokens", 0),
            "cacheReadInputTokens": read, "cacheWriteInputTokens": write}
    if write:
        hour = count("cacheWrite1hTokens", 0)
        rows = [{"ttl": "5m", "inputTokens": write - hour}] if write > hour else []
        said["cacheDetails"] = rows + ([{"ttl": "1h", "inputTokens": hour}] if hour else [])
    body = {"metrics": {"latencyMs": 100}, "stopReason": "end_turn", "usage": said,
            "output": {"message": {"role": "assistant", "content": [{"text": "It is done."}]}}}
    if tier:
        body["serviceTier"] = {"type": tier}
    return as_json(body)
