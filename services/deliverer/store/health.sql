-- record --
-- Records the newest answers of endpoints; successes at most once per second while an endpoint stays healthy.
INSERT INTO deliverer.endpoint_health AS h
    (endpoint_id, tenant_id, last_success_at, last_failure_at, failing_since, failures, timeouts)
SELECT
    endpoint_id,
    tenant_id,
    CASE WHEN succeeded THEN now() END,
    CASE WHEN failed THEN now() END,
    CASE WHEN failures > 0 THEN now() END,
    failures,
    timeouts
FROM unnest(
    :endpoint_ids::uuid[], :tenant_ids::uuid[], :succeeded::boolean[], :failed::boolean[], :failures::integer[],
    :timeouts::integer[]
) AS streak (endpoint_id, tenant_id, succeeded, failed, failures, timeouts)
ORDER BY endpoint_id
ON CONFLICT (endpoint_id) DO UPDATE
SET last_success_at = coalesce(excluded.last_success_at, h.last_success_at),
    last_failure_at = coalesce(excluded.last_failure_at, h.last_failure_at),
    failing_since = CASE
        WHEN excluded.last_success_at IS NULL THEN coalesce(h.failing_since, now())
        ELSE excluded.failing_since
    END,
    failures = excluded.failures + CASE WHEN excluded.last_success_at IS NULL THEN h.failures ELSE 0 END,
    timeouts = excluded.timeouts + CASE
        WHEN excluded.last_success_at IS NULL AND excluded.timeouts = excluded.failures THEN h.timeouts
        ELSE 0
    END,
    warned_at = CASE WHEN excluded.last_success_at IS NULL THEN h.warned_at END
WHERE excluded.last_failure_at IS NOT NULL
    OR h.failures > 0
    OR h.last_success_at IS NULL
    OR h.last_success_at < now() - interval '1 second';

-- warn --
-- Marks those of these endpoints to which every post has failed for :failing as warned about; returns since when, once until a post succeeds.
UPDATE deliverer.endpoint_health
SET warned_at = now()
WHERE endpoint_id = ANY (:endpoint_ids::uuid[])
    AND warned_at IS NULL
    AND failing_since < now() - :failing::interval
    AND failures >= :least
RETURNING endpoint_id, failing_since;

-- disable --
-- Disables those of these endpoints that are enabled and gone, or to which every post has failed for :failing. Returns their ids.
UPDATE deliverer.endpoint_health AS h
SET disabled_at = now(), disable_reason = f.reason, failing_since = NULL, failures = 0, timeouts = 0, warned_at = NULL
FROM unnest(:endpoint_ids::uuid[], :reasons::text[]) AS f (endpoint_id, reason)
JOIN webhooks.endpoints AS e ON e.id = f.endpoint_id
WHERE h.endpoint_id = f.endpoint_id
    AND e.state = 'ENABLED'
    AND e.deleted_at IS NULL
    AND (h.disabled_at IS NULL OR h.disabled_at <= e.state_at)
    AND (f.reason = 'GONE' OR h.failing_since < now() - :failing::interval AND h.failures >= :least)
RETURNING h.endpoint_id;
