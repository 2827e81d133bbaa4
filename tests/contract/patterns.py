"""Regular expressions in production code: how each is used, and attack inputs for it."""

import ast
import importlib
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from types import FrameType, ModuleType
from typing import Any

from tests.contract.sources import files, parsed

CODE = ("chassis", "services", "cli")
# `search` represents every method that finds a match anywhere: findall, finditer, split, sub.
METHODS = {
    "fullmatch": "fullmatch", "match": "match", "search": "search", "findall": "search", "finditer": "search",
    "split": "search", "sub": "search", "subn": "search",
}  # fmt: skip
DEEPEST = 4  # nesting of containers
MANY = 16  # repetitions from which an attack is possible
SAMPLE, WHOLE = 2_000, 100_000  # characters
SLOWEST = 3  # slowest inputs of each pattern, which are tried with WHOLE characters
BOUND = 1.0  # CPU seconds for WHOLE; a linear pattern takes milliseconds, a quadratic one a minute
SIGNS = " \t\n\r.-_\\\"'@a0Zé"

_parser: Any = importlib.import_module("re._parser")


class TooSlow(Exception):
    """A match exceeded the CPU limit."""


@dataclass(slots=True)
class Use:
    """A pattern, where it was found, and its match methods; no methods means that any may be used."""

    pattern: re.Pattern[Any]
    where: str
    methods: set[str] = field(default_factory=set)


def uses() -> list[Use]:
    """Return every pattern of production code."""
    found: dict[int, Use] = {}
    for path in files(*CODE):
        name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        found |= uses_in(str(path), parsed(path), importlib.import_module(name), found)
    return list(found.values())


def uses_in(where: str, tree: ast.Module, module: ModuleType, known: dict[int, Use]) -> dict[int, Use]:
    """Return the known patterns plus those of one module, by identity; adds methods used in the module.

    Raises ValueError for a pattern that is built at run time.
    """
    found = dict(known)
    for pattern in _held(vars(module), 0):
        found.setdefault(id(pattern), Use(pattern, where))
    for pattern, method, line in _applied(where, tree, module):
        use = found.setdefault(id(pattern), Use(pattern, f"{where}:{line}"))
        use.methods |= {method} if method else set()
    return found


def _held(thing: Any, depth: int) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns in a module's variables, including nested containers."""
    if isinstance(thing, re.Pattern):
        yield thing
    elif depth < DEEPEST:
        for part in _parts(thing):
            yield from _held(part, depth + 1)


def _parts(thing: Any) -> Sequence[Any]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return list(thing)
    if isinstance(thing, type):
        return list(vars(thing).values()) if thing.__module__.startswith(CODE) else []
    return [getattr(thing, each.name) for each in fields(thing)] if is_dataclass(thing) else []


