#!/usr/bin/env python3
"""PyPI's tiktoken and quicktok-v1 as rivals; tokens.py runs it in an environment that has them:
   tokens_pypi.py tiktoken|quicktok ENCODING PASSES RANK_FILE PATTERN < texts.jsonl

tiktoken would fetch its rank files; it is given ours, and the pattern of npm's tiktoken.
"""
import base64
import json
import sys
import time


def counter(package, name, rank_file, pattern):
    if package == "quicktok":
        import quicktok
        return quicktok.get_encoding(name).count
    import tiktoken
    with open(rank_file, "rb") as file:
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in file)}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def main():
    package, name, passes, rank_file, pattern = sys.argv[1:]
    count = counter(package, name, rank_file, pattern)
    texts = [json.loads(line)["text"] for line in sys.stdin if line.strip()]
    best, counts = float("inf"), []
    for _ in range(int(passes)):
        began = time.process_time()
        counts = [count(text) for text in texts]
        best = min(best, time.process_time() - began)
    print(json.dumps({"counts": counts, "warm": best}))


if __name__ == "__main__":
    main()
