"""Applies SES's events to emails, recipients and suppression lists, in the transaction of the inbox."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from chassis.addresses import match_of
from chassis.database import Connection, Queries, Record
from chassis.events import Event, Outbox, ReceivedEvent
from chassis.telemetry import get_logger
from services.sender.events.feedback import read_report, without_description
from services.sender.events.recipients import of_recipient
from services.sender.model.emails import Reason
from services.sender.model.feedback import (
    Report,
    Word,
    elsewhere,
    proof,
    to_advance,
    to_count,
    to_suppress,
)
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason, Explanation
from services.sender.model.references import Reference
from services.sender.model.states import Move, RecipientState, State
from services.sender.store.rows import to_reference
from services.sender.store.soft_bounces import AddressReport, SoftBounceStore
from services.sender.store.states import EmailStates
from services.sender.store.suppressions import Listing, SuppressionStore
from services.sender.store.unmatched import UnmatchedStore

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("feedback.sql"))

# The states of each email's own recipients, by email id and address in lower case.
Known: TypeAlias = Mapping[UUID, dict[str, RecipientState]]


@dataclass(frozen=True, slots=True)
class Matched:
    """A report, the event that made it, and the email that it is about."""

    email: Record
    event: ReceivedEvent
    report: Report

    @property
    def reference(self) -> Reference:
        """Return what events say about the email, with the SES id of the submission that was reported."""
        return to_reference(self.email, ses_id=self.report.ses_id or self.email["ses_id"])

    @property
    def email_id(self) -> UUID:
        """Return the id of the email."""
        email_id: UUID = self.email["id"]
        return email_id


class Feedback:
    """Applies events in any order; one may arrive before we record that SES accepted the email."""

    def __init__(
        self,
        states: EmailStates,
        suppressions: SuppressionStore,
        soft_bounces: SoftBounceStore,
        unmatched: UnmatchedStore,
    ) -> None:
        self._states = states
        self._suppressions = suppressions
        self._soft_bounces = soft_bounces
        self._unmatched = unmatched
        self._outbox = Outbox("sender")

    async def apply(self, connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        """Apply events to the emails that they name, and only to those emails' own recipients."""
        received = map(without_description, events)
        matched = await self._known_emails(connection, [(each, read_report(each)) for each in received])
        await self._prove(connection, matched)
        rejected = {each.email_id: each.report.rejected for each in matched if each.report.rejected}
        failures = [Move(email_id, State.FAILED, why) for email_id, why in rejected.items()]
        failed = {each.id for each in await self._states.move(connection, failures)}
        known = await self._recipients(connection, matched)
        published = await self._advance(connection, matched, known)
        published += _of_rejections(matched, failed) + _of_engagement(matched)
        published += await self._explain(connection, matched, known)
        await self._outbox.write(connection, *published)
        await self._suppress(connection, matched, known)
        await self._suppress_for_a_while(connection, matched, known)

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
                matched.append(Matched(email, event, report))
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

    async def _advance(self, connection: Connection, matched: Sequence[Matched], known: Known) -> list[Event]:
        """Advance recipients to their reported states; update `known`, and return an event for each."""
        further: dict[tuple[UUID, str], tuple[RecipientState, Explanation]] = {}
        events: list[Event] = []
        for each in matched:
            states = known[each.email_id]
            for word in to_advance(each.report, states):
                assert each.report.state is not None  # to_advance returns nothing otherwise
                states[word.match] = each.report.state
                further[each.email_id, word.match] = (each.report.state, word.why)
                events.append(
                    of_recipient(each.event, each.reference, _as_written(each.reference, word.match))
                )
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
        return events

    async def _explain(self, connection: Connection, matched: Sequence[Matched], known: Known) -> list[Event]:
        """Explain the emails whose bounces name none of their recipients; return an event for each bounce."""
        bounced = [(each, elsewhere(each.report, known.get(each.email_id, ()))) for each in matched]
        unknown = [(each, word) for each, word in bounced if word is not None]
        if unknown:
            whys = {each.email_id: _bounced_elsewhere(word) for each, word in unknown}
            await connection.execute(
                *QUERIES.explain_emails(
                    email_ids=list(whys),
                    messages=[why.message for why in whys.values()],
                    reasons=[why.reason for why in whys.values()],
                    parameters=[why.parameters for why in whys.values()],
                )
            )
        return [of_recipient(each.event, each.reference, "") for each, _ in unknown]

    async def _suppress_for_a_while(
        self, connection: Connection, matched: Sequence[Matched], known: Known
    ) -> None:
        """Count soft bounces, suppress the addresses that keep bouncing, and reset those delivered to."""
        bounces = {
            _about(each, word): Listing(
                each.email["tenant_id"],
                word.match,
                Reason.BOUNCE,
                word.why.message,
                word.why.parameters,
                each.email_id,
                self._soft_bounces.suppression,
            )
            for each in matched
            for word in to_count(each.report, known[each.email_id])
        }
        persistent = await self._soft_bounces.add(connection, list(bounces))
        await self._suppressions.add(
            connection, [each for each in bounces.values() if (each.tenant_id, each.address) in persistent]
        )
        deliveries = {
            _about(each, word)
            for each in matched
            if each.report.state is RecipientState.DELIVERED
            for word in each.report.words
        }
        await self._soft_bounces.reset(connection, deliveries)

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


def _about(matched: Matched, word: Word) -> AddressReport:
    return AddressReport(matched.email_id, matched.email["tenant_id"], word.match, matched.event.time)


def _bounced_elsewhere(word: Word) -> Explanation:
    response = word.why.parameters.get("response", "")
    return explain(EmailReason.BOUNCED_ELSEWHERE, address=word.match, response=response)


def _of_rejections(matched: Sequence[Matched], failed: Collection[UUID]) -> list[Event]:
    """Return an event for each recipient of the emails that failed by these reports."""
    rejections = {each.email_id: each for each in matched if each.report.rejected}
    return [
        of_recipient(each.event, each.reference, address)
        for email_id, each in rejections.items()
        if email_id in failed
        for address in each.reference.submitted
    ]


def _of_engagement(matched: Sequence[Matched]) -> list[Event]:
    """Return the events of opens and clicks, for which SES names no recipient."""
    return [
        of_recipient(each.event, each.reference, _only(each.reference))
        for each in matched
        if each.report.engaged
    ]


def _only(reference: Reference) -> str:
    """Return the only address that SES was asked to send to; empty if there are several."""
    return reference.submitted[0] if len(reference.submitted) == 1 else ""


def _as_written(reference: Reference, match: str) -> str:
    """Return a recipient's address as the caller wrote it."""
    return next((each for _, each in reference.recipients if match_of(each) == match), match)


def _agrees(event: ReceivedEvent, report: Report, tenant_id: UUID) -> bool:
    """Return whether an event is about this tenant's email; one matched by SES's id may name no tenant."""
    return event.tenant_id == tenant_id or (report.email_id is None and event.tenant_id is None)
