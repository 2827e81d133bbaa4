"""The initial API keys of an installation: the operator's key, and the key between its services."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from chassis.access import Scope, hash_token, hint_of, well_formed
from chassis.backoff import Backoff, wait_any
from chassis.config import Secret, setting
from chassis.errors import ServiceError, Unavailable
from services.identity.store.keys import KeyStore
from services.identity.store.tenants import TenantStore

OPERATOR = "operator"  # initial name of the operator's tenant, which `is_operator` identifies


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The tokens, read from files. To rotate one, change its file and revoke the old key."""

    admin_key: Secret | None = setting(
        None, help="file with the operator's first API key, lh_…; unset: no key is created"
    )
    service_key: Secret | None = setting(
        None, help="file with the API key that the services use between themselves, lh_…"
    )

    def __post_init__(self) -> None:
        for name, token, _ in self.given():
            if not well_formed(token):
                raise ValueError(
                    f"LETTERHEAD_{name.upper()}_FILE: malformed API key; expected a key of the form lh_…"
                )
        if len({token for _, token, _ in self.given()}) < len(self.given()):
            raise ValueError(
                "LETTERHEAD_SERVICE_KEY_FILE: contains the admin key; create a separate service key"
            )

    def given(self) -> list[tuple[str, str, Scope]]:
        """Return the setting, token and scope of each key that is set."""
        keys = (("admin_key", self.admin_key, Scope.ADMIN), ("service_key", self.service_key, Scope.SERVICE))
        return [(name, key.reveal(), scope) for name, key, scope in keys if key is not None]


class FirstKeys:
    """Stores the initial keys under the operator's tenant; safe to repeat and in several replicas."""

    def __init__(self, tenants: TenantStore, keys: KeyStore, first: Keys) -> None:
        self._tenants = tenants
        self._keys = keys
        self._first = first
        self._stored = False

    async def store(self) -> None:
        """Create the operator's tenant and any missing keys; raise Unavailable if Postgres is down."""
        tenant_id = await self._tenants.ensure_operator(OPERATOR)
        for name, token, scope in self._first.given():
            await self._keys.ensure(tenant_id, name, scope, hash_token(token), hint_of(token))
        self._stored = True

    async def run(self, stop: asyncio.Event) -> None:
        """Retry until the keys are stored or the service stops."""
        backoff = Backoff("storing the initial keys", first=timedelta(seconds=0.2), cap=timedelta(seconds=2))
        while not (self._stored or stop.is_set()):
            try:
                await self.store()
            except ServiceError as error:
                await wait_any(stop, timeout=backoff.failed(error))

    async def check(self) -> None:
        """Raise Unavailable until the keys are stored, because no caller can authenticate before that."""
        if not self._stored:
            raise Unavailable("STORAGE_UNAVAILABLE", "The initial keys are not stored yet. Try again.")
