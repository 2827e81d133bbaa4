-- open_requests --
-- Returns requests that were not carried out, oldest first.
SELECT r.id, r.tenant_id, r.endpoint_id, r.kind, r.message_id, r.since, r.requested_at
FROM webhooks.delivery_requests AS r
WHERE NOT EXISTS (SELECT FROM deliverer.fulfilled_requests AS f WHERE f.request_id = r.id)
ORDER BY r.requested_at
LIMIT :limit;

-- fulfil --
-- Marks a request as carried out; no row if it was before.
INSERT INTO deliverer.fulfilled_requests (request_id) VALUES (:request_id)
ON CONFLICT DO NOTHING
RETURNING request_id;

-- replay --
-- Makes a message due, in whatever state it is.
UPDATE deliverer.messages
SET state = 'PENDING', retries = 0, due_at = now(), leased_until = NULL, lease_token = lease_token + 1
WHERE id = :message_id AND endpoint_id = :endpoint_id;

-- replay_since --
-- Makes what was not delivered to an endpoint since a time due, unless it is being posted.
UPDATE deliverer.messages
SET state = 'PENDING', retries = 0, due_at = now(), leased_until = NULL, lease_token = lease_token + 1
WHERE endpoint_id = :endpoint_id
    AND state <> 'DELIVERED'
    AND occurred_at >= :since
    AND (leased_until IS NULL OR leased_until < now());
