"""Validates a request and turns it into a draft, or names every invalid field. Pure.

Whether the From's domain may be used is decided in `origin`, with data from the database.
"""

import re
import unicodedata
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chassis.addresses import BadAddress, check_name, is_plain, parse_address
from chassis.errors import InvalidArgument, Violation, violation, violation_of
from chassis.field_reasons import BadValue
from services.sender.model.attachments import (
    MAX_ATTACHMENTS,
    BadAttachment,
    check_content_id,
    check_file_name,
    media_type,
)
from services.sender.model.emails import (
    Address,
    Attachment,
    Content,
    Draft,
    OnUnknown,
    Recipient,
    RecipientKind,
    Terms,
)
from services.sender.model.headers import MAX_HEADERS, BadHeader, Unsubscribe, check_header, typed_headers
from services.sender.model.schedule import BadTime, check_send_time

MAX_RECIPIENTS = 50  # SES's limit for one request, To, Cc and Bcc together
MAX_REPLY_TO = 10
MAX_SUBJECT = 998  # characters
MAX_TAGS = 75  # as many as Resend's API takes
MAX_TAG = 256  # characters of a name or a value
# Tags with this prefix identify an email in SES's events, so callers must not set them (`posting.post`).
OWN_TAGS = "lh-"
# SES's limit, after encoding (https://docs.aws.amazon.com/ses/latest/dg/quotas.html).
MAX_SIZE = 40 * 1024 * 1024
HEADER_ALLOWANCE = 16 * 1024  # bytes for the headers around the bodies
PART_ALLOWANCE = 2 * 1024  # bytes for the headers and boundaries around a part, if there are files
BASE64_LINE = (57, 78)  # bytes in, bytes out, line break included

_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})  # categories of characters that no subject may contain
_TAG = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_TAG}}}")

WINDOWS = (timedelta(minutes=1), timedelta(days=1))  # shortest and longest time to wait for an SES event

Pair = tuple[str, str]  # address and display name, as typed


@dataclass(frozen=True, slots=True)
class File:
    """A requested attachment, unchecked."""

    file_name: str
    content_type: str
    content_id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmailSpec:
    """An email as a caller requested it, unchecked."""

    sender: Pair
    to: Sequence[Pair]
    cc: Sequence[Pair]
    bcc: Sequence[Pair]
    reply_to: Sequence[Pair]
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    files: Sequence[File] = ()
    send_at: datetime | None = None
    on_unknown: str = OnUnknown.HOLD
    window: timedelta | None = None
    unsubscribe: Unsubscribe | None = None
    in_reply_to: str = ""
    references: Sequence[str] = ()


def draft(request: EmailSpec, now: datetime, *, path: str = "") -> Draft:
    """Return the draft of a valid request; raise InvalidArgument with one violation for each mistake.

    `path` is the email's position in the request, and precedes each field's name.
    """
    checks = _Checks(path)
    sender = checks.mailbox("from", request.sender)
    recipients = checks.recipients(request)
    reply_to = checks.mailboxes("reply_to", request.reply_to, limit=MAX_REPLY_TO)
    checks.subject(request.subject)
    checks.bodies(request.text, request.html)
    attachments = checks.attachments(request.files)
    size = checks.size(request)
    headers = checks.headers(request)
    checks.tags(request.tags)
    terms = checks.terms(request, now)
    checks.raise_if_any()
    content = Content(
        request.subject,
        tuple(reply_to),
        request.text or None,
        request.html or None,
        headers,
        tuple(attachments),
    )
    return Draft(sender, tuple(recipients), content, dict(request.tags), size, terms, path)


