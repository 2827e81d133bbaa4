"""Parsers of the traffic between a service and Postgres, AWS and NATS, just enough to name each request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from chassis.events.tables import statements
from chassis.queries import Queries
from tests.contract.sources import ROOT

SSL_REQUEST = (80877103).to_bytes(4, "big")
LINE_END = b"\r\n"
HEAD_END = b"\r\n\r\n"
# Requests to SES by method and path; a path that ends with a slash is followed by a name.
SES_REQUESTS = (
    (b"POST", b"/v2/email/outbound-emails", "SendEmail"),
    (b"POST", b"/v2/email/identities", "CreateEmailIdentity"),
    (b"PUT", b"/mail-from", "PutEmailIdentityMailFromAttributes"),
    (b"DELETE", b"/v2/email/identities/", "DeleteEmailIdentity"),
    (b"GET", b"/v2/email/identities/", "GetEmailIdentity"),
)

Part = tuple[bytes, str | None]


class Tap(Protocol):
    """Splits the traffic of one connection into pieces."""

    def asked(self, data: bytes) -> Iterator[Part]:
        """Yield pieces for the server, each with the name of the request that it completes, if any."""

    def answered(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield pieces for the client, and whether each completes an answer."""


def known_statements(service: str) -> dict[str, str]:
    """Return the names of a service's own statements and of its outbox and inbox, by SQL."""
    files = sorted(Path(ROOT / "services" / service).glob("store/*.sql"))
    named = [*(pair for file in files for pair in Queries.load(file)), *statements(service)]
    return {query.sql: name for name, query in named}


class PostgresTap:
    """Postgres's extended protocol: Parse prepares a statement, Bind and Execute run it, `Z` ends the answer.

    COMMIT is named after the last known statement before it: `commit of open_attempts`.
    """

    def __init__(self, known: dict[str, str]) -> None:
        self._known = known
        self._prepared: dict[bytes, str | None] = {}
        self._bound: str | None = None
        self._last: str | None = None
        self._greeted = False
        self._plain = True  # False after an SSL request, which the server answers with one byte
        self._asked = b""
        self._answered = b""

    def asked(self, data: bytes) -> Iterator[Part]:
        self._asked += data
        while frame := self._next_frame():
            yield frame, self._name(frame) if frame[:1].isalpha() else None

    def _next_frame(self) -> bytes:
        head = 1 if self._greeted else 0  # the first packet of a connection has no type
        if len(self._asked) < head + 4:
            return b""
        size = head + int.from_bytes(self._asked[head : head + 4], "big")
        if len(self._asked) < size:
            return b""
        frame, self._asked = self._asked[:size], self._asked[size:]
        if not self._greeted:
            self._plain = frame[4:8] != SSL_REQUEST
            self._greeted = self._plain
        return frame

    def _name(self, frame: bytes) -> str | None:
        kind, body = frame[:1], frame[5:]
        if kind == b"P":
            statement, sql, *_ = body.split(b"\0", 2)
            self._prepared[statement] = self._known.get(sql.decode())
        elif kind == b"B":
            _, statement, *_ = body.split(b"\0", 2)
            self._bound = self._prepared.get(statement)
            self._last = self._bound or self._last
        elif kind == b"E":
            return self._bound
        elif kind == b"Q" and body.startswith(b"COMMIT"):
            return f"commit of {self._last}" if self._last else None
        elif kind == b"Q" and body.startswith(b"BEGIN"):
            self._last = None
        return None

    def answered(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        if not self._plain:
            self._plain = True
            yield data[:1], False
            data = data[1:]
        self._answered += data
        while len(self._answered) >= 5:
            size = 1 + int.from_bytes(self._answered[1:5], "big")
            if len(self._answered) < size:
                return
            frame, self._answered = self._answered[:size], self._answered[size:]
            yield frame, frame[:1] == b"Z"


class HttpTap:
    """HTTP requests of boto3, named by operation; each has a Content-Length and waits for the one before."""

    def __init__(self) -> None:
        self._asked = b""
        self._answered = b""

    def asked(self, data: bytes) -> Iterator[Part]:
        self._asked += data
        while size := _size(self._asked):
            request, self._asked = self._asked[:size], self._asked[size:]
            yield request, _operation(request)

    def answered(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._answered += data
        while size := _size(self._answered):
            answer, self._answered = self._answered[:size], self._answered[size:]
            yield answer, True


class NatsTap:
    """NATS: `publish` is an event for the stream, `ack` acknowledges a received one.

    The answer to `publish` is the stream's acknowledgement; `ack` has no answer.
    """

    def __init__(self) -> None:
        self._asked = b""
        self._answered = b""
        self._replies: set[bytes] = set()

    def asked(self, data: bytes) -> Iterator[Part]:
        self._asked += data
        while size := _frame(self._asked, (b"PUB ", b"HPUB ")):
            frame, self._asked = self._asked[:size], self._asked[size:]
            yield frame, self._name(frame.split(LINE_END)[0].split(b" "))

    def answered(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        self._answered += data
        while size := _frame(self._answered, (b"MSG ", b"HMSG ")):
            frame, self._answered = self._answered[:size], self._answered[size:]
            verb, *words = frame.split(LINE_END)[0].split(b" ")
            answers = verb in (b"MSG", b"HMSG") and words[0] in self._replies
            if answers:
                self._replies.remove(words[0])
            yield frame, answers

    def _name(self, words: list[bytes]) -> str | None:
        verb, *rest = words
        if verb == b"PUB" and rest[0].startswith(b"$JS.ACK."):
            return "ack"
        if verb == b"HPUB":
            self._replies.add(rest[1])
            return "publish"
        return None


def _frame(data: bytes, with_payload: tuple[bytes, ...]) -> int:
    """Return the size of the first protocol line with its payload, if any; 0 while it is incomplete."""
    line, end, _ = data.partition(LINE_END)
    size = len(line) + len(end)
    if end and line.startswith(with_payload):
        size += int(line.rpartition(b" ")[2]) + len(LINE_END)
    return size if end and len(data) >= size else 0


def _size(data: bytes) -> int:
    """Return the size of the first request or answer; 0 while it is incomplete."""
    head, end, body = data.partition(HEAD_END)
    length = int(_header(head, b"content-length") or 0)
    return len(head) + len(end) + length if end and len(body) >= length else 0


def _header(head: bytes, name: bytes) -> bytes | None:
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return next((value.strip() for key, _, value in lines if key.strip().lower() == name), None)


def _operation(request: bytes) -> str | None:
    head = request.partition(HEAD_END)[0]
    method, _, path = head.split(LINE_END)[0].rpartition(b" ")[0].partition(b" ")
    for verb, part, name in SES_REQUESTS:
        if method == verb and (part in path if part.endswith(b"/") else path.endswith(part)):
            return name
    target = _header(head, b"x-amz-target")
    return target.rpartition(b".")[2].decode() if target else None
