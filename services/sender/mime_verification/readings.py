"""The result of parsing an email: everything that all parsers must agree on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.sender.model.emails import Address

MAILBOX_HEADERS = ("From", "To", "Cc", "Reply-To")


@dataclass(frozen=True, slots=True)
class Body:
    """A leaf of the MIME tree: its type in lower case, its decoded bytes, and a file's name and id."""

    content_type: str
    content: bytes = field(repr=False)
    file_name: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An email as one parser reads it.

    `header_names` are the outermost headers in order; `values` are these headers unfolded, by name; `shape`
    is the tree of types, as in `multipart/alternative(text/plain text/html)`; `repairs` lists what the parser
    had to repair.
    """

    header_names: Sequence[str]
    mailboxes: Mapping[str, Sequence[Address]]
    subject: str
    values: Mapping[str, str]
    shape: str
    bodies: Sequence[Body]
    repairs: Sequence[str] = ()


def shape(content_type: str, children: Sequence[str]) -> str:
    """Return one node of the tree of types as text."""
    return f"{content_type}({' '.join(children)})" if children else content_type
