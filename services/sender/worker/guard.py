"""Guards the SES reputation that all tenants share: warns tenants with a poor one, slows, then pauses them.

A tenant that was slowed down returns to its normal rate once its bounce and complaint rates have been low
enough for a while. A pause lasts until an operator ends it; email accepted before the pause then no longer
counts against the tenant.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from chassis.telemetry import get_logger
from services.sender.metrics import EVALUATIONS
from services.sender.model.reputation import WINDOW, Concern, Evaluation, evaluate
from services.sender.store.reputation import ReputationStore, Struck

log = get_logger(__name__)

Pause = Callable[[UUID, str], Awaitable[None]]


class Guard:
    """Evaluates every tenant that has strikes; without `pause`, slows down those that it would pause."""

    def __init__(self, store: ReputationStore, pause: Pause | None) -> None:
        self._store = store
        self._pause = pause
        for outcome in (Evaluation.WARN, Evaluation.SLOW, Evaluation.PAUSE):
            EVALUATIONS.labels(outcome)  # so that the first one is an increase

    async def evaluate(self) -> bool:
        """Evaluate the tenants and restore those whose slowdown is over; return False: the work is done."""
        for struck in await self._store.struck(WINDOW):
            outcome, concern = evaluate(struck.strikes, await self._store.sent(struck))
            if concern is None or (outcome is Evaluation.PAUSE and await self._paused(struck, concern)):
                continue
            await self._warn(struck, concern)
            if outcome in (Evaluation.SLOW, Evaluation.PAUSE):
                await self._slow(struck, concern)
        for tenant_id in await self._store.restore():
            log.info("tenant restored", action="tenant_restored", tenant_id=str(tenant_id))
        return False

    async def _paused(self, struck: Struck, concern: Concern) -> bool:
        """Pause a tenant and return whether that worked; if it did not, the caller slows the tenant down.

        The pause is recorded after the call: if this process dies in between, the next round repeats both.
        """
        if self._pause is None:
            return False
        tenant_id = str(struck.tenant_id)
        try:
            await self._pause(struck.tenant_id, concern.message)
        except Exception as error:  # noqa: BLE001 - no failure may keep the other tenants from being evaluated
            log.warning(
                "failed to pause tenant", action="tenant_not_paused", tenant_id=tenant_id, error=str(error)
            )
            return False
        await self._store.close(struck.tenant_id)
        EVALUATIONS.labels(Evaluation.PAUSE).inc()
        log.error("tenant paused", action="tenant_paused", tenant_id=tenant_id, reason=concern.message)
        return True

    async def _slow(self, struck: Struck, concern: Concern) -> None:
        if await self._store.slow(struck.tenant_id, concern):
            EVALUATIONS.labels(Evaluation.SLOW).inc()
            log.warning(
                "tenant slowed",
                action="tenant_slowed",
                tenant_id=str(struck.tenant_id),
                reason=concern.message,
            )

    async def _warn(self, struck: Struck, concern: Concern) -> None:
        if await self._store.warn(struck.tenant_id, concern):
            EVALUATIONS.labels(Evaluation.WARN).inc()
            log.warning(
                "tenant warned",
                action="tenant_warned",
                tenant_id=str(struck.tenant_id),
                reason=concern.message,
            )
