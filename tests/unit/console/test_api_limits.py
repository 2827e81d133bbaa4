"""Requests are counted per key in windows of one second, and each response says how many are left."""

from dataclasses import dataclass

from services.console.api.limits import MOST_KEYS, Limiter


@dataclass
class Clock:
    """A clock that tests set."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_over_its_limit_must_wait() -> None:
    clock = Clock()
    limiter = Limiter(2, clock=clock)

    first, second, third = (limiter.take(b"key") for _ in range(3))

    assert [first.remaining, second.remaining, third.remaining] == [1, 0, 0]
    assert (first.retry_after, second.retry_after) == (None, None)
    assert third.retry_after is not None
    assert third.headers() == {"ratelimit-limit": "2", "ratelimit-remaining": "0", "ratelimit-reset": "1"}


def test_a_new_window_starts_a_second_after_the_first_request() -> None:
    clock = Clock()
    limiter = Limiter(1, clock=clock)
    limiter.take(b"key")

    clock.now += 0.75
    refused = limiter.take(b"key")
    clock.now += 0.25

    assert refused.retry_after is not None
    assert refused.retry_after.total_seconds() == 0.25
    assert limiter.take(b"key").retry_after is None


def test_keys_have_separate_limits() -> None:
    limiter = Limiter(1, clock=Clock())
    limiter.take(b"key")

    assert limiter.take(b"other").retry_after is None


def test_the_number_of_keys_in_memory_is_bounded() -> None:
    limiter = Limiter(1, clock=Clock())

    for number in range(MOST_KEYS + 1):
        limiter.take(str(number).encode())

    assert limiter.take(b"0").retry_after is None  # was evicted
    assert limiter.take(str(MOST_KEYS).encode()).retry_after is not None
