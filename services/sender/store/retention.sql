-- erase_bodies --
-- Erases a batch of bodies and attachments, :age after their erase time.
WITH due AS (
    SELECT id FROM sender.emails
    WHERE body_erase_at <= now() - :age::interval
    ORDER BY body_erase_at LIMIT :limit
    FOR UPDATE SKIP LOCKED
), emptied AS (
    UPDATE sender.attachments AS a SET content = NULL FROM due WHERE a.email_id = due.id
)
UPDATE sender.emails AS e
SET text = NULL, html = NULL, body_erase_at = NULL
FROM due
WHERE e.id = due.id;

-- delete_old_emails --
-- Deletes a batch of emails that reached their last state :age ago, with recipients, attachments and attempts; none that
-- still has a body.
DELETE FROM sender.emails
WHERE id IN (
    SELECT id
    FROM sender.emails
    WHERE body_erase_at IS NULL
        AND state IN ('SENT', 'SUPPRESSED', 'FAILED', 'CANCELED', 'EXPIRED')
        AND state_at < now() - :age::interval
    ORDER BY state_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_requests --
-- Deletes a batch of answers to request_ids.
WITH old AS (
    SELECT tenant_id, request_id FROM sender.idempotency
    WHERE created_at < now() - :age::interval
    ORDER BY created_at LIMIT :limit
)
DELETE FROM sender.idempotency AS i
USING old
WHERE i.tenant_id = old.tenant_id AND i.request_id = old.request_id;

-- delete_old_tenant_days --
-- Deletes a batch of old daily counts of tenants.
DELETE FROM sender.tenant_days
WHERE (tenant_id, day) IN (
    SELECT tenant_id, day FROM sender.tenant_days WHERE day < (now() - :age::interval)::date LIMIT :limit
);

-- delete_old_heartbeats --
-- Deletes a batch of old heartbeats.
DELETE FROM sender.heartbeats
WHERE id IN (SELECT id FROM sender.heartbeats WHERE opened_at < now() - :age::interval LIMIT :limit);

-- delete_old_unmatched --
-- Deletes a batch of old feedback that never matched an email.
DELETE FROM sender.unmatched_feedback
WHERE id IN (
    SELECT id FROM sender.unmatched_feedback
    WHERE received_at < now() - :age::interval LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_test_addresses --
-- Deletes a batch of codes and confirmations that expired :age ago.
DELETE FROM sender.test_addresses
WHERE id IN (
    SELECT id FROM sender.test_addresses WHERE expires_at < now() - :age::interval ORDER BY expires_at LIMIT :limit
);

-- delete_old_strikes --
-- Deletes a batch of strikes on email accepted :age ago.
DELETE FROM sender.strikes
WHERE (email_id, match, kind) IN (
    SELECT email_id, match, kind
    FROM sender.strikes
    WHERE email_id < chassis.first_id(now() - :age::interval)
    ORDER BY email_id
    LIMIT :limit
);

-- delete_old_soft_bounces --
-- Deletes a batch of old soft bounces.
DELETE FROM sender.soft_bounces
WHERE (tenant_id, address, day) IN (
    SELECT tenant_id, address, day FROM sender.soft_bounces WHERE day < (now() - :age::interval)::date ORDER BY day LIMIT :limit
);

-- delete_ended_suppressions --
-- Deletes a batch of temporary suppressions that ended :age ago.
DELETE FROM sender.suppressions
WHERE (tenant_id, address) IN (
    SELECT tenant_id, address FROM sender.suppressions
    WHERE expires_at <= now() - :age::interval
    ORDER BY expires_at LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_notices --
-- Deletes a batch of records of notices.
DELETE FROM sender.notices
WHERE event_id IN (
    SELECT event_id FROM sender.notices WHERE created_at < now() - :age::interval ORDER BY created_at LIMIT :limit
);
