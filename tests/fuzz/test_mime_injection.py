"""Generated emails, most of them hostile: none is sent with a forged From or an injected header."""

import pytest

from tests.figures import Figure
from tests.fuzz.harness import Way, run
from tests.fuzz.unsafe import guessable, pasted, trusting, unquoted

FEW_CASES = 2_000
KINDS = ("files", "inline files", "threads", "unsubscribing", "encoded headers")


@pytest.mark.timeout(7200)  # the number of cases is an option
def test_parsers_and_lines_agree_on_every_email(cases: int, seed: str, figure: Figure) -> None:
    tally = run(seed, cases)

    counts = tally.counts
    figure(
        f"From, headers and MIME, {counts['cases']} cases of seed {seed}: {counts['accepted']} accepted, "
        f"{counts['rejected']} rejected, {counts['withheld']} withheld by the From function; of the accepted "
        f"{', '.join(f'{counts[kind]} with {kind}' for kind in KINDS)}; "
        f"{counts['disagreements']} disagreements, {counts['injected']} injected headers"
    )
    assert tally.failures == []
    assert counts["cases"] == cases
    assert counts["accepted"] > cases / 10
    assert all(counts[kind] > cases / 200 for kind in KINDS)
    assert counts["rejected"] > cases / 10
    assert counts["disagreements"] == counts["injected"] == 0


@pytest.mark.parametrize(
    "way",
    [Way(write=unquoted), Way(check=trusting, write=pasted), Way(write=guessable)],
    ids=["unquoted", "pasted", "guessable"],
)
def test_an_unsafe_builder_is_detected(
    way: Way, seed: str, figure: Figure, request: pytest.FixtureRequest
) -> None:
    counts = run(seed, FEW_CASES, way).counts

    figure(
        f"unsafe builder {request.node.callspec.id}, {counts['accepted']} emails: {counts['disagreements']} "
        f"detected, {counts['injected']} of them by their lines alone, {counts['missed']} missed"
    )
    assert counts["disagreements"] > 0
    assert counts["missed"] == 0
