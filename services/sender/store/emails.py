"""Reads and lists emails. `acceptance` stores them, `states` changes their state."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database, Queries, Record
from chassis.message_ids import ses_message_id
from chassis.pages import Window
from services.sender.model.emails import Attachment, Email, Recipient
from services.sender.model.states import State
from services.sender.store.rows import to_attachment, to_email, to_entry, to_recipient, to_transition

QUERIES = Queries.load(Path(__file__).with_name("emails.sql"))
SEARCHED = 20_000  # newest emails to search: there is no index for substrings
LONGEST_TIMELINE = 1_000  # entries, because machines may open an email again and again


class EmailStore:
    """Reads emails, within the caller's visibility filter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, email_id: UUID, sees: Visibility) -> Email | None:
        """Return one email with its history; None if there is no such email."""
        found = await self.get_all([email_id], sees)
        if not found:
            return None
        history = await self._database.fetch(*QUERIES.history_of(email_id=email_id))
        timeline = await self._database.fetch(
            *QUERIES.timeline_of(
                email_id=email_id,
                ses_id=found[0].ses_id,
                tenant_id=found[0].tenant_id,
                limit=LONGEST_TIMELINE,
            )
        )
        return replace(
            found[0],
            history=tuple(map(to_transition, history)),
            timeline=tuple(map(to_entry, timeline)),
        )

    async def get_all(self, email_ids: Sequence[UUID], sees: Visibility) -> list[Email]:
        """Return the emails among these that the caller may see, with bodies."""
        rows = await self._database.fetch(
            *QUERIES.get_emails(
                email_ids=email_ids,
                **sees.filter,
                only_tests=sees.only_tests,
                of_installation=sees.of_installation,
            )
        )
        return await self._whole(rows)

    async def message_ids(self, ids: Collection[str], sees: Visibility) -> dict[str, str]:
        """Return the Message-IDs of the emails among these ids, ours or SES's; empty if not sent yet."""
        by_uuid = {uuid: text for text in ids if (uuid := _uuid(text))}
        rows = await self._database.fetch(
            *QUERIES.message_ids(email_ids=list(by_uuid), ses_ids=list(ids), **sees.filter)
        )
        return {
            name: ses_message_id(row["ses_id"] or "", row["region"])
            for row in rows
            for name in (by_uuid.get(row["id"]), row["ses_id"])
            if name
        }

    async def page(
        self, sees: Visibility, asked: Window, *, states: Collection[State] = (), search: str = ""
    ) -> list[Email]:
        """Return emails that the caller may see, nearest first; empty `states` and `search` mean all."""
        rows = await self._database.fetch(
            *QUERIES.list_emails(
                **sees.filter,
                only_tests=sees.only_tests,
                of_installation=sees.of_installation,
                after=asked.after,
                before=asked.before,
                limit=asked.limit,
                states=list(states) or None,
                search=search,
                searched=SEARCHED,
            )
        )
        return await self._whole(rows)

    async def tenant_exists(self, sees: Visibility) -> bool:
        """Return whether the tenant that the caller named exists."""
        exists: bool = await self._database.fetchval(*QUERIES.tenant_exists(tenant_id=sees.tenant_id))
        return exists

    async def _whole(self, rows: Sequence[Record]) -> list[Email]:
        recipients: dict[UUID, list[Recipient]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(*QUERIES.recipients_of(email_ids=list(recipients))):
            recipients[row["email_id"]].append(to_recipient(row))
        attachments: dict[UUID, list[Attachment]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(*QUERIES.attachments_of(email_ids=list(attachments))):
            attachments[row["email_id"]].append(to_attachment(row))
        return [to_email(row, recipients[row["id"]], attachments[row["id"]]) for row in rows]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
