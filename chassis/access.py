"""Authentication and authorization: from `authorization: Bearer lh_…` to a visibility filter.

A key or link authenticates a Principal, and a Principal has a Visibility. Every store method that serves a
caller takes the Visibility as an argument, so no servicer decides for itself what a caller may see. Whether
the caller may call an rpc at all is checked before its servicer runs (chassis/scopes.py).
"""

import asyncio
import hashlib
import secrets
import string
import time
import zlib
from collections import OrderedDict
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.database import Database, Record
from chassis.errors import InvalidField, NotFound, PermissionDenied, Unauthenticated
from chassis.queries import Queries

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
TOKEN_PREFIX = "lh_"  # noqa: S105 - what a secret scanner looks for
LINK_PREFIX = "lh_link_"
BODY_LENGTH = 43  # 62^43 > 2^256
CHECK_LENGTH = 6  # 62^6 > 2^32
HINT_LENGTH = 4
# A revoked key must be rejected within one second of the commit of its revocation.
CACHE_AGE = timedelta(seconds=0.5)
CACHE_SIZE = 10_000
# Lookups of keys without a cached live entry may use this many pool connections at once, so that a flood of
# invented keys cannot exhaust the pool.
UNKNOWN_AT_ONCE = 4

QUERIES = Queries.load(Path(__file__).with_name("access.sql"))

_NO_KEY = "The call has no API key. Send the header `authorization: Bearer lh_…`."


class Scope(StrEnum):
    """What a key may do; the same names as in proto and SQL."""

    ADMIN = "ADMIN"  # operators: every operation in every tenant
    FULL_ACCESS = "FULL_ACCESS"  # every operation in one tenant
    SENDING_ACCESS = "SENDING_ACCESS"  # sending only, optionally from certain domains only
    SERVICE = "SERVICE"  # calls between services
    LINK = "LINK"  # a customer without a key: one domain's page, and nothing else of its tenant


# The scopes that each scope includes. A caller cannot see, create or revoke a key outside of these.
KINDS: Mapping[Scope, frozenset[Scope]] = {
    Scope.ADMIN: frozenset({Scope.ADMIN, Scope.SERVICE, Scope.FULL_ACCESS, Scope.SENDING_ACCESS}),
    Scope.SERVICE: frozenset({Scope.SERVICE, Scope.FULL_ACCESS, Scope.SENDING_ACCESS}),
    Scope.FULL_ACCESS: frozenset({Scope.FULL_ACCESS, Scope.SENDING_ACCESS}),
    Scope.SENDING_ACCESS: frozenset({Scope.SENDING_ACCESS}),
    Scope.LINK: frozenset({Scope.LINK}),
}
OF_ALL_TENANTS = frozenset({Scope.ADMIN, Scope.SERVICE})


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller: a live key or link, its tenant and scope; no `claim_ids` = every domain."""

    key_id: UUID
    tenant_id: UUID
    scope: Scope
    claim_ids: frozenset[UUID] = frozenset()
    tenant_state: str = "ACTIVE"


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def bind(who: Principal | None) -> None:
    """Make `who` the principal of the running RPC; only the access interceptor calls this."""
    _current.set(who)


def principal() -> Principal:
    """Return the caller of the running RPC; raises Unauthenticated outside an authenticated RPC."""
    if (who := _current.get()) is None:
        raise Unauthenticated("KEY_MISSING", _NO_KEY)
    return who


def require(*scopes: Scope) -> Principal:
    """Return the caller if it has one of these scopes or ADMIN; raises PermissionDenied otherwise."""
    who = principal()
    if who.scope is Scope.ADMIN or who.scope in scopes:
        return who
    wanted = " or ".join(scopes) or Scope.ADMIN
    raise PermissionDenied(
        "SCOPE_TOO_SMALL",
        f"This key has scope {who.scope}, but the call requires {wanted}. Use another key.",
        metadata={"scope": who.scope, "required": wanted},
    )


@dataclass(frozen=True, slots=True)
class Visibility:
    """Limit a statement to the rows that its caller may see and change.

    `tenant_id` None means all tenants, empty `claim_ids` every domain. `kinds` are the scopes that the scope
    of the caller includes.
    """

    tenant_id: UUID | None
    claim_ids: frozenset[UUID] = frozenset()
    kinds: frozenset[Scope] = KINDS[Scope.ADMIN]

    @property
    def filter(self) -> dict[str, Any]:
        """Return the parameters `:tenant_id` and `:claim_ids` of a statement, in which NULL means "any"."""
        return {"tenant_id": self.tenant_id, "claim_ids": sorted(self.claim_ids) or None}

    @property
    def of_installation(self) -> bool:
        """Return whether the caller may see data of the whole installation, such as the SES account."""
        return Scope.SERVICE in self.kinds

    @property
    def only_tests(self) -> bool:
        """Return whether the caller may see only test emails: a link must not show the tenant's own email."""
        return Scope.LINK in self.kinds


