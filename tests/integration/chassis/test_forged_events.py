"""An event that its owner did not publish is never applied."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.database import Database
from chassis.events import Stream
from chassis.events.consumer import EVENTS
from tests.integration.chassis.conftest import Start
from tests.integration.chassis.journal import a_consumer, make_journal, written
from tests.stores import FreshDatabase
from tests.waiting import eventually

FORGED: dict[str, dict[str, Any]] = {
    "wrong source": {"source": "/letterhead/webhooks"},
    "wrong type": {"type": "domain.deleted"},
    "no tenant": {"tenantid": None},
    "another tenant in its data": {"data": {"domain": {"tenantId": str(UUID(int=7))}}},
}


def a_cloudevent(**changes: Any) -> dict[str, Any]:
    """Return an event as identity publishes it, with changes."""
    valid = {
        "id": str(uuid4()),
        "source": "/letterhead/identity",
        "type": "domain.created",
        "time": "2026-03-01T12:30:45Z",
        "tenantid": str(uuid4()),
        "data": {},
    }
    return valid | changes


@pytest.mark.parametrize("forgery", FORGED)
async def test_a_forged_event_is_dead_lettered_and_never_applied(
    forgery: str, identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    """It is stored without an event id, so it is never retried; a valid event beside it is applied."""
    await make_journal(database)
    start(a_consumer(identity, wire).run)
    await eventually(lambda: wire.connected)
    forged, valid = a_cloudevent(**FORGED[forgery]), a_cloudevent()
    refused = EVENTS.labels("identity-journal", "refused")
    before = refused._value.get()  # the value that a scrape would return

    for event in (forged, valid):
        await wire.publish("domain.created", json.dumps(event).encode(), UUID(event["id"]))

    [row] = await eventually(lambda: database.fetch("SELECT * FROM identity.dead_letters"))
    assert (row["event_id"], "EventRejected" in row["error"]) == (None, True)
    await eventually(lambda: written(database))
    assert await written(database) == [valid["id"]]
    assert refused._value.get() == before + 1


async def test_an_event_dead_lettered_by_an_earlier_release_is_validated_before_it_is_applied(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    forged = a_cloudevent(source="/letterhead/sender")
    await database.execute(
        "INSERT INTO identity.dead_letters"
        " (id, consumer, event_id, subject, body, error, deliveries, tried_at)"
        " VALUES ($1, 'journal', $1, 'domain.created', $2, '', 1, now() - interval '2 hours')",
        UUID(forged["id"]),
        json.dumps(forged),
    )

    start(a_consumer(identity, wire).run)

    [row] = await eventually(
        lambda: database.fetch("SELECT error FROM identity.dead_letters WHERE error LIKE '%EventRejected%'")
    )
    assert "belongs to identity" in row["error"]
    assert await written(database) == []
