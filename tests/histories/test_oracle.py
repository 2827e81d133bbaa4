"""Tests of the oracle with handwritten observations: what it must report and what it must accept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.histories.demands import proof_is_due
from tests.histories.oracle import Action, Observed, Rule, Seen, TokenSpan, violations
from tests.histories.stories import Kind, Target, Who, story

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ANNAS, BERTS, MALLORYS = (UUID(int=number) for number in (1, 2, 3))
TOKENS = {ANNAS: "a", BERTS: "b", MALLORYS: "m"}
OWNERS = {ANNAS: Who.ANNA, BERTS: Who.BERT, MALLORYS: Who.MALLORY}


def hour(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def seen(claim_id: UUID, hours: float, state: str, ownership: str, **more: object) -> Seen:
    sends = state == "READY"
    claim = Seen(
        at=hour(hours),
        real_at=hour(hours),
        tx=int(hours * 1000) * 10 + claim_id.int,
        claim_id=claim_id,
        who=OWNERS[claim_id],
        target=Target.NAME,
        phase="ACTIVE",
        state=state,
        ownership=ownership,
        token=TOKENS[claim_id],
        generation=1,
        sends=sends,
    )
    return replace(claim, **more)  # type: ignore[arg-type] # tests may replace any field


def action(kind: Kind, hours: float, claim_id: UUID) -> Action:
    return Action(hour(hours), kind, Target.NAME, OWNERS[claim_id], claim_id)


def anna_is_ready() -> Observed:
    """Return a history in which Anna is intended, her page was followed, and she is READY after two hours."""
    return Observed(
        seen=[seen(ANNAS, 0, "PENDING", "SOLE"), seen(ANNAS, 2, "READY", "SOLE")],
        actions=[action(Kind.INTEND, 0, ANNAS), action(Kind.FOLLOW, 1, ANNAS)],
    )


def rules(observed: Observed) -> list[Rule]:
    return [each.rule for each in violations(observed)]


def test_a_tenant_whose_page_was_followed_may_be_ready() -> None:
    assert rules(anna_is_ready()) == []


def test_a_ready_stranger_is_reported() -> None:
    observed = anna_is_ready()
    observed.seen = [seen(MALLORYS, 2, "READY", "SOLE")]

    assert rules(observed) == [Rule.NOT_INTENDED]


def test_a_degraded_stranger_that_still_signs_is_reported() -> None:
    observed = anna_is_ready()
    observed.seen = [seen(MALLORYS, 2, "DEGRADED", "SOLE", sends=True)]

    assert rules(observed) == [Rule.NOT_INTENDED]


def test_a_new_claim_of_a_former_tenant_needs_its_own_records() -> None:
    observed = anna_is_ready()
    again = UUID(int=4)
    observed.actions += [action(Kind.INTEND, 5, BERTS)]
    observed.seen = [replace(seen(ANNAS, 6, "READY", "SOLE"), claim_id=again)]

    assert rules(observed) == [Rule.NOT_INTENDED]


def test_a_new_claim_of_the_intended_tenant_needs_no_new_records() -> None:
    observed = anna_is_ready()
    observed.seen += [replace(seen(ANNAS, 6, "READY", "SOLE"), claim_id=UUID(int=4))]
    observed.seen = [replace(each, sends=False) if each.claim_id == ANNAS else each for each in observed.seen]

    assert rules(observed) == []


def test_two_simultaneous_senders_are_reported_even_for_a_moment() -> None:
    observed = anna_is_ready()
    observed.actions += [action(Kind.INTEND, 3, BERTS), action(Kind.FOLLOW, 3, BERTS)]
    observed.seen += [
        seen(BERTS, 4, "READY", "PROVEN"),
        seen(ANNAS, 4.001, "READY", "SUPERSEDED", sends=False, phase="DELETED"),
    ]

    assert rules(observed) == [Rule.TWO_SENDERS]


def test_a_change_of_sender_within_one_commit_is_accepted() -> None:
    observed = anna_is_ready()
    observed.actions += [action(Kind.INTEND, 3, BERTS), action(Kind.FOLLOW, 3, BERTS)]
    observed.seen += [
        seen(BERTS, 4, "READY", "PROVEN", tx=7),
        seen(ANNAS, 4, "DELETED", "SOLE", sends=False, phase="DELETED", tx=7),
    ]

    assert rules(observed) == []


@pytest.mark.parametrize(
    "disturbed",
    [
        seen(ANNAS, 9, "READY", "CHALLENGED"),
        seen(ANNAS, 9, "READY", "PROOF_DUE"),
        seen(ANNAS, 9, "READY", "SOLE", generation=2),
        seen(ANNAS, 9, "PENDING", "SOLE"),
        seen(ANNAS, 9, "DEGRADED", "SOLE"),
        seen(ANNAS, 9, "LOST", "SUPERSEDED", sends=False),
    ],
    ids=["challenge", "demand", "records", "state", "degraded", "loss"],
)
def test_a_ready_holder_that_is_affected_by_an_unproven_claim_is_reported(disturbed: Seen) -> None:
    observed = anna_is_ready()
    observed.seen += [seen(MALLORYS, 8, "PENDING", "PROOF_DUE"), disturbed]

    assert rules(observed) == [Rule.DISTURBED]


def test_a_challenge_with_a_published_token_is_accepted() -> None:
    observed = anna_is_ready()
    observed.actions += [action(Kind.INTEND, 8, BERTS), action(Kind.DILIGENCE, 8, BERTS)]
    observed.tokens = [TokenSpan(Target.NAME, "b", hour(8))]
    observed.seen += [
        seen(BERTS, 8, "PENDING", "PROOF_DUE"),
        seen(ANNAS, 8.5, "READY", "CHALLENGED"),
        seen(ANNAS, 81, "LOST", "SUPERSEDED", sends=False),
        seen(BERTS, 81.2, "READY", "PROVEN"),
    ]

    assert rules(observed) == []


def test_a_challenge_long_after_the_token_was_removed_is_reported() -> None:
    observed = anna_is_ready()
    observed.tokens = [TokenSpan(Target.NAME, "b", hour(3), hour(4))]
    observed.seen += [seen(BERTS, 3, "PENDING", "PROOF_DUE"), seen(ANNAS, 9, "READY", "CHALLENGED")]

    assert rules(observed) == [Rule.DISTURBED]


def test_a_holder_superseded_before_72_hours_is_reported() -> None:
    observed = anna_is_ready()
    observed.tokens = [TokenSpan(Target.NAME, "b", hour(8))]
    observed.seen += [
        seen(BERTS, 8, "PENDING", "PROOF_DUE"),
        seen(ANNAS, 8.5, "READY", "CHALLENGED"),
        seen(ANNAS, 70, "LOST", "SUPERSEDED", sends=False),
    ]

    assert rules(observed) == [Rule.DISTURBED]


def test_a_holder_that_releases_the_name_may_be_superseded_at_once() -> None:
    observed = anna_is_ready()
    observed.tokens = [TokenSpan(Target.NAME, "b", hour(8))]
    observed.actions += [action(Kind.RELEASE, 9, ANNAS)]
    observed.seen += [
        seen(BERTS, 8, "PENDING", "PROOF_DUE"),
        seen(ANNAS, 8.5, "READY", "CHALLENGED"),
        seen(ANNAS, 9, "LOST", "SUPERSEDED", sends=False),
    ]

    assert rules(observed) == []


def test_a_domain_that_sends_a_day_after_its_records_were_removed_is_reported() -> None:
    observed = anna_is_ready()
    observed.actions += [action(Kind.WITHDRAW, 10, ANNAS)]
    observed.seen += [seen(ANNAS, 60, "DEGRADED", "SOLE")]

    assert rules(observed) == [Rule.OUTSTAYED]


def test_a_domain_that_stops_sending_in_time_is_accepted() -> None:
    observed = anna_is_ready()
    observed.actions += [action(Kind.WITHDRAW, 10, ANNAS)]
    observed.seen += [seen(ANNAS, 24, "DEGRADED", "SOLE")]

    assert rules(observed) == []


def test_the_first_claim_on_a_name_needs_no_proof() -> None:
    assert not proof_is_due(Who.ANNA, Target.NAME, [], hour(0), dkim_stands=False)


@pytest.mark.parametrize(
    ("past", "due"),
    [
        ([seen(MALLORYS, 0, "PENDING", "SOLE")], True),
        ([seen(MALLORYS, 0, "FAILED", "SOLE")], True),
        ([seen(MALLORYS, 0, "LOST", "SUPERSEDED")], False),
        (
            [seen(MALLORYS, 0, "PENDING", "SOLE"), seen(MALLORYS, 1, "DELETED", "SOLE", phase="DELETED")],
            False,
        ),
        ([seen(MALLORYS, 0, "READY", "SOLE"), seen(MALLORYS, 1, "DELETED", "SOLE", phase="DELETED")], True),
        ([seen(ANNAS, 0, "READY", "SOLE"), seen(ANNAS, 1, "DELETED", "SOLE", phase="DELETED")], False),
    ],
    ids=["rival", "failed rival", "superseded rival", "deleted rival", "rival was ready", "returns"],
)
def test_earlier_claims_decide_whether_proof_is_due(past: list[Seen], due: bool) -> None:  # noqa: FBT001 - a parameter
    assert proof_is_due(Who.ANNA, Target.NAME, past, hour(2), dkim_stands=False) is due


def test_a_tenant_that_returns_after_a_week_must_prove_itself_if_its_records_are_in_dns() -> None:
    past = [seen(ANNAS, 0, "READY", "SOLE"), seen(ANNAS, 1, "DELETED", "SOLE", phase="DELETED")]

    assert not proof_is_due(Who.ANNA, Target.NAME, past, hour(7 * 24), dkim_stands=True)
    assert proof_is_due(Who.ANNA, Target.NAME, past, hour(7 * 24 + 2), dkim_stands=True)


def test_a_mail_from_domain_of_another_tenant_must_be_proven() -> None:
    past = [seen(ANNAS, 0, "PENDING", "SOLE")]

    assert proof_is_due(Who.MALLORY, Target.BOUNCES, past, hour(1), dkim_stands=False)


def test_a_seed_always_gives_the_same_story_and_stories_contain_every_kind_of_step() -> None:
    stories = [story(seed) for seed in range(500)]

    assert stories == [story(seed) for seed in range(500)]
    assert {step.kind for each in stories for step in each.steps} == set(Kind)
    assert any(each.foreign for each in stories)
