"""An event that is not its owner's word is never applied, whoever managed to publish it."""

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
    "another service says so": {"source": "/letterhead/webhooks"},
    "it claims to be another event": {"type": "domain.deleted"},
    "it names no tenant": {"tenantid": None},
    "its data names another tenant": {"data": {"domain": {"tenantId": str(UUID(int=7))}}},
}


def a_cloudevent(**changes: Any) -> dict[str, Any]:
    """An event of identity's as it is published, but for the changes."""
    true = {
        "id": str(uuid4()),
        "source": "/letterhead/identity",
        "type": "domain.created",
        "time": "2026-03-01T12:30:45Z",
        "tenantid": str(uuid4()),
        "data": {},
    }
    return true | changes


@pytest.mark.parametrize("forgery", FORGED)
async def test_an_event_that_is_not_its_owners_word_is_dead_lettered_and_never_applied(
    forgery: str, identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    """It has no id there, so that nothing is tried with it again; a true one beside it is applied."""
    await make_journal(database)
    start(a_consumer(identity, wire).run)
    await eventually(lambda: wire.connected)
    forged, true = a_cloudevent(**FORGED[forgery]), a_cloudevent()
    refused = EVENTS.labels("identity-journal", "refused")
    before = refused._value.get()  # what a scrape would read

    for event in (forged, true):
        await wire.publish("domain.created", json.dumps(event).encode(), UUID(event["id"]))

    [row] = await eventually(lambda: database.fetch("SELECT * FROM identity.parked"))
    assert (row["event_id"], "EventRefused" in row["error"]) == (None, True)
    await eventually(lambda: written(database))
    assert await written(database) == [true["id"]]
    assert refused._value.get() == before + 1


async def test_what_an_earlier_release_dead_lettered_is_checked_before_it_is_applied(
    identity: Database, database: FreshDatabase, wire: Stream, start: Start
) -> None:
    await make_journal(database)
    forged = a_cloudevent(source="/letterhead/sender")
    await database.execute(
        "INSERT INTO identity.parked (id, consumer, event_id, subject, body, error, deliveries, tried_at)"
        " VALUES ($1, 'journal', $1, 'domain.created', $2, '', 1, now() - interval '2 hours')",
        UUID(forged["id"]),
        json.dumps(forged),
    )

    start(a_consumer(identity, wire).run)

    [row] = await eventually(
        lambda: database.fetch("SELECT error FROM identity.parked WHERE error LIKE '%EventRefused%'")
    )
    assert "belongs to identity" in row["error"]
    assert await written(database) == []
