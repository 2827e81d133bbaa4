"""An email without text gets one made from its HTML, as mail programs show it, within limits."""

import pytest

from services.sender.model.plain_text import MAX_HTML, MAX_TOKENS
from tests.unit.sender.test_what_mail_libraries_send import made


def test_a_text_is_made_from_html() -> None:
    html = '<style>p{}</style><h1>Hi Ada</h1><p>Your <b>code</b> &amp; <a href="https://x.y/z">link</a>.<br>Bye</p>'

    assert made(text=None, html=html).content.text == "Hi Ada\n\nYour code & link (https://x.y/z).\nBye"
    assert made(text="", html=html).content.text is None
    assert made(text="Own.", html=html).content.text == "Own."


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>One</li><li>Two</ul><table><tr><td>A<td>B<tr><td>C</table>", "* One\n* Two\n\nA B\nC"),
        ('<div style="display:none">Preview &zwnj;</div><p>Shown</p>', "Shown"),
        ('<a href="mailto:a@b.com">a@b.com</a> <a href="#top">Up</a>', "a@b.com Up"),
        ('<a href="javascript:x">no</a><img alt="Logo"><script>alert(1)</script>', "noLogo"),
        ("a<b>b</b>c \n d&nbsp;e", "abc d\xa0e"),
        ('<img src="cid:logo">', None),
        ("<title>Only</title>", None),
    ],
)
def test_a_text_has_what_mail_programs_show(html: str, text: str | None) -> None:
    assert made(text=None, html=html).content.text == text


@pytest.mark.parametrize(
    "html",
    ["<b>", "<div>", "<table><tr><td>x", "<a href=http:x>y", "<ul><li>x", "<p x=y ", "<!--", "<script>",
     "&amp;", "<div style=display:none>", "<"],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_hostile_html_is_bounded_in_time_and_size(html: str) -> None:
    hostile = html * (MAX_HTML // len(html))

    text = made(text=None, html=hostile).content.text

    assert len(text or "") <= len(hostile)
    assert made(text=None, html="<p>x" + "<i></i>" * MAX_TOKENS).content.text is None
    assert made(text=None, html="x" * (MAX_HTML + 1)).content.text is None
