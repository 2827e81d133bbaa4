"""Verifies a MIME message with two parsers that did not write it, and lists where one disagrees.

If parsers disagree, a mail program might show another author, recipient or header than intended, so the email
is not sent.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from services.sender.mime_verification import parser_mailparse, parser_python
from services.sender.mime_verification.readings import MAILBOX_HEADERS, Body, Reading, shape
from services.sender.model import mime
from services.sender.model.emails import Attachment
from services.sender.model.headers import MAX_LINE, is_allowed, is_one_line
from services.sender.model.mime import MimeMessage

READERS: Mapping[str, Callable[[bytes], Reading]] = MappingProxyType(
    {"python": parser_python.read, "mailparse": parser_mailparse.read}
)

# The headers that `mime` writes itself; any other one is a caller's and must be one that callers may set.
_OURS = frozenset(
    {*MAILBOX_HEADERS, "Subject", "Date", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
)


def disagreements(message: MimeMessage, content: bytes) -> list[str]:
    """Return what a parser read differently than intended; empty if all agree."""
    intended = _intended(message)
    found = list(_wire_problems(content))
    for parser, read in READERS.items():
        found += [f"{parser}: {problem}" for problem in _problems(intended, read, content)]
    return found


def _problems(intended: Reading, read: Callable[[bytes], Reading], content: bytes) -> list[str]:
    try:
        return list(_differences(intended, read(content)))
    except Exception as error:  # noqa: BLE001 -- if one parser fails, others may fail too
        return [type(error).__name__]


def _wire_problems(content: bytes) -> Iterator[str]:
    if not content.isascii() or b"\0" in content:
        yield "a byte that is not printable ASCII"
    rest = content.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        yield "a bare CR or LF"
    if max(map(len, content.split(b"\r\n"))) > MAX_LINE:
        yield "a line that is too long"


def _intended(message: MimeMessage) -> Reading:
    """Return the reading that parsers must produce, independent of the code that writes headers."""
    mailboxes = {"From": [message.sender], "To": message.to, "Cc": message.cc, "Reply-To": message.reply_to}
    structure = _structure(message)
    return Reading(
        header_names=[
            *(name for name, addresses in mailboxes.items() if addresses),
            *(["Subject"] if message.subject else []),
            "Date",
            "MIME-Version",
            *message.headers,
            "Content-Type",
            *([] if structure.startswith("multipart/") else ["Content-Transfer-Encoding"]),
        ],
        mailboxes=mailboxes,
        subject=message.subject,
        values=message.headers,
        shape=structure,
        bodies=_bodies(message),
    )


def _structure(message: MimeMessage) -> str:
    texts = [body.content_type for body in _texts(message)]
    if message.shown:
        shown = [_file(each).content_type for each in message.shown]
        html = texts.index("text/html")
        texts[html] = shape("multipart/related", [texts[html], *shown])
    whole = shape("multipart/alternative", texts) if len(texts) > 1 else texts[0]
    files = [_file(each).content_type for each in message.files]
    return shape("multipart/mixed", [whole, *files]) if files else whole


def _bodies(message: MimeMessage) -> list[Body]:
    """Return the leaves in order: the inline files follow the HTML."""
    texts = _texts(message)
    shown = list(map(_file, message.shown))
    after = [each.content_type for each in texts].index("text/html") + 1 if shown else len(texts)
    return [*texts[:after], *shown, *texts[after:], *map(_file, message.files)]


def _texts(message: MimeMessage) -> list[Body]:
    return [Body(f"text/{subtype.partition(';')[0]}", text.encode()) for subtype, text in mime.parts(message)]


def _file(attachment: Attachment) -> Body:
    content_type = attachment.content_type.partition(";")[0].lower()
    return Body(content_type, attachment.content or b"", attachment.file_name, attachment.content_id)


def _differences(intended: Reading, read: Reading) -> Iterator[str]:
    yield from read.repairs
    if list(read.header_names) != list(intended.header_names):
        yield "different headers"
    if len({name.lower() for name in read.header_names}) < len(read.header_names):
        yield "a duplicate header"
    if any(name not in _OURS and not is_allowed(name) for name in read.header_names):
        yield "a header that is not allowed"
    yield from _header_differences(intended, read)
    if read.shape != intended.shape:
        yield "a different structure"
    if list(map(_without_final_break, read.bodies)) != list(map(_without_final_break, intended.bodies)):
        yield "a different body"


def _header_differences(intended: Reading, read: Reading) -> Iterator[str]:
    for name, mailboxes in intended.mailboxes.items():
        if list(read.mailboxes[name]) != list(mailboxes):
            yield f"different mailboxes in {name}"
    if read.subject != intended.subject:
        yield "a different subject"
    for name, value in intended.values.items():
        if read.values.get(name) != value:
            yield f"a different {name}"
        if not is_one_line(value):
            yield f"a line break or a control character in {name}"


def _without_final_break(body: Body) -> Body:
    """Return a body without a final line break, which a message has whether its text had one or not."""
    return replace(body, content=body.content.removesuffix(b"\r\n"))
