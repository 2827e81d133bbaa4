"""Domains in Postgres as rpcs read and change them; the worker updates SES through `identities`."""

from pathlib import Path
from uuid import UUID

from chassis.access import EVERYTHING, TenantVisibility, Visibility
from chassis.database import Connection, Database, Queries, Record
from chassis.errors import InvalidField
from chassis.events import Outbox
from chassis.ids import uuid7
from chassis.pages import Window
from services.identity import events
from services.identity.errors import (
    DomainChanged,
    DomainDeleting,
    DomainExists,
    DomainNotChallenged,
    DomainNotFound,
    DomainSuperseded,
    TenantPaused,
    TooManyDomains,
    TooManyPendingDomains,
)
from services.identity.model.dmarc import DmarcPolicy
from services.identity.model.domains import (
    Claim,
    Domain,
    DomainChange,
    NewClaim,
    Phase,
    Purpose,
    why_of,
)
from services.identity.model.domains import Record as DnsRecord
from services.identity.model.ownership import HOLDERS, TOKEN_AGE, Ownership
from services.identity.model.provisioning import FIRST_CALLS, ownership_record
from services.identity.model.reasons import Explanation
from services.identity.model.tenants import TenantState
from services.identity.store.advice import set_dmarc_policy, to_dmarc_policy
from services.identity.store.claims import (
    change_identity,
    end_claim,
    find_claim,
    lock_claim,
    lock_name,
    move_claim,
    note_transition,
    notify,
    to_claim,
)
from services.identity.store.ownership import OwnershipStore
from services.identity.store.requests import Request, earlier_answer
from services.identity.store.tenants import lock_tenant

QUERIES = Queries.load(Path(__file__).with_name("domains.sql"))


