-- forget_requests --
-- Ends the promise made for old request ids, a batch at a time.
DELETE FROM identity.requests
WHERE (tenant_id, operation, request_id) IN (
    SELECT tenant_id, operation, request_id
    FROM identity.requests
    WHERE created_at < now() - $1::interval
    ORDER BY created_at
    LIMIT $2
)
