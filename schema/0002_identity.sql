-- Tenants, keys, links, and claims to domain names with their SES identities and DNS records. Written by identity.

CREATE TABLE identity.tenants (
    id              uuid PRIMARY KEY,
    name            text NOT NULL,
    state           text NOT NULL DEFAULT 'ACTIVE',
    unready_policy  text NOT NULL DEFAULT 'REFUSE',
    pause_reason    text NOT NULL DEFAULT '',
    -- Limits of this tenant alone; NULL: those of the installation.
    max_send_rate   double precision,
    daily_limit     bigint,
    -- The operator's own tenant. Immutable, so that no rename and no careless UPDATE makes another tenant the operator.
    is_operator     boolean NOT NULL DEFAULT false,
    -- What pages and notices show their readers: whom to ask, and how the tenant looks. Reserved.
    contact_address text NOT NULL DEFAULT '',
    support_address text NOT NULL DEFAULT '',
    logo_url        text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_name UNIQUE (name),
    CONSTRAINT tenants_state CHECK (state IN ('ACTIVE', 'PAUSED')),
    CONSTRAINT tenants_unready_policy CHECK (unready_policy IN ('REFUSE', 'SHARED')),
    CONSTRAINT tenants_max_send_rate CHECK (max_send_rate > 0),
    CONSTRAINT tenants_daily_limit CHECK (daily_limit >= 0)
);
-- Forbids a second operator.
CREATE UNIQUE INDEX tenants_operator ON identity.tenants (is_operator) WHERE is_operator;

CREATE FUNCTION identity.refuse_operator_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'identity.tenants.is_operator is immutable' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER tenants_operator_immutable
    BEFORE UPDATE ON identity.tenants
    FOR EACH ROW WHEN (OLD.is_operator IS DISTINCT FROM NEW.is_operator)
    EXECUTE FUNCTION identity.refuse_operator_change();

