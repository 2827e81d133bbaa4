"""Whatever order, delay and repetition SES chooses, an email comes to one end: from SES's JSON to states.

Each word of SES goes the whole way of pure functions: webhooks' reading, its event, sender's report.
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
from services.sender.events import FEEDBACK, read_report
from services.sender.model.emails import TRANSITIONS, RecipientState, State
from services.sender.model.feedback import Report, to_advance, to_suppress
from services.webhooks.events import event_of
from services.webhooks.model.facts import parse
from tests.figures import Figure
from tests.unit.webhooks.ses_events import SentEmail

ORDERS = 1_000
READERS = ("ada@example.com", "bob@example.net", "success@simulator.amazonses.com")
EMAIL = SentEmail(to=READERS)
ONE = SentEmail(EMAIL.tenant_id, EMAIL.email_id, EMAIL.attempt_id, EMAIL.ses_id, to=READERS[:1])
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
    """What SES may tell of one email: each kind after the usual ones, and all kinds of all."""
    usual = [EMAIL.send(), EMAIL.delay(), EMAIL.delivery()]
    told = {event["eventType"]: [event] for event in [*EMAIL.every_kind(), EMAIL.event("Teleport", "t", {})]}
    told |= {
        f"{kind}/{sub_type}": [ONE.bounce(kind, sub_type)]
        for kind, sub_types in BOUNCES.items()
        for sub_type in sub_types
    }
    told |= {f"Complaint/{kind}": [ONE.complaint(kind)] for kind in COMPLAINTS}
    told["Complaint/echo"] = [ONE.complaint(None, "OnAccountSuppressionList")]
    everything = [event for events in told.values() for event in events]
    return {name: usual + events for name, events in told.items()} | {"everything": usual + everything}


@dataclass
class Life:
    """An email as sender keeps it, without a database: the same functions decide."""

    state: State = State.CLAIMED
    accepted: bool = False
    readers: dict[str, RecipientState] = field(
        default_factory=lambda: dict.fromkeys(READERS, RecipientState.PENDING)
    )
    suppressed: set[str] = field(default_factory=set)

    def hear(self, report: Report | None) -> None:
        """Apply what SES told; None is its own answer to our request. Either proves that it accepted."""
        if not self.accepted:
            self.accepted = True
            self._move(State.SENT)
        if report is None:
            return
        self.readers |= {
            each.match: report.state for each in to_advance(report, self.readers) if report.state is not None
        }
        self.suppressed |= {each.match for each in to_suppress(report, self.readers)}
        if report.rejected:
            self._move(State.FAILED)

    def _move(self, to: State) -> None:
        if to in TRANSITIONS[self.state]:
            self.state = to

    @property
    def end(self) -> tuple[object, ...]:
        return self.state, tuple(self.readers.values()), tuple(sorted(self.suppressed))


def heard(events: Sequence[Json]) -> list[Report]:
    """What sender hears of SES's events: those that are told, as it reads them."""
    told = (event_of(parse(json.dumps(event), datetime.now(UTC))) for event in events)
    return [
        read_report(
            ReceivedEvent(
                uuid4(), event.subject, datetime.now(UTC), None, "", json_format.MessageToDict(event.data)
            )
        )
        for event in told
        if event is not None and event.subject in FEEDBACK
    ]


def ends(reports: Sequence[Report], dice: random.Random) -> set[tuple[object, ...]]:
    """Every end that ORDERS orders lead to: all twice, each as late as it likes, our answer among them."""
    found = set()
    for _ in range(ORDERS):
        order = [*reports, *reports, None]
        dice.shuffle(order)
        life = Life()
        for each in order:
            life.hear(each)
        found.add(life.end)
    return found


PENDING, DELIVERED, BOUNCED, COMPLAINED = (
    RecipientState.PENDING, RecipientState.DELIVERED, RecipientState.BOUNCED, RecipientState.COMPLAINED,
)  # fmt: skip


def test_a_thousand_orders_of_each_kind_lead_to_one_end(figure: Figure) -> None:
    dice = random.Random(11)  # noqa: S311 - the same orders in every run
    every = {name: ends(heard(events), dice) for name, events in scenarios().items()}

    assert {name: found for name, found in every.items() if len(found) != 1} == {}
    figure(
        f"feedback: {len(every)} kinds and subtypes of SES, each in {ORDERS:,} random orders (seed 11), "
        f"doubled and delayed: {sum(map(len, every.values()))} final states, one for each"
    )


@pytest.mark.parametrize(
    ("scenario", "end"),
    [
        ("Delivery", (State.SENT, (DELIVERED,) * 3, ())),
        ("Open", (State.SENT, (DELIVERED,) * 3, ())),
        ("Teleport", (State.SENT, (DELIVERED,) * 3, ())),
        ("Reject", (State.FAILED, (DELIVERED,) * 3, ())),
        ("Rendering Failure", (State.FAILED, (DELIVERED,) * 3, ())),
        ("Permanent/NoEmail", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), READERS[:1])),
        ("Permanent/Suppressed", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), ())),
        ("Transient/MailboxFull", (State.SENT, (BOUNCED, DELIVERED, DELIVERED), ())),
        ("Complaint/abuse", (State.SENT, (COMPLAINED, DELIVERED, DELIVERED), READERS[:1])),
        ("Complaint/not-spam", (State.SENT, (DELIVERED,) * 3, ())),
        ("everything", (State.FAILED, (COMPLAINED,) * 3, READERS[:2])),
    ],
)
def test_the_end_is_the_one_that_it_should_be(scenario: str, end: tuple[object, ...]) -> None:
    assert ends(heard(scenarios()[scenario]), random.Random(12)) == {end}  # noqa: S311


def test_a_state_that_could_move_back_would_be_seen() -> None:
    """The same thousand orders, of a life where the last word wins, lead to many ends."""

    class Forgetful(Life):
        def hear(self, report: Report | None) -> None:
            super().hear(report)
            if report is not None and report.state is not None:
                self.readers |= dict.fromkeys((word.match for word in report.words), report.state)

    dice = random.Random(13)  # noqa: S311
    found = set()
    for _ in range(ORDERS):
        order = heard(scenarios()["Permanent/General"])
        dice.shuffle(order)
        life = Forgetful()
        for each in order:
            life.hear(each)
        found.add(life.end)
    assert len(found) > 1
