"""The plain text of an email that has only HTML, as mail programs without HTML show it. Pure.

HTML is only tokenized: a tree of hostile HTML, or a grid of its tables, could take minutes and gigabytes.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from turbohtml import Token, TokenType, tokenize

# Longer HTML is sent without a text. Gmail shows 102 KB at most, in far fewer tags.
MAX_HTML = 256 * 1024  # characters
MAX_TOKENS = 20_000  # tags, and runs of text between them

_UNSEEN = frozenset({"head", "script", "style", "template", "title", "noscript", "svg", "object", "select"})
_VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre"}
)
_LINES = frozenset({
    "div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "main", "center", "form", "hr",
    "address", "figure", "figcaption", "fieldset", "nav", "aside", "caption", "body", "html",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPACE = re.compile(r"[ \t\r\n\f]+")
_HIDDEN = re.compile(r"display[ \t]*:[ \t]*none", re.IGNORECASE)
# Invisible characters with which templates fill the preview of a mail program.
_FILLING: Final = dict.fromkeys(map(ord, "\u00ad\u034f\u200b\u200c\u200d\u2007\ufeff"))


def plain_text(html: str) -> str:
    """Return the text of HTML, with the targets of links; empty if it has none or is too long."""
    if len(html) > MAX_HTML:
        return ""
    page, tokens = _Page(), tokenize(html.replace("\0", ""))
    for token in _seen(islice(tokens, MAX_TOKENS)):
        page.add(token)
    return "" if next(tokens, None) else page.text()


def _seen(tokens: Iterator[Token]) -> Iterator[Token]:
    """Yield the tokens outside of elements that are not shown."""
    unseen, depth = "", 0
    for token in tokens:
        if not unseen:
            if token.type is TokenType.START_TAG and _is_unseen(token):
                unseen, depth = token.tag or "", 1
            else:
                yield token
        elif token.tag == unseen:
            depth += {TokenType.START_TAG: 1, TokenType.END_TAG: -1}.get(token.type, 0)
            unseen = unseen if depth else ""


def _is_unseen(token: Token) -> bool:
    if token.tag in _VOID or token.self_closing:
        return False
    return token.tag in _UNSEEN or _HIDDEN.search(token.attr("style") or "") is not None


class _Page:
    """Text under construction: words, and the line breaks that are due before the next one."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks = 0  # line breaks before the next word
        self._space = False  # a space before the next word
        self._link, self._shown = "", ""  # the target of the open link, and its text so far

    def add(self, token: Token) -> None:
        if token.type is TokenType.TEXT:
            self._words((token.data or "").translate(_FILLING))
        elif token.type is TokenType.START_TAG:
            self._start(token)
        elif token.type is TokenType.END_TAG:
            self._end(token.tag or "")

    def text(self) -> str:
        return "".join(self._pieces).strip()

    def _words(self, text: str) -> None:
        text = _SPACE.sub(" ", text)
        if words := text.strip(" "):
            self._write(words, spaced=text[0] == " ")
        self._space = self._space or text.endswith(" ")

    def _write(self, words: str, *, spaced: bool) -> None:
        before = "\n" * self._breaks or (" " if self._space or spaced else "")
        self._pieces.append(before + words if self._pieces else words)
        self._breaks, self._space = 0, False
        self._shown += words if self._link else ""

    def _start(self, token: Token) -> None:
        tag = token.tag or ""
        if tag == "br":
            self._breaks = min(self._breaks + 1, 2)
        elif tag == "a":
            self._close_link()
            self._link = _target(token.attr("href") or "")
        elif tag == "img":
            self._words(token.attr("alt") or "")
        else:
            self._break(tag)
        if tag == "li":
            self._write("*", spaced=False)
            self._space = True

    def _end(self, tag: str) -> None:
        if tag == "a":
            self._close_link()
        else:
            self._break(tag)

    def _break(self, tag: str) -> None:
        if tag in _PARAGRAPHS or tag in _LINES:
            self._breaks = max(self._breaks, 2 if tag in _PARAGRAPHS else 1)
        elif tag in _CELLS:
            self._space = True

    def _close_link(self) -> None:
        """Write the target after the text of a link that does not show it."""
        target, shown, self._link, self._shown = self._link, self._shown, "", ""
        if target and target.removeprefix("mailto:") not in shown:
            self._write(f"({target})" if shown else target, spaced=True)


def _target(href: str) -> str:
    """Return the target of a link that leads out of the email; empty for any other."""
    target = _SPACE.sub("", href)
    return target if target.lower().startswith(("https:", "http:", "mailto:", "tel:")) else ""
