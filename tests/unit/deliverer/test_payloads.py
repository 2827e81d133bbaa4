"""The payload of each type is that of its file, with the keys of Resend's SDKs and only the listed others."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
import resend
from google.protobuf import json_format
from google.protobuf.message import Message
from typing_extensions import is_typeddict

from chassis.events import ReceivedEvent
from chassis.events.subjects import CONSUMED, SUBJECTS
from letterhead.events.v1 import domain_events_pb2 as domains
from letterhead.events.v1 import email_events_pb2 as emails
from letterhead.events.v1 import email_reason_pb2, suppression_reason_pb2
from letterhead.identity.v1 import domain_reason_pb2
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.events import claim_of, occurrences
from services.deliverer.model.payloads import Domain, Record, event_of_test, payload, wire_name

FILES = Path(__file__).with_name("payloads")
TENANT, CLAIM, EMAIL = (f"0192f0c1-0000-7000-8000-00000000000{each}" for each in range(3))
TIME = datetime(2026, 11, 29, 10, 0, 5, 250_000, UTC)
ADA, BOB = "ada@reader-of-letters.com", "bob@reader-of-letters.com"

sdk: Any = resend


def keys_of(type_of_data: Any) -> set[str]:
    """Return the keys of a TypedDict; those of one inside as `bounce.type`."""
    keys: set[str] = set()
    for name, hint in get_type_hints(type_of_data).items():
        inside = next(filter(is_typeddict, (hint, *get_args(hint))), None)
        keys |= {f"{name}.{key}" for key in keys_of(inside)} if inside else {name}
    return keys


def written_keys(data: dict[str, Any]) -> set[str]:
    """Return the keys of a payload's data in the same form; tags are a map with keys of the caller's own."""
    keys: set[str] = set()
    for name, value in data.items():
        objects = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]
        inside = {f"{name}.{key}" for each in objects for key in each} if name != "tags" else set()
        keys |= inside or {name}
    return keys


# The keys of `data` by type, in the types of Resend's own SDK.
_OF_SDK = {
    get_args(hints["type"])[0]: keys_of(hints["data"])
    for hints in map(get_type_hints, get_args(sdk.WebhookEventPayload))
}
_NEVER_SET = {"broadcast_id", "template_id"}  # of features that Letterhead does not have
_ADDED = {"email.failed": {"failed.message"}}  # keys that Resend does not have
RESEND: dict[str, set[str]] = {
    each: _OF_SDK[each] - _NEVER_SET | _ADDED.get(each, set())
    for each in (
        "email.sent", "email.scheduled", "email.delivered", "email.delivery_delayed", "email.complained",
        "email.bounced", "email.failed", "email.suppressed", "domain.created", "domain.updated",
        "domain.deleted", "suppression.added", "suppression.removed",
    )
}  # fmt: skip
OWN: dict[str, set[str]] = {
    "email.held": RESEND["email.sent"] | {"held.reason", "held.message"},
    "email.canceled": RESEND["email.sent"],
    "domain.ready": RESEND["domain.updated"] | {"reason", "message"},
    "domain.degraded": RESEND["domain.updated"] | {"reason", "message"},
    "domain.lost": RESEND["domain.updated"] | {"reason", "message"},
    "webhook.test": {"webhook_id", "message"},
}


def an_email() -> emails.EmailReference:
    fields: dict[str, Any] = {"from": emails.Mailbox(address="agent@inbox.mnexa.ai", name="Agent")}
    email = emails.EmailReference(
        id=EMAIL,
        tenant_id=TENANT,
        domain_id=CLAIM,
        to=[ADA, BOB],
        subject="Hello",
        tags={"order": "1042"},
        message_id="<0100@us-east-1.amazonses.com>",
        **fields,
    )
    email.create_time.FromJsonString("2026-11-29T10:00:00.123456Z")
    return email


def messages() -> Iterator[Message]:
    """Yield a message of each event that deliverer consumes."""
    email, domain = an_email(), domains.DomainReference(id=CLAIM, name="inbox.mnexa.ai", tenant_id=TENANT)
    yield emails.EmailScheduled(email=email)
    yield emails.EmailSent(email=email)
    yield emails.EmailCanceled(email=email)
    yield emails.EmailDelivered(email=email, recipient=ADA)
    yield emails.EmailDeliveryDelayed(email=email, recipient=ADA)
    yield emails.EmailComplained(email=email, recipient=ADA)
    yield emails.EmailBounced(
        email=email, recipient=ADA, bounce_type="Permanent", bounce_sub_type="General",
        diagnostic_code="smtp; 550 5.1.1 no such user",
    )  # fmt: skip
    reason = email_reason_pb2.EmailReason.values()[1]
    for failed in (emails.EmailFailed, emails.EmailExpired, emails.EmailHeld):
        yield failed(email=email, message="Why, in words.", reason=reason)
    yield emails.EmailSuppressed(email=email, recipients=[BOB])
    bounce = suppression_reason_pb2.SUPPRESSION_REASON_BOUNCE
    for change in (emails.SuppressionAdded, emails.SuppressionRemoved):
        yield change(tenant_id=TENANT, address=BOB, reason=bounce, email_id=EMAIL, suppression_id=TENANT)
    for plain in (domains.DomainCreated, domains.DomainProvisioned, domains.DomainDeleted):
        yield plain(domain=domain)
    why = domain_reason_pb2.DomainReason.values()[1]
    for moved in (domains.DomainReady, domains.DomainDegraded, domains.DomainLost, domains.DomainFailed):
        yield moved(domain=domain, message="Why, in words.", reason=why)


DOMAIN = Domain(
    id=UUID(CLAIM),
    name="inbox.mnexa.ai",
    region="us-east-1",
    created_at=datetime(2026, 11, 29, 9, tzinfo=UTC),
    records=[
        Record("DKIM", "CNAME", "t1._domainkey.inbox.mnexa.ai", "t1.dkim", 3600, 0, "FOUND", "mnexa.ai"),
        Record("RETURN_PATH", "MX", "send.inbox.mnexa.ai", "feedback-smtp", 3600, 10, "MISSING", ""),
        Record("DMARC", "TXT", "_dmarc.inbox.mnexa.ai", "v=DMARC1; p=none;", 3600, 0, "", ""),
    ],
)  # fmt: skip


def received(message: Message) -> ReceivedEvent:
    data = json_format.MessageToDict(message)
    subject = SUBJECTS[message.DESCRIPTOR.full_name]
    return ReceivedEvent(UUID(EMAIL), subject, TIME, UUID(TENANT), "x", data)


def payloads() -> dict[str, Any]:
    """Return a payload of each type; of the first event that has it."""
    found: dict[str, Any] = {}
    for message in messages():
        event = received(message)
        for occurrence in occurrences(event, {UUID(CLAIM): DOMAIN}):
            found.setdefault(wire_name(occurrence.type), json.loads(payload(occurrence, event.time)))
    test = json.loads(payload(event_of_test(UUID(CLAIM)), TIME))
    return found | {test["type"]: test}


PAYLOADS = payloads()


def test_every_type_of_the_contract_has_a_payload() -> None:
    types = {name.removeprefix("EVENT_TYPE_") for name, number in pb.EventType.items() if number}

    assert {wire_name(each) for each in types} == PAYLOADS.keys() == RESEND.keys() | OWN.keys()


def test_every_consumed_event_becomes_one() -> None:
    consumed = {SUBJECTS[each.DESCRIPTOR.full_name] for each in messages()}

    assert consumed == set(CONSUMED["deliverer"]["events"])
    assert all(list(occurrences(received(each), {UUID(CLAIM): DOMAIN})) for each in messages())


@pytest.mark.parametrize("event_type", sorted(RESEND.keys() | OWN.keys()))
def test_a_payload_is_that_of_its_file(event_type: str) -> None:
    stored = json.loads((FILES / f"{event_type}.json").read_text(encoding="utf-8"))

    assert PAYLOADS[event_type] == stored
    assert PAYLOADS[event_type].keys() == {"type", "created_at", "data"}
    assert written_keys(PAYLOADS[event_type]["data"]) == (RESEND | OWN)[event_type]


def test_no_type_of_our_own_has_a_name_of_resends() -> None:
    assert not OWN.keys() & _OF_SDK.keys()


def test_an_event_about_one_recipient_names_only_that_one() -> None:
    assert PAYLOADS["email.bounced"]["data"]["to"] == [ADA]
    assert PAYLOADS["email.suppressed"]["data"]["to"] == [BOB]
    assert PAYLOADS["email.sent"]["data"]["to"] == [ADA, BOB]


def test_an_event_of_a_domain_that_is_not_known_becomes_nothing() -> None:
    ready = next(each for each in messages() if isinstance(each, domains.DomainReady))

    assert claim_of(received(ready)) == UUID(CLAIM)
    assert list(occurrences(received(ready), {})) == []
