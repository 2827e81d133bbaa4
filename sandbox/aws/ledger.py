"""A record of every call that reached the simulated SES, against which tests compare the services."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.aws.service import Call
from sandbox.clock import Clock

_MAX_ENTRIES = 200_000  # entries per list; older ones are dropped
_NAMES = ("EmailIdentity", "ConfigurationSetName", "EmailAddress", "ResourceArn")


@dataclass(slots=True)
class Entry:
    """One call: its time, its outcome and the fault that applied.

    `outcome` is `received`, then `accepted` or an error code; `status` is the HTTP status, 0 for none.
    """

    at: datetime
    operation: str
    name: str | None
    email_tags: dict[str, str]
    outcome: str = "received"
    status: int = 0
    fault: str | None = None
    message_id: str | None = None

    def post(self) -> dict[str, Any]:
        """Return a SendEmail as the control API shows it."""
        return {
            "at": self.at.isoformat(),
            "attempt": self.email_tags.get("lh-attempt"),
            "email_tags": self.email_tags,
            "outcome": self.outcome,
            "status": self.status,
            "fault": self.fault,
            "message_id": self.message_id,
        }

    def control(self) -> dict[str, Any]:
        """Return any other call as the control API shows it."""
        return {
            "at": self.at.isoformat(),
            "operation": self.operation,
            "name": self.name,
            "outcome": self.outcome,
            "status": self.status,
            "fault": self.fault,
        }


@dataclass
class Ledger:
    """All calls to SES since the start or the last clear."""

    clock: Clock
    posts: deque[Entry] = field(default_factory=lambda: deque(maxlen=_MAX_ENTRIES))
    controls: deque[Entry] = field(default_factory=lambda: deque(maxlen=_MAX_ENTRIES))
    throttled: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def open(self, call: Call) -> Entry:
        """Record a call before it is processed; calls to services other than SES are only counted."""
        entry = Entry(self.clock.now(), call.operation, _name(call), _email_tags(call))
        if call.service == "sesv2":
            (self.posts if call.operation == "SendEmail" else self.controls).append(entry)
        else:
            self.others[f"{call.service}.{call.operation}"] += 1
        return entry

    def clear(self) -> None:
        """Delete all entries."""
        self.posts.clear()
        self.controls.clear()
        self.throttled.clear()
        self.others.clear()

    def to_json(self) -> dict[str, Any]:
        """Return the ledger as the control API shows it."""
        posts = [entry.post() for entry in self.posts]
        return {
            "posts": posts,
            "accepted": [post for post in posts if post["message_id"]],
            "controls": [entry.control() for entry in self.controls],
            "throttled": dict(self.throttled),
            "others": dict(self.others),
        }


def _name(call: Call) -> str | None:
    return next((str(call[name]) for name in _NAMES if name in call.params), None)


def _email_tags(call: Call) -> dict[str, str]:
    """Return the email tags of a call that is not validated yet."""
    tags = call.get("EmailTags")
    known = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return {str(tag.get("Name")): str(tag.get("Value")) for tag in known}
