"""Decodes RFC 2047 encoded words, in which many mail libraries write names, subjects and file names. Pure.

Text is decoded once, before it is checked, so that nothing can hide in it.
"""

import binascii
import re

from chassis.field_reasons import BadValue

# Charsets still in use that every mail program knows (https://encoding.spec.whatwg.org/#names-and-labels).
KNOWN_CHARSET = re.compile(
    r"utf-8|us-ascii|iso-8859-([1-8]|1[03456])|windows-125[0-8]|utf-16(le|be)?|koi8-[ru]|shift_jis|euc-jp|"
    r"iso-2022-jp|gb18030|gbk|gb2312|big5|euc-kr",
    re.IGNORECASE,
)
# RFC 2047 §2, with the language of RFC 2231 §5, and spaces, which some libraries leave in Q encoding.
_WORD = re.compile(r"=\?([A-Za-z0-9_:.-]{1,40})(?:\*[A-Za-z0-9-]{1,40})?\?([BbQq])\?([ -&(->@-~']*)\?=")


def has_encoded_word(text: str) -> bool:
    """Return whether a mail program could decode a part of the text."""
    return "=?" in text and _WORD.search(text) is not None


def decoded(text: str) -> str:
    """Return the text with its encoded words decoded; raise BadValue if one of them cannot be."""
    if "=?" not in text:
        return text
    pieces: list[str] = []
    end, charset, encoded = 0, "", b""
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        # White space between two words is not part of the text, and a character may continue in the next word
        # (RFC 2047 §6.2 and practice).
        if charset and (between.strip(" \t\r\n") or charset != word[1].lower()):
            pieces.append(_text(encoded, charset))
            encoded = b""
        if not charset or between.strip(" \t\r\n"):
            pieces.append(between)
        charset, encoded, end = word[1].lower(), encoded + _bytes(word[2], word[3]), word.end()
    return "".join([*pieces, _text(encoded, charset), text[end:]]) if charset else text


def _bytes(encoding: str, text: str) -> bytes:
    if encoding in "Qq":
        return binascii.a2b_qp(text.encode(), header=True)
    try:
        return binascii.a2b_base64(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), strict_mode=True)
    except binascii.Error:
        raise BadValue("UNDECODABLE") from None


def _text(encoded: bytes, charset: str) -> str:
    name = "utf-8" if charset == "utf8" else charset
    if not KNOWN_CHARSET.fullmatch(name):
        raise BadValue("UNDECODABLE")
    try:
        return encoded.decode(name)
    except UnicodeDecodeError:
        raise BadValue("UNDECODABLE") from None
