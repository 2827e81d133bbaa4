"""Reads an email again before it leaves, by two parsers that did not write it, and says where one disagrees.

A disagreement means that somebody else might read another author, recipient or header than we meant: it is
not sent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from services.sender.model import mime
from services.sender.model.emails import Attachment
from services.sender.model.headers import MAX_LINE, is_allowed
from services.sender.model.mime import Letter
from services.sender.proofreading import reader_mailparse, reader_python
from services.sender.proofreading.readings import MAILBOX_HEADERS, Body, Reading, shape

READERS: Mapping[str, Callable[[bytes], Reading]] = MappingProxyType(
    {"python": reader_python.read, "mailparse": reader_mailparse.read}
)

# All that we write ourselves; anything else is a caller's, and must be one that callers may set.
_OURS = frozenset(
    {*MAILBOX_HEADERS, "Subject", "Date", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
)


def disagreements(letter: Letter, content: bytes) -> list[str]:
    """Name what a reader read otherwise than it was meant; empty when all is the same."""
    meant = _meant(letter)
    found = list(_wire_problems(content))
    for reader, read in READERS.items():
        found += [f"{reader}: {problem}" for problem in _problems(meant, read, content)]
    return found


def _problems(meant: Reading, read: Callable[[bytes], Reading], content: bytes) -> list[str]:
    try:
        return list(_differences(meant, read(content)))
    except Exception as error:  # noqa: BLE001 -- on whatever a reader stumbles, others may stumble too
        return [type(error).__name__]


def _wire_problems(content: bytes) -> Iterator[str]:
    if not content.isascii() or b"\0" in content:
        yield "a byte that is not printable ASCII"
    rest = content.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        yield "a bare CR or LF"
    if max(map(len, content.split(b"\r\n"))) > MAX_LINE:
        yield "a line that is too long"


def _meant(letter: Letter) -> Reading:
    """Give what is to be read; nothing in it comes from what wrote the headers."""
    mailboxes = {"From": [letter.sender], "To": letter.to, "Cc": letter.cc, "Reply-To": letter.reply_to}
    structure = _structure(letter)
    return Reading(
        header_names=[
            *(name for name, addresses in mailboxes.items() if addresses),
            *(["Subject"] if letter.subject else []),
            "Date",
            "MIME-Version",
            *letter.headers,
            "Content-Type",
            *([] if structure.startswith("multipart/") else ["Content-Transfer-Encoding"]),
        ],
        mailboxes=mailboxes,
        subject=letter.subject,
        values=letter.headers,
        shape=structure,
        bodies=[*_texts(letter), *map(_file, letter.shown), *map(_file, letter.files)],
    )


def _structure(letter: Letter) -> str:
    texts = [body.content_type for body in _texts(letter)]
    if letter.shown:
        shown = [_file(each).content_type for each in letter.shown]
        texts[-1] = shape("multipart/related", [texts[-1], *shown])
    whole = shape("multipart/alternative", texts) if len(texts) > 1 else texts[0]
    files = [_file(each).content_type for each in letter.files]
    return shape("multipart/mixed", [whole, *files]) if files else whole


def _texts(letter: Letter) -> list[Body]:
    return [Body(f"text/{subtype}", text.encode()) for subtype, text in mime.parts(letter)]


def _file(attachment: Attachment) -> Body:
    content_type = attachment.content_type.partition(";")[0].lower()
    return Body(content_type, attachment.content or b"", attachment.file_name, attachment.content_id)


def _differences(meant: Reading, read: Reading) -> Iterator[str]:
    yield from read.repairs
    if list(read.header_names) != list(meant.header_names):
        yield "other headers"
    if len({name.lower() for name in read.header_names}) < len(read.header_names):
        yield "a header twice"
    if any(name not in _OURS and not is_allowed(name) for name in read.header_names):
        yield "a header that nobody may set"
    yield from _header_differences(meant, read)
    if read.shape != meant.shape:
        yield "another structure"
    if list(map(_ended, read.bodies)) != list(map(_ended, meant.bodies)):
        yield "another body"


def _header_differences(meant: Reading, read: Reading) -> Iterator[str]:
    for name, mailboxes in meant.mailboxes.items():
        if list(read.mailboxes[name]) != list(mailboxes):
            yield f"other mailboxes in {name}"
    if read.subject != meant.subject:
        yield "another subject"
    for name, value in meant.values.items():
        if read.values.get(name) != value:
            yield f"another {name}"


def _ended(body: Body) -> Body:
    """Take the line break off that ends a body: an email's last line has one, whether the text had or not."""
    return replace(body, content=body.content.removesuffix(b"\r\n"))
