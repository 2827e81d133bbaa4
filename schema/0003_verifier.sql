-- The observed state of domains: their verification, the checks it is based on, and SES accounts. Written by verifier.

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
    -- The claim's ownership and the moment one of its DKIM records was first found.
    ownership                text NOT NULL DEFAULT '',
    dkim_found_at            timestamptz,
    -- The conditions as of the last check; NULL: unknown.
    dkim_valid               boolean,
    mail_from_valid          boolean,
    -- The three failed checks that must agree before a record counts as gone.
    failed_checks            integer NOT NULL DEFAULT 0,
    first_failed_at          timestamptz,
    -- SES's last answers; NULL before the first.
    ses_verification_status  text,
    ses_dkim_status          text,
    ses_mail_from_status     text,
    ses_mail_from_domain     text,
    ses_verified_for_sending boolean,
    ses_error_type           text,
    ses_tokens               text[],
    ses_checked_at           timestamptz,
    ses_due_at               timestamptz,
    -- The schedule of DNS checks.
    checks                   integer NOT NULL DEFAULT 0,
    checked_at               timestamptz,
    next_check_at            timestamptz,
    watched_until            timestamptz,
    repair_due_at            timestamptz,
    repairs                  integer NOT NULL DEFAULT 0,
    leased_until             timestamptz,
    lease_token              bigint NOT NULL DEFAULT 0,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT verifications_state CHECK (state IN ('PENDING', 'READY', 'DEGRADED', 'LOST', 'FAILED'))
);
-- Serves the worker: the most overdue check first.
CREATE INDEX verifications_due ON verifier.verifications (next_check_at) WHERE next_check_at IS NOT NULL;
-- Serves the worker: the identities to ask SES about.
CREATE INDEX verifications_ses_due ON verifier.verifications (ses_due_at) WHERE ses_due_at IS NOT NULL;
-- Serves the sweep of SES's list.
CREATE INDEX verifications_by_name ON verifier.verifications (account, region, name);
-- Serves identity: claims that VerifyDomain revived from FAILED or LOST.
CREATE INDEX verifications_revived ON verifier.verifications (claim_id)
    WHERE state IN ('FAILED', 'LOST') AND deadline_at IS NOT NULL;

-- The last check of each record.
CREATE TABLE verifier.record_checks (
    claim_id         uuid NOT NULL REFERENCES verifier.verifications ON DELETE CASCADE,
    generation       bigint NOT NULL,
    position         integer NOT NULL,
    status           text NOT NULL,
    message          text NOT NULL DEFAULT '',
    seen             text[] NOT NULL DEFAULT '{}',
    servers_agreeing integer NOT NULL DEFAULT 0,
    servers_asked    integer NOT NULL DEFAULT 0,
    -- The zone that has the record; '' when no zone has the name or it was not checked since.
    zone             text NOT NULL DEFAULT '',
    -- The name servers of the zone that were asked.
    servers          text[] NOT NULL DEFAULT '{}',
    checked_at       timestamptz NOT NULL,
    PRIMARY KEY (claim_id, generation, position),
    CONSTRAINT record_checks_status CHECK (
        status IN ('FOUND', 'MISSING', 'MISMATCH', 'CONFLICT', 'PROPAGATING', 'UNREACHABLE')
    )
);

-- State changes of verifications, append-only.
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
-- Serves identity: was this claim ever READY?
CREATE INDEX transitions_to_ready ON verifier.transitions (claim_id) WHERE to_state = 'READY';

-- Whether a claim's DKIM records were in DNS before they were shown to anyone.
CREATE TABLE verifier.dkim_prechecks (
    claim_id   uuid PRIMARY KEY,
    tokens     text[] NOT NULL,
    outcome    text NOT NULL,
    checked_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT dkim_prechecks_outcome CHECK (outcome IN ('ABSENT', 'PRESENT', 'INCONCLUSIVE'))
);

-- The last check of each claim's ownership token.
CREATE TABLE verifier.ownership_checks (
    claim_id         uuid PRIMARY KEY REFERENCES verifier.verifications ON DELETE CASCADE,
    token            text NOT NULL,
    status           text NOT NULL,
    message          text NOT NULL DEFAULT '',
    seen             text[] NOT NULL DEFAULT '{}',
    servers_agreeing integer NOT NULL DEFAULT 0,
    servers_asked    integer NOT NULL DEFAULT 0,
    zone             text NOT NULL DEFAULT '',
    servers          text[] NOT NULL DEFAULT '{}',
    -- The checks in a row, an hour or more apart, that saw the token missing, and the time of the last of them.
    missing_checks   integer NOT NULL DEFAULT 0,
    missing_at       timestamptz,
    checked_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ownership_checks_status CHECK (
        status IN ('FOUND', 'MISSING', 'MISMATCH', 'CONFLICT', 'PROPAGATING', 'UNREACHABLE')
    )
);

-- The SES account in each region.
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
    checked_at         timestamptz,
    due_at             timestamptz NOT NULL DEFAULT now(),
    swept_at           timestamptz,
    sweep_due_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, region),
    CONSTRAINT ses_account_state CHECK (state IN ('UNREACHABLE', 'READY', 'SANDBOXED', 'PAUSED', 'UNDER_REVIEW'))
);
