"""Attached files as callers send them: base64, numbers, plain text, or a `data:` URL. Pure."""

import binascii
import mimetypes
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_to_bytes

from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import errors, models
from services.console.api.errors import Rejected

PIECE = 256 * 1024  # characters of base64, a multiple of four
BAD_ATTACHMENT = errors.FIELD_KINDS["attachments"]

NOT_BASE64 = "is not valid base64"
AMBIGUOUS = "may be base64 without its padding or plain text; send it as base64 with padding"
NOT_FETCHED = "is not fetched. Send the file itself in `content`, as base64, or as a `data:` URL"

# Types besides text/* whose files are text. Of other types, text can only be base64 with an error in it.
TEXT_TYPES = frozenset({"application/json", "application/xml", "application/yaml", "application/x-ndjson"})

# The names of a field, the documented one first; clients of Resend send the others.
CONTENT_TYPE = ("content_type", "contentType")
CONTENT_ID = ("content_id", "inline_content_id", "inlineContentId", "contentId")

_DATA_URL = re.compile(r"data:([!-+\--~]{0,200}?)(?:;base64)?,", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_LINE_BREAKS = str.maketrans("", "", "\r\n")
_ALPHABET = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


def attachment_of(given: models.Attachment, path: str) -> pb.Attachment:
    """Return the attachment to send. Raise Rejected."""
    if given.content and given.path:
        raise Rejected(BAD_ATTACHMENT, f"`{path}` has both `content` and `path`. Set only one of them.")
    if given.path and not _DATA_URL.match(given.path):
        raise Rejected(BAD_ATTACHMENT, f"`{path}.path` {NOT_FETCHED}.")
    field = "path" if given.path else "content"
    source = given.path or given.content
    if source is None or not given.filename:
        raise Rejected(BAD_ATTACHMENT, f"`{path}` needs `content` and `filename`.")
    content_type = _one_of(CONTENT_TYPE, given, path)
    try:
        is_text = _is_text(content_type, given.filename)
        octets = _of_url(given.path) if given.path else _octets(source, is_text=is_text)
    except ValueError as error:
        raise Rejected(BAD_ATTACHMENT, f"`{path}.{field}` {error}.") from None
    return pb.Attachment(
        file_name=given.filename,
        content_type=content_type or _type_in(source),
        content_id=_one_of(CONTENT_ID, given, path),
        content=octets,
    )


def _one_of(names: Sequence[str], given: models.Attachment, path: str) -> str:
    """Return the value of a field with aliases; empty if there is none. Raise Rejected if two differ."""
    used, *others = [name for name in names if getattr(given, name)] or names[:1]
    value: str = getattr(given, used) or ""
    for other in others:
        if getattr(given, other) != value:
            message = f"`{path}.{other}` says something else than `{path}.{used}`. Set only one of them."
            raise Rejected(BAD_ATTACHMENT, message)
    return value


def is_plain_text(given: models.Attachment) -> bool:
    """Return whether the content of a valid attachment is taken as it is written."""
    content = given.content
    return isinstance(content, str) and attachment_of(given, "").content == content.encode()


def _octets(content: str | list[int] | models.NodeBuffer, *, is_text: bool) -> bytes:
    """Return the bytes of `content`. Raise ValueError with a sentence that lacks its subject."""
    if isinstance(content, models.NodeBuffer):
        return bytes(content.data)
    if isinstance(content, list):
        return bytes(content)
    return _of_url(content) if _DATA_URL.match(content) else _of_text(content, is_text=is_text)


def _of_text(content: str, *, is_text: bool) -> bytes:
    """Return the bytes of base64, or of the text of a text file. Raise ValueError."""
    text = content.translate(_LINE_BREAKS)
    try:
        return _of_base64(text)
    except ValueError:
        pass
    if not is_text:
        return _of_other_base64(text)
    if _ALPHABET.fullmatch(text) and len(text.rstrip("=")) % 4 != 1:  # base64 never has this remainder
        return _of_padded_base64(text)
    return content.encode()


def _of_url(url: str) -> bytes:
    """Return the bytes of a `data:` URL (RFC 2397). Raise ValueError."""
    head, _, rest = url.partition(",")
    data = unquote_to_bytes(rest)
    is_base64 = head.lower().endswith(";base64")
    return _of_other_base64(data.decode("latin-1").translate(_LINE_BREAKS)) if is_base64 else data


def _type_in(source: str | list[int] | models.NodeBuffer) -> str:
    """Return the media type that a `data:` URL names; empty for everything else."""
    found = _DATA_URL.match(source) if isinstance(source, str) else None
    return found[1] if found else ""


def _of_base64(text: str) -> bytes:
    """Decode base64 in chunks, so that other threads can run in between. Raise ValueError."""
    return b"".join(_pieces(text))


def _of_padded_base64(text: str) -> bytes:
    """Decode URL-safe base64 that ends in padding: without it, it may be a word. Raise ValueError."""
    if not text.endswith("=") or len(text) % 4:
        raise ValueError(AMBIGUOUS)
    return _of_other_base64(text)


def _of_other_base64(text: str) -> bytes:
    """Decode base64 of the URL-safe alphabet (RFC 4648 §5), or without padding. Raise ValueError."""
    bare = text.rstrip("=")
    try:
        return _of_base64(bare.translate(_URL_SAFE) + "=" * (-len(bare) % 4))
    except ValueError:
        raise ValueError(NOT_BASE64) from None


def _pieces(text: str) -> Iterator[bytes]:
    for at in range(0, len(text), PIECE):
        piece = text[at : at + PIECE]
        if "=" in piece and at + PIECE < len(text):
            raise ValueError("base64 continues after its padding")
        yield binascii.a2b_base64(piece, strict_mode=True)


def _is_text(content_type: str, file_name: str) -> bool:
    found = content_type.partition(";")[0].strip().lower() or mimetypes.guess_type(file_name)[0] or ""
    return found.startswith("text/") or found.endswith(("+json", "+xml")) or found in TEXT_TYPES
