"""Proves that SES's events arrive, whether or not customers send: heartbeats, and metrics of what arrived."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.sender.metrics import EVENT_PATH_EMAILS, EVENT_PATH_PROVEN
from services.sender.store.event_path import EventPathStore, HeartbeatReport


class EventPath:
    """Requests a heartbeat from `shared_domain` every `interval`, with `beat`; measures what arrives."""

    def __init__(
        self,
        store: EventPathStore,
        *,
        region: str,
        shared_domain: str | None,
        interval: timedelta,
        beat: Callable[[UUID], None] | None,
    ) -> None:
        self._store = store
        self._region = region
        self._shared_domain = shared_domain
        self._interval = interval
        self._beat = beat

    async def check(self) -> None:
        """Send a heartbeat if one is due, and set the metrics."""
        if self._beat and self._shared_domain and self._interval:
            due = await self._store.start_heartbeat(self._shared_domain, interval=self._interval)
            if due:
                self._beat(due)
        if proven_at := last_proof(await self._store.heartbeats()):
            EVENT_PATH_PROVEN.labels(self._region).set(proven_at.timestamp())
        emails = await self._store.emails()
        EVENT_PATH_EMAILS.labels(self._region, "accepted").set(emails.accepted)
        EVENT_PATH_EMAILS.labels(self._region, "reported").set(emails.reported)


def last_proof(heartbeats: Sequence[HeartbeatReport]) -> datetime | None:
    """Return when an event of a heartbeat last arrived; until one has, when the oldest of them was sent.

    None without heartbeats: nothing is proven, and nothing is known to be broken.
    """
    if received := [each.received_at for each in heartbeats if each.received_at]:
        return max(received)
    return min((each.sent_at for each in heartbeats), default=None)
