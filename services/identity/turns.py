"""Turns at SES: one rate of control calls, shared by every process that uses the account in the region."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from chassis.bucket import RateBucket
from chassis.config import setting
from services.identity.provisioning import Place

PATIENCE = timedelta(seconds=5)  # with a call to SES it fits into a worker's lease
TOLERANCE = 0.08  # seconds between a turn and its call; the interval has more to spare


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often SES is asked."""

    control_interval: timedelta = setting(
        timedelta(seconds=1.15),
        help="seconds between control calls to SES, of all services together; SES allows one a second",
        minimum=timedelta(milliseconds=10),
    )
    slow_retry: timedelta = setting(
        timedelta(minutes=5), help="seconds until SES is asked again after trouble that needs a person"
    )


class NoTurn(Exception):
    """The turns of the next seconds are all taken."""


class Turns:
    """Hands out turns in one account and region; verifier takes from the same bucket."""

    def __init__(self, bucket: RateBucket, place: Place, pace: Pace) -> None:
        self._bucket = bucket
        self._key = "ses-control:{}:{}".format(*place)
        self._rate = 1 / pace.control_interval.total_seconds()

    async def wait(self) -> None:
        """Returns when it is our turn; raises NoTurn when that is not within the patience.

        A turn that a busy machine comes too late for would crowd the next one: it is left unused.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE.total_seconds()
        while (asked := loop.time()) < end:
            left = timedelta(seconds=end - asked)
            wait = await self._bucket.take(self._key, rate=self._rate, capacity=1, patience=left)
            if wait is None:
                break
            await asyncio.sleep(wait.total_seconds())
            if loop.time() - asked - wait.total_seconds() < TOLERANCE:
                return
        raise NoTurn
