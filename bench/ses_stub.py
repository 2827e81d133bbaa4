"""Minimal stub of SES that accepts every request immediately. Runs as a separate process.

It does not simulate SES; the sandbox does. Long polls of SQS return an empty response after a while.
"""

import asyncio
import re
import sys
from itertools import count

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
POLL_SECONDS = 4.0
_numbers = count(1)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            await _answer(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    await reader.readexactly(int(found[1]) if found else 0)
    body = b"{}"
    if b"/v2/email/outbound-emails" in head.split(b"\r\n", 1)[0]:
        body = b'{"MessageId": "0100-%d"}' % next(_numbers)
    else:
        await asyncio.sleep(POLL_SECONDS)
    headers = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(headers + body)


async def _main(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
