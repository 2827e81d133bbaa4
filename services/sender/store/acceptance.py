"""How emails come in: what is known of whom they are from, and many requests stored in one go, each once.

Not for what may be accepted (`commands`), nor for reading emails (`emails`).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.database import Database, Queries, Record
from chassis.ids import uuid7
from services.sender.model.emails import Draft, Email, Refusal
from services.sender.model.origin import Domain
from services.sender.store.rows import accepted_email, is_signing, reply_to_json, to_domain

QUERIES = Queries.load(Path(__file__).with_name("acceptance.sql"))


@dataclass(frozen=True, slots=True)
class Request:
    """A send as its caller may repeat it; `id` is None where no repetition is promised."""

    tenant_id: UUID
    id: str | None
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered with; `refusals` as `Offer` has them."""

    content_hash: bytes
    email_ids: Sequence[UUID]
    refusals: Sequence[Refusal | None]


@dataclass(frozen=True, slots=True)
class Offer:
    """What of a request is to be stored: drafts, each with the claim it is of.

    `refusals` is how the request is answered again: why each of its emails was refused, None where it is
    among the drafts; empty when all are.
    """

    request: Request
    drafts: Sequence[tuple[UUID, Draft]]
    refusals: Sequence[Refusal | None] = ()


@dataclass(frozen=True, slots=True)
class Senders:
    """The names of domains that a tenant wants to send from."""

    tenant_id: UUID
    names: Collection[str]


class AcceptanceStore:
    """Writes what was accepted; `deadline` is how long an email may wait."""

    def __init__(self, database: Database, *, deadline: timedelta) -> None:
        self._database = database
        self._deadline = deadline

    async def accept(self, offers: Sequence[Offer]) -> list[list[Email]]:
        """Store each offer whole; gives nothing for one whose request's id was used before.

        One statement however many there are. Waits for another request of a same id that is being stored just
        now.
        """
        chosen = list(_first_of_each(offers))
        ids = {index: [uuid7() for _ in offers[index].drafts] for index in chosen}
        columns = _columns([(offers[index], ids[index]) for index in chosen])
        rows = await self._database.fetch(QUERIES.accept_emails, self._deadline, *columns)
        stored = {row["id"]: row for row in rows}
        return [_emails(offer, ids.get(index, []), stored) for index, offer in enumerate(offers)]

    async def answered(self, request: Request) -> Answered | None:
        """Give what the request that used this id first was answered with; None if none did."""
        row = await self._database.fetchrow(QUERIES.find_request, request.tenant_id, request.id)
        if row is None:
            return None
        refusals = [Refusal(each) if each else None for each in row["refusals"]]
        return Answered(row["content_hash"], row["email_ids"], refusals)

    async def domains(self, senders: Sequence[Senders], shared_domain: str | None) -> list[dict[str, Domain]]:
        """Give tenants' live domains of these names, by name."""
        pairs = {(each.tenant_id, name) for each in senders for name in each.names}
        rows = await self._database.fetch(
            QUERIES.standings_by_name,
            [tenant_id for tenant_id, _ in pairs],
            [name for _, name in pairs],
            shared_domain,
        )
        shared_ready = any(row["shared"] and is_signing(row) for row in rows)
        found = [to_domain(row, shared_ready=shared_ready) for row in rows if not row["shared"]]
        own = {(domain.tenant_id, domain.name): domain for domain in found}
        return [
            {name: own[each.tenant_id, name] for name in each.names if (each.tenant_id, name) in own}
            for each in senders
        ]


def _first_of_each(offers: Sequence[Offer]) -> Iterator[int]:
    """Give the places of those to store: of several under one request id, the first."""
    seen: set[tuple[UUID, str]] = set()
    for index, offer in enumerate(offers):
        request = offer.request
        if request.id is not None:
            if (request.tenant_id, request.id) in seen:
                continue
            seen.add((request.tenant_id, request.id))
        yield index


def _emails(offer: Offer, ids: Sequence[UUID], stored: Mapping[UUID, Record]) -> list[Email]:
    return [
        accepted_email(stored[email_id], offer.request.tenant_id, claim_id, draft)
        for email_id, (claim_id, draft) in zip(ids, offer.drafts, strict=False)
        if email_id in stored
    ]


Identified = tuple[Offer, Sequence[UUID]]  # with the ids that its drafts get


def _columns(offers: Sequence[Identified]) -> Iterator[Sequence[object]]:
    drafts = [
        (email_id, offer.request, claim_id, draft)
        for offer, ids in offers
        for email_id, (claim_id, draft) in zip(ids, offer.drafts, strict=True)
    ]
    yield from _requests(offers)
    yield from zip(*(_email(*each) for each in drafts), strict=True)
    yield from _recipients((email_id, draft) for email_id, _, _, draft in drafts)
    yield from _attachments((email_id, draft) for email_id, _, _, draft in drafts)
    yield [draft.is_test for _, _, _, draft in drafts]


def _requests(offers: Sequence[Identified]) -> Iterator[Sequence[object]]:
    """Give requests with the places (from 1) where theirs begin and end among all emails and refusals."""
    emails = _spans([len(ids) for _, ids in offers])
    refusals = _spans([len(offer.refusals) for offer, _ in offers])
    yield [each and each.status for offer, _ in offers for each in offer.refusals]
    rows = [
        (offer.request.tenant_id, offer.request.id, offer.request.content_hash, *email_span, *refusal_span)
        for (offer, _), email_span, refusal_span in zip(offers, emails, refusals, strict=True)
    ]
    yield from zip(*rows, strict=True)


def _spans(lengths: Sequence[int]) -> list[tuple[int, int]]:
    return [(end - length + 1, end) for length, end in zip(lengths, accumulate(lengths), strict=True)]


def _email(email_id: UUID, request: Request, claim_id: UUID, draft: Draft) -> tuple[object, ...]:
    content = draft.content
    return (
        email_id,
        request.tenant_id,
        request.id,
        claim_id,
        draft.sender.address,
        draft.sender.name,
        content.subject,
        content.text,
        content.html,
        _json(reply_to_json(content.reply_to)),
        _json(content.headers),
        _json(draft.tags),
        draft.size,
        draft.terms.send_at,
        draft.terms.on_unknown,
        draft.terms.window,
    )


def _json(value: Sequence[Any] | Mapping[str, str]) -> str | None:
    """Write what has something in it; most is empty, which the statement writes by itself."""
    return json.dumps(value) if value else None


def _recipients(drafts: Iterable[tuple[UUID, Draft]]) -> Iterator[Sequence[object]]:
    rows = [
        (email_id, position, recipient.kind, recipient.address.address, recipient.address.name)
        for email_id, draft in drafts
        for position, recipient in enumerate(draft.recipients)
    ]
    yield from zip(*rows, strict=True)


def _attachments(drafts: Iterable[tuple[UUID, Draft]]) -> Iterator[Sequence[object]]:
    rows = [
        (email_id, position, each.file_name, each.content_type, each.content_id, each.content)
        for email_id, draft in drafts
        for position, each in enumerate(draft.content.attachments)
    ]
    yield from zip(*rows, strict=True) if rows else [[]] * 6
