"""Runs due DNS checks: queries each record of a domain, and makes follow-up queries that explain problems."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

from chassis.worker import LeaseLoop
from services.verifier.model.record_status import check, questions
from services.verifier.model.records import Answer, Check, Expected, Purpose
from services.verifier.resolver.resolver import CHECK_SECONDS, Lookup, Resolver
from services.verifier.resolver.spf_evaluation import with_evaluations
from services.verifier.store.verifications import Lease, VerificationStore
from services.verifier.worker.results import DnsCheck, ResultWriter

LEASE = timedelta(seconds=2 * CHECK_SECONDS + 10)


class DnsChecks:
    """Runs due DNS checks. Watched domains have their own workers, so that other domains never delay them."""

    def __init__(
        self,
        store: VerificationStore,
        resolver: Resolver,
        results: ResultWriter,
        *,
        wake_ses_queries: Callable[[], None],
        concurrency: int,
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._results = results
        self._wake_ses_queries = wake_ses_queries
        self._watched = self._loop("watched checks", concurrency, timedelta(seconds=0.2), watched=True)
        self._others = self._loop("checks", concurrency, timedelta(seconds=1), watched=False)

    def wake(self) -> None:
        """Lease due checks at once instead of at the next poll."""
        self._watched.wake()
        self._others.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Run due checks until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watched.run(stop))
            group.create_task(self._others.run(stop))

    def _loop(self, name: str, concurrency: int, idle: timedelta, *, watched: bool) -> LeaseLoop[Lease]:
        async def lease(limit: int) -> list[Lease]:
            return await self._store.lease_checks(limit, LEASE, watched=watched)

        return LeaseLoop(name, lease, self._check_records, concurrency=concurrency, idle=idle)

    async def _check_records(self, lease: Lease) -> None:
        records = await self._store.records(lease.claim_id, lease.generation)
        proof = await self._store.proof(lease.claim_id, lease.generation)
        expected = [*([proof.expected] if proof else []), *(each.expected for each in records)]
        if not expected:  # the claim has a new generation, whose renewal schedules the next check
            return
        checks = await inspect(self._resolver, expected)
        result = DnsCheck(records, checks[1:], proof.token, checks[0]) if proof else DnsCheck(records, checks)
        decision = await self._results.save_dns_check(lease, result)
        if decision is not None and decision.ses_due_at is not None:
            self._wake_ses_queries()


async def inspect(resolver: Resolver, records: Sequence[Expected]) -> list[Check]:
    """Return a check for each record of one domain, in their order. Takes at most CHECK_SECONDS (10 s)."""
    values = frozenset(each.value for each in records)
    records = [replace(each, siblings=values - {each.value}) for each in records]
    lookup = resolver.lookup()
    first = await _ask(lookup, records[0])  # before the others, which then find the zone in the cache
    if first.unregistered:
        return [check(each, replace(first, name=each.name), {}) for each in records]
    others = await asyncio.gather(*(_ask(lookup, each) for each in records[1:]))
    explained = (_explained(lookup, *pair) for pair in zip(records, (first, *others), strict=True))
    return await asyncio.gather(*explained)


async def _ask(lookup: Lookup, record: Expected) -> Answer:
    answer = await lookup.ask(record.name, record.type, follow=record.purpose is Purpose.DMARC)
    return await with_evaluations(lookup, record, answer) if record.purpose is Purpose.SPF else answer


async def _explained(lookup: Lookup, record: Expected, answer: Answer) -> Check:
    queries = questions(record, answer, unguessable=f"lh-{secrets.token_hex(8)}")
    answers = await asyncio.gather(
        *(lookup.ask(each.name, each.type, thorough=False) for each in queries.values())
    )
    return check(record, answer, dict(zip(queries, answers, strict=True)))
