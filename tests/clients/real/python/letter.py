"""What each client here sends: the test's setting from standard input, and the report of each call."""

import base64
import json
import sys
from typing import Any

SETTING: dict[str, Any] = json.load(sys.stdin)
LETTER: dict[str, Any] = SETTING["letter"]
FILE: dict[str, str] = SETTING["file"]
IMAGE: dict[str, str] = SETTING["image"]
TIMES: dict[str, str] = SETTING["times"]

# The parts of the letter that every client can express, as the delivered email must say them.
ESSENCE = {
    "from": [LETTER["from"]],
    "to": [LETTER["to"]],
    **{name: LETTER[name] for name in ("subject", "text", "html")},
}
FILE_MEANING = {name: FILE[name] for name in ("filename", "content", "content_type")}
IMAGE_MEANING = {name: IMAGE[name] for name in ("filename", "content", "content_id")}


def octets(attachment: dict[str, str]) -> bytes:
    """Return the content of an attachment."""
    return base64.b64decode(attachment["content"])


def sent(what: str, meaning: dict[str, Any], recipient: str = LETTER["to"]) -> None:
    """Report a call that sent an email: what the email that arrives at the recipient must say."""
    _report({"what": what, "mails": {recipient: meaning}})


def canceled(what: str, email_id: str) -> None:
    """Report calls after which the email must be read as canceled."""
    _report({"what": what, "id": email_id, "read": {"last_event": "canceled"}})


def scheduled(what: str, email_id: str) -> None:
    """Report a call after which the email must be read as scheduled."""
    _report({"what": what, "id": email_id, "read": {"last_event": "scheduled"}})


def called(what: str, calls: set[str], offered: set[str]) -> None:
    """Report which calls a client made, of those that it offers."""
    _report({"what": what, "called": sorted(calls), "offered": sorted(offered)})


def _report(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
