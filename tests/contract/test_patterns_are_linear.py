"""Every regular expression of production code is linear on the input that is worst for it."""

import ast
import re
from types import ModuleType

import pytest

from tests.contract.patterns import Use, slow, uses, uses_in

PLANTED = {
    "an end that is not there": (r"\s+$", "search"),
    "two repetitions that meet": (r"\s*([^<>]*?)\s*<", "fullmatch"),
    "one in another": (r"(?:a+)+b", "match"),
    "a start that is everywhere": (r"a[^b]*b", "search"),
    "a name before a number": (r"[A-Za-z_]+(?=(?:\[\d+\])?$)", "search"),
    "a word after a prefix": (r"key: (\w+\s?)*;", "match"),
}


@pytest.mark.timeout(300)  # some fifty patterns, each with a thousand inputs
def test_every_pattern_of_production_code_is_linear() -> None:
    found = uses()

    assert len(found) > 30
    assert [said for each in found if (said := slow(each))] == []


@pytest.mark.parametrize(("pattern", "method"), PLANTED.values(), ids=PLANTED)
def test_a_pattern_that_is_not_is_seen(pattern: str, method: str) -> None:
    assert slow(Use(re.compile(pattern), "planted", {method}))


@pytest.mark.parametrize(
    "source",
    [
        "A = re.compile(r'\\s+$')",
        "A = tuple((re.compile(each), 1) for each in (r'\\s+$',))",
        "A = {'x': [re.compile(r'\\s+$')]}",
        "class A:\n    B = re.compile(r'\\s+$')",
        "def a(text):\n    return re.sub(r'\\s+$', '', text)",
        "E = '$'\ndef a(text):\n    return re.compile(rf'\\s+{E}').search(text)",
        "from re import search\ndef a(text):\n    return search(r'\\s+$', text)",
    ],
)
def test_a_pattern_is_found_wherever_it_stands(source: str) -> None:
    assert [said for each in planted(source) if (said := slow(each))]


@pytest.mark.parametrize(
    "made", ["re.compile(made).match", "re.match(made, ''); ", "re.sub(rf'{made}x', '', '')"]
)
def test_a_pattern_that_is_made_while_running_is_refused(made: str) -> None:
    with pytest.raises(ValueError, match="made while running"):
        planted(f"def a(made):\n    return {made}")


def planted(source: str) -> list[Use]:
    """The patterns of a module with this source."""
    module, source = ModuleType("services.planted"), f"import re\n{source}"
    exec(source, vars(module))  # noqa: S102 - our own
    return list(uses_in("planted.py", ast.parse(source), module, {}).values())
