"""One DNS check of a domain: queries each record, and makes follow-up queries that explain problems."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from services.verifier.model.record_status import check, questions
from services.verifier.model.records import Answer, Check, Expected, Purpose
from services.verifier.resolver.resolver import Lookup, Resolver


async def inspect(resolver: Resolver, records: Sequence[Expected]) -> list[Check]:
    """Return a check for each record of one domain, in their order. Takes at most CHECK_SECONDS (10 s)."""
    lookup = resolver.lookup()
    first = await _ask(lookup, records[0])  # before the others, which then find the zone in the cache
    if first.unregistered:
        return [check(each, replace(first, name=each.name), {}) for each in records]
    others = await asyncio.gather(*(_ask(lookup, each) for each in records[1:]))
    explained = (_explained(lookup, *pair) for pair in zip(records, (first, *others), strict=True))
    return await asyncio.gather(*explained)


async def _ask(lookup: Lookup, record: Expected) -> Answer:
    return await lookup.ask(record.name, record.type, follow=record.purpose is Purpose.DMARC)


async def _explained(lookup: Lookup, record: Expected, answer: Answer) -> Check:
    queries = questions(record, answer, unguessable=f"lh-{secrets.token_hex(8)}")
    answers = await asyncio.gather(
        *(lookup.ask(each.name, each.type, thorough=False) for each in queries.values())
    )
    return check(record, answer, dict(zip(queries, answers, strict=True)))
