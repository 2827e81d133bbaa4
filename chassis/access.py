"""Keys and who is behind them: from `authorization: Bearer lh_…` to a Principal, and what it may do.

Not for which domain a key may send from; that is each service's rule over `Principal.claim_ids`.
"""

import hashlib
import secrets
import string
import time
import zlib
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from chassis.database import Database, Record
from chassis.errors import InvalidField, NotFound, PermissionDenied, Unauthenticated

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
TOKEN_PREFIX = "lh_"  # noqa: S105 - what a secret scanner looks for
LINK_PREFIX = "lh_link_"
BODY_LENGTH = 43  # 62^43 > 2^256
CHECK_LENGTH = 6  # 62^6 > 2^32
HINT_LENGTH = 4
# Less than the promised second: a revoked key must be refused one second after the revocation committed.
CACHE_AGE = timedelta(seconds=0.5)
CACHE_SIZE = 10_000

_LIVE_KEY = """
SELECT key_id, tenant_id, tenant_state, scope, claim_ids
FROM identity.live_keys
WHERE key_hash = $1
"""


class Scope(StrEnum):
    """What a key may do; the same words as in proto and SQL."""

    ADMIN = "ADMIN"  # operators: everything, of every tenant
    FULL_ACCESS = "FULL_ACCESS"  # everything of one tenant
    SENDING_ACCESS = "SENDING_ACCESS"  # send, perhaps from some domains only
    SERVICE = "SERVICE"  # calls between services
    LINK = "LINK"  # a customer without a key: one domain's page, and nothing else of its tenant


# Whoever has a key at all; a link is none.
ANY_KEY = (Scope.FULL_ACCESS, Scope.SENDING_ACCESS, Scope.SERVICE)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: a live key or link, its tenant and scope; empty `claim_ids` mean every domain of it."""

    key_id: UUID
    tenant_id: UUID
    scope: Scope
    claim_ids: frozenset[UUID] = frozenset()
    tenant_state: str = "ACTIVE"


_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def bind(who: Principal | None) -> None:
    """Make `who` the principal of the running rpc; the access interceptor's own call."""
    _current.set(who)


def principal() -> Principal:
    """Give the caller of the running rpc; raises Unauthenticated outside of one."""
    if (who := _current.get()) is None:
        raise Unauthenticated("KEY_MISSING", "no key; send the header `authorization: Bearer lh_…`")
    return who


def require(*scopes: Scope) -> Principal:
    """Give the caller if its scope is one of these (ADMIN always is); raises PermissionDenied if not."""
    who = principal()
    if who.scope is Scope.ADMIN or who.scope in scopes:
        return who
    wanted = " or ".join(scopes) or Scope.ADMIN
    raise PermissionDenied(
        "SCOPE_TOO_SMALL",
        f"this key has scope {who.scope}; the call needs {wanted}: use another key",
        metadata={"scope": who.scope, "required": wanted},
    )


def tenant_for(requested: str) -> UUID:
    """Give the tenant a request is about: the caller's own if empty, another's for ADMIN and SERVICE only.

    Raises InvalidField for text that is no id, NotFound for a tenant the caller may not see.
    """
    who = principal()
    if not requested:
        return who.tenant_id
    tenant_id = _tenant_id(requested)
    if tenant_id != who.tenant_id and who.scope not in (Scope.ADMIN, Scope.SERVICE):
        raise NotFound("TENANT_NOT_FOUND", "no such tenant; leave tenant_id out to use the key's own")
    return tenant_id


def _tenant_id(requested: str) -> UUID:
    try:
        return UUID(requested)
    except ValueError:
        raise InvalidField("tenant_id", "is not a tenant's id (a UUID)") from None


def generate_key(prefix: str = TOKEN_PREFIX) -> tuple[str, bytes, str]:
    """Make a key of 256 random bits; gives token (shown once), SHA-256 digest (stored) and hint (shown)."""
    body = _base62(secrets.randbits(256), BODY_LENGTH)
    token = f"{prefix}{body}_{_check(body)}"
    return token, hash_token(token), hint_of(token)


def hash_token(token: str) -> bytes:
    """Give the digest a key is found by; plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def hint_of(token: str) -> str:
    """Give what people tell keys apart by: the last four characters of the token."""
    return token[-HINT_LENGTH:]


def well_formed(token: str) -> bool:
    """Tell a possible key from a typo or cut paste, without asking Postgres."""
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
    """Turns a bearer token into a Principal, remembering each answer for half a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()

    async def authenticate(self, authorization: str | None) -> Principal:
        """Read an `authorization` header; raises Unauthenticated, or Unavailable while Postgres is away."""
        kind, _, token = (authorization or "").strip().partition(" ")
        if not token:
            raise Unauthenticated("KEY_MISSING", "no key; send the header `authorization: Bearer lh_…`")
        token = token.strip()
        who = None
        if kind.lower() == "bearer" and well_formed(token):
            who = await self._live(hash_token(token))
        if who is None:
            raise Unauthenticated("KEY_INVALID", "the key is unknown, expired or revoked; make a new one")
        return who

    async def _live(self, digest: bytes) -> Principal | None:
        now = time.monotonic()  # before the question: an answer ages from when it was true
        fresh_until, who = self._cache.get(digest, (0.0, None))
        if now < fresh_until:
            return who
        who = _principal(await self._database.fetchrow(_LIVE_KEY, digest))
        self._remember(digest, now + CACHE_AGE.total_seconds(), who)
        return who

    def _remember(self, digest: bytes, fresh_until: float, who: Principal | None) -> None:
        self._cache[digest] = (fresh_until, who)
        self._cache.move_to_end(digest)
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
