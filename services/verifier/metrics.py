"""The metrics of the verifier."""

from prometheus_client import Counter, Gauge, Histogram

RECORD_STATUSES = Counter(
    "letterhead_record_checks_total", "Record statuses of DNS checks", ["purpose", "status"]
)
STATE_CHANGES = Counter("letterhead_domain_changes_total", "Changes of state", ["before", "after"])
READY_SECONDS = Histogram(
    "letterhead_domain_ready_seconds", "Time from a new domain's first DKIM record found to READY",
    buckets=(30, 60, 120, 300, 900, 1800, 3600, 14400, 86400, 259200),
)  # fmt: skip
OLDEST_WAIT = Gauge(
    "letterhead_domain_oldest_wait_seconds",
    "Longest time since a DKIM record was found, of domains that have all records and wait for SES",
    ["region"],
)
LEFTOVER_IDENTITIES = Gauge(
    "letterhead_ses_leftover_identities",
    "Identities in SES without a domain, according to the last sweep",
    ["region"],
)
ACCOUNT_STATE = Gauge(
    "letterhead_ses_account", "1 for the state that the SES account is in", ["region", "state"]
)
ACCOUNT_QUOTA = Gauge(
    "letterhead_ses_quota_recipients", "Maximum recipients in 24 hours; -1: no limit", ["region"]
)
ACCOUNT_SENT = Gauge("letterhead_ses_sent_recipients", "Recipients sent to in the last 24 hours", ["region"])
