-- add_suppressions --
-- Suppresses addresses. A temporary entry gives way to a permanent one, or to any once it has ended; others stay unchanged.
-- Returns the new ones.
INSERT INTO sender.suppressions (id, tenant_id, address, reason, email_id, note, parameters, expires_at)
SELECT id, tenant_id, address, reason, email_id, note, parameters, now() + duration
FROM unnest(
    :suppression_ids::uuid[], :tenant_ids::uuid[], :addresses::text[], :reasons::text[], :email_ids::uuid[], :notes::text[],
    :parameters::jsonb[], :durations::interval[]
) AS suppression (id, tenant_id, address, reason, email_id, note, parameters, duration)
ON CONFLICT (tenant_id, address) DO UPDATE SET
    id = excluded.id, reason = excluded.reason, email_id = excluded.email_id, note = excluded.note,
    parameters = excluded.parameters, expires_at = excluded.expires_at, created_at = excluded.created_at
    WHERE suppressions.expires_at <= now() OR (suppressions.expires_at IS NOT NULL AND excluded.expires_at IS NULL)
RETURNING id, tenant_id, address, reason, email_id, note, parameters, created_at, expires_at;

-- get_suppression --
-- Returns the entry of a tenant's list with an address or an id.
SELECT id, tenant_id, address, reason, email_id, note, parameters, created_at, expires_at
FROM sender.suppressions
WHERE tenant_id = :tenant_id
    AND (address = :address OR id = :suppression_id)
    AND (expires_at IS NULL OR expires_at > now());

-- remove_suppression --
-- Removes the entry of a tenant's list with an address or an id, and deletes the soft bounces of the address.
WITH removed AS (
    DELETE FROM sender.suppressions
    WHERE tenant_id = :tenant_id
        AND (address = :address OR id = :suppression_id)
        AND (expires_at IS NULL OR expires_at > now())
    RETURNING id, tenant_id, address, reason, email_id, note, parameters, created_at, expires_at
),
reset AS (
    DELETE FROM sender.soft_bounces AS b
    USING removed
    WHERE b.tenant_id = removed.tenant_id AND b.address = removed.address
)
SELECT id, tenant_id, address, reason, email_id, note, parameters, created_at, expires_at
FROM removed;

-- list_suppressions --
-- Returns a tenant's entries, for some reasons or all: those older than :after, newest first, or newer than :before, oldest
-- first.
SELECT id, tenant_id, address, reason, email_id, note, parameters, created_at, expires_at
FROM sender.suppressions
WHERE tenant_id = :tenant_id
    AND (expires_at IS NULL OR expires_at > now())
    AND (:after::uuid IS NULL OR id < :after)
    AND (:before::uuid IS NULL OR id > :before)
    AND (:reasons::text[] IS NULL OR reason = ANY (:reasons))
ORDER BY CASE WHEN :before::uuid IS NULL THEN id END DESC, id
LIMIT :limit;
