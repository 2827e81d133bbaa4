-- struck_tenants --
-- Returns active tenants with at least :least_bounces or :least_complaints on email accepted since an id, and since the tenant
-- was last paused.
SELECT
    s.tenant_id,
    greatest(:since, r.judged_from) AS since,
    count(*) FILTER (WHERE s.kind = 'BOUNCE') AS bounces,
    count(*) FILTER (WHERE s.kind = 'COMPLAINT') AS complaints
FROM sender.strikes AS s
JOIN identity.tenants AS t ON t.id = s.tenant_id AND t.state = 'ACTIVE'
LEFT JOIN sender.reputations AS r ON r.tenant_id = s.tenant_id
WHERE s.email_id >= :since::uuid AND (r.judged_from IS NULL OR s.email_id >= r.judged_from)
GROUP BY s.tenant_id, r.judged_from
HAVING count(*) FILTER (WHERE s.kind = 'BOUNCE') >= :least_bounces
    OR count(*) FILTER (WHERE s.kind = 'COMPLAINT') >= :least_complaints;

-- count_sent --
-- Counts the recipients that a tenant's email accepted since an id was sent to, up to :limit, without those at the domain of
-- the :simulator and without test emails and notices.
SELECT count(*)
FROM (
    SELECT
    FROM sender.emails AS e
    JOIN sender.recipients AS r ON r.email_id = e.id
    WHERE e.tenant_id = :tenant_id AND e.id >= :since AND e.sent_at IS NOT NULL AND NOT (e.is_test OR e.is_notice)
        AND r.state <> 'SUPPRESSED' AND split_part(r.match, '@', 2) <> :simulator
    LIMIT :limit
) AS sent;

-- warn --
-- Records a warning; returns no row if there was one within a day.
INSERT INTO sender.reputations AS r (tenant_id, warned_at)
VALUES (:tenant_id, now())
ON CONFLICT (tenant_id) DO UPDATE SET warned_at = now()
WHERE r.warned_at IS NULL OR r.warned_at < now() - '1 day'::interval
RETURNING tenant_id;

-- slow --
-- Slows a tenant down; returns no row if it already is.
INSERT INTO sender.reputations AS r (tenant_id, slow_reason, slowed_until)
VALUES (:tenant_id, :reason, now() + :slow_for::interval)
ON CONFLICT (tenant_id) DO UPDATE SET slow_reason = excluded.slow_reason, slowed_until = excluded.slowed_until
WHERE r.slowed_until IS NULL
RETURNING tenant_id;

-- slow_longer --
-- Extends a slowdown once a tenth of its time is over.
UPDATE sender.reputations SET slow_reason = :reason, slowed_until = now() + :slow_for::interval
WHERE tenant_id = :tenant_id AND slowed_until < now() + :slow_for::interval * 0.9;

-- restore --
-- Ends the slowdowns whose time is over.
UPDATE sender.reputations SET slow_reason = NULL, slowed_until = NULL WHERE slowed_until <= now()
RETURNING tenant_id;

-- close --
-- Records that a tenant was paused for email accepted before an id.
INSERT INTO sender.reputations (tenant_id, judged_from)
VALUES (:tenant_id, :judged_from)
ON CONFLICT (tenant_id) DO UPDATE
SET judged_from = :judged_from, warned_at = NULL, slow_reason = NULL, slowed_until = NULL;
