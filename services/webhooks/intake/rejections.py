"""Counts and logs rejected messages: each one in the metric, and at most one per second in the log."""

import time
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

from chassis.telemetry import get_logger
from services.webhooks.metrics import REJECTIONS
from services.webhooks.model.rejections import Reason, Rejected

log = get_logger(__name__)
LOG_EVERY = timedelta(seconds=1)  # posts to the public endpoint must not flood the log

Source: TypeAlias = Literal["queue", "https"]


class Rejections:
    """The rejections of one source of messages: the queue or the HTTPS endpoint."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._logged_at = float("-inf")
        for reason in get_args(Reason):
            REJECTIONS.labels(source, reason, "no")  # so that the first one is an increase

    def record(self, rejected: Rejected, *, stored: bool = False, sqs_id: str = "") -> None:
        """Count a message that failed verification; `stored` means that it was stored nevertheless."""
        REJECTIONS.labels(self._source, rejected.reason, "yes" if stored else "no").inc()
        if time.monotonic() - self._logged_at < LOG_EVERY.total_seconds():
            return
        self._logged_at = time.monotonic()
        log.warning(
            "feedback message failed verification" if stored else "feedback message rejected",
            action="notification_refused",
            source=self._source,
            reason=rejected.reason,
            sqs_id=sqs_id,
        )
