"""Keys and scopes: what a token looks like, and what its scope lets pass."""

from uuid import UUID, uuid4

import pytest

from chassis import access
from chassis.access import Principal, Scope
from chassis.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated


def acting(scope: Scope) -> Principal:
    who = Principal(key_id=uuid4(), tenant_id=uuid4(), scope=scope)
    access.bind(who)
    return who


def test_a_key_has_its_form_and_digest() -> None:
    token, digest, hint = access.generate_key()

    assert len(token) == len("lh_") + 43 + 1 + 6
    assert access.well_formed(token)
    assert digest == access.hash_token(token)
    assert hint == token[-4:]


def test_keys_differ() -> None:
    assert len({access.generate_key()[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper(), lambda t: t[3:]])
def test_a_spoilt_token_is_told_without_a_lookup(spoil: object) -> None:
    token, _, _ = access.generate_key()

    assert not access.well_formed(spoil(token))  # type: ignore[operator]


def test_nobody_is_refused() -> None:
    access.bind(None)

    with pytest.raises(Unauthenticated):
        access.require(Scope.FULL_ACCESS)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_passes_where_it_is_named_and_admin_everywhere(scope: Scope) -> None:
    who = acting(scope)

    assert access.require(scope) == who
    if scope is Scope.ADMIN:
        assert access.require(Scope.SENDING_ACCESS) == who
        return
    others = [each for each in Scope if each is not scope]
    with pytest.raises(PermissionDenied) as caught:
        access.require(*others)
    assert caught.value.metadata["scope"] == scope


@pytest.mark.parametrize("scope", list(Scope))
def test_another_tenant_does_not_exist_but_for_operators_and_services(scope: Scope) -> None:
    who, other = acting(scope), uuid4()

    assert access.tenant_for("") == who.tenant_id
    assert access.tenant_for(str(who.tenant_id)) == who.tenant_id
    if scope in (Scope.ADMIN, Scope.SERVICE):
        assert access.tenant_for(str(other)) == other
        return
    with pytest.raises(NotFound):
        access.tenant_for(str(other))


def test_a_tenant_id_is_an_id() -> None:
    acting(Scope.ADMIN)

    assert access.tenant_for(str(UUID(int=7))) == UUID(int=7)
    with pytest.raises(InvalidArgument):
        access.tenant_for("7; DROP TABLE")
