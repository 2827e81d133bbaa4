"""Validates a request and turns it into a draft, or names every invalid field. Pure.

Whether the From's domain may be used is decided in `origin`, with data from the database.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from chassis.addresses import check_name, check_recipient_name, is_plain, parse_address, parse_recipient
from chassis.encoded_words import decoded
from chassis.errors import InvalidArgument, Violation, violation, violation_of
from chassis.field_reasons import BadValue
from services.sender.commands import repeats, threads
from services.sender.commands.specs import EmailSpec, File, Pair
from services.sender.model.attachments import MAX_ATTACHMENTS, content_id, file_name, renamed_references
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
from services.sender.model.headers import MAX_HEADERS, check_header, typed_headers
from services.sender.model.media_types import media_type
from services.sender.model.plain_text import plain_text
from services.sender.model.schedule import check_send_time

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

Parse: TypeAlias = Callable[[str], str]
Check: TypeAlias = Callable[[str], str]

WINDOWS = (timedelta(minutes=1), timedelta(days=1))  # shortest and longest time to wait for an SES event


def draft(request: EmailSpec, now: datetime, *, path: str = "") -> Draft:
    """Return the draft of a valid request; raise InvalidArgument with one violation for each mistake.

    `path` is the email's position in the request, and precedes each field's name.
    """
    checks = _Checks(path)
    request = checks.without_repeats(threads.resolved(request))
    sender = checks.mailbox("from", request.sender, parse_address, check_name)
    recipients = checks.recipients(request)
    reply_to = checks.reply_to(request.reply_to)
    subject = checks.subject(request.subject)
    attachments = checks.attachments(request.files)
    request = _with_bodies(request, attachments)
    checks.bodies(request)
    size = checks.size(request)
    headers = checks.headers(request)
    tags = checks.tags(request.tags)
    terms = checks.terms(request, now)
    checks.raise_if_any()
    content = Content(
        subject, tuple(reply_to), request.text or None, request.html or None, headers, tuple(attachments)
    )
    return Draft(sender, tuple(recipients), content, tags, size, terms, path)


def _with_bodies(request: EmailSpec, attachments: Sequence[Attachment]) -> EmailSpec:
    """Return the request with a text, and with HTML that refers to files by the ids that they have."""
    ids = {
        each.content_id: made.content_id
        for each, made in zip(request.files, attachments, strict=False)
        if each.content_id
    }
    if request.text is not None and not ids:
        return request
    text = plain_text(request.html) if request.text is None else request.text
    return replace(request, text=text, html=renamed_references(request.html, ids))


class _Checks:
    """Collects all mistakes, so that a caller can fix them all at once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._violations: list[Violation] = []

    def raise_if_any(self) -> None:
        if self._violations:
            raise InvalidArgument(violations=self._violations)

    def without_repeats(self, request: EmailSpec) -> EmailSpec:
        """Return the request without headers that repeat its fields; note those that contradict them."""
        request, contradicted = repeats.folded(request)
        for name, field in contradicted.items():
            self._note(f"headers[{name!r}]", "CONTRADICTS", other_field=field)
        return request

    def mailbox(self, path: str, pair: Pair, parse: Parse, check: Check) -> Address:
        """Return the address; a bad one is returned unparsed, and never used because it is a violation."""
        address, name = pair
        try:
            address = parse(address)
        except BadValue as error:
            self._reject(f"{path}.address", error)
        try:
            name = check(decoded(name))
        except BadValue as error:
            self._reject(f"{path}.name", error)
        return Address(address, name)

    def reply_to(self, pairs: Sequence[Pair]) -> list[Address]:
        if len(pairs) > MAX_REPLY_TO:
            self._note("reply_to", "TOO_MANY", count=len(pairs), limit=MAX_REPLY_TO)
            return []
        return [
            self.mailbox(f"reply_to[{index}]", pair, parse_address, check_name)
            for index, pair in enumerate(pairs)
        ]

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
        return [
            Recipient(kind, self.mailbox(f"{path}[{index}]", pair, parse_recipient, check_recipient_name))
            for path, kind, pairs in fields
            for index, pair in enumerate(pairs)
        ]

    def subject(self, requested: str) -> str:
        """Return the subject with its encoded words decoded."""
        subject = requested
        try:
            subject = decoded(requested)
        except BadValue as error:
            self._reject("subject", error)
        if len(subject) > MAX_SUBJECT:
            self._note("subject", "TOO_LONG", limit=MAX_SUBJECT)
        if not is_plain(subject) and any(unicodedata.category(char) in _BREAKS for char in subject):
            self._note("subject", "CONTROL_CHARACTER")
        return subject

    def bodies(self, request: EmailSpec) -> None:
        if not request.text and not request.html:
            self._note("text", "BOTH_EMPTY", other_field="html")
        for path, body in (("text", request.text or ""), ("html", request.html)):
            if "\0" in body:
                self._note(path, "CONTROL_CHARACTER")

    def attachments(self, files: Sequence[File]) -> list[Attachment]:
        if len(files) > MAX_ATTACHMENTS:
            self._note("attachments", "TOO_MANY", count=len(files), limit=MAX_ATTACHMENTS)
            return []
        found = [self._attachment(f"attachments[{index}]", each) for index, each in enumerate(files)]
        shown = [each.content_id for each in found if each.content_id]
        if len(set(shown)) < len(shown):
            self._note("attachments", "DUPLICATE_CONTENT_ID")
        return found

    def _attachment(self, path: str, file: File) -> Attachment:
        name = self._value(f"{path}.file_name", file_name, file.file_name)
        content_type = self._value(f"{path}.content_type", media_type, file.content_type, name)
        shown_as = self._value(f"{path}.content_id", content_id, file.content_id)
        return Attachment(name, content_type, shown_as, len(file.content), file.content)

    def _value(self, path: str, check: Callable[..., str], given: str, *context: str) -> str:
        """Return the checked value; a bad one is returned as given, and noted."""
        try:
            return check(given, *context)
        except BadValue as error:
            self._reject(path, error)
            return given

    def size(self, request: EmailSpec) -> int:
        """Return the total encoded size in bytes; note the first field that exceeds the limit."""
        parts = [("text", (request.text or "").encode()), ("html", request.html.encode())]
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
        made: dict[str, str] = {}
        seen: dict[str, str] = {}
        for name, requested in request.headers.items():
            path = f"headers[{name!r}]"
            if name.lower() in seen:
                self._note(path, "DUPLICATE")
            made[name] = seen[name.lower()] = value = self._header(path, name, requested)
            if name.lower() in threads.THREADING and threads.has_unsent(value, request.message_ids):
                self._note(path, "NOT_SENT_YET")
        return made | self._typed_headers(request, seen)

    def _typed_headers(self, request: EmailSpec, seen: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for typed in typed_headers(request.unsubscribe, request.in_reply_to, request.references):
            if threads.has_unsent(typed.value, request.message_ids):
                self._note(typed.field, "NOT_SENT_YET")
            elif typed.problem:
                self._reject(typed.field, typed.problem)
            elif typed.name.lower() not in seen:
                found[typed.name] = self._header(typed.field, typed.name, typed.value)
            elif typed.value != seen[typed.name.lower()]:
                self._note(typed.field, "SET_BY_HEADERS", header=typed.name)
        return found

    def _header(self, path: str, name: str, requested: str) -> str:
        """Return the header's value; a bad one is returned as given, and noted."""
        try:
            return check_header(name, requested)
        except BadValue as error:
            self._reject(path, error)
            return requested

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
        except BadValue as error:
            self._reject("send_time", error)
        return max(send_at, now)

    def tags(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the tags with the encoded words of their values decoded."""
        if len(tags) > MAX_TAGS:
            self._note("tags", "TOO_MANY", count=len(tags), limit=MAX_TAGS)
            return {}
        found = {name: self._value(f"tags[{name!r}]", decoded, value) for name, value in tags.items()}
        for name, value in found.items():
            if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
                self._note(f"tags[{name!r}]", "INVALID_TAG", limit=MAX_TAG, allowed="A-Z a-z 0-9 _ -")
            elif name.lower().startswith(OWN_TAGS):
                self._note(f"tags[{name!r}]", "RESERVED_TAG", prefix=OWN_TAGS)
        return found

    def _note(self, path: str, reason: str, **metadata: object) -> None:
        self._violations.append(violation(f"{self._path}{path}", reason, **metadata))

    def _reject(self, path: str, bad: BadValue) -> None:
        self._violations.append(violation_of(f"{self._path}{path}", bad))


def encoded_size(part: bytes) -> int:
    """Return the most bytes that a part takes in an email: as base64, which SES's limit counts."""
    raw, encoded = BASE64_LINE
    return -(-len(part) // raw) * encoded
