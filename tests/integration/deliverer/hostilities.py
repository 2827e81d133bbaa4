"""What hostile receivers do with a post: the bytes that each kind sends, and how it ends the connection.

A kind is a function that returns what the receiver does in one of its variations: bytes are sent, numbers are
seconds to wait, and an `End` ends it. Without one the receiver keeps the connection open.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum, auto
from itertools import cycle, repeat


class End(Enum):
    """How a receiver ends a connection."""

    CLOSE = auto()
    RESET = auto()


Act = bytes | float | End
Kind = Callable[[int], Iterable[Act]]

STATUSES = (200, 500, 301, 429, 204)
SECONDS = (0.02, 0.1, 0.5, 1.0, 5.0)
INSIDE = (
    "http://169.254.169.254/latest/meta-data/",
    "https://127.0.0.1/inside",
    "https://[::1]/inside",
    "file:///etc/passwd",
    "//localhost/inside",
)
RETRY_AFTER = (
    "99999999999999999999",
    "-1",
    "9" * 5000,
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:00 +9999",
    "\u0661\u0662",
    "1e9",
    "NaN",
    "0x10",
    "10, 20",
    " ",
    "Mon, 99 Foo 2026",
    "0" * 64,
    "00000000",
    "1.5",
)
TEXTS = (
    b"\x00\x01\x02\x7f",
    b"\x1b[2J\x1b]0;owned\x07",
    b"<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\u202egnp.exe\u2028\ufeff\U000e0041".encode(),
    b"\xff\xfe\xc0\x80\xed\xa0\x80",
)
BOMB = gzip.compress(bytes(10_000_000))
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd")
LENGTHS = ("-1", "+5", "5, 5", "0x5", "9" * 40)
CHUNKS = (
    b"zz\r\n",
    b"-1\r\n",
    b"f" * 16 + b"\r\n",
    b"5;" + b"x" * 9999 + b"\r\nhello\r\n",
    b"\r\n\r\n",
)
REDIRECTS = (301, 302, 303, 307, 308)
VERSIONS = (
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/9.9 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"HTTP/1.1 200\r\n\r\n",
    b"RTSP/1.0 200 OK\r\n\r\n",
)


def answer(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
    """Return a whole answer."""
    return head(status, f"content-length: {len(body)}", *headers) + body


def head(status: int | str, *headers: str) -> bytes:
    """Return the status line and the headers of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status} -", *headers, "", ""]).encode("utf-8")


def slowly(parts: Iterable[bytes], seconds: float) -> Iterator[Act]:
    """Return the acts that send one part at a time."""
    for each in parts:
        yield each
        yield seconds


def endlessly(first: bytes, more: bytes) -> Iterator[Act]:
    """Return the acts that send the same without end."""
    yield first
    yield from repeat(more)


def octets(content: bytes) -> Iterator[bytes]:
    """Return the bytes of a content one by one."""
    return (bytes([each]) for each in content)


def status(number: int) -> int:
    """Return the status of a variation."""
    return STATUSES[number % len(STATUSES)]


