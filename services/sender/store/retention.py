"""Sender's retention rules, and the daily partitions of the history of emails."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Database, Queries
from chassis.retention import Rule
from chassis.telemetry import get_logger
from services.sender.metrics import AHEAD
from services.sender.model.reputation import WINDOW

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))

# Only recent heartbeats prove anything; older ones are kept to investigate incidents.
HEARTBEATS_KEPT = timedelta(days=7)
# Feedback is matched within minutes, or after a late event; anything older is not about our email.
UNMATCHED_KEPT = timedelta(days=7)
# Only those of the last hour count for the limits; older ones are kept to investigate abuse.
TEST_ADDRESSES_KEPT = timedelta(days=7)


def rules(*, emails: timedelta, requests: timedelta) -> list[Rule]:
    """Return the retention rules, given how long to keep emails after their last state, and request_ids."""
    return [
        # Each email stores the time at which to erase its body.
        Rule("bodies", QUERIES.erase_bodies, timedelta(0)),
        # Not later than its emails: a repeated request is answered with all of them, or counts as new.
        Rule("requests", QUERIES.delete_old_requests, min(requests, emails)),
        Rule("emails", QUERIES.delete_old_emails, emails),
        Rule("tenant_days", QUERIES.delete_old_tenant_days, emails),
        Rule("heartbeats", QUERIES.delete_old_heartbeats, HEARTBEATS_KEPT),
        Rule("unmatched", QUERIES.delete_old_unmatched, UNMATCHED_KEPT),
        Rule("test_addresses", QUERIES.delete_old_test_addresses, TEST_ADDRESSES_KEPT),
        Rule("strikes", QUERIES.delete_old_strikes, WINDOW),
    ]


class Days:
    """Creates and drops the partitions of the history of emails: one for each day of acceptance."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn(self) -> bool:
        """Create the next days' partitions and drop those without emails; return False: the work is done."""
        try:
            made = await self._database.fetchval(QUERIES.make_days)
            dropped = await self._database.fetchval(QUERIES.drop_days)
        finally:
            AHEAD.set(await self._database.fetchval(QUERIES.days_ahead))
        if made or dropped:
            log.info("rotated partitions of the history", action="days_turned", made=made, dropped=dropped)
        return False
