-- Limits count recipients, as SES does; a tenant of ill repute is slowed down before it is paused.

-- How many recipients the day's emails had; the limit is on these.
ALTER TABLE sender.tenant_days ADD COLUMN recipients bigint NOT NULL DEFAULT 0;
UPDATE sender.tenant_days SET recipients = emails;

-- The most recipients a second of a tenant that is slowed down.
ALTER TABLE sender.tenant_limits ADD COLUMN slowed_rate double precision NOT NULL DEFAULT 1;

-- Why a tenant is slowed down, and until when unless it lasts; both NULL: it is not.
ALTER TABLE sender.reputations
    ADD COLUMN slow_reason  text,
    ADD COLUMN slowed_until timestamptz,
    ADD CONSTRAINT reputations_slow CHECK ((slow_reason IS NULL) = (slowed_until IS NULL));
-- Serves the sweep that ends it.
CREATE INDEX reputations_slowed ON sender.reputations (slowed_until) WHERE slowed_until IS NOT NULL;

-- What each tenant may send now: `left_today` and `left_now` are recipients, NULL where nothing limits them.
CREATE OR REPLACE VIEW sender.allowances AS
SELECT
    t.id AS tenant_id,
    limits.daily - coalesce(d.recipients, 0) AS left_today,
    limits.rate,
    floor(extract(epoch FROM limits.burst - greatest(b.arrival_at - now(), interval '0')) * limits.rate)::bigint AS left_now,
    limits.daily,
    coalesce(d.recipients, 0) AS sent_today,
    slow.reason AS slow_reason,
    slow.until AS slowed_until
FROM identity.tenants AS t
CROSS JOIN sender.tenant_limits AS l
LEFT JOIN LATERAL (
    SELECT r.slow_reason AS reason, r.slowed_until AS until
    FROM sender.reputations AS r
    WHERE r.tenant_id = t.id AND r.slowed_until > now()
) AS slow ON true
CROSS JOIN LATERAL (
    -- least() and greatest() leave NULL out.
    SELECT least(
        coalesce(t.max_send_rate, l.max_send_rate), CASE WHEN slow.until IS NOT NULL THEN l.slowed_rate END
    ) AS rate
) AS own
CROSS JOIN LATERAL (
    SELECT
        own.rate,
        make_interval(secs => greatest(1, 1 / own.rate)) AS burst,
        coalesce(
            t.daily_limit,
            CASE WHEN t.created_at > now() - l.new_tenant_age THEN least(l.new_tenant_limit, l.daily_limit) ELSE l.daily_limit END
        ) AS daily
) AS limits
LEFT JOIN sender.tenant_days AS d ON d.tenant_id = t.id AND d.day = (now() AT TIME ZONE 'UTC')::date
LEFT JOIN chassis.rate_bucket AS b ON b.key = 'tenant-send:' || t.id;
