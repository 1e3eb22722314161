"""What must be true of a budget's counter, seen from outside: it adds up at every moment,
and is the sum of its records when nothing runs."""

import threading
from decimal import Decimal

from farebox_process import wait_until

# USD per million tokens are picodollars per millionth: 2 USD are 2,000,000 for each token.
PRICES = {"gpt-4.1-mini": (2, 10), "claude-sonnet-4-5": (3, 15), "gemini-2.5-flash": (1, 8),
          "gemini-2.0-flash": (1, 8)}
OVERRIDES = {model: {"input": str(i), "output": str(o)} for model, (i, o) in PRICES.items()}


def usd(text):
    return Decimal(text)


def cost(model, input_tokens, output_tokens):
    """Exactly, in USD."""
    price = PRICES[model]
    return Decimal(input_tokens * price[0] + output_tokens * price[1]).scaleb(-6)


def billed(lines):
    """What the provider's own bill comes to."""
    return sum((cost(l["model"], l["inputTokens"], l["outputTokens"]) for l in lines), Decimal(0))


def row_of(farebox, name, **scope):
    """The budget's row for these values; None: it has none."""
    for row in farebox.admin_json("/api/budgets")["budgets"]:
        if row["name"] == name and all(row["scope"].get(k) == v for k, v in scope.items()):
            return row
    return None


def faults_of(row):
    """How a row contradicts itself, at whatever moment it was read."""
    limit, spent, held, left = (usd(row[key]) for key in (
        "limitUsd", "currentSpendUsd", "heldUsd", "remainingUsd"))
    faults = []
    if spent + held > limit:
        faults.append("spent + held pass the limit")
    if held < 0 or spent < 0:
        faults.append("something is negative")
    if left != max(limit - spent - held, 0):
        faults.append("remaining is not what is left")
    if row["limitTokens"] and row["spentTokens"] + row["heldTokens"] > row["limitTokens"]:
        faults.append("tokens pass their limit")
    return ["%s: %s" % (fault, row) for fault in faults]


class Sampler(threading.Thread):
    """Reads a budget's rows over and over while others run, and keeps what doesn't add up."""

    def __init__(self, farebox, name, pause=0.02):
        super().__init__(daemon=True)
        self.farebox, self.name, self.pause = farebox, name, pause
        self.faults, self.samples = [], 0
        self._ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join(10)

    def run(self):
        while not self._ended.wait(self.pause):
            for row in self.farebox.admin_json("/api/budgets")["budgets"]:
                if row["name"] == self.name:
                    self.faults += faults_of(row)
                    self.samples += 1


def assert_idle(test, farebox, name, query, **scope):
    """Nothing is held; the counter is the sum of the records, to the picodollar. `query`
    finds the same records. Returns the row and the records."""
    def idle():
        row = row_of(farebox, name, **scope)
        return row if row and usd(row["heldUsd"]) == 0 and row["heldTokens"] == 0 else None
    row = wait_until(idle, 10, "a hold of %s never ended" % name)
    records = farebox.records(**query)
    total = farebox.admin_json("/api/usage?" + "&".join("%s=%s" % q for q in query.items()))["total"]
    spent = usd(row["currentSpendUsd"])
    test.assertEqual(spent, sum(usd(r["costUsd"]) for r in records), "counter and records differ")
    test.assertEqual(spent, usd(total["costUsd"]), "counter and rollups differ")
    test.assertEqual(row["spentTokens"],
                     sum(r["inputTokens"] + r["outputTokens"] for r in records))
    ids = [r["requestId"] for r in records]
    test.assertEqual(len(ids), len(set(ids)), "a request has two records")
    return row, records
