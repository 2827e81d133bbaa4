"""All metrics of the webhooks service."""

from prometheus_client import Counter, Gauge

POLLS = Counter("letterhead_feedback_polls_total", "Receive calls to the feedback queue", ["outcome"])
POLLED_AT = Gauge("letterhead_feedback_polled_timestamp_seconds", "When the feedback queue last answered")
NOTIFICATIONS = Counter("letterhead_feedback_notifications_total", "Notifications, by outcome", ["outcome"])

REDRIVE = Gauge(
    "letterhead_feedback_queue_redrive",
    "1 while the queue moves rejected messages to a dead-letter queue, 0 while it has no redrive policy",
    ["region"],
)

POSTS = Counter("letterhead_sns_posts_total", "Posts to the SNS endpoint, by outcome", ["outcome"])
UNSUBSCRIBED = Counter("letterhead_sns_unsubscribed_total", "Subscriptions of the endpoint that ended")
REJECTIONS = Counter(
    "letterhead_sns_rejections_total", "Messages that failed verification, by whether they were stored",
    ["source", "reason", "stored"],
)  # fmt: skip
CERTIFICATES = Counter(
    "letterhead_sns_certificates_total", "Fetches of SNS's signing certificates", ["outcome"]
)

FEEDBACK_EVENTS = Counter(
    "letterhead_feedback_events_total", "Feedback events from SES, by kind", ["kind", "outcome"]
)
PROBLEMS = Counter("letterhead_feedback_problems_total", "Notifications that could not be processed")

OLD_SECRETS = Gauge(
    "letterhead_webhook_secrets_of_old_keys",
    "Endpoints whose secrets the first key had not encrypted when they were last checked",
)
OLD_SECRETS.set(float("nan"))  # not checked yet
