-- list_messages --
-- Returns the messages of an endpoint in these states (empty: all), newest first, after an id.
SELECT
    id, endpoint_id, type, state, attempts, occurred_at,
    CASE WHEN state = 'PENDING' THEN due_at END AS next_attempt_at,
    '' AS payload
FROM deliverer.messages
WHERE endpoint_id = :endpoint_id
    AND (:after::uuid IS NULL OR id < :after)
    AND (cardinality(:states::text[]) = 0 OR state = ANY (:states::text[]))
ORDER BY id DESC
LIMIT :limit;

-- get_message --
-- Returns one message of an endpoint.
SELECT
    id, endpoint_id, type, state, attempts, occurred_at,
    CASE WHEN state = 'PENDING' THEN due_at END AS next_attempt_at,
    payload
FROM deliverer.messages
WHERE id = :message_id AND endpoint_id = :endpoint_id;

-- list_attempts --
-- Returns the attempts to post a message, newest first, after an id.
SELECT id, status, problem, answer, duration, attempted_at
FROM deliverer.attempts
WHERE message_id = :message_id AND (:after::uuid IS NULL OR id < :after)
ORDER BY id DESC
LIMIT :limit;

-- request_delivery --
-- Stores a request for deliverer unless the same call stored one, and wakes deliverer. Returns its message, and the earlier one.
WITH stored AS (
    INSERT INTO webhooks.delivery_requests (id, tenant_id, endpoint_id, kind, message_id, since, caller_request_id)
    VALUES (:request_id, :tenant_id, :endpoint_id, :kind, :message_id, :since, :caller_request_id)
    ON CONFLICT ON CONSTRAINT delivery_requests_call DO NOTHING
    RETURNING message_id
)
SELECT s.message_id, pg_notify('webhooks_delivery_requests', '') FROM stored AS s
UNION ALL
SELECT r.message_id, NULL
FROM webhooks.delivery_requests AS r
WHERE r.endpoint_id = :endpoint_id AND r.caller_request_id = :caller_request_id;
