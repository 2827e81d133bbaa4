"""The scopes that rpcs require, from the options of their methods."""

import pytest

from chassis.access import Scope
from chassis.scopes import required_scopes
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1 import domains_pb2, tenants_pb2

DOMAINS = f"{domains_pb2.DESCRIPTOR.package}.DomainService"
TENANTS = f"{tenants_pb2.DESCRIPTOR.package}.TenantService"
HEALTH = "grpc.health.v1.Health"


def test_scopes_have_the_names_of_the_contract() -> None:
    named = [name.removeprefix("SCOPE_") for name, number in scope_pb2.Scope.items() if number]

    assert [str(scope) for scope in Scope] == named


def test_each_method_requires_the_scopes_of_its_option() -> None:
    required = required_scopes([DOMAINS, TENANTS])

    assert required[f"/{DOMAINS}/GetDomain"] == (Scope.FULL_ACCESS, Scope.LINK)
    assert required[f"/{DOMAINS}/AdoptDomain"] == (Scope.ADMIN,)
    assert required[f"/{TENANTS}/PauseTenant"] == (Scope.SERVICE,)


def test_any_key_may_call_the_services_of_grpc() -> None:
    assert required_scopes([], of_grpc=[HEALTH])[f"/{HEALTH}/Check"] == tuple(Scope)


def test_a_method_without_the_option_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"Health\.Check has no option required_scope"):
        required_scopes([DOMAINS, HEALTH])
