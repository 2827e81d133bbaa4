"""Reads SES's whole list of domains, page by page, and has asked about what it shows otherwise than known.

One page of a thousand costs one slot, so a sweep sees in a minute what single questions would in an hour.
"""

from datetime import datetime, timedelta

from prometheus_client import Gauge

from chassis.telemetry import get_logger
from services.verifier.ses import SesAwayError, SesReader
from services.verifier.store.ses import SesStore

log = get_logger(__name__)
LEFTOVERS = Gauge(
    "letterhead_ses_leftover_identities", "Identities at SES that no domain needs, as the last sweep saw them"
)

AGAIN = timedelta(seconds=60)  # for each page, so that sweeps cost one slot a minute
RETRY = timedelta(seconds=15)
LEASE = timedelta(minutes=5)  # for a whole sweep; a replica that dies in one holds it up for so long


class Sweep:
    """At most one sweep of this process at a time; each step is one request to SES."""

    def __init__(self, store: SesStore, reader: SesReader) -> None:
        self._store = store
        self._reader = reader
        self._begun: datetime | None = None
        self._token: str | None = None
        self._names: list[str] = []
        self._pages = 0

    @property
    def under_way(self) -> bool:
        """Says whether there are more pages to read."""
        return self._begun is not None

    async def step(self) -> None:
        """Reads a page, the first one if this replica gets the turn."""
        if self._begun is None and not await self._begin():
            return
        try:
            domains, self._token = await self._reader.list(self._token)
        except SesAwayError as error:
            log.warning("the sweep of SES's list was broken off", action="sweep_missed", why=str(error))
            self._begun = None
            await self._store.put_off_sweep(RETRY)
            return
        self._pages += 1
        self._names += [each.name for each in domains]
        await self._store.mark_unlike(domains)
        if self._token is None:
            await self._end()

    async def _begin(self) -> bool:
        self._begun = await self._store.take_sweep(LEASE)
        self._token, self._names, self._pages = None, [], 0
        return self._begun is not None

    async def _end(self) -> None:
        begun, self._begun = self._begun, None
        assert begun is not None  # a page belongs to a sweep
        await self._compare(begun)
        await self._store.end_sweep(self._names, begun, AGAIN * self._pages)
        log.info("swept SES's list", action="ses_swept", domains=len(self._names), pages=self._pages)

    async def _compare(self, begun: datetime) -> None:
        """Report identities that should have gone with their last claim; delete nothing."""
        leftovers = await self._store.leftovers(self._names, begun)
        LEFTOVERS.set(len(leftovers))
        if leftovers:
            log.warning(
                "SES has identities that no domain needs", action="ses_leftovers", names=leftovers[:20]
            )
