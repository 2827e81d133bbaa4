"""Seeded DMARC records, about half of them with a mistake."""

import random

_TAGS = (
    ("sp=none", "sp=quarantine", "sp = reject", "SP=Reject"),
    ("np=reject", "np=none"),
    ("adkim=s", "adkim=r", "adkim=x"),
    ("aspf=s", "aspf = r"),
    ("t=y", "t=n", "T=Y"),
    ("rua=mailto:d@shop.com", "rua=mailto:d@shop.com,mailto:e@shop.com", "RUA = mailto:d@shop.com"),
    ("ruf=mailto:f@shop.com",),
    ("fo=1", "fo=d:s"),
    ("pct=50", "pct=100"),
    ("ri=86400", "rf=afrf"),
    ("x=1", "policy=none", "note=two words"),
)
_POLICIES = ("none", "quarantine", "reject", "None", "REJECT")
_WRONG_POLICIES = ("p=nonsense", "p=", "p", "p:none", "p=no ne", "p=none p=reject", "policy=none", "p==none")
_WRONG_TAGS = ("sp=nonsense", "np=block", "text", "=x", "sp", "p=reject", "P=none", "t=maybe", "fo=x")
_WRONG_STARTS = (
    "v=DMARC2",
    "v=dmarc1",
    " v=DMARC1",
    "v=DMARC1.0",
    "DMARC1",
    '"v=DMARC1',
    "v=DMARC1,",
    "v=DMARC1 p=none",
    "v=DMARC1\u00a0",
    "v:DMARC1",
    "p=none; v=DMARC1",
)


def a_record(rng: random.Random) -> str:
    """Return a random record."""
    tags = [rng.choice(each) for each in rng.sample(_TAGS, rng.choice((0, 0, 1, 2, 3, 5)))]
    policy = rng.choice(("p={}", "p={}", "p = {}", "P={}")).format(rng.choice(_POLICIES))
    mistake = rng.choice((None,) * 6 + ("policy", "no policy", "tag", "tag", "start"))
    if mistake != "no policy":
        policy = rng.choice(_WRONG_POLICIES) if mistake == "policy" else policy
        tags.insert(rng.choice((0, 0, 0, len(tags))), policy)
    if mistake == "tag":
        tags.insert(rng.randint(0, len(tags)), rng.choice(_WRONG_TAGS))
    start = (
        rng.choice(_WRONG_STARTS) if mistake == "start" else rng.choice(("v=DMARC1",) * 4 + ("V = DMARC1",))
    )
    separator = rng.choice(("; ", ";", " ; ", ";  ", ";\t"))
    return separator.join([start, *tags]) + rng.choice(("", ";", "; ", " ;"))
