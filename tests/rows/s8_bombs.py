"""Row S8: some MiB that unpack to 10 GiB, through every coding that is read on the side."""

import hashlib

import bombs
from harness import CALM, CHAT, Farebox, chat_body, fetch
from hostile_upstream import Upstream, answer_of


def measure(mib):
    bodies = {"gzip": ("gzip", bombs.gzip_bomb(mib)), "zstd": ("zstd", bombs.zstd_bomb(mib)),
              "br": ("br", bombs.brotli_bomb(min(mib, 2048))),
              "nested": ("gzip, gzip", bombs.nested(bombs.gzip_bomb(mib))),
              "gzip of gzip": ("gzip", bombs.nested(bombs.gzip_bomb(mib), 2))}
    bodies = {name: pair for name, pair in bodies.items() if pair[1] is not None}

    def answer(method, target, body, connection):
        encoding, octets = bodies[target.rsplit("=", 1)[1].replace("%20", " ")]
        return answer_of(octets, "Content-Encoding: " + encoding), True
    upstream = Upstream(answer)
    farebox = Farebox({"providers": {"openai": dict(CALM, base_url=upstream.url)}})
    fetch(farebox.port, "POST", CHAT + "?kind=zstd", (), chat_body(), timeout=60)
    before, peak, equal = farebox.rss_kib(), 0, True
    for name, (_, octets) in bodies.items():
        reply = fetch(farebox.port, "POST", CHAT + "?kind=" + name.replace(" ", "%20"), (), chat_body(), timeout=120)
        equal = equal and hashlib.sha256(reply.body).digest() == hashlib.sha256(octets).digest()
        farebox.record_of(reply, 30)
        peak = max(peak, farebox.rss_kib())
    with open("/proc/%d/status" % farebox.pid) as status:   # VmHWM: the most there ever was
        high = int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    code = farebox.stop()
    upstream.close()
    return {"rss_growth_MiB": round((max(peak, high) - before) / 1024, 1), "octets_equal": equal and code == 0,
            "sizes_MiB": {name: round(len(octets) / (1 << 20), 2) for name, (_, octets) in bodies.items()},
            "unpacked_GiB": round(mib / 1024, 1)}
