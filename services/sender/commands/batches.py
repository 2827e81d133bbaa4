"""Several emails of one request: each is judged as if it came alone, and named by its place. Pure."""

from collections.abc import Sequence
from datetime import datetime

from chassis.errors import InvalidArgument, InvalidField
from services.sender.commands.drafts import Wish, draft
from services.sender.model.emails import Draft

MAX_EMAILS = 100


def check_items(own_ids: Sequence[str]) -> None:
    """Raise InvalidArgument for too many or none, or for one with an id of its own that is not empty."""
    if not 1 <= len(own_ids) <= MAX_EMAILS:
        raise InvalidField("emails", f"has {len(own_ids)} emails; 1 to {MAX_EMAILS} are allowed")
    for index, own_id in enumerate(own_ids):
        if own_id:
            problem = "has a request_id or tenant_id of its own; give them once, beside emails"
            raise InvalidField(f"emails[{index}]", problem)


def judge(wishes: Sequence[Wish], now: datetime) -> list[Draft | InvalidArgument]:
    """Give for each a draft, or all that is wrong with it."""
    return [_judged(wish, now, f"emails[{index}].") for index, wish in enumerate(wishes)]


def drafts_of(wishes: Sequence[Wish], now: datetime) -> list[Draft]:
    """Give the drafts; raises InvalidArgument with everything that is wrong with any."""
    judged = judge(wishes, now)
    if wrong := [each for each in judged if isinstance(each, InvalidArgument)]:
        raise InvalidArgument(violations=[violation for each in wrong for violation in each.violations])
    return [each for each in judged if isinstance(each, Draft)]


def _judged(wish: Wish, now: datetime, path: str) -> Draft | InvalidArgument:
    try:
        return draft(wish, now, path=path)
    except InvalidArgument as error:
        return error
