"""Logs: one JSON line per entry, with an action, and without addresses or keys."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from chassis.access import generate_key
from chassis.telemetry import configure_logging, get_logger


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Restore the logging configuration after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_is_json_with_action_service_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("identity")

    get_logger("here").info("a tenant was paused", action="tenant_paused", tenant_id="7")

    line = json.loads(capsys.readouterr().out)
    assert line.pop("at").endswith("Z")
    assert line == {
        "action": "tenant_paused",
        "level": "info",
        "logger": "here",
        "message": "a tenant was paused",
        "service": "identity",
        "tenant_id": "7",
    }


def test_a_line_of_a_library_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("identity")

    logging.getLogger("some.library").warning("it %s", "broke")

    line = json.loads(capsys.readouterr().out)
    assert (line["action"], line["message"], line["level"]) == ("library_log", "it broke", "warning")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_addresses_and_keys_are_removed_from_logs(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    token, _, _ = generate_key()
    configure_logging("identity", log_format)  # type: ignore[arg-type]

    try:
        raise ValueError(f'Key (address)=("canary.one+tag"@example.com, canary.two@example.com) {token}')
    except ValueError:
        get_logger("here").exception("<canary.three@example.com>", action="x_failed", key=token)

    out = capsys.readouterr().out
    assert "x_failed" in out
    assert "canary.two" not in out
    assert "canary.three" not in out
    assert token[3:] not in out
    assert token[3:20] not in out


def test_a_traceback_does_not_contain_local_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("identity", "text")

    try:
        body = "canary"
        _ = len(body) / 0
    except ZeroDivisionError:
        get_logger("here").exception("failed", action="x_failed")

    assert "'canary'" not in capsys.readouterr().out.replace('body = "canary"', "")
