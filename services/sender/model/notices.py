"""The catalogue of notices: what Letterhead itself writes to tenants, with the parameters of each kind. Pure.

A notice is about one event. It goes to the tenant's confirmed contact, unless it names an address.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

# Most notices of one kind: to a tenant in a day, and about a domain in an hour.
MOST_OF_KIND = 20
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

SIGNATURE = "\n-- \nThis is a notice from {brand} to {tenant}. Replies are not read.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice of one kind: its fields besides the ids are the parameters of its subject and text."""

    KIND: ClassVar[str]
    SUBJECT: ClassVar[str]
    TEXT: ClassVar[str]

    event_id: UUID
    tenant_id: UUID

    @property
    def about(self) -> str:
        """Return the domain that it is about; empty if it is about none."""
        return ""

    @property
    def address(self) -> str:
        """Return the address that it goes to; empty: the tenant's confirmed contact."""
        return ""

    @property
    def useful_until(self) -> datetime | None:
        """Return when it is too late to send it; None: never."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactConfirmation(Notice):
    """Brings the code that confirms an address as the contact; `code` is empty until it is generated."""

    KIND = "CONTACT_CONFIRMATION"
    # The subject does not contain the code, because lists of emails show subjects.
    SUBJECT = "Your code to receive notices for {tenant}"
    TEXT = """\
Your code is {code}. It expires at {expires_at}.

{tenant} asked to receive notices about its account at this address. To confirm
the address, enter the code: `letterhead contacts confirm`, or ConfirmContact.

If you did not expect this, ignore this email: without the code, no notices are
sent to you.
"""

    confirmation_id: UUID
    to: str
    code: str = field(default="", repr=False)
    expires_at: datetime

    @property
    def address(self) -> str:
        return self.to

    @property
    def useful_until(self) -> datetime | None:
        return self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactReplaced(Notice):
    """Tells the previous contact that another address was confirmed, in case nobody there knows."""

    KIND = "CONTACT_REPLACED"
    SUBJECT = "Notices for {tenant} now go to another address"
    TEXT = """\
Another contact address was confirmed for {tenant}. Notices no longer go to
{previous_address}.

If nobody at {tenant} did this, someone else has an API key of the account:
revoke its keys, create new ones, and set the contact again.
"""

    previous_address: str

    @property
    def address(self) -> str:
        return self.previous_address


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved(Notice):
    """Tells the previous contact that it was removed, in case nobody there knows."""

    KIND = "CONTACT_REMOVED"
    SUBJECT = "{tenant} no longer receives notices"
    TEXT = """\
The contact address {previous_address} was removed from {tenant}. No notices
are sent to the account until another address is confirmed.

If nobody at {tenant} did this, someone else has an API key of the account:
revoke its keys, create new ones, and set the contact again.
"""

    previous_address: str

    @property
    def address(self) -> str:
        return self.previous_address


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainChallenged(Notice):
    """Tells the holder of a domain that another tenant proved control of it, and what keeps the domain."""

    KIND = "DOMAIN_CHALLENGED"
    SUBJECT = "Act before {deadline_at} to keep {domain}"
    TEXT = """\
Another account proved control of {domain}, from which {tenant} sends email.

To keep the domain, publish this DNS record before {deadline_at}:

    name   {record_name}
    type   {record_type}
    value  {record_value}

If GetDomain shows another record by then, publish that one. Until the
deadline, {tenant} sends from {domain} as before. After it, the other account
takes over the domain, and email from {domain} fails.

If the domain is no longer yours, you can release it at once:
`letterhead domains release {domain}`, or ReleaseDomain.
"""

    domain: str
    deadline_at: datetime
    record_name: str
    record_type: str
    record_value: str

    @property
    def about(self) -> str:
        return self.domain

    @property
    def useful_until(self) -> datetime | None:
        return self.deadline_at


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainKept(Notice):
    """Tells the holder of a domain that the challenge ended in its favor."""

    KIND = "DOMAIN_KEPT"
    SUBJECT = "{tenant} keeps {domain}"
    TEXT = """\
The challenge of {domain} ended, and {tenant} keeps the domain. There is nothing
left to do.
"""

    domain: str

    @property
    def about(self) -> str:
        return self.domain


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSuperseded(Notice):
    """Tells the former holder of a domain that it can no longer send from it."""

    KIND = "DOMAIN_SUPERSEDED"
    SUBJECT = "{tenant} can no longer send from {domain}"
    TEXT = """\
Another account proved control of {domain}. {tenant} can no longer send from it,
and its waiting email from {domain} fails.

If the domain is yours, delete it, create it again and publish the TXT record
that it then shows.
"""

    domain: str

    @property
    def about(self) -> str:
        return self.domain


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFailing(Notice):
    """Tells a tenant that every post to one of its endpoints fails."""

    KIND = "ENDPOINT_FAILING"
    SUBJECT = "Webhooks of {tenant} are failing"
    TEXT = """\
Every post to this endpoint has failed since {failing_since}:

    {url}

The last answer: {last_answer}. The posts are repeated for four days. After five
days of failures the endpoint is disabled.
"""

    url: str
    failing_since: datetime
    last_answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDisabled(Notice):
    """Tells a tenant that one of its endpoints receives nothing more."""

    KIND = "ENDPOINT_DISABLED"
    SUBJECT = "A webhook of {tenant} is disabled"
    TEXT = """\
This endpoint was disabled, because {cause}:

    {url}

The last answer: {last_answer}. Its events are kept for 30 days. Once the endpoint
works, enable it and replay what it missed.
"""

    url: str
    cause: str
    last_answer: str


KINDS: tuple[type[Notice], ...] = (
    ContactConfirmation, ContactReplaced, ContactRemoved, DomainChallenged, DomainKept, DomainSuperseded,
    EndpointFailing, EndpointDisabled,
)  # fmt: skip


class Unsent(StrEnum):
    """Why a notice was not sent, as in sender.notices."""

    TOO_LATE = "TOO_LATE"  # what it asks for can no longer be done
    NO_CONTACT = "NO_CONTACT"  # the tenant has no confirmed contact
    NO_SENDER = "NO_SENDER"  # the installation has no shared domain to send it from
    RATE_EXCEEDED = "RATE_EXCEEDED"  # the tenant was sent too many of this kind


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides whether a notice is sent; `sent_today` and `sent_lately` count those of its kind.

    `sent_lately` counts those about the same domain within the hour. `sender_known` is whether there is a
    shared domain.
    """

    now: datetime
    contact: str
    sender_known: bool
    sent_today: int
    sent_lately: int


def unsent_reason(notice: Notice, known: Circumstances) -> Unsent | None:
    """Return why a notice is not sent; None if it is."""
    if notice.useful_until is not None and notice.useful_until <= known.now:
        return Unsent.TOO_LATE
    if not (notice.address or known.contact):
        return Unsent.NO_CONTACT
    if not known.sender_known:
        return Unsent.NO_SENDER
    if known.sent_today >= MOST_OF_KIND or (notice.about and known.sent_lately):
        return Unsent.RATE_EXCEEDED
    return None


def written(notice: Notice, *, tenant: str, brand: str) -> tuple[str, str]:
    """Return the subject and the text of a notice to the tenant of this name."""
    parameters = {each.name: _shown(getattr(notice, each.name)) for each in fields(notice)}
    words = parameters | {"tenant": tenant, "brand": brand}
    return notice.SUBJECT.format_map(words), (notice.TEXT + SIGNATURE).format_map(words)


def _shown(value: object) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)
