"""The retention rules of identity."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.retention import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))

# The API promises deduplication of request ids for 30 days. Ended links stay visible for 90 days, so that
# a tenant can see who had access. Only confirmations of the last hour count for the limits on codes; older
# ones are kept to investigate abuse.
RULES = [
    Rule("requests", QUERIES.delete_old_requests, timedelta(days=30)),
    Rule("links", QUERIES.delete_old_links, timedelta(days=90)),
    Rule("contact_confirmations", QUERIES.delete_old_confirmations, timedelta(days=7)),
]
