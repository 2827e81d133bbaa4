"""The timeline of an email, in order: our own state changes, and the feedback that SES reported. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.sender.model.emails import Entry
from services.sender.model.states import State

Detail = Mapping[str, Any]


def entered(at: datetime, state: State, note: str) -> Entry:
    """Return the entry of a state change."""
    return Entry(at, state, "", note)


def reported(at: datetime, kind: str, detail: Detail, recipients: tuple[str, ...]) -> Entry:
    """Return the entry of an SES event; `detail` is the event's own block, where any key may be missing."""
    sentence = _SENTENCES.get(kind)
    note = sentence(detail) if sentence else "SES reported an event of an unknown type."
    return Entry(at, None, kind, note, recipients)


def _bounced(detail: Detail) -> str:
    diagnostics = [
        text
        for each in detail.get("bouncedRecipients") or ()
        if isinstance(each, dict) and (text := _text(each, "diagnosticCode"))
    ]
    return _sentence(
        f"Bounced ({_text(detail, 'bounceType')}/{_text(detail, 'bounceSubType')})", *diagnostics[:1]
    )


def _sentence(what: str, *words: str) -> str:
    return f"{what}: {words[0]}" if words and words[0] else f"{what}."


def _text(holder: Detail, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


_SENTENCES: Mapping[str, Callable[[Detail], str]] = {
    "SEND": lambda _: "SES accepted it and starts delivery.",
    "DELIVERY": lambda detail: _sentence("Delivered", _text(detail, "smtpResponse")),
    "BOUNCE": _bounced,
    "COMPLAINT": lambda detail: _sentence("Reported as spam", _text(detail, "complaintFeedbackType")),
    "REJECT": lambda detail: _sentence("SES rejected the content", _text(detail, "reason")),
    "DELAY": lambda detail: _sentence("Delayed; SES retries", _text(detail, "delayType")),
    "OPEN": lambda detail: _sentence("Opened by a person or a machine", _text(detail, "userAgent")),
    "CLICK": lambda detail: _sentence("A link was clicked", _text(detail, "link")),
    "RENDERING_FAILURE": lambda detail: _sentence(
        "The template could not be rendered", _text(detail, "errorMessage")
    ),
    "SUBSCRIPTION": lambda detail: _sentence("A subscription changed", _text(detail, "contactList")),
}
