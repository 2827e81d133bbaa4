"""What time does to a domain: confirmation of bad looks, deadlines, and when to look again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.verifier.model import schedule
from services.verifier.model.decisions import Case, after_look, after_ses_look
from services.verifier.model.ownership import CHECKED_EVERY, Ownership
from services.verifier.model.records import Purpose, Verdict
from services.verifier.model.states import GRACE, Standing, State, renewed
from tests.unit.verifier.cases import GOOD_IDENTITY, NOW, REQUIRED, a_case, checks_of, looked_at

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NO_EVIDENCE = (Verdict.PROPAGATING, Verdict.UNREACHABLE)


def after(case: Case, *looks: tuple[timedelta, Verdict]) -> Case:
    """The claim after looks at times after `NOW`, each with one verdict on all its DKIM records."""
    for when, verdict in looks:
        case = looked_at(case, REQUIRED, checks_of(verdict, purpose=Purpose.DKIM), when)
    return case


def asked_for(standing: Standing) -> Standing:
    """The standing after VerifyDomain."""
    return replace(standing, deadline_at=NOW + GRACE)


@pytest.mark.parametrize("verdict", [Verdict.MISSING, Verdict.MISMATCH, Verdict.CONFLICT])
def test_a_ready_domain_is_degraded_when_looks_agree_for_six_hours(verdict: Verdict) -> None:
    case = after(a_case(State.READY), *((hours * HOUR, verdict) for hours in (0, 1, 3)))
    assert case.standing.state is State.READY

    case = after(case, (6 * HOUR, verdict))
    assert case.standing.state is State.DEGRADED
    assert case.standing.dkim_good is False


def test_a_look_without_evidence_neither_counts_nor_resets() -> None:
    missing, unreachable = Verdict.MISSING, Verdict.UNREACHABLE

    looks = [(0 * HOUR, missing), (1 * HOUR, unreachable), (3 * HOUR, missing)]
    case = after(a_case(State.READY), *looks)

    assert case.standing.negative_looks == 2
    assert after(case, (6 * HOUR, missing)).standing.state is State.DEGRADED


def test_one_good_look_begins_afresh() -> None:
    looks = [(0 * HOUR, Verdict.MISSING), (1 * HOUR, Verdict.MISSING), (3 * HOUR, Verdict.FOUND)]

    case = after(a_case(State.READY), *looks, (6 * HOUR, Verdict.MISSING))

    assert case.standing.state is State.READY
    assert case.standing.negative_looks == 1


def test_looks_at_a_watched_domain_are_one_witness() -> None:
    case = after(a_case(State.READY), *((n * SECOND, Verdict.MISSING) for n in range(60)))

    assert case.standing.negative_looks == 1


def test_dkim_is_given_its_own_time_after_the_return_path_has_gone() -> None:
    case = a_case(State.READY)
    for hours in (0, 1, 3, 6):
        case = looked_at(case, REQUIRED, checks_of(Verdict.MISSING, purpose=Purpose.SPF), hours * HOUR)
    assert case.standing.state is State.DEGRADED

    case = looked_at(case, REQUIRED, checks_of(Verdict.MISSING), 7 * HOUR)

    assert case.standing.dkim_good is True
    assert case.standing.mail_from_good is False


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verdict", NO_EVIDENCE)
@pytest.mark.parametrize("hours", [0, 6, 71, 1000])
def test_silence_and_disagreement_move_no_state(state: State, verdict: Verdict, hours: int) -> None:
    """PENDING ends by its deadline alone, whatever is seen; that is no evidence either."""
    case = replace(a_case(state), identity=None)

    case = looked_at(case, REQUIRED, checks_of(verdict), hours * HOUR)

    expired = state is State.PENDING and hours >= 72
    assert case.standing.state is (State.FAILED if expired else state)


def test_a_pending_domain_fails_at_its_deadline() -> None:
    case = after(a_case(State.PENDING), (GRACE - SECOND, Verdict.MISSING))
    assert case.standing.state is State.PENDING

    assert after(case, (GRACE, Verdict.MISSING)).standing.state is State.FAILED


def test_a_degraded_domain_is_lost_only_when_seen_broken_at_its_deadline() -> None:
    degraded = replace(a_case(State.DEGRADED).standing, dkim_good=False)
    case = replace(a_case(State.DEGRADED), standing=degraded)

    assert after(case, (GRACE, Verdict.UNREACHABLE)).standing.state is State.DEGRADED
    assert after(case, (GRACE, Verdict.MISSING)).standing.state is State.LOST
    assert after(case, (GRACE, Verdict.FOUND)).standing.state is State.READY


@pytest.mark.parametrize("state", [State.FAILED, State.LOST])
def test_verify_has_a_finished_domain_looked_at_again(state: State) -> None:
    standing = Standing(state)
    assert schedule.next_look(standing, NOW, watched=True, jitter=0.5) is None

    again = asked_for(standing)

    assert again.state is state
    assert schedule.next_look(again, NOW, watched=False, jitter=0.5) == NOW + 15 * SECOND
    assert schedule.next_look(again, NOW + GRACE, watched=False, jitter=0.5) is None


def test_looks_at_a_new_domain_slow_down() -> None:
    standing, now = a_case(State.PENDING).standing, NOW
    waits: list[int] = []
    while len(waits) < 10:
        due = schedule.next_look(standing, now, watched=False, jitter=0.5)
        assert due is not None
        waits.append(round((due - now).total_seconds()))
        now = due

    assert waits == [15, 30, 60, 120, 300, 600, 1200, 1800, 1800, 1800]


def test_a_deadline_is_not_overslept() -> None:
    standing = a_case(State.PENDING).standing

    due = schedule.next_look(standing, NOW + GRACE - SECOND, watched=False, jitter=0.5)

    assert due == NOW + GRACE


@pytest.mark.parametrize(("jitter", "hours"), [(0.0, 4.8), (0.5, 6.0), (1.0, 7.2)])
def test_a_ready_domain_is_looked_at_every_six_hours_or_so(jitter: float, hours: float) -> None:
    due = schedule.next_look(Standing(State.READY), NOW, watched=False, jitter=jitter)

    assert due == NOW + hours * HOUR


def test_a_first_bad_look_brings_three_more() -> None:
    case, offsets = a_case(State.READY), []
    for hours in (0, 1, 3):
        case = after(case, (hours * HOUR, Verdict.MISSING))
        due = schedule.next_look(case.standing, case.now, watched=False, jitter=0.5)
        assert due is not None
        offsets.append((due - NOW) / HOUR)

    assert offsets == [1, 3, 6]


def test_ses_is_asked_when_dns_turns_green() -> None:
    records = tuple((record.expected.purpose, Verdict.MISSING) for record in REQUIRED)
    case = replace(a_case(State.PENDING, identity=None), verdicts=records)

    assert after_look(case, REQUIRED, checks_of(Verdict.MISSING), jitter=0.5).ses_due_at is None
    assert after_look(case, REQUIRED, checks_of(), jitter=0.5).ses_due_at == NOW


def test_ses_is_asked_about_a_watched_domain_in_every_slot() -> None:
    waiting = replace(GOOD_IDENTITY, mail_from_status="PENDING")
    case = a_case(State.PENDING)

    watched = after_ses_look(replace(case, watched=True), waiting, jitter=0.5)
    others = after_ses_look(case, waiting, jitter=0.5)

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
def test_a_new_generation_begins_as_what_it_can_send(state: State, tokens: str, renewed_state: State) -> None:
    standing = renewed(a_case(state).standing, NOW, same_tokens=tokens == "same", ownership=Ownership.SOLE)

    assert standing.state is renewed_state
    assert standing.deadline_at == NOW + GRACE


def test_a_domain_that_does_not_sign_begins_again_whatever_its_tokens() -> None:
    """SES may have been asked between its new tokens and the records that show them."""
    degraded = replace(a_case(State.DEGRADED).standing, dkim_good=False)

    assert renewed(degraded, NOW, same_tokens=True, ownership=Ownership.SOLE).state is State.PENDING


@pytest.mark.parametrize("state", State)
def test_a_claim_that_lost_its_name_or_must_prove_it_sends_no_more(state: State) -> None:
    standing = a_case(state).standing

    superseded = renewed(standing, NOW, same_tokens=True, ownership=Ownership.SUPERSEDED)
    doubted = renewed(standing, NOW, same_tokens=True, ownership=Ownership.PROOF_DUE)

    assert superseded == Standing(State.LOST)
    assert doubted == Standing(State.PENDING, deadline_at=NOW + GRACE)


def test_a_challengers_time_does_not_run_out_while_it_waits_for_the_holder() -> None:
    case = a_case(State.PENDING, ownership=Ownership.CHALLENGER)

    assert after(case, (GRACE + HOUR, Verdict.MISSING)).standing.state is State.PENDING


def test_a_token_that_matters_is_looked_for_every_ten_minutes() -> None:
    due = schedule.next_look(Standing(State.READY), NOW, watched=False, jitter=0.5, token_due=True)

    assert due == NOW + CHECKED_EVERY


@pytest.mark.parametrize("state", [State.FAILED, State.LOST])
def test_a_finished_domain_becomes_ready_only_when_asked_for(state: State) -> None:
    case = replace(a_case(state), standing=Standing(state))
    assert looked_at(case, REQUIRED, checks_of(), HOUR).standing.state is state

    case = replace(case, standing=asked_for(case.standing))
    assert looked_at(case, REQUIRED, checks_of(), HOUR).standing.state is State.READY
