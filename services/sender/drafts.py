"""From what a caller asked for to an email that may be accepted, or every mistake in it by field. Pure.

Not for whose domain the From is: that is `origin`, with what the database knows.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chassis.errors import InvalidArgument, Violation
from services.sender.addresses import BadAddress, check_name, parse_address
from services.sender.headers import MAX_HEADERS, BadHeader, check_header
from services.sender.model import Address, Content, Draft, Recipient, RecipientKind
from services.sender.refusals import InvalidField

MAX_RECIPIENTS = 50  # of one request to SES, To, Cc and Bcc together
MAX_REPLY_TO = 10
MAX_SUBJECT = 998  # characters
MAX_TAGS = 20
MAX_REQUEST_ID = 256
# SES's limit, after encoding (https://docs.aws.amazon.com/ses/latest/dg/quotas.html).
MAX_SIZE = 40 * 1024 * 1024
HEADER_ALLOWANCE = 16 * 1024  # bytes for what we write around the bodies
BASE64_LINE = (57, 78)  # bytes in, bytes out, line break included

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")

Pair = tuple[str, str]  # address and display name, as typed


@dataclass(frozen=True, slots=True)
class Wish:
    """An email as a caller asked for it, unchecked."""

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


def draft(wish: Wish) -> Draft:
    """Check everything; raises InvalidArgument with one violation for each mistake."""
    checks = _Checks()
    sender = checks.mailbox("from", wish.sender)
    recipients = checks.recipients(wish)
    reply_to = checks.mailboxes("reply_to", wish.reply_to, limit=MAX_REPLY_TO)
    checks.subject(wish.subject)
    size = checks.bodies(wish.text, wish.html)
    checks.headers(wish.headers)
    checks.tags(wish.tags)
    checks.raise_if_any()
    content = Content(wish.subject, tuple(reply_to), wish.text or None, wish.html or None, dict(wish.headers))
    return Draft(sender, tuple(recipients), content, dict(wish.tags), size)


def check_request_id(request_id: str) -> None:
    """Raise InvalidArgument for a request_id that is too long or unprintable."""
    if len(request_id) > MAX_REQUEST_ID or not request_id.isprintable():
        raise InvalidField("request_id", f"must be at most {MAX_REQUEST_ID} printable characters; use a UUID")


class _Checks:
    """Gathers every mistake, so that a caller mends a request once."""

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def raise_if_any(self) -> None:
        if self._violations:
            raise InvalidArgument(violations=self._violations)

    def mailbox(self, path: str, pair: Pair) -> Address:
        """Give the address; what stands in for a bad one is never used."""
        address, name = pair
        try:
            parsed = parse_address(address)
        except BadAddress as error:
            parsed = address
            self._note(f"{path}.address", str(error))
        try:
            check_name(name)
        except BadAddress as error:
            self._note(f"{path}.name", str(error))
        return Address(parsed, name)

    def mailboxes(self, path: str, pairs: Sequence[Pair], *, limit: int = MAX_RECIPIENTS) -> list[Address]:
        if len(pairs) > limit:
            self._note(path, f"has {len(pairs)} addresses; at most {limit} are allowed")
            return []
        return [self.mailbox(f"{path}[{index}]", pair) for index, pair in enumerate(pairs)]

    def recipients(self, wish: Wish) -> list[Recipient]:
        if not wish.to:
            self._note("to", "is empty; an email needs a recipient in To")
        if (total := len(wish.to) + len(wish.cc) + len(wish.bcc)) > MAX_RECIPIENTS:
            problem = (
                f"makes {total} recipients with cc and bcc; at most {MAX_RECIPIENTS} are allowed in one email"
            )
            self._note("to", problem)
            return []
        fields = (("to", wish.to), ("cc", wish.cc), ("bcc", wish.bcc))
        found: list[Recipient] = []
        seen: set[str] = set()
        for path, pairs in fields:
            for index, address in enumerate(self.mailboxes(path, pairs)):
                if address.match in seen:
                    self._note(f"{path}[{index}].address", "is named twice; name each recipient once")
                seen.add(address.match)
                found.append(Recipient(RecipientKind(path.upper()), address))
        return found

    def subject(self, subject: str) -> None:
        if len(subject) > MAX_SUBJECT:
            self._note("subject", f"has {len(subject)} characters; at most {MAX_SUBJECT} are allowed")
        if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in subject):
            self._note("subject", "has a line break or another control character in it; take it out")

    def bodies(self, text: str, html: str) -> int:
        """Give the size of both, encoded, in bytes."""
        if not text and not html:
            self._note("text", "is empty and so is html; an email needs a body")
        for path, body in (("text", text), ("html", html)):
            if "\0" in body:
                self._note(path, "has a NUL character in it; take it out")
        size = encoded_size(text) + encoded_size(html) + HEADER_ALLOWANCE
        if size > MAX_SIZE:
            problem = f"makes {size} bytes with html when encoded; at most {MAX_SIZE} are allowed"
            self._note("text", problem)
        return size

    def headers(self, headers: Mapping[str, str]) -> None:
        if len(headers) > MAX_HEADERS:
            self._note("headers", f"has {len(headers)} headers; at most {MAX_HEADERS} are allowed")
            return
        seen: set[str] = set()
        for name, value in headers.items():
            path = f"headers[{name!r}]"
            if name.lower() in seen:
                self._note(path, "is there twice; names differ by more than upper and lower case")
            seen.add(name.lower())
            try:
                check_header(name, value)
            except BadHeader as error:
                self._note(path, str(error))

    def tags(self, tags: Mapping[str, str]) -> None:
        if len(tags) > MAX_TAGS:
            self._note("tags", f"has {len(tags)} tags; at most {MAX_TAGS} are allowed")
            return
        for name, value in tags.items():
            if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
                self._note(f"tags[{name!r}]", "name and value must be 1 to 256 characters of A-Z a-z 0-9 _ -")

    def _note(self, path: str, problem: str) -> None:
        self._violations.append(Violation(path, problem))


def encoded_size(text: str) -> int:
    """Give the most bytes that a body takes in an email: as base64, which is what SES counts by."""
    taken, made = BASE64_LINE
    length = len(text.encode())
    return -(-length // taken) * made
