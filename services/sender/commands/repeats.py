"""Headers that repeat a field of the request, as mail libraries send them. Pure.

They are dropped if they say the same, and rejected if they contradict the field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.addresses import match_of, parse_recipient
from chassis.encoded_words import decoded
from chassis.field_reasons import BadValue
from chassis.mailboxes import mailboxes
from services.sender.commands.specs import EmailSpec, Pair

# By header: the field of the request.
FIELDS: Mapping[str, str] = {
    "from": "from",
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
    "reply-to": "reply_to",
    "subject": "subject",
}
OTHERS: Mapping[str, str] = {"mime-version": "1.0"}  # that every email has


def folded(request: EmailSpec) -> tuple[EmailSpec, dict[str, str]]:
    """Return the request without headers that repeat a field, and the contradicted fields by header."""
    repeats = {name: value for name, value in request.headers.items() if name.lower() in FIELDS}
    always = {name for name, value in request.headers.items() if OTHERS.get(name.lower()) == value.strip()}
    if not (repeats or always):
        return request, {}
    request = _with_reply_to(request, repeats)
    contradicted = {
        name: FIELDS[name.lower()]
        for name, value in repeats.items()
        if not _repeats(name.lower(), value, request)
    }
    headers = {name: value for name, value in request.headers.items() if name not in always | repeats.keys()}
    return replace(request, headers=headers), contradicted


def _with_reply_to(request: EmailSpec, repeats: Mapping[str, str]) -> EmailSpec:
    """Return the request with its Reply-To header as the field, if the field is empty."""
    values = [value for name, value in repeats.items() if name.lower() == "reply-to"]
    if request.reply_to or len(values) != 1:
        return request
    return replace(request, reply_to=[(each.address, each.name) for each in mailboxes(values[0])])


def _repeats(name: str, value: str, request: EmailSpec) -> bool:
    try:
        if name == "subject":
            return decoded(value).strip() == decoded(request.subject).strip()
        return _are_equal(mailboxes(value), _pairs(name, request))
    except BadValue:
        return False


def _pairs(name: str, request: EmailSpec) -> Sequence[Pair]:
    return {
        "from": [request.sender],
        "to": request.to,
        "cc": request.cc,
        "bcc": request.bcc,
        "reply-to": request.reply_to,
    }[name]


def _are_equal(repeated: Sequence[Pair], given: Sequence[Pair]) -> bool:
    """Return whether mailboxes are the same, in order; the repeated ones may leave out names."""
    return len(repeated) == len(given) and all(
        _match(one[0]) == _match(other[0]) and decoded(one[1]) in ("", decoded(other[1]))
        for one, other in zip(repeated, given, strict=True)
    )


def _match(address: str) -> str:
    return match_of(parse_recipient(address))
