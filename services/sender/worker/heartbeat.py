"""Sends heartbeats: emails to SES's mailbox simulator, whose Send events prove that SES's events reach us."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.bucket import RateBucket
from chassis.database import Database
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger
from chassis.threads import Executor
from services.sender.model import mime
from services.sender.model.emails import Address
from services.sender.model.feedback import SIMULATOR
from services.sender.model.mime import MimeMessage
from services.sender.model.posting import Post
from services.sender.ses import Ses
from services.sender.store.emails import SesRegion
from services.sender.store.queue import QueueStore
from services.sender.worker.submission import LEAST_RATE, PACE

log = get_logger(__name__)

RECEIVER = Address(f"success@{SIMULATOR}")
IDLE = timedelta(minutes=1)  # the task is woken when there is a heartbeat to send
PATIENCE = timedelta(seconds=2)  # longest wait for a send slot; without one, this heartbeat is skipped


class Heartbeat:
    """Sends heartbeats from `domain`, the operator's own, within the same rate limit as all other email."""

    def __init__(
        self,
        database: Database,
        claims: QueueStore,
        ses: Ses,
        executor: Executor,
        *,
        ses_region: SesRegion,
        domain: str,
    ) -> None:
        self._bucket = RateBucket(database)
        self._bucket_key = f"ses-send:{ses_region.account}:{ses_region.region}"
        self._claims = claims
        self._ses = ses
        self._executor = executor
        self._sender = Address(f"heartbeat@{domain}")
        self._requested: UUID | None = None
        self.task = PeriodicTask("heartbeat", self._send_requested, interval=IDLE)

    def send(self, heartbeat_id: UUID) -> None:
        """Request a heartbeat without waiting for it: SES may be slow just when heartbeats are needed."""
        self._requested = heartbeat_id
        self.task.wake()

    async def _send_requested(self) -> bool:
        requested, self._requested = self._requested, None
        if requested is not None:
            await self._send(requested)
        return self._requested is not None

    async def _send(self, heartbeat_id: UUID) -> None:
        """Post a heartbeat once. Its outcome does not matter: only SES's event proves anything."""
        rate = max((await self._claims.account()).max_send_rate, LEAST_RATE) * PACE
        wait = await self._bucket.take(
            self._bucket_key, rate=rate, capacity=max(1.0, rate / 2), patience=PATIENCE
        )
        if wait is None:
            return
        await asyncio.sleep(wait.total_seconds())
        answer = await self._executor.run(self._ses.post, self._post(heartbeat_id))
        outcome = type(answer).__name__.lower()
        log.info("heartbeat posted", action="heartbeat_posted", outcome=outcome, attempt_id=str(heartbeat_id))

    def _post(self, heartbeat_id: UUID) -> Post:
        message = MimeMessage(
            sender=self._sender,
            to=[RECEIVER],
            cc=[],
            reply_to=[],
            subject="Heartbeat",
            date=datetime.now(UTC),
            boundary=f"=_{heartbeat_id.hex}",
            text="Sent to verify that SES's events arrive.",
        )
        return Post(
            sender=self._sender.address,
            to=[RECEIVER.address],
            cc=[],
            bcc=[],
            tags={"lh-attempt": str(heartbeat_id)},
            content=mime.build(message),
        )
