"""Queries SES, one request per rate-limiter slot: watched domains, then account and sweep, then the others.

Postgres is the queue for all replicas, so the next query is chosen only when a slot is available.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from chassis.backoff import Backoff, wait_any
from chassis.slots import Slots
from chassis.telemetry import get_logger
from services.verifier.model.evidence import RepairCause
from services.verifier.ses import SesReader, SesThrottledError, SesUnavailableError
from services.verifier.store.ses import SesStore, Waiting
from services.verifier.worker.results import ResultWriter
from services.verifier.worker.sweep import Sweep

log = get_logger(__name__)

Repair = Callable[[UUID, int, RepairCause], Awaitable[None]]

IDLE = timedelta(seconds=1)
PATIENCE = timedelta(minutes=2)  # the longest wait for a slot
ACCOUNT_AGAIN = timedelta(seconds=60)
ACCOUNT_RETRY = timedelta(seconds=10)
AGAIN = timedelta(seconds=2)
WATCHED_IN_A_ROW = 2  # slots that watched domains get before another waiting query gets one
NEVER_QUERIED = "SES has not been queried yet."


class SesQueries:
    """Queries SES in this process's slots; `hurry` is set when a query has just become due."""

    def __init__(
        self,
        store: SesStore,
        reader: SesReader,
        slots: Slots,
        results: ResultWriter,
        *,
        repair: Repair,
        hurry: asyncio.Event,
    ) -> None:
        self._store = store
        self._reader = reader
        self._slots = slots
        self._results = results
        self._repair = repair
        self._hurry = hurry
        self._sweep = Sweep(store, reader)
        self._watched_in_a_row = 0
        self._backoff = Backoff("queries to SES", first=timedelta(seconds=0.2), cap=timedelta(seconds=10))

    async def run(self, stop: asyncio.Event) -> None:
        """Make due queries until `stop` is set."""
        await self._store.put_account(NEVER_QUERIED)
        while not stop.is_set():
            self._hurry.clear()
            try:
                queried = await self._query(stop)
            except Exception as error:  # noqa: BLE001 - after any error, what is due stays due
                await wait_any(stop, timeout=self._backoff.failed(error))
                continue
            self._backoff.succeeded()
            if not queried:
                await wait_any(stop, self._hurry, timeout=IDLE.total_seconds())

    async def _query(self, stop: asyncio.Event) -> bool:
        """Use one slot if any query is due; return whether one was used."""
        if not self._anything(await self._store.waiting()) or not await self._slots.wait(stop):
            return False
        waiting = await self._store.waiting()
        upkeep = waiting.account or waiting.sweep or self._sweep.under_way
        others = upkeep or waiting.domains
        first = waiting.watched and (self._watched_in_a_row < WATCHED_IN_A_ROW or not others)
        self._watched_in_a_row = self._watched_in_a_row + 1 if first else 0
        if upkeep and not first:
            await self._account_or_sweep(waiting)
        else:
            await self._domain(watched=first)
        return True

    def _anything(self, waiting: Waiting) -> bool:
        due = (waiting.watched, waiting.domains, waiting.account, waiting.sweep)
        return any(due) or self._sweep.under_way

    async def _domain(self, *, watched: bool) -> None:
        turn = await self._store.next_domain(watched=watched)
        if turn is None:
            return
        try:
            identity = await self._reader.identity(turn.name)
        except SesUnavailableError as error:  # no evidence, so the state stays and the query is repeated
            log.warning("SES query failed", action="ses_query_failed", domain=turn.name, why=str(error))
            await self._store.ask_again(turn, AGAIN)
            return
        decision = await self._results.ses_check(turn, identity)
        if decision is not None and decision.repair is not None:
            await self._repair(turn.claim_id, turn.generation, decision.repair)
            log.info(
                "requested repair from identity",
                action="repair_requested",
                domain=turn.name,
                cause=decision.repair.value,
                repairs=decision.repairs,
            )

    async def _account_or_sweep(self, waiting: Waiting) -> None:
        if waiting.account and await self._store.take_account():
            await self._account()
        elif waiting.sweep or self._sweep.under_way:
            await self._sweep.step()

    async def _account(self) -> None:
        try:
            account_status = await self._reader.account()
        except SesThrottledError:
            return  # SES is reachable; the query is repeated when its lease expires
        except SesUnavailableError as error:
            await self._store.miss_account(str(error), ACCOUNT_RETRY)
        else:
            await self._store.save_account(account_status, ACCOUNT_AGAIN)
