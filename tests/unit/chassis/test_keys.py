"""API keys and scopes: the form of a token, and what each scope allows."""

from uuid import UUID, uuid4

import pytest

from chassis import access
from chassis.access import Principal, Scope
from chassis.errors import InvalidArgument, NotFound, PermissionDenied, Unauthenticated


def acting(scope: Scope) -> Principal:
    who = Principal(key_id=uuid4(), tenant_id=uuid4(), scope=scope)
    access.bind(who)
    return who


def test_a_generated_key_has_the_documented_form_digest_and_hint() -> None:
    token, digest, hint = access.generate_key()

    assert len(token) == len("lh_") + 43 + 1 + 6
    assert access.well_formed(token)
    assert digest == access.hash_token(token)
    assert hint == token[-4:]


def test_generated_keys_are_unique() -> None:
    assert len({access.generate_key()[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-1], lambda t: t + "0", lambda t: t.upper(), lambda t: t[3:]]
)
def test_a_malformed_token_is_detected_without_a_lookup(damage: object) -> None:
    token, _, _ = access.generate_key()

    assert not access.well_formed(damage(token))  # type: ignore[operator]


def test_a_call_without_a_principal_is_rejected() -> None:
    access.bind(None)

    with pytest.raises(Unauthenticated):
        access.require(Scope.FULL_ACCESS)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_required_scope_or_admin_is_accepted_and_others_are_rejected(scope: Scope) -> None:
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
def test_operators_and_services_see_all_tenants_and_other_scopes_only_their_own(scope: Scope) -> None:
    who, other = acting(scope), uuid4()

    assert access.tenant_visibility("").tenant_id == who.tenant_id
    assert access.tenant_visibility(str(who.tenant_id)).tenant_id == who.tenant_id
    if scope in (Scope.ADMIN, Scope.SERVICE):
        assert access.visibility().tenant_id is None
        assert access.tenant_visibility(str(other)).tenant_id == other
        return
    assert access.visibility().tenant_id == who.tenant_id
    with pytest.raises(NotFound):
        access.tenant_visibility(str(other))


def test_the_visibility_filter_contains_tenant_domains_and_scopes_of_the_key() -> None:
    claims = frozenset({UUID(int=2), UUID(int=1)})
    access.bind(Principal(uuid4(), UUID(int=7), Scope.SENDING_ACCESS, claims))

    sees = access.visibility()

    assert sees.filter == {"tenant_id": UUID(int=7), "claim_ids": [UUID(int=1), UUID(int=2)]}
    assert sees.kinds == {Scope.SENDING_ACCESS}
    assert access.EVERYTHING.filter == {"tenant_id": None, "claim_ids": None}


@pytest.mark.parametrize("scope", list(Scope))
def test_only_operators_and_services_see_the_installation_and_only_links_are_limited_to_test_emails(
    scope: Scope,
) -> None:
    acting(scope)

    sees = access.visibility()

    assert sees.of_installation == (scope in (Scope.ADMIN, Scope.SERVICE))
    assert sees.only_tests == (scope is Scope.LINK)
    assert scope in sees.kinds


def test_a_tenant_id_must_be_a_uuid() -> None:
    acting(Scope.ADMIN)

    assert access.tenant_visibility(str(UUID(int=7))).tenant_id == UUID(int=7)
    with pytest.raises(InvalidArgument):
        access.tenant_visibility("7; DROP TABLE")
