"""When the event path was last proven."""

from datetime import UTC, datetime, timedelta

from services.sender.store.event_path import HeartbeatReport
from services.sender.worker.event_path import last_proof

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def sent(minutes: int, *, received: bool) -> HeartbeatReport:
    """Return a heartbeat that was sent so many minutes ago; its event took a second."""
    sent_at = NOW - timedelta(minutes=minutes)
    return HeartbeatReport(sent_at, sent_at + timedelta(seconds=1) if received else None)


def test_the_newest_event_proves_the_path() -> None:
    proof = last_proof([sent(1, received=False), sent(6, received=True), sent(11, received=True)])

    assert proof == NOW - timedelta(minutes=6) + timedelta(seconds=1)


def test_until_an_event_has_arrived_the_first_heartbeat_counts() -> None:
    assert last_proof([sent(1, received=False), sent(6, received=False)]) == NOW - timedelta(minutes=6)


def test_nothing_is_known_without_heartbeats() -> None:
    assert last_proof([]) is None
