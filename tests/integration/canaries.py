"""Secrets that must come out nowhere, and every shape they could come out in."""

import base64
import os
import urllib.parse

# Fields that carry somebody's credentials.
CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-farebox-key",
               "proxy-authorization")
# Keys of a configuration that hold secrets.
SETTINGS = ("api_keys", "token", "read_token", "upstream_proxy", "secret", "routing_key",
            "password")
SHORTEST = 12       # a shorter one could stand anywhere by chance
sent = set()        # what tests sent as credentials since the last `forget`


def forget():
    sent.clear()


def note(fields):
    """Remembers the credentials of one request's fields."""
    for name, value in fields:
        if name.lower() in CREDENTIALS and len(sent) < 200:
            secret = value.rpartition(" ")[2]
            if len(secret) >= SHORTEST:
                sent.add(secret)


def secrets_of(config):
    """The secrets that a configuration, a dict, says in plain text."""
    found = set()
    if isinstance(config, list):
        for item in config:
            found |= secrets_of(item)
    elif isinstance(config, dict):
        for key, value in config.items():
            if key not in SETTINGS or isinstance(value, dict):  # a provider may have such a name
                found |= secrets_of(value)
            elif key == "upstream_proxy":
                userinfo = urllib.parse.urlsplit(value).netloc.rpartition("@")[0]
                found.add(urllib.parse.unquote(userinfo.partition(":")[2]))
            else:
                found |= set(value if isinstance(value, list) else [value])
    return {secret for secret in found if len(secret) >= SHORTEST and "${" not in secret}


def disguises(secret):
    """The secret as it is, in hex, URL-coded, and in base64 at every alignment."""
    octets = secret.encode()
    coded = urllib.parse.quote(secret, safe="")
    yield octets
    yield octets.hex().encode()
    yield octets.hex().upper().encode()
    yield coded.encode()
    yield "".join(c if c.isalnum() else "%%%02x" % ord(c) for c in secret).encode()
    yield b"".join(b"%%%02X" % octet for octet in octets)
    yield secret.replace("/", "\\/").encode()                       # JSON may
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + octets + bytes(3))
        # Only what the secret alone decides, whatever stands before and behind it.
        middle = whole[-(-8 * shift // 6):8 * (shift + len(octets)) // 6]
        yield middle
        yield middle.replace(b"+", b"-").replace(b"/", b"_")


def hits(octets, secrets):
    """The secrets that `octets` show, with the shape they have there."""
    return [(secret, shape) for secret in secrets for shape in set(disguises(secret))
            if shape in octets]


def files_below(directory):
    """(path, octets) of every file."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    yield path, file.read()
            except OSError:
                pass            # RocksDB deletes what it has no use for
