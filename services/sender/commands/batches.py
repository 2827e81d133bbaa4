"""Several emails in one request: each is checked as if it came alone, and named by its index. Pure."""

from collections.abc import Sequence
from datetime import datetime

from chassis.errors import InvalidArgument, InvalidField
from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec
from services.sender.model.emails import Draft

MAX_EMAILS = 100


def check_items(own_ids: Sequence[str]) -> None:
    """Raise InvalidArgument for no emails, for too many, or for an email with its own id."""
    if not own_ids:
        raise InvalidField("emails", "MISSING")
    if len(own_ids) > MAX_EMAILS:
        raise InvalidField("emails", "TOO_MANY", count=len(own_ids), limit=MAX_EMAILS)
    for index, own_id in enumerate(own_ids):
        if own_id:
            raise InvalidField(f"emails[{index}]", "SET_PER_EMAIL")


def evaluate(requests: Sequence[EmailSpec], now: datetime) -> list[Draft | InvalidArgument]:
    """Return for each email a draft, or an error with everything that is wrong with it."""
    return [_checked(request, now, f"emails[{index}].") for index, request in enumerate(requests)]


def drafts_of(requests: Sequence[EmailSpec], now: datetime) -> list[Draft]:
    """Return the drafts; raise InvalidArgument with everything that is wrong with any of them."""
    checked = evaluate(requests, now)
    if wrong := [each for each in checked if isinstance(each, InvalidArgument)]:
        raise InvalidArgument(violations=[violation for each in wrong for violation in each.violations])
    return [each for each in checked if isinstance(each, Draft)]


def _checked(request: EmailSpec, now: datetime, path: str) -> Draft | InvalidArgument:
    try:
        return draft(request, now, path=path)
    except InvalidArgument as error:
        return error
