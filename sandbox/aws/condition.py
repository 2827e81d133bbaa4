"""The state machine of one DNS verification in SES: of DKIM, and likewise of MAIL FROM.

Statuses and timers are those of AWS's table of MAIL FROM states; its documentation of DKIM has the same.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(hours=72)


class Status(StrEnum):
    """SES's verification statuses."""

    NOT_STARTED = "NOT_STARTED"  # not requested
    PENDING = "PENDING"  # SES checks DNS, for 72 h
    SUCCESS = "SUCCESS"  # verified; SES goes on checking
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"  # was verified and a check failed; SES checks for another 72 h
    FAILED = "FAILED"  # SES no longer checks


@dataclass(slots=True)
class Condition:
    """One verification; `error` is the last check's ErrorType, `seen_at` when it changed to SUCCESS."""

    status: Status
    since: datetime
    error: str | None = None
    last_checked_at: datetime | None = None
    last_success_at: datetime | None = None
    seen_at: datetime | None = None
    forced: bool = False

    @property
    def watched(self) -> bool:
        """Return whether SES still checks DNS; it does not if a test has forced the status."""
        return not self.forced and self.status not in (Status.NOT_STARTED, Status.FAILED)

    def due(self, now: datetime) -> bool:
        """Return whether the 72 hours have passed, so that a failed check changes the status."""
        waiting = self.status in (Status.PENDING, Status.TEMPORARY_FAILURE)
        return self.watched and waiting and now - self.since >= PATIENCE

    def observe(self, error: str | None, now: datetime) -> None:
        """Record a check; `error` is None if the records are correct, else SES's ErrorType."""
        self.error, self.last_checked_at = error, now
        if error is None:
            self._succeed(now)
        elif self.status is Status.SUCCESS:
            self._move(Status.TEMPORARY_FAILURE, now)
        elif self.due(now):
            self._move(Status.FAILED, now)

    def restart(self, now: datetime) -> None:
        """Restart the verification, as a Put operation does."""
        self.forced, self.error, self.last_checked_at = False, None, None
        self._move(Status.PENDING, now)

    def force(self, status: Status | None, now: datetime) -> None:
        """Fix the status regardless of DNS; None restarts the verification by DNS."""
        if status is None:
            self.restart(now)
            return
        self.forced = True
        if status is Status.SUCCESS:
            self._succeed(now)
        elif status is not self.status:
            self._move(status, now)

    def age(self, by: timedelta) -> None:
        """Let time pass for this verification only."""
        self.since -= by

    def _succeed(self, now: datetime) -> None:
        self.last_success_at = now
        if self.status is not Status.SUCCESS:
            self._move(Status.SUCCESS, now)

    def _move(self, status: Status, now: datetime) -> None:
        self.status, self.since = status, now
        if status is Status.SUCCESS:
            self.seen_at = now
