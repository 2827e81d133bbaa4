"""Counts and logs rejected messages: each one in the metric, and at most one per second in the log."""

import time
from datetime import timedelta
from typing import Literal, TypeAlias

from prometheus_client import Counter

from chassis.telemetry import get_logger
from services.webhooks.model.sns import Rejected

log = get_logger(__name__)
REJECTIONS = Counter(
    "letterhead_sns_rejections_total", "SNS messages that failed verification, by whether they were stored",
    ["door", "reason", "kept"],
)  # fmt: skip
LOG_EVERY = timedelta(seconds=1)  # posts to the public endpoint must not flood the log

Door: TypeAlias = Literal["queue", "https"]


class Rejections:
    """The rejections of one entry point: the queue or the HTTPS endpoint."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._logged_at = float("-inf")

    def note(self, refused: Rejected, *, kept: bool = False, sqs_id: str = "") -> None:
        """Count a message that failed verification; `kept` means that it was stored nevertheless."""
        REJECTIONS.labels(self._door, refused.reason, "yes" if kept else "no").inc()
        if time.monotonic() - self._logged_at < LOG_EVERY.total_seconds():
            return
        self._logged_at = time.monotonic()
        log.warning(
            "SNS message rejected" if not kept else "SNS message failed verification",
            action="notification_refused",
            door=self._door,
            reason=refused.reason,
            sqs_id=sqs_id,
        )
