-- Forgetting. The history of emails lies in a partition for each day that emails were accepted on, and is dropped with it;
-- of all else rows are deleted, a few at a time. Why so: docs/decisions/0006-history-by-the-day.md.

-- The least UUIDv7 of a moment: what is made from then on has a greater id.
CREATE FUNCTION chassis.first_id(moment timestamptz) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- What there is becomes the partition of all days until the end of tomorrow: no row is copied, and its ids are still filed
-- there by services whose clock is a little ahead.
ALTER TABLE sender.email_transitions RENAME TO email_transitions_before;
ALTER TABLE sender.email_transitions_before
    DROP CONSTRAINT email_transitions_pkey,
    ADD PRIMARY KEY (email_id, id);
DROP INDEX sender.email_transitions_by_email;

-- Changes of an email's state, append-only; by the day of the email, so that one email's are together. Written by sender.
CREATE TABLE sender.email_transitions (
    id         uuid NOT NULL,
    email_id   uuid NOT NULL,
    from_state text,
    to_state   text NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email_id, id) -- serves GetEmail
) PARTITION BY RANGE (email_id);

DO $$
DECLARE
    day_after_tomorrow uuid := chassis.first_id(date_trunc('day', now(), 'UTC') + interval '2 days');
BEGIN
    EXECUTE format(
        'ALTER TABLE sender.email_transitions ATTACH PARTITION sender.email_transitions_before FOR VALUES FROM (MINVALUE) TO (%L)',
        day_after_tomorrow
    );
END $$;
-- Takes what no other partition does, so that a day that was not made in time loses nothing.
CREATE TABLE sender.email_transitions_default PARTITION OF sender.email_transitions DEFAULT;

-- The partitions but that one: each holds the history of emails from one id to before another.
CREATE VIEW sender.email_days AS
SELECT
    i.inhrelid::regclass AS name,
    coalesce(substring(b.bounds FROM 'FROM \(''([^'']+)''\)')::uuid, '00000000-0000-0000-0000-000000000000') AS from_id,
    substring(b.bounds FROM 'TO \(''([^'']+)''\)')::uuid AS to_id
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) AS b
WHERE i.inhparent = 'sender.email_transitions'::regclass AND b.bounds <> 'DEFAULT';

-- Makes the partitions of today and the next seven days that are not there; gives how many it made. It runs as the owner, as
-- only owners may; whoever calls it chooses nothing. A lock that it does not get at once it tries for at the next call.
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
        -- What came before its day was made.
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

-- Drops the partitions of days none of whose emails is left, from the oldest on; gives how many. Not of yesterday and later.
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

-- Serves the forgetting of emails, whose bodies go first.
CREATE INDEX emails_over ON sender.emails (state_at)
    WHERE body_erase_at IS NULL AND state IN ('SENT', 'SUPPRESSED', 'FAILED', 'CANCELED', 'EXPIRED');

-- Where rows change or go all the time, vacuum comes after one row in a hundred instead of one in five.
DO $$
DECLARE
    busy text;
BEGIN
    FOREACH busy IN ARRAY ARRAY[
        'chassis.rate_bucket', 'identity.outbox', 'verifier.outbox', 'sender.outbox', 'webhooks.outbox', 'sender.inbox',
        'sender.emails', 'sender.recipients', 'sender.attempts', 'sender.attachments', 'sender.idempotency',
        'webhooks.notifications', 'webhooks.feedback'
    ] LOOP
        EXECUTE format(
            'ALTER TABLE %s SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_analyze_scale_factor = 0.02)', busy
        );
    END LOOP;
END $$;
