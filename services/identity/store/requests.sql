-- insert_request --
-- Takes a request_id; waits for whoever is taking the same one. No row: it was taken before.
INSERT INTO identity.requests (tenant_id, operation, request_id, content_hash, resource_id)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, operation, request_id) DO NOTHING
RETURNING resource_id

-- get_request --
-- What a request_id stands for.
SELECT content_hash, resource_id
FROM identity.requests
WHERE tenant_id = $1 AND operation = $2 AND request_id = $3
