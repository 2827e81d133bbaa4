import pytest

from sandbox.mailbox.contents import read_contents

MIXED = b"""From: =?utf-8?q?Ad=C3=A0?= via e2a <agent@send.e2a.dev>\r
Reply-To: agent@inbox.mnexa.ai\r
To: bob@example.com\r
Subject: Your\r
 code\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=x\r
\r
--x\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
caf=C3=A9\r
--x\r
Content-Type: text/html; charset=utf-8\r
\r
<b>hi</b>\r
--x--\r
"""


def test_headers_and_both_bodies_are_decoded() -> None:
    contents = read_contents(MIXED)

    assert contents.from_ == "Adà via e2a <agent@send.e2a.dev>"
    assert contents.from_addresses == ("agent@send.e2a.dev",)
    assert (contents.reply_to, contents.subject) == ("agent@inbox.mnexa.ai", "Your code")
    assert (contents.text, contents.html) == ("café", "<b>hi</b>")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"From: =?nonsense?q?x?=\r\n\r\n",
        b"From: <<<@>>>, ,\r\nSubject: =?utf-8?b?!!!?=\r\n\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xff",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n====",
    ],
)
def test_a_malformed_email_does_not_raise(raw: bytes) -> None:
    assert read_contents(raw).headers is not None