-- State changes of tenants, append-only.
CREATE TABLE identity.tenant_transitions (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES identity.tenants,
    from_state text,
    to_state   text NOT NULL,
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- API keys, by the digest of their token. `hint` is the end of the token, for people to tell keys apart.
CREATE TABLE identity.api_keys (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES identity.tenants,
    name       text NOT NULL,
    scope      text NOT NULL,
    key_hash   bytea NOT NULL,
    hint       text NOT NULL,
    -- The domains that the key is restricted to; empty: all of its tenant's.
    claim_ids  uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_hash UNIQUE (key_hash),
    CONSTRAINT api_keys_scope CHECK (scope IN ('ADMIN', 'FULL_ACCESS', 'SENDING_ACCESS', 'SERVICE'))
);
-- Serves ListApiKeys.
CREATE INDEX api_keys_by_tenant ON identity.api_keys (tenant_id, id DESC);

-- Answers to create requests that carried a request_id, kept for 30 days.
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

-- Domains at SES, one for each account, region and name, whichever tenants claim it.
CREATE TABLE identity.ses_identities (
    id                uuid PRIMARY KEY,
    account           text NOT NULL,
    region            text NOT NULL,
    name              text NOT NULL,
    -- WANTED: to be created or repaired; PRESENT: as desired; UNWANTED: its last claim is being deleted; ABSENT: not at SES.
    state             text NOT NULL DEFAULT 'WANTED',
    generation        bigint NOT NULL DEFAULT 1,
    mail_from_label   text NOT NULL,
    arn               text,
    tokens            text[] NOT NULL DEFAULT '{}',
    hosted_zone       text,
    repair_cause      text NOT NULL DEFAULT '',
    problem           text NOT NULL DEFAULT '',
    attempts          integer NOT NULL DEFAULT 0,
    due_at            timestamptz DEFAULT now(),
    leased_until      timestamptz,
    lease_token       bigint NOT NULL DEFAULT 0,
    -- The tenants whose requests made the identity due; empty while nothing is due.
    wanted_by         uuid[] NOT NULL DEFAULT '{}',
    -- The SES calls that the previous step left to make. They are valid for the next lease and the same generation only;
    -- otherwise the worker starts again by asking SES what it has.
    plan              text[] NOT NULL DEFAULT '{}',
    plan_lease_token  bigint NOT NULL DEFAULT 0,
    plan_generation   bigint NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ses_identities_name UNIQUE (account, region, name),
    CONSTRAINT ses_identities_state CHECK (state IN ('WANTED', 'PRESENT', 'UNWANTED', 'ABSENT'))
);
-- Serves the worker: what is to be done at SES, most overdue first.
CREATE INDEX ses_identities_due ON identity.ses_identities (due_at) WHERE due_at IS NOT NULL;

-- When a control call to SES was last made for each tenant. The tenant with the oldest call is next.
CREATE TABLE identity.tenant_calls (
    account   text NOT NULL,
    region    text NOT NULL,
    tenant_id uuid NOT NULL REFERENCES identity.tenants,
    called_at timestamptz NOT NULL,
    PRIMARY KEY (account, region, tenant_id)
);

-- A tenant's claims to domain names, tombstones included.
CREATE TABLE identity.claims (
    id                    uuid PRIMARY KEY,
    tenant_id             uuid NOT NULL REFERENCES identity.tenants,
    ses_identity_id       uuid NOT NULL REFERENCES identity.ses_identities,
    account               text NOT NULL,
    region                text NOT NULL,
    name                  text NOT NULL,
    display_name          text NOT NULL,
    mail_from_label       text NOT NULL,
    phase                 text NOT NULL DEFAULT 'PROVISIONING',
    phase_note            text NOT NULL DEFAULT '',
    phase_at              timestamptz NOT NULL DEFAULT now(),
    -- The state machine of services/identity/model/ownership.py.
    ownership             text NOT NULL DEFAULT 'UNDECIDED',
    ownership_at          timestamptz NOT NULL DEFAULT now(),
    -- The token that the claim must publish; '' when no proof is or was demanded.
    ownership_token       text NOT NULL DEFAULT '',
    ownership_token_at    timestamptz,
    -- Of a CHALLENGED claim: the ownership it returns to when the challenge ends, and the deadline of its answer.
    ownership_before      text,
    ownership_deadline_at timestamptz,
    -- An operator vouches for the claim, and the worker has not applied that yet.
    ownership_adopted     boolean NOT NULL DEFAULT false,
    -- Of the required records. A change demands that they are checked anew.
    generation            bigint NOT NULL DEFAULT 1,
    -- Of the records that only advise, such as DMARC. A change demands nothing. Reserved.
    advisory_revision     bigint NOT NULL DEFAULT 1,
    revision              bigint NOT NULL DEFAULT 1,
    due_at                timestamptz,
    leased_until          timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT claims_phase CHECK (phase IN ('PROVISIONING', 'ACTIVE', 'DELETING', 'DELETED')),
    CONSTRAINT claims_ownership CHECK (
        ownership IN ('UNDECIDED', 'SOLE', 'PROOF_DUE', 'CHALLENGER', 'CHALLENGED', 'PROVEN', 'SUPERSEDED')
    ),
    CONSTRAINT claims_challenged CHECK (
        (ownership = 'CHALLENGED') = (ownership_deadline_at IS NOT NULL)
        AND (ownership = 'CHALLENGED') = (coalesce(ownership_before, '') IN ('SOLE', 'PROVEN'))
    )
);
-- Forbids two live claims of one tenant to one name.
CREATE UNIQUE INDEX claims_live ON identity.claims (tenant_id, name) WHERE phase <> 'DELETED';
-- Forbids two claims that may send from one name, across regions and accounts.
CREATE UNIQUE INDEX claims_holder ON identity.claims (name)
    WHERE ownership IN ('SOLE', 'PROVEN', 'CHALLENGED') AND phase IN ('PROVISIONING', 'ACTIVE');
-- Serves the worker that decides ownership: names with a claim that is not settled.
CREATE INDEX claims_contested ON identity.claims (name)
    WHERE (ownership IN ('UNDECIDED', 'PROOF_DUE', 'CHALLENGER', 'CHALLENGED') OR ownership_adopted)
        AND phase IN ('PROVISIONING', 'ACTIVE');
-- Serves "is this name the MAIL FROM name of another tenant's domain?".
CREATE INDEX claims_mail_from ON identity.claims ((mail_from_label || '.' || name))
    WHERE phase IN ('PROVISIONING', 'ACTIVE');
-- Serves sender: claims whose queued email is to fail.
CREATE INDEX claims_superseded ON identity.claims (ownership_at) WHERE ownership = 'SUPERSEDED';
-- Serves ListDomains.
CREATE INDEX claims_by_tenant ON identity.claims (tenant_id, id DESC);
-- Serves "does or did another tenant claim this name?".
CREATE INDEX claims_by_name ON identity.claims (name);
-- Serves changes of all claims of an SES identity.
CREATE INDEX claims_by_ses_identity ON identity.claims (ses_identity_id);
-- Serves the worker that deletes.
CREATE INDEX claims_due ON identity.claims (due_at) WHERE due_at IS NOT NULL;

-- Phase changes of claims, append-only.
CREATE TABLE identity.claim_transitions (
    id         uuid PRIMARY KEY,
    claim_id   uuid NOT NULL REFERENCES identity.claims,
    from_phase text,
    to_phase   text NOT NULL,
    cause      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Ownership changes of claims, append-only: who decided what, and why.
CREATE TABLE identity.ownership_transitions (
    id             uuid PRIMARY KEY,
    claim_id       uuid NOT NULL REFERENCES identity.claims,
    from_ownership text,
    to_ownership   text NOT NULL,
    cause          text NOT NULL,
    -- The operator's or the tenant's own words for a decision.
    reason         text NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL DEFAULT now()
);
-- Serves the history of a domain.
CREATE INDEX ownership_transitions_by_claim ON identity.ownership_transitions (claim_id, id DESC);

-- The DNS records of a claim in its current generation.
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

-- Links, by the digest of their token: a tenant gives one to the person who publishes a domain's records, so that this
-- person needs no account.
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
-- Serves retention: links that were revoked or expired.
CREATE INDEX links_over ON identity.links (least(revoked_at, expires_at));
