-- The messages posted to customers' endpoints, the attempts to post them, and the health of the endpoints. Written by
-- deliverer.

CREATE SCHEMA deliverer;
SELECT chassis.create_event_tables('deliverer');

-- An event for one endpoint, and for one recipient if it is about one.
CREATE TABLE deliverer.messages (
    -- Derived from the event, the endpoint and the recipient, so that the same event has it again. Sorts by time.
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    endpoint_id  uuid NOT NULL,
    type         text NOT NULL,
    -- The bytes that are posted and signed.
    payload      text NOT NULL,
    state        text NOT NULL DEFAULT 'PENDING',
    -- How often it was posted, and how often since the schedule began.
    attempts     integer NOT NULL DEFAULT 0,
    retries      integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    lease_token  bigint NOT NULL DEFAULT 0,
    occurred_at  timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT messages_state CHECK (state IN ('PENDING', 'DELIVERED', 'FAILED', 'UNSENT'))
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves the worker: the pending messages of each endpoint, by when they are due.
CREATE INDEX messages_pending ON deliverer.messages (endpoint_id, due_at) WHERE state = 'PENDING';
-- Serves ListEvents and replays.
CREATE INDEX messages_by_endpoint ON deliverer.messages (endpoint_id, id DESC);
-- Serves retention.
CREATE INDEX messages_created_at ON deliverer.messages (created_at);

-- Append-only.
CREATE TABLE deliverer.attempts (
    id           uuid PRIMARY KEY,
    message_id   uuid NOT NULL REFERENCES deliverer.messages ON DELETE CASCADE,
    endpoint_id  uuid NOT NULL,
    -- NULL: there was no answer, and `problem` says why.
    status       integer,
    problem      text NOT NULL DEFAULT '',
    answer       text NOT NULL DEFAULT '',
    duration     interval NOT NULL,
    attempted_at timestamptz NOT NULL DEFAULT now()
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves ListAttempts.
CREATE INDEX attempts_by_message ON deliverer.attempts (message_id, id DESC);

CREATE TABLE deliverer.endpoint_health (
    endpoint_id     uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    -- Since the last success.
    failing_since   timestamptz,
    failures        integer NOT NULL DEFAULT 0,
    timeouts        integer NOT NULL DEFAULT 0,
    warned_at       timestamptz,
    -- The endpoint is disabled, unless a caller has set its state since.
    disabled_at     timestamptz,
    disable_reason  text NOT NULL DEFAULT '',
    CONSTRAINT endpoint_health_disable_reason CHECK (disable_reason IN ('', 'GONE', 'FAILING'))
)
WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01);

-- The requests of webhooks.delivery_requests that were carried out.
CREATE TABLE deliverer.fulfilled_requests (
    request_id   uuid PRIMARY KEY,
    fulfilled_at timestamptz NOT NULL DEFAULT now()
);
-- Serves retention.
CREATE INDEX fulfilled_requests_fulfilled_at ON deliverer.fulfilled_requests (fulfilled_at);

-- Endpoints with what decides whether something is posted to them; the tables of both services.
CREATE VIEW deliverer.endpoints AS
SELECT
    e.id, e.tenant_id, e.url, e.types, e.claim_ids, e.secret, e.created_at, e.deleted_at,
    CASE WHEN e.previous_secret_expires_at > now() THEN e.previous_secret END AS previous_secret,
    CASE
        WHEN e.state = 'DISABLED' THEN 'REQUESTED'
        WHEN h.disabled_at > e.state_at THEN h.disable_reason
        ELSE ''
    END AS disable_reason,
    CASE WHEN e.state = 'DISABLED' THEN e.state_at WHEN h.disabled_at > e.state_at THEN h.disabled_at END AS disabled_at,
    CASE WHEN e.previous_secret_expires_at > now() THEN e.previous_secret_expires_at END AS previous_secret_expires_at,
    h.last_success_at, h.last_failure_at, h.failing_since, coalesce(h.timeouts, 0) AS timeouts
FROM webhooks.endpoints AS e
LEFT JOIN deliverer.endpoint_health AS h ON h.endpoint_id = e.id;
