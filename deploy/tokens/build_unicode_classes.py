#!/usr/bin/env python3
"""Writes config/vocabulary/unicode_classes.txt: which code points are letters, marks,
numbers and blanks in the eyes of the reference tokenizer.

The classes are asked of PyPI's tiktoken itself (0.14.0 and npm's 1.0.22 agree, Unicode
16.0), because Debian's own tables are of an older Unicode. Run it in an environment that
has tiktoken when the reference moves to another Unicode version:

  deploy/tokens/build_unicode_classes.py > config/vocabulary/unicode_classes.txt
"""
import textwrap

import tiktoken

CLASSES = (("upper", r"[\p{Lu}\p{Lt}]"), ("lower", r"\p{Ll}"), ("letter", r"[\p{Lm}\p{Lo}]"),
           ("mark", r"\p{M}"), ("number", r"\p{N}"), ("space", r"\s"))
HEAD = """# Unicode 16.0 as the reference tokenizer sees it; made by deploy/tokens/build_unicode_classes.py.
# "class:" and then code points and ranges of them in hexadecimal; what is in no class is "other".
# upper: Lu Lt, lower: Ll, letter: Lm Lo, mark: M, number: N, space: White_Space
"""


def main():
    octets = {bytes([each]): each for each in range(256)}
    every = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    seen = set()
    print(HEAD, end="")
    for name, pattern in CLASSES:
        # What the pattern doesn't match makes no token: what is left is the class.
        encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=octets, special_tokens={})
        found = sorted(map(ord, bytes(encoding.encode_ordinary(every)).decode()))
        assert not seen & set(found), name
        seen.update(found)
        ranges = []
        for code in found:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
        words = " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in ranges)
        print(f"{name}:")
        print(textwrap.fill(words, 100, break_on_hyphens=False))


if __name__ == "__main__":
    main()
