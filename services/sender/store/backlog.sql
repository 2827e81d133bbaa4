-- measure --
-- Counts held and unknown emails, each up to :limit, and tenants that are slowed down.
SELECT
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'HELD' LIMIT :limit) AS counted) AS held,
    (SELECT count(*) FROM (SELECT FROM sender.emails WHERE state = 'UNKNOWN' LIMIT :limit) AS counted) AS unknown,
    (SELECT count(*) FROM sender.reputations WHERE slowed_until > now()) AS slowed;

-- oldest_due --
-- Returns for how long the oldest email of a region's queue has been due; NULL if none is. An email that waits for its next attempt
-- has been due since it was accepted or scheduled for: SES's rejections do not make it younger. Of each tenant, the first emails of its
-- queue are enough. Leaves out tenants that are not active, and those that their limits hold back: today's is used up, or they have
-- sent so recently that their rate's bucket is not full.
WITH RECURSIVE waiting AS (
    (
        SELECT tenant_id FROM sender.emails
        WHERE state = 'QUEUED' AND account = :account AND region = :region
        ORDER BY tenant_id LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT e.tenant_id FROM sender.emails AS e
        WHERE e.state = 'QUEUED' AND e.account = :account AND e.region = :region AND e.tenant_id > waiting.tenant_id
        ORDER BY e.tenant_id LIMIT 1
    )
    FROM waiting
    WHERE waiting.tenant_id IS NOT NULL
)
SELECT now() - min(first.due_at)
FROM waiting
JOIN identity.tenants AS t ON t.id = waiting.tenant_id AND t.state = 'ACTIVE'
JOIN sender.allowances AS allowed ON allowed.tenant_id = waiting.tenant_id
CROSS JOIN LATERAL (
    SELECT greatest(e.created_at, e.send_at) AS due_at
    FROM sender.emails AS e
    WHERE e.state = 'QUEUED' AND e.account = :account AND e.region = :region AND e.tenant_id = waiting.tenant_id
        AND e.expires_at > now()
    ORDER BY e.not_before, e.id
    LIMIT 20
) AS first
WHERE first.due_at <= now()
    AND coalesce(allowed.left_today > 0, true)
    AND coalesce(allowed.left_now >= floor(greatest(allowed.rate, 1)), true);
