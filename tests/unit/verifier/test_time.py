"""How time affects a domain: confirmation of failed checks, deadlines, and the check schedule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.verifier.model import schedule
from services.verifier.model.decisions import Case, after_dns_check, after_ses_check
from services.verifier.model.ownership import CHECKED_EVERY, Ownership
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.states import GRACE, State, VerificationStatus, renewed
from tests.unit.verifier.cases import GOOD_IDENTITY, NOW, REQUIRED, a_case, checked_at, checks_of

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NO_EVIDENCE = (RecordStatus.PROPAGATING, RecordStatus.UNREACHABLE)


def after(case: Case, *checks: tuple[timedelta, RecordStatus]) -> Case:
    """Return the claim after checks at times after `NOW`, each with one status for all its DKIM records."""
    for when, status in checks:
        case = checked_at(case, REQUIRED, checks_of(status, purpose=Purpose.DKIM), when)
    return case


def after_verify(verification: VerificationStatus) -> VerificationStatus:
    """Return the verification status after VerifyDomain."""
    return replace(verification, deadline_at=NOW + GRACE)


@pytest.mark.parametrize("status", [RecordStatus.MISSING, RecordStatus.MISMATCH, RecordStatus.CONFLICT])
def test_a_ready_domain_is_degraded_after_six_hours_of_failed_checks(status: RecordStatus) -> None:
    case = after(a_case(State.READY), *((hours * HOUR, status) for hours in (0, 1, 3)))
    assert case.verification.state is State.READY

    case = after(case, (6 * HOUR, status))
    assert case.verification.state is State.DEGRADED
    assert case.verification.dkim_valid is False


def test_an_inconclusive_check_neither_counts_nor_resets() -> None:
    missing, unreachable = RecordStatus.MISSING, RecordStatus.UNREACHABLE

    checks = [(0 * HOUR, missing), (1 * HOUR, unreachable), (3 * HOUR, missing)]
    case = after(a_case(State.READY), *checks)

    assert case.verification.failed_checks == 2
    assert after(case, (6 * HOUR, missing)).verification.state is State.DEGRADED


def test_one_successful_check_resets_the_count_of_failed_checks() -> None:
    checks = [
        (0 * HOUR, RecordStatus.MISSING),
        (1 * HOUR, RecordStatus.MISSING),
        (3 * HOUR, RecordStatus.FOUND),
    ]

    case = after(a_case(State.READY), *checks, (6 * HOUR, RecordStatus.MISSING))

    assert case.verification.state is State.READY
    assert case.verification.failed_checks == 1


def test_frequent_checks_of_a_watched_domain_count_as_one() -> None:
    case = after(a_case(State.READY), *((n * SECOND, RecordStatus.MISSING) for n in range(60)))

    assert case.verification.failed_checks == 1


def test_dkim_needs_its_own_run_of_failed_checks_after_the_return_path_failed() -> None:
    case = a_case(State.READY)
    for hours in (0, 1, 3, 6):
        case = checked_at(case, REQUIRED, checks_of(RecordStatus.MISSING, purpose=Purpose.SPF), hours * HOUR)
    assert case.verification.state is State.DEGRADED

    case = checked_at(case, REQUIRED, checks_of(RecordStatus.MISSING), 7 * HOUR)

    assert case.verification.dkim_valid is True
    assert case.verification.mail_from_valid is False


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("status", NO_EVIDENCE)
@pytest.mark.parametrize("hours", [0, 6, 71, 1000])
def test_timeouts_and_disagreement_change_no_state(state: State, status: RecordStatus, hours: int) -> None:
    """Only PENDING changes: its deadline passes whatever the checks find."""
    case = replace(a_case(state), identity=None)

    case = checked_at(case, REQUIRED, checks_of(status), hours * HOUR)

    expired = state is State.PENDING and hours >= 72
    assert case.verification.state is (State.FAILED if expired else state)


def test_a_pending_domain_fails_at_its_deadline() -> None:
    case = after(a_case(State.PENDING), (GRACE - SECOND, RecordStatus.MISSING))
    assert case.verification.state is State.PENDING

    assert after(case, (GRACE, RecordStatus.MISSING)).verification.state is State.FAILED


def test_a_degraded_domain_is_lost_only_when_a_check_fails_at_its_deadline() -> None:
    degraded = replace(a_case(State.DEGRADED).verification, dkim_valid=False)
    case = replace(a_case(State.DEGRADED), verification=degraded)

    assert after(case, (GRACE, RecordStatus.UNREACHABLE)).verification.state is State.DEGRADED
    assert after(case, (GRACE, RecordStatus.MISSING)).verification.state is State.LOST
    assert after(case, (GRACE, RecordStatus.FOUND)).verification.state is State.READY


@pytest.mark.parametrize("state", [State.FAILED, State.LOST])
def test_verify_schedules_checks_of_a_finished_domain_again(state: State) -> None:
    verification = VerificationStatus(state)
    assert schedule.next_check(verification, NOW, watched=True, jitter=0.5) is None

    again = after_verify(verification)

    assert again.state is state
    assert schedule.next_check(again, NOW, watched=False, jitter=0.5) == NOW + 15 * SECOND
    assert schedule.next_check(again, NOW + GRACE, watched=False, jitter=0.5) is None


def test_checks_of_a_new_domain_become_less_frequent() -> None:
    verification, now = a_case(State.PENDING).verification, NOW
    waits: list[int] = []
    while len(waits) < 10:
        due = schedule.next_check(verification, now, watched=False, jitter=0.5)
        assert due is not None
        waits.append(round((due - now).total_seconds()))
        now = due

    assert waits == [15, 30, 60, 120, 300, 600, 1200, 1800, 1800, 1800]


def test_a_check_is_scheduled_no_later_than_the_deadline() -> None:
    verification = a_case(State.PENDING).verification

    due = schedule.next_check(verification, NOW + GRACE - SECOND, watched=False, jitter=0.5)

    assert due == NOW + GRACE


@pytest.mark.parametrize(("jitter", "hours"), [(0.0, 4.8), (0.5, 6.0), (1.0, 7.2)])
def test_a_ready_domain_is_checked_about_every_six_hours(jitter: float, hours: float) -> None:
    due = schedule.next_check(VerificationStatus(State.READY), NOW, watched=False, jitter=jitter)

    assert due == NOW + hours * HOUR


def test_a_first_failed_check_schedules_three_more() -> None:
    case, offsets = a_case(State.READY), []
    for hours in (0, 1, 3):
        case = after(case, (hours * HOUR, RecordStatus.MISSING))
        due = schedule.next_check(case.verification, case.now, watched=False, jitter=0.5)
        assert due is not None
        offsets.append((due - NOW) / HOUR)

    assert offsets == [1, 3, 6]


def test_ses_is_queried_once_all_dns_records_are_found() -> None:
    records = tuple((record.expected.purpose, RecordStatus.MISSING) for record in REQUIRED)
    case = replace(a_case(State.PENDING, identity=None), statuses=records)

    assert after_dns_check(case, REQUIRED, checks_of(RecordStatus.MISSING), jitter=0.5).ses_due_at is None
    assert after_dns_check(case, REQUIRED, checks_of(), jitter=0.5).ses_due_at == NOW


def test_a_watched_domain_is_queried_at_ses_in_every_slot() -> None:
    waiting = replace(GOOD_IDENTITY, mail_from_status="PENDING")
    case = a_case(State.PENDING)

    watched = after_ses_check(replace(case, watched=True), waiting, jitter=0.5)
    others = after_ses_check(case, waiting, jitter=0.5)

    assert watched.ses_due_at == NOW
    assert others.ses_due_at == NOW + schedule.SES_HALF_WAY


@pytest.mark.parametrize(
    ("state", "tokens", "renewed_state"),
    [
        (State.READY, "same", State.DEGRADED),
        (State.READY, "other", State.PENDING),
        (State.DEGRADED, "same", State.DEGRADED),
        (State.DEGRADED, "other", State.PENDING),
        (State.PENDING, "same", State.PENDING),
        (State.FAILED, "same", State.PENDING),
        (State.LOST, "same", State.PENDING),
    ],
)
def test_a_new_generation_keeps_sending_only_with_the_same_tokens(
    state: State, tokens: str, renewed_state: State
) -> None:
    verification = renewed(
        a_case(state).verification, NOW, same_tokens=tokens == "same", ownership=Ownership.SOLE
    )

    assert verification.state is renewed_state
    assert verification.deadline_at == NOW + GRACE


def test_a_domain_without_verified_dkim_starts_again_whatever_its_tokens() -> None:
    """SES may have been queried after it issued the new tokens and before the records showed them."""
    degraded = replace(a_case(State.DEGRADED).verification, dkim_valid=False)

    assert renewed(degraded, NOW, same_tokens=True, ownership=Ownership.SOLE).state is State.PENDING


@pytest.mark.parametrize("state", State)
def test_a_superseded_claim_or_one_that_must_prove_ownership_stops_sending(state: State) -> None:
    verification = a_case(state).verification

    superseded = renewed(verification, NOW, same_tokens=True, ownership=Ownership.SUPERSEDED)
    unproven = renewed(verification, NOW, same_tokens=True, ownership=Ownership.PROOF_DUE)

    assert superseded == VerificationStatus(State.LOST)
    assert unproven == VerificationStatus(State.PENDING, deadline_at=NOW + GRACE)


def test_a_challenger_does_not_fail_while_it_waits_for_the_holder() -> None:
    case = a_case(State.PENDING, ownership=Ownership.CHALLENGER)

    assert after(case, (GRACE + HOUR, RecordStatus.MISSING)).verification.state is State.PENDING


def test_a_token_that_ownership_depends_on_is_checked_every_ten_minutes() -> None:
    due = schedule.next_check(VerificationStatus(State.READY), NOW, watched=False, jitter=0.5, token_due=True)

    assert due == NOW + CHECKED_EVERY


@pytest.mark.parametrize("state", [State.FAILED, State.LOST])
def test_a_finished_domain_becomes_ready_only_after_verify(state: State) -> None:
    case = replace(a_case(state), verification=VerificationStatus(state))
    assert checked_at(case, REQUIRED, checks_of(), HOUR).verification.state is state

    case = replace(case, verification=after_verify(case.verification))
    assert checked_at(case, REQUIRED, checks_of(), HOUR).verification.state is State.READY
