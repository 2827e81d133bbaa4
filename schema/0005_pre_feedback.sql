-- Feedback that comes before its email is known, and what counts against a tenant.

-- SES's events that carry no tag of ours and whose SES id no email had yet. Written by sender.
CREATE TABLE sender.unmatched_feedback (
    id          uuid PRIMARY KEY,
    ses_id      text NOT NULL,
    subject     text NOT NULL,
    data        jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now()
);
-- Serves the sweep that looks for their emails.
CREATE INDEX unmatched_feedback_due ON sender.unmatched_feedback (due_at);

-- Serves the timeline of an email: what was told of it without our tags.
CREATE INDEX feedback_untagged ON webhooks.feedback (ses_id) WHERE email_id IS NULL;

-- What counts against a tenant: addresses that bounced hard, people who complained; the simulator's never. Written by sender.
CREATE TABLE sender.strikes (
    email_id   uuid NOT NULL,
    match      text NOT NULL,
    kind       text NOT NULL,
    tenant_id  uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, match, kind),
    CONSTRAINT strikes_kind CHECK (kind IN ('BOUNCE', 'COMPLAINT'))
);

-- What the guard did about a tenant. Written by sender.
CREATE TABLE sender.reputations (
    tenant_id   uuid PRIMARY KEY,
    warned_at   timestamptz,
    -- Emails accepted before its last pause were judged by it, and are not held against it again: the least id since.
    judged_from uuid
);
