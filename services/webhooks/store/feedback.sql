-- store_notifications --
-- Stores notifications, once for each SNS message id; returns the ids that are new.
INSERT INTO webhooks.notifications (id, sns_id, topic_arn, body)
SELECT id, sns_id, topic_arn, body
FROM unnest(:ids::uuid[], :sns_ids::text[], :topic_arns::text[], :bodies::text[])
    AS arrived (id, sns_id, topic_arn, body)
ON CONFLICT (sns_id) DO NOTHING
RETURNING id;

-- record_poll --
-- Records that a region's queue answered and that everything it returned is stored, at most once per second.
INSERT INTO webhooks.intake AS i (queue, account, region, polled_at) VALUES (:queue, :account, :region, now())
ON CONFLICT (queue) DO UPDATE SET polled_at = now() WHERE i.polled_at < now() - interval '1 second';

-- lease_notifications --
-- Locks unprocessed notifications, oldest first, until the transaction ends; skips postponed ones.
SELECT id, body, received_at
FROM webhooks.notifications
WHERE processed_at IS NULL AND (leased_until IS NULL OR leased_until < now())
ORDER BY received_at
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- lease_notification --
-- Locks one unprocessed notification, even a postponed one.
SELECT id, body, received_at
FROM webhooks.notifications
WHERE id = :notification_id AND processed_at IS NULL
FOR UPDATE SKIP LOCKED;

-- postpone_failed --
-- Counts a failure and postpones a notification; returns how often it has failed.
UPDATE webhooks.notifications
SET attempts = attempts + 1, leased_until = now() + :delay::interval
WHERE id = :notification_id AND processed_at IS NULL
RETURNING attempts;

-- postpone --
-- Postpones notifications without counting a failure.
UPDATE webhooks.notifications
SET leased_until = now() + :delay::interval
WHERE id = ANY (:notification_ids) AND processed_at IS NULL;

-- attributable --
-- Of feedback events without our tags, returns the meaning of each that is stored already or whose SES id belongs to one of our emails.
SELECT feedback_event.meaning
FROM unnest(:meanings::bytea[], :ses_ids::text[]) AS feedback_event (meaning, ses_id)
WHERE EXISTS (SELECT FROM sender.email_references AS e WHERE e.ses_id = feedback_event.ses_id)
    OR EXISTS (SELECT FROM webhooks.feedback AS f WHERE f.meaning = feedback_event.meaning);

-- add_feedback --
-- Stores feedback events, given as one JSON array, and skips those whose meaning is stored already. One belongs to an email if its tags match one of our submissions; or match only an email, when a restored database has lost the submission; or, without tags, if an email has its SES id. One that was stored before its email was known is updated. Returns the meaning of each new or updated one, with its tenant, email and attempt, and what events say about the email.
WITH stored AS (
    INSERT INTO webhooks.feedback
        (id, meaning, kind, tenant_id, email_id, attempt_id, ses_id, recipients, detail, occurred_at)
    SELECT
        feedback_event.id,
        decode(feedback_event.meaning, 'hex'),
        feedback_event.kind,
        known.tenant_id,
        known.email_id,
        known.attempt_id,
        feedback_event.ses_id,
        feedback_event.recipients,
        feedback_event.detail,
        feedback_event.occurred_at
    FROM jsonb_to_recordset(:feedback_events::jsonb) AS feedback_event (
        id uuid, meaning text, kind text, tenant_id uuid, email_id uuid, attempt_id uuid, ses_id text,
        recipients text[], detail jsonb, occurred_at timestamptz
    )
    LEFT JOIN sender.submissions AS named ON named.id = feedback_event.attempt_id
    LEFT JOIN LATERAL (
        SELECT named.tenant_id, named.email_id, named.id AS attempt_id
        WHERE named.id IS NOT NULL
            AND named.email_id IS NOT DISTINCT FROM feedback_event.email_id
            AND named.tenant_id IS NOT DISTINCT FROM feedback_event.tenant_id
            AND coalesce(named.ses_id = feedback_event.ses_id, true)
        UNION ALL
        SELECT e.tenant_id, e.id, NULL
        FROM sender.email_references AS e
        WHERE named.id IS NULL
            AND e.id = feedback_event.email_id
            AND e.tenant_id = feedback_event.tenant_id
            AND coalesce(e.ses_id = feedback_event.ses_id, true)
        UNION ALL
        (
            SELECT e.tenant_id, e.id, NULL
            FROM sender.email_references AS e
            WHERE feedback_event.attempt_id IS NULL
                AND feedback_event.email_id IS NULL
                AND e.ses_id = feedback_event.ses_id
            ORDER BY e.id
            LIMIT 1
        )
    ) AS known ON true
    ON CONFLICT (meaning) DO UPDATE
    SET tenant_id = excluded.tenant_id, email_id = excluded.email_id, attempt_id = excluded.attempt_id
    WHERE feedback.email_id IS NULL AND excluded.email_id IS NOT NULL
    RETURNING meaning, tenant_id, email_id, attempt_id
)
SELECT
    stored.meaning, stored.tenant_id, stored.email_id, stored.attempt_id, r.claim_id, r.domain, r.region, r.from_address,
    r.from_name, r.subject, r.tags, r.recipients, r.created_at, r.send_at
FROM stored
LEFT JOIN sender.email_references AS r ON r.id = stored.email_id;

-- notify_sender --
-- Notifies sender, which resolves attempts by evidence, that feedback about attempts was stored.
SELECT pg_notify('webhooks_feedback', '');

-- mark_processed --
-- Marks notifications as processed, each with its problem or ''.
UPDATE webhooks.notifications AS n
SET processed_at = now(), leased_until = NULL, problem = done.problem
FROM unnest(:notification_ids::uuid[], :problems::text[]) AS done (id, problem)
WHERE n.id = done.id AND n.processed_at IS NULL;

-- list_feedback --
-- Returns a tenant's feedback, newest first, after an id; none for a caller that is restricted to domains (:claim_ids).
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE tenant_id = :tenant_id AND :claim_ids::uuid[] IS NULL AND (:after::uuid IS NULL OR id < :after)
ORDER BY id DESC
LIMIT :limit;

-- list_feedback_of_email --
-- Returns the feedback of one email of a tenant, newest first, after an id; none for a caller that is restricted to domains (:claim_ids).
SELECT id, kind, email_id, ses_id, recipients, detail, occurred_at, received_at
FROM webhooks.feedback
WHERE email_id = :email_id
    AND tenant_id = :tenant_id
    AND :claim_ids::uuid[] IS NULL
    AND (:after::uuid IS NULL OR id < :after)
ORDER BY id DESC
LIMIT :limit;
