"""The keys that an installation starts with: the operator's, and that of its services among themselves."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from chassis.access import Scope, hash_token, hint_of, well_formed
from chassis.backoff import Backoff, wait_any
from chassis.config import Secret, setting
from chassis.errors import ServiceError, Unavailable
from services.identity.store.keys import KeyStore
from services.identity.store.tenants import TenantStore

OPERATOR = "operator"  # what its tenant is first named; `is_operator` is what it is known by


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The tokens, as files hold them. To replace one, change the file and revoke the old key."""

    admin_key: Secret | None = setting(
        None, help="file with the operator's first key, lh_…; none is made without"
    )
    service_key: Secret | None = setting(
        None, help="file with the key that services call each other with, lh_…"
    )

    def __post_init__(self) -> None:
        for name, token, _ in self.given():
            if not well_formed(token):
                raise ValueError(
                    f"LETTERHEAD_{name.upper()}_FILE: holds no key of the form lh_…, or a mistyped one"
                )
        if len({token for _, token, _ in self.given()}) < len(self.given()):
            raise ValueError("LETTERHEAD_SERVICE_KEY_FILE: holds the admin key; the two have to differ")

    def given(self) -> list[tuple[str, str, Scope]]:
        """The keys that are set: setting, token and scope."""
        keys = (("admin_key", self.admin_key, Scope.ADMIN), ("service_key", self.service_key, Scope.SERVICE))
        return [(name, key.reveal(), scope) for name, key, scope in keys if key is not None]


class FirstKeys:
    """Stores them under the operator's tenant; any number of replicas may, any number of times."""

    def __init__(self, tenants: TenantStore, keys: KeyStore, first: Keys) -> None:
        self._tenants = tenants
        self._keys = keys
        self._first = first
        self._stored = False

    async def store(self) -> None:
        """Stores what is not there; raises Unavailable while Postgres is away."""
        tenant_id = await self._tenants.ensure_operator(OPERATOR)
        for name, token, scope in self._first.given():
            await self._keys.ensure(tenant_id, name, scope, hash_token(token), hint_of(token))
        self._stored = True

    async def run(self, stop: asyncio.Event) -> None:
        """Stores them as soon as Postgres is there, if they are not stored yet."""
        backoff = Backoff("storing the first keys", first=timedelta(seconds=0.2), cap=timedelta(seconds=2))
        while not (self._stored or stop.is_set()):
            try:
                await self.store()
            except ServiceError as error:
                await wait_any(stop, timeout=backoff.failed(error))

    async def check(self) -> None:
        """Raises Unavailable until they are stored: without them nobody can call."""
        if not self._stored:
            raise Unavailable("STORAGE_UNAVAILABLE", "the first keys are not stored yet; call again")
