-- keep_notifications --
-- Stores what arrived, once for each SNS id; gives the ids that are new.
INSERT INTO webhooks.notifications (id, sns_id, topic_arn, body)
SELECT id, sns_id, topic_arn, body
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS arrived (id, sns_id, topic_arn, body)
ON CONFLICT (sns_id) DO NOTHING
RETURNING id;

-- note_poll --
-- Says that a queue answered and that all it gave is stored; once a second is enough.
INSERT INTO webhooks.intake AS i (queue, polled_at) VALUES ($1, now())
ON CONFLICT (queue) DO UPDATE SET polled_at = now() WHERE i.polled_at < now() - interval '1 second';

-- claim_notifications --
-- Takes what is not understood yet, oldest first, until the transaction ends; what failed rests first.
SELECT id, body, received_at
FROM webhooks.notifications
WHERE processed_at IS NULL AND (leased_until IS NULL OR leased_until < now())
ORDER BY received_at
LIMIT $1
FOR UPDATE SKIP LOCKED;

-- claim_notification --
-- Takes one of these.
SELECT id, body, received_at
FROM webhooks.notifications
WHERE id = $1 AND processed_at IS NULL
FOR UPDATE SKIP LOCKED;

-- put_off --
-- Counts a failure and lets a notification rest for as long as $2; gives how often it failed.
UPDATE webhooks.notifications
SET attempts = attempts + 1, leased_until = now() + $2::interval
WHERE id = $1 AND processed_at IS NULL
RETURNING attempts;

-- add_feedback --
-- Keeps facts, given as one JSON array; those already known by their meaning are left out. Gives the meanings of the new.
INSERT INTO webhooks.feedback
    (id, meaning, kind, tenant_id, email_id, attempt_id, ses_id, recipients, detail, occurred_at)
SELECT id, decode(meaning, 'hex'), kind, tenant_id, email_id, attempt_id, ses_id, recipients, detail, occurred_at
FROM jsonb_to_recordset($1::jsonb) AS fact (
    id uuid, meaning text, kind text, tenant_id uuid, email_id uuid, attempt_id uuid, ses_id text,
    recipients text[], detail jsonb, occurred_at timestamptz
)
ON CONFLICT (meaning) DO NOTHING
RETURNING meaning;

-- notify_sender --
-- Tells sender, which settles by evidence, that something was heard of attempts.
SELECT pg_notify('webhooks_feedback', '');

-- mark_processed --
-- Closes notifications, each with its problem or ''.
UPDATE webhooks.notifications AS n
SET processed_at = now(), leased_until = NULL, problem = done.problem
FROM unnest($1::uuid[], $2::text[]) AS done (id, problem)
WHERE n.id = done.id AND n.processed_at IS NULL;

-- list_feedback --
-- A tenant's feedback, newest first, after an id.
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3;

-- list_feedback_of_email --
-- The feedback of one email of a tenant, newest first, after an id.
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE email_id = $4 AND tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3;
