"""Generates hostile email requests, each only from a seed and its number.

Every case starts as an ordinary email; up to three of its fields are then mutated with pieces that have
forged a From or injected a header before.
"""

from collections.abc import Callable
from dataclasses import replace
from email.header import Header
from random import Random

from services.sender.commands.specs import EmailSpec, File, Pair
from services.sender.model.headers import Unsubscribe
from tests.fuzz import pieces


def spec(random: Random) -> EmailSpec:
    """Return one email request."""
    request = _Request(random)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
        random.choice(_MUTATIONS)(random, request)
    return request.spec()


class _Request:
    """A request under construction; ordinary at first, with the variety of real names and texts."""

    def __init__(self, random: Random) -> None:
        self.sender: Pair = (f"{_atom(random)}@{pieces.OWN_DOMAIN}", _name(random))
        self.lists: dict[str, list[Pair]] = {
            "to": _recipients(random, 1, 2),
            "cc": _recipients(random, 0, 1),
            "bcc": _recipients(random, 0, 1),
            "reply_to": _pairs(random, 0, 1),
        }
        self.subject = _text(random)
        self.text: str | None = _text(random) or "Good day."
        self.html = random.choice(("", "", f"<p>{_text(random)}</p>"))
        if self.html and random.random() < 0.3:
            self.text = None  # made from the HTML
        self.headers = dict.fromkeys(random.sample(pieces.ALLOWED_HEADERS, random.randrange(3)), "17")
        if random.random() < 0.2:
            self.headers["X-Name"] = _header_value(random)
        self.files = _files(random)
        self.unsubscribe = _unsubscribe(random) if random.random() < 0.1 else None
        self.in_reply_to = f"<{_address(random)}>" if random.random() < 0.1 else ""
        self.references = [f"<{_address(random)}>"] * random.choice((0, 0, 0, 1, 3))

    def spec(self) -> EmailSpec:
        return EmailSpec(
            sender=self.sender,
            subject=self.subject,
            text=self.text,
            html=self.html,
            headers=self.headers,
            tags={},
            files=self.files,
            unsubscribe=self.unsubscribe,
            in_reply_to=self.in_reply_to,
            references=self.references,
            to=self.lists["to"],
            cc=self.lists["cc"],
            bcc=self.lists["bcc"],
            reply_to=self.lists["reply_to"],
        )


def _atom(random: Random) -> str:
    word = "".join(random.choices(pieces.ATEXT, k=random.randint(1, 12)))
    return f"{word}.{random.choice(pieces.ATEXT)}" if random.random() < 0.2 else word


def _address(random: Random) -> str:
    return f"{_atom(random)}@{random.choice(pieces.DOMAINS)}"


def _pairs(random: Random, least: int, most: int) -> list[Pair]:
    return [(_address(random), _name(random)) for _ in range(random.randint(least, most))]


def _recipients(random: Random, least: int, most: int) -> list[Pair]:
    """Return mailboxes, some of which only a recipient may have: with any name, or with dots anywhere."""
    pairs = _pairs(random, least, most)
    if random.random() < 0.1:
        pairs += [(f"{_atom(random)}..{_atom(random)}@{random.choice(pieces.DOMAINS)}", _name(random))]
    if random.random() < 0.1:
        address = _address(random)
        pairs += [(address, random.choice((address, f"<{address}>", f"{pieces.FORGED}, {address}")))]
    return pairs


def _name(random: Random) -> str:
    kind = random.randrange(5)
    if kind == 0:
        return ""
    if kind == 1:
        return random.choice(pieces.SCRIPTS)
    if kind == 2:
        return _inserted(random, "Pat O'Brien", random.choice("(),:;\\\".[]'=?"))
    return random.choice(pieces.ORDINARY_NAMES)


def _header_value(random: Random) -> str:
    """Return text of any script, sometimes as mail libraries encode it."""
    text = random.choice(pieces.SCRIPTS)
    return text if random.random() < 0.5 else Header(text, "utf-8", maxlinelen=40).encode(linesep="\r\n")


def _files(random: Random) -> list[File]:
    """Return files; inline ones have a content_id, and no two have the same."""
    files = [_file(random) for _ in range(random.choice((0, 0, 0, 1, 2, 3)))]
    shown = {file.content_id: file for file in files if file.content_id}
    return [file for file in files if not file.content_id] + list(shown.values())


def _file(random: Random) -> File:
    content = random.choice((b"", b"\0\xff\r\n" * 20, b"--=_part\r\n", b"plain\n", pieces.CALENDAR))
    content_id = random.choice(("", "", "logo", "a.b@c"))
    return File(random.choice(pieces.FILE_NAMES), random.choice(pieces.MEDIA_TYPES), content_id, content)


