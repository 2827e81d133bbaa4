"""What mail libraries send is taken as meant, or rejected with its field and cause."""

from dataclasses import replace
from typing import Any

import pytest

from chassis.errors import InvalidArgument
from services.sender.commands.drafts import draft
from services.sender.commands.specs import File
from services.sender.commands.threads import ids_in
from services.sender.mime_verification.agreement import disagreements
from services.sender.model.emails import Address, Draft
from services.sender.model.mime import build
from tests.unit.sender.test_drafts import GOOD, NOW, PDF
from tests.unit.sender.test_headers import MESSAGE

LOGO = File("logo.png", "image/png", "logo", b"\x89PNG")
EMAIL_ID = "0199aaaa-0000-7000-8000-000000000001"
SES_ID = "0100019a1b2c3d4e-5f60a7b8-c9d0-4e1f-a2b3-c4d5e6f7a8b9-000000"
MESSAGE_ID = f"<{SES_ID}@eu-west-1.amazonses.com>"


def made(**fields: Any) -> Draft:
    return draft(replace(GOOD, **fields), NOW)


def problems(**fields: Any) -> list[tuple[str, str]]:
    """Return field and reason of each violation of a request."""
    with pytest.raises(InvalidArgument) as raised:
        made(**fields)
    return [(each.field, each.reason) for each in raised.value.violations]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?utf-8?b?WmXDqyBMb3ZlbGFjZQ==?=", "Zeë Lovelace"),
        ("=?UTF-8?Q?Ada_Lovelace?=", "Ada Lovelace"),
        ("=?iso-8859-1?q?Zo=EB?= =?utf-8?q?_L=C3=AB?=", "Zoë Lë"),
        ("Hi =?utf-8?q?Zo=C3=AB?= there", "Hi Zoë there"),
        ("=?utf-8?q?=C3?=\r\n =?utf-8?q?=AB?=", "ë"),
        ("=?x?y?z?=", "=?x?y?z?="),
        ("=?", "=?"),
    ],
)
def test_encoded_words_are_decoded_once(written: str, meant: str) -> None:
    made_of = made(
        sender=("agent@inbox.mnexa.ai", written),
        to=[("reader@example.com", written)],
        subject=written,
        files=[replace(PDF, file_name=f"{written}.pdf")],
    )

    assert (made_of.sender.name, made_of.recipients[0].address.name) == (meant, meant)
    assert (made_of.content.subject, made_of.content.attachments[0].file_name) == (meant, f"{meant}.pdf")


def test_encoded_words_in_the_values_of_tags_are_decoded() -> None:
    assert made(tags={"kind": "=?utf-8?q?welcome?="}).tags == {"kind": "welcome"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("=?utf-8?Q?Zo=C3=AB?=", "Zoë"),
        ("Zoë", "Zoë"),
        ("=?utf-8?Q?plain?=", "plain"),
        ("=?utf-8?Q?" + "=C3=AB" * 10 + "?=\r\n =?utf-8?Q?" + "=C3=AB" * 10 + "?=", "ë" * 20),
        ("Grüße an =?utf-8?Q?Zo=C3=AB?=", "Grüße an Zoë"),
        ("日本語 " * 200 + "x", "日本語 " * 200 + "x"),
        ("x" * 988, "x" * 988),
    ],
)
def test_encoded_words_in_a_header_are_decoded_once_and_every_parser_reads_them(
    written: str, meant: str
) -> None:
    content = made(headers={"X-Name": written}).content
    message = replace(MESSAGE, headers=content.headers)

    assert content.headers == {"X-Name": meant}
    assert disagreements(message, build(message)) == []
    assert (f"X-Name: {meant}\r\n".encode() in build(message)) == meant.isascii()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("=?utf-8?q?a=0D=0ABcc:_x=40y.com?=", "NOT_ONE_LINE"),
        ("=?utf-8?q?a=00?=", "NOT_ONE_LINE"),
        ("=?utf-8?q?_a?=", "NOT_ONE_LINE"),
        ("=?utf-8?q??=", "NOT_ONE_LINE"),
        ("=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "ENCODED_WORD"),
        ("=?utf-7?q?+AEA-?=", "UNDECODABLE"),
    ],
)
def test_nothing_hides_in_an_encoded_header(value: str, reason: str) -> None:
    assert problems(headers={"X-Name": value}) == [("headers['X-Name']", reason)]


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.com", "ä\r\nBcc: x@y.com", "ä\0", "ä\x85", "ä\u2028"])
def test_verification_catches_a_line_break_that_is_encoded(value: str) -> None:
    message = replace(MESSAGE, headers={"X-Name": value})

    assert disagreements(message, build(message)) != []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("=?utf-8?q?ceo=40bank=2Ecom?=", "RESEMBLES_AN_ADDRESS"),
        ("=?utf-8?b?PGNlb0BiYW5rLmNvbT4=?=", "RESEMBLES_AN_ADDRESS"),
        ("=?utf-8?q?a=0D=0ABcc:_x?=", "CONTROL_CHARACTER"),
        ("=?utf-8?q?=3D=3Futf-8=3Fq=3Fceo=40bank=2Ecom=3F=3D?=", "ENCODED_WORD"),
        ("=?utf-7?q?+AEA-?=", "UNDECODABLE"),
        ("=?utf-8?b?w?=", "UNDECODABLE"),
        ("=?utf-8?q?=FF?=", "UNDECODABLE"),
    ],
)
def test_no_forgery_hides_in_an_encoded_word(name: str, reason: str) -> None:
    assert problems(sender=("agent@inbox.mnexa.ai", name)) == [("from.name", reason)]


