"""The steps that make up a change of a claim, each inside its caller's transaction.

Locks are taken in one order, which prevents deadlocks: tenant row, name lock, claim lock, other rows.
"""

from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.identity import events
from services.identity.model.domains import PHASES, Claim, Phase
from services.identity.model.ownership import HOLDERS, Ownership
from services.identity.model.provisioning import Signing, records
from services.identity.store.advice import find_advice

QUERIES = Queries.load(Path(__file__).with_name("claims.sql"))
CHANNEL = "identity_work"


async def lock_name(connection: Connection, name: str) -> None:
    """Take the advisory lock that serializes all changes of a name's claims and identity."""
    await connection.execute(*QUERIES.lock_name(name=name))


async def lock_claim(connection: Connection, claim_id: UUID) -> None:
    """Take the claim lock, which keeps sender from opening attempts under the claim until the commit."""
    await connection.execute(*QUERIES.lock_claim(claim_id=claim_id))


async def notify(connection: Connection) -> None:
    """Wake the workers and the waiting rpcs of every replica after the commit."""
    await connection.execute(*QUERIES.notify())


async def find_claim(connection: Connection, claim_id: UUID, sees: Visibility) -> Claim | None:
    """Return a claim, or None if it does not exist or the caller may not see it."""
    query = QUERIES.get_claim(claim_id=claim_id, **sees.filter)
    row = await connection.fetchrow(*query)
    return to_claim(row) if row else None


async def move_claim(
    connection: Connection, claim_id: UUID, before: Phase, after: Phase, cause: str
) -> Claim | None:
    """Move a claim from one phase to another and record it; return None if it was in another phase."""
    if after not in PHASES[before]:
        raise ValueError(f"a claim cannot change from {before} to {after}")
    row = await connection.fetchrow(*QUERIES.move_claim(claim_id=claim_id, before=before, after=after))
    if row is None:
        return None
    await note_transition(connection, claim_id, before, after, cause)
    return to_claim(row)


async def note_transition(
    connection: Connection, claim_id: UUID, before: Phase | None, after: Phase, cause: str
) -> None:
    """Append a transition to a claim's history."""
    await connection.execute(
        *QUERIES.insert_transition(id=uuid7(), claim_id=claim_id, before=before, after=after, cause=cause)
    )


async def show(
    connection: Connection, outbox: Outbox, claim: Claim, signing: Signing, *, inbound_mx: str | None
) -> None:
    """Replace the records shown for a claim and publish domain.provisioned.

    A claim that must prove itself has no records other than its ownership record, which is not stored here.
    """
    await connection.execute(*QUERIES.delete_records(claim_id=claim.id))
    if claim.ownership in HOLDERS:
        advice = await find_advice(connection, claim.id)
        shown = records(
            claim.name,
            claim.mail_from_label,
            claim.region,
            signing,
            inbound_mx=inbound_mx,
            dmarc_policy=advice.dmarc_policy,
        )
        await connection.execute(
            *QUERIES.insert_records(
                claim_id=claim.id,
                generation=claim.generation,
                advisory_revision=advice.revision,
                purposes=[each.purpose for each in shown],
                ordinals=[each.ordinal for each in shown],
                types=[each.type for each in shown],
                names=[each.name for each in shown],
                values=[each.value for each in shown],
                priorities=[each.priority for each in shown],
                ttls=[each.ttl for each in shown],
                required=[each.required for each in shown],
            )
        )
    await outbox.write(connection, events.domain_provisioned(claim))


async def end_claim(connection: Connection, outbox: Outbox, claim_id: UUID, cause: str) -> None:
    """Turn a DELETING claim into a tombstone and publish domain.deleted."""
    deleted = await move_claim(connection, claim_id, Phase.DELETING, Phase.DELETED, cause)
    if deleted is not None:
        await connection.execute(*QUERIES.delete_records(claim_id=claim_id))
        await outbox.write(connection, events.domain_deleted(deleted))


async def change_identity(connection: Connection, claim: Claim, *, label: str | None) -> None:
    """Request an update of the SES identity; `label` is the new MAIL FROM label, None to keep the current."""
    await connection.execute(
        *QUERIES.change_identity(
            ses_identity_id=claim.ses_identity_id, mail_from_label=label, tenant_id=claim.tenant_id
        )
    )


def to_claim(row: Record) -> Claim:
    """Return the claim of a row."""
    return Claim(
        id=row["id"],
        tenant_id=row["tenant_id"],
        ses_identity_id=row["ses_identity_id"],
        region=row["region"],
        name=row["name"],
        mail_from_label=row["mail_from_label"],
        phase=Phase(row["phase"]),
        ownership=Ownership(row["ownership"]),
        ownership_token=row["ownership_token"],
        ownership_deadline_at=row["ownership_deadline_at"],
        generation=row["generation"],
        revision=row["revision"],
    )
