"""Rate limiter shared by every replica of every service: one row in Postgres, by the database clock."""

import math
from datetime import timedelta
from pathlib import Path

from chassis.database import Database
from chassis.queries import Queries

QUERIES = Queries.load(Path(__file__).with_name("bucket.sql"))


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
        step, burst = timedelta(seconds=cost / rate), timedelta(seconds=capacity / rate)
        query = (
            QUERIES.take(key=key, step=step, burst=burst, patience=patience)
            if group is None
            else QUERIES.take_in_group(
                key=key, group_key=f"{key}:{group}", step=step, burst=burst, patience=patience
            )
        )
        wait: timedelta | None = await self._database.fetchval(*query)
        return wait