def test_an_encoded_file_name_is_checked_decoded() -> None:
    files = [replace(PDF, file_name="=?utf-8?q?invoice=2Eexe?=")]

    assert problems(files=files) == [("attachments[0].file_name", "FILE_TYPE_REJECTED")]


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        ('text/csv; charset="utf-8"', "text/csv; charset=utf-8"),
        ("text/calendar; method=REQUEST", "text/calendar; method=REQUEST"),
        ("text/plain;charset=utf-8;", "text/plain; charset=utf-8"),
        ('application/pdf; name="invoice.pdf"', "application/pdf"),
        ("application/pdf; name==?utf-8?q?invoice=2Epdf?=; x=y", "application/pdf; x=y"),
        ("application/pdf; name*=utf-8''invoice.pdf", "application/pdf"),
        ('x/y; a="b c"; A="b c"', 'x/y; a="b c"'),
        ("message/rfc822", "application/octet-stream"),
    ],
)
def test_types_have_parameters_without_redundant_names(given: str, declared: str) -> None:
    [file] = made(files=[replace(PDF, content_type=given)]).content.attachments

    assert file.content_type == declared


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("application/pdf; name=other.pdf", "FILE_NAME_PARAMETER"),
        ("x/y; a=b; a=c", "REPEATED_PARAMETER"),
        ('x/y; a="b;c"', "NOT_A_MEDIA_TYPE"),
        ('x/y; a="b', "NOT_A_MEDIA_TYPE"),
        ("x/y" + "; a=b" * 11, "NOT_A_MEDIA_TYPE"),
    ],
)
def test_a_type_that_is_ambiguous_is_rejected(given: str, reason: str) -> None:
    assert problems(files=[replace(PDF, content_type=given)]) == [("attachments[0].content_type", reason)]


REPEATS = {
    "From": "Agent <agent@inbox.mnexa.ai>",
    "To": "READER@example.com",
    "Subject": "=?utf-8?q?Hello?=",
    "MIME-Version": "1.0",
    "X-Order": "17",
}


def test_a_header_that_repeats_a_field_is_folded_in() -> None:
    content = made(headers=REPEATS, in_reply_to="<1@a>").content

    assert content.headers == {"X-Order": "17", "In-Reply-To": "<1@a>"}
    assert made(in_reply_to="<1@a>", headers={"In-Reply-To": "<1@a>"}).content.headers == {
        "In-Reply-To": "<1@a>"
    }


def test_a_reply_to_header_is_the_field_if_that_is_empty() -> None:
    content = made(headers={"Reply-To": "Help <help@example.com>, b@example.com"}).content

    assert content.reply_to == (Address("help@example.com", "Help"), Address("b@example.com"))
    assert content.headers == {}
    assert problems(headers={"Reply-To": "a@b.com <c@d.com>"}) == [
        ("reply_to[0].name", "RESEMBLES_AN_ADDRESS")
    ]


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"From": "ceo@bank.com"}, "from"),
        ({"To": "other@example.com"}, "to"),
        ({"to": "reader@example.com, other@example.com"}, "to"),
        ({"Cc": "cc@example.com"}, "cc"),
        ({"Bcc": "bcc@example.com"}, "bcc"),
        ({"Subject": "Other"}, "subject"),
    ],
)
def test_a_header_that_contradicts_a_field_is_rejected(headers: dict[str, str], field: str) -> None:
    [name] = headers

    assert problems(headers=headers) == [(f"headers[{name!r}]", "CONTRADICTS")]
    with pytest.raises(InvalidArgument, match=f"says something else than {field}"):
        made(headers=headers)


def test_an_address_may_be_given_twice() -> None:
    recipients = made(cc=[("READER@example.com", "Ada")]).recipients

    assert [(each.kind, each.address.address) for each in recipients] == [
        ("TO", "reader@example.com"),
        ("CC", "READER@example.com"),
    ]


