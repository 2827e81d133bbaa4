"""Queries SES, one request per rate-limiter slot: watched domains, then account and sweep, then the others.

Postgres is the queue for all replicas, so the next query is chosen only when a slot is available.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from chassis.aws import AwsError, AwsRefused
from chassis.periodic import PeriodicTask
from chassis.slots import Slots
from chassis.telemetry import get_logger
from services.verifier.model.evidence import RepairCause
from services.verifier.model.messages.accounts import explain
from services.verifier.model.reasons import AccountReason
from services.verifier.ses import SesReader
from services.verifier.store.ses import SesStore, Waiting
from services.verifier.worker.results import ResultWriter
from services.verifier.worker.sweep import Sweep

log = get_logger(__name__)

Repair = Callable[[UUID, int, RepairCause], Awaitable[None]]

IDLE = timedelta(seconds=1)
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=0.2), timedelta(seconds=10)  # after an unexpected error
PATIENCE = timedelta(minutes=2)  # the longest wait for a slot
DOMAIN_RETRY = timedelta(seconds=2)
ACCOUNT_INTERVAL = timedelta(seconds=60)
ACCOUNT_RETRY = timedelta(seconds=10)
WATCHED_IN_A_ROW = 2  # slots that watched domains get before another waiting query gets one


class SesQueries:
    """Queries SES in this process's slots."""

    def __init__(
        self, store: SesStore, reader: SesReader, slots: Slots, results: ResultWriter, *, repair: Repair
    ) -> None:
        self._store = store
        self._reader = reader
        self._slots = slots
        self._results = results
        self._repair = repair
        self._sweep = Sweep(store, reader)
        self._watched_in_a_row = 0
        self._stop = asyncio.Event()
        self._task = PeriodicTask(
            "queries to SES", self._query, interval=IDLE, first=FIRST_RETRY, cap=LONGEST_RETRY
        )

    def wake(self) -> None:
        """Make due queries now instead of at the next poll."""
        self._task.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Make due queries until `stop` is set, which also ends the wait for a slot."""
        self._stop = stop
        await self._store.insert_account(explain(AccountReason.NEVER_QUERIED))
        await self._task.run(stop)

    async def _query(self) -> bool:
        """Use one slot if any query is due; return whether one was used."""
        if not self._anything(await self._store.waiting()) or not await self._slots.wait(self._stop):
            return False
        waiting = await self._store.waiting()
        upkeep = waiting.account or waiting.sweep or self._sweep.under_way
        others = upkeep or waiting.domains
        first = waiting.watched and (self._watched_in_a_row < WATCHED_IN_A_ROW or not others)
        self._watched_in_a_row = self._watched_in_a_row + 1 if first else 0
        if upkeep and not first:
            await self._query_account_or_sweep(waiting)
        else:
            await self._query_domain(watched=first)
        return True

    def _anything(self, waiting: Waiting) -> bool:
        due = (waiting.watched, waiting.domains, waiting.account, waiting.sweep)
        return any(due) or self._sweep.under_way

    async def _query_domain(self, *, watched: bool) -> None:
        lease = await self._store.lease_domain(watched=watched)
        if lease is None:
            return
        try:
            identity = await self._reader.identity(lease.name)
        except AwsError as error:  # no evidence, so the state stays and the query is repeated
            log.warning("SES query failed", action="ses_query_failed", domain=lease.name, why=str(error))
            await self._store.retry_domain(lease, DOMAIN_RETRY)
            return
        decision = await self._results.save_ses_check(lease, identity)
        if decision is not None and decision.repair is not None:
            await self._repair(lease.claim_id, lease.generation, decision.repair)
            log.info(
                "requested repair from identity",
                action="repair_requested",
                domain=lease.name,
                cause=decision.repair.value,
                repairs=decision.repairs,
            )

    async def _query_account_or_sweep(self, waiting: Waiting) -> None:
        if waiting.account and await self._store.lease_account():
            await self._query_account()
        elif waiting.sweep or self._sweep.under_way:
            await self._sweep.step()

    async def _query_account(self) -> None:
        try:
            account_status = await self._reader.account()
        except AwsError as error:
            if isinstance(error, AwsRefused) and error.is_throttle:
                return  # SES is reachable; the query is repeated when its lease expires
            why = explain(AccountReason.UNREACHABLE, error=str(error))
            await self._store.save_missing_answer(why, ACCOUNT_RETRY)
        else:
            await self._store.save_account(account_status, ACCOUNT_INTERVAL)
