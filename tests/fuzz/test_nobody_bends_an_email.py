"""Made-up emails, most of them hostile: none leaves as another, or with a header more than it was to have."""

import pytest

from tests.figures import Figure
from tests.fuzz.harness import Way, run
from tests.fuzz.unsafe import guessable, pasted, trusting, unquoted

SOME = 2_000
KINDS = ("files", "inline files", "threads", "unsubscribing")


@pytest.mark.timeout(7200)  # as many cases as one asks for
def test_two_parsers_and_lines_agree_on_every_email(cases: int, seed: str, figure: Figure) -> None:
    tally = run(seed, cases)

    counts = tally.counts
    figure(
        f"From, headers and MIME, {counts['cases']} cases of seed {seed}: {counts['accepted']} accepted, "
        f"{counts['refused']} refused, {counts['withheld']} withheld by the From function; of those accepted "
        f"{', '.join(f'{counts[kind]} with {kind}' for kind in KINDS)}; "
        f"{counts['disagreements']} disagreements, {counts['injected']} injected headers"
    )
    assert tally.failures == []
    assert counts["cases"] == cases
    assert counts["accepted"] > cases / 10
    assert all(counts[kind] > cases / 200 for kind in KINDS)
    assert counts["refused"] > cases / 10
    assert counts["disagreements"] == counts["injected"] == 0


@pytest.mark.parametrize(
    "way",
    [Way(write=unquoted), Way(check=trusting, write=pasted), Way(write=guessable)],
    ids=["unquoted", "pasted", "guessable"],
)
def test_an_unsafe_way_is_seen(way: Way, seed: str, figure: Figure, request: pytest.FixtureRequest) -> None:
    counts = run(seed, SOME, way).counts

    figure(
        f"unsafe builder {request.node.callspec.id}, {counts['accepted']} emails: {counts['disagreements']} "
        f"caught, {counts['injected']} of them by their lines alone, {counts['unseen']} unseen"
    )
    assert counts["disagreements"] > 0
    assert counts["unseen"] == 0
