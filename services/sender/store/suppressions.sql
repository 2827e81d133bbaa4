-- add_suppressions --
-- Suppresses addresses; leaves existing entries unchanged. Returns the new ones.
INSERT INTO sender.suppressions (id, tenant_id, address, reason, email_id, note)
SELECT id, tenant_id, address, reason, email_id, note
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[])
    AS suppression (id, tenant_id, address, reason, email_id, note)
ON CONFLICT (tenant_id, address) DO NOTHING
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- get_suppression --
-- Returns the entry of a tenant's list with an address or an id.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1 AND (address = $2 OR id = $3);

-- remove_suppression --
-- Removes the entry of a tenant's list with an address or an id.
DELETE FROM sender.suppressions
WHERE tenant_id = $1 AND (address = $2 OR id = $3)
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- list_suppressions --
-- Returns a tenant's entries, for some reasons or all: those older than $2, newest first, or newer than $3, oldest first.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1
    AND ($2::uuid IS NULL OR id < $2)
    AND ($3::uuid IS NULL OR id > $3)
    AND ($4::text[] IS NULL OR reason = ANY ($4))
ORDER BY CASE WHEN $3::uuid IS NULL THEN id END DESC, id
LIMIT $5;
