"""Feedback liveness: the absence of an event means something only while SES's events provably reach us.

A clock runs while they do and stops while they may not, so that no window ends while events wait in an
unread queue. When there is too little traffic to prove it, heartbeats do: emails to SES's simulator.
"""

from collections.abc import Callable
from uuid import UUID

from chassis.database import Database
from services.sender.config import Windows
from services.sender.metrics import FEEDBACK_LIVE
from services.sender.store.feedback_liveness import FeedbackLivenessStore


class FeedbackLiveness:
    """Checks feedback liveness while any email is UNKNOWN; `beat`, if any, requests a heartbeat."""

    def __init__(
        self,
        database: Database,
        store: FeedbackLivenessStore,
        windows: Windows,
        beat: Callable[[UUID], None] | None,
    ) -> None:
        self._database = database
        self._store = store
        self._windows = windows
        self._beat = beat

    async def check(self) -> bool:
        """Advance the clock and return whether feedback is live; return False if no email is UNKNOWN."""
        if not await self._store.anything_unknown():
            FEEDBACK_LIVE.set(1)
            return False
        windows = self._windows
        async with self._database.transaction() as connection:
            signs = await self._store.signs(
                connection, enough=windows.liveness_sends, freshness=windows.liveness_freshness
            )
            shown = await self._store.advance(connection, signs)
            await self._store.confirm_absence(connection, shown, signs)
            due = self._beat and await self._store.start_heartbeat(
                connection, signs, interval=windows.heartbeat_interval, freshness=windows.liveness_freshness
            )
        if self._beat and due:
            self._beat(due)
        FEEDBACK_LIVE.set(signs.live)
        return signs.live
