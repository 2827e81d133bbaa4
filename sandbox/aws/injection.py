"""Synthetic events about an accepted email that a test injects, such as opens, clicks and bounces."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.aws import reports
from sandbox.aws.emails import Email
from sandbox.aws.reports import Block, Response
from sandbox.aws.times import milliseconds


def made_up(email: Email, event_type: str, details: dict[str, Any], now: datetime) -> Block:
    """Return the event's block: the defaults of its type, overridden by `details` in SES's spelling.

    `recipients` among the details limits a bounce, complaint, delivery or delay to these recipients.
    """
    recipients = [str(one) for one in details.pop("recipients", email.recipients)]
    usual = _USUAL.get(event_type)
    return (usual(email, recipients, now) if usual else {}) | details


def _opened(_email: Email, _recipients: list[str], now: datetime) -> Block:
    return {"timestamp": milliseconds(now), "ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0 (sandbox)"}


def _clicked(email: Email, recipients: list[str], now: datetime) -> Block:
    return _opened(email, recipients, now) | {"link": "https://example.com/", "linkTags": None}


def _bounced(_email: Email, recipients: list[str], now: datetime) -> Block:
    responses = [Response(recipient, 550, "5.1.1 user unknown") for recipient in recipients]
    return reports.bounced("Permanent", "General", responses, now)


def _delivered(email: Email, recipients: list[str], now: datetime) -> Block:
    responses = [Response(recipient, 250, "2.6.0 Message received") for recipient in recipients]
    return reports.delivery(email, responses, reports.OUTGOING_IP, now)


def _delayed(email: Email, recipients: list[str], now: datetime) -> Block:
    return reports.delay(email, [Response(one, 451, "4.4.1 Try again later") for one in recipients], now)


def _rejected(_email: Email, _recipients: list[str], _now: datetime) -> Block:
    return {"reason": "Bad content"}


def _failed(_email: Email, _recipients: list[str], _now: datetime) -> Block:
    return {
        "templateName": "sandbox",
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
    }


_USUAL: dict[str, Callable[[Email, list[str], datetime], Block]] = {
    "Open": _opened,
    "Click": _clicked,
    "Bounce": _bounced,
    "Complaint": reports.complaint,
    "Delivery": _delivered,
    "DeliveryDelay": _delayed,
    "Reject": _rejected,
    "Rendering Failure": _failed,
}
