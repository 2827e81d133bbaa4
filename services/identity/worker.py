"""Brings each identity at SES to what is wanted of it, one call at a time and under one shared rate.

A step asks SES, never inside a transaction; it may die anywhere and be done again by another worker.
"""

import math
import random
from datetime import timedelta

from chassis.slots import Slots
from chassis.telemetry import get_logger
from chassis.worker import ClaimLoop
from services.identity.model.domains import Claim
from services.identity.model.provisioning import IdentityState, Mending, Seen, Signing, Work, mendings
from services.identity.ses import Ses, Trouble
from services.identity.store.deletions import DeletionStore
from services.identity.store.identities import IdentityStore, LeaseLost

log = get_logger(__name__)

FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(seconds=60)
PATIENCE = timedelta(seconds=5)  # for a slot at SES; with the call it fits into a lease
IDLE = timedelta(milliseconds=500)  # what becomes due by time alone waits no longer

NOT_OURS = (
    "SES has an identity of this name that Letterhead did not make and so leaves alone: "
    "an operator can delete it there, or hand it over by the tag {tag}."
)
LEFT_ALONE = "left at SES: Letterhead did not make it"
GONE_AGAIN = "SES has the identity and has it not."
NO_TOKENS = "SES gave no DKIM tokens."


def identity_loop(store: IdentityStore, worker: "IdentityWorker") -> ClaimLoop[Work]:
    """Makes the loop over identities, one after the other: two at once would only share the one rate."""
    return ClaimLoop("identities", store.claim_due, worker.step, concurrency=1, idle=IDLE)


def deletion_loop(store: DeletionStore) -> ClaimLoop[Claim]:
    """Makes the loop over claims that are to go."""
    return ClaimLoop("deletions", store.claim_due, store.let_go, concurrency=2, idle=IDLE)


class NoSlot(Exception):
    """The slots of the next seconds are all taken."""


class IdentityWorker:
    """The steps of one account and region."""

    def __init__(self, store: IdentityStore, ses: Ses, slots: Slots, *, slow_retry: timedelta) -> None:
        self._store = store
        self._ses = ses
        self._slots = slots
        self._slow_retry = slow_retry

    async def step(self, work: Work) -> None:
        """Does what is wanted of one identity, or says why not and when next."""
        try:
            await (self._remove(work) if work.state is IdentityState.UNWANTED else self._provide(work))
        except LeaseLost:
            log.warning("another worker took over", action="lease_lost", identity=work.name)
        except NoSlot:
            await self._store.postpone(work, self._slots.interval)
        except Trouble as trouble:
            await self._retry_later(work, trouble)

    async def _provide(self, work: Work) -> None:
        seen = await self._found(work) or await self._made(work)
        if not seen.ours:
            raise Trouble(NOT_OURS.format(tag=self._ses.tag), lasting=True)
        await self._store.record_presence(work, seen)
        signing = await self._mended(work, seen)
        if not signing.tokens:
            raise Trouble(NO_TOKENS, lasting=False)
        if await self._store.settle_present(work, signing):
            log.info("SES has the identity as wanted", action="identity_provided", identity=work.name)

    async def _found(self, work: Work) -> Seen | None:
        """Asks SES for an identity, unless it cannot have it."""
        if work.untried:
            return None
        await self._slot(work)
        return await self._ses.get(work.name)

    async def _made(self, work: Work) -> Seen:
        await self._slot(work)
        if made := await self._ses.create(work.name):
            return made
        await self._slot(work)
        if found := await self._ses.get(work.name):
            return found
        raise Trouble(GONE_AGAIN, lasting=False)

    async def _mended(self, work: Work, seen: Seen) -> Signing:
        """Changes at SES what is not as wanted; gives the keys that the domain has then."""
        signing, changes = seen.signing, mendings(seen, work.mail_from_domain)
        if not changes and not work.repair_cause:
            # A second tenant's claim finds all done; it waits as long as a first, and learns nothing by it.
            await self._slot(work)
        if Mending.RESTART_DKIM in changes:
            await self._slot(work)
            signing = await self._ses.restart_dkim(work.name)
        if Mending.SET_MAIL_FROM in changes:
            await self._slot(work)
            await self._ses.set_mail_from(work.name, work.mail_from_domain)
        return signing

    async def _remove(self, work: Work) -> None:
        await self._slot(work)
        seen = await self._ses.get(work.name)
        if seen is not None and seen.ours:
            await self._slot(work)
            await self._ses.delete(work.name)
        cause = LEFT_ALONE if seen is not None and not seen.ours else "its identity is gone from SES"
        if await self._store.settle_absent(work, cause):
            log.info("the identity is gone", action="identity_removed", identity=work.name, cause=cause)

    async def _slot(self, work: Work) -> None:
        """Keeps the lease and waits for a slot at SES; raises LeaseLost or NoSlot."""
        await self._store.renew_lease(work)
        if not await self._slots.wait():
            raise NoSlot

    async def _retry_later(self, work: Work, trouble: Trouble) -> None:
        delay = self._slow_retry if trouble.lasting else _backoff(work.attempts)
        next_try = f"It is tried again by itself, next in {math.ceil(delay.total_seconds())} s."
        log.warning(trouble.sentence, action="ses_troubled", identity=work.name, attempts=work.attempts)
        await self._store.record_trouble(work, f"{trouble.sentence} {next_try}", delay)


def _backoff(attempts: int) -> timedelta:
    """Doubles with every try, and scatters, so that what failed together does not come back together."""
    longest = min(FIRST_RETRY.total_seconds() * 2 ** min(attempts - 1, 16), LAST_RETRY.total_seconds())
    return timedelta(seconds=longest * random.uniform(0.75, 1.0))  # noqa: S311 - no secret
