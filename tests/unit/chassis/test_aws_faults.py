"""What a process reports of its calls to AWS: why nothing is served, and how far the clocks are apart."""

import time
from datetime import timedelta
from email.utils import formatdate

from chassis.aws import CALLS, Clock, Faults


def called(outcome: str, times: int = 1) -> None:
    CALLS.labels("sesv2", "get_account", outcome).inc(times)


def test_a_fault_lasts_until_a_call_succeeds() -> None:
    faults = Faults()
    assert faults.now() == ""

    called("no_credentials")
    assert faults.now() == "no_credentials"
    assert faults.now() == "no_credentials"  # no call since

    called("ok")
    assert faults.now() == ""


def test_the_most_frequent_fault_is_named_and_other_errors_are_none() -> None:
    faults = Faults()

    called("NotFoundException", 9)
    assert faults.now() == ""
    called("ThrottlingException", 3)
    called("no_answer")

    assert faults.now() == "ThrottlingException"


def test_a_fault_beside_calls_that_succeed_is_none() -> None:
    faults = Faults()

    called("ThrottlingException", 3)
    called("ok")

    assert faults.now() == ""


def test_the_clock_is_compared_by_the_last_response() -> None:
    clock = Clock()
    assert clock.ahead() is None

    for apart in (0, 420):
        clock.observe(response_dict={"headers": {"date": formatdate(time.time() + apart, usegmt=True)}})
    clock.observe(response_dict=None)  # no response arrived

    ahead = clock.ahead()
    assert ahead is not None
    assert abs(ahead - timedelta(minutes=7)) <= timedelta(seconds=1)
