"""The reasons of the errors that a function can raise, followed through the calls that its code shows.

A call is followed if its target is a name of the module, or a method of an object whose class is known: of
`self`, of a parameter, of an attribute that `__init__` sets, or of the result of a call that is followed.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

from chassis.errors import InvalidArgument, InvalidPageToken, ServiceError

Types = dict[str, type]


def reasons(function: Callable[..., Any], owner: type | None = None) -> frozenset[str]:
    """Return the reasons that a function, or a method of `owner`, can raise."""
    found: set[str] = set()
    seen: set[tuple[FunctionType, type | None]] = set()
    waiting = [(inspect.unwrap(function), owner)]
    while waiting:
        if (each := waiting.pop()) not in seen:
            seen.add(each)
            for used in _Body(*each).used():
                if isinstance(used, str):
                    found.add(used)
                else:
                    waiting.append(used)
    return frozenset(found)


class _Body:
    """The code of one function, and the objects that its names refer to."""

    def __init__(self, function: Any, owner: type | None) -> None:
        self._owner = owner
        self._globals = function.__globals__
        self._tree = _tree(function)
        self._types = {name: hint for name, hint in _hints(function).items() if name != "return"}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
                self._types.setdefault(target.id, self.type_of(node.value))

    def used(self) -> Iterator[str | tuple[Any, type | None]]:
        """Yield the reasons that the body names itself, and the functions that it uses."""
        called = {node.func: node for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        caught = {
            each
            for node in ast.walk(self._tree)
            if isinstance(node, ast.ExceptHandler) and node.type
            for each in ast.walk(node.type)
        }
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Name | ast.Attribute) and node not in caught:
                yield from self._use(node, called.get(node))

    def _use(self, node: ast.expr, call: ast.Call | None) -> Iterator[str | tuple[Any, type | None]]:
        target, owner = self._target(node)
        if isinstance(target, type) and issubclass(target, ServiceError):
            yield from _reasons_of(target, call)
        elif isinstance(target, type) and _ours(target):
            yield from ((each, target) for each in _constructors(target))
        elif inspect.isfunction(target) and _ours(target):
            yield inspect.unwrap(target), owner

    def _target(self, node: ast.expr) -> tuple[Any, type | None]:
        """Return the object that an expression names, and the class that it is a method of."""
        if isinstance(node, ast.Name):
            return self._globals.get(node.id), None
        if not isinstance(node, ast.Attribute):
            return None, None
        module, _ = self._target(node.value)
        if isinstance(module, ModuleType):
            return getattr(module, node.attr, None), None
        owner = module if isinstance(module, type) else self.type_of(node.value)
        return getattr(owner, node.attr, None) if owner else None, owner

    def type_of(self, node: ast.expr) -> Any:
        """Return the class of an expression's value, or None if it is not visible."""
        if isinstance(node, ast.Await):
            return self.type_of(node.value)
        if isinstance(node, ast.Name):
            return self._owner if node.id == "self" else self._types.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.type_of(node.value)
            return _attributes(owner).get(node.attr) if owner else None
        if isinstance(node, ast.Call):
            target, _ = self._target(node.func)
            return target if isinstance(target, type) else _hints(target).get("return")
        return None


def _reasons_of(error: type[ServiceError], call: ast.Call | None) -> Iterator[str]:
    """Yield the reason of an error that is named, or raised with the arguments of a call."""
    if issubclass(error, InvalidArgument):
        yield "INVALID_PAGE_TOKEN" if issubclass(error, InvalidPageToken) else "INVALID_FIELD"
    elif init := _written(error, "__init__"):
        calls = [each for each in ast.walk(_tree(init)) if isinstance(each, ast.Call)]
        yield from _literals([each.args[0] for each in calls if ast.unparse(each.func) == "super().__init__"])
    elif call:
        yield from _literals(call.args[:1])


def _literals(nodes: list[ast.expr]) -> Iterator[str]:
    yield from (
        each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


@cache
def _attributes(owner: type) -> Types:
    """Return the classes of an object's attributes: the annotated ones, and those that `__init__` sets."""
    if not _ours(owner):
        return {}
    init = _written(owner, "__init__")
    if init is None:
        return get_type_hints(owner)
    body = _Body(init, owner)
    return {
        node.targets[0].attr: body.type_of(node.value)
        for node in ast.walk(_tree(init))
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
    }


def _constructors(owner: type) -> Iterator[FunctionType]:
    methods = (_written(owner, name) for name in ("__init__", "__post_init__"))
    yield from (each for each in methods if each)


def _written(owner: type, name: str) -> FunctionType | None:
    """Return a method that is written in the class, not generated for a dataclass."""
    method = vars(owner).get(name)
    written = isinstance(method, FunctionType) and method.__code__.co_filename == inspect.getfile(owner)
    return method if written else None


def _hints(target: Any) -> Types:
    return get_type_hints(inspect.unwrap(target)) if inspect.isfunction(target) and _ours(target) else {}


def _ours(target: Any) -> bool:
    return str(getattr(target, "__module__", "")).startswith(("chassis", "services"))


@cache
def _tree(function: Any) -> ast.FunctionDef | ast.AsyncFunctionDef:
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef)
    return tree
