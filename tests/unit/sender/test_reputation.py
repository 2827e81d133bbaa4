"""When a tenant is warned, throttled and paused: rates, floors and sentences."""

import pytest

from services.sender.model.reputation import Strikes, Verdict, judge

CASES = [
    # bounces, complaints, recipients
    (0, 0, 0, Verdict.FINE),
    (1, 0, 13, Verdict.FINE),  # 7.7 %, but of very few recipients
    (13, 0, 13, Verdict.FINE),  # 100 %, but below the volume floor
    (0, 1, 100, Verdict.FINE),  # 1 %, but from a single person
    (0, 4, 100, Verdict.FINE),
    (9, 0, 100, Verdict.FINE),  # 9 %, but too few bounces
    (10, 0, 100, Verdict.PAUSE),
    (10, 0, 251, Verdict.FINE),
    (10, 0, 250, Verdict.WARN),
    (10, 0, 201, Verdict.WARN),
    (10, 0, 200, Verdict.SLOW),
    (10, 0, 126, Verdict.SLOW),
    (10, 0, 125, Verdict.PAUSE),
    (80, 0, 1_000, Verdict.PAUSE),
    (79, 0, 1_000, Verdict.SLOW),
    (50, 0, 1_000, Verdict.SLOW),
    (49, 0, 1_000, Verdict.WARN),
    (39, 0, 1_000, Verdict.FINE),
    (0, 5, 100, Verdict.PAUSE),
    (0, 5, 1_666, Verdict.PAUSE),
    (0, 5, 1_667, Verdict.SLOW),
    (0, 5, 5_000, Verdict.SLOW),
    (0, 5, 5_001, Verdict.WARN),
    (0, 5, 6_250, Verdict.WARN),
    (0, 5, 6_251, Verdict.FINE),
    (40, 5, 1_000, Verdict.PAUSE),  # the more severe action counts
    (400, 4, 10_000, Verdict.WARN),
    (400, 10, 10_000, Verdict.SLOW),
]


@pytest.mark.parametrize(("bounces", "complaints", "sent", "expected"), CASES)
def test_rates_above_the_floors_lead_to_an_action(
    bounces: int, complaints: int, sent: int, expected: Verdict
) -> None:
    verdict, sentence = judge(Strikes(bounces, complaints), sent)

    assert verdict is expected
    assert bool(sentence) is (verdict is not Verdict.FINE)
    assert len(sentence) <= 500  # the longest reason that identity accepts


@pytest.mark.parametrize("sent", [100, 249, 250, 251, 6_250, 6_251, 100_000])
def test_counting_up_to_enough_gives_the_same_action(sent: int) -> None:
    for strikes in (Strikes(10, 0), Strikes(10, 5), Strikes(0, 5), Strikes(400, 0)):
        assert judge(strikes, min(sent, strikes.enough)) == judge(strikes, sent)


def test_the_sentence_names_the_rate_and_the_counts() -> None:
    _, bounces = judge(Strikes(25, 0), 300)
    _, complaints = judge(Strikes(9, 9), 10_000)

    assert bounces.startswith("8.33% of the recipients of the last 7 days hard bounced (25 of 300);")
    assert complaints.startswith(
        "0.09% of the recipients of the last 7 days reported the email as spam (9 of 10000);"
    )
