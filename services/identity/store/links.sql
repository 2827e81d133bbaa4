-- find_claim_of_link --
-- Return the tenant, phase and name of a claim, limited to one tenant and to the domains :claim_ids; NULL: no limit.
SELECT tenant_id, phase, name
FROM identity.claims
WHERE id = :claim_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR id = ANY (:claim_ids))

-- count_live_links --
-- Count a claim's active links.
SELECT count(*)
FROM identity.links
WHERE claim_id = :claim_id AND revoked_at IS NULL AND expires_at > now()

-- insert_link --
-- Store a link; no row if its expiry has already passed or exceeds the maximum age.
INSERT INTO identity.links (id, claim_id, name, token_hash, hint, tenant_id, expires_at)
SELECT
    :link_id, :claim_id, :name, :digest, :hint, :tenant_id,
    coalesce(:expires_at::timestamptz, now() + :default_age::interval)
WHERE :expires_at::timestamptz IS NULL
    OR (:expires_at::timestamptz > now() AND :expires_at::timestamptz <= now() + :max_age::interval)
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at

-- list_links --
-- Return a page of a claim's links, newest first, limited to one tenant and to the domains :claim_ids; NULL: no limit.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE claim_id = :claim_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))
    AND (:after::uuid IS NULL OR id < :after)
ORDER BY id DESC
LIMIT :limit

-- get_link --
-- Return one link, limited to one tenant and to the domains :claim_ids; NULL: no limit.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE id = :link_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))

-- revoke_link --
-- Revoke a link, limited to one tenant and to the domains :claim_ids; NULL: no limit. Revoking it again keeps the first
-- time.
UPDATE identity.links
SET revoked_at = coalesce(revoked_at, now())
WHERE id = :link_id
    AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
    AND (:claim_ids::uuid[] IS NULL OR claim_id = ANY (:claim_ids))
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at
