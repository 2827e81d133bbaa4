"""SQL for the outbox, inbox, dead-letter (`dead_letters`) and relay tables; the same for every service."""

import re
from pathlib import Path

from chassis.queries import Queries, Query

_TEMPLATE = Queries.load(Path(__file__).with_name("queries.sql"))
_SCHEMA = re.compile(r"[a-z][a-z_]*")


def statements(schema: str) -> Queries:
    """Return the statements for one service's schema."""
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"{schema!r} is not a schema name")
    return Queries(
        {name: Query(re.sub(r"\bservice\.", f"{schema}.", query.text)) for name, query in _TEMPLATE}
    )


def channel(schema: str) -> str:
    """Return the NOTIFY channel that wakes the relays of a schema."""
    return f"{schema}_outbox"
