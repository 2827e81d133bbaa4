"""Sends heartbeats: emails to SES's mailbox simulator, whose Send events prove that SES's events reach us."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Database
from chassis.periodic import PeriodicTask
from chassis.regions import SesRegion
from chassis.telemetry import get_logger
from chassis.threads import Executor
from services.sender.model import mime
from services.sender.model.emails import Address
from services.sender.model.feedback import SIMULATOR
from services.sender.model.mime import MimeMessage
from services.sender.model.posting import Post
from services.sender.ses import Ses
from services.sender.store.queue import QueueStore
from services.sender.worker.send_slots import SendSlots

log = get_logger(__name__)

RECEIVER = Address(f"success@{SIMULATOR}")
IDLE = timedelta(minutes=1)  # the task is woken when there is a heartbeat to send
PATIENCE = timedelta(seconds=2)  # longest wait for a send slot; without one, this heartbeat is skipped


class Heartbeat:
    """Sends heartbeats from `domain`, the operator's own, within the rate limit of the region's email."""

    def __init__(
        self,
        database: Database,
        queue: QueueStore,
        ses: Ses,
        executor: Executor,
        *,
        ses_region: SesRegion,
        domain: str,
    ) -> None:
        self._send_slots = SendSlots(database, ses_region, patience=PATIENCE)
        self._queue = queue
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
            await self._post(requested)
        return self._requested is not None

    async def _post(self, heartbeat_id: UUID) -> None:
        """Post a heartbeat once. Its outcome does not matter: only SES's event proves anything."""
        wait = await self._send_slots.take(1, await self._queue.account())
        if wait is None:
            return
        await asyncio.sleep(wait.total_seconds())
        answer = await self._executor.run(self._ses.post, self._email(heartbeat_id))
        outcome = type(answer).__name__.lower()
        log.info("heartbeat posted", action="heartbeat_posted", outcome=outcome, attempt_id=str(heartbeat_id))

    def _email(self, heartbeat_id: UUID) -> Post:
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
