"""The sentences of the pages about records and domains, chosen by reason."""

import pytest

from letterhead.identity.v1 import domain_reason_pb2 as reasons
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain, DomainParameters
from letterhead.verifier.v1.check_parameters_pb2 import CheckParameters
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Verification
from services.console import check_messages, chips, domain_messages, texts
from tests.unit.console.records import DOMAIN, TOKENS, ZONE


def a_check(reason: str, **parameters: object) -> RecordCheck:
    return RecordCheck(
        reason=CheckReason.Value(f"CHECK_REASON_{reason}"),
        parameters=CheckParameters(**parameters),  # type: ignore[arg-type]
        message="What SES needs.",
    )


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (a_check("NOT_THERE", name=DOMAIN, zone=ZONE), "Not found yet. Add it to the DNS zone mnexa.ai."),
        (
            a_check("OTHER_TYPE", name=DOMAIN, type=DnsRecord.TYPE_MX),
            (
                f"{DOMAIN} exists but has no MX record. Check the record type. If your provider proxies this "
                "name, set it to DNS only."
            ),
        ),
        (
            a_check("OTHER_TARGET", seen=f"{TOKENS[1]}.example.com", value=f"{TOKENS[0]}.dkim.example.com"),
            "Points to bbbbbb….example.com instead of aaaaaa….dkim.example.com. Correct the value.",
        ),
        (
            a_check("SERVERS_REFUSE", servers=["ns1.a.com", "ns2.a.com", "ns3.a.com"]),
            (
                "ns1.a.com, ns2.a.com and ns3.a.com refused to answer. Check that your registrar lists the "
                "name servers of your DNS provider."
            ),
        ),
        (
            a_check("SERVERS_MALFORMED", servers=["ns1.a.com"], negative_servers=["ns2.a.com"]),
            (
                "ns1.a.com returned a malformed DNS response. We keep trying; if this persists, contact your "
                "DNS provider. ns2.a.com answered, but without the record shown."
            ),
        ),
        (a_check("AS_SHOWN"), ""),
        (a_check("UNSPECIFIED"), "What SES needs."),
    ],
)
def test_the_sentence_about_a_record_is_chosen_by_reason(check: RecordCheck, sentence: str | None) -> None:
    said = check_messages.of_check(check)

    assert said == sentence or (sentence is None and said.endswith("Did you mean ?"))


def test_the_message_about_a_record_is_shown_for_a_reason_of_another_release() -> None:
    check = RecordCheck(message="Delete it.")
    check.MergeFromString(RecordCheck(reason=4_711).SerializeToString())  # type: ignore[arg-type]

    assert check_messages.of_check(check) == "Delete it."


def test_a_record_that_is_as_shown_has_its_status_instead() -> None:
    found = RecordCheck(
        status=RecordCheck.STATUS_FOUND,
        reason=CheckReason.CHECK_REASON_AS_SHOWN,
        servers_agreeing=2,
        servers_asked=2,
    )

    assert texts.advice(found) == "Found on 2 of 2 name servers."
    assert texts.advice(RecordCheck()) == "Checking your name servers."


@pytest.mark.parametrize(
    ("reason", "parameters", "sentence"),
    [
        (
            reasons.DOMAIN_REASON_WAITING_FOR_RECORDS,
            DomainParameters(
                waiting_records=3,
                required_records=5,
                purposes=[DnsRecord.PURPOSE_DKIM, DnsRecord.PURPOSE_RETURN_PATH, DnsRecord.PURPOSE_SPF],
            ),
            "Waiting for 3 of 5 records in DNS: DKIM, return path and SPF.",
        ),
        (
            reasons.DOMAIN_REASON_NO_LONGER_VERIFIED,
            DomainParameters(conditions=[reasons.DOMAIN_CONDITION_SES_DKIM]),
            "No longer verified: DKIM at the mail service.",
        ),
        (
            reasons.DOMAIN_REASON_NO_LONGER_VERIFIED,
            DomainParameters(),
            "No longer verified: the remaining checks in DNS or at the mail service.",
        ),
        (reasons.DOMAIN_REASON_UNSPECIFIED, DomainParameters(), "SES is asked."),
    ],
)
def test_the_sentence_about_a_state_is_chosen_by_reason(
    reason: reasons.DomainReason.ValueType, parameters: DomainParameters, sentence: str
) -> None:
    domain = Domain(state_reason=reason, state_parameters=parameters, state_message="SES is asked.")
    verification = Verification(
        state_reason=reason, state_parameters=parameters, state_message="SES is asked."
    )

    assert domain_messages.of_state(domain) == domain_messages.of_state(verification) == sentence


def test_a_list_shows_what_a_pending_domain_waits_for() -> None:
    waiting = Domain(state=Domain.STATE_PENDING, state_reason=reasons.DOMAIN_REASON_WAITING_FOR_SES)

    assert texts.status_line(waiting).startswith("All DNS records are correct; waiting for the mail service")
    assert texts.status_line(Domain(state=Domain.STATE_PENDING)) == "Waiting for DNS records"


def test_a_list_never_shows_a_domain_as_ready_while_its_records_are_gone() -> None:
    gone = Domain(
        state=Domain.STATE_READY,
        state_reason=reasons.DOMAIN_REASON_RECORDS_GONE,
        state_parameters=DomainParameters(
            waiting_records=1, required_records=5, purposes=[DnsRecord.PURPOSE_SPF]
        ),
    )

    assert (chips.domain(gone).word, chips.domain(gone).tone) == ("Records gone", "wait")
    assert texts.status_line(gone) == "1 of 5 records are gone or wrong in DNS: SPF. Restore them."


@pytest.mark.parametrize("reason", [each for each in reasons.DomainReason.values() if each])
def test_the_pages_never_quote_the_mail_service(reason: reasons.DomainReason.ValueType) -> None:
    """A message of SES may name accounts and resources of the operator."""
    parameters = DomainParameters(ses_message="arn:aws:iam::1", ses_code="AccessDenied", tag="a=b")

    shown = domain_messages.of_state(Domain(state_reason=reason, state_parameters=parameters))

    assert not any(quoted in shown for quoted in ("arn:aws", "AccessDenied", "a=b"))
