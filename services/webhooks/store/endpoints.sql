-- lock_tenant --
-- Lets calls that create a tenant's endpoints run one after another, so that its limit holds.
SELECT pg_advisory_xact_lock(hashtextextended('webhooks.endpoints/' || :tenant_id::uuid, 0));

-- count_endpoints --
-- Counts a tenant's endpoints.
SELECT count(*) FROM webhooks.endpoints WHERE tenant_id = :tenant_id AND deleted_at IS NULL;

-- count_claims --
-- Counts those of the domains :requested that are a tenant's.
SELECT count(*)
FROM identity.claims
WHERE tenant_id = :tenant_id AND id = ANY (:requested::uuid[]) AND phase IN ('PROVISIONING', 'ACTIVE');

-- endpoint_of_request --
-- Returns the endpoint that a request created before, with a hash of its content.
SELECT id, content_hash FROM webhooks.endpoints WHERE tenant_id = :tenant_id AND request_id = :request_id;

-- insert_endpoint --
-- Stores an endpoint.
INSERT INTO webhooks.endpoints (id, tenant_id, url, types, claim_ids, secret, request_id, content_hash)
VALUES (:endpoint_id, :tenant_id, :url, :types, :claim_ids, :secret, :request_id, :content_hash);

-- get_endpoint --
-- Returns one endpoint of a tenant (NULL: any), with what deliverer found.
SELECT
    id, tenant_id, url, types, claim_ids, secret, previous_secret_expires_at, disable_reason, disabled_at,
    last_success_at, last_failure_at, failing_since, created_at
FROM deliverer.endpoints
WHERE id = :endpoint_id AND deleted_at IS NULL AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id);

-- list_endpoints --
-- Returns a tenant's endpoints: those older than :after, newest first, or those newer than :before, oldest first.
SELECT
    id, tenant_id, url, types, claim_ids, secret, previous_secret_expires_at, disable_reason, disabled_at,
    last_success_at, last_failure_at, failing_since, created_at
FROM deliverer.endpoints
WHERE tenant_id = :tenant_id
    AND deleted_at IS NULL
    AND (:after::uuid IS NULL OR id < :after)
    AND (:before::uuid IS NULL OR id > :before)
ORDER BY CASE WHEN :before::uuid IS NULL THEN id END DESC, id
LIMIT :limit;

-- update_endpoint --
-- Changes those values of an endpoint of a tenant (NULL: any) that are not NULL; returns its tenant.
UPDATE webhooks.endpoints
SET url = coalesce(:url, url),
    types = coalesce(:types, types),
    claim_ids = coalesce(:claim_ids, claim_ids),
    state = coalesce(:state, state),
    state_at = CASE WHEN :state::text IS NULL THEN state_at ELSE now() END
WHERE id = :endpoint_id AND deleted_at IS NULL AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
RETURNING tenant_id;

-- delete_endpoint --
-- Marks an endpoint of a tenant (NULL: any) as deleted, and removes its secrets; returns its id.
UPDATE webhooks.endpoints
SET deleted_at = coalesce(deleted_at, now()), secret = '', previous_secret = NULL
WHERE id = :endpoint_id AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
RETURNING id;

-- rotate_secret --
-- Replaces the secret of an endpoint of a tenant (NULL: any); the old one signs for a while. Returns its id.
UPDATE webhooks.endpoints
SET previous_secret = secret, previous_secret_expires_at = now() + :life::interval, secret = :secret
WHERE id = :endpoint_id AND deleted_at IS NULL AND (:tenant_id::uuid IS NULL OR tenant_id = :tenant_id)
RETURNING id;
