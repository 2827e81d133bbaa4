"""What tells whether SES's events reach us: what was heard lately, the clock of listening, and heartbeats."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.config import setting
from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7

QUERIES = Queries.load(Path(__file__).with_name("listening.sql"))
# A long poll takes 20 s at most: a queue that was not heard of for longer is not asked.
POLLED_WITHIN = timedelta(seconds=30)
# What is stored is understood within milliseconds; anything older is a backlog, and evidence may be in it.
UNDERSTOOD_WITHIN = timedelta(seconds=5)
# Rounds come every second; over a longer gap nobody can say that we listened.
LONGEST_GAP = timedelta(seconds=5)
ENOUGH_HEARTBEATS = 2


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long, and on what proof, a lost answer is waited for."""

    unknown_window: timedelta = setting(
        timedelta(minutes=15), help="seconds of silence after which an email of unknown outcome is held"
    )
    resend_window: timedelta = setting(
        timedelta(seconds=60), help="the same for emails that asked to be sent once more instead"
    )
    hearing_sends: int = setting(
        20, help="so many later attempts must be heard of before silence counts", minimum=1, maximum=1000
    )
    hearing_freshness: timedelta = setting(
        timedelta(minutes=2), help="seconds that such proof lasts", minimum=timedelta(seconds=1)
    )
    heartbeat_interval: timedelta = setting(
        timedelta(seconds=10), help="seconds between emails to SES's simulator while proof is wanted"
    )


@dataclass(frozen=True, slots=True)
class Signs:
    """How listening stands: every attempt before `heard_through` would have been heard of by now.

    It is None when too little was heard lately. `intake_works` says that the queue is asked and nothing waits
    to be understood.
    """

    heard_through: datetime | None
    intake_works: bool

    @property
    def live(self) -> bool:
        """Say whether silence means anything now."""
        return self.intake_works and self.heard_through is not None


class ListeningStore:
    """The signs of one `source`: account, region and configuration set."""

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source

    async def anything_unknown(self) -> bool:
        """Say whether any email waits for evidence."""
        return bool(await self._database.fetchval(QUERIES.anything_unknown))

    async def signs(self, connection: Connection, *, enough: int, freshness: timedelta) -> Signs:
        """Read what was heard of the attempts of the last while; `enough` prove that all are heard."""
        [row] = await connection.fetch(
            QUERIES.signs,
            self._source,
            freshness,
            enough,
            ENOUGH_HEARTBEATS,
            POLLED_WITHIN,
            UNDERSTOOD_WITHIN,
        )
        return Signs(row["heard_through"], row["intake_works"])

    async def advance(self, connection: Connection, signs: Signs) -> timedelta:
        """Move the clock on if we listened since the last look, and give what it shows; locks it."""
        shown: timedelta = await connection.fetchval(
            QUERIES.advance_clock, self._source, signs.live, LONGEST_GAP
        )
        return shown

    async def mark_silent(self, connection: Connection, shown: timedelta, signs: Signs) -> None:
        """Begin the windows of lost answers that events of later attempts have overtaken."""
        await connection.execute(QUERIES.mark_silent, shown, signs.heard_through)

    async def begin_heartbeat(
        self, connection: Connection, signs: Signs, *, interval: timedelta, freshness: timedelta
    ) -> UUID | None:
        """Write down a heartbeat that is to leave now, when one is needed; under the clock's lock."""
        begun: UUID | None = await connection.fetchval(
            QUERIES.begin_heartbeat, uuid7(), self._source, interval, freshness / 2, signs.heard_through
        )
        return begun
