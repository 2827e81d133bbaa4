"""What reached the pretend SES, whatever it answered: the truth that tests hold the services to."""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.aws.service import Call
from sandbox.clock import Clock

_KEPT = 200_000  # entries of each list; older ones are forgotten
_NAMES = ("EmailIdentity", "ConfigurationSetName", "EmailAddress", "ResourceArn")


@dataclass(slots=True)
class Entry:
    """One call: when it came, what was answered, and which fault befell it.

    `outcome` is `received`, then `accepted` or an error's code; `status` is the answer's in HTTP, 0 for none.
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
        """A SendEmail, as the control API shows it."""
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
        """Any other call, as the control API shows it."""
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
    """Every call to SES since the start, or since it was cleared."""

    clock: Clock
    posts: deque[Entry] = field(default_factory=lambda: deque(maxlen=_KEPT))
    controls: deque[Entry] = field(default_factory=lambda: deque(maxlen=_KEPT))
    throttled: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)

    def open(self, call: Call) -> Entry:
        """Note a call before anything is decided about it; calls to services other than SES are counted."""
        entry = Entry(self.clock.now(), call.operation, _name(call), _email_tags(call))
        if call.service == "sesv2":
            (self.posts if call.operation == "SendEmail" else self.controls).append(entry)
        else:
            self.others[f"{call.service}.{call.operation}"] += 1
        return entry

    def clear(self) -> None:
        """Forgets everything."""
        self.posts.clear()
        self.controls.clear()
        self.throttled.clear()
        self.others.clear()

    def to_json(self) -> dict[str, Any]:
        """As the control API shows it."""
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
    """The tags of a call that may not have been checked yet."""
    tags = call.get("EmailTags")
    known = [tag for tag in tags if isinstance(tag, dict)] if isinstance(tags, list) else []
    return {str(tag.get("Name")): str(tag.get("Value")) for tag in known}
