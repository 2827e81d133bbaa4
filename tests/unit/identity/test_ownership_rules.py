"""The rules that change a name's ownership: each rule, and the invariants of every sequence of changes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.identity.model.ownership import (
    CHALLENGE,
    HOLDERS,
    Cause,
    LiveClaim,
    Move,
    Ownership,
    Past,
    Precheck,
    ReadyClaim,
    TokenCheck,
)
from services.identity.model.ownership_rules import contested_by_new, demand, next_moves, release

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FOUND = TokenCheck(found=True, missing_checks=0, checked_at=NOW)
GONE = TokenCheck(found=False, missing_checks=3, checked_at=NOW)
UNANSWERED = TokenCheck(found=False, missing_checks=0, checked_at=NOW)
MISSED = TokenCheck(found=False, missing_checks=1, checked_at=NOW)
UNSEEN = TokenCheck(found=False, missing_checks=2, checked_at=NOW)


def a_claim(number: int, ownership: Ownership, **situation: object) -> LiveClaim:
    claim = LiveClaim(
        claim_id=UUID(int=number),
        tenant_id=UUID(int=100 + number),
        ownership=ownership,
        since=NOW - HOUR,
        before=Ownership.SOLE if ownership is Ownership.CHALLENGED else None,
        deadline_at=NOW + CHALLENGE if ownership is Ownership.CHALLENGED else None,
        token_at=NOW - HOUR,
        adopted=False,
        state="PENDING",
        dkim_valid=False,
        dkim_found=False,
        ever_ready=False,
        others_open=False,
        precheck=None,
        check=None,
    )
    return replace(claim, **situation)  # type: ignore[arg-type]


def a_sender(number: int = 1, ownership: Ownership = Ownership.SOLE, **situation: object) -> LiveClaim:
    ready = {"state": "READY", "dkim_valid": True, "dkim_found": True, "ever_ready": True}
    return a_claim(number, ownership, **ready | situation)


def changes(*claims: LiveClaim, past: Past | None = None, now: datetime = NOW) -> list[tuple[int, str]]:
    moves = next_moves(claims, past or Past(), now)
    return [(move.claim_id.int, move.after.value) for move in moves]


@pytest.mark.parametrize(
    ("precheck", "after"),
    [
        (Precheck.ABSENT, "SOLE"),
        (Precheck.PRESENT, "PROOF_DUE"),
        (Precheck.INCONCLUSIVE, "PROOF_DUE"),
    ],
)
def test_a_new_claim_is_decided_by_the_dkim_precheck(precheck: Precheck, after: str) -> None:
    assert changes(a_claim(1, Ownership.UNDECIDED)) == []
    assert changes(a_claim(1, Ownership.UNDECIDED, precheck=precheck)) == [(1, after)]


def test_a_live_rival_or_an_earlier_ready_tenant_requires_proof() -> None:
    mine, rival = UUID(int=101), a_claim(2, Ownership.PROOF_DUE)
    earlier = Past((ReadyClaim(UUID(int=9), Ownership.SOLE, NOW - 90 * DAY, NOW - 80 * DAY),))

    assert demand(mine, [rival], Past(), NOW) is Cause.CONTESTED
    assert demand(mine, [replace(rival, ownership=Ownership.SUPERSEDED)], Past(), NOW) is None
    assert demand(mine, [], earlier, NOW) is Cause.READY_BEFORE
    assert demand(mine, [], Past(), NOW, mail_from_name=True) is Cause.MAIL_FROM_NAME
    assert demand(mine, [], Past(), NOW) is None


@pytest.mark.parametrize(
    ("deleted", "ownership", "other_claimed", "returns"),
    [
        (NOW - 6 * DAY, Ownership.SOLE, None, True),
        (NOW - 8 * DAY, Ownership.SOLE, None, False),
        (NOW - 6 * DAY, Ownership.SUPERSEDED, None, False),
        (NOW - 6 * DAY, Ownership.SOLE, NOW - DAY, False),
        (NOW - 6 * DAY, Ownership.SOLE, NOW - 7 * DAY, True),
        (None, Ownership.SOLE, None, False),
    ],
)
def test_the_last_ready_tenant_may_return_without_proof_for_a_week(
    deleted: datetime | None,
    ownership: Ownership,
    other_claimed: datetime | None,
    returns: bool,  # noqa: FBT001 - pytest passes parameters by name
) -> None:
    mine, other = UUID(int=101), UUID(int=102)
    ready_claims = (
        ReadyClaim(other, Ownership.SOLE, NOW - 90 * DAY, NOW - 80 * DAY),
        ReadyClaim(mine, ownership, NOW - 30 * DAY, deleted),
    )
    past = Past(ready_claims, {other: other_claimed} if other_claimed else {})
    claim = a_claim(1, Ownership.UNDECIDED, tenant_id=mine, precheck=Precheck.PRESENT)

    assert (demand(mine, [], past, NOW) is None) == returns
    assert changes(claim, past=past) == [(1, "SOLE" if returns else "PROOF_DUE")]


def test_a_later_rival_requires_proof_only_of_claims_not_yet_seen_in_dns() -> None:
    unseen = a_claim(1, Ownership.SOLE)
    shown = [a_claim(2, Ownership.SOLE, dkim_found=True), a_sender(3), a_sender(4, state="DEGRADED")]
    settled = [a_claim(5, Ownership.PROVEN), a_claim(6, Ownership.PROOF_DUE)]

    moves = contested_by_new([unseen, *shown, *settled])

    assert [(move.claim_id, move.after) for move in moves] == [(unseen.claim_id, Ownership.PROOF_DUE)]


@pytest.mark.parametrize("ownership", [Ownership.SOLE, Ownership.PROVEN])
def test_an_unproven_claim_does_not_affect_the_sending_tenant(ownership: Ownership) -> None:
    assert changes(a_sender(ownership=ownership), a_claim(2, Ownership.PROOF_DUE, check=UNSEEN)) == []


def test_a_token_proves_a_name_that_no_tenant_sends_from() -> None:
    proving = a_claim(2, Ownership.PROOF_DUE, check=FOUND)

    assert changes(proving) == [(2, "PROVEN")]
    assert changes(replace(proving, others_open=True)) == []
    assert changes(a_claim(1, Ownership.SOLE), proving) == [(1, "PROOF_DUE")]
    ended = a_sender(1, state="LOST", dkim_valid=False)
    assert changes(ended, proving) == [(1, "PROOF_DUE")]  # it was SOLE, so it may still prove itself
    lost = a_sender(1, Ownership.PROVEN, state="LOST", dkim_valid=False)
    assert changes(lost, proving) == [(1, "SUPERSEDED")]


def test_a_proof_while_another_tenant_sends_starts_a_challenge() -> None:
    moves = next_moves([a_sender(), a_claim(2, Ownership.PROOF_DUE, check=FOUND)], Past(), NOW)

    assert [(move.claim_id.int, move.after.value) for move in moves] == [(2, "CHALLENGER"), (1, "CHALLENGED")]
    assert moves[1].deadline_at == NOW + CHALLENGE
    assert moves[1].renews_token
    assert not moves[1].renews_records


CHALLENGER = a_claim(2, Ownership.CHALLENGER, check=FOUND)
HOLDER = a_sender(1, Ownership.CHALLENGED, check=UNSEEN)
LATE = NOW + CHALLENGE


@pytest.mark.parametrize(
    ("holder", "challenger", "now", "expected"),
    [
        pytest.param({}, {}, NOW, [], id="the deadline has not passed"),
        pytest.param({"check": FOUND}, {}, NOW, [(1, "PROVEN")], id="the holder published its token"),
        pytest.param({"check": GONE}, {}, LATE, [], id="no check since the deadline"),
        pytest.param(
            {"check": GONE},
            {"check": replace(FOUND, checked_at=LATE)},
            LATE,
            [(1, "SUPERSEDED")],
            id="the deadline passed without the token",
        ),
        pytest.param(
            {"check": UNSEEN},
            {"check": replace(FOUND, checked_at=LATE)},
            LATE,
            [],
            id="the holder's token was not missed often enough",
        ),
        pytest.param({"state": "LOST"}, {}, NOW, [(1, "SUPERSEDED")], id="the holder is LOST"),
        pytest.param(
            {"state": "DEGRADED", "dkim_valid": False},
            {},
            NOW,
            [(1, "SUPERSEDED")],
            id="the holder cannot sign",
        ),
        pytest.param({}, {"check": GONE}, NOW, [(2, "PROOF_DUE")], id="the challenger's token was removed"),
        pytest.param(
            {"since": NOW - 7 * DAY}, {}, NOW, [(1, "SOLE"), (2, "PROOF_DUE")], id="the challenge expired"
        ),
        pytest.param({"adopted": True}, {}, NOW, [(2, "PROOF_DUE")], id="an operator adopted the holder"),
        pytest.param(
            {}, {"adopted": True}, NOW, [(1, "SUPERSEDED")], id="an operator adopted the challenger"
        ),
    ],
)
def test_a_challenge_ends(
    holder: dict[str, object],
    challenger: dict[str, object],
    now: datetime,
    expected: list[tuple[int, str]],
) -> None:
    claims = replace(HOLDER, **holder), replace(CHALLENGER, **challenger)  # type: ignore[arg-type]

    assert changes(*claims, now=now) == expected


def test_a_challenge_without_a_challenger_ends() -> None:
    assert changes(HOLDER) == [(1, "SOLE")]
    assert changes(replace(HOLDER, before=Ownership.PROVEN)) == [(1, "PROVEN")]


def test_a_holder_that_answered_keeps_the_name_until_a_check_misses_its_token() -> None:
    answered = a_sender(1, Ownership.PROVEN, check=FOUND)

    assert changes(answered, CHALLENGER) == []
    assert changes(replace(answered, check=UNANSWERED), CHALLENGER) == []


def test_the_first_check_that_misses_the_token_of_a_proven_holder_starts_72_hours() -> None:
    answered = a_sender(1, Ownership.PROVEN, check=FOUND)

    assert changes(replace(answered, check=MISSED), CHALLENGER) == [(1, "CHALLENGED")]


def test_only_a_name_with_a_challenger_is_released() -> None:
    assert release(a_sender(), [a_claim(2, Ownership.PROOF_DUE)]) == []
    assert [move.after for move in release(HOLDER, [HOLDER, CHALLENGER])] == [Ownership.SUPERSEDED]


def test_an_unused_token_is_replaced_after_a_week() -> None:
    old = a_claim(1, Ownership.PROOF_DUE, token_at=NOW - 7 * DAY, check=UNSEEN)

    assert changes(old) == [(1, "PROOF_DUE")]
    assert changes(replace(old, check=FOUND)) == [(1, "PROVEN")]


situation = st.fixed_dictionaries(
    {
        "ownership": st.sampled_from(Ownership),
        "state": st.sampled_from(["", "PENDING", "READY", "DEGRADED", "LOST", "FAILED"]),
        "dkim_valid": st.booleans(),
        "dkim_found": st.booleans(),
        "ever_ready": st.booleans(),
        "others_open": st.booleans(),
        "adopted": st.booleans(),
        "precheck": st.sampled_from([None, *Precheck]),
        "check": st.sampled_from([None, FOUND, UNSEEN, GONE]),
        "since": st.sampled_from([NOW, NOW - 4 * DAY, NOW - 8 * DAY]),
    }
)


def applied(claim: LiveClaim, move: Move) -> LiveClaim:
    """Return the claim as the store leaves it."""
    return replace(
        claim,
        ownership=move.after,
        since=NOW,
        before=claim.ownership if move.after is Ownership.CHALLENGED else None,
        deadline_at=move.deadline_at,
        token_at=NOW if move.renews_token else claim.token_at,
        check=None if move.renews_token else claim.check,
        adopted=claim.adopted and move.after not in (Ownership.PROVEN, Ownership.SUPERSEDED),
    )


@settings(max_examples=500, deadline=None)
@given(st.lists(situation, min_size=1, max_size=4))
def test_at_most_one_claim_holds_the_name_and_decisions_terminate(
    drawn: list[dict[str, object]],
) -> None:
    claims: list[LiveClaim] = []
    for number, each in enumerate(drawn, start=1):
        claim = replace(a_claim(number, Ownership.PROOF_DUE), **each)  # type: ignore[arg-type]
        if claim.ownership is Ownership.CHALLENGED:
            claim = replace(claim, before=Ownership.SOLE, deadline_at=claim.since + CHALLENGE)
        if claim.holds and any(other.holds for other in claims):  # the index forbids a second one
            claim = replace(claim, ownership=Ownership.PROOF_DUE, before=None, deadline_at=None)
        claims.append(claim)

    for _ in range(20):
        moves = next_moves(claims, Past(), NOW)
        if not moves:
            break
        for move in moves:
            claims = [applied(each, move) if each.claim_id == move.claim_id else each for each in claims]
            assert sum(each.ownership in HOLDERS for each in claims) <= 1
    assert not next_moves(claims, Past(), NOW)
