-- Emails, their recipients and the attempts to submit them to SES; suppressions; limits and reputation. Written by sender.

CREATE TABLE sender.emails (
    id                uuid PRIMARY KEY,
    tenant_id         uuid NOT NULL,
    claim_id          uuid NOT NULL,
    batch_id          uuid,
    -- The SES account and region that the email leaves by. Reserved; empty: those of the installation.
    account           text NOT NULL DEFAULT '',
    region            text NOT NULL DEFAULT '',
    from_address      text NOT NULL,
    from_name         text NOT NULL DEFAULT '',
    reply_to          jsonb NOT NULL DEFAULT '[]',
    subject           text NOT NULL,
    text              text,
    html              text,
    headers           jsonb NOT NULL DEFAULT '{}',
    tags              jsonb NOT NULL DEFAULT '{}',
    size              bigint NOT NULL,
    -- A test email. A column of ours says so, because callers choose their tags.
    is_test           boolean NOT NULL DEFAULT false,
    -- Only the recipient may read the body: no RPC returns it, and it is erased with the email's last state.
    is_secret         boolean NOT NULL DEFAULT false,
    state             text NOT NULL DEFAULT 'QUEUED',
    state_note        text NOT NULL DEFAULT '',
    state_at          timestamptz NOT NULL DEFAULT now(),
    sent_as           text,
    sent_from         text,
    ses_id            text,
    on_unknown        text NOT NULL DEFAULT 'HOLD',
    -- How long evidence is awaited when SES's answer was lost; NULL: as long as the installation's setting.
    unknown_window    interval,
    -- HELD until an operator decides, whatever happens to the domain.
    decision_demanded boolean NOT NULL DEFAULT false,
    -- The time the caller scheduled; NULL: as soon as accepted.
    send_at           timestamptz,
    not_before        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    attempts          integer NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    sent_at           timestamptz,
    body_erase_at     timestamptz,
    CONSTRAINT emails_state CHECK (
        state IN ('QUEUED', 'SENDING', 'SENT', 'SUPPRESSED', 'FAILED', 'CANCELED', 'EXPIRED', 'HELD', 'UNKNOWN')
    ),
    CONSTRAINT emails_sent_as CHECK (sent_as IN ('OWN', 'SHARED')),
    CONSTRAINT emails_on_unknown CHECK (on_unknown IN ('HOLD', 'RESEND'))
)
-- Tables of busy rows are vacuumed after one change in a hundred rows instead of one in five.
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves the queue: the tenants that have due email, and the oldest of each.
CREATE INDEX emails_queued ON sender.emails (tenant_id, not_before, id) WHERE state = 'QUEUED';
-- Serves deadlines of email that waits.
CREATE INDEX emails_ending ON sender.emails (expires_at) WHERE state IN ('QUEUED', 'HELD', 'UNKNOWN');
-- Serves ListEmails.
CREATE INDEX emails_by_tenant ON sender.emails (tenant_id, id DESC);
-- Serves feedback that carries SES's id only.
CREATE INDEX emails_by_ses_id ON sender.emails (ses_id) WHERE ses_id IS NOT NULL;
-- Serves the release of held email when its domain changes.
CREATE INDEX emails_held ON sender.emails (claim_id) WHERE state = 'HELD';
-- Serves "is the outcome of any email unknown?".
CREATE INDEX emails_unknown ON sender.emails (id) WHERE state = 'UNKNOWN';
-- Serves late evidence for emails whose attempt was lost with a restored database.
CREATE INDEX emails_undecided ON sender.emails (id) WHERE decision_demanded;
-- Serves the erasing of bodies.
CREATE INDEX emails_body_erase ON sender.emails (body_erase_at) WHERE body_erase_at IS NOT NULL;
-- Serves retention of emails, whose bodies are erased first.
CREATE INDEX emails_over ON sender.emails (state_at)
    WHERE body_erase_at IS NULL AND state IN ('SENT', 'SUPPRESSED', 'FAILED', 'CANCELED', 'EXPIRED');

