"""What a delivered email says, read by a parser that knows nothing of how the email was built."""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sandbox.client import Json

ADDRESSES = ("from", "to", "cc", "reply_to")


def meaning_of(raw: bytes, wanted: Json) -> Json:
    """Return what an email says about each key of `wanted`, in the same form.

    `from`, `to`, `cc` and `reply_to` are lists of `Name <address>`, or of bare addresses where `wanted` has
    no names. `text`, `html` and `calendar` are the bodies of that kind, None for an absent one; `headers` has
    the named headers, None for an absent one; `attachments` is a list, each with the keys that `wanted` has.
    """
    email = message_from_bytes(raw, policy=policy.default)
    return {name: _read(email, name, value) for name, value in wanted.items()}


def _read(email: EmailMessage, name: str, wanted: Any) -> Any:
    if name in ADDRESSES:
        return _addresses(email, name.replace("_", "-"), with_names=any("<" in each for each in wanted))
    if name == "headers":
        return {header: email.get(header) for header in wanted}
    if name in ("text", "html"):
        return _body(email, "text/plain" if name == "text" else "text/html")
    if name == "calendar":
        return _body(email, "text/calendar")
    if name == "attachments":
        return _attachments(email, wanted)
    return email.get(name)


def _addresses(email: EmailMessage, header: str, *, with_names: bool) -> list[str]:
    values = email.get_all(header, [])
    addresses = [address for value in values for address in value.addresses]
    return [
        f"{each.display_name} <{each.addr_spec}>" if with_names and each.display_name else each.addr_spec
        for each in addresses
    ]


def _body(email: EmailMessage, content_type: str) -> str | None:
    for part in email.walk():
        if part.get_content_type() == content_type and not part.get_content_disposition():
            return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")
    return None


def _attachments(email: EmailMessage, wanted: list[Json]) -> list[Json]:
    """Return the attachments in the order of `wanted`, then all others; their order in an email is free."""
    keys = {each["filename"]: each for each in wanted}
    order = list(keys)
    found = [_attachment(part) for part in email.walk() if part.get_content_disposition()]
    found.sort(key=lambda each: order.index(each["filename"]) if each["filename"] in keys else len(order))
    return [{key: each[key] for key in keys.get(each["filename"], each)} for each in found]


def _attachment(part: EmailMessage) -> Json:
    content: Any = part.get_payload(decode=True)
    content_id = part.get("content-id")
    return {
        "filename": part.get_filename(),
        "content": base64.b64encode(content).decode(),
        "content_type": part.get_content_type(),
        "content_id": str(content_id).strip().strip("<>") if content_id else None,
        "disposition": part.get_content_disposition(),
    }
