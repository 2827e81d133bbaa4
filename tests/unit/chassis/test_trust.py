"""Validation of received events: from the owner of the subject, with the tenant that the data names."""

import json
from typing import Any
from uuid import uuid4

import pytest

from chassis.events import Event
from chassis.events.envelope import source_of
from chassis.events.subjects import INSTALLATION_WIDE, OWNERS, TENANT_IF_KNOWN
from chassis.events.trust import EventRejected, check_own, trusted
from letterhead.events.v1 import domain_events_pb2

TENANT = str(uuid4())


def an_event(subject: str, **changes: Any) -> bytes:
    """Return an event as its owner publishes it; `changes` replace attributes, None removes one."""
    attributes = {
        "id": str(uuid4()),
        "source": source_of(OWNERS[subject]),
        "type": subject,
        "time": "2026-03-01T12:30:45Z",
        "tenantid": None if subject in INSTALLATION_WIDE else TENANT,
        "data": {},
    } | changes
    return json.dumps({name: value for name, value in attributes.items() if value is not None}).encode()


@pytest.mark.parametrize("subject", OWNERS)
def test_an_event_from_its_owner_is_accepted(subject: str) -> None:
    assert trusted(an_event(subject), subject).source == source_of(OWNERS[subject])


@pytest.mark.parametrize("subject", OWNERS)
def test_an_event_from_another_service_is_rejected(subject: str) -> None:
    for service in {*OWNERS.values(), "subscriber"} - {OWNERS[subject]}:
        with pytest.raises(EventRejected, match=f"belongs to {OWNERS[subject]}"):
            trusted(an_event(subject, source=source_of(service)), subject)


@pytest.mark.parametrize("subject", set(OWNERS) - INSTALLATION_WIDE - TENANT_IF_KNOWN)
def test_an_event_without_a_tenant_is_rejected(subject: str) -> None:
    with pytest.raises(EventRejected, match="has no tenant_id"):
        trusted(an_event(subject, tenantid=None), subject)


@pytest.mark.parametrize("subject", TENANT_IF_KNOWN)
def test_feedback_about_a_known_email_requires_a_tenant(subject: str) -> None:
    trusted(an_event(subject, tenantid=None, data={"email": {"sesId": "0100"}}), subject)

    with pytest.raises(EventRejected, match="has no tenant_id"):
        trusted(an_event(subject, tenantid=None, data={"email": {"id": str(uuid4())}}), subject)


@pytest.mark.parametrize("subject", INSTALLATION_WIDE)
def test_an_installation_wide_event_must_not_have_a_tenant(subject: str) -> None:
    with pytest.raises(EventRejected, match="must not have a tenant"):
        trusted(an_event(subject, tenantid=TENANT), subject)


@pytest.mark.parametrize("within", ["", "domain", "email"])
def test_an_event_whose_data_names_another_tenant_is_rejected(within: str) -> None:
    def about(tenant: str) -> bytes:
        data = {"tenantId": tenant}
        return an_event("domain.ready", data={within: data} if within else data)

    trusted(about(TENANT), "domain.ready")

    with pytest.raises(EventRejected, match="its data names"):
        trusted(about(str(uuid4())), "domain.ready")


def test_an_event_on_the_wrong_or_an_unknown_subject_is_rejected() -> None:
    with pytest.raises(EventRejected, match=r"arrived on 'domain\.ready'"):
        trusted(an_event("email.sent"), "domain.ready")
    with pytest.raises(EventRejected, match="no service owns"):
        trusted(an_event("email.sent", type="domain.stolen"), "domain.stolen")


# Replies that the NATS server sends to any subject that a request names as its reply subject.
ANSWERS = (
    b"",
    b'{"stream":"LETTERHEAD", "seq":4}',
    b'{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"LETTERHEAD"}}',
    b'{"type":"domain.ready","id":1}',
    b"[" * 100_000,
)


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_a_reply_of_the_server_is_rejected(answer: bytes) -> None:
    with pytest.raises(EventRejected):
        trusted(answer, "domain.ready")


def test_a_service_cannot_write_an_event_that_consumers_would_reject() -> None:
    data = domain_events_pb2.DomainReady()

    check_own(Event(data, uuid4(), "a.com"), "verifier")
    with pytest.raises(ValueError, match=r"identity does not own 'domain\.ready'"):
        check_own(Event(data, uuid4(), "a.com"), "identity")
    with pytest.raises(ValueError, match="requires a tenant_id"):
        check_own(Event(data, None, "a.com"), "verifier")


def test_a_message_without_a_subject_is_not_an_event() -> None:
    part = domain_events_pb2.DomainReference()

    with pytest.raises(ValueError, match=r"DomainReference is not an event"):
        check_own(Event(part, uuid4(), "a.com"), "verifier")
