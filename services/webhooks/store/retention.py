"""What webhooks forgets, and at which age."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.forgetting import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))


def rules(*, notifications: timedelta, feedback: timedelta) -> list[Rule]:
    """Give the rules, by how long notifications are kept as they arrived, and the facts made of them."""
    return [
        Rule("notifications", QUERIES.forget_notifications, notifications),
        Rule("feedback", QUERIES.forget_feedback, feedback),
    ]
