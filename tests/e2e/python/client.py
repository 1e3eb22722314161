"""One client program for the SDKs of Python, the twin of node/client.mjs: one JSON
object a line in, {"sdk", "do", "args"}, and what the SDK showed of it as a line out."""

import json
import sys

import observe


def family(name):
    if name == "openai":
        import with_openai
        return with_openai
    import with_anthropic
    return with_anthropic


def answer(line):
    asked = json.loads(line)
    seen = {}
    try:
        call = getattr(family(asked["sdk"]), asked["do"])
        seen["result"] = call(observe.Asked(observe.expanded(asked["args"])), seen)
    except Exception as error:      # whatever the SDK raises is what we came to see
        seen["error"] = observe.error_of(error)
    return observe.plain(seen)


for received in sys.stdin:
    print(json.dumps(answer(received)), flush=True)
