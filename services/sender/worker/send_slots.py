"""Send slots at SES's sending rate.

Emails that ask for a slot while a call to the rate limiter is in flight share the next call.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from chassis.batcher import Batcher
from chassis.bucket import RateBucket

MOST = 100  # emails per call to the rate limiter


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A request for send slots: `cost` is the number of recipients; `rate` is in recipients per second."""

    cost: int
    rate: float


class SendSlots:
    """The send slots of one account and region, shared by all replicas through the rate limiter's `key`."""

    def __init__(self, bucket: RateBucket, key: str, *, patience: timedelta) -> None:
        self._bucket = bucket
        self._key = key
        self._patience = patience
        self._batcher = Batcher(self._take, most=MOST)

    async def take(self, cost: int, *, rate: float) -> timedelta | None:
        """Reserve a send slot and return how long to wait for it; None if that would exceed `patience`."""
        return await self._batcher.submit(SlotRequest(cost, rate))

    async def _take(self, requests: Sequence[SlotRequest]) -> Sequence[timedelta | None]:
        rate = requests[-1].rate
        capacity = max(1.0, rate / 2, *(float(each.cost) for each in requests))
        waits: list[timedelta | None] = []
        for costs in _portions([each.cost for each in requests], capacity):
            wait = await self._bucket.take(
                self._key, rate=rate, capacity=capacity, cost=sum(costs), patience=self._patience
            )
            waits += spaced(wait, costs, rate)
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
