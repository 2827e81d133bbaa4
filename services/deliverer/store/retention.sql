-- delete_old_messages --
-- Deletes a batch of messages that are older than :age, with their attempts.
DELETE FROM deliverer.messages
WHERE id IN (
    SELECT id
    FROM deliverer.messages
    WHERE created_at < now() - :age::interval
    ORDER BY created_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
);

-- delete_old_fulfilled_requests --
-- Deletes a batch of requests that were carried out more than :age ago.
DELETE FROM deliverer.fulfilled_requests
WHERE request_id IN (
    SELECT request_id
    FROM deliverer.fulfilled_requests
    WHERE fulfilled_at < now() - :age::interval
    ORDER BY fulfilled_at
    LIMIT :limit
);

-- delete_health_of_deleted --
-- Deletes a batch of rows whose endpoint no longer exists; of an endpoint whose first post was just stored, :age ago.
DELETE FROM deliverer.endpoint_health AS h
WHERE h.endpoint_id IN (
    SELECT o.endpoint_id
    FROM deliverer.endpoint_health AS o
    WHERE greatest(o.last_success_at, o.last_failure_at) < now() - :age::interval
        AND NOT EXISTS (SELECT FROM webhooks.endpoints AS e WHERE e.id = o.endpoint_id)
    LIMIT :limit
);
