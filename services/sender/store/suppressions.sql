-- add_suppressions --
-- Suppresses addresses; leaves existing entries unchanged. Returns the new ones.
INSERT INTO sender.suppressions (id, tenant_id, address, reason, email_id, note, parameters)
SELECT id, tenant_id, address, reason, email_id, note, parameters
FROM unnest(
    :suppression_ids::uuid[], :tenant_ids::uuid[], :addresses::text[], :reasons::text[], :email_ids::uuid[], :notes::text[],
    :parameters::jsonb[]
) AS suppression (id, tenant_id, address, reason, email_id, note, parameters)
ON CONFLICT (tenant_id, address) DO NOTHING
RETURNING id, tenant_id, address, reason, email_id, note, parameters, created_at;

-- get_suppression --
-- Returns the entry of a tenant's list with an address or an id.
SELECT id, tenant_id, address, reason, email_id, note, parameters, created_at
FROM sender.suppressions
WHERE tenant_id = :tenant_id AND (address = :address OR id = :suppression_id);

-- remove_suppression --
-- Removes the entry of a tenant's list with an address or an id.
DELETE FROM sender.suppressions
WHERE tenant_id = :tenant_id AND (address = :address OR id = :suppression_id)
RETURNING id, tenant_id, address, reason, email_id, note, parameters, created_at;

-- list_suppressions --
-- Returns a tenant's entries, for some reasons or all: those older than :after, newest first, or newer than :before, oldest
-- first.
SELECT id, tenant_id, address, reason, email_id, note, parameters, created_at
FROM sender.suppressions
WHERE tenant_id = :tenant_id
    AND (:after::uuid IS NULL OR id < :after)
    AND (:before::uuid IS NULL OR id > :before)
    AND (:reasons::text[] IS NULL OR reason = ANY (:reasons))
ORDER BY CASE WHEN :before::uuid IS NULL THEN id END DESC, id
LIMIT :limit;
