"""When a new claim has to prove itself, by what the DNS owner and all tenants did before it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from tests.histories.oracle import Seen
from tests.histories.stories import Place, Who

RETURNS_WITHIN = timedelta(days=7)


def proof_is_due(who: Who, place: Place, seen: Sequence[Seen], now: datetime, *, dkim_stands: bool) -> bool:
    """Say whether a claim made now has to prove itself; `dkim_stands`: its DKIM records are in DNS."""
    here = [each for each in seen if each.place is place]
    latest = _latest(here)
    if any(each.who is not who and each.live and each.ownership != "SUPERSEDED" for each in latest.values()):
        return True
    if place is Place.BOUNCES and _another_bounces_here(who, seen):
        return True
    if _returns(who, here, now):
        return False
    return dkim_stands or any(each.state == "READY" and each.who is not who for each in here)


def _another_bounces_here(who: Who, seen: Sequence[Seen]) -> bool:
    names = _latest([each for each in seen if each.place is Place.NAME])
    return any(each.live and each.who is not who for each in names.values())


def _returns(who: Who, here: Sequence[Seen], now: datetime) -> bool:
    """Say whether the last READY tenant comes back within a week of its own deletion, with no claim since."""
    ready = [each for each in here if each.state == "READY"]
    if not ready or ready[-1].who is not who:
        return False
    own = [each for each in here if each.claim_id == ready[-1].claim_id]
    left = next((each.at for each in own if not each.live), None)
    if left is None or now - left > RETURNS_WITHIN or any(each.ownership == "SUPERSEDED" for each in own):
        return False
    begun = _first(here)
    return not any(each.who is not who and each.at > left for each in begun.values())


def _latest(seen: Sequence[Seen]) -> dict[UUID, Seen]:
    return {each.claim_id: each for each in seen}


def _first(seen: Sequence[Seen]) -> dict[UUID, Seen]:
    first: dict[UUID, Seen] = {}
    for each in seen:
        first.setdefault(each.claim_id, each)
    return first
