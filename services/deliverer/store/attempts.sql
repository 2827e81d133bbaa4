-- store_attempts --
-- Stores attempts, unless they are stored or retention has deleted their message, and the result of each on its message while the lease is held: the state, or when it is due again. Returns the ids of the attempts that it stored.
WITH finished AS (
    SELECT id, message_id, lease_token, state, pause, status, problem, answer, duration
    FROM unnest(
        :ids::uuid[], :message_ids::uuid[], :lease_tokens::bigint[], :states::text[], :pauses::interval[],
        :statuses::integer[], :problems::text[], :answers::text[], :durations::interval[]
    ) AS attempt (id, message_id, lease_token, state, pause, status, problem, answer, duration)
),
messages AS (
    UPDATE deliverer.messages AS m
    SET state = f.state,
        attempts = m.attempts + 1,
        retries = m.retries + 1,
        due_at = coalesce(now() + f.pause, m.due_at),
        leased_until = NULL
    FROM finished AS f
    WHERE m.id = f.message_id
        AND m.lease_token = f.lease_token
        AND m.state = 'PENDING'
        AND m.leased_until IS NOT NULL
)
INSERT INTO deliverer.attempts (id, message_id, endpoint_id, status, problem, answer, duration, attempted_at)
SELECT f.id, m.id, m.endpoint_id, f.status, f.problem, f.answer, f.duration, now() - f.duration
FROM finished AS f
JOIN deliverer.messages AS m ON m.id = f.message_id
ON CONFLICT (id) DO NOTHING
RETURNING id;
