-- The rate limiter is GCRA: `arrival_at` is when the bucket would be full again. Each request advances it by
-- `:step`, which is cost / rate; the slot that it reserves begins `:burst`, which is capacity / rate, earlier.
-- clock_timestamp() is read after the row lock is granted.

-- take --
-- Reserve a slot and return the time until it begins; no row, and no slot, if that exceeds the patience.
INSERT INTO chassis.rate_bucket AS bucket (key, arrival_at)
VALUES (:key, clock_timestamp() + :step)
ON CONFLICT (key) DO UPDATE
SET arrival_at = greatest(bucket.arrival_at, clock_timestamp()) + :step
WHERE greatest(bucket.arrival_at, clock_timestamp()) + :step - :burst::interval <= clock_timestamp() + :patience
RETURNING greatest(arrival_at - :burst - clock_timestamp(), interval '0') AS wait

-- take_in_group --
-- Reserve a slot for a group that waits for one slot at a time: its own row stores when its latest slot begins.
-- Two concurrent callers may both get a slot; this can leave one unused but never exceeds the rate.
WITH slot AS (
    INSERT INTO chassis.rate_bucket AS bucket (key, arrival_at)
    SELECT :key, clock_timestamp() + :step
    WHERE NOT EXISTS (
        SELECT FROM chassis.rate_bucket WHERE key = :group_key AND arrival_at > clock_timestamp()
    )
    ON CONFLICT (key) DO UPDATE
    SET arrival_at = greatest(bucket.arrival_at, clock_timestamp()) + :step
    WHERE greatest(bucket.arrival_at, clock_timestamp()) + :step - :burst::interval
        <= clock_timestamp() + :patience
    RETURNING arrival_at - :burst::interval AS begins_at
)
INSERT INTO chassis.rate_bucket (key, arrival_at)
SELECT :group_key, begins_at
FROM slot
ON CONFLICT (key) DO UPDATE
SET arrival_at = excluded.arrival_at
RETURNING greatest(arrival_at - clock_timestamp(), interval '0') AS wait
