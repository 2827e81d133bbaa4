-- The endpoints to which deliverer posts a tenant's events, and the posts that callers request. Written by webhooks.

CREATE TABLE webhooks.endpoints (
    id                         uuid PRIMARY KEY,
    tenant_id                  uuid NOT NULL,
    url                        text NOT NULL,
    -- What it receives, by the names of EventType; of which domains: empty: all.
    types                      text[] NOT NULL,
    claim_ids                  uuid[] NOT NULL DEFAULT '{}',
    state                      text NOT NULL DEFAULT 'ENABLED',
    -- When a caller last set the state. What deliverer found before then no longer counts.
    state_at                   timestamptz NOT NULL DEFAULT now(),
    -- Encrypted with the key file of the installation.
    secret                     bytea NOT NULL,
    previous_secret            bytea,
    previous_secret_expires_at timestamptz,
    -- Of the call that created it, with a hash of its content.
    request_id                 text,
    content_hash               bytea NOT NULL,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    deleted_at                 timestamptz,
    CONSTRAINT endpoints_state CHECK (state IN ('ENABLED', 'DISABLED')),
    CONSTRAINT endpoints_types CHECK (cardinality(types) > 0),
    CONSTRAINT endpoints_request UNIQUE (tenant_id, request_id)
);
-- Serves ListEndpoints, the limit of a tenant, and deliverer, which looks up who receives an event.
CREATE INDEX endpoints_by_tenant ON webhooks.endpoints (tenant_id, id DESC) WHERE deleted_at IS NULL;
-- Serves retention.
CREATE INDEX endpoints_deleted ON webhooks.endpoints (deleted_at) WHERE deleted_at IS NOT NULL;

-- Posts that callers request; deliverer carries out each of them once.
CREATE TABLE webhooks.delivery_requests (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    endpoint_id  uuid NOT NULL,
    kind         text NOT NULL,
    -- Of TEST: the id of its message; of REPLAY: the message to post again.
    message_id   uuid,
    -- Of REPLAY_SINCE.
    since        timestamptz,
    -- Of the call, if it has one.
    caller_request_id text,
    requested_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT delivery_requests_call UNIQUE (endpoint_id, caller_request_id),
    CONSTRAINT delivery_requests_kind CHECK (
        kind IN ('TEST', 'REPLAY') AND message_id IS NOT NULL OR kind = 'REPLAY_SINCE' AND since IS NOT NULL
    )
);
-- Serves deliverer and retention.
CREATE INDEX delivery_requests_requested_at ON webhooks.delivery_requests (requested_at);
