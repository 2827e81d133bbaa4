"""Words are chosen by reason: each has a sentence, whose parameters are the metadata that it declares."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

import pytest

from chassis.field_reasons import SENTENCES
from chassis.reasons import FIELD_REASONS, REASONS
from cli.client import HINTS
from services.console import messages
from services.console.api import errors
from tests.contract.protos import elements
from tests.contract.protos import files as protos
from tests.contract.sources import PRODUCTION, files, parsed

# Always present: `chassis.errors.to_status` adds it.
ALWAYS = {"request_id"}
# Their first argument is a field and their second one a reason, or the first one is the reason.
OF_FIELDS = {"InvalidField": 1, "violation": 1, "self._note": 1, "BadValue": 0}
OF_FIELDS |= {f"Bad{each}": 0 for each in ("Name", "Address", "Attachment", "Header", "Time")}
# An error class of the chassis, or the constructor of one of its subclasses.
ERRORS = re.compile(
    r"super\(\).__init__|(errors\.)?(Invalid|NotFound|Already|Request|Failed|Unauth|Perm|Resource|Un|Ab|Dead|Int)\w*"
)
RPCS = {each.name.rpartition(".")[2] for file in protos() for each in elements(file) if each.kind == "rpc"}
PROVIDER = re.compile(r"\b(SES|AWS|Amazon|ARN)\b")
TABLES: Mapping[str, tuple[Mapping[str, str], Mapping[str, tuple[str, ...]]]] = {
    "pages": (messages.WORDS, {reason: each.metadata for reason, each in REASONS.items()}),
    "API": (errors.WORDS, {reason: each.metadata for reason, each in REASONS.items()}),
    "command line": (HINTS, {reason: each.metadata for reason, each in REASONS.items()}),
    "services, fields": (SENTENCES, FIELD_REASONS),
    "pages, fields": (messages.FIELD_WORDS, FIELD_REASONS),
    "API, fields": (errors.FIELD_WORDS, FIELD_REASONS),
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def calls() -> Iterator[tuple[Path, ast.AST, ast.Call]]:
    """Yield every call in production code, with the function or class around it that has one error."""
    for path in files(*PRODUCTION):
        for around in ast.walk(parsed(path)):
            if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from ((path, around, each) for each in ast.walk(around) if isinstance(each, ast.Call))


def text_of(node: ast.expr) -> str | None:
    """Return a text; a part that is only known at run time is left out."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(each) or "…" for each in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def value_of(around: ast.AST, node: ast.expr) -> ast.expr:
    """Return what a name is assigned in the function, or the expression itself."""
    if not isinstance(node, ast.Name):
        return node
    return next(
        (
            each.value
            for each in ast.walk(around)
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id
        ),
        node,
    )


def raised() -> Iterator[tuple[str, str, frozenset[str], str]]:
    """Yield place, reason, metadata and sentence of each error that a service or the chassis raises."""
    for path, around, call in calls():
        reason = text_of(call.args[0]) if call.args else None
        if reason is None or reason not in REASONS or not ERRORS.fullmatch(ast.unparse(call.func)):
            continue
        given = next((each.value for each in call.keywords if each.arg == "metadata"), ast.Dict([], []))
        keys = value_of(around, given)
        assert isinstance(keys, ast.Dict), path
        metadata = frozenset(ast.literal_eval(key) for key in keys.keys if key is not None)
        sentence = text_of(value_of(around, call.args[1])) if len(call.args) > 1 else ""
        yield f"{path}:{call.lineno}", reason, metadata, sentence or ""


def invalid() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield place, reason and metadata of each field violation."""
    for path, around, call in calls():
        position = OF_FIELDS.get(ast.unparse(call.func))
        if position is None or len(call.args) <= position:
            continue
        chosen = value_of(around, call.args[position])
        named = [chosen.body, chosen.orelse] if isinstance(chosen, ast.IfExp) else [chosen]
        metadata = frozenset(each.arg for each in call.keywords if each.arg is not None)
        for each in named:
            if reason := text_of(each):
                yield f"{path}:{call.lineno}", reason, metadata


RAISED = sorted(set(raised()), key=lambda each: each[:2])
INVALID = sorted(set(invalid()), key=lambda each: each[:2])


@pytest.mark.parametrize("reason", REASONS)
def test_every_error_reason_has_a_sentence(reason: str) -> None:
    of_services = {each for _, each, _, _ in RAISED} | {"INVALID_FIELD"}  # those of its violations

    for words in (messages.WORDS, errors.WORDS):
        assert reason in of_services | words.keys()


def test_every_field_reason_has_a_sentence_and_is_used() -> None:
    used = {reason for _, reason, _ in INVALID}
    listed = {text_of(each) for path in files("services") for each in _reasons_in_tables(path)}

    assert SENTENCES.keys() == FIELD_REASONS.keys()
    assert used | listed >= FIELD_REASONS.keys()


def _reasons_in_tables(path: Path) -> list[ast.expr]:
    """Return the texts of a model's tables, such as that of common mistakes in domain names."""
    if path.parent.name != "model":
        return []
    return [each for node in ast.walk(parsed(path)) if isinstance(node, ast.Tuple) for each in node.elts]


