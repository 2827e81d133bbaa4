-- What a tenant may send: so many emails a second, and so many a day.

-- Of this tenant alone; NULL: as the installation has it.
ALTER TABLE identity.tenants
    ADD COLUMN max_send_rate double precision,
    ADD COLUMN daily_limit   bigint,
    ADD CONSTRAINT tenants_max_send_rate CHECK (max_send_rate > 0),
    ADD CONSTRAINT tenants_daily_limit CHECK (daily_limit >= 0);

-- What the installation allows every tenant, in one row; NULL: as much as SES takes. Written by sender, from its settings.
CREATE TABLE sender.tenant_limits (
    only_row         boolean PRIMARY KEY DEFAULT true,
    max_send_rate    double precision,
    daily_limit      bigint,
    new_tenant_limit bigint,
    new_tenant_age   interval NOT NULL DEFAULT '0',
    CONSTRAINT tenant_limits_only_row CHECK (only_row)
);
INSERT INTO sender.tenant_limits DEFAULT VALUES;

-- How many emails of a tenant were handed over on a day of UTC, each counted once. Written by sender.
CREATE TABLE sender.tenant_days (
    tenant_id uuid NOT NULL,
    day       date NOT NULL,
    emails    bigint NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

-- What each tenant may send now: `left_today` and `left_now` are emails, NULL where nothing limits them.
CREATE VIEW sender.allowances AS
SELECT
    t.id AS tenant_id,
    limits.daily - coalesce(d.emails, 0) AS left_today,
    limits.rate,
    floor(extract(epoch FROM limits.burst - greatest(b.arrival_at - now(), interval '0')) * limits.rate)::bigint AS left_now
FROM identity.tenants AS t
CROSS JOIN sender.tenant_limits AS l
CROSS JOIN LATERAL (
    SELECT
        coalesce(t.max_send_rate, l.max_send_rate) AS rate,
        make_interval(secs => greatest(1, 1 / coalesce(t.max_send_rate, l.max_send_rate))) AS burst,
        coalesce(
            t.daily_limit,
            CASE WHEN t.created_at > now() - l.new_tenant_age THEN least(l.new_tenant_limit, l.daily_limit) ELSE l.daily_limit END
        ) AS daily
) AS limits
LEFT JOIN sender.tenant_days AS d ON d.tenant_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
LEFT JOIN chassis.rate_bucket AS b ON b.key = 'tenant-send:' || t.id;
