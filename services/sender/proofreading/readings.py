"""What a reader makes of an email's bytes: the facts that two readers must agree on, whoever reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.sender.model.emails import Address

MAILBOX_HEADERS = ("From", "To", "Cc", "Reply-To")


@dataclass(frozen=True, slots=True)
class Body:
    """A leaf of the email: its type in lower case, its bytes before they were encoded, and a file's names."""

    content_type: str
    content: bytes = field(repr=False)
    file_name: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An email as somebody reads it.

    `header_names` are the outermost ones, in order; `values` are those headers unfolded, by name; `shape` is
    the tree of types, as in `multipart/alternative(text/plain text/html)`; `repairs` says what had to be
    mended to read it.
    """

    header_names: Sequence[str]
    mailboxes: Mapping[str, Sequence[Address]]
    subject: str
    values: Mapping[str, str]
    shape: str
    bodies: Sequence[Body]
    repairs: Sequence[str] = ()


def shape(content_type: str, children: Sequence[str]) -> str:
    """Write down one node of the tree of types."""
    return f"{content_type}({' '.join(children)})" if children else content_type
