"""Names that read as a reserved word or a protected brand are never sent through the shared sender.

Requests pass through the service's own checks and From function. Disguised names must be replaced; ordinary
names must be sent as requested.
"""

import re
import unicodedata
from collections import Counter
from random import Random
from uuid import UUID

import pytest

from chassis.errors import InvalidArgument
from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec
from services.sender.model.emails import Address
from services.sender.model.impersonation import RESERVED, ProtectedNames
from services.sender.model.origin import STAND_IN, Domain, Sender, SharedSender, VerificationStatus
from services.sender.model.posting import Addressee, Candidate, decide
from services.sender.model.states import SentAs
from tests.figures import Figure
from tests.fuzz import disguises
from tests.fuzz.harness import NOW

TENANT_ID = UUID(int=0xACE0000)
SHARING = VerificationStatus("PENDING", ownership="SOLE", unready_policy="SHARED", shared_ready=True)
SHARED = SharedSender(
    "send.e2a.dev", "e2a", ProtectedNames(domain="send.e2a.dev", brands=(*disguises.BRANDS, "e2a"))
)
WORDS = sorted({*RESERVED, *disguises.BRANDS})
# The simplest comparison possible; whatever it finds is obvious to every reader.
_PLAIN = re.compile(r"[^a-z0-9]")
_LEET = str.maketrans("013458", "olease")


def from_of(shared: SharedSender, local_part: str, tenant_name: str) -> Address | None:
    """Return the From that a request results in; None if the request is rejected."""
    request = EmailSpec(
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
        made = draft(request, NOW)
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
    """Return the letters that a text shows at first sight."""
    folded = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    return _PLAIN.sub("", folded.translate(_LEET))


PLAIN_WORDS = {plain(word) for word in WORDS}


def impersonations_in(shared: SharedSender, random: Random, counts: Counter[str]) -> list[str]:
    """Return what one case sent that still reads as a protected word."""
    word = random.choice(WORDS)
    local_part, name = disguises.local_part(random, word), disguises.name(random, random.choice(WORDS))
    address = from_of(shared, local_part, name)
    if address is None:
        counts["rejected"] += 1
        return []
    counts["sent"] += 1
    sent_as, shown = address.address.partition("@")[0], address.name.removesuffix(" via e2a")
    return [
        *([f"local part {local_part!r}"] if sent_as != STAND_IN else []),
        *([f"name {name!r}"] if shown == name else []),
        *([f"plainly {shown!r}"] if {plain(sent_as), plain(shown)} & PLAIN_WORDS else []),
    ]


@pytest.mark.timeout(7200)  # the number of cases is an option
def test_no_disguised_name_is_sent(cases: int, seed: str, figure: Figure) -> None:
    counts, found, unchanged = Counter[str](), list[str](), 0
    cases //= 4  # each case checks two names and two local parts
    for number in range(cases):
        random = Random(f"{seed}:{number}")  # noqa: S311 -- reproducible, not secret
        found += impersonations_in(SHARED, random, counts)
        local_part, name = disguises.ordinary(random), disguises.ordinary(random).replace(".", " ")
        unchanged += from_of(SHARED, local_part, name) == Address(
            f"{local_part}@send.e2a.dev", f"{name} via e2a"
        )

    figure(
        f"shared sender, {cases} disguised Froms and names of seed {seed}: {counts['sent']} sent, "
        f"{counts['rejected']} rejected before, {len(found)} impersonated one of {len(WORDS)} words and "
        f"brands; {unchanged} of {cases} ordinary ones sent as requested"
    )
    assert found == []
    assert counts["sent"] > cases / 2
    assert unchanged > cases * 0.9


def test_a_plain_comparison_is_detected(seed: str, figure: Figure) -> None:
    """Check that the generator disguises well: a comparison letter by letter misses most of its cases."""

    class Plain(ProtectedNames):
        def takes_local_part(self, local_part: str) -> bool:
            return local_part.lower().partition("+")[0] in RESERVED

        def takes_name(self, name: str) -> bool:
            return name in disguises.BRANDS

    shared, counts = SharedSender("send.e2a.dev", "e2a", Plain()), Counter[str]()
    found = []
    for number in range(500):
        random = Random(f"{seed}:{number}")  # noqa: S311 -- reproducible, not secret
        found += impersonations_in(shared, random, counts)

    figure(f"shared sender, compared letter by letter: {len(found)} impersonations in 500 cases")
    assert len(found) > 250
