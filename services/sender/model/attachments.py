"""The attachments that an email may have: their names, their types, and what SES would reject. Pure.

How they are encoded is up to `mime`.
"""

import mimetypes
import re
import unicodedata
from collections.abc import Sequence

from chassis.addresses import JOINERS
from chassis.field_reasons import BadValue

MAX_ATTACHMENTS = 50
MAX_FILE_NAME = 255  # bytes of UTF-8
MAX_CONTENT_ID = 128  # characters
UNKNOWN_TYPE = "application/octet-stream"

# SES's "Unsupported attachment types" (https://docs.aws.amazon.com/ses/latest/dg/mime-types.html).
REFUSED = frozenset({
    "ade", "adp", "app", "asp", "bas", "bat", "cer", "chm", "cmd", "com", "cpl", "crt", "csh", "der", "exe",
    "fxp", "gadget", "hlp", "hta", "inf", "ins", "isp", "its", "js", "jse", "ksh", "lib", "lnk", "mad", "maf",
    "mag", "mam", "maq", "mar", "mas", "mat", "mau", "mav", "maw", "mda", "mdb", "mde", "mdt", "mdw", "mdz",
    "msc", "msh", "msh1", "msh2", "mshxml", "msh1xml", "msh2xml", "msi", "msp", "mst", "ops", "pcd", "pif",
    "plg", "prf", "prg", "ps1", "ps1xml", "ps2", "ps2xml", "psc1", "psc2", "reg", "scf", "scr", "sct", "shb",
    "shs", "sys", "tmp", "url", "vb", "vbe", "vbs", "vps", "vsmacros", "vss", "vst", "vsw", "vxd", "ws",
    "wsc", "wsf", "wsh", "xnk",
})  # fmt: skip

_WORD = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}"
_TYPE = re.compile(rf"{_WORD}/{_WORD}(?:; ?{_WORD}={_WORD}){{0,4}}")
# The file name is written once, in Content-Disposition: of two names, mail programs show either.
_NAMES = frozenset({"name", "filename"})
# Charsets still in use that every mail program knows (https://encoding.spec.whatwg.org/#names-and-labels).
_KNOWN_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-([1-8]|1[03456])|windows-125[0-8]|utf-16(le|be)?|koi8-[ru]|shift_jis|euc-jp|"
    r"iso-2022-jp|gb18030|gbk|gb2312|big5|euc-kr",
    re.IGNORECASE,
)
_CONTENT_ID = re.compile(rf"[A-Za-z0-9._@-]{{1,{MAX_CONTENT_ID}}}")
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class BadAttachment(BadValue):
    """A part of an attachment that is not accepted."""


def check_file_name(name: str) -> None:
    """Raise BadAttachment for a name that hides something or that SES rejects."""
    shown = "".join(char for char in name if char not in JOINERS)
    if not shown:
        raise BadAttachment("MISSING")
    if len(name.encode("utf-8", "replace")) > MAX_FILE_NAME:
        raise BadAttachment("TOO_MANY_BYTES", limit=MAX_FILE_NAME)
    if any(unicodedata.category(char) in _UNSHOWN for char in shown):
        raise BadAttachment("CONTROL_CHARACTER")
    if not {"/", "\\"}.isdisjoint(shown):
        raise BadAttachment("SLASH")
    if shown != shown.strip():
        raise BadAttachment("SPACE_AT_EDGE")
    if shown != shown.strip("."):
        raise BadAttachment("DOT_AT_EDGE")
    if (extension := shown.lower().rpartition(".")[2]) in REFUSED and "." in shown:
        raise BadAttachment("FILE_TYPE_REJECTED", type=extension)


def media_type(requested: str, file_name: str) -> str:
    """Return the type to declare; raise BadAttachment for an invalid type or one with parts of its own."""
    if not requested:
        return _guessed(file_name)
    if not _TYPE.fullmatch(requested):
        raise BadAttachment("NOT_A_MEDIA_TYPE")
    if _has_parts(requested):
        raise BadAttachment("TYPE_WITH_PARTS")
    parameters = [each.partition("=") for each in requested.split(";")[1:]]
    _check_parameters([(name.strip().lower(), value) for name, _, value in parameters])
    return requested


def _guessed(file_name: str) -> str:
    """Return the type that a file name implies; a compressed file does not have its content's type."""
    found, encoding = mimetypes.guess_type(file_name, strict=True)
    return UNKNOWN_TYPE if found is None or encoding or _has_parts(found) else found


def _has_parts(media_type: str) -> bool:
    return media_type.lower().startswith(("multipart/", "message/"))


def _check_parameters(parameters: Sequence[tuple[str, str]]) -> None:
    names = [name for name, _ in parameters]
    if len(set(names)) < len(names):
        raise BadAttachment("REPEATED_PARAMETER")
    if not _NAMES.isdisjoint(names):
        raise BadAttachment("FILE_NAME_PARAMETER", other_field="file_name")
    if not all(_KNOWN_CHARSET.fullmatch(value) for name, value in parameters if name == "charset"):
        raise BadAttachment("UNKNOWN_CHARSET")


def check_content_id(content_id: str) -> None:
    """Raise BadAttachment for an id that is not allowed in `cid:` and `<…>`."""
    if content_id and not _CONTENT_ID.fullmatch(content_id):
        raise BadAttachment("NOT_A_CONTENT_ID", limit=MAX_CONTENT_ID, allowed="A-Z a-z 0-9 . _ @ -")
