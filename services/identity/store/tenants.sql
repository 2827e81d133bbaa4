-- insert_tenant --
-- Store a tenant; no row if the name is taken.
INSERT INTO identity.tenants (id, name, unready_policy, max_send_rate, daily_limit)
VALUES (:tenant_id, :name, :unready_policy, :max_send_rate, :daily_limit)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- get_tenant --
-- Return one tenant.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE id = :tenant_id

-- get_allowance --
-- Return what a tenant may send now, from sender's view.
SELECT rate, daily, sent_today, slow_reason, slowed_until
FROM sender.allowances
WHERE tenant_id = :tenant_id

-- ensure_operator --
-- Create the operator's tenant; no row if it exists or an ordinary tenant has the name.
INSERT INTO identity.tenants (id, name, unready_policy, is_operator)
VALUES (:tenant_id, :name, 'REFUSE', true)
ON CONFLICT DO NOTHING
RETURNING id

-- find_operator --
-- Return the id of the operator's tenant.
SELECT id
FROM identity.tenants
WHERE is_operator

-- list_tenants --
-- Return a page of tenants, newest first, limited to the tenant :tenant_id; NULL: no limit.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE (:after::uuid IS NULL OR id < :after) AND (:tenant_id::uuid IS NULL OR id = :tenant_id)
ORDER BY id DESC
LIMIT :limit

-- lock_tenant --
-- Serialize the creates of one tenant, so that concurrent ones cannot exceed its limits.
SELECT state, pause_reason
FROM identity.tenants
WHERE id = :tenant_id
FOR NO KEY UPDATE

-- update_tenant --
-- Change the fields named in :paths.
WITH wanted AS (
    SELECT
        id,
        CASE WHEN 'name' = ANY (:paths::text[]) THEN :name ELSE name END AS name,
        CASE WHEN 'unready_policy' = ANY (:paths) THEN :unready_policy ELSE unready_policy END AS unready_policy,
        CASE WHEN 'max_send_rate' = ANY (:paths) THEN :max_send_rate ELSE max_send_rate END AS max_send_rate,
        CASE WHEN 'daily_limit' = ANY (:paths) THEN :daily_limit ELSE daily_limit END AS daily_limit
    FROM identity.tenants
    WHERE id = :tenant_id
    FOR NO KEY UPDATE
)
UPDATE identity.tenants AS t
SET name = wanted.name,
    unready_policy = wanted.unready_policy,
    max_send_rate = wanted.max_send_rate,
    daily_limit = wanted.daily_limit,
    updated_at = CASE
        WHEN (t.name, t.unready_policy, t.max_send_rate, t.daily_limit)
            IS DISTINCT FROM (wanted.name, wanted.unready_policy, wanted.max_send_rate, wanted.daily_limit)
        THEN now()
        ELSE t.updated_at
    END
FROM wanted
WHERE t.id = wanted.id
RETURNING
    t.id, t.name, t.is_operator, t.state, t.unready_policy, t.pause_reason, t.created_at, t.updated_at,
    t.max_send_rate, t.daily_limit

-- move_tenant --
-- Move a tenant from one state to another; no row if it was in another state.
UPDATE identity.tenants
SET state = :after, pause_reason = :reason, updated_at = now()
WHERE id = :tenant_id AND state = :before
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- insert_transition --
-- Append to a tenant's history.
INSERT INTO identity.tenant_transitions (id, tenant_id, from_state, to_state, cause)
VALUES (:id, :tenant_id, :before, :after, :cause)
