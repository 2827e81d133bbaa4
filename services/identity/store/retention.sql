-- delete_old_requests --
-- Delete a batch of request ids older than $1, which are no longer deduplicated.
DELETE FROM identity.requests
WHERE (tenant_id, operation, request_id) IN (
    SELECT tenant_id, operation, request_id
    FROM identity.requests
    WHERE created_at < now() - $1::interval
    ORDER BY created_at
    LIMIT $2
)

-- delete_old_links --
-- Delete a batch of links that were revoked or expired longer ago than $1.
DELETE FROM identity.links
WHERE id IN (
    SELECT id
    FROM identity.links
    WHERE least(revoked_at, expires_at) < now() - $1::interval
    ORDER BY least(revoked_at, expires_at)
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
