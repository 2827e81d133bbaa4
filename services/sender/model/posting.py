"""What happens to a dequeued email: it moves to another state, or is submitted to SES, which answers. Pure.

`decide` needs input that was read while the email's domain claim is locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from services.sender.model.emails import Address, Content, RecipientKind
from services.sender.model.messages import explain
from services.sender.model.mime import MimeMessage
from services.sender.model.origin import Domain, Origin, Sender, SharedSender, origin
from services.sender.model.reasons import EmailReason, Parameters
from services.sender.model.states import AttemptState, Move, Outcome, SentAs, State


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient at the time of the dequeue; `left_out` if it was already suppressed at an earlier one."""

    position: int
    kind: RecipientKind
    address: Address
    suppressed: bool
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locked email that was dequeued; `attempts` counts the earlier ones.

    If `heavy`, bodies and attachments, of `size` bytes, are not loaded into `content` yet. Exempt emails,
    which are tests and notices, do not count toward limits.
    """

    id: UUID
    tenant_id: UUID
    claim_id: UUID
    sender: Address
    content: Content
    attempts: int
    claimed_at: datetime
    addressees: Sequence[Addressee]
    heavy: bool = False
    size: int = 0
    is_exempt: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


# The callers' tags that SES gets as message tags, for example as dimensions of its CloudWatch metrics. Few,
# because all tenants of an account share them.
PASSED_TAGS = ("campaign", "category", "template")

# Why an email can never be sent, by the state of its domain.
ENDED = {
    Origin.NOT_YOURS: EmailReason.DOMAIN_DELETED,
    Origin.GOING: EmailReason.DOMAIN_DELETED,
    Origin.SUPERSEDED: EmailReason.DOMAIN_SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class Posting:
    """An email with its open attempt, ready for one POST. `number` counts the attempts from 1."""

    attempt_id: UUID
    number: int
    candidate: Candidate
    sender: Sender

    @property
    def recipients(self) -> list[Addressee]:
        """Return the recipients that it is sent to, each address once: in To before Cc before Bcc."""
        first: dict[str, Addressee] = {}
        for each in self.candidate.addressees:
            if not each.suppressed:
                first.setdefault(each.address.match, each)
        return list(first.values())


@dataclass(frozen=True, slots=True)
class Post:
    """One request to SES: the message, its envelope, and the tags that its events will carry."""

    sender: str
    to: Sequence[str]
    cc: Sequence[str]
    bcc: Sequence[str]
    tags: Mapping[str, str]
    content: bytes = field(repr=False)


class Then(StrEnum):
    """What happens to an email that SES rejected."""

    RETRY = "RETRY"  # queued again, after a delay
    HOLD = "HOLD"  # held because of its domain
    FAIL = "FAIL"  # failed permanently


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES accepted it. `ses_id` is empty if that is known only from an event."""

    ses_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was sent. `error` is for operators.

    `pause` is the first delay, doubled with each attempt up to `longest`. With `everyone`, SES would reject
    every other email as well, so all of them wait.
    """

    then: Then
    reason: EmailReason
    parameters: Parameters = field(default_factory=Parameters)
    error: str = ""
    pause: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(minutes=5)
    everyone: bool = False

    def delay(self, attempt: int) -> timedelta:
        """Return the delay after this attempt; the first attempt is 1."""
        doubled: timedelta = self.pause * 2 ** min(attempt - 1, 16)
        return min(doubled, self.longest)


@dataclass(frozen=True, slots=True)
class Lost:
    """It is unknown whether SES accepted it. `error` is for operators."""

    error: str


Answer: TypeAlias = Accepted | Rejected | Lost


def decide(candidate: Candidate, domain: Domain | None, shared: SharedSender | None) -> Sender | Move | None:
    """Return the sender of an email, or the state it moves to instead; None while its tenant is paused.

    `domain` is None if it no longer exists, `shared` if there is no shared sender.
    """
    result = Origin.NOT_YOURS if domain is None else origin(domain.verification)
    if domain is None or result in ENDED:
        return Move(candidate.id, State.FAILED, explain(ENDED.get(result, EmailReason.DOMAIN_DELETED)))
    if domain.pause_reason is not None:
        return None
    if (move := _unsendable(candidate)) is not None:
        return move
    if result is Origin.OWN:
        return Sender(SentAs.OWN, candidate.sender, candidate.content.reply_to)
    if result is Origin.SHARED and shared is not None:
        return shared.sender_for(candidate.sender, domain, candidate.content.reply_to)
    why = explain(EmailReason.DOMAIN_NOT_READY, domain=domain.name, domain_state=domain.verification.state)
    return Move(candidate.id, State.HELD, why)


def _unsendable(candidate: Candidate) -> Move | None:
    """Return the move for an email without a body or without recipients; None for all others."""
    if candidate.content.text is None and candidate.content.html is None and not candidate.heavy:
        return Move(candidate.id, State.FAILED, explain(EmailReason.BODY_ERASED))
    if all(each.suppressed for each in candidate.addressees):
        addresses = tuple(dict.fromkeys(each.address.address for each in candidate.addressees))
        why = explain(EmailReason.ALL_RECIPIENTS_SUPPRESSED)
        return Move(candidate.id, State.SUPPRESSED, why, suppressed=addresses)
    return None


def message(posting: Posting, content: Content) -> MimeMessage:
    """Return the MIME message to build. Suppressed recipients stay in its headers but are not sent to."""
    return MimeMessage(
        sender=posting.sender.address,
        to=_named(posting.candidate.addressees, RecipientKind.TO),
        cc=_named(posting.candidate.addressees, RecipientKind.CC),
        reply_to=posting.sender.reply_to,
        subject=content.subject,
        date=posting.candidate.claimed_at,
        boundary=f"=_{posting.attempt_id.hex}",
        text=content.text,
        html=content.html,
        headers=content.headers,
        attachments=content.attachments,
    )


def post(posting: Posting, content: bytes) -> Post:
    """Return the request to SES; its tags identify the attempt, and may group emails as the caller does."""
    recipients = posting.recipients
    return Post(
        sender=posting.sender.address.address,
        to=_addresses(recipients, RecipientKind.TO),
        cc=_addresses(recipients, RecipientKind.CC),
        bcc=_addresses(recipients, RecipientKind.BCC),
        tags={name: value for name, value in posting.candidate.tags.items() if name in PASSED_TAGS}
        | {
            "lh-tenant": str(posting.candidate.tenant_id),
            "lh-email": str(posting.candidate.id),
            "lh-attempt": str(posting.attempt_id),
        },
        content=content,
    )


def outcome(posting: Posting, answer: Answer) -> Outcome:
    """Return what an SES answer means for the attempt and its email."""
    email_id = posting.candidate.id
    if isinstance(answer, Accepted):
        move = Move(email_id, State.SENT, explain(EmailReason.SES_ACCEPTED), ses_id=answer.ses_id)
        return Outcome(posting.attempt_id, AttemptState.ACCEPTED, move)
    if isinstance(answer, Lost):
        move = Move(email_id, State.UNKNOWN, explain(EmailReason.ANSWER_LOST))
        return Outcome(posting.attempt_id, AttemptState.UNKNOWN, move, answer.error)
    to = {Then.RETRY: State.QUEUED, Then.HOLD: State.HELD, Then.FAIL: State.FAILED}[answer.then]
    why = explain(answer.reason, **answer.parameters)
    move = Move(email_id, to, why, delay=answer.delay(posting.number))
    return Outcome(posting.attempt_id, AttemptState.REFUSED, move, answer.error)


def _named(addressees: Sequence[Addressee], kind: RecipientKind) -> list[Address]:
    return [each.address for each in addressees if each.kind is kind]


def _addresses(addressees: Sequence[Addressee], kind: RecipientKind) -> list[str]:
    return [address.address for address in _named(addressees, kind)]
