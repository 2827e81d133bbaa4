"""Threading headers that name an email by its id or by SES's, which no mail program knows. Pure.

They are replaced by the Message-ID that SES writes into that email.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from services.sender.commands.specs import EmailSpec
from services.sender.model.headers import MAX_REFERENCES

THREADING = frozenset({"in-reply-to", "references"})
# Without an @, so it is not a Message-ID. Ours have 36 characters, 32 without hyphens; SES's have 60.
_ID = re.compile(r"<?([0-9A-Za-z-]{32,100})>?")


def ids_in(request: EmailSpec) -> set[str]:
    """Return what may be the ids of emails in the threading headers of a request.

    Empty if the headers are longer than allowed: the request is rejected, and must not cost a large query.
    """
    if not (request.in_reply_to or request.references or request.headers):
        return set()
    headers = [value for name, value in request.headers.items() if name.lower() in THREADING]
    texts = (request.in_reply_to, *request.references, *headers)
    if sum(map(len, texts)) > len(THREADING) * MAX_REFERENCES:
        return set()
    return {found for text in texts for token in text.split() if (found := _id_of(token))}


def resolved(request: EmailSpec) -> EmailSpec:
    """Return the request with Message-IDs for the ids of `request.message_ids` that have one."""
    if not any(request.message_ids.values()):
        return request
    ids = request.message_ids
    return replace(
        request,
        in_reply_to=_replaced(request.in_reply_to, ids),
        references=[_replaced(each, ids) for each in request.references],
        headers={
            name: _replaced(value, ids) if name.lower() in THREADING else value
            for name, value in request.headers.items()
        },
    )


def has_unsent(text: str, message_ids: Mapping[str, str]) -> bool:
    """Return whether a text names an email that has no Message-ID yet."""
    return bool(message_ids) and any(message_ids.get(_id_of(token)) == "" for token in text.split())


def _replaced(text: str, message_ids: Mapping[str, str]) -> str:
    tokens = text.split()
    if not any(map(message_ids.get, map(_id_of, tokens))):
        return text
    return " ".join(message_ids.get(_id_of(token)) or token for token in tokens)


def _id_of(token: str) -> str:
    found = _ID.fullmatch(token)
    return found[1] if found else ""
