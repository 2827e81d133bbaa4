"""Sender's retention rules. The history of emails has daily partitions instead (chassis/partitions.py)."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.retention import Rule
from services.sender.model.reputation import WINDOW

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))

# Only recent heartbeats prove anything; older ones are kept to investigate incidents.
HEARTBEAT_RETENTION = timedelta(days=7)
# Feedback is matched within minutes, or after a late event; anything older is not about our email.
UNMATCHED_RETENTION = timedelta(days=7)
# Only those of the last hour count for the limits; older ones are kept to investigate abuse.
TEST_ADDRESS_RETENTION = timedelta(days=7)

# As long as the longest window that the settings allow.
SOFT_BOUNCE_RETENTION = timedelta(days=31)


def rules(*, emails: timedelta, requests: timedelta) -> list[Rule]:
    """Return the retention rules, given how long to keep emails after their last state, and request_ids."""
    return [
        # Each email stores the time at which to erase its body.
        Rule("bodies", QUERIES.erase_bodies, timedelta(0)),
        # Not later than its emails: a repeated request is answered with all of them, or counts as new.
        Rule("requests", QUERIES.delete_old_requests, min(requests, emails)),
        Rule("emails", QUERIES.delete_old_emails, emails),
        # Not earlier than their emails, whose outcome the gauge shows.
        Rule("notices", QUERIES.delete_old_notices, emails),
        Rule("tenant_days", QUERIES.delete_old_tenant_days, emails),
        Rule("heartbeats", QUERIES.delete_old_heartbeats, HEARTBEAT_RETENTION),
        Rule("unmatched", QUERIES.delete_old_unmatched, UNMATCHED_RETENTION),
        Rule("test_addresses", QUERIES.delete_old_test_addresses, TEST_ADDRESS_RETENTION),
        Rule("strikes", QUERIES.delete_old_strikes, WINDOW),
        Rule("soft_bounces", QUERIES.delete_old_soft_bounces, SOFT_BOUNCE_RETENTION),
        # Each temporary suppression stores the time at which it ends.
        Rule("suppressions", QUERIES.delete_ended_suppressions, timedelta(0)),
    ]
