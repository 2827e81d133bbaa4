"""The metrics of sender."""

from prometheus_client import Counter, Gauge

POSTS = Counter("letterhead_sender_posts_total", "Requests to SES by outcome", ["region", "outcome"])
MATCHED = Counter("letterhead_sender_feedback_matched_total", "Events whose email was identified later")
FEEDBACK_LIVE = Gauge(
    "letterhead_sender_feedback_live", "0 while an email is UNKNOWN and SES's events may not reach us"
)
EVENT_PATH_PROVEN = Gauge(
    "letterhead_sender_event_path_proven_timestamp_seconds",
    "When SES's event about a heartbeat last arrived; before the first, when the first heartbeat was sent",
    ["region"],
)
EVENT_PATH_EMAILS = Gauge(
    "letterhead_sender_event_path_emails",
    "Emails of the last hour that SES accepted, and those of them that it has reported by an event",
    ["region", "outcome"],
)
EVALUATIONS = Counter(
    "letterhead_sender_reputation_evaluations_total",
    "Tenants warned, slowed and paused for a poor reputation",
    ["outcome"],
)
QUEUE_OLDEST = Gauge(
    "letterhead_sender_queue_oldest_seconds",
    "How long the oldest email of the queue has been due, except email that its tenant's limits hold back",
    ["region"],
)
WAITING = Gauge("letterhead_sender_waiting_emails", "Emails that are HELD or UNKNOWN, up to 10000", ["state"])
UNDELIVERED_NOTICES = Gauge(
    "letterhead_sender_undelivered_notices",
    "Notices of the last day that did not reach their tenant, up to 10000",
    ["reason"],
)
SLOWED = Gauge("letterhead_sender_slowed_tenants", "Tenants that are slowed down for a poor reputation")
