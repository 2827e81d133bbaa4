"""What sender keeps of emails: accepted, read, listed. Not for how their states change (`store_states`)."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries, Record
from chassis.ids import uuid7
from chassis.pages import Window
from services.sender.model import Attachment, Draft, Email, Recipient, Refusal, State
from services.sender.origin import Domain
from services.sender.rows import (
    accepted_email,
    is_signing,
    reply_to_json,
    to_attachment,
    to_domain,
    to_email,
    to_entry,
    to_recipient,
    to_transition,
)

QUERIES = Queries.load(Path(__file__).with_name("queries_emails.sql"))
SEARCHED = 20_000  # of a tenant's newest emails: no index serves a text within others
LONGEST_TIMELINE = 1_000  # entries; machines open an email again and again


@dataclass(frozen=True, slots=True)
class Place:
    """The AWS account and region that emails leave by."""

    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Request:
    """A send as its caller may repeat it; `id` is None where no repetition is promised."""

    tenant_id: UUID
    id: str | None
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered with; `refusals` as `EmailStore.accept` was given them."""

    content_hash: bytes
    email_ids: Sequence[UUID]
    refusals: Sequence[Refusal | None]


class EmailStore:
    """Reads emails, and writes those that were accepted."""

    def __init__(self, database: Database, place: Place, *, deadline: timedelta) -> None:
        self._database = database
        self._place = (place.account, place.region)
        self._deadline = deadline

    async def accept(
        self, request: Request, drafts: Sequence[tuple[UUID, Draft]], refusals: Sequence[Refusal | None] = ()
    ) -> list[Email]:
        """Store drafts, each with the claim it is of; gives nothing when the request's id was used before.

        One statement however many there are, so all are stored or none. Waits for another request of the
        same id that is being stored just now. `refusals` is how the request is answered again: why each of
        its emails was refused, None where it is among the drafts; empty when all are.
        """
        ids = [uuid7() for _ in drafts]
        refused = [each and each.status for each in refusals]
        told = (request.tenant_id, request.id, request.content_hash, self._deadline, refused)
        columns = (
            *_drafts(ids, drafts),
            *_recipients(ids, drafts),
            *_attachments(ids, drafts),
            [uuid7() for _ in drafts],
        )
        rows = await self._database.fetch(QUERIES.accept_emails, *told, *columns)
        stored = {row["id"]: row for row in rows}
        return [
            accepted_email(stored[email_id], request.tenant_id, claim_id, draft)
            for email_id, (claim_id, draft) in zip(ids, drafts, strict=True)
            if stored
        ]

    async def answered(self, request: Request) -> Answered | None:
        """Give what the request that used this id first was answered with; None if none did."""
        row = await self._database.fetchrow(QUERIES.find_request, request.tenant_id, request.id)
        if row is None:
            return None
        refusals = [Refusal(each) if each else None for each in row["refusals"]]
        return Answered(row["content_hash"], row["email_ids"], refusals)

    async def domains(
        self, tenant_id: UUID, names: Collection[str], shared_domain: str | None
    ) -> dict[str, Domain]:
        """Give a tenant's live domains of these names."""
        rows = await self._database.fetch(QUERIES.standings_by_name, tenant_id, list(names), shared_domain)
        shared_ready = any(row["shared"] and is_signing(row) for row in rows)
        own = (to_domain(row, shared_ready=shared_ready) for row in rows if not row["shared"])
        return {domain.name: domain for domain in own}

    async def get(
        self, email_id: UUID, *, tenant_id: UUID | None, claim_ids: Collection[UUID] = ()
    ) -> Email | None:
        """Give one email with its history; see `get_all`."""
        found = await self.get_all([email_id], tenant_id=tenant_id, claim_ids=claim_ids)
        if not found:
            return None
        history = await self._database.fetch(QUERIES.history_of, email_id)
        asked = (email_id, found[0].ses_id, found[0].tenant_id, LONGEST_TIMELINE)
        timeline = await self._database.fetch(QUERIES.timeline_of, *asked)
        return replace(
            found[0],
            history=tuple(map(to_transition, history)),
            timeline=tuple(map(to_entry, timeline)),
        )

    async def get_all(
        self, email_ids: Sequence[UUID], *, tenant_id: UUID | None, claim_ids: Collection[UUID] = ()
    ) -> list[Email]:
        """Give emails with bodies, of a tenant or any (None), of some claims or all (empty)."""
        chosen = (email_ids, tenant_id, list(claim_ids) or None)
        rows = await self._database.fetch(QUERIES.get_emails, *chosen, *self._place)
        return await self._whole(rows)

    async def page(
        self,
        tenant_id: UUID,
        asked: Window,
        *,
        states: Collection[State] = (),
        claim_ids: Collection[UUID] = (),
        search: str = "",
    ) -> list[Email]:
        """Give a tenant's emails, nearest first; empty `states`, `claim_ids` and `search` mean all."""
        chosen = (tenant_id, asked.after, list(states) or None, list(claim_ids) or None, asked.limit)
        rows = await self._database.fetch(
            QUERIES.list_emails, *chosen, *self._place, asked.before, search, SEARCHED
        )
        return await self._whole(rows)

    async def tenant_exists(self, tenant_id: UUID) -> bool:
        """Say whether there is such a tenant."""
        exists: bool = await self._database.fetchval(QUERIES.tenant_exists, tenant_id)
        return exists

    async def _whole(self, rows: Sequence[Record]) -> list[Email]:
        recipients: dict[UUID, list[Recipient]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(QUERIES.recipients_of, list(recipients)):
            recipients[row["email_id"]].append(to_recipient(row))
        attachments: dict[UUID, list[Attachment]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(QUERIES.attachments_of, list(attachments)):
            attachments[row["email_id"]].append(to_attachment(row))
        return [to_email(row, recipients[row["id"]], attachments[row["id"]]) for row in rows]


def _drafts(ids: Sequence[UUID], drafts: Iterable[tuple[UUID, Draft]]) -> Iterator[Sequence[object]]:
    rows = [
        (
            claim_id,
            draft.sender.address,
            draft.sender.name,
            draft.content.subject,
            draft.content.text,
            draft.content.html,
            json.dumps(reply_to_json(draft.content.reply_to)),
            json.dumps(draft.content.headers),
            json.dumps(draft.tags),
            draft.size,
            draft.terms.send_at,
            draft.terms.on_unknown,
            draft.terms.window,
        )
        for claim_id, draft in drafts
    ]
    yield ids
    yield from zip(*rows, strict=True)


def _recipients(ids: Sequence[UUID], drafts: Iterable[tuple[UUID, Draft]]) -> Iterator[Sequence[object]]:
    rows = [
        (email_id, position, recipient.kind, recipient.address.address, recipient.address.name)
        for email_id, (_, draft) in zip(ids, drafts, strict=True)
        for position, recipient in enumerate(draft.recipients)
    ]
    yield from zip(*rows, strict=True)


def _attachments(ids: Sequence[UUID], drafts: Iterable[tuple[UUID, Draft]]) -> Iterator[Sequence[object]]:
    rows = [
        (email_id, position, each.file_name, each.content_type, each.content_id, each.content)
        for email_id, (_, draft) in zip(ids, drafts, strict=True)
        for position, each in enumerate(draft.content.attachments)
    ]
    yield from zip(*rows, strict=True) if rows else [[]] * 6
