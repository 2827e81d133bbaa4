-- insert_request --
-- Store a request_id, after waiting for a concurrent transaction with the same one; no row if it already exists.
INSERT INTO identity.requests (tenant_id, operation, request_id, content_hash, resource_id)
VALUES (:tenant_id, :operation, :request_id, :content_hash, :resource_id)
ON CONFLICT (tenant_id, operation, request_id) DO NOTHING
RETURNING resource_id

-- get_request --
-- Return the content hash and the resource of a request_id.
SELECT content_hash, resource_id
FROM identity.requests
WHERE tenant_id = :tenant_id AND operation = :operation AND request_id = :request_id
