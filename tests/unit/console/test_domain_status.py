"""The status at the top of a domain's page: what is the case, what to do, and whether email leaves."""

from datetime import UTC, datetime, timedelta

import pytest

from letterhead.identity.v1 import domain_reason_pb2 as reasons
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain, DomainParameters
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Sending, SesAccount, Verification
from services.console import chips, domain_status, outlook, record_problems
from tests.unit.console.records import checks, cname, mx, seen, txt

NOW = datetime(2026, 11, 30, 12, 0)  # noqa: DTZ001 - as protobuf returns them
OWN = Sending(own_name=True, account_state=SesAccount.STATE_READY)


def a_verification(
    state: Domain.State.ValueType = Domain.STATE_PENDING,
    *,
    absent: tuple[DnsRecord.Purpose.ValueType, ...] = (),
    **more: object,
) -> Verification:
    """Return a verification in which the records of all other purposes are found."""
    known = Verification(state=state, records=checks(), domain_name="inbox.mnexa.ai", **more)  # type: ignore[arg-type]
    for check in known.records:
        missing = check.record.purpose in absent
        check.status = RecordCheck.STATUS_MISSING if missing else RecordCheck.STATUS_FOUND
    return known


def headline(verification: Verification) -> tuple[str, str]:
    return domain_status.headline(verification, NOW)


def test_the_headline_says_what_to_do_next() -> None:
    asked = a_verification(state_reason=reasons.DOMAIN_REASON_SES_CHECK_REQUESTED)
    asked.sending.account_state = SesAccount.STATE_READY

    assert record_problems.found(asked.records) == (5, 5)
    assert headline(asked) == (
        "All records found",
        "All DNS records are correct; the mail service is being asked to check again.",
    )
    assert headline(a_verification(Domain.STATE_READY, sending=OWN))[0] == "Ready to send"
    assert headline(Verification(state=Domain.STATE_PENDING, records=checks()))[0] == "Add these records"


def test_a_domain_that_cannot_be_set_up_says_why() -> None:
    delayed = Verification(
        state=Domain.STATE_PROVISIONING,
        state_reason=reasons.DOMAIN_REASON_SES_UNREACHABLE,
        state_parameters=DomainParameters(region="us-east-1", retry_seconds=240),
    )

    assert headline(delayed) == (
        "Setup is delayed",
        "The mail service did not respond. We keep trying automatically.",
    )
    assert outlook.times(delayed, NOW)[1] == outlook.Time("Next try", "within 4 min")
    assert headline(Verification(state=Domain.STATE_PROVISIONING)) == (
        "Setting up",
        "Your DNS records appear here in a few seconds.",
    )


@pytest.mark.parametrize(
    ("absent", "ahead", "sentence"),
    [
        (
            (DnsRecord.PURPOSE_SPF,), 2,
            (
                "Restore it by 30 November 2026, 14:00 UTC, or receivers no longer see “mailed-by” with "
                "your domain."
            ),
        ),
        ((DnsRecord.PURPOSE_DKIM,), 2, "Restore them by 30 November 2026, 14:00 UTC, or sending stops."),
        ((DnsRecord.PURPOSE_DKIM,), -1, "Restore them now, or sending stops."),
    ],
)  # fmt: skip
def test_a_ready_domain_says_by_when_to_restore_its_records(
    absent: tuple[DnsRecord.Purpose.ValueType, ...], ahead: int, sentence: str
) -> None:
    gone = a_verification(Domain.STATE_READY, absent=absent, sending=OWN)
    gone.degrade_time.FromDatetime(NOW + timedelta(hours=ahead))

    assert headline(gone)[1] == sentence
    assert chips.verification(gone) == chips.Chip("Records gone", "wait", "warning")


def test_a_ready_domain_stays_green_when_a_check_had_no_result() -> None:
    known = a_verification(Domain.STATE_READY, sending=OWN)
    known.records[0].status = RecordCheck.STATUS_UNREACHABLE

    assert chips.verification(known).tone == "good"
    assert "which changes nothing" in headline(known)[1]


