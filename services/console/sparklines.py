"""Sparklines: the newest events of a webhook endpoint as bars, oldest first, and in words. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from letterhead.webhooks.v1.webhook_service_pb2 import EndpointEvent

MOST = 30  # bars
STEP, HEIGHT = 5, 20  # in units of the view box
_STATES = (  # the height and tone of a bar, and the words; heights differ so that colour adds no meaning
    (EndpointEvent.STATE_DELIVERED, 20, "good", "delivered"),
    (EndpointEvent.STATE_FAILED, 8, "bad", "failed"),
    (EndpointEvent.STATE_UNSENT, 8, "wait", "not sent"),
    (EndpointEvent.STATE_PENDING, 3, "quiet", "pending"),
)
_STYLES = {state: (height, tone) for state, height, tone, _ in _STATES}


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; the tone is a class in the stylesheet."""

    x: int
    y: int
    height: int
    tone: str


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The bars, and a sentence that says the same."""

    bars: Sequence[Bar]
    words: str


def sparkline(newest_first: Sequence[EndpointEvent]) -> Sparkline:
    """Return the sparkline of at most MOST events."""
    shown = newest_first[:MOST][::-1]
    first = MOST - len(shown)  # the newest event is at the right edge
    return Sparkline([_bar(at, each) for at, each in enumerate(shown, first)], _words(shown))


def _bar(at: int, event: EndpointEvent) -> Bar:
    height, tone = _STYLES.get(event.state, _STYLES[EndpointEvent.STATE_PENDING])
    return Bar(at * STEP, HEIGHT - height, height, tone)


def _words(events: Sequence[EndpointEvent]) -> str:
    counts = Counter(each.state for each in events)
    parts = [f"{counts[state]} {word}" for state, _, _, word in _STATES if counts[state]]
    return f"Newest events: {', '.join(parts)}" if parts else "No events yet"
