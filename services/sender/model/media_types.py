"""The types of attachments, with the parameters that RFC 2045 allows, and the method of a calendar. Pure."""

import mimetypes
import re
from urllib.parse import unquote

from chassis.encoded_words import KNOWN_CHARSET, decoded, has_encoded_word
from services.sender.model.attachments import BadAttachment

UNKNOWN_TYPE = "application/octet-stream"
MAX_PARAMETERS = 10
MAX_CALENDAR = 256 * 1024  # bytes that are sent again as a body

_WORD = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}"
_TYPE = re.compile(rf"{_WORD}/{_WORD}")
# RFC 2045 §5.1. Quoted values have only characters that all parsers read alike.
_PARAMETER = re.compile(
    r"[ \t]*;[ \t]*([A-Za-z0-9][A-Za-z0-9_.*-]{0,63})[ \t]*=[ \t]*"
    r"""(?:"((?:[^"\\\r\n]|\\[ -~])*)"|([^\s;"]+))"""
)
_ESCAPE = re.compile(r"\\(.)")
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+'*%`{|}~-]{1,128}")
_QUOTABLE = re.compile(r"[A-Za-z0-9 !#$&'()+,./:?@^_`{}~*-]{1,128}")
# The file name is written once, in Content-Disposition: of two names, mail programs show either.
_NAMES = frozenset({"name", "filename", "name*", "filename*"})
_METHOD = re.compile(rb"^METHOD:[ \t]*([A-Za-z-]{1,20})[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_METHOD_WITHIN = 4096  # bytes at the start of a calendar; METHOD stands before its first event


def media_type(requested: str, named: str) -> str:
    """Return the type to declare, with its parameters but without a redundant file name.

    `named` is the file's name, which implies a type if none was requested. Raise BadAttachment for an invalid
    type.
    """
    if not requested:
        return _guessed(named)
    declared, semicolon, rest = requested.partition(";")
    if not _TYPE.fullmatch(declared.strip()):
        raise BadAttachment("NOT_A_MEDIA_TYPE")
    media = declared.strip()
    if media.lower().startswith("multipart/"):
        raise BadAttachment("TYPE_WITH_PARTS")
    if media.lower().startswith("message/"):
        # Its parts must not be encoded (RFC 2046 §5.2.1), and parsers would read their headers.
        return UNKNOWN_TYPE
    parameters = _parameters(semicolon + rest, named)
    return "".join([media, *(f"; {name}={_written(value)}" for name, value in parameters.items())])


def _parameters(text: str, named: str) -> dict[str, str]:
    """Return the parameters after a type, by name in lower case, without a name of the file."""
    found: dict[str, str] = {}
    end, count = 0, 0
    while parameter := _PARAMETER.match(text, end):
        end, count = parameter.end(), count + 1
        name, value = parameter[1].lower(), parameter[3] or _ESCAPE.sub(r"\1", parameter[2] or "")
        if name in _NAMES:
            _check_name(name, value, named)
        elif found.setdefault(name, value) != value:
            raise BadAttachment("REPEATED_PARAMETER")
    if text[end:].strip(" \t;") or count > MAX_PARAMETERS or any("*" in name for name in found):
        raise BadAttachment("NOT_A_MEDIA_TYPE")
    if not KNOWN_CHARSET.fullmatch(found.get("charset", "utf-8")):
        raise BadAttachment("UNKNOWN_CHARSET")
    return found


def _check_name(name: str, value: str, named: str) -> None:
    """Raise BadAttachment unless a parameter repeats the file's name, in any of the ways to write it."""
    if name.endswith("*"):
        value = unquote(value.rpartition("'")[2])  # RFC 2231 §4
    if value != named and (not has_encoded_word(value) or decoded(value) != named):
        raise BadAttachment("FILE_NAME_PARAMETER", other_field="file_name")


def _written(value: str) -> str:
    if _TOKEN.fullmatch(value):
        return value
    if not _QUOTABLE.fullmatch(value):
        raise BadAttachment("NOT_A_MEDIA_TYPE")
    return f'"{value}"'


def _guessed(file_name: str) -> str:
    """Return the type that a file name implies; a compressed file does not have its content's type."""
    found, encoding = mimetypes.guess_type(file_name, strict=True)
    return UNKNOWN_TYPE if found is None or encoding or _has_parts(found) else found


def _has_parts(media_type: str) -> bool:
    return media_type.lower().startswith(("multipart/", "message/"))


def calendar_method(content_type: str, content: bytes) -> str:
    """Return the method of a calendar, such as `REQUEST`; empty for other files and without a method.

    RFC 6047 §2.4: the parameter and the property must be the same.
    """
    media, *parameters = content_type.lower().split("; ")
    if media != "text/calendar" or len(content) > MAX_CALENDAR:
        return ""
    inside = _METHOD.search(content[:_METHOD_WITHIN])
    method = inside[1].decode().upper() if inside else ""
    declared = [each.removeprefix("method=").upper() for each in parameters if each.startswith("method=")]
    return method if declared in ([], [method]) and _is_utf8(content) else ""


def _is_utf8(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
