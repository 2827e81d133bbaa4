"""When a tenant is warned, throttled and paused: rates, floors and sentences."""

import pytest

from services.sender.model.reputation import Evaluation, ReputationReason, Strikes, evaluate

CASES = [
    # bounces, complaints, recipients
    (0, 0, 0, Evaluation.FINE),
    (1, 0, 13, Evaluation.FINE),  # 7.7 %, but of very few recipients
    (13, 0, 13, Evaluation.FINE),  # 100 %, but below the volume floor
    (0, 1, 100, Evaluation.FINE),  # 1 %, but from a single person
    (0, 4, 100, Evaluation.FINE),
    (9, 0, 100, Evaluation.FINE),  # 9 %, but too few bounces
    (10, 0, 100, Evaluation.PAUSE),
    (10, 0, 251, Evaluation.FINE),
    (10, 0, 250, Evaluation.WARN),
    (10, 0, 201, Evaluation.WARN),
    (10, 0, 200, Evaluation.SLOW),
    (10, 0, 126, Evaluation.SLOW),
    (10, 0, 125, Evaluation.PAUSE),
    (80, 0, 1_000, Evaluation.PAUSE),
    (79, 0, 1_000, Evaluation.SLOW),
    (50, 0, 1_000, Evaluation.SLOW),
    (49, 0, 1_000, Evaluation.WARN),
    (39, 0, 1_000, Evaluation.FINE),
    (0, 5, 100, Evaluation.PAUSE),
    (0, 5, 1_666, Evaluation.PAUSE),
    (0, 5, 1_667, Evaluation.SLOW),
    (0, 5, 5_000, Evaluation.SLOW),
    (0, 5, 5_001, Evaluation.WARN),
    (0, 5, 6_250, Evaluation.WARN),
    (0, 5, 6_251, Evaluation.FINE),
    (40, 5, 1_000, Evaluation.PAUSE),  # the more severe action counts
    (400, 4, 10_000, Evaluation.WARN),
    (400, 10, 10_000, Evaluation.SLOW),
]


@pytest.mark.parametrize(("bounces", "complaints", "sent", "expected"), CASES)
def test_rates_above_the_floors_lead_to_an_action(
    bounces: int, complaints: int, sent: int, expected: Evaluation
) -> None:
    outcome, concern = evaluate(Strikes(bounces, complaints), sent)

    assert outcome is expected
    assert (concern is None) is (outcome is Evaluation.FINE)
    assert concern is None or len(concern.message) <= 500  # the longest reason that identity accepts


@pytest.mark.parametrize("sent", [100, 249, 250, 251, 6_250, 6_251, 100_000])
def test_counting_up_to_enough_gives_the_same_action(sent: int) -> None:
    for strikes in (Strikes(10, 0), Strikes(10, 5), Strikes(0, 5), Strikes(400, 0)):
        assert evaluate(strikes, min(sent, strikes.enough)) == evaluate(strikes, sent)


def test_the_sentence_names_the_rate_and_the_counts() -> None:
    _, bounces = evaluate(Strikes(25, 0), 300)
    _, complaints = evaluate(Strikes(9, 9), 10_000)

    assert bounces is not None
    assert complaints is not None
    assert (bounces.reason, complaints.reason) == (ReputationReason.BOUNCES, ReputationReason.COMPLAINTS)
    assert bounces.message.startswith("8.33% of the recipients of the last 7 days hard bounced (25 of 300);")
    assert complaints.message.startswith(
        "0.09% of the recipients of the last 7 days reported the email as spam (9 of 10000);"
    )