-- State changes of emails, append-only; partitioned by the day of the email, so that one email's are together.
-- Why: docs/decisions/0006-history-by-the-day.md.
CREATE TABLE sender.email_transitions (
    id         uuid NOT NULL,
    email_id   uuid NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, id) -- serves GetEmail
) PARTITION BY RANGE (email_id);
-- Takes what no other partition does, so that nothing is lost when a day's partition was not created in time.
CREATE TABLE sender.email_transitions_default PARTITION OF sender.email_transitions DEFAULT;

-- The partitions except the default: each has the history of emails from one id up to another.
CREATE VIEW sender.email_days AS
SELECT
    i.inhrelid::regclass AS name,
    coalesce(substring(b.bounds FROM 'FROM \(''([^'']+)''\)')::uuid, '00000000-0000-0000-0000-000000000000') AS from_id,
    substring(b.bounds FROM 'TO \(''([^'']+)''\)')::uuid AS to_id
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) AS b
WHERE i.inhparent = 'sender.email_transitions'::regclass AND b.bounds <> 'DEFAULT';

-- Create the missing partitions of today and the next seven days, and return how many. It runs as the owner, because only
-- owners may, and takes no argument. A lock that it cannot get at once is left for the next call.
CREATE FUNCTION sender.make_email_days() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '200ms' AS $$
DECLARE
    today timestamptz := date_trunc('day', now(), 'UTC');
    day   timestamptz;
    name  text;
    made  integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sender.email_days', 7130));
    FOR day IN SELECT today + make_interval(days => n) FROM generate_series(0, 7) AS n LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM sender.email_days WHERE chassis.first_id(day) >= from_id AND chassis.first_id(day) < to_id
        );
        name := 'email_transitions_' || to_char(day AT TIME ZONE 'UTC', 'YYYYMMDD');
        EXECUTE format('CREATE TABLE sender.%I (LIKE sender.email_transitions INCLUDING ALL)', name);
        -- Move what the default partition took before the day's own existed.
        EXECUTE format(
            'WITH early AS (
                DELETE FROM sender.email_transitions_default WHERE email_id >= %1$L AND email_id < %2$L
                RETURNING id, email_id, from_state, to_state, note, created_at
            )
            INSERT INTO sender.%3$I (id, email_id, from_state, to_state, note, created_at)
            SELECT id, email_id, from_state, to_state, note, created_at FROM early',
            chassis.first_id(day), chassis.first_id(day + interval '1 day'), name
        );
        EXECUTE format(
            'ALTER TABLE sender.email_transitions ATTACH PARTITION sender.%I FOR VALUES FROM (%L) TO (%L)',
            name, chassis.first_id(day), chassis.first_id(day + interval '1 day')
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Drop the partitions of days that have no email left, from the oldest on, and return how many. Yesterday's and later ones
-- stay.
CREATE FUNCTION sender.drop_email_days() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '200ms' AS $$
DECLARE
    yesterday uuid := chassis.first_id(date_trunc('day', now(), 'UTC') - interval '1 day');
    kept      uuid := least(yesterday, (SELECT id FROM sender.emails ORDER BY id LIMIT 1));
    day       regclass;
    dropped   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sender.email_days', 7130));
    FOR day IN SELECT name FROM sender.email_days WHERE to_id <= kept ORDER BY to_id LOOP
        EXECUTE format('DROP TABLE %s', day);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM sender.email_transitions_default WHERE email_id < kept;
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION sender.make_email_days, sender.drop_email_days FROM PUBLIC;
SELECT sender.make_email_days();

CREATE TABLE sender.recipients (
    email_id   uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    position   integer NOT NULL,
    kind       text NOT NULL,
    address    text NOT NULL,
    name       text NOT NULL DEFAULT '',
    -- The address in lower case: suppressions and feedback are matched by it.
    match      text NOT NULL,
    state      text NOT NULL DEFAULT 'PENDING',
    state_note text NOT NULL DEFAULT '',
    state_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, position),
    CONSTRAINT recipients_kind CHECK (kind IN ('TO', 'CC', 'BCC')),
    CONSTRAINT recipients_state CHECK (
        state IN ('PENDING', 'DELAYED', 'DELIVERED', 'BOUNCED', 'COMPLAINED', 'SUPPRESSED')
    )
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

-- Files of emails. The content is erased with the body.
CREATE TABLE sender.attachments (
    email_id     uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    position     integer NOT NULL,
    file_name    text NOT NULL,
    content_type text NOT NULL,
    -- The id by which the HTML body shows the file (`cid:…`); '': it is not shown in the body.
    content_id   text NOT NULL DEFAULT '',
    size         bigint NOT NULL,
    content      bytea,
    PRIMARY KEY (email_id, position)
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);

-- Attempts to submit an email to SES. The row is committed before the request leaves.
CREATE TABLE sender.attempts (
    id           uuid PRIMARY KEY,
    email_id     uuid NOT NULL REFERENCES sender.emails ON DELETE CASCADE,
    tenant_id    uuid NOT NULL,
    claim_id     uuid NOT NULL,
    number       integer NOT NULL,
    -- OPEN: the request may be in flight; ACCEPTED, REFUSED: SES's certain answer; UNKNOWN: the answer was lost;
    -- ABANDONED: the window passed without evidence.
    state        text NOT NULL DEFAULT 'OPEN',
    worker       text NOT NULL,
    leased_until timestamptz NOT NULL,
    -- Whether the request may have started: false from the dequeue until just before the request. True where the sender's
    -- version does not say, so that only what is known for certain counts as not started.
    started      boolean NOT NULL DEFAULT true,
    error        text NOT NULL DEFAULT '',
    ses_id       text,
    -- The feedback clock when events of later attempts had arrived; NULL before.
    absent_from  interval,
    opened_at    timestamptz NOT NULL DEFAULT now(),
    resolved_at  timestamptz,
    CONSTRAINT attempts_number UNIQUE (email_id, number),
    CONSTRAINT attempts_state CHECK (state IN ('OPEN', 'ACCEPTED', 'REFUSED', 'UNKNOWN', 'ABANDONED'))
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves the take-over of a dead sender's attempts, and identity's wait for open ones.
CREATE INDEX attempts_open ON sender.attempts (leased_until) WHERE state = 'OPEN';
-- Serves identity's drain before a domain is deleted.
CREATE INDEX attempts_open_by_claim ON sender.attempts (claim_id) WHERE state = 'OPEN';
-- Serves resolution by evidence.
CREATE INDEX attempts_unknown ON sender.attempts (opened_at) WHERE state = 'UNKNOWN';
-- Serves late evidence for attempts that were made again, or resolved by an operator.
CREATE INDEX attempts_abandoned ON sender.attempts (opened_at) WHERE state = 'ABANDONED';

-- Answers to send requests that carried a request_id, kept for 30 days.
CREATE TABLE sender.idempotency (
    tenant_id    uuid NOT NULL,
    request_id   text NOT NULL,
    content_hash bytea NOT NULL,
    email_ids    uuid[] NOT NULL,
    -- For each email of a permissive batch the error (google.rpc.Status), NULL where it was accepted; '{}' when all were.
    rejections   bytea[] NOT NULL DEFAULT '{}',
    -- The domains that the key of the first request was restricted to; NULL: none. No key that sees less gets the answer.
    claim_ids    uuid[],
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_key PRIMARY KEY (tenant_id, request_id)
)
WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02);
-- Serves retention.
CREATE INDEX idempotency_created_at ON sender.idempotency (created_at);

-- Addresses that a tenant does not send to.
CREATE TABLE sender.suppressions (
    tenant_id  uuid NOT NULL,
    address    text NOT NULL,
    id         uuid NOT NULL,
    reason     text NOT NULL,
    email_id   uuid,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    -- When the suppression ends; NULL: never. Reserved.
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, address),
    CONSTRAINT suppressions_reason CHECK (reason IN ('BOUNCE', 'COMPLAINT', 'MANUAL'))
);
-- Serves ListSuppressions.
CREATE INDEX suppressions_by_tenant ON sender.suppressions (tenant_id, id DESC);

