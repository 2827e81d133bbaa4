"""What SES's events say of an email, and what follows for its recipients and for the suppression list. Pure.

Order and repetition do not matter: states only move forward, and an address is suppressed once.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.sender.model.emails import RANKS, AttemptState, Move, Reason, RecipientState, State, Verdict

MAX_NOTE = 500  # characters of what a receiver said
# SES's own receivers for tests: what they answer was asked for, and tells nothing of anybody.
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
SIMULATOR = "simulator.amazonses.com"


@dataclass(frozen=True, slots=True)
class Word:
    """What was said of one address; `match` is the address in lower case."""

    match: str
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """One event of SES about one email.

    `state` is where it leads the recipients it names, None where it says nothing of them; `suppress` is why
    their addresses are suppressed, None where they are not; `rejected` says in a sentence why SES did not
    send the email after accepting it, and is empty where it did.
    """

    email_id: UUID | None
    ses_id: str
    words: Sequence[Word] = ()
    state: RecipientState | None = None
    suppress: Reason | None = None
    rejected: str = ""


def proof(attempt_id: UUID, email_id: UUID, ses_id: str) -> Verdict:
    """Give what any event of SES about an attempt proves: SES accepted it."""
    return Verdict(attempt_id, AttemptState.ACCEPTED, proven_move(email_id, ses_id))


def proven_move(email_id: UUID, ses_id: str) -> Move:
    """Give what it means for the email."""
    return Move(email_id, State.SENT, "SES's event says that it accepted the email.", ses_id=ses_id)


def bounced_state(bounce_type: str, sub_type: str, *, explained: bool) -> RecipientState | None:
    """Say where a bounce leads its recipients.

    Automatic replies come as Transient/General without a word of a mail server: they tell nothing.
    """
    if bounce_type == "Transient" and sub_type == "General" and not explained:
        return None
    return RecipientState.BOUNCED


def to_advance(report: Report, known: Mapping[str, RecipientState]) -> list[Word]:
    """Choose whom an event leads further on, among the email's own recipients and their states.

    States only move to the right in RANKS, so the last one is the same in every order of events.
    """
    if report.state is None:
        return []
    further = RANKS.index(report.state)
    behind = {match for match, state in known.items() if state in RANKS[:further]}
    return [each for each in report.words if each.match in behind]


def word(address: str, note: str) -> Word:
    """Give a word with its note cut to what is kept."""
    return Word(address.strip().lower(), note if len(note) <= MAX_NOTE else note[: MAX_NOTE - 1] + "…")


def to_suppress(report: Report, matched: Collection[str]) -> list[Word]:
    """Choose whom to suppress, among the email's own recipients: nobody for the simulator's sake."""
    if report.suppress is None:
        return []
    return [
        each for each in report.words if each.match in matched and not each.match.endswith(f"@{SIMULATOR}")
    ]
