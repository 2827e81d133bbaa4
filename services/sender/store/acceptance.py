"""Stores accepted emails, each request once and many in one statement, and reads their sending domains.

`commands` decides what may be accepted; `emails` reads stored emails.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.database import Database, Queries, Record
from chassis.ids import uuid7
from services.sender.model.emails import Draft, Email, Rejection
from services.sender.model.origin import Domain
from services.sender.store.rows import accepted_email, is_signing, reply_to_json, to_domain

QUERIES = Queries.load(Path(__file__).with_name("acceptance.sql"))


@dataclass(frozen=True, slots=True)
class Request:
    """A send request and the visibility filter of its caller; without an `id` it is not idempotent."""

    sees: TenantVisibility
    id: str | None
    content_hash: bytes

    @property
    def tenant_id(self) -> UUID:
        """Return the tenant that sends."""
        return self.sees.tenant_id


@dataclass(frozen=True, slots=True)
class Answered:
    """The stored answer to a request; `rejections` as in `Offer`."""

    content_hash: bytes
    email_ids: Sequence[UUID]
    rejections: Sequence[Rejection | None]


@dataclass(frozen=True, slots=True)
class Offer:
    """A request to store, with its accepted drafts, each with the claim of its domain.

    `rejections` is stored for repeats of the request. It has an entry for each email: the error, or None if
    the email is among the drafts. It is empty if all emails were accepted.
    """

    request: Request
    drafts: Sequence[tuple[UUID, Draft]]
    rejections: Sequence[Rejection | None] = ()


@dataclass(frozen=True, slots=True)
class Senders:
    """The domain names that a caller wants to send from."""

    sees: TenantVisibility
    names: Collection[str]

    @property
    def keys(self) -> dict[str, tuple[UUID, str, str | None]]:
        """Return the lookup key of each name: the tenant, the name, and the claims the caller may see."""
        return {name: (self.sees.tenant_id, name, _array(self.sees)) for name in self.names}


class AcceptanceStore:
    """Writes accepted emails; `deadline` is how long an email may wait."""

    def __init__(self, database: Database, *, deadline: timedelta) -> None:
        self._database = database
        self._deadline = deadline

    async def accept(self, offers: Sequence[Offer]) -> list[list[Email]]:
        """Store each offer as a whole; return no emails for one whose request id was used before.

        All offers are stored by one statement. It waits for concurrent transactions that are storing a
        request with the same id.
        """
        chosen = list(_first_of_each(offers))
        ids = {index: [uuid7() for _ in offers[index].drafts] for index in chosen}
        columns = _columns([(offers[index], ids[index]) for index in chosen])
        rows = await self._database.fetch(QUERIES.accept_emails, self._deadline, *columns)
        stored = {row["id"]: row for row in rows}
        return [_emails(offer, ids.get(index, []), stored) for index, offer in enumerate(offers)]

    async def answered(self, request: Request) -> Answered | None:
        """Return the answer to the first request with this id; None if there was none.

        If the caller may not see that answer, return an empty one, which matches no request.
        """
        tenant_id, claim_ids = request.sees.conditions
        row = await self._database.fetchrow(QUERIES.find_request, tenant_id, request.id, claim_ids)
        if row is None:
            return None
        rejections = [Rejection(each) if each else None for each in row["rejections"]]
        return Answered(row["content_hash"], row["email_ids"], rejections)

    async def domains(self, senders: Sequence[Senders], shared_domain: str | None) -> list[dict[str, Domain]]:
        """Return for each caller the live domains that it asked for and may see, by name."""
        keys = list({key for each in senders for key in each.keys.values()})
        rows = await self._database.fetch(
            QUERIES.verifications_by_domain,
            [tenant_id for tenant_id, _, _ in keys],
            [name for _, name, _ in keys],
            shared_domain,
            [claim_ids for _, _, claim_ids in keys],
        )
        shared_ready = any(row["shared"] and is_signing(row) for row in rows)
        found = {
            keys[row["ordinal"] - 1]: to_domain(row, shared_ready=shared_ready)
            for row in rows
            if not row["shared"]
        }
        return [{name: found[key] for name, key in each.keys.items() if key in found} for each in senders]


def _first_of_each(offers: Sequence[Offer]) -> Iterator[int]:
    """Yield the indexes of the offers to store: of several with the same request id, the first."""
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


Identified = tuple[Offer, Sequence[UUID]]  # an offer with the ids of the emails that its drafts become


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
    yield [_array(offer.request.sees) for offer, _ in offers]


def _requests(offers: Sequence[Identified]) -> Iterator[Sequence[object]]:
    """Yield the columns of the requests, with the spans (from 1) of their emails and refusals among all."""
    emails = _spans([len(ids) for _, ids in offers])
    rejections = _spans([len(offer.rejections) for offer, _ in offers])
    yield [each and each.status for offer, _ in offers for each in offer.rejections]
    rows = [
        (offer.request.tenant_id, offer.request.id, offer.request.content_hash, *email_span, *rejection_span)
        for (offer, _), email_span, rejection_span in zip(offers, emails, rejections, strict=True)
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


def _array(sees: TenantVisibility) -> str | None:
    """Return the claims that a caller is restricted to as a Postgres array literal; None if it is not."""
    _, claim_ids = sees.conditions
    return "{" + ",".join(map(str, claim_ids)) + "}" if claim_ids else None


def _json(value: Sequence[Any] | Mapping[str, str]) -> str | None:
    """Return JSON, or None for an empty value, for which the statement has a default: most are empty."""
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
