"""When a tenant's bounces and complaints endanger every tenant's delivery, as rates and as sentences. Pure.

SES reviews an account at 5 % bounces or 0.1 % complaints and may pause it at 10 % or 0.5 %; a tenant is
throttled at the rate where SES would review, and paused before SES would pause the account
(https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

WINDOW = timedelta(days=7)
# With fewer recipients a rate means nothing: one complaint from a hundred recipients is 1 %.
VOLUME_FLOOR = 100


class Evaluation(StrEnum):
    """The action that follows from the rates."""

    FINE = "FINE"
    WARN = "WARN"
    SLOW = "SLOW"
    PAUSE = "PAUSE"


class ReputationReason(StrEnum):
    """The rates that are limited, named as in `events.v1.ReputationReason`."""

    BOUNCES = "BOUNCES"
    COMPLAINTS = "COMPLAINTS"


# Most severe first.
GRAVITY = (Evaluation.PAUSE, Evaluation.SLOW, Evaluation.WARN)


@dataclass(frozen=True, slots=True)
class Limit:
    """Rates of strikes at which a tenant is warned, throttled and paused; fewer than `least` are ignored."""

    reason: ReputationReason
    what: str
    cure: str
    warn: float
    slow: float
    pause: float
    least: int

    def outcome(self, strikes: int, sent: int) -> Evaluation:
        """Return the action for a number of strikes among a number of recipients."""
        if sent < VOLUME_FLOOR or strikes < self.least or strikes < self.warn * sent:
            return Evaluation.FINE
        if strikes < self.slow * sent:
            return Evaluation.WARN
        return Evaluation.PAUSE if strikes >= self.pause * sent else Evaluation.SLOW

    def sentence(self, strikes: int, sent: int) -> str:
        """Return a sentence with the current rate, the limits and the remedy."""
        return (
            f"{strikes / sent:.2%} of the recipients of the last {WINDOW.days} days {self.what} "
            f"({strikes} of {sent}); a tenant is throttled at {self.slow:.1%} and paused at "
            f"{self.pause:.1%}. {self.cure}"
        )


BOUNCES = Limit(
    ReputationReason.BOUNCES,
    "hard bounced",
    "Send only to confirmed addresses, and remove suppressed addresses from your lists.",
    warn=0.04,
    slow=0.05,
    pause=0.08,
    least=10,
)
COMPLAINTS = Limit(
    ReputationReason.COMPLAINTS,
    "reported the email as spam",
    "Send only to people who asked for it, and let them unsubscribe with one click.",
    warn=0.0008,
    slow=0.001,
    pause=0.003,
    least=5,
)


@dataclass(frozen=True, slots=True)
class Concern:
    """Which rate of a tenant is too high, and a sentence on it."""

    reason: ReputationReason
    message: str


@dataclass(frozen=True, slots=True)
class Strikes:
    """The hard bounces and complaints of a tenant within the window, counted by recipient."""

    bounces: int
    complaints: int

    @property
    def enough(self) -> int:
        """Return the number of recipients from which on these strikes have no effect; counting can stop."""
        fine = max(self.bounces / BOUNCES.warn, self.complaints / COMPLAINTS.warn)
        return max(VOLUME_FLOOR, math.floor(fine) + 1)


def evaluate(strikes: Strikes, sent: int) -> tuple[Evaluation, Concern | None]:
    """Return the more severe of the two actions and its concern; FINE has none. `sent` counts recipients."""
    evaluated = [
        (limit.outcome(count, sent), Concern(limit.reason, limit.sentence(count, sent)))
        for limit, count in ((BOUNCES, strikes.bounces), (COMPLAINTS, strikes.complaints))
        if sent
    ]
    for outcome in GRAVITY:
        for each, concern in evaluated:
            if each is outcome:
                return outcome, concern
    return Evaluation.FINE, None
