"""The states of emails, recipients and attempts: allowed transitions, and changes to them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from services.sender.model.reasons import Explanation


class State(StrEnum):
    """The states of an email, named as in `Email.State`, sender.emails and on the page."""

    QUEUED = "QUEUED"  # accepted; waits to be submitted
    SENDING = "SENDING"  # being submitted: its attempt row is stored
    SENT = "SENT"  # SES accepted it
    SUPPRESSED = "SUPPRESSED"  # every recipient is suppressed; nothing was sent
    FAILED = "FAILED"  # rejected permanently
    CANCELED = "CANCELED"  # canceled before it was submitted
    EXPIRED = "EXPIRED"  # its deadline passed before it was sent
    HELD = "HELD"  # waits for its domain, or for an operator's decision
    UNKNOWN = "UNKNOWN"  # submitted, but SES's answer was lost


TRANSITIONS: Mapping[State, Mapping[State, str]] = {
    State.QUEUED: {
        State.SENDING: "it was dequeued; the attempt row is written in the same transaction",
        State.SUPPRESSED: "every recipient was suppressed in the meantime",
        State.HELD: "its domain cannot send now",
        State.FAILED: "its domain was deleted",
        State.CANCELED: "a caller canceled it",
        State.EXPIRED: "its deadline passed",
        State.SENT: "a late SES event for an attempt that SES seemed to have rejected",
    },
    State.SENDING: {
        State.SENT: "SES accepted it, by its answer or by an earlier event",
        State.QUEUED: "a definite, temporary rejection, or the attempt never started: nothing was sent",
        State.FAILED: "a definite, permanent rejection",
        State.HELD: "a rejection because of its domain, an operator's hold, or senders crash on it",
        State.UNKNOWN: "the answer was lost, or the process that waited for it ended",
    },
    State.UNKNOWN: {
        State.SENT: "an SES event",
        State.HELD: "no SES event within the window; it is never sent again without one",
        State.QUEUED: "no SES event within the window, and it asked to be sent once more; only once",
        State.EXPIRED: "its deadline passed without an SES event; its reason says so",
        State.FAILED: "an operator decided that SES never accepted it",
    },
    State.HELD: {
        State.QUEUED: "its domain can send again, or an operator decided to send it once more",
        State.FAILED: "its domain was deleted, or an operator decided that SES never accepted it",
        State.CANCELED: "a caller canceled it",
        State.EXPIRED: "its deadline passed; its reason says whether it may have been sent",
        State.SENT: "a late SES event",
    },
    State.SENT: {State.FAILED: "SES rejected the content after it had accepted the email"},
    # An SES event overrides its answer: a state that says "nothing was sent" must not stay if it is false.
    State.FAILED: {State.SENT: "a late SES event for an attempt that SES seemed to have rejected"},
    State.EXPIRED: {
        State.SENT: "a late SES event, or an operator decided that SES accepted it",
        State.FAILED: "an operator decided that SES never accepted it",
    },
    State.CANCELED: {State.SENT: "a late SES event for an attempt that SES seemed to have rejected"},
    State.SUPPRESSED: {},
}

# States that are published as an event each.
PUBLISHED = frozenset(State) - {State.QUEUED, State.SENDING}

# States after which nothing more is planned; the body is erased some time later.
FINAL = frozenset({State.SENT, State.SUPPRESSED, State.FAILED, State.CANCELED, State.EXPIRED})


class SentAs(StrEnum):
    """Whose name an email was sent under."""

    OWN = "OWN"
    SHARED = "SHARED"


class RecipientState(StrEnum):
    """The delivery states of one recipient."""

    PENDING = "PENDING"
    DELAYED = "DELAYED"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    SUPPRESSED = "SUPPRESSED"  # left out; feedback does not change it


# A recipient only moves to the right, so order and repetition of events do not matter.
RANKS = (
    RecipientState.PENDING,
    RecipientState.DELAYED,
    RecipientState.DELIVERED,
    RecipientState.BOUNCED,
    RecipientState.COMPLAINED,
)


class AttemptState(StrEnum):
    """The states of one request to SES."""

    OPEN = "OPEN"  # it may be in flight
    ACCEPTED = "ACCEPTED"  # by SES's answer or its event
    REFUSED = "REFUSED"  # SES definitely rejected it; nothing was sent
    UNKNOWN = "UNKNOWN"  # the answer was lost
    ABANDONED = "ABANDONED"  # the window passed without an SES event, or an operator decided


ATTEMPT_TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.OPEN: frozenset({AttemptState.ACCEPTED, AttemptState.REFUSED, AttemptState.UNKNOWN}),
    # Acceptance may be recorded even after the lease was lost. A rejection may not, as it would queue the
    # email again.
    AttemptState.UNKNOWN: frozenset({AttemptState.ACCEPTED, AttemptState.ABANDONED}),
    AttemptState.REFUSED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ABANDONED: frozenset({AttemptState.ACCEPTED}),
    AttemptState.ACCEPTED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Move:
    """A requested change of an email's state; it is applied only if TRANSITIONS allows it.

    `delay` is how long the email waits before it may be dequeued or released. `ses_id` is set with SENT,
    `sent_as` and `sent_from` with SENDING, `suppressed` (the addresses) with SUPPRESSED.
    """

    email_id: UUID
    to: State
    why: Explanation
    delay: timedelta = timedelta(0)
    ses_id: str | None = None
    sent_as: SentAs | None = None
    sent_from: str | None = None
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt and the resulting move of its email; both are applied or neither."""

    attempt_id: UUID
    to: AttemptState
    move: Move
    error: str = ""
