-- delete_old_notifications --
-- Deletes a batch of processed notifications that are older than $1.
DELETE FROM webhooks.notifications
WHERE id IN (
    SELECT id
    FROM webhooks.notifications
    WHERE received_at < now() - $1::interval AND processed_at IS NOT NULL
    ORDER BY received_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
);

-- delete_old_feedback --
-- Deletes a batch of feedback that is older than $1.
DELETE FROM webhooks.feedback
WHERE id IN (
    SELECT id
    FROM webhooks.feedback
    WHERE received_at < now() - $1::interval
    ORDER BY received_at
    LIMIT $2
);
