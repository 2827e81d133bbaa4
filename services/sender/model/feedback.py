"""The effect of SES's events on an email, its recipients and the suppression list. Pure.

Order and repetition do not matter: states only move forward, and an address is suppressed once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.addresses import match_of
from services.sender.model.emails import Reason
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.states import RANKS, AttemptState, Move, Outcome, RecipientState, State

# SES's mailbox simulator: its bounces and complaints are requested, and say nothing about a real recipient.
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
SIMULATOR = "simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class Word:
    """What was reported about one address; `match` is the address as `match_of` returns it."""

    match: str
    why: Explanation


@dataclass(frozen=True, slots=True)
class Report:
    """One SES event about one email.

    `state` is the new state of the recipients it names, None if it does not change them; `suppress` is why
    their addresses are suppressed, None if they are not; `soft` is true for soft bounces that count against
    an address; `rejected` is why SES did not send the email after
    accepting it, None if it did; `engaged` is true for opens and clicks.
    """

    email_id: UUID | None
    ses_id: str
    words: Sequence[Word] = ()
    state: RecipientState | None = None
    suppress: Reason | None = None
    soft: bool = False
    rejected: Explanation | None = None
    engaged: bool = False


def proof(attempt_id: UUID, email_id: UUID, ses_id: str) -> Outcome:
    """Return the outcome that any SES event about an attempt proves: SES accepted it."""
    return Outcome(attempt_id, AttemptState.ACCEPTED, proven_move(email_id, ses_id))


def proven_move(email_id: UUID, ses_id: str) -> Move:
    """Return the move of an email whose acceptance an SES event proves."""
    return Move(email_id, State.SENT, explain(EmailReason.SES_EVENT_ARRIVED), ses_id=ses_id)


def bounced_state(bounce_type: str, sub_type: str, *, explained: bool) -> RecipientState | None:
    """Return the new state of a bounce's recipients; None for an automatic reply.

    SES reports automatic replies as Transient/General without a response from a mail server.
    """
    if bounce_type == "Transient" and sub_type == "General" and not explained:
        return None
    return RecipientState.BOUNCED


def is_soft(bounce_type: str, sub_type: str, *, explained: bool) -> bool:
    """Return whether a bounce says that a mailbox cannot be delivered to for now.

    A full mailbox counts, and so does a general failure that a mail server explains. Size, content and
    timeouts are not about the mailbox, and automatic replies are no bounces.
    """
    return bounce_type == "Transient" and (sub_type == "MailboxFull" or (sub_type == "General" and explained))


def elsewhere(report: Report, known: Collection[str]) -> Word | None:
    """Return what a bounce that names no recipient of its email says of the address that it names."""
    if report.state is not RecipientState.BOUNCED or any(each.match in known for each in report.words):
        return None
    return next(iter(report.words), None)


def to_advance(report: Report, known: Mapping[str, RecipientState]) -> list[Word]:
    """Return the recipients that an event moves forward, among the email's own recipients and their states.

    States only move to the right in RANKS, so the final state does not depend on the order of events.
    """
    if report.state is None:
        return []
    further = RANKS.index(report.state)
    behind = {match for match, state in known.items() if state in RANKS[:further]}
    return [each for each in report.words if each.match in behind]


def word(address: str, why: Explanation) -> Word:
    """Return what was reported about an address, which may be written in any case."""
    return Word(match_of(address), why)


def to_suppress(report: Report, matched: Collection[str]) -> list[Word]:
    """Return the recipients to suppress, among the email's own; never addresses of the SES simulator."""
    return [] if report.suppress is None else _real(report, matched)


def to_count(report: Report, matched: Collection[str]) -> list[Word]:
    """Return the recipients whose soft bounce counts, as for `to_suppress`."""
    return _real(report, matched) if report.soft else []


def _real(report: Report, matched: Collection[str]) -> list[Word]:
    return [
        each for each in report.words if each.match in matched and not each.match.endswith(f"@{SIMULATOR}")
    ]
