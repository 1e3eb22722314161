"""The golden bills as they are collected, and the files they are written to."""

import json
import os

import arithmetic

HERE = os.path.dirname(os.path.abspath(__file__))
# provider -> (dialect, where its OpenAI-shaped paths begin)
SELLERS = {
    "openai": ("openai", "/v1"), "azure": ("azure", "/openai/v1"), "anthropic": ("anthropic", "/v1"),
    "gemini": ("gemini", "/v1beta"), "vertex": ("gemini", "/v1"), "mistral": ("mistral", "/v1"),
    "groq": ("openai", "/openai/v1"), "deepseek": ("openai", ""), "cohere": ("cohere", ""),
    "xai": ("openai", "/v1"), "openrouter": ("openai", "/api/v1"), "perplexity": ("openai", ""),
    "voyage": ("openai", "/v1"), "together": ("openai", "/v1"), "fireworks": ("openai", "/inference/v1"),
    "cerebras": ("openai", "/v1"), "moonshot": ("openai", "/v1"), "zai": ("openai", "/api/paas/v4"),
    "bedrock": ("bedrock", ""), "ollama": ("ollama", "/v1")}
VERTEX = "/v1/projects/example/locations/global/publishers/%s/models/%s:%s"
PROMPT = [{"role": "user", "content": "Do it, please."}]


def load_cards():
    with open(os.path.join(HERE, "price_facts.json"), encoding="utf-8") as file:
        return {card["id"]: card for card in json.load(file)["cards"]}


def ask(path, **body):
    return {"path": path, "body": body}


def chat_request(provider, model, stream=False, **more):
    body = dict({"model": model, "messages": PROMPT}, **more)
    if stream:
        body.update(stream=True, stream_options={"include_usage": True})
    return ask(SELLERS[provider][1] + "/chat/completions", **body)


def message_request(model, **more):
    return ask("/v1/messages", **dict({"model": model, "max_tokens": 1000, "messages": PROMPT}, **more))


def generate_request(provider, model, verb="generateContent", **more):
    body = dict({"contents": [{"role": "user", "parts": [{"text": "Do it, please."}]}]}, **more)
    if provider == "vertex":
        return ask(VERTEX % ("google", model, verb), **body)
    return ask("/v1beta/models/%s:%s" % (model, verb), **body)


class Book:
    def __init__(self):
        self.cards = load_cards()
        self.themes = {}    # file name -> (what it is about, bills)
        self.ids = set()

    def theme(self, name, says):
        self.themes[name] = (says, [])
        self.current = self.themes[name][1]

    def add(self, id_, says, card, request, reply, usage, model=None, dialect=None):
        """`card` is an id of price_facts.json, or "provider/model" that has none."""
        assert id_ not in self.ids, id_
        self.ids.add(id_)
        provider, _, name = card.partition("/")
        name = name.partition("#")[0]
        found = self.cards.get(card)
        bill = arithmetic.bill_for(self.cards, found, usage)
        self.current.append({
            "id": id_, "says": says, "provider": provider, "dialect": dialect or SELLERS[provider][0],
            "model": model or name, "request": request, "reply": reply, "usage": usage,
            "prices": self.prices(found, usage) if found else None, "lines": bill.lines,
            "total": arithmetic.decimal(arithmetic.Fraction(arithmetic.picodollars(bill.sum), 10**12))
            if bill.priced else None,
            "priced": bill.priced, "estimated": bool(bill.by), "estimatedBy": sorted(bill.by)})

    def free(self, id_, says, provider, model, request, reply, dialect=None):
        """Nothing was billed: an error, or an endpoint that costs nothing."""
        self.ids.add(id_)
        self.current.append({
            "id": id_, "says": says, "provider": provider, "dialect": dialect or SELLERS[provider][0],
            "model": model, "request": request, "reply": reply, "usage": None, "prices": None,
            "lines": [], "total": "0", "priced": True, "estimated": False, "estimatedBy": []})

    def prices(self, card, usage):
        """Where the prices come from, and the ones that apply, as published."""
        out = {"source": card["source"], "date": card["date"], "card": card["id"]}
        if usage is not None and card["per_million_tokens"]:
            row = self.row_used(card, usage)
            if row:
                out["perMillionTokens"] = row
        for name, key in (("per_unit", "perUnit"), ("multipliers", "factors")):
            if card.get(name):
                out[key] = card[name]
        return out

    @staticmethod
    def row_used(card, usage):
        try:
            tier, above, _, _ = arithmetic.rates_for(card, usage.get("serviceTier"), usage.get("inputTokens", 0))
        except arithmetic.Unpriced:
            return None
        rows = [r for r in card["per_million_tokens"] if r.get("above_input_tokens", 0) == above]
        # Anthropic publishes no batch rows: they are half of the standard ones.
        return next((r for r in rows if r["tier"] == tier), None) or \
            next((r for r in rows if r["tier"] == "standard"), None)

    def size(self):
        return sum(len(bills) for _, bills in self.themes.values())

    def files(self):
        """{file name: text}"""
        return {name + ".json": text_of(says, bills) for name, (says, bills) in self.themes.items()}


def text_of(says, bills):
    def flat(value):
        return json.dumps(value, ensure_ascii=False)
    out = '{\n "says": %s,\n "currency": "USD",\n "bills": [\n' % flat(says)
    rows = []
    for bill in bills:
        fields = []
        for key, value in bill.items():
            if key == "lines" and value:
                value = "[\n" + ",\n".join("    " + flat(line) for line in value) + "]"
            else:
                value = flat(value)
            fields.append('   "%s": %s' % (key, value))
        rows.append("  {\n" + ",\n".join(fields) + "\n  }")
    return out + ",\n".join(rows) + "\n ]\n}\n"
