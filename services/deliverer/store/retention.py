"""Retention rules of deliverer."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.retention import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))
# Longer than webhooks keeps the requests, or they would be carried out again.
REQUEST_RETENTION = timedelta(days=14)


def rules(*, messages: timedelta) -> list[Rule]:
    """Return the rules, given how long messages are retained."""
    return [
        Rule("messages", QUERIES.delete_old_messages, messages),
        Rule("fulfilled_requests", QUERIES.delete_old_fulfilled_requests, REQUEST_RETENTION),
        Rule("endpoint_health", QUERIES.delete_health_of_deleted, messages),
    ]
