"""What identity forgets, and at which age."""

from datetime import timedelta
from pathlib import Path

from chassis.database import Queries
from chassis.forgetting import Rule

QUERIES = Queries.load(Path(__file__).with_name("retention.sql"))

# The request ids: for as long as the contract promises. Links: so that people see for a while who had one.
RULES = [
    Rule("requests", QUERIES.forget_requests, timedelta(days=30)),
    Rule("links", QUERIES.forget_links, timedelta(days=90)),
]
