"""Claims that are to go: they wait for what is on its way to SES; the last one takes its identity along."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Database, Queries
from chassis.events import Outbox
from services.identity.model.domains import Claim
from services.identity.model.provisioning import Place
from services.identity.store.claims import end_claim, lock_name, notify, to_claim

QUERIES = Queries.load(Path(__file__).with_name("deletions.sql"))

LEASE = timedelta(seconds=10)  # of one transaction, however long it waits for its locks
LOOK_AGAIN = timedelta(milliseconds=500)


class DeletionStore:
    """What the worker of one account and region reads and writes of claims that are to go."""

    def __init__(self, database: Database, outbox: Outbox, place: Place) -> None:
        self._database = database
        self._outbox = outbox
        self._place = place

    async def claim_due(self, limit: int) -> list[Claim]:
        """Leases what may go by now."""
        rows = await self._database.fetch(QUERIES.claim_due, *self._place, LEASE, limit)
        return [to_claim(row) for row in rows]

    async def let_go(self, claim: Claim) -> None:
        """Ends a claim, or hands its identity to be deleted first, or waits on for attempts that are open.

        The fence of DeleteDomain has kept new attempts away since; a dead sender's are closed by sender.
        """
        async with self._database.transaction() as connection:
            await lock_name(connection, claim.name)
            if open_attempts := await connection.fetchval(QUERIES.count_open_attempts, claim.id):
                note = f"Emails that are still on their way: {open_attempts}."
                await connection.execute(QUERIES.wait_for_attempts, claim.id, note, LOOK_AGAIN)
                return
            if await connection.fetchval(QUERIES.is_shared, claim.ses_identity_id, claim.id):
                await end_claim(connection, self._outbox, claim.id, "nothing is on its way")
            else:
                await self._take_identity(connection, claim)
            await notify(connection)

    async def _take_identity(self, connection: Connection, claim: Claim) -> None:
        if await connection.fetchval(QUERIES.wait_for_identity, claim.id):
            await connection.execute(QUERIES.unwant_identity, claim.ses_identity_id, claim.tenant_id)
