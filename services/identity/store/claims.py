"""The steps that changes of a claim are made of, each inside its caller's transaction.

Locks are taken in one order: the tenant's turn, the name's turn, the claim's fence, rows.
"""

from dataclasses import astuple
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.identity import events
from services.identity.model.domains import PHASES, Claim, Phase
from services.identity.model.domains import Record as DnsRecord
from services.identity.model.ownership import HOLDERS, Ownership
from services.identity.model.provisioning import Signing, records

QUERIES = Queries.load(Path(__file__).with_name("claims.sql"))
CHANNEL = "identity_work"


async def lock_name(connection: Connection, name: str) -> None:
    """Waits for this transaction's turn among all that change a name's claims and identity."""
    await connection.execute(QUERIES.lock_name, name)


async def fence(connection: Connection, claim_id: UUID) -> None:
    """Keeps senders from opening attempts under a claim until the commit."""
    await connection.execute(QUERIES.fence_claim, claim_id)


async def notify(connection: Connection) -> None:
    """Wakes, after the commit, every replica's workers and waiting rpcs."""
    await connection.execute(QUERIES.notify)


async def find_claim(connection: Connection, claim_id: UUID, sees: Visibility) -> Claim | None:
    """Return a claim that the caller may see; None where there is none."""
    row = await connection.fetchrow(QUERIES.get_claim, claim_id, *sees.conditions)
    return to_claim(row) if row else None


async def move_claim(
    connection: Connection, claim_id: UUID, before: Phase, after: Phase, cause: str
) -> Claim | None:
    """Moves a claim on and writes its history; None when it was not in the phase before."""
    if after not in PHASES[before]:
        raise ValueError(f"no claim goes from {before} to {after}")
    row = await connection.fetchrow(QUERIES.move_claim, claim_id, before, after)
    if row is None:
        return None
    await note_transition(connection, claim_id, before, after, cause)
    return to_claim(row)


async def note_transition(
    connection: Connection, claim_id: UUID, before: Phase | None, after: Phase, cause: str
) -> None:
    """Writes a claim's history."""
    await connection.execute(QUERIES.insert_transition, uuid7(), claim_id, before, after, cause)


async def show_records(connection: Connection, claim: Claim, records: tuple[DnsRecord, ...]) -> None:
    """Replaces the records shown for a claim by those of its present generation."""
    await connection.execute(QUERIES.delete_records, claim.id)
    if not records:
        return
    columns = zip(*map(astuple, records), strict=True)  # in the order of the dataclass, as in the statement
    await connection.execute(QUERIES.insert_records, claim.id, claim.generation, *map(list, columns))


async def show(
    connection: Connection, outbox: Outbox, claim: Claim, signing: Signing, *, inbound_mx: str | None
) -> None:
    """Show a claim what it is to publish. A claim that must prove itself has no records beside its token."""
    shown: tuple[DnsRecord, ...] = ()
    if claim.ownership in HOLDERS:
        shown = records(claim.name, claim.mail_from_label, claim.region, signing, inbound_mx=inbound_mx)
    await show_records(connection, claim, shown)
    await outbox.write(connection, events.domain_provisioned(claim))


async def end_claim(connection: Connection, outbox: Outbox, claim_id: UUID, cause: str) -> None:
    """Leaves a tombstone of a claim that was to go."""
    gone = await move_claim(connection, claim_id, Phase.DELETING, Phase.DELETED, cause)
    if gone is not None:
        await connection.execute(QUERIES.delete_records, claim_id)
        await outbox.write(connection, events.domain_deleted(gone))


async def change_identity(connection: Connection, claim: Claim, *, label: str | None) -> None:
    """Has the worker tell SES of a change; `label` is the holder's new MAIL FROM label, if it has one."""
    await connection.execute(QUERIES.change_identity, claim.ses_identity_id, label, claim.tenant_id)


def to_claim(row: Record) -> Claim:
    """Reads a claim's row."""
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
