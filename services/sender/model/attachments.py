"""The attachments that an email may have: their names and ids, and what SES would reject. Pure.

Their types are in `media_types`; how they are encoded is up to `mime`.
"""

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

from chassis.addresses import JOINERS
from chassis.encoded_words import decoded
from chassis.field_reasons import BadValue

MAX_ATTACHMENTS = 50
MAX_FILE_NAME = 255  # bytes of UTF-8; longer names are shortened
LONGEST_FILE_NAME = 1024  # bytes of UTF-8 that a caller may send
MAX_CONTENT_ID = 128  # characters

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

_CONTENT_ID = re.compile(rf"[A-Za-z0-9._@-]{{1,{MAX_CONTENT_ID}}}")
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class BadAttachment(BadValue):
    """A part of an attachment that is not accepted."""


def file_name(requested: str) -> str:
    """Return the name to show: decoded, without dots at its end, and short enough, with its extension.

    Raise BadAttachment for a name that hides something or that SES rejects.
    """
    name = _shortened(decoded(requested).rstrip("."))
    shown = "".join(char for char in name if char not in JOINERS)
    if not shown:
        raise BadAttachment("MISSING")
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
    return name


def _shortened(name: str) -> str:
    """Return a name that is short enough, cut before its extension and never inside a character."""
    size = len(name.encode("utf-8", "replace"))
    if size <= MAX_FILE_NAME:
        return name
    if size > LONGEST_FILE_NAME:
        raise BadAttachment("TOO_MANY_BYTES", limit=LONGEST_FILE_NAME)
    stem, dot, extension = name.rpartition(".")
    ending = f"{dot}{extension}".encode() if stem else b""
    if not stem or len(ending) > MAX_FILE_NAME // 2:
        stem, ending = name, b""
    kept = stem.encode()[: MAX_FILE_NAME - len(ending)].decode("utf-8", "ignore")
    return kept.rstrip(". ") + ending.decode()


def content_id(requested: str) -> str:
    """Return the id to use in `cid:` and `<…>`: without brackets, and with `_` for spaces.

    Raise BadAttachment for an id with other characters that are not allowed there.
    """
    named = _without_brackets(requested).replace(" ", "_")
    if requested and not _CONTENT_ID.fullmatch(named):
        raise BadAttachment("NOT_A_CONTENT_ID", limit=MAX_CONTENT_ID, allowed="A-Z a-z 0-9 . _ @ -")
    return named


def renamed_references(html: str, ids: Mapping[str, str]) -> str:
    """Return HTML that refers to files by their new ids; `ids` has these by the requested ones."""
    changed = {old: new for old, new in ids.items() if old != new}
    for old in sorted(changed, key=len, reverse=True):  # an id may begin with another one
        bare = _without_brackets(old)
        for written in (old, quote(old), bare, quote(bare)):
            html = html.replace(f"cid:{written}", f"cid:{changed[old]}")
    return html


def _without_brackets(requested: str) -> str:
    bare = requested.strip(" ")
    return bare[1:-1].strip(" ") if bare.startswith("<") and bare.endswith(">") else bare
