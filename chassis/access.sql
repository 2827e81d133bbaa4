-- live_key --
-- Return the live key or link with this digest.
SELECT key_id, tenant_id, tenant_state, scope, claim_ids
FROM identity.live_keys
WHERE key_hash = :key_hash

-- live_among --
-- Return which of these keys and links are live.
SELECT key_id FROM identity.live_keys WHERE key_id = ANY (:key_ids)
