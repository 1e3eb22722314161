"""Many calls at once, on one event loop: a thousand clients in one process.

Each call has a connection of its own, which ends with the answer, so an answer is all
octets until the end; whether it was whole is read from its framing afterwards."""

import asyncio
import socket
import struct
import time

import wire

CONNECTING = 100        # connections that are being made at once


class Call:
    """One request, and what becomes of it. The client is gone after `leave_after` octets of
    the answer, or `leave_in` seconds behind its request; with `reset` by RST, else by FIN."""

    def __init__(self, target, body, headers=(), leave_after=None, leave_in=None, reset=False,
                 name=None):
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        if name:
            fields += [("x-farebox-request-id", name), ("x-request-tag", name)]
        fields.append(("Connection", "close"))
        self.name = name
        self.octets = wire.request_octets("POST", target, fields, body)
        self.leave_after, self.leave_in, self.reset = leave_after, leave_in, reset
        self.received = bytearray()
        self.left_at = None         # monotonic seconds
        self.answer = None          # a wire.Response, once a head came

    @property
    def status(self):
        return self.answer.status if self.answer else 0

    @property
    def error(self):
        """The code of an error in OpenAI's shape."""
        return self.answer.json()["error"]["code"]

    def read(self):
        head, mark, rest = bytes(self.received).partition(b"\r\n\r\n")
        if not mark:
            return
        self.answer = wire.Response(head + mark, "POST")
        if self.answer.framing == "length":
            self._take(rest)
            self.answer.complete = len(rest) == int(self.answer.header("content-length"))
            return
        while True:
            size, mark, rest = rest.partition(b"\r\n")
            if not mark:
                return
            size = int(size, 16)
            if size == 0:
                self.answer.complete = rest == b"\r\n"
                return
            self._take(rest[:size])
            if rest[size:size + 2] != b"\r\n":
                return
            rest = rest[size + 2:]

    def _take(self, octets):
        self.answer.chunks.append((octets, 0.0))


class Client(asyncio.Protocol):
    """Sends a call's octets and collects until the peer ends or the call leaves."""

    def __init__(self, call, done):
        self.call, self.done, self.transport, self.leaving = call, done, None, False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.call.octets)
        if self.call.leave_in is not None:
            asyncio.get_running_loop().call_later(self.call.leave_in, self.leave)

    def data_received(self, data):
        self.call.received += data
        if self.call.leave_after is not None and len(self.call.received) >= self.call.leave_after:
            self.leave()

    def leave(self):
        if self.transport.is_closing():
            return
        self.leaving = True
        if self.call.reset:
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    def connection_lost(self, error):
        if self.leaving:            # the socket is closed right behind this
            self.call.left_at = time.monotonic()
        if not self.done.done():
            self.done.set_result(None)


async def _run(port, calls, seconds):
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(CONNECTING)

    async def one(call):
        done = loop.create_future()
        async with turn:
            await loop.create_connection(lambda: Client(call, done), "127.0.0.1", port)
        await done
        call.read()
    await asyncio.wait_for(asyncio.gather(*[one(call) for call in calls]), seconds)


def at_once(port, calls, seconds=60):
    """Runs all calls side by side and waits for their ends; returns them."""
    asyncio.run(_run(port, calls, seconds))
    return calls
