"""What SES says, and what follows: every value of its enums, unknown ones included."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import botocore.session
import pytest

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
    fence=1,
    plan=(),
)
SES = botocore.session.get_session().get_service_model("sesv2")
UNKNOWN = ("", "SOMETHING_NEW")
DKIM_STATUSES = (*SES.shape_for("DkimStatus").enum, *UNKNOWN)
VERIFICATION_STATUSES = (*SES.shape_for("VerificationStatus").enum, *UNKNOWN)
MAIL_FROM_STATUSES = (*SES.shape_for("MailFromDomainStatus").enum, *UNKNOWN)
EVERY_ANSWER = list(product(DKIM_STATUSES, VERIFICATION_STATUSES, MAIL_FROM_STATUSES))


def shown(inbound_mx: str | None = None) -> tuple[Record, ...]:
    return records("inbox.mnexa.ai", "send", "us-east-1", SIGNING, inbound_mx=inbound_mx)


def test_the_records_are_shown_in_order_and_advice_comes_last() -> None:
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


def test_the_record_for_receiving_is_shown_where_the_operator_receives_and_never_gates() -> None:
    (inbound,) = [r for r in shown("mx.e2a.dev") if r.purpose is Purpose.INBOUND]

    assert (inbound.type, inbound.name, inbound.value) == ("MX", "inbox.mnexa.ai", "mx.e2a.dev")
    assert not inbound.required
    assert [r for r in shown("mx.e2a.dev") if r is not inbound and r.purpose is not Purpose.INBOUND] == list(
        shown()
    )


def test_dkim_keys_are_where_ses_says_or_where_they_always_were() -> None:
    (record, *_) = dkim_records("mnexa.ai", Signing(TOKENS, ""))

    assert record.value == f"{TOKENS[0]}.dkim.amazonses.com"


@pytest.mark.parametrize(("dkim", "verification", "mail_from"), EVERY_ANSWER)
def test_only_what_ses_gave_up_is_mended(dkim: str, verification: str, mail_from: str) -> None:
    seen = replace(RIGHT, dkim_status=dkim, verification_status=verification, mail_from_status=mail_from)

    wanted = changes_needed(seen, MAIL_FROM)

    assert (Call.RESTART_DKIM in wanted) == ("FAILED" in (dkim, verification))
    assert (Call.SET_MAIL_FROM in wanted) == (mail_from == "FAILED")


@pytest.mark.parametrize(
    ("drift", "mending"),
    [
        ({"signing": Signing((), "")}, Call.RESTART_DKIM),
        ({"easy_dkim": False}, Call.RESTART_DKIM),
        ({"mail_from_domain": ""}, Call.SET_MAIL_FROM),
        ({"mail_from_domain": "bounce.inbox.mnexa.ai"}, Call.SET_MAIL_FROM),
        ({"falls_back": False}, Call.SET_MAIL_FROM),
    ],
)
def test_drift_is_mended(drift: dict[str, object], mending: Call) -> None:
    assert changes_needed(replace(RIGHT, **drift), MAIL_FROM) == (mending,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_an_arn_names_the_regions_partition(region: str, partition: str) -> None:
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
def test_the_next_call_is_the_planned_one_and_without_a_plan_ses_is_asked(
    plan: tuple[Call, ...], call: Call, after: tuple[Call, ...]
) -> None:
    work = replace(A_WORK, plan=plan)

    assert (work.call, work.calls_after) == (call, after)


def test_the_return_path_is_below_the_name() -> None:
    assert A_WORK.mail_from_domain == "send.mnexa.ai"
