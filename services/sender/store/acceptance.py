"""Stores accepted emails, each request once and many in one statement, and reads their sending domains.

`commands` decides what may be accepted; `emails` reads stored emails.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.database import Database, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from chassis.regions import SesRegion
from services.sender.events.published import scheduled
from services.sender.model.emails import Draft, Email, Rejection
from services.sender.model.origin import Domain
from services.sender.model.references import Reference
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


class New(NamedTuple):
    """An email to store: a draft with its id, its request and the claim of its domain."""

    id: UUID
    request: Request
    claim_id: UUID
    draft: Draft


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
        self._outbox = Outbox("sender")

    async def accept(self, offers: Sequence[Offer]) -> list[list[Email]]:
        """Store each offer as a whole; return no emails for one whose request id was used before.

        All offers are stored by one statement. It waits for concurrent transactions that are storing a
        request with the same id.
        """
        chosen = list(_first_of_each(offers))
        ids = {index: [uuid7() for _ in offers[index].drafts] for index in chosen}
        new = [
            New(email_id, offers[index].request, claim_id, draft)
            for index in chosen
            for email_id, (claim_id, draft) in zip(ids[index], offers[index].drafts, strict=True)
        ]
        statement = QUERIES.accept_emails(
            deadline=self._deadline,
            **_requests([offers[index] for index in chosen]),
            **_emails(new),
            **_recipients(new),
            **_attachments(new),
        )
        if any(each.draft.terms.send_at for each in new):
            rows = await self._store_scheduled(statement, new)
        else:  # one statement needs no transaction, and nothing is published before SES answers
            rows = await self._database.fetch(*statement)
        stored = {row["id"]: row for row in rows}
        return [_accepted(offer, ids.get(index, []), stored) for index, offer in enumerate(offers)]

    async def _store_scheduled(self, statement: Sequence[Any], new: Sequence[New]) -> list[Record]:
        """Store emails, some of them scheduled, together with the events of those."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(*statement)
            stored = {row["id"]: row for row in rows}
            events = [
                scheduled(_reference(each, stored[each.id]))
                for each in new
                if each.draft.terms.send_at and each.id in stored
            ]
            await self._outbox.write(connection, *events)
        return rows

    async def answered(self, request: Request) -> Answered | None:
        """Return the answer to the first request with this id; None if there was none.

        If the caller may not see that answer, return an empty one, which matches no request.
        """
        row = await self._database.fetchrow(
            *QUERIES.find_request(request_id=request.id, **request.sees.filter)
        )
        if row is None:
            return None
        rejections = [Rejection(each) if each else None for each in row["rejections"]]
        return Answered(row["content_hash"], row["email_ids"], rejections)

    async def domains(
        self, senders: Sequence[Senders], shared_domains: Mapping[SesRegion, str]
    ) -> list[dict[str, Domain]]:
        """Return for each caller the live domains that it asked for and may see, by name."""
        keys = list({key for each in senders for key in each.keys.values()})
        rows = await self._database.fetch(
            *QUERIES.verifications_by_domain(
                tenant_ids=[tenant_id for tenant_id, _, _ in keys],
                names=[name for _, name, _ in keys],
                claim_ids=[claim_ids for _, _, claim_ids in keys],
                shared_accounts=[each.account for each in shared_domains],
                shared_regions=[each.region for each in shared_domains],
                shared_domains=list(shared_domains.values()),
            )
        )
        shared_ready = {_region(row) for row in rows if row["shared"] and is_signing(row)}
        found = {
            keys[row["ordinal"] - 1]: to_domain(row, shared_ready=_region(row) in shared_ready)
            for row in rows
            if not row["shared"]
        }
        return [{name: found[key] for name, key in each.keys.items() if key in found} for each in senders]


def _region(row: Record) -> SesRegion:
    return SesRegion(row["account"], row["region"])


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


def _accepted(offer: Offer, ids: Sequence[UUID], stored: Mapping[UUID, Record]) -> list[Email]:
    return [
        accepted_email(stored[email_id], offer.request.tenant_id, claim_id, draft)
        for email_id, (claim_id, draft) in zip(ids, offer.drafts, strict=False)
        if email_id in stored
    ]


# Columns of `accept_emails`, by parameter. Attachments stay bytes: as JSON they would be slow and large.
Columns: TypeAlias = dict[str, list[Any]]


