"""The suppression endpoints: add, get, list and remove, one or up to 100 at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from msgspec import Meta

from chassis.client import CallFailed
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1 import suppressions_pb2 as pb
from services.console.api import errors, models
from services.console.api.endpoints import ApiRequest, Endpoint, id_of
from services.console.api.errors import Rejected
from services.console.api.lists import QUERY, listing, page_of
from services.console.api.times import time_of

AT_ONCE = 8  # concurrent calls to sender per request

Origin: TypeAlias = Literal["bounce", "complaint", "manual"]

ORIGINS: Mapping[Origin, SuppressionReason.ValueType] = {
    "bounce": SuppressionReason.SUPPRESSION_REASON_BOUNCE,
    "complaint": SuppressionReason.SUPPRESSION_REASON_COMPLAINT,
    "manual": SuppressionReason.SUPPRESSION_REASON_MANUAL,
}
OF_REASON: Mapping[int, Origin] = {reason: origin for origin, reason in ORIGINS.items()}

Given = TypeVar("Given")
Result = TypeVar("Result")


class AddSuppression(models.Body):
    """An address to suppress."""

    email: str


class AddSuppressions(models.Body):
    """Addresses to suppress."""

    emails: models.Entries


class RemoveSuppressions(models.Body):
    """Suppressions to remove, either by address or by id."""

    emails: models.Entries | None = None
    ids: Annotated[list[models.Id], Meta(min_length=1, max_length=models.MOST_OF_BATCH)] | None = None


class SuppressionEntry(models.Answer):
    """A suppressed address as shown in lists. `source_id` is the email that caused it."""

    id: str
    email: str
    origin: Origin
    source_id: str | None
    created_at: str


class Suppression(SuppressionEntry, kw_only=True):
    """A suppressed address."""

    object: Literal["suppression"] = "suppression"


class SuppressionReference(models.Answer, kw_only=True):
    """The added suppression."""

    object: Literal["suppression"] = "suppression"
    id: str


class RemovedSuppression(SuppressionReference, kw_only=True):
    """The removed suppression."""

    deleted: bool = True


class Suppressions(models.Answer):
    """The added suppressions; duplicate addresses are returned once."""

    data: list[SuppressionReference]


class RemovedSuppressions(models.Answer):
    """The removed suppressions; addresses that were not suppressed are left out."""

    data: list[RemovedSuppression]


async def add(incoming: ApiRequest) -> SuppressionReference:
    """Suppress an address. An address that is already suppressed is not changed."""
    return await _add(incoming, incoming.body(AddSuppression).email)


async def list_(incoming: ApiRequest) -> models.Listing[SuppressionEntry]:
    """List suppressed addresses, newest first, of one origin or all."""
    request = pb.ListSuppressionsRequest(reasons=_reasons(incoming.query), **page_of(incoming.query))
    found = await incoming.call(incoming.stubs.suppressions.ListSuppressions, request)
    return listing(found, found.suppressions, _entry)


async def get(incoming: ApiRequest) -> Suppression:
    """Retrieve a suppression by its id or its address."""
    request = pb.GetSuppressionRequest(**_named(incoming.path["suppression"]))
    found = (await incoming.call(incoming.stubs.suppressions.GetSuppression, request)).suppression
    return Suppression(**_shown(found))


async def remove(incoming: ApiRequest) -> RemovedSuppression:
    """Remove a suppression by its id or its address."""
    return await _remove(incoming, _named(incoming.path["suppression"]))


async def add_batch(incoming: ApiRequest) -> Suppressions:
    """Suppress up to 100 addresses."""
    added = await _each(incoming, _add, incoming.body(AddSuppressions).emails, "emails")
    return Suppressions(data=list({each.id: each for each in added}.values()))


async def remove_batch(incoming: ApiRequest) -> RemovedSuppressions:
    """Remove up to 100 suppressions. Addresses that are not suppressed are ignored."""
    body = incoming.body(RemoveSuppressions)
    if (body.emails is None) == (body.ids is None):
        raise Rejected(errors.INVALID, "Set either `emails` or `ids`, not both.")
    named = [{"address": each} for each in body.emails or ()]
    named += [{"suppression_id": id_of(f"ids[{i}]", each)} for i, each in enumerate(body.ids or ())]
    removed = await _each(incoming, _remove_if_there, named, "emails")
    return RemovedSuppressions(data=[each for each in removed if each is not None])


async def _add(incoming: ApiRequest, email: str) -> SuppressionReference:
    request = pb.AddSuppressionRequest(address=email.strip())
    added = (await incoming.call(incoming.stubs.suppressions.AddSuppression, request)).suppression
    return SuppressionReference(id=added.id)


async def _remove(incoming: ApiRequest, named: Mapping[str, str]) -> RemovedSuppression:
    request = pb.RemoveSuppressionRequest(**named)
    removed = (await incoming.call(incoming.stubs.suppressions.RemoveSuppression, request)).suppression
    return RemovedSuppression(id=removed.id)


async def _remove_if_there(incoming: ApiRequest, named: Mapping[str, str]) -> RemovedSuppression | None:
    try:
        return await _remove(incoming, named)
    except CallFailed as failure:
        if failure.reason != "SUPPRESSION_NOT_FOUND":
            raise
        return None


async def _each(
    incoming: ApiRequest,
    act: Callable[[ApiRequest, Given], Awaitable[Result]],
    given: Iterable[Given],
    field: str,
) -> list[Result]:
    """Apply `act` to each item of a field, a few at once. Stop at the first error; a retry is safe."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(index: int, each: Given) -> Result:
        async with slots:
            try:
                return await act(incoming, each)
            except CallFailed as failure:
                raise failure.of(f"{field}[{index}]") from None

    tasks = [asyncio.ensure_future(one(index, each)) for index, each in enumerate(given)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _named(text: str) -> dict[str, str]:
    """Return the request field for the last part of the path, an address or an id."""
    if "@" in text:
        return {"address": text}
    return {"suppression_id": id_of("suppression", text)}


def _reasons(query: Mapping[str, str]) -> list[SuppressionReason.ValueType]:
    origin = query.get("origin", "")
    if not origin:
        return []
    for name, reason in ORIGINS.items():
        if name == origin:
            return [reason]
    raise Rejected(errors.INVALID, f"`origin` must be one of {', '.join(ORIGINS)}.")


def _entry(suppression: pb.Suppression) -> SuppressionEntry:
    return SuppressionEntry(**_shown(suppression))


def _shown(suppression: pb.Suppression) -> dict[str, Any]:
    return {
        "id": suppression.id,
        "email": suppression.address,
        "origin": OF_REASON.get(suppression.reason, "manual"),
        "source_id": suppression.email_id or None,
        "created_at": time_of(suppression.create_time),
    }


ENDPOINTS = (
    Endpoint("POST", "/suppressions", add, SuppressionReference, body=AddSuppression),
    Endpoint(
        "GET", "/suppressions", list_, models.Listing[SuppressionEntry], query=(*QUERY, "origin")
    ),
    Endpoint("POST", "/suppressions/batch/add", add_batch, Suppressions, body=AddSuppressions),
    Endpoint(
        "POST", "/suppressions/batch/remove", remove_batch, RemovedSuppressions,
        body=RemoveSuppressions,
    ),
    Endpoint("GET", "/suppressions/{suppression}", get, Suppression),
    Endpoint("DELETE", "/suppressions/{suppression}", remove, RemovedSuppression),
)  # fmt: skip