-- How long SES's events have been arriving: a clock that stands still while they may not reach us.
CREATE TABLE sender.feedback_liveness (
    source       text PRIMARY KEY, -- account, region and configuration set
    received_for interval NOT NULL DEFAULT '0',
    checked_at   timestamptz NOT NULL DEFAULT now()
);

-- Our own emails to SES's mailbox simulator, whose events prove that feedback arrives.
CREATE TABLE sender.heartbeats (
    id        uuid PRIMARY KEY,
    source    text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now()
);
-- Serves the newest heartbeats whose events arrived.
CREATE INDEX heartbeats_opened ON sender.heartbeats (source, opened_at DESC);

-- Events of SES without our tags whose SES id no email had yet.
CREATE TABLE sender.unmatched_feedback (
    id          uuid PRIMARY KEY,
    ses_id      text NOT NULL,
    subject     text NOT NULL,
    data        jsonb NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now()
);
-- Serves the task that matches them with emails.
CREATE INDEX unmatched_feedback_due ON sender.unmatched_feedback (due_at);

-- What the installation allows every tenant, in one row, from sender's settings; NULL: as much as SES takes.
CREATE TABLE sender.tenant_limits (
    only_row         boolean PRIMARY KEY DEFAULT true,
    max_send_rate    double precision,
    daily_limit      bigint,
    new_tenant_limit bigint,
    new_tenant_age   interval NOT NULL DEFAULT '0',
    -- The most recipients a second of a tenant that is throttled.
    slowed_rate      double precision NOT NULL DEFAULT 1,
    CONSTRAINT tenant_limits_only_row CHECK (only_row)
);
INSERT INTO sender.tenant_limits DEFAULT VALUES;

