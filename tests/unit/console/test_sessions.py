from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from starlette.requests import HTTPConnection
from starlette.responses import Response

from chassis.config import Secret
from services.console.config import check_secret
from services.console.session import MOST_LINKS, SESSION_AGE, Session, Sessions

OLD, NEW = "o" * 32, "n" * 32


def sessions(secret: str = NEW, *, secure: bool = True) -> Sessions:
    return Sessions(Secret(secret), secure=secure)


def set_cookie(response: Response) -> tuple[str, str, str]:
    """Return the name, value and attributes of the cookie that a response sets."""
    named, _, attributes = response.headers["set-cookie"].partition(";")
    name, _, value = named.partition("=")
    return name, value, attributes.lower()


def request_with(cookies: dict[str, str]) -> HTTPConnection:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return HTTPConnection({"type": "http", "headers": [(b"cookie", header.encode())]})


def start_session(sessions: Sessions, **more: object) -> tuple[str, str]:
    response = Response()
    sessions.begin(response, "lh_key", **more)  # type: ignore[arg-type]
    name, value, _ = set_cookie(response)
    return name, value


def test_a_session_has_its_data_and_its_own_csrf_token() -> None:
    name, value = start_session(sessions(), tenant="Mnexa", operator=True)
    _, other = start_session(sessions())

    found, another = (sessions().find(request_with({name: each})) for each in (value, other))

    assert found
    assert another
    assert (found.key, found.tenant, found.operator) == ("lh_key", "Mnexa", True)
    assert found.csrf != another.csrf
    assert len(found.csrf) >= 43


def test_a_cookie_does_not_reveal_the_key() -> None:
    _, value = start_session(sessions())

    assert "lh_key" not in value


def test_a_cookie_is_bound_to_this_host_over_tls_and_hidden_from_scripts() -> None:
    response = Response()
    sessions().begin(response, "lh_key")

    name, _, attributes = set_cookie(response)

    assert name == "__Host-letterhead-session"
    for attribute in ("httponly", "secure", "samesite=lax", "path=/", f"max-age={12 * 3600}"):
        assert attribute in attributes
    assert "domain=" not in attributes


def test_a_cookie_works_on_loopback_without_tls() -> None:
    response = Response()
    sessions(secure=False).begin(response, "lh_key")

    name, _, attributes = set_cookie(response)

    assert name == "letterhead-session"
    assert "secure" not in attributes


def test_a_session_expires() -> None:
    name, value = start_session(sessions())
    key = sessions()._fernet._fernets[0]  # Fernet uses its own clock
    fields = key.decrypt(value.encode())
    now = key.extract_timestamp(value.encode())

    fresh, stale = (
        key.encrypt_at_time(fields, now - int(SESSION_AGE.total_seconds()) + left).decode()
        for left in (60, -1)
    )

    assert sessions().find(request_with({name: fresh}))
    assert sessions().find(request_with({name: stale})) is None


@pytest.mark.parametrize("value", ["", "x", "gAAAAA" + "A" * 100, "x" * 5000, "\x80", "=" * 40])
def test_an_invalid_cookie_is_not_a_session(value: str) -> None:
    assert sessions().find(request_with({"__Host-letterhead-session": value})) is None


def test_a_cookie_encrypted_with_another_secret_is_not_a_session() -> None:
    name, value = start_session(Sessions(Secret("x" * 32), secure=True))

    assert sessions().find(request_with({name: value})) is None
    foreign = Fernet(Fernet.generate_key()).encrypt(b'["a", "b", "c", "", false]').decode()
    assert sessions().find(request_with({name: foreign})) is None


def test_after_rotation_sessions_of_the_old_secret_still_work() -> None:
    name, value = start_session(sessions(OLD))

    both = sessions(f"{NEW}\n{OLD}\n")

    assert both.find(request_with({name: value}))
    _, newer = start_session(both)
    assert sessions(NEW).find(request_with({name: newer}))
    assert sessions(OLD).find(request_with({name: newer})) is None


def test_a_links_cookie_opens_only_its_own_domain() -> None:
    mine, other = uuid4(), uuid4()
    name, value = start_session(sessions(), domain_id=mine)

    found = sessions().find(request_with({name: value}), domain_id=mine)

    assert found == Session("lh_key", found.csrf, mine) if found else False
    assert sessions().find(request_with({name: value}), domain_id=other) is None
    assert (
        sessions().find(request_with({name.replace(str(mine), str(other)): value}), domain_id=other) is None
    )
    assert sessions().find(request_with({"__Host-letterhead-session": value})) is None


def test_a_browser_keeps_the_most_recent_links() -> None:
    names = [f"__Host-letterhead-link-{uuid4()}" for _ in range(MOST_LINKS + 2)]
    response = Response()

    sessions().end_oldest(
        request_with({"__Host-letterhead-session": "x"} | dict.fromkeys(names, "x")), response
    )

    ended = [value.partition("=")[0] for value in response.headers.getlist("set-cookie")]
    assert ended == names[:3]


def test_the_csrf_token_must_match_exactly() -> None:
    session = Session("lh_key", "token")

    assert session.proves("token")
    assert not any(session.proves(each) for each in ("", "toke", "tokens", "töken"))


def test_a_short_secret_is_rejected() -> None:
    check_secret(Secret(f"{OLD}\n{NEW}"))

    with pytest.raises(ValueError, match="32 characters"):
        check_secret(Secret(f"{OLD}\nshort"))
