"""When a tenant's email is received so badly that it endangers everybody's, in numbers and in words. Pure.

SES reviews an account at 5 % bounces or 0.1 % complaints and may pause it at 10 % or 0.5 %; a tenant is
slowed down where SES would review, and stopped before SES would pause
(https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

WINDOW = timedelta(days=7)
# Below so many recipients a rate says nothing: one complaint of a hundred is 1 %.
VOLUME_FLOOR = 100


class Verdict(StrEnum):
    """What follows from the rates."""

    FINE = "FINE"
    WARN = "WARN"
    SLOW = "SLOW"
    PAUSE = "PAUSE"


# Gravest first.
GRAVITY = (Verdict.PAUSE, Verdict.SLOW, Verdict.WARN)


@dataclass(frozen=True, slots=True)
class Limit:
    """Rates of strikes from which on a tenant is warned, slowed and paused; fewer than `least` do nothing."""

    what: str
    cure: str
    warn: float
    slow: float
    pause: float
    least: int

    def verdict(self, strikes: int, sent: int) -> Verdict:
        """Judge so many strikes of so many recipients."""
        if sent < VOLUME_FLOOR or strikes < self.least or strikes < self.warn * sent:
            return Verdict.FINE
        if strikes < self.slow * sent:
            return Verdict.WARN
        return Verdict.PAUSE if strikes >= self.pause * sent else Verdict.SLOW

    def sentence(self, strikes: int, sent: int) -> str:
        """Say how it stands, where the limit is, and what helps."""
        return (
            f"{strikes / sent:.2%} of the recipients of the last {WINDOW.days} days {self.what} "
            f"({strikes} of {sent}); a tenant is slowed down at {self.slow:.1%} and paused at "
            f"{self.pause:.1%}. {self.cure}"
        )


BOUNCES = Limit(
    "bounced for good",
    "Write only to addresses that were confirmed, and take the suppressed ones off the lists.",
    warn=0.04,
    slow=0.05,
    pause=0.08,
    least=10,
)
COMPLAINTS = Limit(
    "reported the email as spam",
    "Write only to people who asked for it, and let them unsubscribe by one click.",
    warn=0.0008,
    slow=0.001,
    pause=0.003,
    least=5,
)


@dataclass(frozen=True, slots=True)
class Strikes:
    """What counts against a tenant within the window, by recipients."""

    bounces: int
    complaints: int

    @property
    def enough(self) -> int:
        """How many recipients make these strikes mean nothing; to count further is in vain."""
        fine = max(self.bounces / BOUNCES.warn, self.complaints / COMPLAINTS.warn)
        return max(VOLUME_FLOOR, math.floor(fine) + 1)


def judge(strikes: Strikes, sent: int) -> tuple[Verdict, str]:
    """Give the graver of the two verdicts with its sentence; FINE has none. `sent` counts recipients."""
    judged = [
        (limit.verdict(count, sent), limit.sentence(count, sent))
        for limit, count in ((BOUNCES, strikes.bounces), (COMPLAINTS, strikes.complaints))
        if sent
    ]
    for verdict in GRAVITY:
        for each, sentence in judged:
            if each is verdict:
                return verdict, sentence
    return Verdict.FINE, ""
