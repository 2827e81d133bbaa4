"""Send slots that are reserved together equal slots that are reserved one by one."""

from datetime import timedelta

from services.sender.worker.send_slots import spaced


def seconds(*waits: float) -> list[timedelta]:
    return [timedelta(seconds=wait) for wait in waits]


def test_each_email_waits_until_its_own_recipients_fit() -> None:
    assert spaced(timedelta(seconds=4), [1, 2, 1], rate=1) == seconds(1, 3, 4)


def test_emails_within_the_burst_capacity_do_not_wait() -> None:
    assert spaced(timedelta(seconds=1), [1, 1, 1], rate=1) == seconds(0, 0, 1)
    assert spaced(timedelta(0), [1, 1], rate=1) == seconds(0, 0)


def test_no_email_gets_a_slot_beyond_the_patience() -> None:
    assert spaced(None, [1, 1], rate=1) == [None, None]
