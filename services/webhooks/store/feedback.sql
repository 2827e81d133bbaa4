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

-- hold --
-- Leaves notifications for later, as long as $2, without counting a failure.
UPDATE webhooks.notifications
SET leased_until = now() + $2::interval
WHERE id = ANY ($1) AND processed_at IS NULL;

-- attributable --
-- Of facts without our tags, gives the meanings of those whose SES id is an email's of ours, or that are known already.
SELECT fact.meaning
FROM unnest($1::bytea[], $2::text[]) AS fact (meaning, ses_id)
WHERE EXISTS (SELECT FROM sender.email_references AS e WHERE e.ses_id = fact.ses_id)
    OR EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.meaning = fact.meaning);

-- add_feedback --
-- Keeps facts, given as one JSON array; those already known by their meaning are left out. A fact is about an email where its tags are those of a submission of ours; or of an email alone, when a restored database has lost the submission; without tags, where its SES id is an email's. One that was kept before its email was known is completed. Gives the meanings of the new and the completed, and what each is about.
INSERT INTO webhooks.feedback
    (id, meaning, kind, tenant_id, email_id, attempt_id, ses_id, recipients, detail, occurred_at)
SELECT
    fact.id, decode(fact.meaning, 'hex'), fact.kind, known.tenant_id, known.email_id, known.attempt_id, fact.ses_id,
    fact.recipients, fact.detail, fact.occurred_at
FROM jsonb_to_recordset($1::jsonb) AS fact (
    id uuid, meaning text, kind text, tenant_id uuid, email_id uuid, attempt_id uuid, ses_id text,
    recipients text[], detail jsonb, occurred_at timestamptz
)
LEFT JOIN sender.submissions AS named ON named.id = fact.attempt_id
LEFT JOIN LATERAL (
    SELECT named.tenant_id, named.email_id, named.id AS attempt_id
    WHERE named.id IS NOT NULL
        AND named.email_id IS NOT DISTINCT FROM fact.email_id
        AND named.tenant_id IS NOT DISTINCT FROM fact.tenant_id
        AND coalesce(named.ses_id = fact.ses_id, true)
    UNION ALL
    SELECT e.tenant_id, e.id, NULL
    FROM sender.email_references AS e
    WHERE named.id IS NULL
        AND e.id = fact.email_id
        AND e.tenant_id = fact.tenant_id
        AND coalesce(e.ses_id = fact.ses_id, true)
    UNION ALL
    (
        SELECT e.tenant_id, e.id, NULL
        FROM sender.email_references AS e
        WHERE fact.attempt_id IS NULL AND fact.email_id IS NULL AND e.ses_id = fact.ses_id
        ORDER BY e.id
        LIMIT 1
    )
) AS known ON true
ON CONFLICT (meaning) DO UPDATE
SET tenant_id = excluded.tenant_id, email_id = excluded.email_id, attempt_id = excluded.attempt_id
WHERE feedback.email_id IS NULL AND excluded.email_id IS NOT NULL
RETURNING meaning, tenant_id, email_id, attempt_id;

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
-- A tenant's feedback, newest first, after an id; none for a caller that is tied to domains ($2).
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE tenant_id = $1 AND $2::uuid[] IS NULL AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4;

-- list_feedback_of_email --
-- The feedback of one email of a tenant, newest first, after an id; none for a caller that is tied to domains ($2).
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE email_id = $5 AND tenant_id = $1 AND $2::uuid[] IS NULL AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC
LIMIT $4;
