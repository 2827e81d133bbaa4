"""Micro-batching: concurrent requests are merged into one call, and every caller gets a result."""

import asyncio
from collections.abc import Sequence

import pytest

from chassis.batcher import Batcher


async def test_requests_during_a_call_form_the_next_batch() -> None:
    calls: list[list[int]] = []

    async def double(numbers: Sequence[int]) -> Sequence[int]:
        calls.append(list(numbers))
        await asyncio.sleep(0)
        return [2 * number for number in numbers]

    batcher = Batcher(double, most=3)

    assert await asyncio.gather(*map(batcher.submit, range(5))) == [0, 2, 4, 6, 8]
    assert calls == [[0, 1, 2], [3, 4]]


async def test_an_exception_is_raised_to_every_caller_in_the_batch() -> None:
    async def reject_zero(numbers: Sequence[int]) -> Sequence[int]:
        if 0 in numbers:
            raise ValueError(numbers)
        return numbers

    batcher = Batcher(reject_zero, most=2)
    answers = await asyncio.gather(*map(batcher.submit, range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]
    with pytest.raises(ValueError, match="0"):
        await batcher.submit(0)
