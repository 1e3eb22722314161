#!/usr/bin/env python3
"""./dev bench tokens [--encoding E] [--proof MB]

Counts English, code, many languages and chat JSON, and prints a JSON line for each corpus: MB/s
of one core's processor time for farebox (cold: with a new counter; warm; json: warm, from the
escaped text) and, where they can be installed, for npm's tiktoken 1.0.22, PyPI's tiktoken and
quicktok-v1. All counts must be equal, text by text; else it says where they differ and exits 1.

--proof MB generates that much mixed text instead (languages, code, JSON, emoji, runs of blanks,
base64, noise), counts it with farebox, npm's tiktoken and PyPI's, and compares every text.
"""
import argparse
import base64
import glob
import json
import os
import pathlib
import pydoc_data.topics
import random
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
WORK = ROOT / "build" / "bench" / "tokens"
VOCABULARIES = ROOT / "build" / "vocabularies"
BENCH = ROOT / "build" / "release" / "tests" / "tokens_bench"
MOST = 4 << 20  # octets of a corpus
TEXT = 8 << 10  # of one text


def say(*words):
    print("==>", *words, file=sys.stderr, flush=True)


def read(paths, most=MOST):
    out, size = [], 0
    for path in paths:
        try:
            text = pathlib.Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        out.append(text)
        size += len(text.encode())
        if size > most:
            break
    return "".join(out)


def english():
    return "".join(pydoc_data.topics.topics.values()) + read(sorted(glob.glob("/usr/share/common-licenses/*")))


def code():
    library = sorted(glob.glob(os.path.join(os.path.dirname(os.__file__), "*.py")))
    own = sorted(glob.glob(str(ROOT / "*" / "*.cpp")))
    return read(own, MOST // 2) + read(library, MOST // 2)


def messages(path):
    """The translations in a compiled gettext catalogue (gettext manual, 10.3)."""
    octets = pathlib.Path(path).read_bytes()
    if octets[:4] != b"\xde\x12\x04\x95":
        return
    count, _, table = struct.unpack_from("<3I", octets, 8)
    for i in range(1, count):
        length, at = struct.unpack_from("<2I", octets, table + 8 * i)
        yield octets[at:at + length].decode("utf-8", "replace").replace("\0", "\n")


def languages(dice):
    """Translations that lie on this machine; without them, words made of the letters of scripts."""
    found = sorted(glob.glob("/usr/share/locale/*/LC_MESSAGES/*.mo"))
    dice.shuffle(found)
    out, size = [], 0
    for path in found:
        for text in messages(path):
            out.append(text)
            size += len(text.encode())
        if size > MOST:
            break
    if size < MOST // 4:
        say("no translations on this machine: languages are made up")
        while size < MOST:
            out.append(made_up_words(dice, 200))
            size += len(out[-1].encode())
    dice.shuffle(out)
    return "\n".join(out)


SCRIPTS = ((0x61, 0x7A), (0x61, 0x7A), (0xE0, 0xFF), (0x3B1, 0x3C9), (0x410, 0x44F), (0x5D0, 0x5EA), (0x620, 0x64A),
           (0x904, 0x939), (0xE01, 0xE3A), (0x1200, 0x1248), (0x3041, 0x3096), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3))


def made_up_words(dice, words):
    first, last = dice.choice(SCRIPTS)
    return " ".join("".join(chr(dice.randint(first, last)) for _ in range(dice.randint(1, 9))) for _ in range(words))


def chat(prose, program):
    """Request bodies as they lie on the wire."""
    out = []
    for at in range(0, min(len(prose), len(program), MOST // 2), 2000):
        said = [{"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": prose[at:at + 2000]},
                {"role": "assistant", "content": "```python\n%s\n```" % program[at:at + 2000]}]
        out.append(json.dumps({"model": "gpt-4o", "messages": said, "stream": True, "temperature": 0.7}))
    return "\n".join(out)


def cut(text):
    return [text[at:at + TEXT] for at in range(0, min(len(text), MOST), TEXT)]


def mixed(dice, sources, size):
    """Texts of every kind, some whole and some of pieces of others."""
    emoji = ("😀", "👩‍💻", "🇩🇪", "👍🏽", "❤️", "…", "“", "”", "—", "\u00a0", "\u200b", "\ufeff", "\u0301", "ſ", "'ſ")
    kinds = (lambda: dice.choice(sources)[:dice.randint(1, TEXT)],
             lambda: made_up_words(dice, dice.randint(1, 300)),
             lambda: json.dumps({dice.choice("abc"): [dice.random(), dice.choice(sources)[:500]]}, ensure_ascii=dice.random() < 0.5),
             lambda: "".join(dice.choice(emoji) * dice.randint(1, 3) + dice.choice(("", " ", "\n")) for _ in range(200)),
             lambda: "".join(dice.choice(" \t\n\r\v\f\u00a0\u3000") * dice.randint(1, 40) + dice.choice("aA1.('/") for _ in range(150)),
             lambda: base64.b64encode(dice.randbytes(dice.randint(1, 4000))).decode(),
             lambda: "".join(dice.choice("aAbBzZsStTlLrReEvVmMdD'’09 \n/.(") for _ in range(dice.randint(1, 3000))),
             lambda: dice.randbytes(dice.randint(1, 3000)).decode("utf-8", "replace"),
             lambda: dice.randbytes(dice.randint(1, 2000)).hex(),
             lambda: "".join(chr(dice.choice((dice.randint(0, 0xD7FF), dice.randint(0xE000, 0xFFFF), dice.randint(0x10000, 0x10FFFF))))
                             for _ in range(dice.randint(1, 700))),
             lambda: dice.choice("ab \n-=*#'0é中") * dice.randint(1, 3000),
             lambda: "".join(each.title() if dice.random() < 0.3 else each for each in dice.choice(sources)[:3000].split("e")))
    written = 0
    while written < size:
        text = "".join(dice.choice(kinds)() for _ in range(dice.choice((1, 1, 1, 2, 5))))
        written += len(text.encode())
        yield text


def write(texts, name):
    path = WORK / (name + ".jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    return path


def install():
    """What can be had of the rivals: {name: how to call it}."""
    WORK.mkdir(parents=True, exist_ok=True)
    rivals = {}
    if not (WORK / "node_modules" / "tiktoken").exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(WORK), "tiktoken@1.0.22"],
                       capture_output=True, check=False)
    if (WORK / "node_modules" / "tiktoken").exists():
        rivals["npm_tiktoken"] = ["node", str(HERE / "tokens_npm.mjs")]
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(WORK / "venv")], capture_output=True, check=False)
    for module, package in (("tiktoken", "tiktoken==0.14.0"), ("quicktok", "quicktok-v1==0.4.0")):
        has = [str(python), "-c", "import " + module]
        if subprocess.run(has, capture_output=True, check=False).returncode:
            subprocess.run([str(python), "-m", "pip", "install", "-q", package], capture_output=True, check=False)
        if not subprocess.run(has, capture_output=True, check=False).returncode:
            rivals["pypi_" + module] = [str(python), str(HERE / "tokens_pypi.py"), module]
    return rivals


