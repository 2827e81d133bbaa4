"""Counts and logs what is refused: every one in the metric, and at most one a second in the log."""

import time
from datetime import timedelta
from typing import Literal, TypeAlias

from prometheus_client import Counter

from chassis.telemetry import get_logger
from services.webhooks.model.sns import Refused

log = get_logger(__name__)
REFUSALS = Counter(
    "letterhead_sns_refusals_total", "SNS messages that were not believed, and those kept nonetheless",
    ["door", "reason", "kept"],
)  # fmt: skip
LOG_EVERY = timedelta(seconds=1)  # strangers' posts must not fill the log

Door: TypeAlias = Literal["queue", "https"]


class Refusals:
    """What one door refuses."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._logged_at = float("-inf")

    def note(self, refused: Refused, *, kept: bool = False, sqs_id: str = "") -> None:
        """Count a message that was not believed; `kept` says that it was stored all the same."""
        REFUSALS.labels(self._door, refused.reason, "yes" if kept else "no").inc()
        if time.monotonic() - self._logged_at < LOG_EVERY.total_seconds():
            return
        self._logged_at = time.monotonic()
        log.warning(
            "SNS message refused" if not kept else "SNS message not verified",
            action="notification_refused",
            door=self._door,
            reason=refused.reason,
            sqs_id=sqs_id,
        )
