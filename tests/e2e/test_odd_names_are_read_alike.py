# ruff: noqa: RUF001 - the tests need look-alike characters
"""A hundred odd names, subjects and file names are read as meant by three parsers that share no code.

Python's and mailparse's readings are those of the service itself; mblaze is a mail reader in C.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec, File
from services.sender.mime_verification.agreement import disagreements
from services.sender.model.emails import Address, Draft
from services.sender.model.mime import MimeMessage, build
from tests.e2e.packages import install, output
from tests.figures import Figure

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPEC = EmailSpec(
    sender=("agent@inbox.mnexa.ai", ""), to=[], cc=[], bcc=[], reply_to=[], subject="", text="Good day.",
    html="", headers={}, tags={},
)  # fmt: skip
ADDRESSES = ("ada@example.com", "ada..l.@docomo.ne.jp", "ada@bücher.example")
# As callers write them, some of them as their mail library has encoded them.
ODD = (
    "Zoë",
    "Çağrı Işık",
    "李小龍",
    "山田 太郎",
    "Ναταλία",
    "Дмитрий",
    "محمد",
    "משה",
    "नेहा",
    "สมชาย",
    "김철수",
    "😀 Ada",
    "👩‍👧 Family",
    "O'Brien",
    "Smith, Ada",
    "Ada (Sales)",
    "Ada; Bob",
    'The "Boss"',
    "a\\b",
    "100% =free=",
    "=?",
    "?=",
    "=?x?y?z?=",
    "a: b",
    "Dr. Ada L.",
    "ada@example.com",
    "<ada@example.com>",
    "a < b > c",
    "@ada",
    "x@y, z@w",
    "=?utf-8?q?Zo=C3=AB?=",
    "=?UTF-8?B?5p2O5bCP6b6N?=",
    "=?iso-8859-1?q?Zo=EB?=",
    "=?utf-8?q?a?= =?utf-8?q?b?=",
    "=?utf-8?q?=C3?= =?utf-8?q?=AB?=",
    "=?shift_jis?b?k/qWew==?=",
    "Ada =?utf-8?q?=C3=AB?= L",
    "ﬁ",
    "Ａｄａ",
    "e\u0301",
    "ë" * 60,
    "a" * 190,
    "ab " * 60 + "c",
    "字" * 66,
    "a\u00a0b",
    "Ada\u200d👧",
    "Ω≈ç√∫",
    "¡Hola!",
    "«Ada»",
    "„Ada“",
    "…",
    "–",
    "/",
    "a/b",
    "#1",
    "$5",
    "~",
    "`a`",
    "{a}",
    "[a]",
    "|",
    "^",
    "&amp;",
    "%41",
    "a%20b",
    "''a",
    "utf-8''a",
    "\u2603",
    "Łódź",
    "Ñandú",
    "Ǆ",
    "ß",
    "ﷺ",
    "𝒜da",
    "🏳️‍🌈",
    "ไทย จำกัด",
    "Công ty",
    "Åse Ødegård",
    "Þór",
    "Ŝi",
    "Īra",
    "Ģirts",
    "Ķ",
    "Įva",
    "Ősi",
    "Țară",
    "Ẽ",
    "ཨོཾ",
    "ქართული",
    "Հայ",
    "ខ្មែរ",
    "မြန်မာ",
    "ሰላም",
    "ᐃᓄᒃ",
    "ʻOkina",
    "Ꙗ",
    "a  b",
    "tab",
    "x=y;z",
    "NULL",
    "--=_x",
)


def made(number: int, text: str) -> Draft:
    to = (ADDRESSES[number % len(ADDRESSES)], text)
    name = text if "/" not in text and "\\" not in text else "slash"  # which no file name may have
    file = File(f"{name}.pdf", "", "", b"%PDF")
    return draft(replace(SPEC, subject=text, to=[to], files=[file]), NOW)


def message(of: Draft) -> MimeMessage:
    return MimeMessage(
        sender=of.sender,
        to=[each.address for each in of.recipients],
        cc=[],
        reply_to=[],
        subject=of.content.subject,
        date=NOW,
        boundary="=_5f0c",
        text=of.content.text,
        attachments=of.content.attachments,
    )


async def test_three_parsers_read_what_was_meant(tmp_path: Path, figure: Figure) -> None:
    await install({"mhdr": "mblaze"})
    drafts = [made(number, text) for number, text in enumerate(ODD)]

    written = [build(message(each)) for each in drafts]

    assert len(ODD) >= 100
    assert [
        found
        for each, raw in zip(drafts, written, strict=True)
        for found in disagreements(message(each), raw)
    ] == []
    for number, (each, raw) in enumerate(zip(drafts, written, strict=True)):
        file = tmp_path / f"{number}.eml"
        file.write_bytes(raw)
        subject, to = (await output("mhdr", "-d", "-h", "subject:to", str(file), environ=UTF8)).splitlines()
        assert [squeezed(subject)] == [squeezed(each.content.subject)]
        assert squeezed(to) in {squeezed(shown) for shown in as_shown(each.recipients[0].address)}
        parts = await output("mshow", "-t", str(file), environ=UTF8)
        assert squeezed(f'name="{each.content.attachments[0].file_name}"') in squeezed(parts)
    figure(
        f"odd names, subjects and file names: {len(ODD)} each, read as meant by Python, mailparse and mblaze"
    )


UTF8 = {"LC_ALL": "C.UTF-8"}


def as_shown(address: Address) -> tuple[str, str]:
    """Return a mailbox as a reader shows it: with its name as it is, or in the quotes of the header."""
    quoted = address.name.replace("\\", "\\\\").replace('"', '\\"')
    return f"{address.name} <{address.address}>", f'"{quoted}" <{address.address}>'


def squeezed(text: str) -> str:
    """Return text with single spaces: mblaze shows runs of them as one."""
    return " ".join(text.split())
