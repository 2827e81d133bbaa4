"""Retention rules of webhooks."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.retention import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))


def rules(*, notifications: timedelta, feedback: timedelta) -> list[Rule]:
    """Return the rules, given how long raw notifications and feedback are retained."""
    return [
        Rule("notifications", QUERIES.delete_old_notifications, notifications),
        Rule("feedback", QUERIES.delete_old_feedback, feedback),
    ]
