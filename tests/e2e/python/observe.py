"""What a call looked like from outside: results, errors and events as plain JSON."""

import asyncio
import functools
import hashlib
import time

LONG = 4096
# What tells one error of an SDK from another.
SHOWN = ("code", "type", "param", "request_id", "body")


class Asked(dict):
    """The arguments of a call; one that isn't there is None."""

    def __getattr__(self, name):
        return self.get(name)

    def given(self, **names):
        """Those that were given, under the SDK's own names: given(timeout_ms="timeout")."""
        return {theirs: self[ours] for ours, theirs in names.items() if ours in self}


def digest(octets):
    return "sha256:%s:%d" % (hashlib.sha256(octets).hexdigest(), len(octets))


def plain(value):
    """As JSON; long texts become their length and hash, octets too."""
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json", warnings=False))
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (bytes, bytearray)):
        return digest(bytes(value))
    if isinstance(value, str):
        return digest(value.encode()) if len(value) > LONG else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return type(value).__name__


def expanded(value):
    """{"$big": n} becomes a text of n octets, wherever it stands."""
    if isinstance(value, dict):
        if "$big" in value:
            return "fare " * (value["$big"] // 5)
        return {name: expanded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [expanded(one) for one in value]
    return value


def error_of(error, depth=0):
    """An error as a program would tell it from others."""
    out = {"class": type(error).__name__, "module": type(error).__module__.split(".")[0]}
    response = getattr(error, "response", None)
    # The words of a broken connection name ports; those of an answer are the provider's.
    if response is not None and hasattr(error, "status_code"):
        out["status"] = error.status_code
        out["message"] = str(error)
        out["headers"] = sorted((n.lower(), v) for n, v in response.headers.multi_items())
    for name in SHOWN:
        if hasattr(error, name):
            out[name] = plain(getattr(error, name))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and depth < 4:
        out["cause"] = error_of(cause, depth + 1)
    return out


def method(client, path):
    """client.a.b.c of "a.b.c"."""
    return functools.reduce(getattr, path.split("."), client)


def pull(stream, seen, leave_after=None):
    """Reads a stream into seen["events"], or leaves it after so many events."""
    seen["events"] = []
    for event in stream:
        seen["events"].append(plain(event))
        if len(seen["events"]) == leave_after:
            seen["leftAt"] = time.monotonic()
            stream.close()
            return "left"
    return "read to the end"


def cancelled(make_call, seen, after_ms):
    """An asynchronous call whose task is cancelled under way, as wait_for() would."""
    async def run():
        task = asyncio.ensure_future(make_call())
        await asyncio.sleep(after_ms / 1000)
        seen["leftAt"] = time.monotonic()
        task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            return "cancelled"
    return asyncio.run(run())