def _reference(new: New, row: Record) -> Reference:
    """Return what events say about an email that was just stored."""
    return Reference(
        id=new.id,
        tenant_id=new.request.tenant_id,
        claim_id=new.claim_id,
        domain=new.draft.sender.domain,
        region="",
        sender=new.draft.sender,
        subject=new.draft.content.subject,
        tags=new.draft.tags,
        recipients=[(each.kind, each.address.address) for each in new.draft.recipients],
        created_at=row["created_at"],
        send_at=new.draft.terms.send_at,
    )


def _requests(offers: Sequence[Offer]) -> Columns:
    """Return the columns of requests, with the spans (from 1) of their emails and rejections among all."""
    emails = _spans([len(offer.drafts) for offer in offers])
    rejections = _spans([len(offer.rejections) for offer in offers])
    return {
        "request_tenants": [offer.request.tenant_id for offer in offers],
        "request_ids": [offer.request.id for offer in offers],
        "content_hashes": [offer.request.content_hash for offer in offers],
        "request_claims": [_array(offer.request.sees) for offer in offers],
        "first_emails": [first for first, _ in emails],
        "last_emails": [last for _, last in emails],
        "rejections": [each and each.status for offer in offers for each in offer.rejections],
        "first_rejections": [first for first, _ in rejections],
        "last_rejections": [last for _, last in rejections],
    }


def _spans(lengths: Sequence[int]) -> list[tuple[int, int]]:
    return [(end - length + 1, end) for length, end in zip(lengths, accumulate(lengths), strict=True)]


def _emails(new: Sequence[New]) -> Columns:
    drafts = [each.draft for each in new]
    contents = [draft.content for draft in drafts]
    return {
        "email_ids": [each.id for each in new],
        "email_tenants": [each.request.tenant_id for each in new],
        "email_requests": [each.request.id for each in new],
        "email_claims": [each.claim_id for each in new],
        "from_addresses": [draft.sender.address for draft in drafts],
        "from_names": [draft.sender.name for draft in drafts],
        "subjects": [content.subject for content in contents],
        "texts": [content.text for content in contents],
        "htmls": [content.html for content in contents],
        "reply_tos": [_json(reply_to_json(content.reply_to)) for content in contents],
        "headers": [_json(content.headers) for content in contents],
        "tags": [_json(draft.tags) for draft in drafts],
        "sizes": [draft.size for draft in drafts],
        "send_ats": [draft.terms.send_at for draft in drafts],
        "on_unknowns": [draft.terms.on_unknown for draft in drafts],
        "unknown_windows": [draft.terms.window for draft in drafts],
        "are_tests": [draft.is_test for draft in drafts],
        "messages": [draft.why.message for draft in drafts],
        "reasons": [draft.why.reason for draft in drafts],
    }


def _recipients(new: Sequence[New]) -> Columns:
    rows = [
        (each.id, position, recipient)
        for each in new
        for position, recipient in enumerate(each.draft.recipients)
    ]
    return {
        "recipient_emails": [email_id for email_id, _, _ in rows],
        "recipient_positions": [position for _, position, _ in rows],
        "kinds": [recipient.kind for _, _, recipient in rows],
        "addresses": [recipient.address.address for _, _, recipient in rows],
        "names": [recipient.address.name for _, _, recipient in rows],
    }


def _attachments(new: Sequence[New]) -> Columns:
    rows = [
        (each.id, position, attachment)
        for each in new
        for position, attachment in enumerate(each.draft.content.attachments)
    ]
    return {
        "attachment_emails": [email_id for email_id, _, _ in rows],
        "attachment_positions": [position for _, position, _ in rows],
        "file_names": [attachment.file_name for _, _, attachment in rows],
        "content_types": [attachment.content_type for _, _, attachment in rows],
        "content_ids": [attachment.content_id for _, _, attachment in rows],
        "contents": [attachment.content for _, _, attachment in rows],
    }


def _array(sees: TenantVisibility) -> str | None:
    """Return the claims that a caller is restricted to as a Postgres array literal; None if it is not."""
    claim_ids = sees.filter["claim_ids"]
    return "{" + ",".join(map(str, claim_ids)) + "}" if claim_ids else None


def _json(value: Sequence[Any] | Mapping[str, str]) -> str | None:
    """Return JSON, or None for an empty value, for which the statement has a default: most are empty."""
    return json.dumps(value) if value else None
