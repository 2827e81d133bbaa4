"""SES events in any order, delayed and repeated, lead to one final state, from SES's JSON to email states.

Each SES event passes through all pure functions: parsing in webhooks, its published event, sender's report.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import json_format

from chassis.events import ReceivedEvent
from services.sender.events.feedback import FEEDBACK, read_report
from services.sender.model.feedback import Report, to_advance, to_suppress
from services.sender.model.states import TRANSITIONS, RecipientState, State
from services.webhooks.events import event_of
from services.webhooks.model.feedback import parse
from tests.figures import Figure
from tests.unit.webhooks.ses_events import SentEmail

ORDERS = 1_000
RECIPIENTS = ("ada@example.com", "bob@example.net", "success@simulator.amazonses.com")
EMAIL = SentEmail(to=RECIPIENTS)
ONE = SentEmail(EMAIL.tenant_id, EMAIL.email_id, EMAIL.attempt_id, EMAIL.ses_id, to=RECIPIENTS[:1])
BOUNCES = {
    "Permanent": (
        "General", "NoEmail", "Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList",
        "EmailValidationSuppressed", "UnsubscribedRecipient",
    ),
    "Transient": (
        "General", "MailboxFull", "MessageTooLarge", "CustomTimeoutExceeded", "ContentRejected",
        "AttachmentRejected",
    ),
    "Undetermined": ("Undetermined",),
    "Novel": ("Kind",),
}  # fmt: skip
COMPLAINTS = ("abuse", "auth-failure", "fraud", "not-spam", "other", "virus", None)

Json = dict[str, Any]


def scenarios() -> dict[str, list[Json]]:
    """Return an email's SES events by scenario: each kind after the usual ones, and all kinds together."""
    usual = [EMAIL.send(), EMAIL.delay(), EMAIL.delivery()]
    by_kind = {
        event["eventType"]: [event] for event in [*EMAIL.every_kind(), EMAIL.event("Teleport", "t", {})]
    }
    by_kind |= {
        f"{kind}/{sub_type}": [ONE.bounce(kind, sub_type)]
        for kind, sub_types in BOUNCES.items()
        for sub_type in sub_types
    }
    by_kind |= {f"Complaint/{kind}": [ONE.complaint(kind)] for kind in COMPLAINTS}
    by_kind["Complaint/echo"] = [ONE.complaint(None, "OnAccountSuppressionList")]
    everything = [event for events in by_kind.values() for event in events]
    return {name: usual + events for name, events in by_kind.items()} | {"everything": usual + everything}


@dataclass
class StoredEmail:
    """An email as sender stores it, without a database; the same functions decide."""

    state: State = State.SENDING
    accepted: bool = False
    recipients: dict[str, RecipientState] = field(
        default_factory=lambda: dict.fromkeys(RECIPIENTS, RecipientState.PENDING)
    )
    suppressed: set[str] = field(default_factory=set)

    def apply(self, report: Report | None) -> None:
        """Apply an SES event, or None for SES's answer to the request. Either proves that SES accepted it."""
        if not self.accepted:
            self.accepted = True
            self._move(State.SENT)
        if report is None:
            return
        self.recipients |= {
            each.match: report.state
            for each in to_advance(report, self.recipients)
            if report.state is not None
        }
        self.suppressed |= {each.match for each in to_suppress(report, self.recipients)}
        if report.rejected:
            self._move(State.FAILED)

    def _move(self, to: State) -> None:
        if to in TRANSITIONS[self.state]:
            self.state = to

    @property
    def final_state(self) -> tuple[object, ...]:
        return self.state, tuple(self.recipients.values()), tuple(sorted(self.suppressed))


def reports_of(events: Sequence[Json]) -> list[Report]:
    """Return sender's reports of those SES events that webhooks publishes."""
    published = (event_of(parse(json.dumps(event), datetime.now(UTC))) for event in events)
    return [
        read_report(
            ReceivedEvent(
                uuid4(), event.subject, datetime.now(UTC), None, "", json_format.MessageToDict(event.data)
            )
        )
        for event in published
        if event is not None and event.subject in FEEDBACK
    ]


def final_states(reports: Sequence[Report], rng: random.Random) -> set[tuple[object, ...]]:
    """Return the final states of ORDERS random orders of all reports, each twice, and of SES's answer."""
    found = set()
    for _ in range(ORDERS):
        order = [*reports, *reports, None]
        rng.shuffle(order)
        email = StoredEmail()
        for each in order:
            email.apply(each)
        found.add(email.final_state)
    return found


PENDING, DELIVERED, BOUNCED, COMPLAINED = (
    RecipientState.PENDING, RecipientState.DELIVERED, RecipientState.BOUNCED, RecipientState.COMPLAINED,
)  # fmt: skip


def test_every_order_of_events_leads_to_one_final_state(figure: Figure) -> None:
    rng = random.Random(11)  # noqa: S311 - reproducible, not secret
    every = {name: final_states(reports_of(events), rng) for name, events in scenarios().items()}

    assert {name: found for name, found in every.items() if len(found) != 1} == {}
    figure(
        f"feedback: {len(every)} kinds and subtypes of SES, each in {ORDERS:,} random orders (seed 11), "
        f"doubled and delayed: {sum(map(len, every.values()))} final states, one for each"
    )


@pytest.mark.parametrize(
    ("scenario", "final_state"),
    [
        ("Delivery", (State.SENT, (DELIVERED,) * 3, ())),
        ("Open", (State.SENT, (DELIVERED,) * 3, ())),
        ("Teleport", (State.SENT, (DELIVERED,) * 3, ())),
        ("Reject", (State.FAILED, (DELIVERED,) * 3, ())),
        ("Rendering Failure", (State.FAILED, (DELIVERED,) * 3, ())),
        ("Permanent/NoEmail", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), RECIPIENTS[:1])),
        ("Permanent/Suppressed", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), ())),
        ("Transient/MailboxFull", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), ())),
        ("Complaint/abuse", (State.SENT, (COMPLAINED, DELIVERED, DELIVERED), RECIPIENTS[:1])),
        ("Complaint/not-spam", (State.SENT, (DELIVERED,) * 3, ())),
        ("everything", (State.FAILED, (COMPLAINED,) * 3, RECIPIENTS[:2])),
    ],
)
def test_the_final_state_is_as_expected(scenario: str, final_state: tuple[object, ...]) -> None:
    assert final_states(reports_of(scenarios()[scenario]), random.Random(12)) == {final_state}  # noqa: S311


def test_a_model_that_moves_back_is_detected() -> None:
    """Apply random orders to a model in which the last event wins; they lead to several final states."""

    class LastEventWins(StoredEmail):
        def apply(self, report: Report | None) -> None:
            super().apply(report)
            if report is not None and report.state is not None:
                self.recipients |= dict.fromkeys((word.match for word in report.words), report.state)

    rng = random.Random(13)  # noqa: S311
    found = set()
    for _ in range(ORDERS):
        order = reports_of(scenarios()["Permanent/General"])
        rng.shuffle(order)
        email = LastEventWins()
        for each in order:
            email.apply(each)
        found.add(email.final_state)
    assert len(found) > 1
