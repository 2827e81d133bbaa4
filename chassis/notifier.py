"""Wake-up of all tasks in this process that wait for a change. It does not say what changed."""

import asyncio


class Notifier:
    """Notifier of waiting tasks; a notification without waiters is not stored."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Wake every task that is waiting now."""
        self._next.set()
        self._next = asyncio.Event()

    def next_event(self) -> asyncio.Event:
        """Return the event that the next notification sets; get it before reading state to miss no change."""
        return self._next
