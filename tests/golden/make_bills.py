#!/usr/bin/env python3
"""Writes the golden bills, always the same octets from the same price_facts.json.

    tests/golden/make_bills.py              writes *.json beside this program
    tests/golden/make_bills.py --check      compares instead; exit 1 on a difference

README.md says what a bill is and how to check one with a pocket calculator.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import grid                                                     # noqa: E402
import themes                                                   # noqa: E402
from book import HERE, Book                                     # noqa: E402

NOT_BILLS = ("price_facts.json",)


def made():
    book = Book()
    grid.write(book)
    themes.write(book)
    return book


def main():
    book = made()
    files = book.files()
    there = {n for n in os.listdir(HERE) if n.endswith(".json") and n not in NOT_BILLS}
    if sys.argv[1:] == ["--check"]:
        wrong = sorted(there ^ set(files))
        for name in sorted(there & set(files)):
            with open(os.path.join(HERE, name), encoding="utf-8") as file:
                if file.read() != files[name]:
                    wrong.append(name)
        print("not what make_bills.py writes: " + ", ".join(wrong) if wrong else "%d bills" % book.size())
        return 1 if wrong else 0
    for name, text in files.items():
        with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
            file.write(text)
    for name in there - set(files):
        os.remove(os.path.join(HERE, name))
    for name, (_, bills) in book.themes.items():
        print("%-22s %d" % (name, len(bills)))
    print("%-22s %d" % ("", book.size()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
