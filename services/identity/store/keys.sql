-- insert_key --
-- Stores a key; no row: it would be dead from the start.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint, claim_ids, expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8::timestamptz
WHERE $8::timestamptz IS NULL OR $8::timestamptz > now()
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at

-- ensure_key --
-- Stores a key of the installation's own once, however many replicas start; a revoked one stays revoked.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (key_hash) DO NOTHING

-- count_live_keys --
-- How many keys of a tenant work.
SELECT count(*)
FROM identity.api_keys
WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- count_claims --
-- How many of these domains are a tenant's and not going.
SELECT count(*)
FROM identity.claims
WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND phase IN ('PROVISIONING', 'ACTIVE')

-- list_keys --
-- A tenant's keys older than $2, newest first, or those newer than $3, oldest first; with $4 those that work.
SELECT id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at
FROM identity.api_keys
WHERE tenant_id = $1
    AND ($2::uuid IS NULL OR id < $2)
    AND ($3::uuid IS NULL OR id > $3)
    AND (NOT $4 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))
ORDER BY CASE WHEN $3::uuid IS NULL THEN id END DESC, id
LIMIT $5

-- get_key --
-- One key, of one tenant or, with NULL, of any.
SELECT id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at
FROM identity.api_keys
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2)

-- revoke_key --
-- Ends a key; the first time counts.
UPDATE identity.api_keys
SET revoked_at = coalesce(revoked_at, now())
WHERE id = $1
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at
