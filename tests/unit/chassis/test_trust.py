"""Which events a consumer believes: those of the subject's owner, about the tenant that the data names."""

import json
from typing import Any
from uuid import uuid4

import pytest

from chassis.events import Event
from chassis.events.envelope import source_of
from chassis.events.subjects import INSTALLATION_WIDE, OWNERS, TENANT_IF_KNOWN
from chassis.events.trust import EventRefused, check_own, trusted
from letterhead.events.v1 import domain_events_pb2

TENANT = str(uuid4())


def an_event(subject: str, **changes: Any) -> bytes:
    """An event as its owner publishes it; `changes` are other attributes, None for one left out."""
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
def test_the_owners_word_is_believed(subject: str) -> None:
    assert trusted(an_event(subject), subject).source == source_of(OWNERS[subject])


@pytest.mark.parametrize("subject", OWNERS)
def test_another_services_word_is_not(subject: str) -> None:
    for service in {*OWNERS.values(), "subscriber"} - {OWNERS[subject]}:
        with pytest.raises(EventRefused, match=f"belongs to {OWNERS[subject]}"):
            trusted(an_event(subject, source=source_of(service)), subject)


@pytest.mark.parametrize("subject", set(OWNERS) - INSTALLATION_WIDE - TENANT_IF_KNOWN)
def test_an_event_without_its_tenant_is_not_believed(subject: str) -> None:
    with pytest.raises(EventRefused, match="which tenant"):
        trusted(an_event(subject, tenantid=None), subject)


@pytest.mark.parametrize("subject", TENANT_IF_KNOWN)
def test_feedback_names_a_tenant_when_it_names_an_email(subject: str) -> None:
    trusted(an_event(subject, tenantid=None, data={"email": {"sesId": "0100"}}), subject)

    with pytest.raises(EventRefused, match="which tenant"):
        trusted(an_event(subject, tenantid=None, data={"email": {"id": str(uuid4())}}), subject)


@pytest.mark.parametrize("subject", INSTALLATION_WIDE)
def test_what_is_about_no_tenant_names_none(subject: str) -> None:
    with pytest.raises(EventRefused, match="about no tenant"):
        trusted(an_event(subject, tenantid=TENANT), subject)


@pytest.mark.parametrize("within", ["", "domain", "email"])
def test_a_tenant_that_the_data_contradicts_is_not_believed(within: str) -> None:
    def about(tenant: str) -> bytes:
        said = {"tenantId": tenant}
        return an_event("domain.ready", data={within: said} if within else said)

    trusted(about(TENANT), "domain.ready")

    with pytest.raises(EventRefused, match="its data names"):
        trusted(about(str(uuid4())), "domain.ready")


def test_an_event_of_another_subject_is_not_believed() -> None:
    with pytest.raises(EventRefused, match=r"arrived on 'domain\.ready'"):
        trusted(an_event("email.sent"), "domain.ready")
    with pytest.raises(EventRefused, match="no service owns"):
        trusted(an_event("email.sent", type="domain.stolen"), "domain.stolen")


# What the server writes to any subject when a request names it for the reply.
ANSWERS = (
    b"",
    b'{"stream":"LETTERHEAD", "seq":4}',
    b'{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"LETTERHEAD"}}',
    b'{"type":"domain.ready","id":1}',
    b"[" * 100_000,
)


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_of_the_server_is_not_believed(answer: bytes) -> None:
    with pytest.raises(EventRefused):
        trusted(answer, "domain.ready")


def test_a_service_cannot_write_an_event_that_nobody_would_believe() -> None:
    data = domain_events_pb2.DomainReady()

    check_own(Event("domain.ready", data, uuid4(), "a.com"), "verifier")
    with pytest.raises(ValueError, match=r"identity does not own 'domain\.ready'"):
        check_own(Event("domain.ready", data, uuid4(), "a.com"), "identity")
    with pytest.raises(ValueError, match="needs the tenant"):
        check_own(Event("domain.ready", data, None, "a.com"), "verifier")
