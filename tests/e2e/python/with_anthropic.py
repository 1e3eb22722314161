import os

import anthropic

from observe import cancelled, method, pull


def settings(asked):
    out = {"timeout": asked.timeout_ms / 1000}
    if asked.by_variable:
        os.environ.update(ANTHROPIC_BASE_URL=asked.url, ANTHROPIC_API_KEY=asked.key)
        return out
    return dict(out, base_url=asked.url, api_key=asked.key, **asked.given(retries="max_retries"))


def client(asked):
    return anthropic.Anthropic(**settings(asked))


def call(asked, seen):
    body = asked.body or {}
    if asked.cancel_ms is None:
        return method(client(asked), asked.path)(**body)
    later = anthropic.AsyncAnthropic(**settings(asked))
    return cancelled(lambda: method(later, asked.path)(**body), seen, asked.cancel_ms)


def stream(asked, seen):
    events = method(client(asked), asked.path)(stream=True, **asked.body)
    return pull(events, seen, asked.leave_after)


def collect(asked, seen):
    """The helper that collects a stream into one message."""
    with client(asked).messages.stream(**asked.body) as events:
        return events.get_final_message()
