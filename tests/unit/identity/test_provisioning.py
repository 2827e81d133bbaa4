"""The calls and records that follow from each SES answer, for every enum value including unknown ones."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import botocore.session
import pytest

from services.identity.model.dmarc import DmarcPolicy, Policy
from services.identity.model.domains import Purpose, Record
from services.identity.model.provisioning import (
    FIRST_CALLS,
    Call,
    IdentityState,
    Seen,
    Signing,
    Work,
    arn,
    changes_needed,
    dkim_records,
    records,
)

TOKENS = (
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccc",
)
SIGNING = Signing(TOKENS, "dkim.us-east-1.example-zone.com")
MAIL_FROM = "send.inbox.mnexa.ai"
RIGHT = Seen(
    ours=True,
    signing=SIGNING,
    easy_dkim=True,
    dkim_status="SUCCESS",
    verification_status="SUCCESS",
    mail_from_domain=MAIL_FROM,
    mail_from_status="SUCCESS",
    falls_back=True,
)
A_WORK = Work(
    id=uuid4(),
    account="123456789012",
    region="us-east-1",
    name="mnexa.ai",
    state=IdentityState.WANTED,
    generation=1,
    mail_from_label="send",
    attempts=1,
    repair_cause="",
    lease_token=1,
    plan=(),
)
SES = botocore.session.get_session().get_service_model("sesv2")
UNKNOWN = ("", "SOMETHING_NEW")
DKIM_STATUSES = (*SES.shape_for("DkimStatus").enum, *UNKNOWN)
VERIFICATION_STATUSES = (*SES.shape_for("VerificationStatus").enum, *UNKNOWN)
MAIL_FROM_STATUSES = (*SES.shape_for("MailFromDomainStatus").enum, *UNKNOWN)
EVERY_ANSWER = list(product(DKIM_STATUSES, VERIFICATION_STATUSES, MAIL_FROM_STATUSES))


NO_POLICY = DmarcPolicy()


def shown(inbound_mx: str | None = None, dmarc_policy: DmarcPolicy = NO_POLICY) -> tuple[Record, ...]:
    return records(
        "inbox.mnexa.ai", "send", "us-east-1", SIGNING, inbound_mx=inbound_mx, dmarc_policy=dmarc_policy
    )


def test_records_are_in_display_order_with_optional_ones_last() -> None:
    as_text = [(r.purpose.value, r.ordinal, r.type, r.name, r.value, r.priority, r.required) for r in shown()]

    zone = "dkim.us-east-1.example-zone.com"
    assert as_text == [
        ("DKIM", 1, "CNAME", f"{TOKENS[0]}._domainkey.inbox.mnexa.ai", f"{TOKENS[0]}.{zone}", 0, True),
        ("DKIM", 2, "CNAME", f"{TOKENS[1]}._domainkey.inbox.mnexa.ai", f"{TOKENS[1]}.{zone}", 0, True),
        ("DKIM", 3, "CNAME", f"{TOKENS[2]}._domainkey.inbox.mnexa.ai", f"{TOKENS[2]}.{zone}", 0, True),
        ("RETURN_PATH", 1, "MX", MAIL_FROM, "feedback-smtp.us-east-1.amazonses.com", 10, True),
        ("SPF", 1, "TXT", MAIL_FROM, "v=spf1 include:amazonses.com ~all", 0, True),
        ("DMARC", 1, "TXT", "_dmarc.inbox.mnexa.ai", "v=DMARC1; p=none;", 0, False),
    ]
    assert {record.ttl for record in shown()} == {300}


def test_the_inbound_mx_record_is_shown_if_configured_and_is_optional() -> None:
    (inbound,) = [r for r in shown("mx.e2a.dev") if r.purpose is Purpose.INBOUND]

    assert (inbound.type, inbound.name, inbound.value) == ("MX", "inbox.mnexa.ai", "mx.e2a.dev")
    assert not inbound.required
    assert [r for r in shown("mx.e2a.dev") if r is not inbound and r.purpose is not Purpose.INBOUND] == list(
        shown()
    )


def test_the_dmarc_record_has_the_desired_policy_and_is_optional() -> None:
    (record,) = [r for r in shown(None, DmarcPolicy(Policy.REJECT)) if r.purpose is Purpose.DMARC]

    assert (record.value, record.required) == ("v=DMARC1; p=reject;", False)


def test_dkim_records_use_the_default_zone_if_ses_returns_none() -> None:
    (record, *_) = dkim_records("mnexa.ai", Signing(TOKENS, ""))

    assert record.value == f"{TOKENS[0]}.dkim.amazonses.com"


@pytest.mark.parametrize(("dkim", "verification", "mail_from"), EVERY_ANSWER)
def test_only_failed_statuses_are_repaired(dkim: str, verification: str, mail_from: str) -> None:
    seen = replace(RIGHT, dkim_status=dkim, verification_status=verification, mail_from_status=mail_from)

    wanted = changes_needed(seen, MAIL_FROM)

    assert (Call.RESTART_DKIM in wanted) == ("FAILED" in (dkim, verification))
    assert (Call.SET_MAIL_FROM in wanted) == (mail_from == "FAILED")


@pytest.mark.parametrize(
    ("drift", "repair"),
    [
        ({"signing": Signing((), "")}, Call.RESTART_DKIM),
        ({"easy_dkim": False}, Call.RESTART_DKIM),
        ({"mail_from_domain": ""}, Call.SET_MAIL_FROM),
        ({"mail_from_domain": "bounce.inbox.mnexa.ai"}, Call.SET_MAIL_FROM),
        ({"falls_back": False}, Call.SET_MAIL_FROM),
    ],
)
def test_drift_is_repaired(drift: dict[str, object], repair: Call) -> None:
    assert changes_needed(replace(RIGHT, **drift), MAIL_FROM) == (repair,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_an_arn_contains_the_partition_of_the_region(region: str, partition: str) -> None:
    assert (
        arn("123456789012", region, "mnexa.ai")
        == f"arn:{partition}:ses:{region}:123456789012:identity/mnexa.ai"
    )


@pytest.mark.parametrize(
    ("plan", "call", "after"),
    [
        ((), Call.GET, ()),
        (FIRST_CALLS, Call.CREATE, (Call.GET,)),
        ((Call.RESTART_DKIM, Call.SET_MAIL_FROM), Call.RESTART_DKIM, (Call.SET_MAIL_FROM,)),
        ((Call.DELETE,), Call.DELETE, ()),
    ],
)
def test_the_next_call_is_the_first_planned_one_or_get(
    plan: tuple[Call, ...], call: Call, after: tuple[Call, ...]
) -> None:
    work = replace(A_WORK, plan=plan)

    assert (work.call, work.calls_after) == (call, after)


def test_the_mail_from_domain_is_a_subdomain_of_the_name() -> None:
    assert A_WORK.mail_from_domain == "send.mnexa.ai"
