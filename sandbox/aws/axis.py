"""One thing SES verifies by looking in DNS, and what becomes of it with time: DKIM, and likewise MAIL FROM.

Statuses and timers are those of AWS's table of MAIL FROM states, which its texts on DKIM repeat.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(hours=72)


class Status(StrEnum):
    """SES's words for it."""

    NOT_STARTED = "NOT_STARTED"  # nobody asked
    PENDING = "PENDING"  # SES looks, for 72 h
    SUCCESS = "SUCCESS"  # seen, and looked at again and again
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"  # was seen and is not any more; SES looks for another 72 h
    FAILED = "FAILED"  # SES no longer looks


@dataclass(slots=True)
class Axis:
    """The state of one verification: `error` is the last look's ErrorType, `seen_at` when SES saw it good."""

    status: Status
    since: datetime
    error: str | None = None
    last_checked_at: datetime | None = None
    last_success_at: datetime | None = None
    seen_at: datetime | None = None
    forced: bool = False

    @property
    def watched(self) -> bool:
        """Whether SES still looks. It also leaves alone what a test has forced."""
        return not self.forced and self.status not in (Status.NOT_STARTED, Status.FAILED)

    def due(self, now: datetime) -> bool:
        """Whether time alone would move it."""
        waiting = self.status in (Status.PENDING, Status.TEMPORARY_FAILURE)
        return self.watched and waiting and now - self.since >= PATIENCE

    def observe(self, error: str | None, now: datetime) -> None:
        """One look: None where the records are right, else what is wrong with them."""
        self.error, self.last_checked_at = error, now
        if error is None:
            self._succeed(now)
        elif self.status is Status.SUCCESS:
            self._move(Status.TEMPORARY_FAILURE, now)
        elif self.due(now):
            self._move(Status.FAILED, now)

    def restart(self, now: datetime) -> None:
        """Looks again from the beginning, as after a new Put."""
        self.forced, self.error, self.last_checked_at = False, None, None
        self._move(Status.PENDING, now)

    def force(self, status: Status | None, now: datetime) -> None:
        """Holds the status against whatever DNS says; None gives the axis back to DNS, from the beginning."""
        if status is None:
            self.restart(now)
            return
        self.forced = True
        if status is Status.SUCCESS:
            self._succeed(now)
        elif status is not self.status:
            self._move(status, now)

    def age(self, by: timedelta) -> None:
        """Lets time pass for this axis alone."""
        self.since -= by

    def _succeed(self, now: datetime) -> None:
        self.last_success_at = now
        if self.status is not Status.SUCCESS:
            self._move(Status.SUCCESS, now)

    def _move(self, status: Status, now: datetime) -> None:
        self.status, self.since = status, now
        if status is Status.SUCCESS:
            self.seen_at = now
