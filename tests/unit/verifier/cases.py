"""Claims, records and checks as values, for tests of the verifier's pure model."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.verifier.model.decisions import Case, Claim, Record, after_dns_check
from services.verifier.model.evidence import SesIdentity, Wanted
from services.verifier.model.messages.domains import explain
from services.verifier.model.ownership import HOLDERS, ConsecutiveMisses, Ownership
from services.verifier.model.reasons import DomainReason
from services.verifier.model.records import Check, Expected, Purpose, RecordStatus, RecordType
from services.verifier.model.states import CONFIRMATION_OFFSETS, GRACE, State, VerificationStatus

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DOMAIN = "inbox.mnexa.ai"
SEND = f"send.{DOMAIN}"
FEEDBACK = "feedback-smtp.us-east-1.amazonses.com"
TOKENS = ("tok1", "tok2", "tok3")
WANTED = Wanted(SEND, TOKENS)

GOOD_IDENTITY = SesIdentity(
    verification_status="SUCCESS",
    dkim_status="SUCCESS",
    mail_from_status="SUCCESS",
    mail_from_domain=SEND,
    verified_for_sending=True,
    tokens=TOKENS,
)


def shown_records() -> list[Record]:
    """Return the records of a domain: five required ones and two optional ones."""
    expected = [
        Expected(
            Purpose.DKIM,
            RecordType.CNAME,
            f"{token}._domainkey.{DOMAIN}",
            f"{token}.dkim.amazonses.com",
            DOMAIN,
        )
        for token in TOKENS
    ]
    expected += [
        Expected(Purpose.RETURN_PATH, RecordType.MX, SEND, FEEDBACK, DOMAIN, 10),
        Expected(Purpose.SPF, RecordType.TXT, SEND, "v=spf1 include:amazonses.com ~all", DOMAIN),
        Expected(Purpose.INBOUND, RecordType.MX, DOMAIN, "inbound-smtp.us-east-1.amazonaws.com", DOMAIN, 10),
        Expected(Purpose.DMARC, RecordType.TXT, f"_dmarc.{DOMAIN}", "v=DMARC1; p=none;", DOMAIN),
    ]
    optional = (Purpose.INBOUND, Purpose.DMARC)
    return [Record(n, each, each.purpose not in optional) for n, each in enumerate(expected, start=1)]


REQUIRED = [record for record in shown_records() if record.required]


def checks_of(status: RecordStatus = RecordStatus.FOUND, *, purpose: Purpose | None = None) -> list[Check]:
    """Return a check for each required record: with `status`, or FOUND for those of another purpose."""
    return [
        Check(status if purpose in (None, record.expected.purpose) else RecordStatus.FOUND)
        for record in REQUIRED
    ]


def a_case(
    state: State,
    identity: SesIdentity | None = GOOD_IDENTITY,
    *,
    ownership: Ownership = Ownership.SOLE,
) -> Case:
    """Return a claim in a state, verified in DNS and by SES unless the arguments differ.

    A FAILED or LOST claim has a deadline, as after VerifyDomain.
    """
    good = True if state in (State.READY, State.DEGRADED) else None
    has_deadline = state is not State.READY
    return Case(
        claim=Claim(uuid4(), uuid4(), DOMAIN, 1),
        ownership=ownership,
        may_own=ownership in HOLDERS,
        token="",
        missing=ConsecutiveMisses(),
        wanted=WANTED,
        verification=VerificationStatus(
            state, NOW + GRACE if has_deadline else None, dkim_valid=good, mail_from_valid=good
        ),
        why=explain(DomainReason.FIRST_CHECK_DUE),
        statuses=tuple((record.expected.purpose, RecordStatus.FOUND) for record in REQUIRED),
        shown=(),
        identity=identity,
        ses_checked_at=None,
        ses_due_at=None,
        watched=False,
        repairs=0,
        repair_due_at=None,
        dkim_found_at=None,
        now=NOW,
    )


def checked_at(case: Case, records: Sequence[Record], checks: Sequence[Check], after: timedelta) -> Case:
    """Return the claim after a check that takes place `after` NOW."""
    case = replace(case, now=NOW + after)
    verification = after_dns_check(case, records, checks, jitter=0.5).verification
    seen = zip(records, checks, strict=True)
    statuses = tuple((record.expected.purpose, check.status) for record, check in seen if record.required)
    return replace(case, verification=verification, statuses=statuses)


def after_six_hours(case: Case, records: Sequence[Record], checks: Sequence[Check]) -> Case:
    """Return the claim after six hours of checks on schedule, all with the same result."""
    for offset in (timedelta(0), *CONFIRMATION_OFFSETS):
        case = checked_at(case, records, checks, offset)
    return case
