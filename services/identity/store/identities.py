"""Identities in Postgres as the worker leases and settles them. Nothing here asks SES."""

from dataclasses import astuple, replace
from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Database, Queries, Record
from chassis.events import Outbox
from services.identity import events
from services.identity.model.domains import Phase
from services.identity.model.provisioning import (
    IdentityState,
    Place,
    Seen,
    Signing,
    Work,
    arn,
    dkim_records,
    records,
)
from services.identity.store.claims import (
    end_claim,
    fence,
    lock_name,
    move_claim,
    notify,
    show_records,
    to_claim,
)

QUERIES = Queries.load(Path(__file__).with_name("identities.sql"))

# Longer than a turn's patience and a call to SES together; short, for a dead worker's identity waits it out.
LEASE = timedelta(seconds=15)


class LeaseLost(Exception):
    """Another worker took the identity over; whoever learns it drops what is in hand."""


class IdentityStore:
    """What the worker of one account and region reads and writes."""

    def __init__(self, database: Database, outbox: Outbox, place: Place, *, inbound_mx: str | None) -> None:
        self._database = database
        self._outbox = outbox
        self._place = place
        self._inbound_mx = inbound_mx

    async def claim_due(self, limit: int) -> list[Work]:
        """Leases what is due."""
        rows = await self._database.fetch(QUERIES.claim_due, *self._place, LEASE, limit)
        return [_work(row) for row in rows]

    async def renew_lease(self, work: Work) -> None:
        """Keeps a lease for another call to SES; raises LeaseLost."""
        if not await self._database.fetchval(QUERIES.renew_lease, work.id, work.fence, LEASE):
            raise LeaseLost

    async def record_presence(self, work: Work, seen: Seen) -> None:
        """Notes at once what SES has, so that a crash never makes it anew; raises LeaseLost."""
        what = (arn(work.account, work.region, work.name), *astuple(seen.signing))
        if not await self._database.fetchval(QUERIES.record_presence, work.id, work.fence, *what, LEASE):
            raise LeaseLost

    async def settle_present(self, work: Work, signing: Signing) -> bool:
        """Shows every claim its records; False when something else is wanted by now, and due."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            lease = (work.id, work.fence, work.generation)
            if not await connection.fetchval(QUERIES.settle_present, *lease, *astuple(signing)):
                await connection.execute(QUERIES.release, work.id, work.fence)
                return False
            for row in await connection.fetch(QUERIES.live_claims, work.id):
                await self._show(connection, row, signing)
            await notify(connection)
        return True

    async def settle_absent(self, work: Work, cause: str) -> bool:
        """Ends the claims that went with an identity; False when it is wanted again, and due."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            if not await connection.fetchval(QUERIES.settle_absent, work.id, work.fence, work.generation):
                await connection.execute(QUERIES.release, work.id, work.fence)
                return False
            for row in await connection.fetch(QUERIES.waiting_deletions, work.id):
                await end_claim(connection, self._outbox, row["id"], cause)
            await notify(connection)
        return True

    async def postpone(self, work: Work, delay: timedelta) -> None:
        """Gives back what did not get its turn."""
        await self._database.execute(QUERIES.postpone, work.id, work.fence, delay)

    async def record_trouble(self, work: Work, sentence: str, delay: timedelta) -> None:
        """Gives back what SES refused or did not answer, and tells the claims that wait for it."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            lease = (work.id, work.fence, work.generation)
            if await connection.fetchval(QUERIES.record_trouble, *lease, sentence, delay):
                await connection.execute(QUERIES.note_waiting_claims, work.id, sentence)

    async def _show(self, connection: Connection, row: Record, signing: Signing) -> None:
        claim = to_claim(row)
        if claim.phase is Phase.PROVISIONING:
            await move_claim(connection, claim.id, Phase.PROVISIONING, Phase.ACTIVE, "SES has the identity")
        elif row["dkim"] != [f"{record.name} {record.value}" for record in dkim_records(claim.name, signing)]:
            await fence(connection, claim.id)
            generation = await connection.fetchval(QUERIES.renew_generation, claim.id)
            claim = replace(claim, generation=generation)
        else:
            return
        label = claim.mail_from_label
        shown = records(claim.name, label, claim.region, signing, inbound_mx=self._inbound_mx)
        await show_records(connection, claim, shown)
        await self._outbox.write(connection, events.domain_provisioned(claim))


def _work(row: Record) -> Work:
    return Work(
        id=row["id"],
        account=row["account"],
        region=row["region"],
        name=row["name"],
        state=IdentityState(row["state"]),
        generation=row["generation"],
        mail_from_label=row["mail_from_label"],
        attempts=row["attempts"],
        known=row["known"],
        repair_cause=row["repair_cause"],
        fence=row["fence"],
    )
