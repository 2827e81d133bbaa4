-- Settlement of lost answers: what makes silence mean something, and what waits for somebody's decision.

-- When the queue of SES's feedback last answered and all it gave was stored. Written by webhooks.
CREATE TABLE webhooks.intake (
    queue     text PRIMARY KEY,
    polled_at timestamptz NOT NULL
);

-- For how long SES's events were heard, all told: a clock that stands while they may not reach us. Written by sender.
CREATE TABLE sender.feedback_liveness (
    source    text PRIMARY KEY, -- account, region and configuration set
    received_for interval NOT NULL DEFAULT '0',
    checked_at timestamptz NOT NULL DEFAULT now()
);

-- Our own emails to SES's mailbox simulator, whose events prove that the way back works. Written by sender.
CREATE TABLE sender.heartbeats (
    id        uuid PRIMARY KEY,
    source    text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now()
);
-- Serves the newest that were heard of.
CREATE INDEX heartbeats_opened ON sender.heartbeats (source, opened_at DESC);

-- What that clock showed when events of later attempts had come; NULL before.
ALTER TABLE sender.attempts ADD COLUMN absent_from interval;
-- Serves late evidence for what was sent again, or settled by an operator.
CREATE INDEX attempts_abandoned ON sender.attempts (opened_at) WHERE state = 'ABANDONED';

-- Held until somebody decides, whatever becomes of its domain.
ALTER TABLE sender.emails ADD COLUMN decision_demanded boolean NOT NULL DEFAULT false;
-- Serves "is anything unknown?".
CREATE INDEX emails_unknown ON sender.emails (id) WHERE state = 'UNKNOWN';
-- Serves deadlines of what waits; it takes the place of `emails_waiting`, which knew no UNKNOWN.
CREATE INDEX emails_ending ON sender.emails (expires_at) WHERE state IN ('QUEUED', 'HELD', 'UNKNOWN');
DROP INDEX sender.emails_waiting;
-- Serves late evidence for them, where the attempt that it is about was lost with the database.
CREATE INDEX emails_undecided ON sender.emails (id) WHERE decision_demanded;