def run(command, path):
    with open(path, encoding="utf-8") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, cwd=WORK, check=False)
    if done.returncode:
        sys.exit("%s failed:\n%s" % (command[:3], done.stderr[-2000:]))
    return json.loads(done.stdout)


def compare(path, encoding, passes, rivals):
    """What each says of the texts, and how many texts are counted otherwise than by farebox."""
    said = {"farebox": run([str(BENCH), encoding, str(max(passes, 2) * 4)], path)}
    pattern = ""
    differ = 0
    for name, command in rivals.items():
        if name == "pypi_tiktoken" and not pattern:
            continue  # npm's tells the pattern
        extra = [str(VOCABULARIES / (encoding + ".tiktoken")), pattern] if name.startswith("pypi") else []
        said[name] = run(command + [encoding, str(passes), *extra], path)
        pattern = said[name].get("pattern", pattern)
        for i, (mine, other) in enumerate(zip(said["farebox"]["counts"], said[name]["counts"], strict=True)):
            if mine != other:
                differ += 1
                if differ < 5:
                    say(f"{path}, line {i + 1}: farebox counts {mine}, {name} {other}")
    return said, differ


def bench(encoding, rivals, corpora):
    bad = 0
    for name, text in corpora.items():
        path = write(cut(text), name)
        said, differ = compare(path, encoding, 3, rivals)
        bad += differ
        size = sum(len(each.encode()) for each in cut(text)) / 1e6
        row = {"corpus": name, "encoding": encoding, "megabytes": round(size, 2),
               "tokens": sum(said["farebox"]["counts"]), "differ": differ,
               "farebox_cold": round(size / said["farebox"]["cold"], 1), "farebox_json": round(size / said["farebox"]["json"], 1)}
        for who, each in said.items():
            row[who] = round(size / each["warm"], 1)
            if who != "farebox":
                row["times_" + who] = round(each["warm"] / said["farebox"]["warm"], 1)
        print(json.dumps(row), flush=True)
    return bad


def main():
    parser = argparse.ArgumentParser(prog="./dev bench tokens", description="token counts: how fast, and the same as others?")
    parser.add_argument("--encoding", choices=("o200k_base", "cl100k_base"), action="append", help="[both]")
    parser.add_argument("--proof", type=int, metavar="MB", help="compare so much mixed text instead")
    parser.add_argument("--seed", type=int, default=1)
    said = parser.parse_args()
    dice = random.Random(said.seed)
    WORK.mkdir(parents=True, exist_ok=True)
    rivals = install()
    say("rivals:", ", ".join(rivals) or "none can be installed here")
    corpora = {"english": english(), "code": code(), "languages": languages(dice)}
    corpora["chat_json"] = chat(corpora["english"], corpora["code"])
    bad = 0
    for encoding in said.encoding or ("o200k_base", "cl100k_base"):
        if said.proof is None:
            bad += bench(encoding, rivals, corpora)
            continue
        path = write(mixed(dice, [each for text in corpora.values() for each in cut(text)], said.proof * 1_000_000), "mixed")
        exact = {name: rivals[name] for name in ("npm_tiktoken", "pypi_tiktoken") if name in rivals}
        answers, differ = compare(path, encoding, 1, exact)
        bad += differ
        print(json.dumps({"proof": encoding, "megabytes": said.proof, "texts": len(answers["farebox"]["counts"]),
                          "tokens": sum(answers["farebox"]["counts"]), "against": list(exact), "differ": differ}), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
