"""Each form of an address in each kind of event names the email's recipient, or the event has a problem.

Each SES event passes through all pure functions: parsing in webhooks, its published event, sender's report.
It arrives as the text in SNS's envelope, or as the detail in EventBridge's.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import json_format

from chassis.addresses import match_of
from chassis.events import ReceivedEvent
from services.sender.events.feedback import read_report
from services.webhooks.events import event_of
from services.webhooks.model.event_bridge import EventRule, unwrap_event
from services.webhooks.model.feedback import Kind, Malformed, parse, problem_of
from tests.figures import Figure
from tests.unit.webhooks.ses_events import SentEmail, in_event_bridge

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)
ACCEPTED = "Ada.Lovelace@xn--bcher-kva.example"  # as sender stores a recipient
EMAIL = SentEmail(to=(ACCEPTED,))

LOCALS = ("Ada.Lovelace", "ada.lovelace", "ADA.LOVELACE")
DOMAINS = ("xn--bcher-kva.example", "bücher.example", "BÜCHER.Example", "XN--BCHER-KVA.EXAMPLE.")
WRITTEN = (
    "{}", " {} ", "<{}>", "Ada <{}>", '"Lovelace, Ada" <{}>', "Lovelace, Ada <{}>", "rfc822;{}",
    "RFC822; <{}>", "utf-8;{}", "{} (Ada)", "'{}'", "mailto:{}",
)  # fmt: skip
FORMS = sorted(
    {form.format(f"{local}@{domain}") for local in LOCALS for domain in DOMAINS for form in WRITTEN}
)
SHAPES: dict[str, Callable[[str], Any]] = {
    "list of objects": lambda text: [{"emailAddress": text, "status": "5.1.1"}],
    "one object": lambda text: {"emailAddress": text, "status": "5.1.1"},
    "list of texts": lambda text: [text],
    "one text": lambda text: text,
}
EVENTS: dict[Kind, tuple[Callable[[], dict[str, Any]], str, str]] = {
    Kind.BOUNCE: (EMAIL.bounce, "bounce", "bouncedRecipients"),
    Kind.COMPLAINT: (EMAIL.complaint, "complaint", "complainedRecipients"),
    Kind.DELIVERY: (EMAIL.delivery, "delivery", "recipients"),
    Kind.DELAY: (EMAIL.delay, "deliveryDelay", "delayedRecipients"),
}
RULE = EventRule.of("arn:aws:events:us-east-1:123456789012:rule/letterhead-feedback")
ENVELOPES: dict[str, Callable[[str], str]] = {
    "SNS": lambda body: body,
    "EventBridge": lambda body: unwrap_event(json.dumps(in_event_bridge(json.loads(body))), RULE).body,
}
UNREADABLE = ("", " ", "<>", "postmaster", "ada@", "x400;/c=us/a=mail", "undisclosed-recipients:;")


def event(kind: Kind, named: Any) -> str:
    make, block, key = EVENTS[kind]
    content = make()
    content[block][key] = named
    return json.dumps(content)


def reported(body: str) -> list[str]:
    """Return the addresses that sender matches recipients by, after all services have read the event."""
    published = event_of(parse(body, RECEIVED))
    assert published is not None
    data = json_format.MessageToDict(published.data)
    received = ReceivedEvent(uuid4(), published.subject, RECEIVED, EMAIL.tenant_id, published.resource, data)
    return [each.match for each in read_report(received).words]


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("envelope", ENVELOPES)
def test_every_form_of_an_address_matches_the_recipient(kind: Kind, envelope: str, figure: Figure) -> None:
    matched = [
        (form, shape)
        for form in FORMS
        for shape, shaped in SHAPES.items()
        if reported(ENVELOPES[envelope](event(kind, shaped(form)))) == [match_of(ACCEPTED)]
    ]

    total = len(FORMS) * len(SHAPES)
    figure(f"{kind} by {envelope}: {len(matched)} of {total} addresses matched, in {len(FORMS)} forms")
    assert len(matched) == total


@pytest.mark.parametrize("kind", EVENTS)
def test_both_envelopes_of_an_event_have_one_meaning(kind: Kind) -> None:
    for form in FORMS:
        body = event(kind, SHAPES["list of objects"](form))

        meanings = {parse(unwrapped(body), RECEIVED).meaning for unwrapped in ENVELOPES.values()}
        assert len(meanings) == 1


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("text", UNREADABLE)
def test_an_event_without_a_readable_address_is_a_problem(kind: Kind, envelope: str, text: str) -> None:
    for shaped in SHAPES.values():
        with pytest.raises(Malformed, match="names no email address"):
            parse(ENVELOPES[envelope](event(kind, shaped(text))), RECEIVED)


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("named", [None, [], {}, 7, [None], [{}], [[ACCEPTED]], {"address": ACCEPTED}])
def test_an_event_of_another_shape_is_a_problem(kind: Kind, named: Any) -> None:
    with pytest.raises(Malformed, match="names no email address"):
        parse(event(kind, named), RECEIVED)


@pytest.mark.parametrize("kind", EVENTS)
def test_an_unreadable_recipient_is_reported_and_the_others_are_processed(kind: Kind) -> None:
    feedback_event = parse(event(kind, [ACCEPTED, "postmaster"]), RECEIVED)

    assert [each.address for each in feedback_event.recipients] == [ACCEPTED]
    assert problem_of(feedback_event) == "Not email addresses: 'postmaster'."
