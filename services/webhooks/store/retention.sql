-- forget_notifications --
-- Deletes a batch of what arrived so long ago and is understood.
DELETE FROM webhooks.notifications
WHERE id IN (
    SELECT id
    FROM webhooks.notifications
    WHERE received_at < now() - $1::interval AND processed_at IS NOT NULL
    ORDER BY received_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
);

-- forget_feedback --
-- Deletes a batch of facts of so long ago.
DELETE FROM webhooks.feedback
WHERE id IN (
    SELECT id
    FROM webhooks.feedback
    WHERE received_at < now() - $1::interval
    ORDER BY received_at
    LIMIT $2
);
