"""What waits to be asked of SES, the account's row, and the sweep of SES's list, in Postgres."""

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
from services.verifier.model.account import AccountChange, AccountFacts, AccountState, Listed

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("ses.sql"))

ASKING = timedelta(seconds=30)  # how long a question may be under way before another replica asks it
ACCOUNT_OLD = timedelta(seconds=150)  # an answer older than this says nothing of today


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due at SES: domains that somebody watches, other domains, the account, the sweep."""

    watched: bool
    domains: bool
    account: bool
    sweep: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A domain whose turn it is; an answer counts unless a later question was answered before."""

    claim_id: UUID
    generation: int
    name: str
    asked_at: datetime


class SesStore:
    """What is due at SES in one account and region."""

    def __init__(self, database: Database, aws: config.Aws) -> None:
        self._database = database
        self._place = (aws.aws_account, aws.aws_region)
        self._outbox = Outbox("verifier")

    async def waiting(self) -> Waiting:
        """Returns what is due."""
        row = await self._database.fetchrow(QUERIES.ses_work, *self._place)
        assert row is not None  # four EXISTS make one row
        return Waiting(row["watched"], row["domains"], row["account"], row["sweep"])

    async def next_domain(self, *, watched: bool) -> Turn | None:
        """Takes the domain whose turn it is; one of a watched page first, or one of the others first."""
        row = await self._database.fetchrow(QUERIES.claim_ses_look, *self._place, ASKING, watched)
        return Turn(**row) if row else None

    async def ask_again(self, turn: Turn, again: timedelta) -> None:
        """Gives a turn back that brought no answer."""
        await self._database.execute(QUERIES.ask_again, turn.claim_id, turn.generation, again)

    async def put_account(self, note: str) -> None:
        """Makes the account's row where there is none."""
        await self._database.execute(QUERIES.put_account, *self._place, note)

    async def take_account(self) -> bool:
        """Takes the turn to ask about the account; False when another replica has it."""
        return await self._database.fetchrow(QUERIES.claim_account, *self._place, ASKING) is not None

    async def save_account(self, facts: AccountFacts, again: timedelta) -> None:
        """Stores what SES said of the account."""
        state, note = facts.state()
        await self._change(
            QUERIES.save_account,
            state.value,
            note,
            facts.production_access,
            facts.sending_enabled,
            facts.enforcement_status,
            facts.max_send_rate,
            facts.max_24_hour_send,
            facts.sent_last_24_hours,
            again,
        )

    async def miss_account(self, note: str, again: timedelta) -> None:
        """Notes that SES did not say; after a while the account counts as unreachable."""
        await self._change(QUERIES.miss_account, note, again, ACCOUNT_OLD)

    async def _change(self, query: str, *values: object) -> None:
        """Changes the account's row, and tells where its state is another."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(query, *self._place, *values)
            if row is None or row["before"] == row["after"]:
                return
            states = AccountState(row["before"]), AccountState(row["after"])
            change = AccountChange(*self._place, *states, row["note"])
            await self._outbox.write(connection, account_changed(change))
        log.warning(
            "the SES account changed", action="account_changed", before=change.before, after=change.after
        )

    async def take_sweep(self, lease: timedelta) -> datetime | None:
        """Takes the turn to read SES's whole list; returns when, or None when another replica has it."""
        begun: datetime | None = await self._database.fetchval(QUERIES.claim_sweep, *self._place, lease)
        return begun

    async def mark_unlike(self, listed: Sequence[Listed]) -> None:
        """Has SES asked about domains that its list shows otherwise than they are known."""
        await self._database.execute(
            QUERIES.mark_unlike,
            *self._place,
            [each.name for each in listed],
            [each.verification_status for each in listed],
            [each.sending_enabled for each in listed],
        )

    async def put_off_sweep(self, again: timedelta) -> None:
        """Sets the next sweep after one that was broken off."""
        await self._database.execute(QUERIES.put_off_sweep, *self._place, again)

    async def leftovers(self, names: Sequence[str], begun: datetime) -> list[str]:
        """Return names that SES lists though no claim is left on them and their identity was deleted."""
        rows = await self._database.fetch(QUERIES.leftovers, *self._place, list(names), begun)
        return [row["name"] for row in rows]

    async def end_sweep(self, names: Sequence[str], begun: datetime, again: timedelta) -> None:
        """Has SES asked about domains that its whole list lacks, and sets the next sweep."""
        await self._database.execute(QUERIES.mark_absent, *self._place, list(names), begun)
        await self._database.execute(QUERIES.end_sweep, *self._place, again)