@pytest.mark.parametrize(
    ("address", "name", "sent_to"),
    [
        ("ada@x.com", "ada@x.com", "ada@x.com"),
        ("ada@x.com", '"The <Boss>", Sales', "ada@x.com"),
        ("a..b@docomo.ne.jp", "", '"a..b"@docomo.ne.jp'),
        ('"a..b"@docomo.ne.jp', "", '"a..b"@docomo.ne.jp'),
        (".ada.@docomo.ne.jp", "", '".ada."@docomo.ne.jp'),
        ('"ada"@x.com', "", "ada@x.com"),
    ],
)
def test_a_recipient_may_have_any_name_and_dots_anywhere(address: str, name: str, sent_to: str) -> None:
    [recipient] = made(to=[(address, name)]).recipients

    assert recipient.address == Address(sent_to, name)


@pytest.mark.parametrize(
    "address", ['"a b"@x.com', '"a@b"@x.com', '"a\\"b"@x.com', '""@x.com', '"=?..a"@x.com']
)
def test_other_quoted_addresses_are_rejected(address: str) -> None:
    assert [field for field, _ in problems(to=[(address, "")])] == ["to[0].address"]


def test_the_rules_of_a_from_stay_strict() -> None:
    assert problems(sender=("a..b@inbox.mnexa.ai", "ada@x.com")) == [
        ("from.address", "NOT_A_PLAIN_ADDRESS"),
        ("from.name", "RESEMBLES_AN_ADDRESS"),
    ]


def test_headers_that_neither_forge_nor_break_are_allowed() -> None:
    headers = dict.fromkeys(
        ("Auto-Submitted", "Precedence", "Importance", "Feedback-ID", "Organization", "X-Priority",
         "Priority", "Sensitivity", "Comments", "Keywords", "Thread-Topic", "User-Agent", "Autocrypt"),
        "value",
    )  # fmt: skip

    assert made(headers=headers).content.headers == headers


@pytest.mark.parametrize("name", [EMAIL_ID, SES_ID, f"<{EMAIL_ID}>", f"<{SES_ID}>"])
def test_an_id_in_a_threading_header_becomes_the_message_id(name: str) -> None:
    request = replace(GOOD, in_reply_to=name, headers={"References": f"<0@a> {name}"})
    [found] = ids_in(request)

    content = draft(replace(request, message_ids={found: MESSAGE_ID}), NOW).content

    assert content.headers == {"In-Reply-To": MESSAGE_ID, "References": f"<0@a> {MESSAGE_ID}"}


def test_an_id_of_an_email_that_is_not_sent_is_rejected() -> None:
    fields = {"in_reply_to": EMAIL_ID, "headers": {"References": EMAIL_ID}, "message_ids": {EMAIL_ID: ""}}

    assert problems(**fields) == [
        ("headers['References']", "NOT_SENT_YET"),
        ("in_reply_to", "NOT_SENT_YET"),
    ]


def test_a_message_id_of_another_system_is_no_id_of_ours() -> None:
    headers = {"References": f"<{EMAIL_ID}@icloud.com> <CA+a=b@mail.gmail.com>", "X-A": EMAIL_ID}

    assert ids_in(replace(GOOD, in_reply_to="<1@a>", headers=headers)) == set()


def test_headers_that_are_too_long_name_no_emails() -> None:
    assert ids_in(replace(GOOD, headers={"References": f"{EMAIL_ID} " * 10_000})) == set()


@pytest.mark.parametrize(
    ("given", "used"), [("<logo>", "logo"), ("my logo", "my_logo"), ("< my logo >", "my_logo")]
)
def test_a_content_id_is_normalized_in_the_html_too(given: str, used: str) -> None:
    html = f'<img src="cid:{given}"><img src="cid:{used.replace("_", "%20")}"><img src="cid:other">'

    content = made(html=html, files=[replace(LOGO, content_id=given)]).content

    assert [each.content_id for each in content.attachments] == [used]
    assert content.html == f'<img src="cid:{used}"><img src="cid:{used}"><img src="cid:other">'


def test_content_ids_that_become_equal_are_rejected() -> None:
    files = [replace(LOGO, content_id="my logo"), replace(LOGO, content_id="my_logo")]

    assert problems(files=files) == [("attachments", "DUPLICATE_CONTENT_ID")]


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("invoice.", "invoice"),
        ("invoice.pdf...", "invoice.pdf"),
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
        ("ü" * 150 + ".pdf", "ü" * 125 + ".pdf"),
        ("x" * 300, "x" * 255),
        ("forwarded.eml", "forwarded.eml"),
    ],
)
def test_a_file_name_is_normalized(given: str, used: str) -> None:
    assert [each.file_name for each in made(files=[replace(PDF, file_name=given)]).content.attachments] == [
        used
    ]
