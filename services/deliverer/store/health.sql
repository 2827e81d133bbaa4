-- record_success --
-- Records that an endpoint accepted a message; at most once per second while it stays healthy.
INSERT INTO deliverer.endpoint_health AS h (endpoint_id, tenant_id, last_success_at)
VALUES (:endpoint_id, :tenant_id, now())
ON CONFLICT (endpoint_id) DO UPDATE
SET last_success_at = now(), failing_since = NULL, failures = 0, timeouts = 0, warned_at = NULL
WHERE h.failures > 0 OR h.last_success_at IS NULL OR h.last_success_at < now() - interval '1 second';

-- record_failure --
-- Records that a post to an endpoint failed.
INSERT INTO deliverer.endpoint_health AS h
    (endpoint_id, tenant_id, last_failure_at, failing_since, failures, timeouts)
VALUES (:endpoint_id, :tenant_id, now(), now(), 1, :timed_out::boolean::integer)
ON CONFLICT (endpoint_id) DO UPDATE
SET last_failure_at = now(),
    failing_since = coalesce(h.failing_since, now()),
    failures = h.failures + 1,
    timeouts = CASE WHEN :timed_out THEN h.timeouts + 1 ELSE 0 END;

-- warn --
-- Marks an endpoint to which every post has failed for :failing as warned about; returns since when, once until a post succeeds.
UPDATE deliverer.endpoint_health
SET warned_at = now()
WHERE endpoint_id = :endpoint_id
    AND warned_at IS NULL
    AND failing_since < now() - :failing::interval
    AND failures >= :least
RETURNING failing_since;

-- disable --
-- Disables an enabled endpoint: at once if it is gone, otherwise if every post failed for :failing. Returns its id.
UPDATE deliverer.endpoint_health AS h
SET disabled_at = now(), disable_reason = :reason, failing_since = NULL, failures = 0, timeouts = 0, warned_at = NULL
FROM webhooks.endpoints AS e
WHERE h.endpoint_id = :endpoint_id
    AND e.id = h.endpoint_id
    AND e.state = 'ENABLED'
    AND e.deleted_at IS NULL
    AND (h.disabled_at IS NULL OR h.disabled_at <= e.state_at)
    AND (:reason = 'GONE' OR h.failing_since < now() - :failing::interval AND h.failures >= :least)
RETURNING h.endpoint_id;
