"""Applies SES's events to emails, recipients and suppression lists, in the transaction of the inbox."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from chassis.database import Connection, Queries, Record
from chassis.events import ReceivedEvent
from chassis.telemetry import get_logger
from services.sender.events import read_report
from services.sender.model.feedback import Report, proof, to_advance, to_suppress
from services.sender.model.reasons import Explanation
from services.sender.model.states import Move, RecipientState, State
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import Listing, SuppressionStore
from services.sender.store.unmatched import UnmatchedStore

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("feedback.sql"))

# The states of each email's own recipients, by email id and address in lower case.
Known: TypeAlias = Mapping[UUID, dict[str, RecipientState]]


@dataclass(frozen=True, slots=True)
class Matched:
    """A report and the email that it is about."""

    email: Record
    report: Report

    @property
    def email_id(self) -> UUID:
        """Return the id of the email."""
        email_id: UUID = self.email["id"]
        return email_id


class Feedback:
    """Applies events in any order; one may arrive before we record that SES accepted the email."""

    def __init__(
        self, states: EmailStates, suppressions: SuppressionStore, unmatched: UnmatchedStore
    ) -> None:
        self._states = states
        self._suppressions = suppressions
        self._unmatched = unmatched

    async def apply(self, connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        """Apply events to the emails that they name, and only to those emails' own recipients."""
        matched = await self._known_emails(connection, [(event, read_report(event)) for event in events])
        await self._prove(connection, matched)
        rejected = {each.email_id: each.report.rejected for each in matched if each.report.rejected}
        failures = [Move(email_id, State.FAILED, why) for email_id, why in rejected.items()]
        await self._states.move(connection, failures)
        known = await self._recipients(connection, matched)
        await self._advance(connection, matched, known)
        await self._suppress(connection, matched, known)

    async def _known_emails(
        self, connection: Connection, received: Sequence[tuple[ReceivedEvent, Report]]
    ) -> list[Matched]:
        """Return the reports with their emails; keep those without our tags whose email is not known yet."""
        by_id = await self._by_id(connection, [report for _, report in received])
        by_ses_id = await self._by_ses_id(connection, [report for _, report in received])
        matched, early = [], []
        for event, report in received:
            email = by_id.get(report.email_id) if report.email_id else by_ses_id.get(report.ses_id)
            if email is None and report.email_id is None:
                early.append((event, report.ses_id))
            elif email is None or not _agrees(event, report, email["tenant_id"]):
                log.info("feedback matches no email", action="feedback_unmatched", event_id=str(event.id))
            else:
                matched.append(Matched(email, report))
        await self._unmatched.keep(connection, early)
        return matched

    async def _by_id(self, connection: Connection, reports: Sequence[Report]) -> dict[UUID, Record]:
        email_ids = {each.email_id for each in reports if each.email_id is not None}
        rows = await connection.fetch(*QUERIES.emails_by_id(email_ids=email_ids)) if email_ids else ()
        return {row["id"]: row for row in rows}

    async def _by_ses_id(self, connection: Connection, reports: Sequence[Report]) -> dict[str, Record]:
        ses_ids = {each.ses_id for each in reports if each.email_id is None}
        rows = await connection.fetch(*QUERIES.emails_by_ses_id(ses_ids=ses_ids)) if ses_ids else ()
        return {row["ses_id"]: row for row in rows}

    async def _prove(self, connection: Connection, matched: Sequence[Matched]) -> None:
        """Record that SES accepted emails whose answer has not arrived or was lost."""
        unproven = {
            each.email_id: each.report.ses_id for each in matched if each.email["state"] != State.SENT
        }
        if unproven:
            rows = await connection.fetch(*QUERIES.unresolved_attempts(email_ids=list(unproven)))
            proofs = [proof(row["id"], row["email_id"], unproven[row["email_id"]]) for row in rows]
            await self._states.resolve(connection, proofs)

    async def _recipients(self, connection: Connection, matched: Sequence[Matched]) -> Known:
        known: defaultdict[UUID, dict[str, RecipientState]] = defaultdict(dict)
        email_ids = {each.email_id for each in matched if each.report.words}
        if email_ids:
            addresses = {word.match for each in matched for word in each.report.words}
            query = QUERIES.matching_recipients(email_ids=email_ids, addresses=addresses)
            for row in await connection.fetch(*query):
                known[row["email_id"]][row["match"]] = RecipientState(row["state"])
        return known

    async def _advance(self, connection: Connection, matched: Sequence[Matched], known: Known) -> None:
        """Advance recipients to the states that were reported, and update `known` with them."""
        further: dict[tuple[UUID, str], tuple[RecipientState, Explanation]] = {}
        for each in matched:
            states = known[each.email_id]
            for word in to_advance(each.report, states):
                assert each.report.state is not None  # to_advance returns nothing otherwise
                states[word.match] = each.report.state
                further[each.email_id, word.match] = (each.report.state, word.why)
        if further:
            await connection.execute(
                *QUERIES.advance_recipients(
                    email_ids=[email_id for email_id, _ in further],
                    addresses=[address for _, address in further],
                    states=[state for state, _ in further.values()],
                    messages=[why.message for _, why in further.values()],
                    reasons=[why.reason for _, why in further.values()],
                    parameters=[why.parameters for _, why in further.values()],
                )
            )

    async def _suppress(self, connection: Connection, matched: Sequence[Matched], known: Known) -> None:
        """Suppress addresses and count each once as a strike against its tenant."""
        listings = [
            Listing(
                each.email["tenant_id"],
                word.match,
                each.report.suppress,
                word.why.message,
                word.why.parameters,
                each.email_id,
            )
            for each in matched
            if each.report.suppress is not None
            for word in to_suppress(each.report, known[each.email_id])
        ]
        if listings:
            await self._suppressions.add(connection, listings)
            strikes = sorted(
                {(each.email_id, each.address, each.reason, each.tenant_id) for each in listings}
            )
            await connection.execute(
                *QUERIES.strike(
                    email_ids=[email_id for email_id, _, _, _ in strikes],
                    addresses=[address for _, address, _, _ in strikes],
                    kinds=[kind for _, _, kind, _ in strikes],
                    tenant_ids=[tenant_id for _, _, _, tenant_id in strikes],
                )
            )


def _agrees(event: ReceivedEvent, report: Report, tenant_id: UUID) -> bool:
    """Return whether an event is about this tenant's email; one matched by SES's id may name no tenant."""
    return event.tenant_id == tenant_id or (report.email_id is None and event.tenant_id is None)
