import pytest

from chassis.access import Scope, generate_key
from chassis.config import Secret
from services.identity.bootstrap import Keys


def test_no_keys_are_made_where_none_are_given() -> None:
    assert Keys().given() == []


def test_each_key_has_its_scope() -> None:
    admin, service = generate_key()[0], generate_key()[0]

    keys = Keys(admin_key=Secret(admin), service_key=Secret(service))

    assert keys.given() == [("admin_key", admin, Scope.ADMIN), ("service_key", service, Scope.SERVICE)]


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(3, None), slice(0, 10)], ids=str)
def test_what_can_be_no_key_is_a_mistake_of_the_settings(cut: slice) -> None:
    text = generate_key()[0][cut]

    with pytest.raises(ValueError, match="LETTERHEAD_SERVICE_KEY_FILE: holds no key") as refusal:
        Keys(service_key=Secret(text))

    assert text not in str(refusal.value)


def test_one_key_cannot_be_both() -> None:
    token = Secret(generate_key()[0])

    with pytest.raises(ValueError, match="holds the admin key"):
        Keys(admin_key=token, service_key=token)
