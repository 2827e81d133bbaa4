"""The oracle's rules for when a new claim must prove itself, from what happened before it. Pure functions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tests.histories.oracle import Seen
from tests.histories.stories import Target, Who

RETURNS_WITHIN = timedelta(days=7)


def proof_is_due(who: Who, target: Target, seen: Sequence[Seen], now: datetime, *, dkim_stands: bool) -> bool:
    """Return whether a claim created now must prove itself; `dkim_stands`: its DKIM records are in DNS."""
    here = [each for each in seen if each.target is target]
    latest = _latest(here)
    if any(each.who is not who and each.live and each.ownership != "SUPERSEDED" for each in latest.values()):
        return True
    if target is Target.BOUNCES and _is_mail_from_name_of_another(who, seen):
        return True
    if _returns(who, here, now):
        return False
    return dkim_stands or any(each.state == "READY" and each.who is not who for each in here)


def _is_mail_from_name_of_another(who: Who, seen: Sequence[Seen]) -> bool:
    names = _latest([each for each in seen if each.target is Target.NAME])
    return any(each.live and each.who is not who for each in names.values())


def _returns(who: Who, here: Sequence[Seen], now: datetime) -> bool:
    """Return whether the tenant was the last READY one and may return without proof.

    It may within a week of its own deletion, unless another tenant has claimed the name since.
    """
    ready = [each for each in here if each.state == "READY"]
    if not ready or ready[-1].who is not who:
        return False
    own = [each for each in here if each.claim_id == ready[-1].claim_id]
    deleted_at = next((each.at for each in own if not each.live), None)
    if deleted_at is None or now - deleted_at > RETURNS_WITHIN:
        return False
    if any(each.ownership == "SUPERSEDED" for each in own):
        return False
    return not any(each.who is not who and each.at > deleted_at for each in _first(here).values())


def _latest(seen: Sequence[Seen]) -> dict[UUID, Seen]:
    return {each.claim_id: each for each in seen}


def _first(seen: Sequence[Seen]) -> dict[UUID, Seen]:
    first: dict[UUID, Seen] = {}
    for each in seen:
        first.setdefault(each.claim_id, each)
    return first
