"""What sender forgets, and at which age; and the days that the history of emails is kept by."""

from datetime import timedelta
from pathlib import Path

from prometheus_client import Gauge

from chassis.database import Database, Queries
from chassis.forgetting import Rule
from chassis.telemetry import get_logger
from services.sender.model.reputation import WINDOW

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))
AHEAD = Gauge(
    "letterhead_sender_days_ahead", "Days to come, of 7, that the history of emails has a partition for"
)

# What proves that events come is of the last hours; these are kept for people who look into a bad day.
HEARTBEATS_KEPT = timedelta(days=7)
# An answer is found out within minutes, or by a late event; whatever is older is about no email of ours.
UNMATCHED_KEPT = timedelta(days=7)
# Their limits count the last hour; these are kept for people who look into an abuse.
TEST_ADDRESSES_KEPT = timedelta(days=7)


def rules(*, emails: timedelta, requests: timedelta) -> list[Rule]:
    """Give the rules, by how long emails are kept after their last state, and request_ids."""
    return [
        # Each email has its own time for this, from its last state on.
        Rule("bodies", QUERIES.erase_bodies, timedelta(0)),
        # Before its emails: a repeated request is answered with all of them, or is a new one.
        Rule("requests", QUERIES.forget_requests, min(requests, emails)),
        Rule("emails", QUERIES.forget_emails, emails),
        Rule("tenant_days", QUERIES.forget_tenant_days, emails),
        Rule("heartbeats", QUERIES.forget_heartbeats, HEARTBEATS_KEPT),
        Rule("unmatched", QUERIES.forget_unmatched, UNMATCHED_KEPT),
        Rule("test_addresses", QUERIES.forget_test_addresses, TEST_ADDRESSES_KEPT),
        Rule("strikes", QUERIES.forget_strikes, WINDOW),
    ]


class Days:
    """The partitions of the history of emails: one for each day that emails were accepted on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn(self) -> bool:
        """Make the days to come, then drop those whose emails are all gone; there is never more to do."""
        try:
            made = await self._database.fetchval(QUERIES.make_days)
            dropped = await self._database.fetchval(QUERIES.drop_days)
        finally:
            AHEAD.set(await self._database.fetchval(QUERIES.days_ahead))
        if made or dropped:
            log.info("the days of history moved on", action="days_turned", made=made, dropped=dropped)
        return False
