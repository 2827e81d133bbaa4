-- insert_tenant --
-- Stores a tenant; no row: the name is taken.
INSERT INTO identity.tenants (id, name, unready_policy, max_send_rate, daily_limit)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- get_tenant --
-- One tenant.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE id = $1

-- get_allowance --
-- What a tenant may send now, by sender's reckoning.
SELECT rate, daily, sent_today, slow_reason, slowed_until
FROM sender.allowances
WHERE tenant_id = $1

-- ensure_operator --
-- Makes the operator's tenant where there is none; no row: there is one, or an ordinary tenant has the name.
INSERT INTO identity.tenants (id, name, unready_policy, is_operator)
VALUES ($1, $2, 'REFUSE', true)
ON CONFLICT DO NOTHING
RETURNING id

-- find_operator --
-- The id of the operator's tenant.
SELECT id
FROM identity.tenants
WHERE is_operator

-- list_tenants --
-- A page of tenants, newest first; of one ($3) or, with NULL, of all.
SELECT id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit
FROM identity.tenants
WHERE ($1::uuid IS NULL OR id < $1) AND ($3::uuid IS NULL OR id = $3)
ORDER BY id DESC
LIMIT $2

-- lock_tenant --
-- Makes creates of one tenant take turns, so that its limits and its names hold.
SELECT state, pause_reason
FROM identity.tenants
WHERE id = $1
FOR NO KEY UPDATE

-- update_tenant --
-- Changes the fields that are named ($2).
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
-- Moves a tenant from one state to another; no row: it was not in the first.
UPDATE identity.tenants
SET state = $3, pause_reason = $4, updated_at = now()
WHERE id = $1 AND state = $2
RETURNING id, name, is_operator, state, unready_policy, pause_reason, created_at, updated_at, max_send_rate, daily_limit

-- insert_transition --
-- Appends to a tenant's history.
INSERT INTO identity.tenant_transitions (id, tenant_id, from_state, to_state, cause)
VALUES ($1, $2, $3, $4, $5)
