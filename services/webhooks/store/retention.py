"""Retention rules of webhooks."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.retention import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))
# deliverer carries requests out within seconds; it may be down for longer.
REQUEST_RETENTION = timedelta(days=7)


def rules(*, notifications: timedelta, feedback: timedelta, endpoints: timedelta) -> list[Rule]:
    """Return the rules, given how long raw notifications, feedback and deleted endpoints are retained."""
    return [
        Rule("notifications", QUERIES.delete_old_notifications, notifications),
        Rule("feedback", QUERIES.delete_old_feedback, feedback),
        Rule("endpoints", QUERIES.delete_old_endpoints, endpoints),
        Rule("delivery_requests", QUERIES.delete_old_delivery_requests, REQUEST_RETENTION),
    ]
