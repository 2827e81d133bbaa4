"""What every process reports about itself in Postgres, for `letterhead doctor`: release, clocks and keys."""

import asyncio
import platform as machine
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import Gauge

from chassis import config
from chassis.access import Access, Scope
from chassis.aws import CLOCK, Faults
from chassis.background import Background
from chassis.certificates import expiry_of
from chassis.database import Database
from chassis.errors import ServiceError, Unauthenticated
from chassis.periodic import PeriodicTask
from chassis.queries import Queries
from chassis.regions import AwsRegion
from chassis.release import release

QUERIES = Queries.load(Path(__file__).with_name("process_reports.sql"))
INTERVAL = timedelta(seconds=5)
SERVICE_KEY = Gauge(
    "letterhead_service_key_accepted",
    "1 while the other services accept the service key of this process, 0 while they reject it",
)
SERVICE_KEY.set(float("nan"))  # not checked, or without one


class ProcessReports:
    """The reports of this process, under the name of its service and the address that it serves at."""

    def __init__(
        self,
        database: Database,
        access: Access,
        server: config.Server,
        service: str,
        *,
        service_key: config.Secret | None,
        regions: Sequence[AwsRegion],
    ) -> None:
        self._database = database
        self._access = access
        self._certificate = server.grpc_certificate_file
        self._identified = {
            "service": service,
            "address": f"{machine.node()}:{server.grpc_port}",
            "started_at": datetime.now(UTC),
        }
        self._service_key = service_key
        self._regions = [str(each.ses_region) for each in regions]
        self._faults = Faults()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Background]:
        """Yield the task that reports; at the end of the block, delete the report."""
        yield PeriodicTask("process report", self.report, interval=INTERVAL).run
        with suppress(ServiceError):
            await self._database.execute(*QUERIES.end_report(**self._identified))

    async def report(self) -> None:
        """Store one report, and delete those of processes that ended long ago."""
        statement = QUERIES.report(
            **self._identified,
            release=await asyncio.to_thread(release),
            regions=self._regions,
            service_key=await self._check_service_key(),
            aws_fault=self._faults.now(),
            aws_clock_ahead=CLOCK.ahead(),
            certificate_expires_at=await asyncio.to_thread(self._certificate_expires_at),
            clock=datetime.now(UTC),
        )
        await self._database.execute(*statement)
        await self._database.execute(*QUERIES.delete_old_reports())

    async def _check_service_key(self) -> str | None:
        """Return whether the other services accept this process's key, as they decide it themselves."""
        if self._service_key is None:
            return None
        try:
            who = await self._access.authenticate(f"Bearer {self._service_key.reveal()}")
        except Unauthenticated:
            SERVICE_KEY.set(0)
            return "REJECTED"
        SERVICE_KEY.set(who.scope is Scope.SERVICE)
        return "ACCEPTED" if who.scope is Scope.SERVICE else "WRONG_SCOPE"

    def _certificate_expires_at(self) -> datetime | None:
        return expiry_of(self._certificate) if self._certificate else None
