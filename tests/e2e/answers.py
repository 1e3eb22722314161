"""Answers the mock has no words for, shaped as the providers shape them: tool calls,
structured output, images, files, transcripts. Each is a behaviour of the mock."""

import json

ARGUMENTS = '{"city":"Bern"}'
FARE = '{"city":"Bern","price":2.8}'


def as_json(body):
    return {"body": json.dumps(body), "content_type": "application/json"}


def as_events(events, named=False, done=False):
    """A stream of server-sent events, one chunk of the wire for each some 60 octets."""
    text = ""
    for event in events:
        if named:
            text += "event: %s\n" % event["type"]
        text += "data: %s\n\n" % json.dumps(event)
    if done:
        text += "data: [DONE]\n\n"
    return {"body": text, "content_type": "text/event-stream; charset=utf-8",
            "framing": "chunked", "chunk_size": 60}


# -- OpenAI chat completions ---------------------------------------------

CHAT_USAGE = {"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30}
CHAT_TOKENS = (21, 9)


def chat(message, finish="stop"):
    return as_json({"id": "chatcmpl-made", "object": "chat.completion", "created": 1760000000,
                    "model": "gpt-4.1-mini-2025-04-14",
                    "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                                 "message": dict({"role": "assistant", "refusal": None}, **message)}],
                    "usage": CHAT_USAGE})


def chat_tool_call():
    call = {"id": "call_1", "type": "function",
            "function": {"name": "fare_to", "arguments": ARGUMENTS}}
    return chat({"content": None, "tool_calls": [call]}, "tool_calls")


def chat_text(text):
    return chat({"content": text})


def chat_events(deltas, finish):
    def chunk(choices, usage=None):
        return {"id": "chatcmpl-made", "object": "chat.completion.chunk", "created": 1760000000,
                "model": "gpt-4.1-mini-2025-04-14", "choices": choices, "usage": usage}
    events = [chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    events.append(chunk([{"index": 0, "delta": {}, "finish_reason": finish}]))
    events.append(chunk([], CHAT_USAGE))
    return as_events(events, done=True)


def chat_tool_stream():
    first = {"role": "assistant", "content": None, "tool_calls": [
        {"index": 0, "id": "call_1", "type": "function",
         "function": {"name": "fare_to", "arguments": ""}}]}
    rest = [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
            for part in (ARGUMENTS[:5], ARGUMENTS[5:])]
    return chat_events([first] + rest, "tool_calls")


def chat_text_stream(text):
    parts = [text[i:i + 7] for i in range(0, len(text), 7)]
    return chat_events([{"role": "assistant", "content": ""}] + [{"content": p} for p in parts],
                       "stop")


# -- OpenAI responses ----------------------------------------------------

RESPONSES_USAGE = {"input_tokens": 33, "input_tokens_details": {"cached_tokens": 0},
                   "output_tokens": 11, "output_tokens_details": {"reasoning_tokens": 0},
                   "total_tokens": 44}
RESPONSES_TOKENS = (33, 11)


def response(output, status="completed"):
    return {"id": "resp_made", "object": "response", "created_at": 1760000000, "status": status,
            "error": None, "incomplete_details": None, "instructions": None,
            "model": "gpt-4.1-mini-2025-04-14", "output": output, "parallel_tool_calls": True,
            "tool_choice": "auto", "tools": [], "metadata": {}, "temperature": 1.0, "top_p": 1.0,
            "usage": RESPONSES_USAGE if status == "completed" else None}


RESPONSE_CALL = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
                 "name": "fare_to", "arguments": ARGUMENTS}


def response_text_item(text):
    return {"id": "msg_made", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "text": text}]}


def responses_tool_call():
    return as_json(response([RESPONSE_CALL]))


def responses_text(text):
    return as_json(response([response_text_item(text)]))


def responses_tool_stream():
    opened = dict(RESPONSE_CALL, status="in_progress", arguments="")
    place = {"item_id": "fc_1", "output_index": 0}
    events = [{"type": "response.created", "response": response([], "in_progress")},
              {"type": "response.output_item.added", "output_index": 0, "item": opened}]
    events += [dict(place, type="response.function_call_arguments.delta", delta=part)
               for part in (ARGUMENTS[:5], ARGUMENTS[5:])]
    events += [dict(place, type="response.function_call_arguments.done", arguments=ARGUMENTS),
               {"type": "response.output_item.done", "output_index": 0, "item": RESPONSE_CALL},
               {"type": "response.completed", "response": response([RESPONSE_CALL])}]
    return as_events([dict(e, sequence_number=i) for i, e in enumerate(events)], named=True)


# -- the rest of OpenAI --------------------------------------------------

IMAGE = as_json({"created": 1760000000, "size": "1024x1024", "quality": "low",
                 "output_format": "png", "background": "opaque",
                 "data": [{"b64_json": "iVBORw0KGgo" + "A" * 200000}],
                 "usage": {"input_tokens": 12, "output_tokens": 272, "total_tokens": 284,
                           "input_tokens_details": {"text_tokens": 12, "image_tokens": 0}}})
IMAGE_TOKENS = (12, 272)
FILE = as_json({"id": "file-1", "object": "file", "bytes": 20971520, "created_at": 1760000000,
                "filename": "fares.jsonl", "purpose": "batch", "status": "processed"})
TRANSCRIPT = as_json({"text": "The fare is paid.",
                      "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 6,
                                "total_tokens": 20,
                                "input_token_details": {"text_tokens": 0, "audio_tokens": 14}}})
TRANSCRIPT_TOKENS = (14, 6)

# -- Anthropic -----------------------------------------------------------

MESSAGE_TOKENS = (25, 13)


def message(content, stop="end_turn", output=13):
    return {"id": "msg_made", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5-20250929", "content": content, "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 20, "cache_creation_input_tokens": 0,
                      "cache_read_input_tokens": 5, "output_tokens": output}}


def message_text(text):
    return as_json(message([{"type": "text", "text": text}]))


def message_tool_use(name="fare_to", given=None):
    return as_json(message([{"type": "text", "text": "Let me see."},
                            {"type": "tool_use", "id": "toolu_1", "name": name,
                             "input": given or json.loads(ARGUMENTS)}], "tool_use"))


def message_events(kind, deltas, stop):
    events = [{"type": "message_start", "message": message([], None, 1)},
              {"type": "content_block_start", "index": 0, "content_block": kind}]
    events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    events += [{"type": "content_block_stop", "index": 0},
               {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": 13}},
               {"type": "message_stop"}]
    return as_events(events, named=True)


def message_text_stream(text):
    parts = [text[i:i + 7] for i in range(0, len(text), 7)]
    return message_events({"type": "text", "text": ""},
                          [{"type": "text_delta", "text": p} for p in parts], "end_turn")


def message_tool_stream(name="fare_to", arguments=ARGUMENTS):
    return message_events({"type": "tool_use", "id": "toolu_1", "name": name, "input": {}},
                          [{"type": "input_json_delta", "partial_json": part}
                           for part in ("", arguments[:5], arguments[5:])], "tool_use")


# -- Gemini --------------------------------------------------------------

GENERATED_TOKENS = (17, 7)


def generated(parts):
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP",
                            "index": 0}],
            "usageMetadata": {"promptTokenCount": 17, "candidatesTokenCount": 7,
                              "totalTokenCount": 24},
            "modelVersion": "gemini-2.5-flash", "responseId": "made"}


GENERATED_CALL = [{"functionCall": {"name": "fare_to", "args": json.loads(ARGUMENTS)}}]