class DomainStore:
    """Reads and writes domains within the caller's visibility.

    A tenant may have up to `limit` live domains, and up to `pending_limit` that are not ready yet.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        ownership: OwnershipStore,
        *,
        limit: int,
        pending_limit: int,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._ownership = ownership
        self._limit = limit
        self._pending_limit = pending_limit

    async def create(self, claim: NewClaim, request: Request) -> UUID:
        """Store a claim and the desired state of its SES identity; return the claim's id.

        A repeated request returns the id of the claim that it created before.
        """
        async with self._database.transaction() as connection:
            state, pause_reason = await lock_tenant(connection, claim.tenant_id)
            if earlier := await earlier_answer(connection, request, claim.id):
                return earlier
            if state is TenantState.PAUSED:
                raise TenantPaused(pause_reason)
            await self._refuse_collision(connection, claim, claim.mail_from_label, "mail_from_label")
            await lock_name(connection, claim.name)
            await self._end_deleting_claim(connection, claim)
            await self._refuse_too_many(connection, claim.tenant_id)
            await self._claim(connection, claim)
            await notify(connection)
        return claim.id

    async def update(self, domain_id: UUID, change: DomainChange, sees: Visibility, *, revision: str) -> None:
        """Change a domain; raise DomainChanged if `revision` is set but not current."""
        async with self._database.transaction() as connection:
            found = await self._found(connection, domain_id, sees)
            await lock_tenant(connection, found.tenant_id)
            claim = await self._locked(connection, found)
            if claim.phase in (Phase.DELETING, Phase.DELETED):
                raise DomainDeleting(claim.name)
            if revision and revision != str(claim.revision):
                raise DomainChanged(claim.id)
            if change.mail_from_label is not None and change.mail_from_label != claim.mail_from_label:
                await self._relabel(connection, claim, change.mail_from_label)
            if change.dmarc_policy is not None:
                await self._set_dmarc_policy(connection, claim, change.dmarc_policy)

    async def delete(self, domain_id: UUID, sees: Visibility) -> None:
        """Stop sending from a domain and mark it DELETING; the worker completes the deletion."""
        async with self._database.transaction() as connection:
            claim = await self._locked(connection, await self._found(connection, domain_id, sees))
            if claim.phase in (Phase.PROVISIONING, Phase.ACTIVE):
                await lock_claim(connection, claim.id)
                await move_claim(connection, claim.id, claim.phase, Phase.DELETING, "DeleteDomain")
                await notify(connection)

    async def adopt(self, domain_id: UUID, reason: str, sees: Visibility) -> None:
        """Record that an operator adopted a claim; the worker then takes the name from its holder."""
        async with self._database.transaction() as connection:
            claim = await self._live(connection, domain_id, sees)
            if claim.ownership is Ownership.SUPERSEDED:
                raise DomainSuperseded(claim.name)
            if await self._ownership.adopt(connection, claim, reason):
                await notify(connection)

    async def release(self, domain_id: UUID, reason: str, sees: Visibility) -> None:
        """Release a name to the tenant that proved it; the claim becomes SUPERSEDED."""
        async with self._database.transaction() as connection:
            claim = await self._live(connection, domain_id, sees)
            if claim.ownership is Ownership.SUPERSEDED:
                return
            if not await self._ownership.release(connection, claim, reason):
                raise DomainNotChallenged(claim.name)
            await notify(connection)

    async def repair(self, domain_id: UUID, generation: int, cause: str, sees: Visibility) -> None:
        """Request a check and repair of a domain's SES identity."""
        async with self._database.transaction() as connection:
            claim = await self._locked(connection, await self._found(connection, domain_id, sees))
            live = claim.phase in (Phase.PROVISIONING, Phase.ACTIVE)
            if not live or generation != claim.generation:
                raise DomainChanged(claim.id)
            query = QUERIES.repair_identity(
                ses_identity_id=claim.ses_identity_id, cause=cause, tenant_id=claim.tenant_id
            )
            await connection.execute(*query)
            await notify(connection)

    async def get(self, domain_id: UUID, sees: Visibility) -> Domain:
        """Return a domain with its records; raise DomainNotFound."""
        query = QUERIES.get_domains(ids=[domain_id], **sees.filter)
        row = await self._database.fetchrow(*query)
        if row is None:
            raise DomainNotFound
        return _domain(row)

    async def find(self, name: str, sees: TenantVisibility) -> Domain:
        """Return the tenant's domain of a name, unless it is DELETED; raise DomainNotFound."""
        query = QUERIES.find_domain(tenant_id=sees.tenant_id, name=name)
        domain_id = await self._database.fetchval(*query)
        if domain_id is None:
            raise DomainNotFound
        return await self.get(domain_id, sees)

    async def page(
        self, sees: TenantVisibility, states: tuple[str, ...], asked: Window, search: str = ""
    ) -> list[Domain]:
        """Return a page of a tenant's domains, nearest to the cursor first, with two statements."""
        query = QUERIES.list_domains(
            **sees.filter,
            states=states,
            after=asked.after,
            before=asked.before,
            limit=asked.limit,
            search=search,
        )
        ids = [row["id"] for row in await self._database.fetch(*query)]
        query = QUERIES.get_domains(ids=ids, **sees.filter)
        by_id = {row["id"]: _domain(row) for row in await self._database.fetch(*query)}
        return [by_id[each] for each in ids if each in by_id]

    async def _found(self, connection: Connection, domain_id: UUID, sees: Visibility) -> Claim:
        claim = await find_claim(connection, domain_id, sees)
        if claim is None:
            raise DomainNotFound
        return claim

    async def _live(self, connection: Connection, domain_id: UUID, sees: Visibility) -> Claim:
        """Take the name lock and return a claim that is not being deleted; raise DomainDeleting."""
        claim = await self._locked(connection, await self._found(connection, domain_id, sees))
        if claim.phase in (Phase.DELETING, Phase.DELETED):
            raise DomainDeleting(claim.name)
        return claim

    async def _locked(self, connection: Connection, found: Claim) -> Claim:
        """Take the name lock and return the claim as it is under the lock."""
        await lock_name(connection, found.name)
        return await self._found(connection, found.id, EVERYTHING)

    async def _refuse_collision(
        self, connection: Connection, claim: NewClaim | Claim, label: str, field: str
    ) -> None:
        """Raise InvalidField if a MAIL FROM domain is also a sending domain, which SES does not allow."""
        return_path = f"{label}.{claim.name}"
        query = QUERIES.find_collision(
            tenant_id=claim.tenant_id, claim_id=claim.id, mail_from_domain=return_path, name=claim.name
        )
        other = await connection.fetchval(*query)
        if other == return_path:
            raise InvalidField(field, "IS_A_DOMAIN", domain=return_path)
        if other is not None:
            raise InvalidField("name", "IS_A_MAIL_FROM_DOMAIN", domain=other)

    async def _refuse_too_many(self, connection: Connection, tenant_id: UUID) -> None:
        count = await connection.fetchrow(*QUERIES.count_domains(tenant_id=tenant_id))
        assert count is not None  # an aggregate always returns one row
        if count["live"] >= self._limit:
            raise TooManyDomains(self._limit)
        if count["pending"] >= self._pending_limit:
            raise TooManyPendingDomains(count["pending"], self._pending_limit)

    async def _end_deleting_claim(self, connection: Connection, claim: NewClaim) -> None:
        """Raise DomainExists if the tenant has a live claim; end a DELETING one, whose identity is kept."""
        query = QUERIES.find_live_claim(tenant_id=claim.tenant_id, name=claim.name)
        row = await connection.fetchrow(*query)
        if row is None:
            return
        before = to_claim(row)
        if before.phase is not Phase.DELETING or before.region != claim.region:
            raise DomainExists(before.id, before.name)
        await end_claim(connection, self._outbox, before.id, "created again")

    async def _claim(self, connection: Connection, new: NewClaim) -> None:
        initial = await self._ownership.welcome(connection, new.name, new.tenant_id)
        query = QUERIES.request_identity(
            ses_identity_id=uuid7(),
            account=new.account,
            region=new.region,
            name=new.name,
            mail_from_label=new.mail_from_label,
            may_hold=initial.ownership is Ownership.UNDECIDED,
            tenant_id=new.tenant_id,
            plan=list(FIRST_CALLS),
        )
        ses_identity_id = await connection.fetchval(*query)
        await connection.execute(*QUERIES.requeue_deletions(ses_identity_id=ses_identity_id))
        query = QUERIES.insert_claim(
            claim_id=new.id,
            tenant_id=new.tenant_id,
            account=new.account,
            region=new.region,
            name=new.name,
            display_name=new.display_name,
            mail_from_label=new.mail_from_label,
            ses_identity_id=ses_identity_id,
            ownership=initial.ownership,
            token=initial.token,
        )
        await connection.execute(*query)
        await self._ownership.record_start(connection, new.id, initial)
        await note_transition(connection, new.id, None, Phase.PROVISIONING, "CreateDomain")
        created = await self._found(connection, new.id, EVERYTHING)
        await self._outbox.write(connection, events.domain_created(created))

    async def _relabel(self, connection: Connection, claim: Claim, label: str) -> None:
        await self._refuse_collision(connection, claim, label, "domain.mail_from_label")
        await lock_claim(connection, claim.id)
        await connection.execute(*QUERIES.relabel_claim(claim_id=claim.id, mail_from_label=label))
        if claim.phase is Phase.ACTIVE:
            cause = f"MAIL FROM label changed from {claim.mail_from_label} to {label}"
            await move_claim(connection, claim.id, Phase.ACTIVE, Phase.PROVISIONING, cause)
        holder_label = label if claim.ownership in HOLDERS else None
        await change_identity(connection, claim, label=holder_label)
        await notify(connection)

    async def _set_dmarc_policy(self, connection: Connection, claim: Claim, policy: DmarcPolicy) -> None:
        """Change what the DMARC record recommends; no state and no right to send depends on it."""
        if await set_dmarc_policy(connection, claim.id, policy):
            await self._outbox.write(connection, events.domain_provisioned(claim))
            await notify(connection)


def _domain(row: Record) -> Domain:
    stored = Explanation(row["state_reason"], row["state_parameters"], row["state_note"])
    return Domain(
        id=row["id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        display_name=row["display_name"],
        region=row["region"],
        mail_from_label=row["mail_from_label"],
        state=row["state"],
        why=why_of(row["state"], stored),
        generation=row["generation"],
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        state_at=row["state_at"],
        ownership=Ownership(row["ownership"]),
        ownership_deadline_at=row["ownership_deadline_at"],
        token_expires_at=row["ownership_token_at"] + TOKEN_AGE if row["ownership_token"] else None,
        dmarc_policy=to_dmarc_policy(row),
        advisory_revision=row["advisory_revision"],
        records=(
            *((ownership_record(row["name"], row["ownership_token"]),) if row["ownership_token"] else ()),
            *(DnsRecord(**record | {"purpose": Purpose(record["purpose"])}) for record in row["records"]),
        ),
    )