KINDS: Mapping[str, Kind] = {
    "never-answers": lambda _: [],
    "trickles-headers": lambda n: slowly(octets(answer(status(n))), SECONDS[n % 5]),
    "trickles-body": lambda n: [
        head(status(n), "content-length: 9999"),
        *slowly([b"x"] * 99, SECONDS[n % 5]),
    ],
    "trickles-chunks": lambda n: [
        head(status(n), "transfer-encoding: chunked"),
        *slowly(octets(b"1\r\nx\r\n" * 20), SECONDS[n % 5]),
    ],
    "endless-header": lambda n: endlessly(head(status(n))[:-2] + b"x: ", b"x" * 10 ** (n % 5)),
    "endless-headers": lambda n: endlessly(head(status(n))[:-2], b"x: %s\r\n" % (b"x" * 10 ** (n % 4))),
    "endless-body": lambda n: endlessly(
        head(status(n), "content-length: 999999999999"), b"x" * 10 ** (n % 6)
    ),
    "endless-chunks": lambda n: endlessly(
        head(status(n), "transfer-encoding: chunked"), b"5\r\nxxxxx\r\n" * 10 ** (n % 4)
    ),
    "endless-until-close": lambda n: endlessly(head(status(n)), b"x" * 10 ** (n % 6)),
    "compressed-bomb": lambda n: [answer(status(n), BOMB, f"content-encoding: {ENCODINGS[n % 5]}")],
    "informational-flood": lambda n: endlessly(b"", head((100, 102, 103, 199)[n % 4]) * 10 ** (n % 4)),
    "informational-trickle": lambda n: slowly(cycle([head(103)]), SECONDS[n % 5]),
    "switches-protocols": lambda n: [
        head(101, f"upgrade: {('websocket', 'h2c', 'TLS/1.3')[n % 3]}", "connection: upgrade"),
        b"\x00" * n,
    ],
    "announces-http2": lambda n: [b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * (n + 1)],
    "body-too-short": lambda n: [head(status(n), "content-length: 1000"), b"x" * n, End.CLOSE],
    "body-too-long": lambda n: [head(status(n), "content-length: 2"), b"x" * 10 ** (n % 6)],
    "odd-length": lambda n: [head(status(n), f"content-length: {LENGTHS[n % 5]}"), b"hello"],
    "two-lengths": lambda n: [
        head(status(n), "content-length: 5", f"content-length: {6 + n}"),
        b"hello",
    ],
    "length-and-chunks": lambda n: [
        head(status(n), f"content-length: {n}", "transfer-encoding: chunked"),
        b"0\r\n\r\n",
    ],
    "odd-chunks": lambda n: [head(status(n), "transfer-encoding: chunked"), CHUNKS[n % 5]],
    "redirects-inside": lambda n: [answer(REDIRECTS[n // 5 % 5], b"", f"location: {INSIDE[n % 5]}")],
    "redirects-to-itself": lambda n: [answer(REDIRECTS[n % 5], b"", f"location: ?{'again' * n}")],
    "odd-retry-after": lambda n: [answer((429, 503)[n % 2], b"", f"retry-after: {RETRY_AFTER[n % 15]}")],
    "odd-text": lambda n: [answer((200, 500)[n % 2], TEXTS[n % 5] * 10 ** (n % 4))],
    "odd-header-text": lambda n: [
        b"HTTP/1.1 200 %s\r\nx: %s\r\ncontent-length: 0\r\n\r\n" % (TEXTS[n % 5], TEXTS[(n + 1) % 5])
    ],
    "cookies": lambda n: [
        answer(status(n), b"", *(f"set-cookie: c{each}={'x' * 10 * n}; domain=com" for each in range(90)))
    ],
    "http-0.9": lambda n: [b"hello\n" * (n + 1), End.CLOSE],
    "http-1.0": lambda n: [b"HTTP/1.0 %d OK\r\n\r\n" % status(n) + b"x" * n, End.CLOSE],
    "odd-version": lambda n: [VERSIONS[n % 5], End.CLOSE],
    "odd-status": lambda n: [
        head(("99", "600", "-200", "99999", "2OO", "", "000")[n % 7], "content-length: 0")
    ],
    "no-content-with-body": lambda n: [answer((204, 304, 205)[n % 3], b"x" * (n + 1))],
    "asks-for-credentials": lambda n: [
        answer((401, 407)[n % 2], b"", "www-authenticate: Basic", "proxy-authenticate: NTLM")
    ],
    "asks-to-retry": lambda n: [answer((408, 421, 425, 426)[n % 4], b"", "connection: close"), End.CLOSE],
    "two-answers": lambda n: [answer(500, b"first") + answer(200, b"second") * (n + 1)],
    "closes-without-answer": lambda n: [SECONDS[n % 4], End.CLOSE],
    "resets-without-answer": lambda n: [SECONDS[n % 4], End.RESET],
    "closes-in-the-headers": lambda n: [answer(status(n))[: n + 1], End.CLOSE],
    "resets-in-the-headers": lambda n: [answer(status(n))[: n + 1], End.RESET],
    "resets-in-the-body": lambda n: [head(status(n), "content-length: 9999"), b"x" * 99 * n, End.RESET],
    "noise": lambda n: [bytes((each * 37 + n) % 256 for each in range(10 ** (n % 5)))],
}
