"""Domains and their records in Resend's shapes, and pagination parameters."""

from typing import Any

import pytest
from msgspec import UNSET

from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console.api.domain_mappers import OF_STATE, RECORD_STATUS, detail_of, is_shown
from services.console.api.domains import name_in
from services.console.api.errors import Rejected
from services.console.api.lists import page_of

SOME_ID = "0198f0c0-0000-7000-8000-000000000000"


def a_record(purpose: Any, name: str, type_: Any = pb.DnsRecord.TYPE_TXT, **more: Any) -> pb.DnsRecord:
    return pb.DnsRecord(purpose=purpose, name=name, type=type_, value="v", ttl=300, **more)


DKIM = a_record(pb.DnsRecord.PURPOSE_DKIM, "k._domainkey.in.mnexa.co.uk", pb.DnsRecord.TYPE_CNAME)
RETURN = a_record(pb.DnsRecord.PURPOSE_RETURN_PATH, "send.in.mnexa.co.uk", pb.DnsRecord.TYPE_MX, priority=10)
INBOUND = a_record(pb.DnsRecord.PURPOSE_INBOUND, "mnexa.co.uk", pb.DnsRecord.TYPE_MX)
DMARC = a_record(pb.DnsRecord.PURPOSE_DMARC, "_dmarc.in.mnexa.co.uk")
OWNERSHIP = a_record(pb.DnsRecord.PURPOSE_OWNERSHIP, "_letterhead.in.mnexa.co.uk")


def a_domain(*records: pb.DnsRecord, **fields: Any) -> pb.Domain:
    given: dict[str, Any] = {"name": "in.mnexa.co.uk", "state": pb.Domain.STATE_PENDING} | fields
    return pb.Domain(records=records, **given)


def test_every_state_is_mapped_or_hidden() -> None:
    hidden = {pb.Domain.STATE_UNSPECIFIED, pb.Domain.STATE_DELETING, pb.Domain.STATE_DELETED}

    assert OF_STATE.keys() == set(pb.Domain.State.values()) - hidden
    assert not any(is_shown(pb.Domain(state=state)) for state in hidden)


def test_every_record_status_is_mapped() -> None:
    assert RECORD_STATUS.keys() == set(RecordCheck.Status.values())


def test_record_names_are_relative_to_the_zone_and_dmarc_is_left_out() -> None:
    shown = detail_of(a_domain(DKIM, RETURN, DMARC, OWNERSHIP), ()).records

    assert [(each.record, each.name) for each in shown] == [
        ("DKIM", "k._domainkey.in"),
        ("SPF", "send.in"),
        ("Ownership", "_letterhead.in"),
    ]
    assert [each.priority for each in shown[:2]] == [UNSET, 10]
    assert {each.status for each in shown} == {"not_started"}


def test_the_zone_from_dns_takes_precedence_over_the_guessed_zone() -> None:
    check = RecordCheck(record=RETURN, status=RecordCheck.STATUS_FOUND, zone="in.mnexa.co.uk")

    (record,) = detail_of(a_domain(RETURN), [check]).records

    assert (record.name, record.status) == ("send", "verified")


def test_a_record_at_the_zone_apex_is_named_with_an_at_sign() -> None:
    domain = detail_of(a_domain(INBOUND), ())

    assert domain.records[0].name == "@"
    assert domain.capabilities.receiving == "enabled"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, (20, "", "")),
        ({"limit": "100"}, (100, "", "")),
        ({"after": SOME_ID}, (20, SOME_ID, "")),
        ({"before": SOME_ID.upper(), "limit": "1"}, (1, "", SOME_ID)),
    ],
)
def test_pagination_parameters_become_fields_of_the_request(
    query: dict[str, str], fields: tuple[int, str, str]
) -> None:
    page = page_of(query)

    assert (page["page_size"], page["after_id"], page["before_id"]) == fields


@pytest.mark.parametrize("limit", ["0", "101", "-1", "", "ten", "1.5", "\u0661", "9" * 5000, " 5"])
def test_a_limit_must_be_a_number_from_1_to_100(limit: str) -> None:
    with pytest.raises(Rejected) as caught:
        page_of({"limit": limit})
    assert caught.value.name == "validation_error"


def test_a_cursor_must_be_an_id_and_only_one_is_allowed() -> None:
    with pytest.raises(Rejected) as not_an_id:
        page_of({"after": "x"})
    with pytest.raises(Rejected) as both:
        page_of({"after": SOME_ID, "before": SOME_ID})

    assert (not_an_id.value.name, both.value.name) == ("invalid_parameter", "validation_error")


@pytest.mark.parametrize(
    "pasted",
    ["mail.mnexa.ai", " mail.mnexa.ai\n", "https://mail.mnexa.ai", "HTTP://mail.mnexa.ai/",
     " mail.mnexa.ai / ", "https://mail.mnexa.ai/app?a=b#c"],
)  # fmt: skip
def test_the_name_is_found_in_a_pasted_url(pasted: str) -> None:
    assert name_in(pasted) == "mail.mnexa.ai"


@pytest.mark.parametrize("pasted", ["a@mnexa.ai", "mail mnexa.ai", "ftp:mnexa.ai", "mnexa.ai:8080", ""])
def test_anything_else_is_passed_unchanged_for_identity_to_reject(pasted: str) -> None:
    assert name_in(pasted) == pasted
