-- Links: what a tenant hands to whoever publishes a domain's records, so that they need no account.

-- Links, by the digest of their token. Written by identity.
CREATE TABLE identity.links (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES identity.tenants,
    claim_id   uuid NOT NULL REFERENCES identity.claims,
    name       text NOT NULL,
    token_hash bytea NOT NULL,
    hint       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    CONSTRAINT links_hash UNIQUE (token_hash)
);
-- Serves ListLinks, and the limit of live links.
CREATE INDEX links_by_claim ON identity.links (claim_id, id);

-- Who is behind a token, key or link; a dead one is not in it, nor a link to a domain that is going.
CREATE OR REPLACE VIEW identity.live_keys AS
SELECT k.key_hash, k.id AS key_id, k.tenant_id, t.state AS tenant_state, k.scope, k.claim_ids
FROM identity.api_keys AS k
JOIN identity.tenants AS t ON t.id = k.tenant_id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
UNION ALL
SELECT l.token_hash, l.id, l.tenant_id, t.state, 'LINK', ARRAY[l.claim_id]
FROM identity.links AS l
JOIN identity.tenants AS t ON t.id = l.tenant_id
JOIN identity.claims AS c ON c.id = l.claim_id
WHERE l.revoked_at IS NULL AND l.expires_at > now() AND c.phase IN ('PROVISIONING', 'ACTIVE');
