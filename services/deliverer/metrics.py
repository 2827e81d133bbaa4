"""All metrics of the deliverer service."""

from prometheus_client import Counter, Gauge, Histogram

POSTS = Counter("letterhead_webhook_posts_total", "Posts to customers' endpoints, by outcome", ["outcome"])
LATENCY = Histogram(
    "letterhead_webhook_latency_seconds", "Time from a message to its first post",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)  # fmt: skip
MESSAGES = Counter(
    "letterhead_webhook_messages_total", "Messages stored, by whether they will be posted", ["state"]
)
DISABLED = Counter("letterhead_webhook_endpoints_disabled_total", "Endpoints disabled, by reason", ["reason"])
OLDEST_DUE = Gauge(
    "letterhead_webhook_oldest_due_seconds",
    "How long the first message for a healthy endpoint has been due and not posted",
)
ENDPOINTS = Gauge(
    "letterhead_webhook_endpoints",
    "Enabled endpoints posted to within a day, and those of them where every post has failed for 10 minutes",
    ["state"],
)
