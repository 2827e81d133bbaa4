"""Every regular expression of production code takes linear time on its worst input."""

import ast
import re
from types import ModuleType

import pytest

from tests.contract.patterns import Use, slow, uses, uses_in

PLANTED = {
    "missing end": (r"\s+$", "search"),
    "adjacent repetitions": (r"\s*([^<>]*?)\s*<", "fullmatch"),
    "nested repetition": (r"(?:a+)+b", "match"),
    "start that matches everywhere": (r"a[^b]*b", "search"),
    "name before a number": (r"[A-Za-z_]+(?=(?:\[\d+\])?$)", "search"),
    "words after a prefix": (r"key: (\w+\s?)*;", "match"),
}


@pytest.mark.timeout(300)  # about fifty patterns with a thousand inputs each
def test_every_pattern_of_production_code_is_linear() -> None:
    found = uses()

    assert len(found) > 30
    assert [attack for each in found if (attack := slow(each))] == []


@pytest.mark.parametrize(("pattern", "method"), PLANTED.values(), ids=PLANTED)
def test_a_pattern_that_is_not_linear_is_detected(pattern: str, method: str) -> None:
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
def test_a_pattern_is_found_wherever_it_is_defined(source: str) -> None:
    assert [attack for each in planted(source) if (attack := slow(each))]


@pytest.mark.parametrize(
    "made", ["re.compile(made).match", "re.match(made, ''); ", "re.sub(rf'{made}x', '', '')"]
)
def test_a_pattern_that_is_built_at_run_time_is_rejected(made: str) -> None:
    with pytest.raises(ValueError, match="built at run time"):
        planted(f"def a(made):\n    return {made}")


def planted(source: str) -> list[Use]:
    """Return the patterns of a module with this source."""
    module, source = ModuleType("services.planted"), f"import re\n{source}"
    exec(source, vars(module))  # noqa: S102 - source of this test
    return list(uses_in("planted.py", ast.parse(source), module, {}).values())
