"""Deletion of claims: each waits for its open attempts, and the last one deletes the SES identity."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Database, Queries
from chassis.events import Outbox
from services.identity.model.domains import Claim
from services.identity.model.provisioning import SesRegion
from services.identity.store.claims import end_claim, lock_name, notify, to_claim

QUERIES = Queries.load(Path(__file__).with_name("deletions.sql"))

LEASE = timedelta(seconds=10)  # covers one transaction, including the wait for its locks
RECHECK_AFTER = timedelta(milliseconds=500)


class DeletionStore:
    """The claims of one account and region that are being deleted, for the worker."""

    def __init__(self, database: Database, outbox: Outbox, ses_region: SesRegion) -> None:
        self._database = database
        self._outbox = outbox
        self._ses_region = ses_region

    async def lease_due(self, limit: int) -> list[Claim]:
        """Lease the DELETING claims that are due for a check."""
        rows = await self._database.fetch(QUERIES.lease_due, *self._ses_region, LEASE, limit)
        return [to_claim(row) for row in rows]

    async def let_go(self, claim: Claim) -> None:
        """Delete a claim, request the deletion of its SES identity first, or wait for its open attempts.

        DeleteDomain took the claim lock, so no attempt has started since. sender resolves the attempts of
        senders that died.
        """
        async with self._database.transaction() as connection:
            await lock_name(connection, claim.name)
            if open_attempts := await connection.fetchval(QUERIES.count_open_attempts, claim.id):
                note = f"Waiting for emails in flight: {open_attempts}."
                await connection.execute(QUERIES.wait_for_attempts, claim.id, note, RECHECK_AFTER)
                return
            if await connection.fetchval(QUERIES.is_shared, claim.ses_identity_id, claim.id):
                await end_claim(connection, self._outbox, claim.id, "no attempt is open")
            else:
                await self._take_identity(connection, claim)
            await notify(connection)

    async def _take_identity(self, connection: Connection, claim: Claim) -> None:
        if await connection.fetchval(QUERIES.wait_for_identity, claim.id):
            await connection.execute(
                QUERIES.request_identity_deletion, claim.ses_identity_id, claim.tenant_id
            )
