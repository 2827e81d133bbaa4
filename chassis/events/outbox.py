"""Transactional outbox: events are written in the same transaction as the change they report."""

from google.protobuf import json_format

from chassis.database import Connection
from chassis.events.envelope import Event, source_of
from chassis.events.tables import channel, statements
from chassis.events.trust import check_own


class Outbox:
    """The outbox of one service's schema."""

    def __init__(self, schema: str) -> None:
        self._sql = statements(schema)
        self._schema = schema
        self._source = source_of(schema)
        self._channel = channel(schema)

    async def write(self, connection: Connection, *events: Event) -> None:
        """Store events with the caller's other changes; the relay publishes them after the commit.

        Raises ValueError for an event that this service does not own, that lacks its tenant, or whose data is
        not the message of its subject.
        """
        for event in events:
            check_own(event, self._schema)
        if not events:
            return
        await connection.execute(
            *self._sql.write_events(
                ids=[event.id for event in events],
                subjects=[event.subject for event in events],
                resources=[event.resource for event in events],
                tenant_ids=[event.tenant_id for event in events],
                data=[json_format.MessageToJson(event.data, indent=None) for event in events],
                schema_names=[event.data.DESCRIPTOR.full_name for event in events],
                times=[event.time for event in events],
                source=self._source,
                channel=self._channel,
            )
        )
