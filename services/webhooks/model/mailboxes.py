"""Reads the addresses that SES reports, which mail servers of any kind have written. Pure.

An address arrives bare, with a display name, as a DSN writes it (`rfc822;ada@example.com`), in any case, and
with its domain in either form of IDNA. It is read as the one address that recipients are matched by.
"""

import re
from collections.abc import Iterator

import idna

MAX_MAILBOX = 2_000  # characters of one text, which may hold several mailboxes with names

# RFC 3464 §2.1.2 and RFC 6533 §3: the address's type before it, here of those that are email.
_TYPED = re.compile(r"(?:rfc822|utf-8|smtp|mailto)[ \t]*[:;]", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_QUOTES = {'"': '"', "'": "'"}
_SPECIAL = frozenset('<>()[],;:"@\ufffd')  # U+FFFD replaces a character that cannot be stored


def mailboxes(text: str) -> tuple[str, ...]:
    """Return the addresses in a text that holds one or more mailboxes; empty if any of them cannot be read.

    The local part keeps its case. The domain is in lower case and in ASCII (A-labels), as in accepted emails.
    """
    found = [_address(each) for each in _split(text)] if len(text) <= MAX_MAILBOX else []
    return tuple(each for each in found if each) if all(found) else ()


def _split(text: str) -> Iterator[str]:
    """Yield the mailboxes of a list, which no comma in quotes, angle brackets or an unquoted name ends."""
    start, quoted, angled = 0, False, False
    for position, char in enumerate(text):
        if char == '"' and text[position - 1 : position] != "\\":
            quoted = not quoted
        elif not quoted and char in "<>":
            angled = char == "<"
        elif char == "," and not (quoted or angled) and "@" in text[start:position]:
            yield text[start:position]
            start = position + 1
    if rest := text[start:].strip(" \t\r\n,;"):
        yield rest


def _address(mailbox: str) -> str:
    """Return the address of one mailbox; empty if it has none."""
    text = _untyped(mailbox)
    if (close := text.rfind(">")) > (start := text.rfind("<", 0, close)) >= 0 and not _is_quoted_local(text):
        text = text[start + 1 : close]
    elif text.endswith(")"):
        text = text.partition("(")[0]  # RFC 5322 §3.2.2: a comment, which older systems use for the name
    text = _untyped(text)
    if text.startswith("@"):
        text = text.partition(":")[2]  # RFC 5321 §4.1.1.3: a source route, which is ignored
    local, _, domain = _unquoted(text).rpartition("@")
    host = _host(domain)
    return f"{local}@{host}" if host and _is_local(local) else ""


def _untyped(text: str) -> str:
    stripped = text.strip(" \t\r\n;,")
    typed = _TYPED.match(stripped)
    return stripped[typed.end() :].strip() if typed else stripped


def _unquoted(text: str) -> str:
    """Return a text without quotes around the whole of it; those of a quoted local part stay."""
    text = text.strip()
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def _is_quoted_local(text: str) -> bool:
    """Return whether the text is a bare address whose local part is quoted, and may hold angle brackets."""
    return text.startswith('"') and '"@' in text and not text.endswith(">")


def _is_local(local: str) -> bool:
    quoted = len(local) > 2 and local[0] == local[-1] == '"'
    return quoted or (bool(local) and local.isprintable() and " " not in local and _SPECIAL.isdisjoint(local))


def _host(domain: str) -> str:
    """Return a domain in lower case and in ASCII; empty if it is not a host name or an address literal."""
    domain = domain.strip().rstrip(".").lower()
    if domain.startswith("[") and domain.endswith("]"):
        return domain
    try:
        name = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""
    labels = name.split(".")
    return name if len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) else ""
