"""A rate shared by every replica of every service: one row in Postgres, by Postgres's clock."""

import math
from datetime import timedelta

from chassis.database import Database

# GCRA: `arrival_at` is when the bucket would be full again. Taking moves it on by cost / rate; the slot
# taken begins `capacity / rate` before it. clock_timestamp() is read after the row lock is granted.
_TAKE = """
INSERT INTO chassis.rate_bucket AS bucket (key, arrival_at)
VALUES ($1, clock_timestamp() + $2)
ON CONFLICT (key) DO UPDATE
SET arrival_at = greatest(bucket.arrival_at, clock_timestamp()) + $2
WHERE greatest(bucket.arrival_at, clock_timestamp()) + $2 - $3::interval <= clock_timestamp() + $4
RETURNING greatest(arrival_at - $3 - clock_timestamp(), interval '0') AS wait
"""
# The same for a group that waits for one slot at a time: its own row holds when its latest slot begins. Two
# takers at the same instant may both get one; that may leave a slot unused and breaks no rate.
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
    """Hands out slots; two takers of a bucket of capacity 1 never get slots closer than 1 / rate.

    A slot is exact by Postgres's clock; what reaches a third party is as exact as the network between.
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
        """Reserve a slot and give the time to wait before acting (zero = now).

        `rate` is per second; `capacity` is how many may go at once. None means the wait would exceed
        `patience`, or that another taker of the `group` is still waiting for its slot; nothing is reserved
        then. Raises Unavailable while Postgres is away.
        """
        if not (rate > 0 and math.isfinite(rate) and 0 < cost <= capacity):
            raise ValueError(f"bucket {key}: rate {rate}, capacity {capacity}, cost {cost}")
        step = timedelta(seconds=cost / rate)
        burst = timedelta(seconds=capacity / rate)
        what = (key, step, burst, patience)
        wait: timedelta | None = await (
            self._database.fetchval(_TAKE, *what)
            if group is None
            else self._database.fetchval(_TAKE_IN_GROUP, *what, f"{key}:{group}")
        )
        return wait
