"""The initial API keys of an installation: the operator's key, and the key between its services."""

import asyncio
from datetime import timedelta

from chassis.access import hash_token, hint_of
from chassis.backoff import retried
from chassis.errors import ServiceError, Unavailable
from services.identity.config import Keys
from services.identity.store.keys import KeyStore
from services.identity.store.tenants import TenantStore

OPERATOR = "operator"  # initial name of the operator's tenant, which `is_operator` identifies
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=0.2), timedelta(seconds=2)


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
        if not self._stored:
            await retried(
                "storing the initial keys",
                self.store,
                stop,
                first=FIRST_RETRY,
                cap=LONGEST_RETRY,
                on=(ServiceError,),
            )

    async def check(self) -> None:
        """Raise Unavailable until the keys are stored, because no caller can authenticate before that."""
        if not self._stored:
            raise Unavailable("STORAGE_UNAVAILABLE", "The initial keys are not stored yet. Try again.")
