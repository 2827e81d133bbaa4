"""Ownership of names in Postgres: reads the inputs of the model's rules and applies the moves they return.

Methods that take a connection run inside the caller's transaction, which holds the name lock
(`claims.lock_name`).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.identity import events
from services.identity.model.domains import Claim, Phase
from services.identity.model.ownership import (
    HOLDERS,
    TOKEN_AGE,
    Cause,
    LiveClaim,
    Move,
    Ownership,
    Past,
    Precheck,
    ReadyClaim,
    TokenCheck,
)
from services.identity.model.ownership_rules import contested_by_new, demand, next_moves, release
from services.identity.model.provisioning import Signing
from services.identity.store.claims import (
    change_identity,
    lock_claim,
    lock_name,
    move_claim,
    notify,
    show,
    to_claim,
)

QUERIES = Queries.load(Path(__file__).with_name("ownership.sql"))

VERIFIER_CHANGES = "verifier_changes"  # NOTIFY channel on which verifier announces changes
MOST_STEPS = 20  # bounds one decision; real chains of moves are much shorter


@dataclass(frozen=True, slots=True)
class Name:
    """A name's live claims in order of creation, its history, and the transaction's time."""

    live_claims: tuple[LiveClaim, ...]
    past: Past
    now: datetime


@dataclass(frozen=True, slots=True)
class Demand:
    """The initial ownership status of a new claim, and its cause."""

    ownership: Ownership
    token: str  # empty if no proof is required
    cause: Cause


class OwnershipStore:
    """Reads and changes who may send from a name."""

    def __init__(self, database: Database, outbox: Outbox, *, inbound_mx: str | None) -> None:
        self._database = database
        self._outbox = outbox
        self._inbound_mx = inbound_mx

    async def due_names(self, limit: int) -> list[str]:
        """Return names whose ownership may change now, at most `limit`."""
        rows = await self._database.fetch(*QUERIES.due_names(token_age=TOKEN_AGE, limit=limit))
        return [row["name"] for row in rows]

    async def decide(self, name: str) -> bool:
        """Apply all moves that are due among a name's claims; return whether anything changed."""
        async with self._database.transaction() as connection:
            await lock_name(connection, name)
            changed = False
            for _ in range(MOST_STEPS):
                known = await self.read(connection, name)
                moves = next_moves(known.live_claims, known.past, known.now)
                if not moves:
                    break
                await self.apply(connection, moves)
                changed = True
            if changed:
                await notify(connection)
        return changed

    async def read(self, connection: Connection, name: str) -> Name:
        """Return all inputs of the ownership rules for a name."""
        live_claims = await connection.fetch(*QUERIES.live_claims(name=name))
        ready_claims = await connection.fetch(*QUERIES.ready_claims(name=name))
        last_claimed = await connection.fetch(*QUERIES.last_claimed(name=name))
        past = Past(
            tuple(
                ReadyClaim(**dict(row) | {"ownership": Ownership(row["ownership"])}) for row in ready_claims
            ),
            {row["tenant_id"]: row["created_at"] for row in last_claimed},
        )
        return Name(tuple(map(_live_claim, live_claims)), past, await connection.fetchval(*QUERIES.now()))

    async def apply(self, connection: Connection, moves: Sequence[Move], reason: str = "") -> None:
        """Write ownership moves with their history, records and events; `reason` is a person's comment."""
        for move in moves:
            await self._move(connection, move, reason)

    async def welcome(self, connection: Connection, name: str, tenant_id: UUID) -> Demand:
        """Return the initial ownership of a tenant's new claim, and require proof of unconfirmed rivals."""
        for rival in (await self.read(connection, name)).live_claims:
            await lock_claim(connection, rival.claim_id)  # keeps verifier from marking it READY meanwhile
        known = await self.read(connection, name)
        query = QUERIES.is_mail_from_name(name=name, tenant_id=tenant_id)
        mail_from: bool = await connection.fetchval(*query)
        cause = demand(tenant_id, known.live_claims, known.past, known.now, mail_from_name=mail_from)
        await self.apply(connection, contested_by_new(known.live_claims))
        if cause is None:
            return Demand(Ownership.UNDECIDED, "", Cause.CREATED)
        return Demand(Ownership.PROOF_DUE, _new_token(), cause)

    async def record_start(self, connection: Connection, claim_id: UUID, initial: Demand) -> None:
        """Write the first entry of a claim's ownership history."""
        await _note(connection, claim_id, None, initial.ownership, cause=initial.cause)

    async def release(self, connection: Connection, claim: Claim, reason: str) -> bool:
        """Release a holder's name to the tenant that proved it; return False if there is none."""
        live_claims = (await self.read(connection, claim.name)).live_claims
        own = next((each for each in live_claims if each.claim_id == claim.id), None)
        moves = release(own, live_claims) if own else []
        await self.apply(connection, moves, reason)
        return bool(moves)

    async def adopt(self, connection: Connection, claim: Claim, reason: str) -> bool:
        """Record that an operator adopted a claim; return False if it is already proven or superseded."""
        if await connection.fetchval(*QUERIES.adopt(claim_id=claim.id)) is None:
            return False
        await _note(
            connection, claim.id, claim.ownership, claim.ownership, cause=Cause.ADOPTED, reason=reason
        )
        return True

    async def _move(self, connection: Connection, move: Move, reason: str) -> None:
        if move.before in HOLDERS and move.after not in HOLDERS:
            await lock_claim(connection, move.claim_id)
        query = QUERIES.move(
            claim_id=move.claim_id,
            before=move.before,
            after=move.after,
            deadline_at=move.deadline_at,
            new_token=_new_token() if move.renews_token else None,
            renews_records=move.renews_records,
        )
        row = await connection.fetchrow(*query)
        if row is None:
            raise LookupError(f"claim {move.claim_id} is no longer {move.before}")
        await _note(connection, move.claim_id, move.before, move.after, cause=move.cause, reason=reason)
        claim = to_claim(row)
        if move.renews_records or move.before is Ownership.UNDECIDED:
            await self._show(connection, claim)
        if move.after is Ownership.PROVEN and move.before in (Ownership.PROOF_DUE, Ownership.CHALLENGER):
            await change_identity(connection, claim, label=claim.mail_from_label)
        if claim.ownership is Ownership.SUPERSEDED:
            await connection.execute(*QUERIES.revoke_links(claim_id=claim.id))
        await self._outbox.write(connection, *events.ownership_changed(claim, move))

    async def _show(self, connection: Connection, claim: Claim) -> None:
        """Show a claim's new records; a holder whose DKIM tokens are unknown waits for them."""
        row = await connection.fetchrow(*QUERIES.signing(ses_identity_id=claim.ses_identity_id))
        signing = Signing(tuple(row["tokens"]), row["hosted_zone"]) if row else Signing((), "")
        if claim.ownership in HOLDERS and not signing.tokens:
            if claim.phase is Phase.ACTIVE:
                cause = "the claim may send, and SES must return its DKIM tokens"
                await move_claim(connection, claim.id, Phase.ACTIVE, Phase.PROVISIONING, cause)
            return
        if claim.phase is Phase.PROVISIONING:
            await move_claim(connection, claim.id, Phase.PROVISIONING, Phase.ACTIVE, "ownership is decided")
        await show(connection, self._outbox, claim, signing, inbound_mx=self._inbound_mx)


