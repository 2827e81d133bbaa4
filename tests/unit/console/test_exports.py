"""The exported files can be parsed, contain all records, and leave out harmful ones."""

import csv
import io

import dns.tokenizer
import dns.zone
import hcl2.api
import pytest
from dns.rdatatype import RdataType
from dns.tokenizer import Token, Tokenizer

from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console import exports
from tests.unit.console.records import DOMAIN, ZONE, checks, dmarc, inbound, seen, txt


def read(text: str) -> dict[tuple[str, str], str]:
    """Return the records of a zone file, parsed by dnspython."""
    zone = dns.zone.from_text(text, origin=f"{ZONE}.", relativize=False, check_origin=False)
    return {
        (name.to_text(), RdataType.to_text(data.rdtype)): data.to_text()
        for name, _, data in zone.iterate_rdatas()
    }


def tokens(text: str) -> list[Token]:
    """Return the character-strings of a TXT record."""
    tokenizer = Tokenizer(text)
    return list(iter(tokenizer.get, Token(dns.tokenizer.EOF)))


def test_a_zone_file_has_every_record() -> None:
    found = read(exports.zone_file(DOMAIN, checks()).text)

    assert len(found) == 7
    assert found["send.inbox.mnexa.ai.", "MX"] == "10 feedback-smtp.us-east-1.amazonses.com."
    assert found["send.inbox.mnexa.ai.", "TXT"] == '"v=spf1 include:amazonses.com ~all"'
    assert found["_dmarc.inbox.mnexa.ai.", "TXT"] == '"v=DMARC1; p=none;"'


@pytest.mark.parametrize("value", ['with "quotes" and \\', "x" * 600, "semi; colon", "${not} %{a} template"])
def test_special_characters_survive_in_every_format(value: str) -> None:
    check = seen(txt(value=value))

    in_zone = read(exports.zone_file(DOMAIN, [check]).text)["send.inbox.mnexa.ai.", "TXT"]
    rows = list(csv.reader(io.StringIO(exports.comma_separated(DOMAIN, [check]).text)))

    assert "".join(token.unescape().value for token in tokens(in_zone)) == value
    assert rows[1][4] == value
    assert hcl2.api.loads(exports.terraform(DOMAIN, ZONE, [check]).text)


def test_terraform_has_every_record() -> None:
    read = hcl2.api.loads(exports.terraform(DOMAIN, ZONE, checks()).text)

    kinds = [kind.strip('"') for block in read["resource"] for kind in block]
    titles = {title.strip('"') for block in read["resource"] for named in block.values() for title in named}
    assert sorted(kinds) == [
        *["dns_cname_record"] * 3,
        *["dns_mx_record_set"] * 2,
        *["dns_txt_record_set"] * 2,
    ]
    assert titles == {
        "dkim_1_of_3", "dkim_2_of_3", "dkim_3_of_3", "outbound_mail_return_path", "outbound_mail_spf",
        "inbound_mail", "dmarc_policy",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("check", "exported"),
    [
        (seen(dmarc(), RecordCheck.STATUS_MISSING), True),
        (seen(dmarc(), RecordCheck.STATUS_FOUND, "v=DMARC1; p=none;"), True),
        (seen(dmarc(), RecordCheck.STATUS_FOUND, "v=DMARC1; p=reject"), False),
        (seen(dmarc(), RecordCheck.STATUS_UNREACHABLE), False),
        (seen(dmarc(), RecordCheck.STATUS_UNSPECIFIED), False),
        (seen(inbound(), RecordCheck.STATUS_CONFLICT, "10 mx.elsewhere.com"), False),
        (seen(txt(), RecordCheck.STATUS_MISMATCH, "v=spf1 -all"), True),
    ],
)
def test_harmful_recommendations_are_left_out_with_a_comment(check: RecordCheck, exported: bool) -> None:  # noqa: FBT001 - a table
    zone, terraform = exports.zone_file(DOMAIN, [check]).text, exports.terraform(DOMAIN, ZONE, [check]).text

    assert bool(read(zone)) is exported
    assert ("resource" in hcl2.api.loads(terraform)) is exported
    assert ("left out" in zone) is not exported
    assert ("left out" in terraform) is not exported


def test_csv_has_every_record_and_marks_the_required_ones() -> None:
    rows = list(csv.DictReader(io.StringIO(exports.comma_separated(DOMAIN, checks()).text)))

    assert [row["required"] for row in rows] == ["yes"] * 5 + ["no"] * 2
    assert [row["priority"] for row in rows] == ["", "", "", "10", "", "10", ""]
