"""Measures whether SQS moves rejected messages to a dead-letter queue; else they are redelivered for days."""

from datetime import timedelta

from chassis.periodic import PeriodicTask
from services.webhooks.intake.queue import Queue
from services.webhooks.metrics import REDRIVE

INTERVAL = timedelta(minutes=1)


class RedriveCheck:
    """Reads the redrive policy of a region's queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.task = PeriodicTask("redrive policy of the queue", self._read, interval=INTERVAL, cap=INTERVAL)

    async def _read(self) -> None:
        has_policy = await self._queue.has_redrive_policy()
        REDRIVE.labels(self._queue.ses_region.region).set(has_policy)
