-- delete_old_notifications --
-- Deletes a batch of processed notifications that are older than :age.
DELETE FROM webhooks.notifications
WHERE id IN (
    SELECT id
    FROM webhooks.notifications
    WHERE received_at < now() - :age::interval AND processed_at IS NOT NULL
    ORDER BY received_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_feedback --
-- Deletes a batch of feedback that is older than :age.
DELETE FROM webhooks.feedback
WHERE id IN (
    SELECT id
    FROM webhooks.feedback
    WHERE received_at < now() - :age::interval
    ORDER BY received_at
    LIMIT :limit
);

-- delete_old_endpoints --
-- Deletes a batch of endpoints that were deleted more than :age ago.
DELETE FROM webhooks.endpoints
WHERE id IN (
    SELECT id
    FROM webhooks.endpoints
    WHERE deleted_at < now() - :age::interval
    ORDER BY deleted_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_delivery_requests --
-- Deletes a batch of requests that are older than :age.
DELETE FROM webhooks.delivery_requests
WHERE id IN (
    SELECT id
    FROM webhooks.delivery_requests
    WHERE requested_at < now() - :age::interval
    ORDER BY requested_at
    LIMIT :limit
);
