"""What happened to an email, in order: our own changes of its state, and what SES told. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.sender.model.emails import Entry, State

Detail = Mapping[str, Any]


def entered(at: datetime, state: State, note: str) -> Entry:
    """Give the entry of a change of state."""
    return Entry(at, state, "", note)


def told(at: datetime, kind: str, detail: Detail, recipients: tuple[str, ...]) -> Entry:
    """Give the entry of what SES told; `detail` is its own block, and may lack everything."""
    sentence = _SENTENCES.get(kind)
    note = sentence(detail) if sentence else "SES told something that this version does not know."
    return Entry(at, None, kind, note, recipients)


def _bounced(detail: Detail) -> str:
    said = [
        text
        for each in detail.get("bouncedRecipients") or ()
        if isinstance(each, dict) and (text := _text(each, "diagnosticCode"))
    ]
    return _said(f"Bounced ({_text(detail, 'bounceType')}/{_text(detail, 'bounceSubType')})", *said[:1])


def _said(what: str, *words: str) -> str:
    return f"{what}: {words[0]}" if words and words[0] else f"{what}."


def _text(holder: Detail, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


_SENTENCES: Mapping[str, Callable[[Detail], str]] = {
    "SEND": lambda _: "SES took it and begins to deliver.",
    "DELIVERY": lambda detail: _said("Delivered", _text(detail, "smtpResponse")),
    "BOUNCE": _bounced,
    "COMPLAINT": lambda detail: _said("Reported as spam", _text(detail, "complaintFeedbackType")),
    "REJECT": lambda detail: _said("SES refused the content", _text(detail, "reason")),
    "DELAY": lambda detail: _said("Delayed, SES tries again", _text(detail, "delayType")),
    "OPEN": lambda detail: _said("Opened, by a person or a machine", _text(detail, "userAgent")),
    "CLICK": lambda detail: _said("A link was followed", _text(detail, "link")),
    "RENDERING_FAILURE": lambda detail: _said(
        "Its template was not filled in", _text(detail, "errorMessage")
    ),
    "SUBSCRIPTION": lambda detail: _said("A subscription changed", _text(detail, "contactList")),
}