def test_a_challenged_domain_is_not_shown_as_ready() -> None:
    known = a_verification(Domain.STATE_READY, ownership=Domain.OWNERSHIP_CHALLENGED, sending=OWN)
    known.ownership_deadline_time.FromDatetime(NOW + timedelta(days=2))

    assert headline(known)[0] == "Action needed"
    assert "by 2 December 2026, 12:00 UTC" in headline(known)[1]
    assert chips.verification(known) == chips.Chip("Action needed", "wait", "warning")
    assert outlook.times(known, NOW)[-1].words == "2 December 2026, 12:00 UTC (in 2 days)"


@pytest.mark.parametrize("state", [Domain.STATE_FAILED, Domain.STATE_LOST])
def test_check_again_is_seen_at_once(state: Domain.State.ValueType) -> None:
    known = a_verification(state, absent=(DnsRecord.PURPOSE_SPF,))
    ended = headline(known)[0], chips.verification(known).tone

    known.next_check_time.FromDatetime(NOW)

    assert ended[1] == "bad"
    assert headline(known)[0] == "Checking…"
    assert chips.verification(known).word == "Checking"
    assert outlook.times(known, NOW)[1].words == "within seconds"


def test_every_state_says_whether_email_leaves() -> None:
    states = [state for state in Domain.State.values() if state]

    silent = [state for state in states if not outlook.sending(Verification(state=state, sending=Sending()))]

    assert silent == [Domain.STATE_DELETING, Domain.STATE_DELETED]
    assert outlook.sending(Verification(state=Domain.STATE_READY)) == ""  # of a verifier of another release


def test_times_are_shown_only_once_known() -> None:
    first = outlook.times(Verification(state=Domain.STATE_PENDING), NOW)

    assert [(each.label, each.words) for each in first] == [
        ("Last check", "none yet"),
        ("Next check", "after “Check again”"),
    ]


@pytest.mark.parametrize(
    ("record", "status", "reason", "word"),
    [
        (cname("a" * 32), RecordCheck.STATUS_MISSING, "NOT_THERE", "Missing"),
        (cname("a" * 32), RecordCheck.STATUS_MISSING, "UNREGISTERED", "Missing"),
        (cname("a" * 32), RecordCheck.STATUS_MISSING, "AS_TEXT", "Wrong type"),
        (cname("a" * 32), RecordCheck.STATUS_MISSING, "OTHER_TYPE", "Wrong type"),
        (txt(), RecordCheck.STATUS_MISSING, "OTHER_TYPE", "Missing"),  # the MX record shares its name
        (cname("a" * 32), RecordCheck.STATUS_MISSING, "ZONE_APPENDED", "Wrong name"),
        (mx(), RecordCheck.STATUS_MISSING, "AT_DOMAIN", "Wrong name"),
        (mx(), RecordCheck.STATUS_MISMATCH, "PRIORITY_IN_TARGET", "Wrong value"),
        (mx(), RecordCheck.STATUS_CONFLICT, "SECOND_MX", "Conflict"),
        (mx(), RecordCheck.STATUS_UNREACHABLE, "SERVERS_FAIL", "Unreachable"),
    ],
)
def test_a_mistake_is_red(
    record: DnsRecord, status: RecordCheck.Status.ValueType, reason: str, word: str
) -> None:
    check = seen(record, status)
    check.reason = CheckReason.Value(f"CHECK_REASON_{reason}")

    assert chips.record(check).word == word
    assert (chips.record(check).tone == "bad") == (word.startswith("Wrong") or word == "Conflict")


def test_times_of_protobuf_are_utc() -> None:
    known = Verification()
    known.check_time.FromDatetime(datetime(2026, 11, 30, 11, 58, tzinfo=UTC))

    assert outlook.times(known, NOW)[0].words == "2 min ago"
