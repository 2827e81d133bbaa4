"""SES's token bucket and rolling quota, by the sandbox's clock."""

from sandbox.aws.throttle import Bucket, Quota
from sandbox.clock import Clock


def test_a_rate_of_1_allows_one_per_second() -> None:
    clock = Clock()
    bucket = Bucket(clock, rate=1, capacity=1)

    first = [bucket.take() for _ in range(3)]
    clock.advance(1)

    assert first == [True, False, False]
    assert [bucket.take(), bucket.take()] == [True, False]


def test_a_bucket_holds_at_most_its_capacity() -> None:
    clock = Clock()
    bucket = Bucket(clock, rate=10, capacity=10)

    clock.advance(3600)

    assert [bucket.take() for _ in range(11)].count(True) == 10


def test_an_email_to_more_recipients_than_the_rate_goes_on_credit() -> None:
    clock = Clock()
    bucket = Bucket(clock, rate=1, capacity=1)

    assert bucket.take(50)
    clock.advance(49)
    assert not bucket.take()
    clock.advance(2)
    assert bucket.take()


def test_a_rate_of_0_means_no_limit() -> None:
    bucket = Bucket(Clock(), rate=0, capacity=1)

    assert all(bucket.take() for _ in range(1000))


def test_the_quota_covers_the_last_24_hours() -> None:
    clock = Clock()
    quota = Quota(clock)

    quota.add(3)
    clock.advance(23 * 3600)
    quota.add(2)
    assert quota.used() == 5
    clock.advance(3600)

    assert quota.used() == 2
