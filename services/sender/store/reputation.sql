-- struck_tenants --
-- Active tenants with so many bounces ($2) or complaints ($3) about email accepted since an id; not what was judged before.
SELECT
    s.tenant_id,
    greatest($1, r.judged_from) AS since,
    count(*) FILTER (WHERE s.kind = 'BOUNCE') AS bounces,
    count(*) FILTER (WHERE s.kind = 'COMPLAINT') AS complaints
FROM sender.strikes AS s
JOIN identity.tenants AS t ON t.id = s.tenant_id AND t.state = 'ACTIVE'
LEFT JOIN sender.reputations AS r ON r.tenant_id = s.tenant_id
WHERE s.email_id >= $1::uuid AND (r.judged_from IS NULL OR s.email_id >= r.judged_from)
GROUP BY s.tenant_id, r.judged_from
HAVING count(*) FILTER (WHERE s.kind = 'BOUNCE') >= $2 OR count(*) FILTER (WHERE s.kind = 'COMPLAINT') >= $3;

-- count_sent --
-- To how many recipients a tenant's email accepted since an id ($2) was sent; counts no further than $3, not the domain $4, and no test emails.
SELECT count(*)
FROM (
    SELECT
    FROM sender.emails AS e
    JOIN sender.recipients AS r ON r.email_id = e.id
    WHERE e.tenant_id = $1 AND e.id >= $2 AND e.sent_at IS NOT NULL AND NOT e.is_test AND r.state <> 'SUPPRESSED'
        AND split_part(r.match, '@', 2) <> $4
    LIMIT $3
) AS sent;

-- warn --
-- Notes a warning; no row if there was one within a day.
INSERT INTO sender.reputations AS r (tenant_id, warned_at)
VALUES ($1, now())
ON CONFLICT (tenant_id) DO UPDATE SET warned_at = now()
WHERE r.warned_at IS NULL OR r.warned_at < now() - '1 day'::interval
RETURNING tenant_id;

-- slow --
-- Slows a tenant down; no row if it is so already.
INSERT INTO sender.reputations AS r (tenant_id, slow_reason, slowed_until)
VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (tenant_id) DO UPDATE SET slow_reason = excluded.slow_reason, slowed_until = excluded.slowed_until
WHERE r.slowed_until IS NULL
RETURNING tenant_id;

-- slow_longer --
-- Keeps a tenant slowed down, once a part of its time is over.
UPDATE sender.reputations SET slow_reason = $2, slowed_until = now() + $3::interval
WHERE tenant_id = $1 AND slowed_until < now() + $3::interval * 0.9;

-- restore --
-- Ends it for tenants whose time is over.
UPDATE sender.reputations SET slow_reason = NULL, slowed_until = NULL WHERE slowed_until <= now()
RETURNING tenant_id;

-- close --
-- Notes that a tenant was paused for what was accepted before an id ($2).
INSERT INTO sender.reputations (tenant_id, judged_from)
VALUES ($1, $2)
ON CONFLICT (tenant_id) DO UPDATE SET judged_from = $2, warned_at = NULL, slow_reason = NULL, slowed_until = NULL;