class _Checks:
    """Collects all mistakes, so that a caller can fix them all at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._violations: list[Violation] = []

    def raise_if_any(self) -> None:
        if self._violations:
            raise InvalidArgument(violations=self._violations)

    def mailbox(self, path: str, pair: Pair) -> Address:
        """Return the address; a bad one is returned unparsed, and never used because it is a violation."""
        address, name = pair
        try:
            parsed = parse_address(address)
        except BadAddress as error:
            parsed = address
            self._reject(f"{path}.address", error)
        try:
            check_name(name)
        except BadAddress as error:
            self._reject(f"{path}.name", error)
        return Address(parsed, name)

    def mailboxes(self, path: str, pairs: Sequence[Pair], *, limit: int = MAX_RECIPIENTS) -> list[Address]:
        if len(pairs) > limit:
            self._note(path, "TOO_MANY", count=len(pairs), limit=limit)
            return []
        return [self.mailbox(f"{path}[{index}]", pair) for index, pair in enumerate(pairs)]

    def recipients(self, request: EmailSpec) -> list[Recipient]:
        if not request.to:
            self._note("to", "MISSING")
        if (total := len(request.to) + len(request.cc) + len(request.bcc)) > MAX_RECIPIENTS:
            self._note("to", "TOO_MANY_RECIPIENTS", count=total, limit=MAX_RECIPIENTS)
            return []
        fields = (
            ("to", RecipientKind.TO, request.to),
            ("cc", RecipientKind.CC, request.cc),
            ("bcc", RecipientKind.BCC, request.bcc),
        )
        found: list[Recipient] = []
        seen: set[str] = set()
        for path, kind, pairs in fields:
            for index, address in enumerate(self.mailboxes(path, pairs)):
                if address.match in seen:
                    self._note(f"{path}[{index}].address", "DUPLICATE")
                seen.add(address.match)
                found.append(Recipient(kind, address))
        return found

    def subject(self, subject: str) -> None:
        if len(subject) > MAX_SUBJECT:
            self._note("subject", "TOO_LONG", limit=MAX_SUBJECT)
        if not is_plain(subject) and any(unicodedata.category(char) in _BREAKS for char in subject):
            self._note("subject", "CONTROL_CHARACTER")

    def bodies(self, text: str, html: str) -> None:
        if not text and not html:
            self._note("text", "BOTH_EMPTY", other_field="html")
        for path, body in (("text", text), ("html", html)):
            if "\0" in body:
                self._note(path, "CONTROL_CHARACTER")

    def attachments(self, files: Sequence[File]) -> list[Attachment]:
        if len(files) > MAX_ATTACHMENTS:
            self._note("attachments", "TOO_MANY", count=len(files), limit=MAX_ATTACHMENTS)
            return []
        shown = [each.content_id for each in files if each.content_id]
        if len(set(shown)) < len(shown):
            self._note("attachments", "DUPLICATE_CONTENT_ID")
        return [self._attachment(f"attachments[{index}]", each) for index, each in enumerate(files)]

    def _attachment(self, path: str, file: File) -> Attachment:
        content_type = file.content_type
        try:
            check_file_name(file.file_name)
        except BadAttachment as error:
            self._reject(f"{path}.file_name", error)
        try:
            content_type = media_type(file.content_type, file.file_name)
        except BadAttachment as error:
            self._reject(f"{path}.content_type", error)
        try:
            check_content_id(file.content_id)
        except BadAttachment as error:
            self._reject(f"{path}.content_id", error)
        return Attachment(file.file_name, content_type, file.content_id, len(file.content), file.content)

    def size(self, request: EmailSpec) -> int:
        """Return the total encoded size in bytes; note the first field that exceeds the limit."""
        parts = [("text", request.text.encode()), ("html", request.html.encode())]
        parts += [(f"attachments[{index}].content", each.content) for index, each in enumerate(request.files)]
        size = HEADER_ALLOWANCE
        for path, part in parts:
            fitted = size <= MAX_SIZE
            size += encoded_size(part) + (PART_ALLOWANCE if request.files else 0)
            if fitted and size > MAX_SIZE:
                self._note(path, "TOO_LARGE", size=size, limit=MAX_SIZE)
        return size

    def headers(self, request: EmailSpec) -> dict[str, str]:
        """Return the headers to add: those requested by name, and those made from typed fields."""
        if len(request.headers) > MAX_HEADERS:
            self._note("headers", "TOO_MANY", count=len(request.headers), limit=MAX_HEADERS)
            return {}
        seen: set[str] = set()
        for name, value in request.headers.items():
            path = f"headers[{name!r}]"
            if name.lower() in seen:
                self._note(path, "DUPLICATE")
            seen.add(name.lower())
            self._header(path, name, value)
        return dict(request.headers) | self._typed_headers(request, seen)

    def _typed_headers(self, request: EmailSpec, seen: Container[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for typed in typed_headers(request.unsubscribe, request.in_reply_to, request.references):
            if typed.problem:
                self._reject(typed.field, typed.problem)
            elif typed.name.lower() in seen:
                self._note(typed.field, "SET_BY_HEADERS", header=typed.name)
            else:
                self._header(typed.field, typed.name, typed.value)
            found[typed.name] = typed.value
        return found

    def _header(self, path: str, name: str, value: str) -> None:
        try:
            check_header(name, value)
        except BadHeader as error:
            self._reject(path, error)

    def terms(self, request: EmailSpec, now: datetime) -> Terms:
        """Return the terms; a send time slightly in the past becomes `now`."""
        shortest, longest = WINDOWS
        if request.window is not None and not shortest <= request.window <= longest:
            self._note("unknown_window", "OUT_OF_RANGE", least="1 minute", most="1 day")
        if request.on_unknown not in OnUnknown.__members__:
            self._note("on_unknown", "UNKNOWN_VALUE", allowed=", ".join(OnUnknown))
            return Terms()
        return Terms(self._send_at(request.send_at, now), OnUnknown(request.on_unknown), request.window)

    def _send_at(self, send_at: datetime | None, now: datetime) -> datetime | None:
        if send_at is None:
            return None
        try:
            check_send_time(send_at, now)
        except BadTime as error:
            self._reject("send_time", error)
        return max(send_at, now)

    def tags(self, tags: Mapping[str, str]) -> None:
        if len(tags) > MAX_TAGS:
            self._note("tags", "TOO_MANY", count=len(tags), limit=MAX_TAGS)
            return
        for name, value in tags.items():
            if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
                self._note(f"tags[{name!r}]", "INVALID_TAG", limit=MAX_TAG, allowed="A-Z a-z 0-9 _ -")
            elif name.lower().startswith(OWN_TAGS):
                self._note(f"tags[{name!r}]", "RESERVED_TAG", prefix=OWN_TAGS)

    def _note(self, path: str, reason: str, **metadata: object) -> None:
        self._violations.append(violation(f"{self._path}{path}", reason, **metadata))

    def _reject(self, path: str, bad: BadValue) -> None:
        self._violations.append(violation_of(f"{self._path}{path}", bad))


def encoded_size(part: bytes) -> int:
    """Return the most bytes that a part takes in an email: as base64, which SES's limit counts."""
    raw, encoded = BASE64_LINE
    return -(-len(part) // raw) * encoded
