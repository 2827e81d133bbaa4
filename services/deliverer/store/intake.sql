-- endpoints_of --
-- Returns the endpoints of these tenants.
SELECT id, tenant_id, types, claim_ids, created_at, disable_reason <> '' AS disabled
FROM deliverer.endpoints
WHERE tenant_id = ANY (:tenant_ids::uuid[]) AND deleted_at IS NULL;

-- describe_domains --
-- Returns these domains, each with one of its records; a domain without records once, without one.
SELECT
    d.id, d.name, d.region, d.created_at,
    r.purpose, r.type, r.name AS record_name, r.value, r.ttl, r.priority,
    coalesce(c.status, '') AS status,
    coalesce(c.zone, '') AS zone
FROM identity.domains AS d
LEFT JOIN identity.records AS r ON r.claim_id = d.id AND r.generation = d.generation
LEFT JOIN verifier.record_checks AS c
    ON c.claim_id = r.claim_id AND c.generation = r.generation AND c.position = r.position
WHERE d.id = ANY (:claim_ids::uuid[])
ORDER BY d.id, r.position;

-- insert_messages --
-- Stores messages, each once, and wakes the workers when the transaction commits.
WITH stored AS (
    INSERT INTO deliverer.messages (id, tenant_id, endpoint_id, type, payload, state, occurred_at)
    SELECT id, tenant_id, endpoint_id, type, payload, state, occurred_at
    FROM unnest(
        :ids::uuid[], :tenant_ids::uuid[], :endpoint_ids::uuid[], :types::text[], :payloads::text[],
        :states::text[], :times::timestamptz[]
    ) AS message (id, tenant_id, endpoint_id, type, payload, state, occurred_at)
    ON CONFLICT (id) DO NOTHING
)
SELECT pg_notify('deliverer_messages', '');
