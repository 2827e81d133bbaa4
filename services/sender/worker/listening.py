"""Whether silence means anything: it does only while SES's events are proven to reach us.

A clock runs while they do and stands while they may not, so that no window ends behind a queue that nobody
reads. Where our own traffic is too thin to prove it, heartbeats do: emails of ours to SES's simulator.
"""

from collections.abc import Callable
from uuid import UUID

from prometheus_client import Gauge

from chassis.database import Database
from services.sender.store.listening import ListeningStore, Windows

HEARING = Gauge("letterhead_sender_hearing", "0 while an email is UNKNOWN and SES's events may not reach us")


class Listening:
    """Looks at the signs while anything is unknown; `beat` has a heartbeat sent, None where nobody can."""

    def __init__(
        self,
        database: Database,
        store: ListeningStore,
        windows: Windows,
        beat: Callable[[UUID], None] | None,
    ) -> None:
        self._database = database
        self._store = store
        self._windows = windows
        self._beat = beat

    async def look(self) -> bool:
        """Move the clock on, and say whether silence means anything now; False where nothing is unknown."""
        if not await self._store.anything_unknown():
            HEARING.set(1)
            return False
        windows = self._windows
        async with self._database.transaction() as connection:
            signs = await self._store.signs(
                connection, enough=windows.hearing_sends, freshness=windows.hearing_freshness
            )
            shown = await self._store.advance(connection, signs)
            await self._store.mark_silent(connection, shown, signs)
            due = self._beat and await self._store.begin_heartbeat(
                connection, signs, interval=windows.heartbeat_interval, freshness=windows.hearing_freshness
            )
        if self._beat and due:
            self._beat(due)
        HEARING.set(signs.live)
        return signs.live
