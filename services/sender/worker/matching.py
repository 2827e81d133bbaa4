"""Finds the emails of feedback that came before we knew SES's id of them.

SES tells of an email by our tags; by its own id alone in notifications of the older form, and those may be
sooner than its answer, or be all that is left of a lost one until a tagged event names the email.
"""

from uuid import UUID

from prometheus_client import Counter

from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.store.feedback import Feedback
from services.sender.store.unmatched import UnmatchedStore

log = get_logger(__name__)
MATCHED = Counter("letterhead_sender_feedback_matched_total", "Events whose email came to be known later")


class Matching:
    """One round looks at a batch; what is not matched is looked at again, ever more seldom."""

    def __init__(self, database: Database, unmatched: UnmatchedStore, feedback: Feedback) -> None:
        self._database = database
        self._unmatched = unmatched
        self._feedback = feedback

    async def match(self) -> bool:
        """Apply what can be matched now; says whether there is more to do."""
        matched, more = await self._unmatched.look()
        for event_id in matched:
            await self._apply(event_id)
        return more

    async def _apply(self, event_id: UUID) -> None:
        async with self._database.transaction() as connection:
            if (taken := await self._unmatched.take(connection, event_id)) is None:
                return
            event, heard_at = taken
            await self._feedback.apply(connection, [event])
        MATCHED.inc()
        log.info(
            "an email of earlier feedback is known",
            action="feedback_matched",
            event_id=str(event_id),
            heard_at=heard_at.isoformat(),
        )
