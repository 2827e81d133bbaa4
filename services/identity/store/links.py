"""Links in Postgres, as rpcs manage them; `chassis.access` authenticates their holders."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Database, Queries, Record
from chassis.errors import InvalidField
from services.identity.errors import DomainDeleting, DomainNotFound, LinkNotFound, TooManyLinks
from services.identity.model.domains import Phase
from services.identity.model.links import Link, NewLink
from services.identity.store.requests import Request, reject_repetition
from services.identity.store.tenants import lock_tenant

QUERIES = Queries.load(Path(__file__).with_name("links.sql"))
LINK_AGE = timedelta(days=30)
LONGEST_AGE = timedelta(days=90)


class LinkStore:
    """Reads and writes links within the caller's visibility."""

    def __init__(self, database: Database, *, limit: int) -> None:
        self._database = database
        self._limit = limit

    async def create(self, link: NewLink, sees: Visibility, *, request_id: str | None) -> Link:
        """Store a link within the domain's limit.

        Raise RequestIdReused for a repeated request: its token is not stored and cannot be returned again.
        """
        async with self._database.transaction() as connection:
            owner = await self._owner(connection, link.claim_id, sees)
            await lock_tenant(connection, owner)
            content = (link.claim_id, link.name, link.expires_at)
            asked = Request(owner, "CreateLink", request_id, content)
            await reject_repetition(connection, asked, link.id)
            live = await connection.fetchval(*QUERIES.count_live_links(claim_id=link.claim_id))
            if live >= self._limit:
                raise TooManyLinks(self._limit)
            row = await self._insert(connection, link, owner)
        return _link(row)

    async def list_after(
        self, claim_id: UUID, sees: Visibility, after: UUID | None, limit: int
    ) -> list[Link]:
        """Return a domain's links older than the link `after`, newest first; raise DomainNotFound."""
        query = QUERIES.find_claim_of_link(claim_id=claim_id, **sees.filter)
        if await self._database.fetchrow(*query) is None:
            raise DomainNotFound
        query = QUERIES.list_links(claim_id=claim_id, **sees.filter, after=after, limit=limit)
        return [_link(row) for row in await self._database.fetch(*query)]

    async def get(self, link_id: UUID, sees: Visibility) -> Link:
        """Return a link; raise LinkNotFound."""
        query = QUERIES.get_link(link_id=link_id, **sees.filter)
        row = await self._database.fetchrow(*query)
        if row is None:
            raise LinkNotFound
        return _link(row)

    async def revoke(self, link_id: UUID, sees: Visibility) -> Link:
        """Revoke a link; raise LinkNotFound."""
        query = QUERIES.revoke_link(link_id=link_id, **sees.filter)
        row = await self._database.fetchrow(*query)
        if row is None:
            raise LinkNotFound
        return _link(row)

    async def _owner(self, connection: Connection, claim_id: UUID, sees: Visibility) -> UUID:
        query = QUERIES.find_claim_of_link(claim_id=claim_id, **sees.filter)
        row = await connection.fetchrow(*query)
        if row is None:
            raise DomainNotFound
        if Phase(row["phase"]) in (Phase.DELETING, Phase.DELETED):
            raise DomainDeleting(row["name"])
        owner: UUID = row["tenant_id"]
        return owner

    async def _insert(self, connection: Connection, link: NewLink, owner: UUID) -> Record:
        query = QUERIES.insert_link(
            link_id=link.id,
            claim_id=link.claim_id,
            name=link.name,
            digest=link.digest,
            hint=link.hint,
            tenant_id=owner,
            expires_at=link.expires_at,
            default_age=LINK_AGE,
            max_age=LONGEST_AGE,
        )
        row = await connection.fetchrow(*query)
        if row is None:
            if link.expires_at is not None and link.expires_at <= datetime.now(UTC):
                raise InvalidField("expire_time", "IN_THE_PAST")
            raise InvalidField("expire_time", "TOO_FAR_AHEAD", days=LONGEST_AGE.days)
        return row


def _link(row: Record) -> Link:
    return Link(
        id=row["id"],
        claim_id=row["claim_id"],
        name=row["name"],
        hint=row["hint"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