async def _note(
    connection: Connection,
    claim_id: UUID,
    before: Ownership | None,
    after: Ownership,
    *,
    cause: Cause,
    reason: str = "",
) -> None:
    """Append to the history of a claim's ownership; `reason` is a person's comment."""
    query = QUERIES.insert_transition(
        id=uuid7(), claim_id=claim_id, before=before, after=after, cause=cause, reason=reason
    )
    await connection.execute(*query)


def _new_token() -> str:
    return secrets.token_hex(16)


def _live_claim(row: Record) -> LiveClaim:
    status = row["token_status"]
    return LiveClaim(
        claim_id=row["claim_id"],
        tenant_id=row["tenant_id"],
        ownership=Ownership(row["ownership"]),
        since=row["since"],
        before=Ownership(row["before"]) if row["before"] else None,
        deadline_at=row["deadline_at"],
        token_at=row["token_at"],
        adopted=row["adopted"],
        state=row["state"],
        dkim_valid=row["dkim_valid"],
        dkim_found=row["dkim_found"],
        ever_ready=row["ever_ready"],
        others_open=row["others_open"],
        precheck=Precheck(row["precheck"]) if row["precheck"] else None,
        check=TokenCheck(status == "FOUND", row["missing_checks"], row["checked_at"]) if status else None,
    )
