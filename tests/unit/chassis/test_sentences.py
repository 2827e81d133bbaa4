"""A catalogue of sentences uses the first one whose parameters are all known."""

import pytest

from chassis.sentences import Sentences, mentioned

CATALOGUE = Sentences(
    {"LATE": "Late.", "GONE": "{who} is gone."}, {"LATE": ("Late: {why} {who}", "Late: {why}")}
)


@pytest.mark.parametrize(
    ("reason", "parameters", "sentence"),
    [
        ("LATE", {}, "Late."),
        ("LATE", {"who": "Ada"}, "Late."),
        ("LATE", {"why": "a {queue}"}, "Late: a {queue}"),
        ("LATE", {"why": "rain", "who": "Ada"}, "Late: rain Ada"),
        ("GONE", {"who": "Ada"}, "Ada is gone."),
        ("GONE", {"who": ["Ada"]}, "Ada is gone."),
        ("GONE", {"who": ["Ada", "Bob", "Cy"]}, "Ada, Bob and Cy is gone."),
        ("GONE", {}, " is gone."),
    ],
)
def test_details_are_left_out_where_they_are_not_known(
    reason: str, parameters: dict[str, object], sentence: str
) -> None:
    assert CATALOGUE.sentence(reason, parameters) == sentence


def test_a_catalogue_lists_its_sentences() -> None:
    assert list(CATALOGUE)[-1] == ("GONE", "{who} is gone.")
    assert "LATE" in CATALOGUE
    assert "NOVEL" not in CATALOGUE
    assert mentioned("{who} is {0.5}% {{late}}") == {"who", "0.5"}
