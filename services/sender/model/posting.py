"""What becomes of an email whose turn has come: it is posted as somebody, or it moves elsewhere. Pure.

All of it rests on facts that are read under the fence of the email's claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.sender.model.answers import Accepted, Answer, Lost, Then
from services.sender.model.emails import Address, AttemptState, Content, Move, RecipientKind, State, Verdict
from services.sender.model.mime import Letter
from services.sender.model.origin import (
    Domain,
    Origin,
    Sender,
    SharedSender,
    origin,
    own_sender,
    shared_sender,
)

GONE = "Its domain was deleted before it could be sent; nothing was sent."
SUPERSEDED = (
    "Another account proved control of the domain, so nothing is sent from it any more. "
    "Nothing of this email was sent."
)
ERASED = "Its body was erased while it was held; nothing was sent. Send it again."
LOST = "SES's answer was lost; its own event is awaited. It is not sent again blindly."
ALL_SUPPRESSED = "Every recipient is on the suppression list; nothing was sent."


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient at the moment of the claim; `left_out` says that an earlier claim found it suppressed."""

    position: int
    kind: RecipientKind
    address: Address
    suppressed: bool
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locked email whose turn has come; `attempts` counts those before.

    A heavy one has bodies and attachments that its content here is without. A test email counts for nothing.
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
    is_test: bool = False


# Why an email can never leave, by what became of its domain.
ENDED = {Origin.NOT_YOURS: GONE, Origin.GOING: GONE, Origin.SUPERSEDED: SUPERSEDED}


@dataclass(frozen=True, slots=True)
class Posting:
    """An email with its open attempt, ready for one POST. `number` is the attempt's, from 1 on."""

    attempt_id: UUID
    number: int
    candidate: Candidate
    sender: Sender

    @property
    def recipients(self) -> list[Addressee]:
        """Those it is sent to."""
        return [each for each in self.candidate.addressees if not each.suppressed]


@dataclass(frozen=True, slots=True)
class Post:
    """One request to SES: the bytes, who gets them, and the tags that its events will carry."""

    sender: str
    to: Sequence[str]
    cc: Sequence[str]
    bcc: Sequence[str]
    tags: Mapping[str, str]
    content: bytes = field(repr=False)


def decide(candidate: Candidate, domain: Domain | None, shared: SharedSender | None) -> Sender | Move | None:
    """Say as whom an email leaves, or where it moves instead; None while its tenant is paused.

    `domain` is None when it is gone, `shared` when there is no shared sender.
    """
    answer = Origin.NOT_YOURS if domain is None else origin(domain.standing)
    if domain is None or answer in ENDED:
        return Move(candidate.id, State.FAILED, ENDED.get(answer, GONE))
    if domain.pause_reason is not None:
        return None
    if (move := _needless(candidate)) is not None:
        return move
    if answer is Origin.OWN:
        return own_sender(candidate.sender, candidate.content.reply_to)
    if answer is Origin.SHARED and shared is not None:
        return shared_sender(shared, candidate.sender, domain, candidate.content.reply_to)
    return Move(candidate.id, State.HELD, held_note(domain))


def _needless(candidate: Candidate) -> Move | None:
    """Say where an email goes that has nothing to send, or nobody to send it to."""
    if candidate.content.text is None and candidate.content.html is None and not candidate.heavy:
        return Move(candidate.id, State.FAILED, ERASED)
    if all(each.suppressed for each in candidate.addressees):
        addresses = tuple(each.address.address for each in candidate.addressees)
        return Move(candidate.id, State.SUPPRESSED, ALL_SUPPRESSED, suppressed=addresses)
    return None


def held_note(domain: Domain) -> str:
    """Say for what an email waits."""
    return (
        f"{domain.name} is {domain.standing.state} and cannot send as itself. It is sent as soon as the "
        "domain is ready again: publish the records that GetDomain shows."
    )


def letter(posting: Posting, content: Content) -> Letter:
    """Give what the bytes are made of. Suppressed recipients stay in the headers, and get nothing."""
    return Letter(
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
    """Give the request to SES."""
    recipients = posting.recipients
    return Post(
        sender=posting.sender.address.address,
        to=_addresses(recipients, RecipientKind.TO),
        cc=_addresses(recipients, RecipientKind.CC),
        bcc=_addresses(recipients, RecipientKind.BCC),
        tags=tags(posting),
        content=content,
    )


def tags(posting: Posting) -> Mapping[str, str]:
    """Give what SES's events will carry, so that each finds its attempt."""
    return {
        "lh-tenant": str(posting.candidate.tenant_id),
        "lh-email": str(posting.candidate.id),
        "lh-attempt": str(posting.attempt_id),
    }


def verdict(what: Posting, answer: Answer) -> Verdict:
    """Say what an answer means for the attempt and its email."""
    email_id = what.candidate.id
    if isinstance(answer, Accepted):
        move = Move(email_id, State.SENT, "SES accepted it.", ses_id=answer.ses_id)
        return Verdict(what.attempt_id, AttemptState.ACCEPTED, move)
    if isinstance(answer, Lost):
        return Verdict(
            what.attempt_id, AttemptState.UNKNOWN, Move(email_id, State.UNKNOWN, LOST), answer.error
        )
    to = {Then.RETRY: State.QUEUED, Then.HOLD: State.HELD, Then.FAIL: State.FAILED}[answer.then]
    move = Move(email_id, to, answer.note, delay=answer.delay(what.number))
    return Verdict(what.attempt_id, AttemptState.REFUSED, move, answer.error)


def _named(addressees: Sequence[Addressee], kind: RecipientKind) -> list[Address]:
    return [each.address for each in addressees if each.kind is kind]


def _addresses(addressees: Sequence[Addressee], kind: RecipientKind) -> list[str]:
    return [address.address for address in _named(addressees, kind)]
