"""Asks SES, one question a slot: first about domains that somebody watches, then chores, then others.

Postgres is the queue, so the choice is made when the slot has come, and is right across replicas.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from chassis.backoff import Backoff, wait_any
from chassis.slots import Slots
from chassis.telemetry import get_logger
from services.verifier.model.evidence import RepairCause
from services.verifier.ses import SesAwayError, SesReader, SesThrottledError
from services.verifier.store.ses import SesStore, Waiting
from services.verifier.worker.settling import Settling
from services.verifier.worker.sweep import Sweep

log = get_logger(__name__)

Repair = Callable[[UUID, int, RepairCause], Awaitable[None]]

IDLE = timedelta(seconds=1)
PATIENCE = timedelta(minutes=2)  # for a slot
ACCOUNT_AGAIN = timedelta(seconds=60)
ACCOUNT_RETRY = timedelta(seconds=10)
AGAIN = timedelta(seconds=2)
WATCHED_IN_A_ROW = 2  # slots that watched domains get before others that wait get one
NEVER_ASKED = "SES has not been asked yet."


class AskingSes:
    """Uses this process's slots; `hurry` is set when something has just become due."""

    def __init__(
        self,
        store: SesStore,
        reader: SesReader,
        slots: Slots,
        settling: Settling,
        *,
        repair: Repair,
        hurry: asyncio.Event,
    ) -> None:
        self._store = store
        self._reader = reader
        self._slots = slots
        self._settling = settling
        self._repair = repair
        self._hurry = hurry
        self._sweep = Sweep(store, reader)
        self._watched_in_a_row = 0
        self._backoff = Backoff("questions to SES", first=timedelta(seconds=0.2), cap=timedelta(seconds=10))

    async def run(self, stop: asyncio.Event) -> None:
        """Asks until `stop`."""
        await self._store.put_account(NEVER_ASKED)
        while not stop.is_set():
            self._hurry.clear()
            try:
                asked = await self._turn(stop)
            except Exception as error:  # noqa: BLE001 - whatever it is, what is due stays due
                await wait_any(stop, timeout=self._backoff.failed(error))
                continue
            self._backoff.succeeded()
            if not asked:
                await wait_any(stop, self._hurry, timeout=IDLE.total_seconds())

    async def _turn(self, stop: asyncio.Event) -> bool:
        """Uses one slot, if anything is due; says whether it did."""
        if not self._anything(await self._store.waiting()) or not await self._slots.wait(stop):
            return False
        waiting = await self._store.waiting()
        chores = waiting.account or waiting.sweep or self._sweep.under_way
        others = chores or waiting.domains
        first = waiting.watched and (self._watched_in_a_row < WATCHED_IN_A_ROW or not others)
        self._watched_in_a_row = self._watched_in_a_row + 1 if first else 0
        if chores and not first:
            await self._chore(waiting)
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
        except SesAwayError as error:  # no evidence: the state stays, and the question is asked again
            log.warning("SES did not say", action="ses_look_missed", domain=turn.name, why=str(error))
            await self._store.ask_again(turn, AGAIN)
            return
        decision = await self._settling.ses_look(turn, identity)
        if decision is not None and decision.repair is not None:
            await self._repair(turn.claim_id, turn.generation, decision.repair)
            log.info(
                "asked identity to repair",
                action="repair_asked",
                domain=turn.name,
                cause=decision.repair.value,
                repairs=decision.repairs,
            )

    async def _chore(self, waiting: Waiting) -> None:
        if waiting.account and await self._store.take_account():
            await self._account()
        elif waiting.sweep or self._sweep.under_way:
            await self._sweep.step()

    async def _account(self) -> None:
        try:
            facts = await self._reader.account()
        except SesThrottledError:
            return  # SES is there; it is asked again when this turn has run out
        except SesAwayError as error:
            await self._store.miss_account(str(error), ACCOUNT_RETRY)
        else:
            await self._store.save_account(facts, ACCOUNT_AGAIN)
