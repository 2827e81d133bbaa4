"""Every error reason says how it is reported, and is raised with the exception of its gRPC code."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from chassis import errors
from chassis.errors import InvalidArgument, InvalidField, InvalidPageToken, ServiceError
from chassis.reasons import REASONS
from letterhead.errors.v1.error_reason_pb2 import ErrorReason
from letterhead.errors.v1.options_pb2 import report
from tests.contract.sources import PRODUCTION, files, parsed

CLASSES = {
    name: each
    for name, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, ServiceError) and each is not ServiceError
}
Raised = tuple[str, type[ServiceError]]


def raised(path: Path) -> Iterator[Raised]:
    """Yield each reason that a file raises, with the exception class that it is raised with."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and (name := _name(node.func)) in CLASSES:
            yield from _of_call(node, CLASSES[name])
        elif isinstance(node, ast.ClassDef) and (base := _base(node)):
            yield from _of_class(node, base)


def _of_call(call: ast.Call, kind: type[ServiceError]) -> Iterator[Raised]:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    if kind not in (InvalidField, InvalidPageToken):  # they have one reason each
        given += call.args[:1]
    if kind is InvalidPageToken:
        yield "INVALID_PAGE_TOKEN", kind
    elif not given and issubclass(kind, InvalidArgument):
        yield "INVALID_FIELD", kind
    yield from ((text, kind) for each in given if (text := _text(each)) is not None)


def _of_class(node: ast.ClassDef, base: type[ServiceError]) -> Iterator[Raised]:
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    yield from (
        (text, base)
        for call in calls
        if ast.unparse(call.func) == "super().__init__" and call.args and (text := _text(call.args[0]))
    )


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _base(node: ast.ClassDef) -> type[ServiceError] | None:
    return next((CLASSES[name] for each in node.bases if (name := _name(each)) in CLASSES), None)


def _name(node: ast.expr) -> str:
    return ast.unparse(node).removeprefix("errors.")


RAISED = sorted(
    {(str(path), reason, kind.__name__) for path in files(*PRODUCTION) for reason, kind in raised(path)}
)

RAISING = ("deliverer", "identity", "sender", "verifier", "webhooks")


@pytest.mark.parametrize("value", ErrorReason.DESCRIPTOR.values[1:], ids=lambda value: value.name)
def test_a_reason_has_all_options(value: object) -> None:
    option = value.GetOptions().Extensions[report]  # type: ignore[attr-defined]

    assert option.code
    assert 400 <= option.http_status < 600
    assert option.http_name


@pytest.mark.parametrize(("path", "reason", "kind"), RAISED)
def test_a_reason_is_raised_with_the_exception_of_its_code(path: str, reason: str, kind: str) -> None:
    assert REASONS[reason].code is CLASSES[kind].code, path


def test_every_service_is_searched_and_every_code_can_be_raised() -> None:
    directories = {"/".join(Path(path).parts[:2]) for path, _, _ in RAISED if path.startswith("services")}

    assert directories == {f"services/{each}" for each in RAISING}
    assert len({reason for _, reason, _ in RAISED}) > 30
    unimplemented = {grpc.StatusCode.UNIMPLEMENTED}
    assert {each.code for each in REASONS.values()} - unimplemented == {
        each.code for each in CLASSES.values()
    }
