-- The whole of Letterhead's state: one schema for each service, one writing service for each table (roles.sql).
-- Times are timestamptz and taken from the database's clock; ids are UUIDv7, made by the services.

CREATE SCHEMA IF NOT EXISTS chassis; -- chassis/migrate.py was here first, for its own table
CREATE SCHEMA identity;
CREATE SCHEMA verifier;
CREATE SCHEMA sender;
CREATE SCHEMA webhooks;

-- chassis ---------------------------------------------------------------------------------------------------------

-- A shared rate, kept as the theoretical arrival time of its next request (GCRA). The one table with several writers.
CREATE TABLE chassis.rate_bucket (
    key        text PRIMARY KEY,
    arrival_at timestamptz NOT NULL
);

-- The lock number that fences a claim: shared by whoever sends from it, exclusive for whoever takes that right away.
CREATE FUNCTION chassis.claim_lock(claim_id uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN hashtextextended(claim_id::text, 7130);

-- Makes the four tables that each service's events stand on; see chassis/events.py.
CREATE FUNCTION chassis.create_event_tables(service text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    -- Events, written in the transaction that made them true; relayed after, kept for replay.
    EXECUTE format($sql$
        CREATE TABLE %1$I.outbox (
            id           uuid PRIMARY KEY,
            subject      text NOT NULL,
            source       text NOT NULL,
            resource     text NOT NULL,
            tenant_id    uuid,
            data         jsonb NOT NULL,
            schema_name  text NOT NULL,
            occurred_at  timestamptz NOT NULL,
            created_at   timestamptz NOT NULL DEFAULT now(),
            leased_until timestamptz,
            published_at timestamptz
        )$sql$, service);
    -- Serves the relay: what is not published yet, oldest first.
    EXECUTE format('CREATE INDEX outbox_unpublished ON %I.outbox (created_at) WHERE published_at IS NULL', service);
    -- Serves replay and retention.
    EXECUTE format('CREATE INDEX outbox_created_at ON %I.outbox (created_at)', service);
    -- Events already applied, so that none is applied twice.
    EXECUTE format($sql$
        CREATE TABLE %1$I.inbox (
            consumer    text NOT NULL,
            event_id    uuid NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (consumer, event_id)
        )$sql$, service);
    -- Serves retention.
    EXECUTE format('CREATE INDEX inbox_received_at ON %I.inbox (received_at)', service);
    -- Events that could not be applied, kept for people to see.
    EXECUTE format($sql$
        CREATE TABLE %1$I.dead_letters (
            id         uuid PRIMARY KEY,
            consumer   text NOT NULL,
            event_id   uuid,
            subject    text NOT NULL,
            body       text NOT NULL,
            error      text NOT NULL,
            deliveries integer NOT NULL,
            dead_lettered_at  timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT dead_letters_event UNIQUE (consumer, event_id)
        )$sql$, service);
    -- The creation time of the stream that the outbox was relayed to: when it differs, the stream was lost.
    EXECUTE format($sql$
        CREATE TABLE %1$I.relay (
            stream     text PRIMARY KEY,
            created_at timestamptz NOT NULL
        )$sql$, service);
END $$;

SELECT chassis.create_event_tables(name) FROM unnest(ARRAY['identity', 'verifier', 'sender', 'webhooks']) AS name;

-- identity --------------------------------------------------------------------------------------------------------

-- Teams or products. Written by identity.
CREATE TABLE identity.tenants (
    id             uuid PRIMARY KEY,
    name           text NOT NULL,
    state          text NOT NULL DEFAULT 'ACTIVE',
    unready_policy text NOT NULL DEFAULT 'REFUSE',
    pause_reason   text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_name UNIQUE (name),
    CONSTRAINT tenants_state CHECK (state IN ('ACTIVE', 'PAUSED')),
    CONSTRAINT tenants_unready_policy CHECK (unready_policy IN ('REFUSE', 'SHARED'))
);

-- What happened to tenants, append-only. Written by identity.
CREATE TABLE identity.tenant_transitions (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES identity.tenants,
    from_state text,
    to_state   text NOT NULL,
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Keys, by the digest of their token. Written by identity.
CREATE TABLE identity.api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES identity.tenants,
    name       text NOT NULL,
    scope      text NOT NULL,
    key_hash   bytea NOT NULL,
    hint       text NOT NULL,
    claim_ids  uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_hash UNIQUE (key_hash),
    CONSTRAINT api_keys_scope CHECK (scope IN ('ADMIN', 'FULL_ACCESS', 'SENDING_ACCESS', 'SERVICE'))
);
-- Serves ListApiKeys.
CREATE INDEX api_keys_by_tenant ON identity.api_keys (tenant_id, id DESC);

-- The answers given to creates that carried a request_id; kept 30 days. Written by identity.
CREATE TABLE identity.requests (
    tenant_id    uuid NOT NULL,
    operation    text NOT NULL,
    request_id   text NOT NULL,
    content_hash bytea NOT NULL,
    resource_id  uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, operation, request_id)
);
-- Serves retention.
CREATE INDEX requests_created_at ON identity.requests (created_at);

-- Domains at SES: one for each account, region and name, whoever claims it. Written by identity.
CREATE TABLE identity.ses_identities (
    id               uuid PRIMARY KEY,
    account          text NOT NULL,
    region           text NOT NULL,
    name             text NOT NULL,
    state            text NOT NULL DEFAULT 'WANTED',
    generation       bigint NOT NULL DEFAULT 1,
    mail_from_label  text NOT NULL,
    arn              text,
    tokens           text[] NOT NULL DEFAULT '{}',
    hosted_zone      text,
    repair_cause     text NOT NULL DEFAULT '',
    problem          text NOT NULL DEFAULT '',
    attempts         integer NOT NULL DEFAULT 0,
    due_at           timestamptz DEFAULT now(),
    leased_until     timestamptz,
    lease_token            bigint NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ses_identities_name UNIQUE (account, region, name),
    -- WANTED: to be made or repaired; PRESENT: as wanted; UNWANTED: its last claim is going; ABSENT: not at SES.
    CONSTRAINT ses_identities_state CHECK (state IN ('WANTED', 'PRESENT', 'UNWANTED', 'ABSENT'))
);
-- Serves the worker: what is to be done at SES, most overdue first.
CREATE INDEX ses_identities_due ON identity.ses_identities (due_at) WHERE due_at IS NOT NULL;

-- A tenant's claims to names, tombstones included. Written by identity.
CREATE TABLE identity.claims (
    id                 uuid PRIMARY KEY,
    tenant_id          uuid NOT NULL REFERENCES identity.tenants,
    ses_identity_id    uuid NOT NULL REFERENCES identity.ses_identities,
    account            text NOT NULL,
    region             text NOT NULL,
    name               text NOT NULL,
    display_name       text NOT NULL,
    mail_from_label    text NOT NULL,
    phase              text NOT NULL DEFAULT 'PROVISIONING',
    phase_note         text NOT NULL DEFAULT '',
    holder             boolean NOT NULL,
    ownership_demanded boolean NOT NULL,
    ownership_token    text NOT NULL,
    generation         bigint NOT NULL DEFAULT 1,
    revision           bigint NOT NULL DEFAULT 1,
    due_at             timestamptz,
    leased_until       timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    phase_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT claims_phase CHECK (phase IN ('PROVISIONING', 'ACTIVE', 'DELETING', 'DELETED'))
);
-- Forbids two live claims of one tenant to one name.
CREATE UNIQUE INDEX claims_live ON identity.claims (tenant_id, name) WHERE phase <> 'DELETED';
-- Forbids two holders of one name.
CREATE UNIQUE INDEX claims_holder ON identity.claims (account, region, name) WHERE holder AND phase <> 'DELETED';
-- Serves ListDomains.
CREATE INDEX claims_by_tenant ON identity.claims (tenant_id, id DESC);
-- Serves "has another tenant, or had it ever, a claim to this name?".
CREATE INDEX claims_by_name ON identity.claims (name);
-- Serves the move of an identity's claims.
CREATE INDEX claims_by_ses_identity ON identity.claims (ses_identity_id);
-- Serves the worker that deletes.
CREATE INDEX claims_due ON identity.claims (due_at) WHERE due_at IS NOT NULL;

-- What happened to claims, append-only. Written by identity.
CREATE TABLE identity.claim_transitions (
    id         uuid PRIMARY KEY,
    claim_id   uuid NOT NULL REFERENCES identity.claims,
    from_phase text,
    to_phase   text NOT NULL,
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The DNS records of a claim in its present generation. Written by identity.
CREATE TABLE identity.records (
    claim_id   uuid NOT NULL REFERENCES identity.claims,
    generation bigint NOT NULL,
    position   integer NOT NULL,
    purpose    text NOT NULL,
    ordinal    integer NOT NULL,
    type       text NOT NULL,
    name       text NOT NULL,
    value      text NOT NULL,
    priority   integer NOT NULL DEFAULT 0,
    ttl        integer NOT NULL,
    required   boolean NOT NULL,
    PRIMARY KEY (claim_id, generation, position),
    CONSTRAINT records_purpose CHECK (purpose IN ('DKIM', 'RETURN_PATH', 'SPF', 'INBOUND', 'DMARC', 'OWNERSHIP')),
    CONSTRAINT records_type CHECK (type IN ('CNAME', 'MX', 'TXT'))
);

-- verifier --------------------------------------------------------------------------------------------------------

-- What is true of a claim: its state and the observations that it rests on. Written by verifier.
CREATE TABLE verifier.verifications (
    claim_id                 uuid PRIMARY KEY,
    generation               bigint NOT NULL,
    tenant_id                uuid NOT NULL,
    name                     text NOT NULL,
    account                  text NOT NULL,
    region                   text NOT NULL,
    state                    text NOT NULL DEFAULT 'PENDING',
    state_note               text NOT NULL DEFAULT '',
    state_at                 timestamptz NOT NULL DEFAULT now(),
    deadline_at              timestamptz,
    -- The axes as judged by the last look; unknown is a value.
    dkim_valid                boolean,
    mail_from_valid           boolean,
    -- The three agreeing looks that a DNS negative needs.
    failed_checks           integer NOT NULL DEFAULT 0,
    first_failed_at        timestamptz,
    -- SES, as it last answered; NULL where it was not asked.
    ses_verification_status  text,
    ses_dkim_status          text,
    ses_mail_from_status     text,
    ses_mail_from_domain     text,
    ses_verified_for_sending boolean,
    ses_error_type           text,
    ses_tokens               text[],
    ses_checked_at            timestamptz,
    ses_due_at               timestamptz,
    -- The schedule of looks at DNS.
    checks                    integer NOT NULL DEFAULT 0,
    checked_at                timestamptz,
    next_check_at             timestamptz,
    watched_until            timestamptz,
    repair_due_at            timestamptz,
    repairs                  integer NOT NULL DEFAULT 0,
    leased_until             timestamptz,
    lease_token                    bigint NOT NULL DEFAULT 0,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT verifications_state CHECK (state IN ('PENDING', 'READY', 'DEGRADED', 'LOST', 'FAILED'))
);
-- Serves the worker: the most overdue look first.
CREATE INDEX verifications_due ON verifier.verifications (next_check_at) WHERE next_check_at IS NOT NULL;
-- Serves the worker: whom to ask SES about.
CREATE INDEX verifications_ses_due ON verifier.verifications (ses_due_at) WHERE ses_due_at IS NOT NULL;
-- Serves the sweep of SES's list.
CREATE INDEX verifications_by_name ON verifier.verifications (account, region, name);

-- What the name servers last said of each record. Written by verifier.
CREATE TABLE verifier.record_checks (
    claim_id         uuid NOT NULL REFERENCES verifier.verifications ON DELETE CASCADE,
    generation       bigint NOT NULL,
    position         integer NOT NULL,
    status          text NOT NULL,
    message          text NOT NULL DEFAULT '',
    seen             text[] NOT NULL DEFAULT '{}',
    servers_agreeing integer NOT NULL DEFAULT 0,
    servers_asked    integer NOT NULL DEFAULT 0,
    checked_at        timestamptz NOT NULL,
    PRIMARY KEY (claim_id, generation, position),
    CONSTRAINT record_checks_status CHECK (status IN ('FOUND', 'MISSING', 'MISMATCH', 'CONFLICT', 'PROPAGATING', 'UNREACHABLE'))
);

-- Changes of state, append-only. Written by verifier.
CREATE TABLE verifier.transitions (
    id         uuid PRIMARY KEY,
    claim_id   uuid NOT NULL,
    generation bigint NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Serves ListTransitions.
CREATE INDEX transitions_by_claim ON verifier.transitions (claim_id, id DESC);

-- The SES account in each region. Written by verifier.
CREATE TABLE verifier.ses_account (
    account            text NOT NULL,
    region             text NOT NULL,
    state              text NOT NULL DEFAULT 'UNREACHABLE',
    state_note         text NOT NULL DEFAULT '',
    production_access  boolean,
    sending_enabled    boolean,
    enforcement_status text,
    max_send_rate      double precision NOT NULL DEFAULT 1,
    max_24_hour_send   double precision NOT NULL DEFAULT 200,
    sent_last_24_hours double precision NOT NULL DEFAULT 0,
    checked_at          timestamptz,
    due_at             timestamptz NOT NULL DEFAULT now(),
    swept_at           timestamptz,
    sweep_due_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, region),
    CONSTRAINT ses_account_state CHECK (state IN ('UNREACHABLE', 'READY', 'SANDBOXED', 'PAUSED', 'UNDER_REVIEW'))
);

-- sender ----------------------------------------------------------------------------------------------------------

-- Emails. Written by sender.
CREATE TABLE sender.emails (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    claim_id      uuid NOT NULL,
    batch_id      uuid,
    from_address  text NOT NULL,
    from_name     text NOT NULL DEFAULT '',
    reply_to      jsonb NOT NULL DEFAULT '[]',
    subject       text NOT NULL,
    text          text,
    html          text,
    headers       jsonb NOT NULL DEFAULT '{}',
    tags          jsonb NOT NULL DEFAULT '{}',
    size          bigint NOT NULL,
    state         text NOT NULL DEFAULT 'QUEUED',
    state_note    text NOT NULL DEFAULT '',
    state_at      timestamptz NOT NULL DEFAULT now(),
    sent_as       text,
    sent_from     text,
    ses_id        text,
    on_unknown    text NOT NULL DEFAULT 'HOLD',
    not_before    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    body_erase_at timestamptz,
    CONSTRAINT emails_state CHECK (state IN ('QUEUED', 'SENDING', 'SENT', 'SUPPRESSED', 'FAILED', 'CANCELED', 'EXPIRED', 'HELD', 'UNKNOWN')),
    CONSTRAINT emails_sent_as CHECK (sent_as IN ('OWN', 'SHARED')),
    CONSTRAINT emails_on_unknown CHECK (on_unknown IN ('HOLD', 'RESEND'))
);
-- Serves the claim of what is to be sent: the tenants that have some, and the oldest of each.
CREATE INDEX emails_queued ON sender.emails (tenant_id, not_before, id) WHERE state = 'QUEUED';
-- Serves deadlines of what waits.
CREATE INDEX emails_waiting ON sender.emails (expires_at) WHERE state IN ('QUEUED', 'HELD');
-- Serves ListEmails.
CREATE INDEX emails_by_tenant ON sender.emails (tenant_id, id DESC);
-- Serves feedback that carries SES's id alone.
CREATE INDEX emails_by_ses_id ON sender.emails (ses_id) WHERE ses_id IS NOT NULL;
-- Serves the release of held email when its domain changes.
CREATE INDEX emails_held ON sender.emails (claim_id) WHERE state = 'HELD';
-- Serves the erasing of bodies.
CREATE INDEX emails_body_erase ON sender.emails (body_erase_at) WHERE body_erase_at IS NOT NULL;

-- Changes of an email's state, append-only. Written by sender.
CREATE TABLE sender.email_transitions (
    id         uuid PRIMARY KEY,
    email_id   uuid NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
-- Serves GetEmail.
CREATE INDEX email_transitions_by_email ON sender.email_transitions (email_id, id);

-- Recipients of an email. Written by sender.
CREATE TABLE sender.recipients (
    email_id   uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    position   integer NOT NULL,
    kind       text NOT NULL,
    address    text NOT NULL,
    name       text NOT NULL DEFAULT '',
    -- The address in lower case: what suppressions and feedback are matched by.
    match      text NOT NULL,
    state      text NOT NULL DEFAULT 'PENDING',
    state_note text NOT NULL DEFAULT '',
    state_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, position),
    CONSTRAINT recipients_kind CHECK (kind IN ('TO', 'CC', 'BCC')),
    CONSTRAINT recipients_state CHECK (state IN ('PENDING', 'DELAYED', 'DELIVERED', 'BOUNCED', 'COMPLAINED', 'SUPPRESSED'))
);

-- Attempts to hand an email to SES: the row stands before the request leaves. Written by sender.
CREATE TABLE sender.attempts (
    id           uuid PRIMARY KEY,
    email_id     uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    tenant_id    uuid NOT NULL,
    claim_id     uuid NOT NULL,
    number       integer NOT NULL,
    state        text NOT NULL DEFAULT 'OPEN',
    worker       text NOT NULL,
    leased_until timestamptz NOT NULL,
    error        text NOT NULL DEFAULT '',
    ses_id       text,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    resolved_at   timestamptz,
    CONSTRAINT attempts_number UNIQUE (email_id, number),
    -- OPEN: the request may be on its way; ACCEPTED, REFUSED: SES's certain answer; UNKNOWN: the answer was lost;
    -- ABANDONED: the window passed without evidence.
    CONSTRAINT attempts_state CHECK (state IN ('OPEN', 'ACCEPTED', 'REFUSED', 'UNKNOWN', 'ABANDONED'))
);
-- Serves the take-over of a dead sender's attempts, and identity's wait for open ones.
CREATE INDEX attempts_open ON sender.attempts (leased_until) WHERE state = 'OPEN';
-- Serves identity's drain before a domain goes.
CREATE INDEX attempts_open_by_claim ON sender.attempts (claim_id) WHERE state = 'OPEN';
-- Serves settlement by evidence.
CREATE INDEX attempts_unknown ON sender.attempts (opened_at) WHERE state = 'UNKNOWN';

-- The answers given to sends that carried a request_id; kept 30 days. Written by sender.
CREATE TABLE sender.idempotency (
    tenant_id    uuid NOT NULL,
    request_id   text NOT NULL,
    content_hash bytea NOT NULL,
    email_ids    uuid[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_key PRIMARY KEY (tenant_id, request_id)
);
-- Serves retention.
CREATE INDEX idempotency_created_at ON sender.idempotency (created_at);

-- Addresses that a tenant's email is kept from. Written by sender.
CREATE TABLE sender.suppressions (
    tenant_id  uuid NOT NULL,
    address    text NOT NULL,
    id         uuid NOT NULL,
    reason     text NOT NULL,
    email_id   uuid,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, address),
    CONSTRAINT suppressions_reason CHECK (reason IN ('BOUNCE', 'COMPLAINT', 'MANUAL'))
);
-- Serves ListSuppressions.
CREATE INDEX suppressions_by_tenant ON sender.suppressions (tenant_id, id DESC);

-- webhooks --------------------------------------------------------------------------------------------------------

-- What arrived from SES, raw, before anything is made of it. Written by webhooks.
CREATE TABLE webhooks.notifications (
    id           uuid PRIMARY KEY,
    sns_id       text NOT NULL,
    topic_arn    text NOT NULL,
    body         text NOT NULL,
    received_at  timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    problem      text NOT NULL DEFAULT '',
    -- SNS repeats itself under the same id.
    CONSTRAINT notifications_sns_id UNIQUE (sns_id)
);
-- Serves the worker: what is stored and not yet understood.
CREATE INDEX notifications_open ON webhooks.notifications (received_at) WHERE processed_at IS NULL;
-- Serves retention.
CREATE INDEX notifications_received_at ON webhooks.notifications (received_at);

-- What SES told us, as facts. Written by webhooks.
CREATE TABLE webhooks.feedback (
    id          uuid PRIMARY KEY,
    -- The meaning of the fact, digested: SES repeats itself under new SNS ids too.
    meaning     bytea NOT NULL,
    kind        text NOT NULL,
    tenant_id   uuid,
    email_id    uuid,
    attempt_id  uuid,
    ses_id      text NOT NULL,
    recipients  text[] NOT NULL DEFAULT '{}',
    detail      jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feedback_meaning UNIQUE (meaning)
);
-- Serves settlement by evidence.
CREATE INDEX feedback_by_attempt ON webhooks.feedback (attempt_id) WHERE attempt_id IS NOT NULL;
-- Serves ListFeedback of one email.
CREATE INDEX feedback_by_email ON webhooks.feedback (email_id, id DESC) WHERE email_id IS NOT NULL;
-- Serves ListFeedback of a tenant.
CREATE INDEX feedback_by_tenant ON webhooks.feedback (tenant_id, id DESC);
-- Serves retention.
CREATE INDEX feedback_received_at ON webhooks.feedback (received_at);

-- views -----------------------------------------------------------------------------------------------------------

-- Keys that work now; what chassis/access asks.
CREATE VIEW identity.live_keys AS
SELECT k.key_hash, k.id AS key_id, k.tenant_id, t.state AS tenant_state, k.scope, k.claim_ids
FROM identity.api_keys AS k
JOIN identity.tenants AS t ON t.id = k.tenant_id
WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());

-- The public state of each domain, composed from the wish (claims) and the truth (verifications).
CREATE VIEW identity.domains AS
SELECT
    c.id, c.tenant_id, c.account, c.region, c.name, c.display_name, c.mail_from_label,
    c.generation, c.revision, c.holder, c.ownership_demanded, c.created_at, c.updated_at,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase
        WHEN v.generation = c.generation THEN v.state
        ELSE 'PENDING'
    END AS state,
    CASE
        WHEN c.phase <> 'ACTIVE' THEN c.phase_note
        WHEN v.generation = c.generation THEN v.state_note
        ELSE ''
    END AS state_note,
    CASE
        WHEN c.phase = 'ACTIVE' AND v.generation = c.generation THEN v.state_at
        ELSE c.phase_at
    END AS state_at,
    coalesce(c.phase = 'ACTIVE' AND v.generation = c.generation AND v.dkim_valid, false) AS dkim_valid
FROM identity.claims AS c
LEFT JOIN verifier.verifications AS v ON v.claim_id = c.id;
