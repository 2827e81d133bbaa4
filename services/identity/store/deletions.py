"""Deletion of claims: each waits for its open attempts, and the last one deletes the SES identity."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Database, Queries
from chassis.events import Outbox
from chassis.regions import SesRegion
from services.identity.model.domains import Claim
from services.identity.model.messages import explain
from services.identity.model.reasons import DomainReason
from services.identity.store.claims import end_claim, lock_name, notify, to_claim

QUERIES = Queries.load(Path(__file__).with_name("deletions.sql"))

LEASE = timedelta(seconds=10)  # covers one transaction, including the wait for its locks
RECHECK_AFTER = timedelta(milliseconds=500)


class DeletionStore:
    """The claims of one account and region that are being deleted, for the worker."""

    def __init__(self, database: Database, outbox: Outbox, ses_region: SesRegion) -> None:
        self._database = database
        self._outbox = outbox
        self._region = ses_region.filter

    async def lease_due(self, limit: int) -> list[Claim]:
        """Lease the DELETING claims that are due for a check."""
        query = QUERIES.lease_due(**self._region, lease=LEASE, limit=limit)
        return [to_claim(row) for row in await self._database.fetch(*query)]

    async def delete(self, claim: Claim) -> None:
        """Delete a claim, request the deletion of its SES identity first, or wait for its open attempts.

        DeleteDomain took the claim lock, so no attempt has started since. sender resolves the attempts of
        senders that died.
        """
        async with self._database.transaction() as connection:
            await lock_name(connection, claim.name)
            if open_attempts := await connection.fetchval(*QUERIES.count_open_attempts(claim_id=claim.id)):
                why = explain(DomainReason.EMAILS_IN_FLIGHT, emails_in_flight=open_attempts)
                query = QUERIES.wait_for_attempts(
                    claim_id=claim.id,
                    message=why.message,
                    reason=why.reason,
                    parameters=why.parameters,
                    delay=RECHECK_AFTER,
                )
                await connection.execute(*query)
                return
            ses_identity_id = claim.ses_identity_id
            query = QUERIES.is_shared(ses_identity_id=ses_identity_id, claim_id=claim.id)
            if await connection.fetchval(*query):
                await end_claim(connection, self._outbox, claim.id, "no attempt is open")
            elif await connection.fetchval(*QUERIES.wait_for_identity(claim_id=claim.id)):
                query = QUERIES.request_identity_deletion(
                    ses_identity_id=ses_identity_id, tenant_id=claim.tenant_id
                )
                await connection.execute(*query)
            await notify(connection)
