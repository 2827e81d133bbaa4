"""The status of a published DMARC record beside the recommended one: another is fine, unless it is weaker."""

import pytest

from services.verifier.model.readings import read
from services.verifier.model.reasons import CheckReason
from services.verifier.model.records import Expected, Observation, Outcome, Purpose, RecordType, Value

# From the weakest to the strictest.
STEPS = ("p=none", "p=quarantine; t=y", "p=quarantine", "p=reject; t=y", "p=reject")


def reason(published: str, recommended: str) -> CheckReason:
    expected = Expected(
        Purpose.DMARC, RecordType.TXT, "_dmarc.mnexa.ai", f"v=DMARC1; {recommended};", "mnexa.ai"
    )
    seen = Observation("ns1", Outcome.VALUES, (Value(f"v=DMARC1; {published};"),))
    return read(expected, seen).reason


@pytest.mark.parametrize("recommended", STEPS)
@pytest.mark.parametrize("published", STEPS)
def test_only_a_weaker_policy_is_not_accepted(published: str, recommended: str) -> None:
    difference = STEPS.index(published) - STEPS.index(recommended)

    expected = (
        CheckReason.DMARC_WEAKER
        if difference < 0
        else CheckReason.OWN_POLICY
        if difference
        else CheckReason.AS_SHOWN
    )
    assert reason(published, recommended) is expected


@pytest.mark.parametrize("published", ["p=None", "p=none; t=y", "p=NONE; sp=reject; rua=mailto:a@b.io"])
def test_writing_and_other_tags_do_not_make_a_policy_weaker(published: str) -> None:
    assert reason(published, "p=none") is CheckReason.OWN_POLICY


def test_a_capital_policy_is_as_strict() -> None:
    assert reason("p=Reject; t=N", "p=reject") is CheckReason.OWN_POLICY
