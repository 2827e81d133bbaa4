-- delete_old_requests --
-- Delete a batch of request ids older than :age, which are no longer deduplicated.
DELETE FROM identity.requests
WHERE (tenant_id, operation, request_id) IN (
    SELECT tenant_id, operation, request_id
    FROM identity.requests
    WHERE created_at < now() - :age::interval
    ORDER BY created_at
    LIMIT :limit
)

-- delete_old_links --
-- Delete a batch of links that were revoked or expired longer ago than :age.
DELETE FROM identity.links
WHERE id IN (
    SELECT id
    FROM identity.links
    WHERE least(revoked_at, expires_at) < now() - :age::interval
    ORDER BY least(revoked_at, expires_at)
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)

-- delete_old_confirmations --
-- Delete a batch of confirmations of contacts whose code expired longer ago than :age.
DELETE FROM identity.contact_confirmations
WHERE id IN (
    SELECT id
    FROM identity.contact_confirmations
    WHERE expires_at < now() - :age::interval
    ORDER BY expires_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
