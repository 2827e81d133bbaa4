-- lease_messages --
-- Leases messages that are due, in turns between tenants and, of each tenant, between its endpoints. An endpoint has at most :per_endpoint posts at once; after :slow_after timeouts in a row one, and after :circuit_after one every :probe.
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id FROM deliverer.messages WHERE state = 'PENDING' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT m.endpoint_id
        FROM deliverer.messages AS m
        WHERE m.state = 'PENDING' AND m.endpoint_id > w.endpoint_id
        ORDER BY m.endpoint_id
        LIMIT 1
    )
    FROM waiting AS w
    WHERE w.endpoint_id IS NOT NULL
),
able AS (
    SELECT
        e.id, e.url, e.secret, e.previous_secret,
        CASE
            WHEN e.timeouts >= :circuit_after AND e.last_failure_at > now() - :probe::interval THEN 0
            WHEN e.timeouts >= :slow_after THEN 1
            ELSE :per_endpoint::integer
        END AS slots
    FROM waiting AS w
    JOIN deliverer.endpoints AS e ON e.id = w.endpoint_id
    WHERE e.disable_reason = '' AND e.deleted_at IS NULL
),
-- The messages being posted are among the first, because messages are leased in this order. So a long queue is not read.
due AS (
    SELECT
        m.id, m.due_at,
        row_number() OVER (PARTITION BY m.tenant_id ORDER BY m.place, m.due_at) AS rank
    FROM able AS a
    CROSS JOIN LATERAL (
        SELECT
            f.id, f.tenant_id, f.due_at, f.leased,
            count(*) FILTER (WHERE f.leased) OVER () AS posts,
            row_number() OVER (PARTITION BY f.leased ORDER BY f.due_at) AS place
        FROM (
            SELECT p.id, p.tenant_id, p.due_at, coalesce(p.leased_until > now(), false) AS leased
            FROM deliverer.messages AS p
            WHERE p.endpoint_id = a.id AND p.state = 'PENDING' AND p.due_at <= now()
            ORDER BY p.due_at
            LIMIT 2 * :per_endpoint::integer
        ) AS f
    ) AS m
    WHERE NOT m.leased AND m.place <= a.slots - m.posts
),
chosen AS (
    SELECT m.id
    FROM deliverer.messages AS m
    JOIN due ON due.id = m.id
    WHERE m.state = 'PENDING' AND (m.leased_until IS NULL OR m.leased_until < now())
    ORDER BY due.rank, due.due_at
    LIMIT :limit
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE deliverer.messages AS m
SET leased_until = now() + :lease::interval, lease_token = m.lease_token + 1
FROM chosen, able
WHERE m.id = chosen.id AND able.id = m.endpoint_id
RETURNING
    m.id, m.tenant_id, m.endpoint_id, m.payload, m.retries, m.lease_token, m.created_at, able.url, able.secret,
    able.previous_secret;

-- set_aside --
-- Marks a batch of messages that are due as UNSENT, because their endpoint is disabled or deleted; ReplaySince posts them.
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id FROM deliverer.messages WHERE state = 'PENDING' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT m.endpoint_id
        FROM deliverer.messages AS m
        WHERE m.state = 'PENDING' AND m.endpoint_id > w.endpoint_id
        ORDER BY m.endpoint_id
        LIMIT 1
    )
    FROM waiting AS w
    WHERE w.endpoint_id IS NOT NULL
)
UPDATE deliverer.messages
SET state = 'UNSENT', leased_until = NULL, lease_token = lease_token + 1
WHERE id IN (
    SELECT m.id
    FROM waiting AS w
    LEFT JOIN deliverer.endpoints AS e ON e.id = w.endpoint_id
    JOIN deliverer.messages AS m ON m.endpoint_id = w.endpoint_id
    WHERE (e.id IS NULL OR e.disable_reason <> '' OR e.deleted_at IS NOT NULL) AND m.state = 'PENDING' AND m.due_at <= now()
    LIMIT :limit
    FOR UPDATE OF m SKIP LOCKED
);

-- measure --
-- Return how long the first message for a healthy endpoint has been due (NULL if none is), how many enabled endpoints were posted to
-- within a day, and to how many of them every post has failed for :failing.
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id FROM deliverer.messages WHERE state = 'PENDING' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT m.endpoint_id
        FROM deliverer.messages AS m
        WHERE m.state = 'PENDING' AND m.endpoint_id > w.endpoint_id
        ORDER BY m.endpoint_id
        LIMIT 1
    )
    FROM waiting AS w
    WHERE w.endpoint_id IS NOT NULL
)
SELECT
    (
        SELECT now() - min(m.due_at)
        FROM waiting AS w
        JOIN deliverer.endpoints AS e ON e.id = w.endpoint_id
        CROSS JOIN LATERAL (
            SELECT p.due_at
            FROM deliverer.messages AS p
            WHERE p.endpoint_id = e.id AND p.state = 'PENDING' AND p.due_at <= now()
            ORDER BY p.due_at
            LIMIT 1
        ) AS m
        WHERE e.disable_reason = '' AND e.deleted_at IS NULL AND e.failing_since IS NULL
    ) AS oldest_due,
    (
        SELECT count(*)
        FROM deliverer.endpoints
        WHERE disable_reason = '' AND deleted_at IS NULL
            AND greatest(last_success_at, last_failure_at) > now() - interval '1 day'
    ) AS active,
    (
        SELECT count(*)
        FROM deliverer.endpoints
        WHERE disable_reason = '' AND deleted_at IS NULL
            AND last_failure_at > now() - interval '1 day' AND failing_since < now() - :failing::interval
    ) AS failing;
