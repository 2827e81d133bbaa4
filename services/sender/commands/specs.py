"""An email as a caller requested it, before it is checked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.sender.model.emails import OnUnknown
from services.sender.model.headers import Unsubscribe

Pair = tuple[str, str]  # address and display name, as typed


@dataclass(frozen=True, slots=True)
class File:
    """A requested attachment, unchecked."""

    file_name: str
    content_type: str
    content_id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EmailSpec:
    """An email as a caller requested it, unchecked.

    `text` is None to have it made from the HTML, and empty for none. `message_ids` has the Message-IDs of the
    emails that its threading headers name by their ids (`threads`).
    """

    sender: Pair
    to: Sequence[Pair]
    cc: Sequence[Pair]
    bcc: Sequence[Pair]
    reply_to: Sequence[Pair]
    subject: str
    text: str | None = field(repr=False)
    html: str = field(repr=False)
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    files: Sequence[File] = ()
    send_at: datetime | None = None
    on_unknown: str = OnUnknown.HOLD
    window: timedelta | None = None
    unsubscribe: Unsubscribe | None = None
    in_reply_to: str = ""
    references: Sequence[str] = ()
    message_ids: Mapping[str, str] = field(default_factory=dict)
