"""Commands as operators type them: exit codes, a terminal, and traffic to ask about."""

import os
import subprocess

from farebox_process import environment, program
from harness import CHAT, Connection, chat_body

USAGE, DAMAGED, UNAVAILABLE, CANT_CREATE, IO_FAILED, NOT_PERMITTED, BAD_CONFIG = 64, 65, 69, 73, 74, 77, 78
MINI, NANO = "gpt-4.1-mini", "gpt-4.1-nano"


def on_terminal(arguments, more=None):
    """(exit code, what a terminal got, standard error)."""
    ours, theirs = os.openpty()
    process = subprocess.Popen([program()] + list(arguments), env=environment(more),
                               stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    out = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:         # EIO: the other end is closed
            break
        if not piece:
            break
        out += piece
    os.close(ours)
    err = process.stderr.read().decode()
    process.stderr.close()
    return process.wait(20), out.decode().replace("\r\n", "\n"), err


def talk(farebox, count, model=MINI, project="search", stream=False):
    """Requests on one connection, so that many are quick."""
    connection = Connection(farebox.port)
    for _ in range(count):
        connection.ask("POST", CHAT, {"Host": "a.test", "x-farebox-project": project},
                       chat_body(model=model, stream=stream))
        reply = connection.response()
        assert reply.status == 200, reply.text
    connection.close()
