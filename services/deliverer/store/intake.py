"""Messages for the endpoints that want an event, stored in the transaction that receives it."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries, Record
from services.deliverer.model.messages import Endpoint, Message
from services.deliverer.model.payloads import Domain
from services.deliverer.model.payloads import Record as DnsRecord

QUERIES = Queries.load(Path(__file__).with_name("intake.sql"))


async def endpoints_of(connection: Connection, tenant_ids: Collection[UUID]) -> list[Endpoint]:
    """Return the endpoints of tenants."""
    rows = await connection.fetch(*QUERIES.endpoints_of(tenant_ids=list(tenant_ids)))
    return [
        Endpoint(
            id=row["id"],
            tenant_id=row["tenant_id"],
            types=frozenset(row["types"]),
            claim_ids=frozenset(row["claim_ids"]),
            created_at=row["created_at"],
            disabled=row["disabled"],
        )
        for row in rows
    ]


async def describe_domains(connection: Connection, claim_ids: Collection[UUID]) -> Mapping[UUID, Domain]:
    """Return domains with their records, by their ids."""
    rows = await connection.fetch(*QUERIES.describe_domains(claim_ids=list(claim_ids)))
    by_domain = groupby(rows, key=lambda row: row["id"])
    return {claim_id: _domain(list(of_domain)) for claim_id, of_domain in by_domain}


async def insert_messages(connection: Connection, messages: Sequence[Message]) -> None:
    """Store messages that are not stored yet."""
    query = QUERIES.insert_messages(
        ids=[each.id for each in messages],
        tenant_ids=[each.tenant_id for each in messages],
        endpoint_ids=[each.endpoint_id for each in messages],
        types=[each.type for each in messages],
        payloads=[each.payload for each in messages],
        states=[each.state for each in messages],
        times=[each.occurred_at for each in messages],
    )
    await connection.execute(*query)


def _domain(rows: Sequence[Record]) -> Domain:
    first = rows[0]
    return Domain(
        id=first["id"],
        name=first["name"],
        region=first["region"],
        created_at=first["created_at"],
        records=[_record(row) for row in rows if row["purpose"] is not None],
    )


def _record(row: Record) -> DnsRecord:
    return DnsRecord(
        purpose=row["purpose"],
        type=row["type"],
        name=row["record_name"],
        value=row["value"],
        ttl=row["ttl"],
        priority=row["priority"],
        status=row["status"],
        zone=row["zone"],
    )
