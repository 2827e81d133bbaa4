-- add_suppressions --
-- Suppresses addresses; one that is on the list is left as it is. Gives the new.
INSERT INTO sender.suppressions (tenant_id, address, id, reason, email_id, note)
SELECT $1, address, id, $4, $5, note
FROM unnest($2::text[], $3::uuid[], $6::text[]) AS suppression (address, id, note)
ON CONFLICT (tenant_id, address) DO NOTHING
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- get_suppression --
-- One address of a tenant's list.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1 AND address = $2;

-- remove_suppression --
-- Takes an address off a tenant's list.
DELETE FROM sender.suppressions
WHERE tenant_id = $1 AND address = $2
RETURNING id, tenant_id, address, reason, email_id, note, created_at;

-- list_suppressions --
-- A tenant's list after an id, newest first.
SELECT id, tenant_id, address, reason, email_id, note, created_at
FROM sender.suppressions
WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC
LIMIT $3;
