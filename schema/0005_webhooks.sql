-- What SES reports: notifications as they arrived, and the feedback events made of them. Written by webhooks.

-- When the feedback queue last answered and everything it gave was stored.
CREATE TABLE webhooks.intake (
    queue     text PRIMARY KEY,
    polled_at timestamptz NOT NULL
);

-- Notifications as they arrived, stored before they are processed.
CREATE TABLE webhooks.notifications (
    id           uuid PRIMARY KEY,
    sns_id       text NOT NULL,
    topic_arn    text NOT NULL,
    body         text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    problem      text NOT NULL DEFAULT '',
    -- SNS repeats itself under the same id.
    CONSTRAINT notifications_sns_id UNIQUE (sns_id)
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves the worker: what is stored and not yet processed.
CREATE INDEX notifications_open ON webhooks.notifications (received_at) WHERE processed_at IS NULL;
-- Serves retention.
CREATE INDEX notifications_received_at ON webhooks.notifications (received_at);

-- Feedback events.
CREATE TABLE webhooks.feedback (
    id          uuid PRIMARY KEY,
    -- A digest of what the event means: SES repeats itself under new SNS ids too.
    meaning     bytea NOT NULL,
    kind        text NOT NULL,
    tenant_id   uuid,
    email_id    uuid,
    attempt_id  uuid,
    ses_id      text NOT NULL,
    recipients  text[] NOT NULL DEFAULT '{}',
    detail      jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feedback_meaning UNIQUE (meaning)
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves resolution by evidence.
CREATE INDEX feedback_by_attempt ON webhooks.feedback (attempt_id) WHERE attempt_id IS NOT NULL;
-- Serves ListFeedback of one email.
CREATE INDEX feedback_by_email ON webhooks.feedback (email_id, id DESC) WHERE email_id IS NOT NULL;
-- Serves the timeline of an email: events that arrived without our tags.
CREATE INDEX feedback_untagged ON webhooks.feedback (ses_id) WHERE email_id IS NULL;
-- Serves ListFeedback of a tenant.
CREATE INDEX feedback_by_tenant ON webhooks.feedback (tenant_id, id DESC);
-- Serves retention.
CREATE INDEX feedback_received_at ON webhooks.feedback (received_at);
