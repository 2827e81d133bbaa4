"""Send slots at SES's sending rate, which all replicas share.

Emails that ask for a slot while a call to the rate limiter is in flight share the next call.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate

from chassis.batcher import Batcher
from chassis.bucket import RateBucket
from chassis.database import Database
from chassis.regions import SesRegion
from services.sender.model.account import Account

MOST = 100  # emails per call to the rate limiter
# Slightly below SES's rate, so that network jitter does not push two emails into one send slot.
PACE = 0.98
LEAST_RATE = 0.1  # recipients per second, in case SES ever reports less


class SendSlots:
    """The send slots of one account and region; a wait longer than `patience` is refused."""

    def __init__(self, database: Database, ses_region: SesRegion, *, patience: timedelta) -> None:
        self._bucket = RateBucket(database)
        self._key = f"ses-send:{ses_region}"
        self._patience = patience
        self._rate = LEAST_RATE
        self._batcher = Batcher(self._take, most=MOST)

    async def take(self, recipients: int, account: Account) -> timedelta | None:
        """Reserve a slot per recipient, as SES counts them, at the account's rate.

        Return how long to wait for it; None if that would exceed `patience`.
        """
        self._rate = max(account.max_send_rate, LEAST_RATE) * PACE
        return await self._batcher.submit(recipients)

    async def _take(self, costs: Sequence[int]) -> Sequence[timedelta | None]:
        rate = self._rate
        capacity = max(1.0, rate / 2, *map(float, costs))
        waits: list[timedelta | None] = []
        for portion in _portions(costs, capacity):
            wait = await self._bucket.take(
                self._key, rate=rate, capacity=capacity, cost=sum(portion), patience=self._patience
            )
            waits += spaced(wait, portion, rate)
        return waits


def spaced(wait: timedelta | None, costs: Sequence[int], rate: float) -> list[timedelta | None]:
    """Return the wait of each email, given that of the last, as if the slots had been taken one by one."""
    if wait is None:
        return [None for _ in costs]
    total = sum(costs)
    earlier = (timedelta(seconds=(total - taken) / rate) for taken in accumulate(costs))
    return [max(wait - each, timedelta(0)) for each in earlier]


def _portions(costs: Sequence[int], capacity: float) -> Iterator[list[int]]:
    """Split costs, in their order, into groups that do not exceed the rate limiter's capacity."""
    portion: list[int] = []
    for cost in costs:
        if portion and sum(portion) + cost > capacity:
            yield portion
            portion = []
        portion.append(cost)
    yield portion
