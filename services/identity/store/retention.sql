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

-- forget_links --
-- Forgets a batch of links that were revoked, or came to their end, so long ago.
DELETE FROM identity.links
WHERE id IN (
    SELECT id
    FROM identity.links
    WHERE least(revoked_at, expires_at) < now() - $1::interval
    ORDER BY least(revoked_at, expires_at)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
