"""Matches feedback to its email when it arrived before we knew the email's SES message id.

SES's events carry our tags, but its older notifications carry only its own message id. Those may arrive
before SES's answer to the POST. If that answer was lost, they match nothing until a tagged event names the
email.
"""

from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.metrics import MATCHED
from services.sender.store.feedback import Feedback
from services.sender.store.unmatched import UnmatchedStore

log = get_logger(__name__)


class Matching:
    """Checks unmatched events in batches; each is checked again at growing intervals."""

    def __init__(self, database: Database, unmatched: UnmatchedStore, feedback: Feedback) -> None:
        self._database = database
        self._unmatched = unmatched
        self._feedback = feedback

    async def match(self) -> bool:
        """Apply the events that can be matched now; return whether there is more to do."""
        matched, more = await self._unmatched.find_emails()
        for event_id in matched:
            await self._apply(event_id)
        return more

    async def _apply(self, event_id: UUID) -> None:
        async with self._database.transaction() as connection:
            if (taken := await self._unmatched.take(connection, event_id)) is None:
                return
            event, received_at = taken
            await self._feedback.apply(connection, [event])
        MATCHED.inc()
        log.info(
            "matched earlier feedback to its email",
            action="feedback_matched",
            event_id=str(event_id),
            received_at=received_at.isoformat(),
        )
