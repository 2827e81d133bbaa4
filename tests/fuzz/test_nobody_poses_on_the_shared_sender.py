"""Nothing that reads as a reserved word or a protected brand leaves through the shared sender.

The way is the service's own: checks, From function, the letter's From. What is disguised here must come out
as a stand-in; what is ordinary must come out as it was asked for.
"""

import re
import unicodedata
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from services.sender.commands.drafts import Wish, draft
from services.sender.model.emails import Address, SentAs
from services.sender.model.impersonation import RESERVED, ProtectedNames
from services.sender.model.origin import STAND_IN, Domain, Sender, SharedSender, Standing
from services.sender.model.posting import Addressee, Candidate, decide
from tests.figures import Figure
from tests.fuzz import disguises
from tests.fuzz.harness import NOW

TENANT_ID = UUID(int=0xACE0000)
SHARING = Standing("PENDING", ownership="SOLE", unready_policy="SHARED", shared_ready=True)
SHARED = SharedSender(
    "send.e2a.dev", "e2a", ProtectedNames(domain="send.e2a.dev", brands=(*disguises.BRANDS, "e2a"))
)
WORDS = sorted({*RESERVED, *disguises.BRANDS})
# As plain as comparing can be: what this finds, anybody would.
_PLAIN = re.compile(r"[^a-z0-9]")
_LEET = str.maketrans("013458", "olease")


def leaves_as(shared: SharedSender, local_part: str, tenant_name: str) -> Address | None:
    """The From of an email, all the way from the request; None for one that is refused before."""
    asked = Wish(
        sender=(f"{local_part}@unproven.com", ""),
        to=[("reader@example.com", "")],
        cc=[],
        bcc=[],
        reply_to=[],
        subject="Hello",
        text="Hello",
        html="",
        headers={},
        tags={},
    )
    try:
        made = draft(asked, NOW)
    except InvalidArgument:
        return None
    to = [Addressee(0, each.kind, each.address, suppressed=False) for each in made.recipients]
    candidate = Candidate(UUID(int=1), TENANT_ID, UUID(int=2), made.sender, made.content, 0, NOW, to)
    sender = decide(
        candidate, Domain(UUID(int=2), TENANT_ID, "unproven.com", None, SHARING, tenant_name), shared
    )
    assert isinstance(sender, Sender)
    assert sender.sent_as is SentAs.SHARED
    return sender.address


def plain(text: str) -> str:
    """How a child would read it."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    return _PLAIN.sub("", folded.translate(_LEET))


PLAIN_WORDS = {plain(word) for word in WORDS}


def posing(shared: SharedSender, random: Random, counts: Counter[str]) -> list[str]:
    """What of one case left as the word that it reads as."""
    word = random.choice(WORDS)
    local_part, name = disguises.local_part(random, word), disguises.name(random, random.choice(WORDS))
    address = leaves_as(shared, local_part, name)
    if address is None:
        counts["refused"] += 1
        return []
    counts["left"] += 1
    left_as, shown = address.address.partition("@")[0], address.name.removesuffix(" via e2a")
    return [
        *([f"local part {local_part!r}"] if left_as != STAND_IN else []),
        *([f"name {name!r}"] if shown == name else []),
        *([f"plainly {shown!r}"] if {plain(left_as), plain(shown)} & PLAIN_WORDS else []),
    ]


@pytest.mark.timeout(7200)  # as many cases as one asks for
def test_no_disguise_leaves_the_shared_sender(cases: int, seed: str, figure: Figure) -> None:
    counts, posed, kept = Counter[str](), list[str](), 0
    cases //= 4  # each is two names and two local parts
    for number in range(cases):
        random = Random(f"{seed}:{number}")  # noqa: S311 -- to be had again, not to be secret
        posed += posing(SHARED, random, counts)
        local_part, name = disguises.ordinary(random), disguises.ordinary(random).replace(".", " ")
        kept += leaves_as(SHARED, local_part, name) == Address(
            f"{local_part}@send.e2a.dev", f"{name} via e2a"
        )

    figure(
        f"shared sender, {cases} disguised From and names of seed {seed}: {counts['left']} left, "
        f"{counts['refused']} refused before, {len(posed)} posed as one of {len(WORDS)} words and brands; "
        f"{kept} of {cases} ordinary ones left as asked for"
    )
    assert posed == []
    assert counts["left"] > cases / 2
    assert kept > cases * 0.9


def test_a_plain_comparison_is_seen(seed: str, figure: Figure) -> None:
    """The generator is worth its name: what compares letter by letter lets much of it pass."""

    class Plain(ProtectedNames):
        def takes_local_part(self, local_part: str) -> bool:
            return local_part.lower().partition("+")[0] in RESERVED

        def takes_name(self, name: str) -> bool:
            return name in disguises.BRANDS

    shared, counts = SharedSender("send.e2a.dev", "e2a", Plain()), Counter[str]()
    posed = [each for number in range(500) for each in posing(shared, Random(f"{seed}:{number}"), counts)]  # noqa: S311 -- as above

    figure(f"shared sender, compared letter by letter: {len(posed)} of 500 cases posed")
    assert len(posed) > 250
