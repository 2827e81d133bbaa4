-- insert_tenant --
-- Store a tenant; no row if the name is taken.
INSERT INTO identity.tenants (id, name, unready_policy, max_send_rate, daily_limit)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- get_tenant --
-- Return one tenant.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE id = $1

-- get_allowance --
-- Return what a tenant may send now, from sender's view.
SELECT rate, daily, sent_today, slow_reason, slowed_until
FROM sender.allowances
WHERE tenant_id = $1

-- ensure_operator --
-- Create the operator's tenant; no row if it exists or an ordinary tenant has the name.
INSERT INTO identity.tenants (id, name, unready_policy, is_operator)
VALUES ($1, $2, 'REFUSE', true)
ON CONFLICT DO NOTHING
RETURNING id

-- find_operator --
-- Return the id of the operator's tenant.
SELECT id
FROM identity.tenants
WHERE is_operator

-- list_tenants --
-- Return a page of tenants, newest first, limited to one ($3); NULL: no limit.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE ($1::uuid IS NULL OR id < $1) AND ($3::uuid IS NULL OR id = $3)
ORDER BY id DESC
LIMIT $2

-- lock_tenant --
-- Serialize the creates of one tenant, so that concurrent ones cannot exceed its limits.
SELECT state, pause_reason
FROM identity.tenants
WHERE id = $1
FOR NO KEY UPDATE

-- update_tenant --
-- Change the named fields ($2).
WITH wanted AS (
    SELECT
        id,
        CASE WHEN 'name' = ANY ($2::text[]) THEN $3 ELSE name END AS name,
        CASE WHEN 'unready_policy' = ANY ($2) THEN $4 ELSE unready_policy END AS unready_policy,
        CASE WHEN 'max_send_rate' = ANY ($2) THEN $5 ELSE max_send_rate END AS max_send_rate,
        CASE WHEN 'daily_limit' = ANY ($2) THEN $6 ELSE daily_limit END AS daily_limit
    FROM identity.tenants
    WHERE id = $1
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
    t.id, t.name, t.is_operator, t.state, t.unready_policy, t.pause_reason, t.created_at, t.updated_at, t.max_send_rate, t.daily_limit

-- move_tenant --
-- Move a tenant from one state to another; no row if it was in another state.
UPDATE identity.tenants
SET state = $3, pause_reason = $4, updated_at = now()
WHERE id = $1 AND state = $2
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- insert_transition --
-- Append to a tenant's history.
INSERT INTO identity.tenant_transitions (id, tenant_id, from_state, to_state, cause)
VALUES ($1, $2, $3, $4, $5)
