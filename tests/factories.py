"""Rows that other services would have written: tenants, keys and domains, named by their state.

Every name is unique. Columns that a function does not set keep the defaults of the schema.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from chassis.access import LINK_PREFIX, Scope, generate_key
from chassis.ids import uuid7
from tests.stores import FreshDatabase

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Domain:
    """A claim as identity writes it, with the three DKIM tokens of its SES identity."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    tokens: tuple[str, str, str]
    generation: int = 1


def a_name(suffix: str = "com") -> str:
    """Return an unused domain name under a real public suffix, which the resolver requires."""
    return f"d{uuid4().hex[:12]}.{suffix}"


def bearer(token: str) -> tuple[tuple[str, str]]:
    """Return call metadata with a key."""
    return (("authorization", f"Bearer {token}"),)


async def a_tenant(
    database: FreshDatabase, name: str | None = None, *, unready_policy: str = "REFUSE", state: str = "ACTIVE"
) -> UUID:
    tenant_id = uuid7()
    columns = {"name": name or f"tenant-{tenant_id}", "unready_policy": unready_policy, "state": state}
    await _insert(database, "identity.tenants", id=tenant_id, **columns)
    return tenant_id


async def a_key(
    database: FreshDatabase,
    tenant_id: UUID,
    scope: Scope = Scope.FULL_ACCESS,
    *,
    claim_ids: tuple[UUID, ...] = (),
    lives: timedelta = timedelta(days=1),
) -> str:
    """Create a key that expires after `lives`, and return its token."""
    token, digest, hint = generate_key()
    await _insert(
        database,
        "identity.api_keys",
        id=uuid7(),
        tenant_id=tenant_id,
        name="test",
        scope=scope.value,
        key_hash=digest,
        hint=hint,
        claim_ids=list(claim_ids),
        expires_at=datetime.now(UTC) + lives,
    )
    return token


async def a_link(database: FreshDatabase, domain: Domain, *, lives: timedelta = timedelta(days=1)) -> str:
    """Create a link to a domain's page that expires after `lives`, and return its token."""
    token, digest, hint = generate_key(LINK_PREFIX)
    await _insert(
        database,
        "identity.links",
        id=uuid7(),
        tenant_id=domain.tenant_id,
        claim_id=domain.claim_id,
        name="test",
        token_hash=digest,
        hint=hint,
        expires_at=datetime.now(UTC) + lives,
    )
    return token


async def a_provisioned_domain(
    database: FreshDatabase, tenant_id: UUID, name: str | None = None, *, phase: str = "ACTIVE"
) -> Domain:
    """Create a domain with its SES identity and its five records; verifier has not checked it yet."""
    domain = Domain(uuid7(), tenant_id, name or a_name(), (_token(), _token(), _token()))
    ses_columns = {"account": ACCOUNT, "region": REGION, "name": domain.name, "mail_from_label": "send"}
    identity_id = uuid7()
    await _insert(
        database,
        "identity.ses_identities",
        id=identity_id,
        state="PRESENT",
        arn=f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/{domain.name}",
        tokens=list(domain.tokens),
        hosted_zone="dkim.amazonses.com",
        due_at=None,
        **ses_columns,
    )
    await _insert(
        database,
        "identity.claims",
        id=domain.claim_id,
        tenant_id=tenant_id,
        ses_identity_id=identity_id,
        display_name=domain.name,
        phase="PROVISIONING",
        ownership="SOLE",
        **ses_columns,
    )
    await _insert_records(database, domain)
    # Last, as identity does all of it at once: verifier checks the records as soon as the claim is active.
    await database.execute("UPDATE identity.claims SET phase = $2 WHERE id = $1", domain.claim_id, phase)
    return domain


async def a_pending_domain(database: FreshDatabase, tenant_id: UUID, name: str | None = None) -> Domain:
    return await _a_verified_domain(database, tenant_id, name, "PENDING", dkim_valid=False)


async def a_ready_domain(database: FreshDatabase, tenant_id: UUID, name: str | None = None) -> Domain:
    return await _a_verified_domain(database, tenant_id, name, "READY", dkim_valid=True)


async def a_degraded_domain(
    database: FreshDatabase, tenant_id: UUID, name: str | None = None, *, dkim_valid: bool
) -> Domain:
    return await _a_verified_domain(database, tenant_id, name, "DEGRADED", dkim_valid=dkim_valid)


async def _a_verified_domain(
    database: FreshDatabase, tenant_id: UUID, name: str | None, state: str, *, dkim_valid: bool
) -> Domain:
    domain = await a_provisioned_domain(database, tenant_id, name)
    await _insert(
        database,
        "verifier.verifications",
        claim_id=domain.claim_id,
        generation=domain.generation,
        tenant_id=tenant_id,
        name=domain.name,
        account=ACCOUNT,
        region=REGION,
        state=state,
        dkim_valid=dkim_valid,
        mail_from_valid=state == "READY",
    )
    return domain


async def an_attempt(
    database: FreshDatabase, tenant_id: UUID, email_id: UUID, attempt_id: UUID, *, ses_id: str | None = None
) -> None:
    """Create an email and its attempt, as sender writes them before it submits; repeated calls do nothing."""
    claim_id = uuid7()
    await database.execute(
        "INSERT INTO sender.emails (id, tenant_id, claim_id, from_address, subject, size, expires_at, ses_id)"
        " VALUES ($1, $2, $3, 'agent@example.com', 'Hello', 1, now() + interval '1 day', $4)"
        " ON CONFLICT (id) DO NOTHING",
        email_id, tenant_id, claim_id, ses_id,
    )  # fmt: skip
    await database.execute(
        "INSERT INTO sender.attempts"
        " (id, email_id, tenant_id, claim_id, number, worker, leased_until, ses_id)"
        " VALUES ($1, $2, $3, $4, 1, 'test', now(), $5) ON CONFLICT DO NOTHING",
        attempt_id, email_id, tenant_id, claim_id, ses_id,
    )  # fmt: skip


async def _insert_records(database: FreshDatabase, domain: Domain) -> None:
    """Insert the five required records in their display order."""
    records = [
        ("DKIM", n, "CNAME", f"{token}._domainkey.{domain.name}", f"{token}.dkim.amazonses.com", 0)
        for n, token in enumerate(domain.tokens, start=1)
    ]
    records += [
        ("RETURN_PATH", 1, "MX", f"send.{domain.name}", f"feedback-smtp.{REGION}.amazonses.com", 10),
        ("SPF", 1, "TXT", f"send.{domain.name}", "v=spf1 include:amazonses.com ~all", 0),
    ]
    columns = ("purpose", "ordinal", "type", "name", "value", "priority")
    shown = {"claim_id": domain.claim_id, "generation": domain.generation, "ttl": 300, "required": True}
    for position, record in enumerate(records, start=1):
        row = dict(zip(columns, record, strict=True))
        await _insert(database, "identity.records", position=position, **shown, **row)


async def _insert(database: FreshDatabase, table: str, **columns: Any) -> None:
    parameters = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({parameters})"  # noqa: S608 - trusted names
    await database.execute(statement, *columns.values())


def _token() -> str:
    return uuid4().hex
