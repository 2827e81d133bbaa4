-- list_secrets --
-- Returns the secrets of a batch of endpoints after an id.
SELECT id, secret, previous_secret
FROM webhooks.endpoints
WHERE deleted_at IS NULL AND id > :after
ORDER BY id
LIMIT :limit;

-- replace_secrets --
-- Replaces the secrets of an endpoint by the same secrets, encrypted with another key, unless they were rotated or deleted.
UPDATE webhooks.endpoints
SET secret = :secret, previous_secret = :previous_secret
WHERE id = :endpoint_id
    AND secret = :old_secret
    AND previous_secret IS NOT DISTINCT FROM :old_previous_secret;
