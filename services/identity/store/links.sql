-- find_claim_of_link --
-- The tenant and the phase of a claim, of one tenant or, with NULL, of any.
SELECT tenant_id, phase
FROM identity.claims
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2)

-- count_live_links --
-- How many links to a claim work.
SELECT count(*)
FROM identity.links
WHERE claim_id = $1 AND revoked_at IS NULL AND expires_at > now()

-- insert_link --
-- Stores a link; no row: it would be dead from the start, or live longer than a link may.
INSERT INTO identity.links (id, claim_id, name, token_hash, hint, tenant_id, expires_at)
SELECT $1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, now() + $8::interval)
WHERE $7::timestamptz IS NULL OR ($7::timestamptz > now() AND $7::timestamptz <= now() + $9::interval)
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at

-- list_links --
-- A page of a claim's links, newest first.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE claim_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3

-- get_link --
-- One link.
SELECT id, claim_id, name, hint, created_at, expires_at, revoked_at
FROM identity.links
WHERE id = $1

-- revoke_link --
-- Ends a link, of one tenant or, with NULL, of any; the first time counts.
UPDATE identity.links
SET revoked_at = coalesce(revoked_at, now())
WHERE id = $1 AND ($2::uuid IS NULL OR tenant_id = $2)
RETURNING id, claim_id, name, hint, created_at, expires_at, revoked_at
