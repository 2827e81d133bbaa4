-- insert_tenant --
-- Stores a tenant; no row: the name is taken.
INSERT INTO identity.tenants (id, name, unready_policy)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING
RETURNING id, name, state, unready_policy, pause_reason, created_at, updated_at

-- get_tenant --
-- One tenant.
SELECT id, name, state, unready_policy, pause_reason, created_at, updated_at
FROM identity.tenants
WHERE id = $1

-- find_tenant --
-- The id of the tenant of a name.
SELECT id
FROM identity.tenants
WHERE name = $1

-- list_tenants --
-- A page of tenants, newest first.
SELECT id, name, state, unready_policy, pause_reason, created_at, updated_at
FROM identity.tenants
WHERE $1::uuid IS NULL OR id < $1
ORDER BY id DESC
LIMIT $2

-- lock_tenant --
-- Makes creates of one tenant take turns, so that its limits and its names hold.
SELECT state, pause_reason
FROM identity.tenants
WHERE id = $1
FOR NO KEY UPDATE

-- update_tenant --
-- Changes what is given; what is NULL stays.
UPDATE identity.tenants
SET name = coalesce($2, name),
    unready_policy = coalesce($3, unready_policy),
    updated_at = CASE
        WHEN (name, unready_policy) = (coalesce($2, name), coalesce($3, unready_policy)) THEN updated_at
        ELSE now()
    END
WHERE id = $1
RETURNING id, name, state, unready_policy, pause_reason, created_at, updated_at

-- move_tenant --
-- Moves a tenant from one state to another; no row: it was not in the first.
UPDATE identity.tenants
SET state = $3, pause_reason = $4, updated_at = now()
WHERE id = $1 AND state = $2
RETURNING id, name, state, unready_policy, pause_reason, created_at, updated_at

-- insert_transition --
-- Appends to a tenant's history.
INSERT INTO identity.tenant_transitions (id, tenant_id, from_state, to_state, cause)
VALUES ($1, $2, $3, $4, $5)
