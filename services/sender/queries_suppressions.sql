-- add_suppressions --
-- Suppresses addresses; one that is on the list is left as it is. Gives the new.
INSERT INTO sender.suppressions (tenant_id, address, id, reason, email_id, note)
SELECT $1, address, id, $4, $5, note
FROM unnest($2::text[], $3::uuid[], $6::text[]) AS suppression (address, id, note)
ON CONFLICT (tenant_id, address) DO NOTHING
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- get_suppression --
-- One address, or the entry of an id, of a tenant's list.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1 AND (address = $2 OR id = $3);

-- remove_suppression --
-- Takes an address, or the entry of an id, off a tenant's list.
DELETE FROM sender.suppressions
WHERE tenant_id = $1 AND (address = $2 OR id = $3)
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- list_suppressions --
-- A tenant's entries of some reasons or all: those older than $2, newest first, or newer than $3, oldest first.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1
    AND ($2::uuid IS NULL OR id < $2)
    AND ($3::uuid IS NULL OR id > $3)
    AND ($4::text[] IS NULL OR reason = ANY ($4))
ORDER BY CASE WHEN $3::uuid IS NULL THEN id END DESC, id
LIMIT $5;