-- Emails of a tenant submitted on a day of UTC, each counted once, and their recipients, which the daily limit is on.
CREATE TABLE sender.tenant_days (
    tenant_id  uuid NOT NULL,
    day        date NOT NULL,
    emails     bigint NOT NULL,
    recipients bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day)
);

-- Hard bounces and complaints that count against a tenant; those of the mailbox simulator never do.
CREATE TABLE sender.strikes (
    email_id   uuid NOT NULL,
    match      text NOT NULL,
    kind       text NOT NULL,
    tenant_id  uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, match, kind),
    CONSTRAINT strikes_kind CHECK (kind IN ('BOUNCE', 'COMPLAINT'))
);

-- What the reputation guard did about a tenant.
CREATE TABLE sender.reputations (
    tenant_id    uuid PRIMARY KEY,
    warned_at    timestamptz,
    -- The lowest id of an email accepted since the last pause: earlier emails caused it and do not count again.
    judged_from  uuid,
    -- Why the tenant is throttled, and until when; both NULL: it is not.
    slow_reason  text,
    slowed_until timestamptz,
    CONSTRAINT reputations_slow CHECK ((slow_reason IS NULL) = (slowed_until IS NULL))
);
-- Serves the task that ends it.
CREATE INDEX reputations_slowed ON sender.reputations (slowed_until) WHERE slowed_until IS NOT NULL;

-- Addresses that a code was emailed to, and the confirmed one of each domain. Test emails go to these.
CREATE TABLE sender.test_addresses (
    id          uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    claim_id    uuid NOT NULL,
    request_id  text,
    address     text NOT NULL, -- in lower case
    state       text NOT NULL DEFAULT 'CODE_SENT',
    code_hash   bytea NOT NULL,
    wrong_codes integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL, -- of the code; once confirmed, of the confirmation
    CONSTRAINT test_addresses_state CHECK (state IN ('CODE_SENT', 'CONFIRMED', 'ENDED')),
    CONSTRAINT test_addresses_request UNIQUE (claim_id, request_id)
);
-- Allows one open code and one confirmed address for each domain, and finds them.
CREATE UNIQUE INDEX test_addresses_live ON sender.test_addresses (claim_id, state) WHERE state <> 'ENDED';
-- These three serve the limits on codes of a domain, of a tenant and to an address.
CREATE INDEX test_addresses_by_claim ON sender.test_addresses (claim_id, created_at);
CREATE INDEX test_addresses_by_tenant ON sender.test_addresses (tenant_id, created_at);
CREATE INDEX test_addresses_by_address ON sender.test_addresses (address, created_at);
-- Serves retention.
CREATE INDEX test_addresses_over ON sender.test_addresses (expires_at);