@dataclass(frozen=True, slots=True)
class TenantVisibility(Visibility):
    """Limit a statement to the rows of one tenant."""

    tenant_id: UUID


# For background work, which does not serve a caller.
EVERYTHING = Visibility(None)


def visibility() -> Visibility:
    """Return the caller's visibility."""
    who = principal()
    tenant_id = None if who.scope in OF_ALL_TENANTS else who.tenant_id
    return Visibility(tenant_id, who.claim_ids, KINDS[who.scope])


def installation_visibility() -> Visibility:
    """Return the visibility of all tenants; raises PermissionDenied for callers that are not operators."""
    require(Scope.ADMIN)
    return visibility()


def tenant_visibility(requested: str) -> TenantVisibility:
    """Return the caller's visibility of the tenant that a request names; of its own if it names none.

    Raises InvalidField if `requested` is not an id, and NotFound for a tenant that the caller may not see.
    """
    return visibility_of(_tenant_id(requested) if requested else principal().tenant_id)


def visibility_of(tenant_id: UUID) -> TenantVisibility:
    """Return the caller's visibility of one tenant: its own, or any for operators and services.

    Raises NotFound for a tenant that the caller may not see.
    """
    sees = visibility()
    if sees.tenant_id not in (None, tenant_id):
        raise NotFound("TENANT_NOT_FOUND", "No such tenant. Omit tenant_id to use the key's own tenant.")
    return TenantVisibility(tenant_id, sees.claim_ids, sees.kinds)


def _tenant_id(requested: str) -> UUID:
    try:
        return UUID(requested)
    except ValueError:
        raise InvalidField("tenant_id", "NOT_A_UUID") from None


def generate_key(prefix: str = TOKEN_PREFIX) -> tuple[str, bytes, str]:
    """Generate a key of 256 random bits; returns token (shown once), SHA-256 digest (stored) and hint."""
    body = _base62(secrets.randbits(256), BODY_LENGTH)
    token = f"{prefix}{body}_{_check(body)}"
    return token, hash_token(token), hint_of(token)


def hash_token(token: str) -> bytes:
    """Return the digest under which a key is stored; plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def hint_of(token: str) -> str:
    """Return the last four characters of the token, which people use to tell keys apart."""
    return token[-HINT_LENGTH:]


def well_formed(token: str) -> bool:
    """Return whether a token has the form and checksum of a key, which a mistyped or truncated one lacks."""
    prefix = LINK_PREFIX if token.startswith(LINK_PREFIX) else TOKEN_PREFIX
    body, _, check = token.removeprefix(prefix).partition("_")
    return token.startswith(prefix) and len(body) == BODY_LENGTH and check == _check(body)


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(BASE62))
        digits.append(BASE62[digit])
    return "".join(reversed(digits))


def _principal(row: Record | None) -> Principal | None:
    if row is None:
        return None
    claim_ids = frozenset(row["claim_ids"] or ())
    return Principal(row["key_id"], row["tenant_id"], Scope(row["scope"]), claim_ids, row["tenant_state"])


class Access:
    """Authenticate bearer tokens; results are cached for half a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()
        self._unknown = asyncio.Semaphore(UNKNOWN_AT_ONCE)

    async def authenticate(self, authorization: str | None) -> Principal:
        """Authenticate an `authorization` header; raises Unauthenticated, or Unavailable without Postgres."""
        kind, _, token = (authorization or "").strip().partition(" ")
        if not token:
            raise Unauthenticated("KEY_MISSING", _NO_KEY)
        token = token.strip()
        who = None
        if kind.lower() == "bearer" and well_formed(token):
            who = await self._live(hash_token(token))
        if who is None:
            raise Unauthenticated("KEY_INVALID", "The key is unknown, expired or revoked. Create a new one.")
        return who

    async def live(self, key_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these keys and links are still live, bypassing the cache."""
        rows = await self._database.fetch(*QUERIES.live_among(key_ids=list(key_ids)))
        return {row["key_id"] for row in rows}

    async def _live(self, digest: bytes) -> Principal | None:
        fresh_until, who = self._cache.get(digest, (0.0, None))
        if time.monotonic() < fresh_until:
            return who
        if who is not None:
            return await self._query(digest)
        async with self._unknown:
            return await self._query(digest)

    async def _query(self, digest: bytes) -> Principal | None:
        now = time.monotonic()  # before the query, because the row may change while the result is in flight
        who = _principal(await self._database.fetchrow(*QUERIES.live_key(key_hash=digest)))
        self._remember(digest, now + CACHE_AGE.total_seconds(), who)
        return who

    def _remember(self, digest: bytes, fresh_until: float, who: Principal | None) -> None:
        self._cache[digest] = (fresh_until, who)
        self._cache.move_to_end(digest)
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
