-- find_claim_of_link --
-- Return the tenant and phase of a claim, limited to one tenant ($2) and some domains ($3); NULL: no limit.
SELECT tenant_id, phase
FROM identity.claims
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND ($3::uuid[] IS NULL OR id = ANY ($3))

-- count_live_links --
-- Count a claim's active links.
SELECT count(*)
FROM identity.links
WHERE claim_id = $1 AND revoked_at IS NULL AND expires_at > now()

-- insert_link --
-- Store a link; no row if its expiry has already passed or exceeds the maximum age ($9).
INSERT INTO identity.links (id, claim_id, name, token_hash, hint, tenant_id, expires_at)
SELECT $1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, now() + $8::interval)
WHERE $7::timestamptz IS NULL OR ($7::timestamptz > now() AND $7::timestamptz <= now() + $9::interval)
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at

-- list_links --
-- Return a page of a claim's links, newest first, limited to one tenant ($2) and some domains ($3); NULL: no limit.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE claim_id = $1
    AND ($2::uuid IS NULL OR tenant_id = $2)
    AND ($3::uuid[] IS NULL OR claim_id = ANY ($3))
    AND ($4::uuid IS NULL OR id < $4)
ORDER BY id DESC
LIMIT $5

-- get_link --
-- Return one link, limited to one tenant ($2) and some domains ($3); NULL: no limit.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND ($3::uuid[] IS NULL OR claim_id = ANY ($3))

-- revoke_link --
-- Revoke a link, limited to one tenant ($2) and some domains ($3); NULL: no limit. Revoking it again keeps the first
-- time.
UPDATE identity.links
SET revoked_at = coalesce(revoked_at, now())
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2) AND ($3::uuid[] IS NULL OR claim_id = ANY ($3))
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at
