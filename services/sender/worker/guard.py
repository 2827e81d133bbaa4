"""Guards the reputation that all tenants share: warns a tenant of ill repute, slows it down, then pauses it.

A slower pace ends by itself once its reason is over. A pause does not: an operator ends it, and what was
accepted before is then not held against the tenant again.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from prometheus_client import Counter

from chassis.telemetry import get_logger
from services.sender.model.reputation import WINDOW, Verdict, judge
from services.sender.store.reputation import ReputationStore, Struck

log = get_logger(__name__)
VERDICTS = Counter(
    "letterhead_sender_reputation_verdicts_total",
    "Tenants warned, slowed and paused for ill repute",
    ["verdict"],
)

Pause = Callable[[UUID, str], Awaitable[None]]


class Guard:
    """One round judges every tenant that has strikes; `pause` None: it slows where it would pause."""

    def __init__(self, store: ReputationStore, pause: Pause | None) -> None:
        self._store = store
        self._pause = pause

    async def judge(self) -> bool:
        """Judge the tenants, and end what is over; there is never more to do at once."""
        for struck in await self._store.struck(WINDOW):
            verdict, sentence = judge(struck.strikes, await self._store.sent(struck))
            if verdict is Verdict.PAUSE and await self._stopped(struck, sentence):
                continue
            if verdict is not Verdict.FINE:
                await self._warn(struck, sentence)
            if verdict in (Verdict.SLOW, Verdict.PAUSE):
                await self._slow(struck, sentence)
        for tenant_id in await self._store.restore():
            log.info("tenant restored", action="tenant_restored", tenant_id=str(tenant_id))
        return False

    async def _stopped(self, struck: Struck, sentence: str) -> bool:
        """Pause, then note it: if this ends in between, the next round does the same again.

        Says whether it was done; where identity does not answer, the tenant is slowed down until it does.
        """
        if self._pause is None:
            return False
        tenant_id = str(struck.tenant_id)
        try:
            await self._pause(struck.tenant_id, sentence)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other tenants are judged
            log.warning(
                "tenant not paused", action="tenant_not_paused", tenant_id=tenant_id, error=str(error)
            )
            return False
        await self._store.close(struck.tenant_id)
        VERDICTS.labels(Verdict.PAUSE).inc()
        log.error("tenant paused", action="tenant_paused", tenant_id=tenant_id, reason=sentence)
        return True

    async def _slow(self, struck: Struck, sentence: str) -> None:
        if await self._store.slow(struck.tenant_id, sentence):
            VERDICTS.labels(Verdict.SLOW).inc()
            log.warning(
                "tenant slowed", action="tenant_slowed", tenant_id=str(struck.tenant_id), reason=sentence
            )

    async def _warn(self, struck: Struck, sentence: str) -> None:
        if await self._store.warn(struck.tenant_id, sentence):
            VERDICTS.labels(Verdict.WARN).inc()
            log.warning(
                "tenant warned", action="tenant_warned", tenant_id=str(struck.tenant_id), reason=sentence
            )
