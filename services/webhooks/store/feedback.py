"""Stores raw notifications, and the feedback made from them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.access import TenantVisibility
from chassis.database import Connection, Database, Queries, Record
from chassis.ids import uuid7
from chassis.regions import SesRegion
from services.webhooks.model.envelope import Arrival
from services.webhooks.model.feedback import Feedback, FeedbackEvent, Kind, Notification, Reference

QUERIES = Queries.load(Path(__file__).with_name("feedback.sql"))

# The pause before a notification that failed is retried.
RETRY_AFTER = timedelta(seconds=5)


class FeedbackStore:
    """Reads and writes notifications and feedback."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store_notifications(self, arrivals: Sequence[Arrival]) -> int:
        """Store notifications; return how many were new."""
        query = QUERIES.store_notifications(
            ids=[uuid7() for _ in arrivals],
            sns_ids=[each.sns_id for each in arrivals],
            topic_arns=[each.topic_arn for each in arrivals],
            bodies=[each.body for each in arrivals],
        )
        return len(await self._database.fetch(*query))

    async def record_poll(self, queue: str, ses_region: SesRegion) -> None:
        """Record that a region's queue answered just now and that everything it returned is stored."""
        statement = QUERIES.record_poll(queue=f"{ses_region}:{queue}", **ses_region.filter)
        await self._database.execute(*statement)

    async def lease_notifications(self, connection: Connection, limit: int) -> list[Notification]:
        """Lock and return the oldest notifications that are not processed and not locked by others."""
        rows = await connection.fetch(*QUERIES.lease_notifications(limit=limit))
        return [Notification(*row) for row in rows]

    async def lease_notification(self, connection: Connection, notification_id: UUID) -> list[Notification]:
        """Lock and return one notification; nothing if it is processed or locked by another transaction."""
        rows = await connection.fetch(*QUERIES.lease_notification(notification_id=notification_id))
        return [Notification(*row) for row in rows]

    async def postpone_failed(self, connection: Connection, notification_id: UUID) -> int:
        """Postpone a notification that failed by RETRY_AFTER; return how often it has failed."""
        query = QUERIES.postpone_failed(notification_id=notification_id, delay=RETRY_AFTER)
        return await connection.fetchval(*query) or 0

    async def postpone(
        self, connection: Connection, notification_ids: Sequence[UUID], delay: timedelta
    ) -> None:
        """Postpone notifications without counting a failure."""
        await connection.execute(*QUERIES.postpone(notification_ids=notification_ids, delay=delay))

    async def attributable(
        self, connection: Connection, feedback_events: Sequence[FeedbackEvent]
    ) -> set[bytes]:
        """Return the `meaning` of each event that is stored already or whose SES id is one of our emails'."""
        query = QUERIES.attributable(
            meanings=[each.meaning for each in feedback_events],
            ses_ids=[each.ses_id for each in feedback_events],
        )
        return {row["meaning"] for row in await connection.fetch(*query)}

    async def add_feedback(
        self, connection: Connection, feedback_events: Sequence[FeedbackEvent]
    ) -> list[FeedbackEvent]:
        """Store events in the caller's transaction; return those that are new, or whose email is now known.

        An event belongs to the email of the submission that its tags name, according to our own rows. If its
        tags match no submission of ours, it belongs to no email and no tenant. Without tags it belongs to the
        email that has its SES id.
        """
        # A fixed order prevents deadlocks between transactions with the same events. Of two formats of one
        # event, the one with our tags is sorted last and stored, because it has more details.
        ordered = sorted(feedback_events, key=lambda each: (each.meaning, each.tagged))
        by_meaning = {each.meaning: each for each in ordered}
        rows = await connection.fetch(
            *QUERIES.add_feedback(feedback_events=[_to_json(each) for each in by_meaning.values()])
        )
        return [
            replace(
                by_meaning[row["meaning"]],
                tenant_id=row["tenant_id"],
                email_id=row["email_id"],
                attempt_id=row["attempt_id"],
                reference=_to_reference(row),
            )
            for row in rows
        ]

    async def notify_sender(self, connection: Connection) -> None:
        """Notify listeners on the channel `webhooks_feedback` when the caller's transaction commits."""
        await connection.execute(*QUERIES.notify_sender())

    async def mark_processed(self, connection: Connection, problems: dict[UUID, str]) -> None:
        """Mark notifications as processed, each with its problem or ''."""
        await connection.execute(
            *QUERIES.mark_processed(notification_ids=list(problems), problems=list(problems.values()))
        )

    async def list_feedback(
        self, sees: TenantVisibility, *, email_id: UUID | None, after: UUID | None, limit: int
    ) -> list[Feedback]:
        """Return a tenant's feedback, of one email or all, newest first.

        SES's events do not name a domain, so a caller restricted to domains sees none.
        """
        chosen = {**sees.filter, "after": after, "limit": limit}
        if email_id is None:
            query = QUERIES.list_feedback(**chosen)
        else:
            query = QUERIES.list_feedback_of_email(**chosen, email_id=email_id)
        rows = await self._database.fetch(*query)
        return [_from_row(row) for row in rows]


def _to_json(feedback_event: FeedbackEvent) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "meaning": feedback_event.meaning.hex(),
        "kind": feedback_event.kind,
        "tenant_id": _or_null(feedback_event.tenant_id),
        "email_id": _or_null(feedback_event.email_id),
        "attempt_id": _or_null(feedback_event.attempt_id),
        "ses_id": feedback_event.ses_id,
        "recipients": [each.address for each in feedback_event.recipients],
        "detail": feedback_event.detail,
        "occurred_at": feedback_event.occurred_at.isoformat(),
    }


def _to_reference(row: Record) -> Reference | None:
    """Return what events say about the email of a stored event; None if it has none."""
    if row["claim_id"] is None:
        return None
    return Reference(
        claim_id=row["claim_id"],
        domain=row["domain"] or "",
        region=row["region"] or "",
        sender=(row["from_address"], row["from_name"]),
        subject=row["subject"],
        tags=row["tags"],
        recipients=[(kind, address) for kind, address, _ in row["recipients"] or ()],
        created_at=row["created_at"],
        send_at=row["send_at"],
    )


def _or_null(named: UUID | None) -> str | None:
    return None if named is None else str(named)


def _from_row(row: Record) -> Feedback:
    return Feedback(
        id=row["id"],
        kind=Kind(row["kind"]),
        email_id=row["email_id"],
        ses_id=row["ses_id"],
        recipients=tuple(row["recipients"]),
        detail=row["detail"],
        occurred_at=row["occurred_at"],
        received_at=row["received_at"],
    )
