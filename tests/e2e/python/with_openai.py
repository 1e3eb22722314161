import io
import os

import openai
import pydantic

from observe import cancelled, method, pull


def settings(asked):
    if asked.by_variable:
        os.environ.update(OPENAI_BASE_URL=asked.url, OPENAI_API_KEY=asked.key)
        return {}
    out = {"base_url": asked.url, "api_key": asked.key, **asked.given(retries="max_retries")}
    if "timeout_ms" in asked:
        out["timeout"] = asked.timeout_ms / 1000
    return out


def client(asked):
    return openai.OpenAI(**settings(asked))


def call(asked, seen):
    positional, body = asked.get("positional", []), asked.body or {}
    if asked.cancel_ms is None:
        return method(client(asked), asked.path)(*positional, **body)
    later = openai.AsyncOpenAI(**settings(asked))
    return cancelled(lambda: method(later, asked.path)(*positional, **body), seen, asked.cancel_ms)


def stream(asked, seen):
    events = method(client(asked), asked.path)(stream=True, **asked.body)
    return pull(events, seen, asked.leave_after)


def collect(asked, seen):
    """The helper that collects a stream into one completion."""
    with client(asked).chat.completions.stream(**asked.body) as events:
        return events.get_final_completion()


class Fare(pydantic.BaseModel):
    city: str
    price: float


def structured(asked, seen):
    done = client(asked).chat.completions.parse(response_format=Fare, **asked.body)
    return {"parsed": done.choices[0].message.parsed, "usage": done.usage}


def upload(asked, seen):
    file = io.BytesIO(asked.text.encode())
    return client(asked).files.create(file=("fares.jsonl", file), purpose="batch")


def transcribe(asked, seen):
    file = io.BytesIO(asked.text.encode())
    return client(asked).audio.transcriptions.create(file=("speech.wav", file), model="whisper-1")


def download(asked, seen):
    return client(asked).files.content("file-1").read()
