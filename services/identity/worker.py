"""The workers: one decides who owns each name, the other keeps SES identities in their desired state."""

import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from chassis.periodic import PeriodicTask
from chassis.slots import Slots
from chassis.telemetry import get_logger
from services.identity.model.messages import explain
from services.identity.model.provisioning import Call, IdentityState, Seen, Signing, Work, changes_needed
from services.identity.model.reasons import DomainParameters, DomainReason
from services.identity.ses import Ses, SesError
from services.identity.store.identities import IdentityStore, LeaseLost
from services.identity.store.ownership import OwnershipStore

log = get_logger(__name__)

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(seconds=60)
DECIDED_EVERY = timedelta(seconds=1)  # bounds the delay after a deadline or a lost notification
MOST_NAMES = 1000  # per run

LEFT_ALONE = "left at SES: Letterhead did not create it"
GONE = "its SES identity was deleted"


class OwnershipWorker:
    """Decides who may send from a name; level-triggered, so that a lost notification only delays it."""

    def __init__(self, store: OwnershipStore) -> None:
        self._store = store
        self.task = PeriodicTask("ownership", self.decide, interval=DECIDED_EVERY)

    async def decide(self) -> bool:
        """Decide the names that are due; return whether anything changed, which may make more names due."""
        names = await self._store.due_names(MOST_NAMES)
        changed = False
        for name in names:
            try:
                changed |= await self._store.decide(name)
            except LookupError:
                log.exception("ownership decision failed", action="ownership_failed", domain=name)
        return changed


class IdentityWorker:
    """Reconciles the SES identities of one account and region, at the rate that all services share.

    Scheduling is fair: when any replica gets a rate-limiter slot, it serves the tenant whose last call is the
    oldest. A step makes one call to SES, outside of any transaction. If a worker dies during a step, the
    worker that takes over starts by reading the identity from SES.
    """

    def __init__(self, store: IdentityStore, ses: Ses, slots: Slots, *, slow_retry: timedelta) -> None:
        self._store = store
        self._ses = ses
        self._slots = slots
        self._slow_retry = slow_retry
        self._steps: Mapping[Call, Callable[[Work], Awaitable[None]]] = {
            Call.GET: self._get,
            Call.CREATE: self._create,
            Call.RESTART_DKIM: self._restart_dkim,
            Call.SET_MAIL_FROM: self._set_mail_from,
            Call.DELETE: self._delete,
        }

    async def lease(self, limit: int) -> list[Work]:  # noqa: ARG002 - the loop has concurrency 1
        """Wait for a slot if anything is due, then lease the identity whose tenant is next."""
        if not await self._store.is_due() or not await self._slots.wait():
            return []
        work = await self._store.lease_due()
        return [work] if work else []

    async def step(self, work: Work) -> None:
        """Make one call to SES and store its result, or its error and the time of the next retry."""
        try:
            await self._steps[work.call](work)
        except LeaseLost:
            log.warning("lease lost to another worker", action="lease_lost", identity=work.name)
        except SesError as trouble:
            await self._retry_later(work, trouble)

    async def _get(self, work: Work) -> None:
        seen = await self._ses.get(work.name)
        if work.state is IdentityState.UNWANTED:
            await self._remove(work, seen)
        elif seen is None:
            await self._store.plan(work, [Call.CREATE])
        elif not seen.ours:
            raise SesError(DomainReason.SES_IDENTITY_NOT_OURS, lasting=True, tag=self._ses.tag)
        else:
            await self._present(work, seen)

    async def _create(self, work: Work) -> None:
        if created := await self._ses.create(work.name):
            await self._present(work, created)
        elif work.calls_after:
            await self._store.plan(work, work.calls_after)
        else:  # a GET before this call did not find the identity
            raise SesError(DomainReason.SES_CONTRADICTORY, lasting=False)

    async def _present(self, work: Work, seen: Seen) -> None:
        await self._record(work, seen.signing, changes_needed(seen, work.mail_from_domain))

    async def _restart_dkim(self, work: Work) -> None:
        signing = await self._ses.restart_dkim(work.name)
        if not signing.tokens:
            raise SesError(DomainReason.SES_DKIM_TOKENS_MISSING, lasting=False)
        await self._record(work, signing, work.calls_after)

    async def _record(self, work: Work, signing: Signing, calls_left: Sequence[Call]) -> None:
        if await self._store.record_presence(work, signing, calls_left):
            _log_provided(work)

    async def _set_mail_from(self, work: Work) -> None:
        await self._ses.set_mail_from(work.name, work.mail_from_domain)
        if await self._store.mark_present(work):
            _log_provided(work)

    async def _remove(self, work: Work, seen: Seen | None) -> None:
        if seen is not None and seen.ours:
            await self._store.plan(work, [Call.DELETE])
        else:
            await self._mark_absent(work, LEFT_ALONE if seen else GONE)

    async def _delete(self, work: Work) -> None:
        await self._ses.delete(work.name)
        await self._mark_absent(work, GONE)

    async def _mark_absent(self, work: Work, cause: str) -> None:
        if await self._store.mark_identity_absent(work, cause):
            log.info("SES identity removed", action="identity_removed", identity=work.name, cause=cause)

    async def _retry_later(self, work: Work, trouble: SesError) -> None:
        attempts = work.attempts + 1
        delay = self._slow_retry if trouble.lasting else _backoff(attempts)
        log.warning(str(trouble), action="ses_call_failed", identity=work.name, attempts=attempts)
        parameters = DomainParameters(**trouble.parameters, retry_seconds=math.ceil(delay.total_seconds()))
        await self._store.record_error(work, explain(trouble.reason, **parameters), delay)


def _log_provided(work: Work) -> None:
    fields = {"identity": work.name, "repair_cause": work.repair_cause}
    log.info("SES identity provisioned", action="identity_provided", **fields)


def _backoff(attempts: int) -> timedelta:
    """Return an exponential delay with jitter, so that simultaneous failures do not retry simultaneously."""
    longest = min(FIRST_RETRY.total_seconds() * 2 ** min(attempts - 1, 16), LAST_RETRY.total_seconds())
    return timedelta(seconds=longest * random.uniform(0.75, 1.0))  # noqa: S311 - jitter, not security
