"""Rate limiter shared by every replica of every service: one row in Postgres, by the database clock."""

import math
from datetime import timedelta

from chassis.database import Database

# GCRA: `arrival_at` is when the bucket would be full again. Each request advances it by cost / rate; the slot
# it reserves begins `capacity / rate` earlier. clock_timestamp() is read after the row lock is granted.
_TAKE = """
INSERT INTO chassis.rate_bucket AS bucket (key, arrival_at)
VALUES ($1, clock_timestamp() + $2)
ON CONFLICT (key) DO UPDATE
SET arrival_at = greatest(bucket.arrival_at, clock_timestamp()) + $2
WHERE greatest(bucket.arrival_at, clock_timestamp()) + $2 - $3::interval <= clock_timestamp() + $4
RETURNING greatest(arrival_at - $3 - clock_timestamp(), interval '0') AS wait
"""
# The same for a group that waits for one slot at a time: a row of its own stores when its latest slot begins.
# Two concurrent callers may both get a slot; this can leave one unused but never exceeds the rate.
_TAKE_IN_GROUP = """
WITH slot AS (
    INSERT INTO chassis.rate_bucket AS bucket (key, arrival_at)
    SELECT $1, clock_timestamp() + $2
    WHERE NOT EXISTS (SELECT FROM chassis.rate_bucket WHERE key = $5 AND arrival_at > clock_timestamp())
    ON CONFLICT (key) DO UPDATE
    SET arrival_at = greatest(bucket.arrival_at, clock_timestamp()) + $2
    WHERE greatest(bucket.arrival_at, clock_timestamp()) + $2 - $3::interval <= clock_timestamp() + $4
    RETURNING arrival_at - $3::interval AS begins_at
)
INSERT INTO chassis.rate_bucket (key, arrival_at)
SELECT $5, begins_at
FROM slot
ON CONFLICT (key) DO UPDATE
SET arrival_at = excluded.arrival_at
RETURNING greatest(arrival_at - clock_timestamp(), interval '0') AS wait
"""


class RateBucket:
    """GCRA rate limiter; with capacity 1, two slots are never closer together than 1 / rate.

    Slots are exact by the database clock. Requests to a third party also have the jitter of the network.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self,
        key: str,
        *,
        rate: float,
        capacity: float,
        cost: float = 1,
        patience: timedelta,
        group: str | None = None,
    ) -> timedelta | None:
        """Reserve a slot and return the time to wait before using it (zero = now).

        `rate` is per second; `capacity` is the burst size. Returns None, without reserving, if the wait would
        exceed `patience` or if another caller in the `group` still waits for its slot. Raises Unavailable if
        Postgres is down.
        """
        if not (rate > 0 and math.isfinite(rate) and 0 < cost <= capacity):
            raise ValueError(f"rate limiter {key}: invalid rate {rate}, capacity {capacity} or cost {cost}")
        step = timedelta(seconds=cost / rate)
        burst = timedelta(seconds=capacity / rate)
        parameters = (key, step, burst, patience)
        wait: timedelta | None = await (
            self._database.fetchval(_TAKE, *parameters)
            if group is None
            else self._database.fetchval(_TAKE_IN_GROUP, *parameters, f"{key}:{group}")
        )
        return wait
