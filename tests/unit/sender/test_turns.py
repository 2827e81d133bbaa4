"""Turns taken together are those that would have been taken one by one, and whoever asks gets an answer."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from services.sender.gathering import Gathering
from services.sender.turns import spaced


def seconds(*waits: float) -> list[timedelta]:
    return [timedelta(seconds=wait) for wait in waits]


def test_each_waits_for_its_own_turn_and_the_last_for_all() -> None:
    assert spaced(timedelta(seconds=4), [1, 2, 1], rate=1) == seconds(1, 3, 4)


def test_what_the_bucket_holds_goes_at_once() -> None:
    assert spaced(timedelta(seconds=1), [1, 1, 1], rate=1) == seconds(0, 0, 1)
    assert spaced(timedelta(0), [1, 1], rate=1) == seconds(0, 0)


def test_beyond_patience_nobody_has_a_turn() -> None:
    assert spaced(None, [1, 1], rate=1) == [None, None]


async def test_those_who_ask_meanwhile_are_answered_together() -> None:
    calls: list[list[int]] = []

    async def double(numbers: Sequence[int]) -> Sequence[int]:
        calls.append(list(numbers))
        await asyncio.sleep(0)
        return [2 * number for number in numbers]

    gathering = Gathering(double, most=3)

    assert await asyncio.gather(*map(gathering.ask, range(5))) == [0, 2, 4, 6, 8]
    assert calls == [[0, 1, 2], [3, 4]]


async def test_a_failure_is_everybodys_who_was_in_it() -> None:
    async def refuse(numbers: Sequence[int]) -> Sequence[int]:
        if 0 in numbers:
            raise ValueError(numbers)
        return numbers

    gathering = Gathering(refuse, most=2)
    answers = await asyncio.gather(*map(gathering.ask, range(3)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]
    with pytest.raises(ValueError, match="0"):
        await gathering.ask(0)
