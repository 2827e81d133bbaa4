"""Encoding and decoding of events: CloudEvents 1.0 in structured JSON mode, with proto3-JSON data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.message import Message

from chassis.events.subjects import SUBJECTS
from chassis.ids import uuid7

CONTENT_TYPE = "application/cloudevents+json"

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Event:
    """An event to publish: its message in the contract, and the resource it is about; `time` None = now."""

    data: Message
    tenant_id: UUID | None
    resource: str
    id: UUID = field(default_factory=uuid7)
    time: datetime | None = None

    @property
    def subject(self) -> str:
        """Return the event's name, which is an option of its message; raise ValueError without it."""
        name = self.data.DESCRIPTOR.full_name
        if name not in SUBJECTS:
            raise ValueError(f"{name} is not an event: it has no option (event)")
        return SUBJECTS[name]


def source_of(schema: str) -> str:
    """Return the CloudEvents source of a service's events."""
    return f"/letterhead/{schema}"


def envelope(row: Mapping[str, Any]) -> bytes:
    """Return an outbox row as a CloudEvent; absent attributes are omitted, as the specification requires."""
    tenant_id = row["tenant_id"]
    attributes = {
        "specversion": "1.0",
        "id": str(row["id"]),
        "source": row["source"],
        "type": row["subject"],
        "subject": row["resource"] or None,
        "time": row["occurred_at"].isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": row["schema_name"],
        "tenantid": None if tenant_id is None else str(tenant_id),
        "data": row["data"],
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    return json.dumps(present, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class ReceivedEvent:
    """An event as a consumer receives it; `data` is proto3-JSON (lowerCamelCase names)."""

    id: UUID
    subject: str
    time: datetime
    tenant_id: UUID | None
    resource: str
    data: dict[str, Any]
    source: str = ""
    _parsed: dict[type[Message], Message] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def read(cls, payload: bytes) -> Self:
        """Parse a CloudEvent; raises ValueError for anything else."""
        try:
            attributes = json.loads(payload)
            tenant_id = attributes.get("tenantid")
            return cls(
                id=UUID(attributes["id"]),
                subject=str(attributes["type"]),
                time=datetime.fromisoformat(attributes["time"]),
                tenant_id=UUID(tenant_id) if tenant_id else None,
                resource=str(attributes.get("subject", "")),
                data=dict(attributes["data"]),
                source=str(attributes.get("source", "")),
            )
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"not a Letterhead event: {error!r}") from error

    def parse(self, kind: type[M]) -> M:
        """Return `data` as a message of events/v1, parsed once; fields of a newer release are ignored."""
        if kind not in self._parsed:
            self._parsed[kind] = json_format.ParseDict(self.data, kind(), ignore_unknown_fields=True)
        return cast("M", self._parsed[kind])
