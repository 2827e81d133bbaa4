"""Applies SES's events to emails, their recipients and the suppression lists, in the inbox's transaction."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries, Record
from chassis.events import ReceivedEvent
from chassis.telemetry import get_logger
from services.sender.events import read_report
from services.sender.feedback import Report, Word, proof, to_advance, to_suppress
from services.sender.model import Move, RecipientState, State
from services.sender.store_states import EmailStates
from services.sender.store_suppressions import SuppressionStore
from services.sender.store_unmatched import UnmatchedStore

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("queries_feedback.sql"))


class Feedback:
    """Hears one event at a time; an event may come before our own note that SES accepted the email."""

    def __init__(
        self, states: EmailStates, suppressions: SuppressionStore, unmatched: UnmatchedStore
    ) -> None:
        self._states = states
        self._suppressions = suppressions
        self._unmatched = unmatched

    async def apply(self, connection: Connection, event: ReceivedEvent) -> None:
        """Apply an event to the email it names, and to its own recipients alone."""
        report = read_report(event)
        email = await self._email(connection, report)
        if email is None and report.email_id is None:
            await self._unmatched.park(connection, event, report.ses_id)
        elif email is None or (event.tenant_id is not None and event.tenant_id != email["tenant_id"]):
            log.info("feedback on no email of ours", action="feedback_unmatched", event_id=str(event.id))
        else:
            await self._apply(connection, email, report)

    async def _apply(self, connection: Connection, email: Record, report: Report) -> None:
        await self._prove(connection, email, report)
        known = await self._matching(connection, email["id"], report)
        await self._advance(connection, email["id"], report, to_advance(report, known))
        await self._suppress(connection, email, report, to_suppress(report, known))
        if report.rejected:
            await self._states.move(connection, [Move(email["id"], State.FAILED, report.rejected)])

    async def _email(self, connection: Connection, report: Report) -> Record | None:
        if report.email_id is not None:
            return await connection.fetchrow(QUERIES.email_by_id, report.email_id)
        return await connection.fetchrow(QUERIES.email_by_ses_id, report.ses_id)

    async def _prove(self, connection: Connection, email: Record, report: Report) -> None:
        """Note that SES accepted the email, where its answer has not come or was lost."""
        if email["state"] == State.SENT:
            return
        attempt_id = await connection.fetchval(QUERIES.unsettled_attempt, email["id"])
        if attempt_id is not None:
            await self._states.settle(connection, [proof(attempt_id, email["id"], report.ses_id)])

    async def _matching(
        self, connection: Connection, email_id: UUID, report: Report
    ) -> dict[str, RecipientState]:
        addresses = [word.match for word in report.words]
        rows = await connection.fetch(QUERIES.matching_recipients, email_id, addresses)
        return {row["match"]: RecipientState(row["state"]) for row in rows}

    async def _advance(
        self, connection: Connection, email_id: UUID, report: Report, words: Sequence[Word]
    ) -> None:
        if words:
            told = ([word.match for word in words], report.state, [word.note for word in words])
            await connection.execute(QUERIES.advance_recipients, email_id, *told)

    async def _suppress(
        self, connection: Connection, email: Record, report: Report, words: Sequence[Word]
    ) -> None:
        if report.suppress is not None and words:
            await self._suppressions.add(connection, email["tenant_id"], words, report.suppress, email["id"])
            struck = [word.match for word in words]
            await connection.execute(QUERIES.strike, email["id"], struck, report.suppress, email["tenant_id"])
