"""Resend's Python SDK: every call about webhooks, waited for and awaited, with pages where it has them."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import resend
from resend.exceptions import ResendError

from tests.clients.real.python.letter import LETTER, SETTING, called

sdk: Any = resend
sdk.api_url = SETTING["url"]
sdk.api_key = SETTING["key"]

RECEIVER = SETTING["receiver"]
OFFERED = {name for name, _ in inspect.getmembers(sdk.Webhooks, inspect.ismethod) if not name.startswith("_")}
done: set[str] = set()


def call(name: str, *given: Any) -> Any:
    """Make a call and return its result, that of an asynchronous one too."""
    done.add(name)
    result = getattr(sdk.Webhooks, name)(*given)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.5)


def ids(listing: dict[str, Any]) -> list[str]:
    return [each["id"] for each in listing["data"]]


def manage(suffix: str) -> list[str]:
    """Create webhooks, list, change and rotate them; return their ids, that of an enabled one first."""
    events = ["email.sent"]
    first, second, third = (
        call(f"create{suffix}", {"endpoint": f"{RECEIVER}/{number}", "events": events}) for number in range(3)
    )
    newest = call(f"list{suffix}", {"limit": 2})
    assert (ids(newest), newest["has_more"]) == ([third["id"], second["id"]], True)
    assert ids(call(f"list{suffix}", {"limit": 1, "after": second["id"]})) == [first["id"]]
    assert ids(call(f"list{suffix}", {"before": second["id"]})) == [third["id"]]

    changes = {"endpoint": f"{RECEIVER}/4", "events": ["email.bounced"], "status": "disabled"}
    for each in (second, third):
        call(f"update{suffix}", {"webhook_id": each["id"], **changes})
    updated = call(f"get{suffix}", second["id"])
    assert {name: updated[name] for name in changes} == changes
    assert updated["signing_secret"] == second["signing_secret"]
    rotated = call(f"rotate_signing_secret{suffix}", first["id"])
    assert rotated["signing_secret"] != first["signing_secret"]
    assert call(f"get{suffix}", first["id"])["signing_secret"] == rotated["signing_secret"]
    return [first["id"], second["id"], third["id"]]


def read_and_replay(suffix: str, webhook_id: str) -> None:
    """Send three emails; read the events about them, and have one posted again."""
    for _ in range(3):
        sdk.Emails.send({name: LETTER[name] for name in ("from", "to", "subject", "text")})

    def listed(**given: Any) -> Any:
        return call(f"list_events{suffix}", webhook_id, given)

    until(lambda: [each["status"] for each in listed()["data"]] == ["success"] * 3)
    page = listed(limit=2)
    rest = listed(limit=2, after=page["data"][1]["id"])
    assert (len(page["data"]), page["has_more"], len(rest["data"]), rest["has_more"]) == (2, True, 1, False)

    of = (webhook_id, rest["data"][0]["id"])
    event = call(f"get_event{suffix}", *of)
    assert (event["object"], event["type"], event["payload"]["type"]) == (
        "webhook_event", "email.sent", "email.sent",
    )  # fmt: skip
    assert call(f"replay_event{suffix}", *of)["id"] == event["id"]
    until(lambda: len(call(f"list_event_attempts{suffix}", *of)["data"]) == 2)
    newest = call(f"list_event_attempts{suffix}", *of, {"limit": 1})
    assert (newest["data"][0]["http_status_code"], newest["has_more"]) == (200, True)
    older = call(f"list_event_attempts{suffix}", *of, {"limit": 1, "after": newest["data"][0]["id"]})
    assert older["has_more"] is False


def remove(suffix: str, webhook_ids: list[str]) -> None:
    """Remove webhooks; the first cannot be read afterwards."""
    for each in webhook_ids:
        assert call(f"remove{suffix}", each)["deleted"] is True
    try:
        call(f"get{suffix}", webhook_ids[0])
    except ResendError as error:
        assert error.error_type == "not_found"  # noqa: PT017 - this is not a test, but a program that one runs
    else:
        raise AssertionError("a removed webhook can be read")


for suffix in ("", "_async"):
    webhook_ids = manage(suffix)
    read_and_replay(suffix, webhook_ids[0])
    remove(suffix, webhook_ids)
called("every call about webhooks", done, OFFERED)
