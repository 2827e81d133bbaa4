-- insert_key --
-- Store a key; no row if its expiry has already passed.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint, claim_ids, expires_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8::timestamptz
WHERE $8::timestamptz IS NULL OR $8::timestamptz > now()
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at

-- ensure_key --
-- Store an initial key unless it exists, so that several replicas may start at once and a revoked key stays revoked.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (key_hash) DO NOTHING

-- count_live_keys --
-- Count a tenant's active keys.
SELECT count(*)
FROM identity.api_keys
WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- count_claims --
-- Count those of the domains ($3) that belong to a tenant, are visible to the caller ($2; NULL: all) and are live.
SELECT count(*)
FROM identity.claims
WHERE tenant_id = $1
    AND ($2::uuid[] IS NULL OR id = ANY ($2))
    AND id = ANY($3::uuid[])
    AND phase IN ('PROVISIONING', 'ACTIVE')

-- list_keys --
-- Return a tenant's keys of some scopes ($2): those older than $3, newest first, or those newer than $4, oldest
-- first; with $5 only active ones.
SELECT id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at
FROM identity.api_keys
WHERE tenant_id = $1
    AND scope = ANY ($2::text[])
    AND ($3::uuid IS NULL OR id < $3)
    AND ($4::uuid IS NULL OR id > $4)
    AND (NOT $5 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))
ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id
LIMIT $6

-- revoke_key --
-- Revoke a key of one tenant ($2; NULL: any) and of some scopes ($3); revoking it again keeps the first time.
UPDATE identity.api_keys
SET revoked_at = coalesce(revoked_at, now())
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND scope = ANY ($3::text[])
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at
