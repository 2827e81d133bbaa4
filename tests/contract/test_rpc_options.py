"""Every rpc declares in its options who may call it and for which reasons it fails."""

import inspect
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from typing import Any

import grpc
import pytest

from chassis.reasons import REASONS, reasons_of
from chassis.scopes import scopes_of
from letterhead.access.v1 import scope_pb2
from letterhead.errors.v1 import error_reason_pb2
from letterhead.errors.v1.rpc_errors_pb2 import errors
from services.identity.errors import DomainChanged
from services.identity.servicer.domains import DomainServicer
from tests.contract.protos import Rpc, rpcs
from tests.contract.raising import reasons
from tests.contract.sources import files

RPCS = {rpc.name: rpc for rpc in rpcs()}
OF_ANY_RPC = {reason for reason, reported in REASONS.items() if reported.any_rpc}
CODES = {code.name for code in grpc.StatusCode} - {"UNKNOWN"}  # which is also a state of an email
# Reasons in the code of an rpc that it cannot return.
UNREACHABLE = {
    "DomainService.CreateDomain": {"DOMAIN_NOT_FOUND"},  # of the domain that it has just created
    "DomainService.UpdateDomain": {"TENANT_NOT_FOUND"},  # of a domain that exists; no tenant is deleted
    "LinkService.CreateLink": {"TENANT_NOT_FOUND"},
    "WebhookService.CreateEndpoint": {"ENDPOINT_NOT_FOUND"},  # of the endpoint that it has just created
    "TenantService.CreateTenant": {"TENANT_NOT_FOUND"},  # that an earlier request created
}


def servicers() -> Iterator[type]:
    """Yield every servicer class of the services."""
    for path in files("services"):
        if "servicer" in path.as_posix():
            module = import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
            yield from (
                each
                for name, each in inspect.getmembers(module, inspect.isclass)
                if name.endswith("Servicer") and each.__module__ == module.__name__
            )


# By the name of the generated base class, which is that of the service.
SERVICERS = {each.__mro__[1].__name__.removesuffix("Servicer"): each for each in servicers()}


def raised(rpc: Rpc, servicer: type) -> set[str]:
    """Return the reasons that the rpc's servicer can raise, besides those of any rpc."""
    method: Any = getattr(servicer, rpc.method.name)
    of_streams = {"TOO_MANY_STREAMS"} if rpc.method.server_streaming else set()
    return {*reasons(method, servicer), *of_streams} - OF_ANY_RPC - UNREACHABLE.get(rpc.name, set())


def problems(rpc: Rpc, servicer: type) -> list[str]:
    """Return what is wrong with the options and comments of an rpc."""
    declared = reasons_of(rpc.method.options)
    return [*_of_options(rpc, declared), *_of_comments(rpc, declared), *_of_code(rpc, declared, servicer)]


def _of_options(rpc: Rpc, declared: tuple[str, ...]) -> Iterator[str]:
    if not scopes_of(rpc.method.options):
        yield "no required_scope"
    if not rpc.method.options.HasExtension(errors):
        yield "no errors"
    yield from (f"{each} is a reason of any rpc" for each in OF_ANY_RPC.intersection(declared))
    if len(set(declared)) < len(declared):
        yield "a reason is declared twice"


def _of_comments(rpc: Rpc, declared: tuple[str, ...]) -> Iterator[str]:
    words = set(re.findall(r"\b[A-Z][A-Z_]+\b", f"{rpc.comment} {rpc.service_comment}"))
    yield from (f"the code {each} in a comment" for each in words & CODES)
    yield from (f"the reason {each} in a comment only" for each in words & (REASONS.keys() - {*declared}))
    if re.search(r"Errors:|scope `", f"{rpc.comment} {rpc.service_comment}"):
        yield "errors or scopes in a comment"


def _of_code(rpc: Rpc, declared: tuple[str, ...], servicer: type) -> Iterator[str]:
    found = raised(rpc, servicer)
    yield from (f"raises {each}, which it does not declare" for each in found - {*declared})
    yield from (f"declares {each}, which it never raises" for each in {*declared} - found)


@pytest.mark.parametrize("name", RPCS)
def test_an_rpc_declares_its_callers_and_exactly_the_errors_that_it_raises(name: str) -> None:
    assert problems(RPCS[name], SERVICERS[RPCS[name].service]) == []


def test_every_reason_is_returned_by_an_rpc() -> None:
    returned = {each for rpc in RPCS.values() for each in reasons_of(rpc.method.options)}

    assert REASONS.keys() == returned | OF_ANY_RPC


def test_every_exception_is_still_needed() -> None:
    for name, unreachable in UNREACHABLE.items():
        servicer = SERVICERS[RPCS[name].service]
        assert unreachable <= reasons(getattr(servicer, RPCS[name].method.name), servicer)


@pytest.fixture
def planted() -> Rpc:
    """Return a copy of an rpc, to plant mistakes in."""
    return deepcopy(RPCS["DomainService.DeleteDomain"])


def of(rpc: Rpc) -> list[str]:
    return problems(rpc, SERVICERS["DomainService"])


def test_an_rpc_without_a_scope_is_found(planted: Rpc) -> None:
    planted.method.options.ClearExtension(scope_pb2.required_scope)

    assert of(planted) == ["no required_scope"]


def test_an_rpc_without_errors_is_found(planted: Rpc) -> None:
    planted.method.options.ClearExtension(errors)

    assert of(planted) == ["no errors", "raises DOMAIN_NOT_FOUND, which it does not declare"]


class Careless(DomainServicer):
    """A servicer that raises an error which its rpc does not declare."""

    async def DeleteDomain(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the rpc
        raise DomainChanged(request.domain_id) from context


def test_a_reason_that_is_not_declared_is_found(planted: Rpc) -> None:
    assert "raises DOMAIN_CHANGED, which it does not declare" in problems(planted, Careless)


def test_a_reason_that_is_never_raised_is_found(planted: Rpc) -> None:
    planted.method.options.Extensions[errors].reasons.append(error_reason_pb2.ERROR_REASON_DOMAIN_EXISTS)

    assert of(planted) == ["declares DOMAIN_EXISTS, which it never raises"]


def test_a_reason_of_any_rpc_is_found(planted: Rpc) -> None:
    planted.method.options.Extensions[errors].reasons.append(error_reason_pb2.ERROR_REASON_INTERNAL)

    assert "INTERNAL is a reason of any rpc" in of(planted)


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("Fails with NOT_FOUND.", "the code NOT_FOUND in a comment"),
        ("Fails with DOMAIN_EXISTS.", "the reason DOMAIN_EXISTS in a comment only"),
        ("Errors: none.", "errors or scopes in a comment"),
        ("Requires scope `admin`.", "errors or scopes in a comment"),
    ],
)
def test_a_comment_in_place_of_an_option_is_found(planted: Rpc, comment: str, problem: str) -> None:
    assert of(replace(planted, comment=comment)) == [problem]
