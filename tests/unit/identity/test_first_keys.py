import pytest

from chassis.access import Scope, generate_key
from chassis.config import Secret
from services.identity.config import Keys


def test_no_keys_are_created_if_none_are_configured() -> None:
    assert Keys().given() == []


def test_each_key_has_its_scope() -> None:
    admin, service = generate_key()[0], generate_key()[0]

    keys = Keys(admin_key=Secret(admin), service_key=Secret(service))

    assert keys.given() == [("admin_key", admin, Scope.ADMIN), ("service_key", service, Scope.SERVICE)]


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(3, None), slice(0, 10)], ids=str)
def test_a_malformed_key_is_a_configuration_error_that_hides_the_key(cut: slice) -> None:
    text = generate_key()[0][cut]

    with pytest.raises(ValueError, match="LETTERHEAD_SERVICE_KEY_FILE: malformed API key") as error:
        Keys(service_key=Secret(text))

    assert text not in str(error.value)


def test_the_admin_key_and_the_service_key_must_differ() -> None:
    token = Secret(generate_key()[0])

    with pytest.raises(ValueError, match="contains the admin key"):
        Keys(admin_key=token, service_key=token)