@pytest.mark.parametrize(("place", "reason", "metadata"), INVALID)
def test_a_violation_has_a_reason_and_its_parameters(
    place: str, reason: str, metadata: frozenset[str]
) -> None:
    assert set(FIELD_REASONS[reason]) == metadata, place


@pytest.mark.parametrize(("place", "reason", "metadata", "sentence"), RAISED)
def test_an_error_has_the_metadata_that_its_reason_declares(
    place: str, reason: str, metadata: frozenset[str], sentence: str
) -> None:
    assert metadata | ALWAYS == ALWAYS.union(REASONS[reason].metadata), place


@pytest.mark.parametrize(("place", "reason", "metadata", "sentence"), RAISED)
def test_an_error_is_a_sentence(place: str, reason: str, metadata: frozenset[str], sentence: str) -> None:
    if sentence:  # elsewhere the caller of a function gives it
        assert sentence[0].isupper() or sentence[0] == "…", place
        assert sentence.endswith((".", "…")), place


@pytest.mark.parametrize("table", TABLES)
def test_a_placeholder_is_a_key_of_the_metadata(table: str) -> None:
    words, declared = TABLES[table]

    assert words.keys() <= declared.keys()
    wrong = {reason for reason, text in words.items() if not placeholders(text) <= set(declared[reason])}
    assert wrong == set()


def names_rpcs(text: str) -> bool:
    return not RPCS.isdisjoint(re.findall(r"\w+", text))


@pytest.mark.parametrize(("place", "reason", "metadata", "sentence"), RAISED)
def test_a_sentence_that_names_an_rpc_or_the_provider_has_other_words(
    place: str, reason: str, metadata: frozenset[str], sentence: str
) -> None:
    if names_rpcs(sentence) or PROVIDER.search(sentence):
        assert reason in messages.WORDS.keys() & errors.WORDS.keys(), place


def test_no_words_name_an_rpc_and_those_of_pages_not_the_provider() -> None:
    on_pages = [*messages.WORDS.values(), *{**SENTENCES, **messages.FIELD_WORDS}.values()]

    assert [text for text in on_pages if PROVIDER.search(text)] == []
    assert [text for words, _ in TABLES.values() for text in words.values() if names_rpcs(text)] == []


# What people read of an error, a record or a state; and what would take it apart.
SENTENCE = re.compile(
    r"\b(failure|error|each|violation|check|entry|change|transition|why)\.(message|description|details\(\))"
    r"|\.state_message\b"
)
PARSING = {
    "match",
    "fullmatch",
    "search",
    "sub",
    "findall",
    "split",
    "partition",
    "replace",
    "startswith",
    "endswith",
}
PARSING |= {"removeprefix", "removesuffix", "index", "find", "count"}


def parses(node: ast.AST) -> bool:
    """Return whether an expression takes a sentence apart or looks for something in it."""
    if isinstance(node, ast.Compare):
        return any(SENTENCE.search(ast.unparse(each)) for each in [node.left, *node.comparators])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARSING:
        return SENTENCE.search(ast.unparse(node)) is not None
    return False


@pytest.mark.parametrize("path", files("services", "cli"), ids=str)
def test_no_code_parses_a_sentence(path: Path) -> None:
    assert [f"{path}:{node.lineno}" for node in ast.walk(parsed(path)) if parses(node)] == []  # type: ignore[attr-defined]


def test_every_service_is_searched() -> None:
    raising = {"/".join(place.split("/")[:2]) for place, *_ in RAISED}
    checking = {"/".join(place.split("/")[:2]) for place, *_ in INVALID}

    assert raising >= {f"services/{each}" for each in ("identity", "sender", "verifier")}
    assert checking >= {f"services/{each}" for each in ("identity", "sender", "webhooks")}
    assert len(RAISED) > 40
    assert len(INVALID) > 80
