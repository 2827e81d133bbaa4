"""SES identities in Postgres, as the worker leases and updates them. Nothing here calls SES."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Database, Queries, Record
from chassis.events import Outbox
from chassis.regions import SesRegion
from services.identity.model.domains import Phase
from services.identity.model.ownership import HOLDERS, Ownership
from services.identity.model.provisioning import Call, IdentityState, Signing, Work, arn, dkim_records
from services.identity.model.reasons import Explanation
from services.identity.store.claims import (
    end_claim,
    lock_claim,
    lock_name,
    move_claim,
    notify,
    show,
    to_claim,
)

QUERIES = Queries.load(Path(__file__).with_name("identities.sql"))

# Longer than one call to SES, but short, because it delays the identities of a worker that died.
LEASE = timedelta(seconds=15)


class LeaseLost(Exception):
    """Another worker has leased the identity, so the result of this step must be discarded."""


class IdentityStore:
    """The SES identities of one account and region, for the worker."""

    def __init__(
        self, database: Database, outbox: Outbox, ses_region: SesRegion, *, inbound_mx: str | None
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._region = ses_region.filter
        self._inbound_mx = inbound_mx

    async def is_due(self) -> bool:
        """Return whether any identity is due for a call to SES."""
        query = QUERIES.is_due(**self._region)
        return bool(await self._database.fetchval(*query))

    async def lease_due(self) -> Work | None:
        """Lease the identity whose tenant is next, for one call to SES; return None if nothing is due."""
        query = QUERIES.lease_due(**self._region, lease=LEASE)
        row = await self._database.fetchrow(*query)
        return _work(row) if row else None

    async def plan(self, work: Work, calls: Sequence[Call]) -> None:
        """End a step and store the calls that remain; raise LeaseLost."""
        async with self._database.transaction() as connection:
            await self._plan(connection, work, calls)
            await notify(connection)

    async def record_presence(self, work: Work, signing: Signing, calls: Sequence[Call]) -> bool:
        """Store what SES returned and end the step; return whether SES matches the desired state.

        The records are shown as soon as their DKIM tokens are final, even if other calls remain. Raise
        LeaseLost.
        """
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            query = QUERIES.record_presence(
                ses_identity_id=work.id,
                lease_token=work.lease_token,
                arn=arn(work.account, work.region, work.name),
                tokens=signing.tokens,
                hosted_zone=signing.hosted_zone,
            )
            if not await connection.fetchval(*query):
                raise LeaseLost
            if not calls:
                return await self._mark_present(connection, work)
            if Call.RESTART_DKIM not in calls:
                await self._show_all(connection, work, signing)
            await self._plan(connection, work, calls)
            await notify(connection)
        return False

    async def mark_present(self, work: Work) -> bool:
        """End the last step; return False if the desired state has changed and another step is due."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            return await self._mark_present(connection, work)

    async def mark_identity_absent(self, work: Work, cause: str) -> bool:
        """End the claims that waited for an identity's deletion; return False if it is wanted again."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            query = QUERIES.mark_identity_absent(
                ses_identity_id=work.id, lease_token=work.lease_token, generation=work.generation
            )
            if not await connection.fetchval(*query):
                await self._release(connection, work)
                return False
            for row in await connection.fetch(*QUERIES.waiting_deletions(ses_identity_id=work.id)):
                await end_claim(connection, self._outbox, row["id"], cause)
            await notify(connection)
        return True

    async def record_error(self, work: Work, why: Explanation, delay: timedelta) -> None:
        """Release the lease until the next retry and show the error on the claims that wait for SES."""
        async with self._database.transaction() as connection:
            await lock_name(connection, work.name)
            query = QUERIES.record_error(
                ses_identity_id=work.id,
                lease_token=work.lease_token,
                generation=work.generation,
                message=why.message,
                delay=delay,
            )
            if await connection.fetchval(*query):
                query = QUERIES.explain_waiting_claims(
                    ses_identity_id=work.id,
                    message=why.message,
                    reason=why.reason,
                    parameters=why.parameters,
                )
                await connection.execute(*query)

    async def _plan(self, connection: Connection, work: Work, calls: Sequence[Call]) -> None:
        query = QUERIES.plan_calls(
            ses_identity_id=work.id,
            lease_token=work.lease_token,
            generation=work.generation,
            plan=list(calls),
        )
        if not await connection.fetchval(*query):
            raise LeaseLost

    async def _mark_present(self, connection: Connection, work: Work) -> bool:
        query = QUERIES.mark_present(
            ses_identity_id=work.id, lease_token=work.lease_token, generation=work.generation
        )
        row = await connection.fetchrow(*query)
        if row is None:
            await self._release(connection, work)
        else:  # a claim created after the records were first shown has none yet
            await self._show_all(connection, work, Signing(tuple(row["tokens"]), row["hosted_zone"] or ""))
        await notify(connection)
        return row is not None

    async def _release(self, connection: Connection, work: Work) -> None:
        query = QUERIES.release(ses_identity_id=work.id, lease_token=work.lease_token)
        await connection.execute(*query)

    async def _show_all(self, connection: Connection, work: Work, signing: Signing) -> None:
        """Show the records on every live claim of an identity."""
        for row in await connection.fetch(*QUERIES.live_claims(ses_identity_id=work.id)):
            await self._show(connection, row, signing)

    async def _show(self, connection: Connection, row: Record, signing: Signing) -> None:
        claim = to_claim(row)
        if claim.ownership is Ownership.UNDECIDED:  # verifier checks DNS before the records are shown
            return
        if claim.phase is Phase.PROVISIONING:
            await move_claim(connection, claim.id, Phase.PROVISIONING, Phase.ACTIVE, "SES has the identity")
        elif claim.ownership in HOLDERS and row["dkim"] != [
            f"{record.name} {record.value}" for record in dkim_records(claim.name, signing)
        ]:
            await lock_claim(connection, claim.id)
            generation = await connection.fetchval(*QUERIES.renew_generation(claim_id=claim.id))
            claim = replace(claim, generation=generation)
        else:
            return
        await show(connection, self._outbox, claim, signing, inbound_mx=self._inbound_mx)


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
        repair_cause=row["repair_cause"],
        lease_token=row["lease_token"],
        plan=tuple(Call(call) for call in row["plan"]),
    )
