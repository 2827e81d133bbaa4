"""Ids sort by creation time."""

import time

from chassis.ids import uuid7


def test_ids_are_uuid7_and_increase() -> None:
    made = [uuid7() for _ in range(5000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}


def test_an_id_contains_its_creation_time() -> None:
    before = time.time_ns() // 1_000_000
    milliseconds = uuid7().int >> 80

    assert before <= milliseconds <= time.time_ns() // 1_000_000 + 1
