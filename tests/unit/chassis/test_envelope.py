"""Encoding and decoding of CloudEvents."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chassis.events import ReceivedEvent
from chassis.events.envelope import envelope
from letterhead.events.v1.domain_events_pb2 import DomainReady

ROW: dict[str, Any] = {
    "id": UUID(int=1),
    "subject": "domain.ready",
    "source": "/letterhead/verifier",
    "resource": "inbox.mnexa.ai",
    "tenant_id": UUID(int=2),
    "data": {"domain": {"name": "inbox.mnexa.ai"}},
    "schema_name": "letterhead.events.v1.DomainReady",
    "occurred_at": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
}


def test_an_encoded_event_decodes_to_the_same_values() -> None:
    read = ReceivedEvent.read(envelope(ROW))

    assert (read.id, read.subject, read.resource) == (ROW["id"], ROW["subject"], ROW["resource"])
    assert (read.tenant_id, read.time, read.data) == (ROW["tenant_id"], ROW["occurred_at"], ROW["data"])


def test_times_are_in_utc_and_absent_attributes_are_omitted() -> None:
    written = json.loads(envelope(ROW | {"tenant_id": None, "resource": ""}))

    assert written["time"] == "2026-01-02T03:04:05.678000Z"
    assert not {"tenantid", "subject"} & written.keys()


def test_fields_of_a_newer_release_are_ignored() -> None:
    data = {"domain": {"name": "inbox.mnexa.ai"}, "newField": {"a": 1}}

    assert (
        ReceivedEvent.read(envelope(ROW | {"data": data})).parse(DomainReady).domain.name == "inbox.mnexa.ai"
    )


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"7", b"[]", b"{}", b'{"id": "7"}', envelope(ROW)[:-5], b"[" * 100_000]
)
def test_a_malformed_event_raises_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match="not a Letterhead event"):
        ReceivedEvent.read(payload)
