"""Callers without a valid key, in a process of their own: `python -m tests.integration.sender.flood PORT`.

Opens idle and half-open connections, prints `ready`, sends calls of 40 MiB until its standard input is
closed, and then prints how many calls got each status.
"""

import asyncio
import json
import socket
import sys
from collections import Counter
from itertools import cycle
from typing import Any

import grpc

from chassis.access import generate_key
from chassis.config import MEBIBYTE

IDLE, HALF, CALLERS = 5000, 500, 12
BODY = b"x" * (40 * MEBIBYTE)
METHODS = (
    "/letterhead.sender.v1.SenderService/SendEmail",
    "/letterhead.sender.v1.SenderService/GetEmail",
    "/grpc.health.v1.Health/Check",
)
# The preface, empty settings, and a HEADERS frame of 100 bytes of which 10 arrive.
HALF_REQUEST = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    b"\x00\x00\x64\x01\x04\x00\x00\x00\x01" + b"\x00" * 10
)  # fmt: skip


def connections(port: int) -> list[socket.socket]:
    """Open connections that send nothing, and some that stop in the middle of their first request."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(IDLE + HALF)]
    for each in opened[:HALF]:
        each.sendall(HALF_REQUEST)
    return opened


async def call_again_and_again(port: int, ended: asyncio.Event, answers: Counter[str]) -> None:
    """Call every method in turn, without a key and with a well-formed key that does not exist."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        for method, with_key in cycle((method, flag) for method in METHODS for flag in (True, False)):
            if ended.is_set():
                return
            metadata = (("authorization", f"Bearer {generate_key()[0]}"),) if with_key else ()
            try:
                call: Any = channel.unary_unary(method)
                await call(BODY, metadata=metadata)
                answers["OK"] += 1
            except grpc.aio.AioRpcError as error:
                answers[error.code().name] += 1


async def flood(port: int) -> None:
    """Open the connections and send calls until standard input is closed."""
    opened = await asyncio.to_thread(connections, port)
    ended, answers = asyncio.Event(), Counter[str]()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    calling = [asyncio.create_task(call_again_and_again(port, ended, answers)) for _ in range(CALLERS)]
    await asyncio.to_thread(sys.stdin.read)
    ended.set()
    await asyncio.gather(*calling)
    for each in opened:
        each.close()
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    asyncio.run(flood(int(sys.argv[1])))
