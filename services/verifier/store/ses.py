"""The queue of due SES queries, the account's row and the sweep of SES's list, in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries
from chassis.events import Outbox
from chassis.regions import SesRegion
from chassis.telemetry import get_logger
from services.verifier.events import account_changed
from services.verifier.model.account import AccountChange, AccountState, AccountStatus, Listed
from services.verifier.model.reasons import AccountReason, Explanation
from services.verifier.store import rows

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("ses.sql"))

QUERY_LEASE = timedelta(seconds=30)  # after it another replica may make the query
ACCOUNT_OLD = timedelta(seconds=150)  # without a response for this long, the account is UNREACHABLE


@dataclass(frozen=True, slots=True)
class Waiting:
    """Which kinds of SES queries are due: watched domains, other domains, the account, the sweep."""

    watched: bool
    domains: bool
    account: bool
    sweep: bool


@dataclass(frozen=True, slots=True)
class SesLease:
    """A leased SES query of a domain; its response is dropped if a later query was answered first."""

    claim_id: UUID
    generation: int
    name: str
    queried_at: datetime


class SesStore:
    """The due SES queries of one account and region."""

    def __init__(self, database: Database, ses_region: SesRegion, outbox: Outbox) -> None:
        self._database = database
        self._region = ses_region.filter
        self._outbox = outbox

    async def waiting(self) -> Waiting:
        """Return which kinds of queries are due."""
        row = await self._database.fetchrow(*QUERIES.ses_work(**self._region))
        assert row is not None  # a SELECT of four EXISTS always returns one row
        return Waiting(**row)

    async def lease_domain(self, *, watched: bool) -> SesLease | None:
        """Lease the next due domain, preferring watched domains or the others; None when none is due."""
        due = QUERIES.lease_ses_check(**self._region, lease=QUERY_LEASE, watched=watched)
        row = await self._database.fetchrow(*due)
        return SesLease(**row) if row else None

    async def retry_domain(self, lease: SesLease, delay: timedelta) -> None:
        """Make a query due again, after `delay`, that got no usable response."""
        await self._database.execute(
            *QUERIES.retry_ses_check(claim_id=lease.claim_id, generation=lease.generation, delay=delay)
        )

    async def insert_account(self, why: Explanation[AccountReason]) -> None:
        """Insert the account's row if it is missing."""
        statement = QUERIES.insert_account(**self._region, message=why.message, reason=why.reason)
        await self._database.execute(*statement)

    async def lease_account(self) -> bool:
        """Lease the query of the account; False when it is not due or another replica has the lease."""
        due = QUERIES.lease_account(**self._region, lease=QUERY_LEASE)
        return await self._database.fetchrow(*due) is not None

    async def save_account(self, account_status: AccountStatus, delay: timedelta) -> None:
        """Store SES's response about the account; the next query is due after `delay`."""
        state, why = account_status.state()
        statement = QUERIES.save_account(
            **self._region,
            state=state.value,
            message=why.message,
            reason=why.reason,
            production_access=account_status.production_access,
            sending_enabled=account_status.sending_enabled,
            enforcement_status=account_status.enforcement_status,
            max_send_rate=account_status.max_send_rate,
            max_24_hour_send=account_status.max_24_hour_send,
            sent_last_24_hours=account_status.sent_last_24_hours,
            delay=delay,
        )
        await self._change_account(*statement)

    async def save_missing_answer(self, why: Explanation[AccountReason], delay: timedelta) -> None:
        """Store that SES gave no usable response; after ACCOUNT_OLD the account becomes UNREACHABLE."""
        statement = QUERIES.save_missing_answer(
            **self._region,
            message=why.message,
            reason=why.reason,
            parameters=why.parameters,
            delay=delay,
            unreachable_after=ACCOUNT_OLD,
        )
        await self._change_account(*statement)

    async def _change_account(self, sql: str, *values: object) -> None:
        """Update the account's row, and publish an event if its state changed."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(sql, *values)
            if row is None or row["before"] == row["after"]:
                return
            change = AccountChange(
                **self._region,
                before=AccountState(row["before"]),
                after=AccountState(row["after"]),
                why=rows.why_account(row),
            )
            await self._outbox.write(connection, account_changed(change))
        log.warning(
            "SES account state changed", action="account_changed", before=change.before, after=change.after
        )

    async def lease_sweep(self, lease: timedelta) -> datetime | None:
        """Lease the sweep; return its start, or None when it is not due or another replica has the lease."""
        due = QUERIES.lease_sweep(**self._region, lease=lease)
        started: datetime | None = await self._database.fetchval(*due)
        return started

    async def mark_changed(self, listed: Sequence[Listed]) -> None:
        """Make SES queries due for domains whose listed status differs from the stored one."""
        statement = QUERIES.mark_changed(
            **self._region,
            names=[each.name for each in listed],
            verification_statuses=[each.verification_status for each in listed],
            sending_enabled=[each.sending_enabled for each in listed],
        )
        await self._database.execute(*statement)

    async def postpone_sweep(self, delay: timedelta) -> None:
        """Schedule the next sweep after an aborted one."""
        await self._database.execute(*QUERIES.postpone_sweep(**self._region, delay=delay))

    async def leftovers(self, names: Sequence[str], started: datetime) -> list[str]:
        """Return listed names without a claim whose identity was deleted before the sweep started."""
        found = QUERIES.leftovers(**self._region, names=list(names), started_at=started)
        return [row["name"] for row in await self._database.fetch(*found)]

    async def end_sweep(self, names: Sequence[str], started: datetime, delay: timedelta) -> None:
        """Make SES queries due for domains missing from the list, and schedule the next sweep."""
        absent = QUERIES.mark_absent(**self._region, names=list(names), started_at=started)
        await self._database.execute(*absent)
        await self._database.execute(*QUERIES.end_sweep(**self._region, delay=delay))
