-- Partitions by day of any declared table. The view sender.email_days and the functions sender.make_email_days and
-- sender.drop_email_days stay for the code before this migration, which runs beside the new one; a later migration drops them.

-- The tables that are partitioned by the day of a UUIDv7, their partition key; see chassis/partitions.py. Migrations declare
-- them. Each has a default partition, so that nothing is lost when a day's partition was not created in time.
CREATE TABLE chassis.partitioned_tables (
    name    regclass PRIMARY KEY,
    -- A table whose column `id` keeps a day's partition while it has an id of that day or of an earlier one; NULL: none.
    kept_by regclass
);

-- Return the partitions of a table except the default: each has the rows from one id up to another.
CREATE FUNCTION chassis.day_partitions(parent regclass) RETURNS TABLE (name regclass, from_id uuid, to_id uuid)
    LANGUAGE sql STABLE AS $$
    SELECT
        i.inhrelid::regclass,
        coalesce(substring(b.bounds FROM 'FROM \(''([^'']+)''\)')::uuid, '00000000-0000-0000-0000-000000000000'),
        substring(b.bounds FROM 'TO \(''([^'']+)''\)')::uuid
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS bounds) AS b
    WHERE i.inhparent = parent AND b.bounds <> 'DEFAULT'
$$;

-- Lock the partitions of a table until the transaction ends, and return how it is partitioned; raise an error if the caller
-- may not rotate them. This is the only check, and it has two conditions. A migration declared the table: the functions below
-- run as the owner, and must not do so with a table that a caller made. And the caller may insert into it, which roles.sql
-- allows to one role only: that of the service in whose schema the table is (tests/contract/test_grants.py). The caller is
-- session_user, because current_user is the owner.
CREATE FUNCTION chassis.lock_partitions(
    parent regclass, OUT id_column name, OUT default_partition regclass, OUT kept_by regclass
)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT k.attname, p.partdefid::regclass, t.kept_by INTO id_column, default_partition, kept_by
    FROM chassis.partitioned_tables AS t
    JOIN pg_partitioned_table AS p ON p.partrelid = t.name
    JOIN pg_attribute AS k ON k.attrelid = p.partrelid AND k.attnum = p.partattrs[0]
    WHERE t.name = parent AND has_table_privilege(session_user, p.partrelid, 'INSERT');
    IF NOT FOUND THEN
        RAISE insufficient_privilege
            USING MESSAGE = format('%s may not rotate the partitions of %s', session_user, parent);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('chassis.partitions ' || parent::text, 7130));
END $$;

-- Create the missing partitions of today and the next days, a month at most, and return how many. It runs as the owner,
-- because only owners may. A lock that it cannot get at once is left for the next call.
CREATE FUNCTION chassis.make_partitions(parent regclass, days_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '200ms' AS $$
DECLARE
    own     record;
    fields  text;
    day     timestamptz;
    lowest  uuid;
    beyond  uuid;
    child   text;
    made    integer := 0;
BEGIN
    SELECT p.id_column, p.default_partition INTO own FROM chassis.lock_partitions(parent) AS p;
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO fields
    FROM pg_attribute AS a
    WHERE a.attrelid = parent AND a.attnum > 0 AND NOT a.attisdropped;
    FOR day IN
        SELECT date_trunc('day', now()) + make_interval(days => n) FROM generate_series(0, least(days_ahead, 31)) AS n
    LOOP
        lowest := chassis.first_id(day);
        beyond := chassis.first_id(day + interval '1 day');
        CONTINUE WHEN EXISTS (
            SELECT FROM chassis.day_partitions(parent) AS p WHERE lowest >= p.from_id AND lowest < p.to_id
        );
        SELECT format('%s.%I', c.relnamespace::regnamespace, c.relname || to_char(day, '_YYYYMMDD')) INTO child
        FROM pg_class AS c
        WHERE c.oid = parent;
        EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', child, parent);
        -- Move what the default partition took before the day's own existed.
        EXECUTE format(
            'WITH early AS (DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING %5$s)
            INSERT INTO %6$s (%5$s) SELECT %5$s FROM early',
            own.default_partition, own.id_column, lowest, beyond, fields, child
        );
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)', parent, child, lowest, beyond);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Drop the partitions of days that ended `kept_for` before today and that no id keeps, from the oldest on, and return how
-- many. Yesterday's and later ones stay, whatever the caller asks for. A lock that it cannot get at once is left for the next
-- call.
CREATE FUNCTION chassis.drop_partitions(parent regclass, kept_for interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET timezone = 'UTC'
    SET lock_timeout = '200ms' AS $$
DECLARE
    own     record;
    kept    uuid := chassis.first_id(date_trunc('day', now()) - greatest(kept_for, interval '1 day'));
    oldest  uuid;
    child   regclass;
    dropped integer := 0;
BEGIN
    SELECT p.id_column, p.default_partition, p.kept_by INTO own FROM chassis.lock_partitions(parent) AS p;
    IF own.kept_by IS NOT NULL THEN
        EXECUTE format('SELECT id FROM %s ORDER BY id LIMIT 1', own.kept_by) INTO oldest;
        kept := least(kept, oldest); -- leaves NULL out
    END IF;
    FOR child IN SELECT p.name FROM chassis.day_partitions(parent) AS p WHERE p.to_id <= kept ORDER BY p.to_id LOOP
        EXECUTE format('DROP TABLE %s', child);
        dropped := dropped + 1;
    END LOOP;
    EXECUTE format('DELETE FROM %s WHERE %I < %L', own.default_partition, own.id_column, kept);
    RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION chassis.lock_partitions, chassis.make_partitions, chassis.drop_partitions FROM PUBLIC;

-- A day's history is dropped with the day's last email: sender may append to it, and neither delete nor drop it.
INSERT INTO chassis.partitioned_tables (name, kept_by) VALUES ('sender.email_transitions', 'sender.emails');
