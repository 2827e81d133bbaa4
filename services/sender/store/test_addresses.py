"""Test addresses in Postgres; the limits on codes are checked and updated under one lock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.codes import MAX_WRONG_CODES
from chassis.database import Connection, Database, Queries, Record
from chassis.ids import uuid7
from services.sender.model.emails import Draft
from services.sender.model.test_addresses import (
    CODE_LIVES,
    CONFIRMED_FOR,
    MAX_OF_DOMAIN,
    MAX_OF_TENANT,
    MAX_TO_ADDRESS,
    WINDOW,
    State,
    TestAddress,
)
from services.sender.store.own_emails import OwnEmail, accept_own

QUERIES = Queries.load(Path(__file__).with_name("test_addresses.sql"))


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to store, as a hash, with the email that carries it."""

    claim_id: UUID
    tenant_id: UUID
    address: str
    request_id: str | None
    code_hash: bytes
    email: Draft = field(repr=False)


@dataclass(frozen=True, slots=True)
class Live:
    """A live row of an address, locked, with the hash of its code."""

    id: UUID
    code_hash: bytes = field(repr=False)
    test_address: TestAddress


class TestAddressStore:
    """Works in the caller's transaction, except for `is_confirmed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, connection: Connection) -> None:
        """Block other requests for codes until the transaction ends."""
        await connection.execute(*QUERIES.lock())

    async def requested(self, connection: Connection, claim_id: UUID, request_id: str) -> TestAddress | None:
        """Return the test address that a request id asked for; None for a new request."""
        row = await connection.fetchrow(*QUERIES.find_request(claim_id=claim_id, request_id=request_id))
        return _test_address(row) if row else None

    async def wait(self, connection: Connection, new: NewCode) -> timedelta | None:
        """Return how long until the domain, tenant and address may have another code; None: now."""
        wait: timedelta | None = await connection.fetchval(
            *QUERIES.wait(
                claim_id=new.claim_id,
                tenant_id=new.tenant_id,
                address=new.address,
                window=WINDOW,
                max_of_domain=MAX_OF_DOMAIN,
                max_of_tenant=MAX_OF_TENANT,
                max_to_address=MAX_TO_ADDRESS,
            )
        )
        return wait

    async def add(self, connection: Connection, new: NewCode) -> TestAddress:
        """Store a code, replacing the domain's open one, and accept its email."""
        await connection.execute(*QUERIES.end_live(claim_id=new.claim_id, state=State.CODE_SENT))
        row = await connection.fetchrow(
            *QUERIES.add_code(
                test_address_id=uuid7(),
                claim_id=new.claim_id,
                tenant_id=new.tenant_id,
                address=new.address,
                request_id=new.request_id,
                code_hash=new.code_hash,
                code_lives=CODE_LIVES,
            )
        )
        assert row is not None  # the statement inserts a row
        added = _test_address(row)
        email = OwnEmail(new.tenant_id, new.claim_id, new.email, added.expires_at, is_secret=True)
        await accept_own(connection, email)
        return added

    async def live(self, connection: Connection, claim_id: UUID, address: str) -> Mapping[State, Live]:
        """Lock and return the address's open code and confirmation, if any, by state."""
        rows = await connection.fetch(*QUERIES.lock_live(claim_id=claim_id, address=address))
        return {State(row["state"]): Live(row["id"], row["code_hash"], _test_address(row)) for row in rows}

    async def count_wrong(self, connection: Connection, row_id: UUID) -> int:
        """Count a wrong code and return how many may still be tried."""
        left: int = await connection.fetchval(
            *QUERIES.count_wrong(test_address_id=row_id, max_wrong_codes=MAX_WRONG_CODES)
        )
        return left

    async def confirm(self, connection: Connection, live: Live) -> TestAddress:
        """Confirm an address, replacing the domain's previous one."""
        await connection.execute(
            *QUERIES.end_live(claim_id=live.test_address.claim_id, state=State.CONFIRMED)
        )
        row = await connection.fetchrow(
            *QUERIES.confirm(test_address_id=live.id, confirmed_for=CONFIRMED_FOR)
        )
        assert row is not None  # the caller has locked it
        return _test_address(row)

    async def is_confirmed(self, claim_id: UUID, address: str) -> bool:
        """Return whether test emails of a domain may be sent to an address (in lower case)."""
        confirmed: bool = await self._database.fetchval(
            *QUERIES.is_confirmed(claim_id=claim_id, address=address)
        )
        return confirmed


def _test_address(row: Record) -> TestAddress:
    return TestAddress(row["claim_id"], row["address"], State(row["state"]), row["expires_at"])
