"""Reads SES's whole list of identities page by page, and makes queries due for domains that differ from it.

A page of a thousand identities costs one slot, so a sweep detects changes far sooner than single queries.
"""

from datetime import datetime, timedelta

from chassis.aws import AwsError
from chassis.telemetry import get_logger
from services.verifier.metrics import LEFTOVER_IDENTITIES
from services.verifier.ses import SesReader
from services.verifier.store.ses import SesStore

log = get_logger(__name__)

INTERVAL = timedelta(seconds=60)  # per page, so that sweeps use one slot per minute on average
RETRY = timedelta(seconds=15)
LEASE = timedelta(minutes=5)  # of a whole sweep; after a crash the next sweep waits until it expires


class Sweep:
    """Sweeps SES's list, at most one sweep per process at a time; each step is one request to SES."""

    def __init__(self, store: SesStore, reader: SesReader) -> None:
        self._store = store
        self._reader = reader
        self._started: datetime | None = None
        self._token: str | None = None
        self._names: list[str] = []
        self._pages = 0

    @property
    def under_way(self) -> bool:
        """Return whether a sweep has more pages to read."""
        return self._started is not None

    async def step(self) -> None:
        """Read the next page, or the first one if this replica gets the lease."""
        if self._started is None and not await self._begin():
            return
        try:
            domains, self._token = await self._reader.list(self._token)
        except AwsError as error:
            log.warning("SES sweep aborted", action="sweep_aborted", why=str(error))
            self._started = None
            await self._store.postpone_sweep(RETRY)
            return
        self._pages += 1
        self._names += [each.name for each in domains]
        await self._store.mark_changed(domains)
        if self._token is None:
            await self._end()

    async def _begin(self) -> bool:
        self._started = await self._store.lease_sweep(LEASE)
        self._token, self._names, self._pages = None, [], 0
        return self._started is not None

    async def _end(self) -> None:
        started, self._started = self._started, None
        assert started is not None  # a page is read only during a sweep
        await self._compare(started)
        await self._store.end_sweep(self._names, started, INTERVAL * self._pages)
        log.info("SES sweep finished", action="ses_swept", domains=len(self._names), pages=self._pages)

    async def _compare(self, started: datetime) -> None:
        """Report identities that should have been deleted with their last claim; delete nothing."""
        leftovers = await self._store.leftovers(self._names, started)
        LEFTOVER_IDENTITIES.labels(self._reader.region).set(len(leftovers))
        if leftovers:
            log.warning("SES has identities without a domain", action="ses_leftovers", names=leftovers[:20])