def _unsubscribe(random: Random) -> Unsubscribe:
    mailto = random.choice(("", _address(random)))
    return Unsubscribe(random.choice(pieces.URLS), mailto, one_click=random.random() < 0.5)


def _text(random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        return random.choice(pieces.SCRIPTS) * random.randint(1, 30)
    if kind == 1:
        return "".join(random.choices('ab =?.,-"<>:;()\\', k=random.randint(1, 200))).strip()
    return random.choice(pieces.ORDINARY_TEXTS)


def _inserted(random: Random, text: str, piece: str) -> str:
    """Return a text with a piece inserted anywhere, including its ends."""
    at = random.choice((0, len(text), random.randint(0, len(text))))
    return text[:at] + piece + text[at:]


def _anything(random: Random) -> str:
    """Return a piece that has caused harm somewhere, or any character."""
    kind = random.choice(pieces.PIECES)
    if random.random() < 0.9:
        return random.choice(kind)
    return chr(random.choice((random.randrange(0x250), random.randrange(0xE000, 0x110000))))


def _mutated_address(random: Random) -> str:
    plain, other = _address(random), random.choice((pieces.FORGED, _address(random)))
    if random.random() < 0.2:
        return _inserted(random, plain, _anything(random))
    local, _, domain = plain.rpartition("@")
    shape = random.choice(pieces.ADDRESS_SHAPES)
    return shape.format(plain=plain, other=other, local=local, domain=domain)


def _mutated_name(random: Random) -> str:
    return _inserted(random, _name(random), _anything(random))


def _mutated_text(random: Random) -> str:
    return _inserted(random, _text(random), _anything(random))


def _mutated_body(random: Random) -> str:
    return _inserted(random, _text(random), random.choice((*pieces.BODY_PIECES, _anything(random))))


def _mutate_sender(random: Random, request: _Request) -> None:
    address, name = request.sender
    kind = random.randrange(3)
    request.sender = (
        _mutated_address(random) if kind != 1 else address,
        _mutated_name(random) if kind != 0 else name,
    )


def _mutate_list(random: Random, request: _Request) -> None:
    pairs = request.lists[random.choice(("to", "cc", "bcc", "reply_to"))]
    if random.random() < 0.3:
        pairs.append((_mutated_address(random), _name(random)))
    else:
        pairs.append((_address(random), _mutated_name(random)))


def _mutate_file(random: Random, request: _Request) -> None:
    file, piece = _file(random), _anything(random)
    request.files.append(
        replace(
            file,
            **random.choice(
                (
                    {"file_name": _inserted(random, file.file_name, piece)},
                    {"content_type": _inserted(random, file.content_type, piece)},
                    {"content_id": _inserted(random, file.content_id, piece)},
                    {"content": piece.encode()},
                )
            ),
        )
    )


def _mutate_typed(random: Random, request: _Request) -> None:
    made, piece = _unsubscribe(random), _anything(random)
    request.unsubscribe = random.choice(
        (
            replace(made, url=_inserted(random, made.url, piece)),
            replace(made, mailto=_mutated_address(random)),
        )
    )
    mutated = _inserted(random, f"<{_address(random)}>", _anything(random))
    request.in_reply_to, request.references = random.choice(
        ((mutated, []), ("", [mutated]), (mutated, [mutated]))
    )


def _mutate_subject(random: Random, request: _Request) -> None:
    request.subject = _mutated_text(random)


def _mutate_body(random: Random, request: _Request) -> None:
    request.text = _mutated_body(random)
    if random.random() < 0.5:
        request.html = _mutated_body(random)


def _mutate_value(random: Random, request: _Request) -> None:
    request.headers[random.choice(pieces.ALLOWED_HEADERS)] = _mutated_text(random) or "x"


def _mutate_header(random: Random, request: _Request) -> None:
    name = random.choice(pieces.FORBIDDEN_HEADERS)
    kind = random.randrange(4)
    if kind == 1:
        name = "".join(random.choice((str.upper, str.lower))(letter) for letter in name)
    elif kind == 2:
        name = _inserted(random, name, random.choice((*pieces.INSIDE_HEADER_NAMES, _anything(random))))
    elif kind == 3:
        name = _inserted(random, random.choice(pieces.ALLOWED_HEADERS), _anything(random))
    request.headers[name] = random.choice((pieces.FORGED, "value", _mutated_text(random)))


_MUTATIONS: tuple[Callable[[Random, _Request], None], ...] = (
    _mutate_sender, _mutate_sender, _mutate_list, _mutate_subject, _mutate_body, _mutate_value,
    _mutate_header, _mutate_file, _mutate_typed,
)  # fmt: skip