def _applied(where: str, tree: ast.Module, module: ModuleType) -> Iterator[tuple[re.Pattern[Any], str, int]]:
    """Yield patterns in code with method and line: those passed to `re`, and calls on named patterns."""
    held = {id(node) for statement in _loaded(tree) for node in ast.walk(statement)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (called := _called(node.func, module)):
            if called != "compile" or id(node) not in held:
                yield _constant(where, node, module), METHODS.get(called, ""), node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in METHODS:
            pattern = _value(node.value, module)
            if isinstance(pattern, re.Pattern):
                yield pattern, METHODS[node.attr], node.lineno


def _called(function: ast.expr, module: ModuleType) -> str:
    """Return the name of an `re` function that takes a pattern, or ""."""
    if isinstance(function, ast.Name):  # from re import fullmatch
        of_re = getattr(vars(module).get(function.id), "__module__", "") == "re"
        name = getattr(vars(module).get(function.id), "__name__", "") if of_re else ""
    elif isinstance(function, ast.Attribute) and _value(function.value, module) is re:
        name = function.attr
    else:
        return ""
    return name if name in (*METHODS, "compile", "template") else ""


def _constant(where: str, call: ast.Call, module: ModuleType) -> re.Pattern[Any]:
    given = _value(call.args[0], module) if call.args else None
    if not isinstance(given, str | bytes | re.Pattern):
        raise ValueError(f"{where}:{call.lineno}: pattern built at run time; make it a constant")  # noqa: TRY004
    return re.compile(given)


def _loaded(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements that run at import and can assign module variables."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [each for each in tree.body if not isinstance(each, functions)]


def _value(expression: ast.expr, module: ModuleType) -> Any:
    """Return the value of an expression of names and constants at module level; None if it has none."""
    whole = ast.Expression(body=expression)
    if any(isinstance(node, ast.Call | ast.Await | ast.Yield | ast.NamedExpr) for node in ast.walk(whole)):
        return None
    try:
        return eval(compile(whole, "<pattern>", "eval"), dict(vars(module)))  # noqa: S307 - our own source
    except (NameError, AttributeError, KeyError, IndexError, TypeError):
        return None


def slow(use: Use) -> str:
    """Return an attack with which a pattern takes more than linear time, or ""."""
    for method in use.methods or set(METHODS.values()):
        run = getattr(use.pattern, "findall" if method == "search" else method)
        ranked = []
        for attack in set(_attacks(use.pattern)):
            if (seconds := _seconds(run, attack, SAMPLE, use.pattern)) > BOUND:
                return f"{use.where}: {use.pattern.pattern!r} {method} of {attack}"
            ranked.append((seconds, attack))
        for _, attack in sorted(ranked, reverse=True)[:SLOWEST]:
            if _seconds(run, attack, WHOLE, use.pattern) > BOUND:
                return f"{use.where}: {use.pattern.pattern!r} {method} of {attack}"
    return ""


def _seconds(run: Any, attack: tuple[str, str, str], length: int, pattern: re.Pattern[Any]) -> float:
    """Return the CPU time of one match; more than BOUND if it was interrupted."""
    before, pump, after = attack
    text: Any = before + pump * (length // len(pump)) + after
    if isinstance(pattern.pattern, bytes):
        text = text.encode("utf-8", "replace")
    begin = time.thread_time()
    try:
        with _stopped():
            run(text)
    except TooSlow:
        return 2 * BOUND
    return time.thread_time() - begin


@contextmanager
def _stopped() -> Iterator[None]:
    """Interrupt the block after BOUND seconds of CPU; `re` checks for signals while it matches."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, BOUND)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield attacks on each repetition of a pattern: text before, text to repeat, text after."""
    tree = _parser.parse(pattern.pattern, pattern.flags)
    literals = sorted(_literals(tree))
    signs = dict.fromkeys([*SIGNS, *literals])
    for before, body in _repetitions(tree, ()):
        for sign in signs:
            ahead, pump = _sample(before, sign), _sample(body, sign) or sign
            for after in ("", "\0", *literals[:6]):
                yield ahead, pump, after
                yield "", pump, after
                yield "", (ahead + pump) or sign, after


def _repetitions(tree: Any, before: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield each repetition in a tree, with the nodes before it."""
    for index, (code, value) in enumerate(tree):
        ahead = (*before, *tree[:index])
        if "REPEAT" in str(code):
            _, most, body = value
            if most >= MANY:
                yield ahead, body
            yield from _repetitions(body, ahead)
        for inner in _inner(code, value):
            yield from _repetitions(inner, ahead)


def _inner(code: Any, value: Any) -> list[Any]:
    match str(code):
        case "SUBPATTERN":
            return [value[-1]]
        case "BRANCH":
            return list(value[1])
        case "ASSERT" | "ASSERT_NOT":
            return [value[1]]
        case "ATOMIC_GROUP":
            return [value]
    return []


def _literals(tree: Any) -> set[str]:
    found: set[str] = set()
    for code, value in tree:
        name = str(code)
        if name in ("LITERAL", "NOT_LITERAL"):
            found.add(chr(value))
        elif name == "RANGE":
            found |= {chr(value[0]), chr(value[1])}
        elif name == "IN":
            found |= _literals(value)
        elif "REPEAT" in name:
            found |= _literals(value[2])
        for inner in _inner(code, value):
            found |= _literals(inner)
    return found


def _sample(tree: Any, sign: str) -> str:
    """Return a text that a tree matches, using one character wherever it is allowed."""
    return "".join(_piece(code, value, sign) for code, value in tree)


def _piece(code: Any, value: Any, sign: str) -> str:  # noqa: PLR0911 - one return per kind of node
    match str(code):
        case "LITERAL":
            return chr(value)
        case "NOT_LITERAL":
            return sign if ord(sign) != value else "b"
        case "ANY":
            return sign
        case "IN":
            return next(filter(partial(_is_in, value), (sign, *SIGNS, *_literals(value))), "b")
        case "MIN_REPEAT" | "MAX_REPEAT" | "POSSESSIVE_REPEAT":
            least, most, body = value
            return _sample(body, sign) * int(max(least, min(most, 1)))
        case "SUBPATTERN" | "ATOMIC_GROUP":
            return _sample(_inner(code, value)[0], sign)
        case "BRANCH":
            branches = [_sample(each, sign) for each in value[1]]
            return next((each for each in branches if sign in each), branches[0])
    return ""


def _is_in(members: Any, sign: str) -> bool:
    negated = str(members[0][0]) == "NEGATE"
    return any(_is_member(str(code), value, sign) for code, value in members) != negated


def _is_member(name: str, value: Any, sign: str) -> bool:
    if name == "LITERAL":
        return ord(sign) == int(value)
    if name == "RANGE":
        return int(value[0]) <= ord(sign) <= int(value[1])
    if name != "CATEGORY":
        return False
    word = str(value).removeprefix("CATEGORY_")
    kind = word.removeprefix("NOT_")
    matches = {"DIGIT": sign.isdigit(), "SPACE": sign.isspace(), "WORD": sign.isalnum() or sign == "_"}[kind]
    return matches != word.startswith("NOT_")
