"""The queue of due SES queries, the account's row and the sweep of SES's list, in Postgres."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis import config
from chassis.database import Database, Queries
from chassis.events import Outbox
from chassis.telemetry import get_logger
from services.verifier.events import account_changed
from services.verifier.model.account import AccountChange, AccountState, AccountStatus, Listed

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("ses.sql"))

ASKING = timedelta(seconds=30)  # lease of a query; after it another replica may make the query
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
    asked_at: datetime


class SesStore:
    """The due SES queries of one account and region."""

    def __init__(self, database: Database, aws: config.Aws) -> None:
        self._database = database
        self._region = (aws.aws_account, aws.aws_region)
        self._outbox = Outbox("verifier")

    async def waiting(self) -> Waiting:
        """Return which kinds of queries are due."""
        row = await self._database.fetchrow(QUERIES.ses_work, *self._region)
        assert row is not None  # a SELECT of four EXISTS always returns one row
        return Waiting(row["watched"], row["domains"], row["account"], row["sweep"])

    async def next_domain(self, *, watched: bool) -> SesLease | None:
        """Lease the next due domain, preferring watched domains or the others; None when none is due."""
        row = await self._database.fetchrow(QUERIES.lease_ses_check, *self._region, ASKING, watched)
        return SesLease(**row) if row else None

    async def ask_again(self, turn: SesLease, again: timedelta) -> None:
        """Make a query due again, after `again`, that got no usable response."""
        await self._database.execute(QUERIES.ask_again, turn.claim_id, turn.generation, again)

    async def put_account(self, note: str) -> None:
        """Insert the account's row if it is missing."""
        await self._database.execute(QUERIES.put_account, *self._region, note)

    async def take_account(self) -> bool:
        """Lease the query of the account; False when it is not due or another replica has the lease."""
        return await self._database.fetchrow(QUERIES.claim_account, *self._region, ASKING) is not None

    async def save_account(self, account_status: AccountStatus, again: timedelta) -> None:
        """Store SES's response about the account."""
        state, note = account_status.state()
        await self._change(
            QUERIES.save_account,
            state.value,
            note,
            account_status.production_access,
            account_status.sending_enabled,
            account_status.enforcement_status,
            account_status.max_send_rate,
            account_status.max_24_hour_send,
            account_status.sent_last_24_hours,
            again,
        )

    async def miss_account(self, note: str, again: timedelta) -> None:
        """Store that SES did not respond; after ACCOUNT_OLD the account becomes UNREACHABLE."""
        await self._change(QUERIES.miss_account, note, again, ACCOUNT_OLD)

    async def _change(self, query: str, *values: object) -> None:
        """Update the account's row, and publish an event if its state changed."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(query, *self._region, *values)
            if row is None or row["before"] == row["after"]:
                return
            states = AccountState(row["before"]), AccountState(row["after"])
            change = AccountChange(*self._region, *states, row["note"])
            await self._outbox.write(connection, account_changed(change))
        log.warning(
            "SES account state changed", action="account_changed", before=change.before, after=change.after
        )

    async def take_sweep(self, lease: timedelta) -> datetime | None:
        """Lease the sweep; return its start, or None when it is not due or another replica has the lease."""
        started: datetime | None = await self._database.fetchval(QUERIES.claim_sweep, *self._region, lease)
        return started

    async def mark_changed(self, listed: Sequence[Listed]) -> None:
        """Make SES queries due for domains whose listed status differs from the stored one."""
        await self._database.execute(
            QUERIES.mark_changed,
            *self._region,
            [each.name for each in listed],
            [each.verification_status for each in listed],
            [each.sending_enabled for each in listed],
        )

    async def put_off_sweep(self, again: timedelta) -> None:
        """Schedule the next sweep after an aborted one."""
        await self._database.execute(QUERIES.put_off_sweep, *self._region, again)

    async def leftovers(self, names: Sequence[str], started: datetime) -> list[str]:
        """Return listed names without a claim whose identity was deleted before the sweep started."""
        rows = await self._database.fetch(QUERIES.leftovers, *self._region, list(names), started)
        return [row["name"] for row in rows]

    async def end_sweep(self, names: Sequence[str], started: datetime, again: timedelta) -> None:
        """Make SES queries due for domains missing from the list, and schedule the next sweep."""
        await self._database.execute(QUERIES.mark_absent, *self._region, list(names), started)
        await self._database.execute(QUERIES.end_sweep, *self._region, again)
