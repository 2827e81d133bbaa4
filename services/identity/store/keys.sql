-- insert_key --
-- Store a key; no row if its expiry has already passed.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint, claim_ids, expires_at)
SELECT :key_id, :tenant_id, :name, :scope, :digest, :hint, :claim_ids, :expires_at::timestamptz
WHERE :expires_at::timestamptz IS NULL OR :expires_at::timestamptz > now()
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by

-- ensure_key --
-- Store an initial key unless it exists, so that several replicas may start at once and a revoked key stays revoked.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint)
VALUES (:key_id, :tenant_id, :name, :scope, :digest, :hint)
ON CONFLICT (key_hash) DO NOTHING

-- count_live_keys --
-- Count a tenant's active keys.
SELECT count(*)
FROM identity.api_keys
WHERE tenant_id = :tenant_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- count_claims --
-- Count those of the domains :requested that belong to a tenant, are visible to the caller (:claim_ids; NULL: all) and
-- are live.
SELECT count(*)
FROM identity.claims
WHERE tenant_id = :tenant_id
    AND (:claim_ids::uuid[] IS NULL OR id = ANY (:claim_ids))
    AND id = ANY(:requested::uuid[])
    AND phase IN ('PROVISIONING', 'ACTIVE')

-- list_keys --
-- Return a tenant's keys of these scopes: those older than :after, newest first, or those newer than :before, oldest
-- first; with :live_only only active ones.
SELECT id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by
FROM identity.api_keys
WHERE tenant_id = :tenant_id
    AND scope = ANY (:scopes::text[])
    AND (:after::uuid IS NULL OR id < :after)
    AND (:before::uuid IS NULL OR id > :before)
    AND (NOT :live_only OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())))
ORDER BY CASE WHEN :before::uuid IS NULL THEN id END DESC, id
LIMIT :limit

-- rename_key --
-- Rename a key of one tenant (NULL: any) and of these scopes.
UPDATE identity.api_keys
SET name = :name
WHERE id = :key_id AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id) AND scope = ANY (:scopes::text[])
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by

-- revoke_key --
-- Revoke a key of one tenant (NULL: any) and of these scopes; revoking it again keeps the first time.
UPDATE identity.api_keys
SET revoked_at = coalesce(revoked_at, now())
WHERE id = :key_id AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id) AND scope = ANY (:scopes::text[])
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by

-- tenant_of --
-- Return the tenant of a key of one tenant (NULL: any) and of these scopes.
SELECT tenant_id
FROM identity.api_keys
WHERE id = :key_id AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id) AND scope = ANY (:scopes::text[])

-- live_key --
-- Return a key that is neither revoked nor expired.
SELECT id, replaced_by
FROM identity.api_keys
WHERE id = :key_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- insert_successor --
-- Store a key with the name, scope, domains and lifetime of another one.
INSERT INTO identity.api_keys (id, tenant_id, name, scope, key_hash, hint, claim_ids, expires_at)
SELECT :new_id, tenant_id, name, scope, :digest, :hint, claim_ids, now() + (expires_at - created_at)
FROM identity.api_keys
WHERE id = :old_id
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by

-- end_replaced --
-- End a replaced key after the overlap, or when it would have expired, if that is sooner.
UPDATE identity.api_keys
SET replaced_by = :new_id, expires_at = least(expires_at, now() + :overlap::interval)
WHERE id = :old_id
RETURNING id, tenant_id, name, scope, claim_ids, hint, created_at, expires_at, revoked_at,
    replaced_by
