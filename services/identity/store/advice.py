"""The advice of a claim: what its records recommend, which readiness does not depend on.

Functions run inside the caller's transaction, which holds the name lock (`claims.lock_name`). None of them
takes the claim lock or starts a generation, because the right to send does not change.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries, Record
from services.identity.model.dmarc import DmarcPolicy, Policy

QUERIES = Queries.load(Path(__file__).with_name("advice.sql"))


@dataclass(frozen=True, slots=True)
class Advice:
    """What a claim's advisory records derive from; `revision` counts its changes."""

    revision: int
    dmarc_policy: DmarcPolicy


async def find_advice(connection: Connection, claim_id: UUID) -> Advice:
    """Return the advice of a claim that exists."""
    row = await connection.fetchrow(*QUERIES.find_advice(claim_id=claim_id))
    assert row is not None  # the caller has read the claim under the same lock, and claims are kept
    return Advice(row["advisory_revision"], to_dmarc_policy(row))


async def set_dmarc_policy(connection: Connection, claim_id: UUID, policy: DmarcPolicy) -> bool:
    """Set a claim's DMARC policy, and the record that it shows; return whether a record changed."""
    query = QUERIES.set_dmarc_policy(
        claim_id=claim_id,
        policy=policy.policy,
        subdomain_policy=policy.subdomain_policy,
        testing=policy.testing,
        report_addresses=list(policy.report_addresses),
        text=policy.text,
    )
    revision = await connection.fetchval(*query)
    if revision is None:
        return False
    query = QUERIES.replace_dmarc_record(claim_id=claim_id, text=policy.text, advisory_revision=revision)
    return bool(await connection.fetchval(*query))


def to_dmarc_policy(row: Record) -> DmarcPolicy:
    """Return the DMARC policy of a row."""
    subdomain_policy = row["dmarc_subdomain_policy"]
    return DmarcPolicy(
        policy=Policy(row["dmarc_policy"]),
        subdomain_policy=Policy(subdomain_policy) if subdomain_policy else None,
        testing=row["dmarc_testing"],
        report_addresses=tuple(row["dmarc_report_addresses"]),
    )
