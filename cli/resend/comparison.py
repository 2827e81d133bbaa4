"""Compares domains and emails that Resend accepts with what the HTTP API accepts, by its own rules. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.client import failure_of_status
from chassis.errors import InvalidField, ServiceError, to_status
from letterhead.sender.v1.emails_pb2 import SendEmailRequest
from services.console.api import errors, models
from services.console.api.attachments import is_plain_text
from services.console.api.decoding import decoded, has_unpaired_surrogates
from services.console.api.domains import name_in, unsupported_options
from services.console.api.email_mappers import request_of
from services.console.api.errors import Rejected
from services.console.api.times import time_of
from services.identity.model.names import BadName, parse_domain
from services.sender.commands.drafts import draft
from services.sender.servicer.mappers import spec_of


class Outcome(StrEnum):
    """How an input fares here."""

    ALIKE = "alike"
    DIFFERENT = "different"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A domain or an email to compare: its JSON, and what to call it in the report."""

    label: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome for one entry; `notes` are the differences, or why it is refused."""

    label: str
    outcome: Outcome
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes of all entries."""

    domains: list[Comparison]
    emails: list[Comparison]

    def count(self, outcome: Outcome) -> int:
        """Return how many entries have an outcome."""
        return sum(each.outcome is outcome for each in (*self.domains, *self.emails))


def compare(domains: Iterable[Entry], emails: Iterable[Entry], now: datetime) -> Report:
    """Compare all entries at a time, which decides what relative times mean."""
    names: set[str] = set()
    compared = [_compared(each, lambda content: _of_domain(content, names)) for each in domains]
    return Report(
        compared, [_compared(each, lambda content: _of_email(content, names, now)) for each in emails]
    )


def _compared(entry: Entry, differences: Callable[[bytes], Iterator[str]]) -> Comparison:
    try:
        notes = tuple(differences(entry.content))
    except Rejected as error:
        return Comparison(entry.label, Outcome.REFUSED, (error.message,))
    except ServiceError as error:
        message = errors.sentence_of(failure_of_status(to_status(error)))
        return Comparison(entry.label, Outcome.REFUSED, (message,))
    return Comparison(entry.label, Outcome.DIFFERENT if notes else Outcome.ALIKE, notes)


def _of_domain(content: bytes, names: set[str]) -> Iterator[str]:
    """Yield the differences of a domain, and add its name to `names`. Raise Rejected or ServiceError."""
    body = decoded(content, models.CreateDomain)
    try:
        name = parse_domain(name_in(body.name)).name
    except BadName as bad:
        raise InvalidField.of("name", bad) from None
    names.add(name)
    if name != body.name:
        yield f"It is added as {name}."
    for option in unsupported_options(body):
        yield f"`{option}` is not supported: leave it out of POST /domains."


def _of_email(content: bytes, names: Collection[str], now: datetime) -> Iterator[str]:
    """Yield the differences of an email. Raise Rejected or ServiceError."""
    email = decoded(content, models.SendEmail)
    request = request_of(email, now)
    draft(spec_of(request), now)
    if has_unpaired_surrogates(content):
        yield "Unpaired surrogates in its text are replaced by U+FFFD."
    if email.scheduled_at is not None and not _has_zone(email.scheduled_at):
        yield f"`scheduled_at` {email.scheduled_at!r} is read in UTC: {time_of(request.send_time)}."
    for index, file in enumerate(email.attachments or ()):
        if isinstance(file, models.Attachment) and is_plain_text(file):
            yield f"`attachments[{index}].content` is not base64 and is attached as plain text."
    if (domain := _from_domain(request)) not in names:
        yield f"`from` is at {domain}, which is not among the domains above: add it first."


def _has_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip().upper()).tzinfo is not None
    except ValueError:
        return False


def _from_domain(request: SendEmailRequest) -> str:
    address: str = getattr(request, "from").address  # a keyword of Python's
    return address.rpartition("@")[2].lower()
