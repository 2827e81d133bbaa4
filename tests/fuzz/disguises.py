"""Protected words in disguise: what somebody would call himself to be taken for the operator or for a brand.

Each disguise keeps a word readable to a person in passing. None of them knows how the service compares.
"""

from collections.abc import Callable
from random import Random

BRANDS = ("PayPal", "Acme Bank", "Stripe", "Mnexa Pay", "Zalando")
FILLERS = ("team", "the", "department", "customer", "your", "online")
ORDINARY = ("agent", "ada", "bot7", "x", "acme", "inbox", "mnexa", "hello", "42")
# As people write them, and as look-alike letters of other scripts are typed.
LEET = {
    "a": "4",
    "b": "8",
    "e": "3",
    "g": "9",
    "i": "1!|",
    "l": "1|",
    "o": "0",
    "s": "5$",
    "t": "7",
    "z": "2",
}
CYRILLIC = dict(
    zip("aceijopsxy", "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443", strict=True)
)
MARKS = "\u0301\u0308\u0327"
HIDDEN = "\u00ad\u200d"

Disguise = Callable[[Random, str], str]


def local_part(random: Random, word: str) -> str:
    """Give a local part that reads as a word: in ASCII, as any local part is."""
    text = _bent(random, word.replace(" ", random.choice("-._")), (leet, separated, doubled, cased, as_it_is))
    return f"{_before(random)}{text}{_after(random)}"


def name(random: Random, word: str) -> str:
    """Give a display name that reads as a word."""
    bends = (leet, separated, doubled, cased, as_it_is, cyrillic, accented, wide, hidden)
    text = _bent(random, word, bends)
    return " ".join([*random.choices(FILLERS, k=random.choice((0, 0, 1))), text])


def ordinary(random: Random) -> str:
    """Give what nobody minds."""
    return random.choice("-._+").join(random.sample(ORDINARY, k=random.choice((1, 1, 2))))


def _bent(random: Random, word: str, bends: tuple[Disguise, ...]) -> str:
    return random.choice(bends)(random, random.choice((cased, as_it_is))(random, word))


def leet(random: Random, word: str) -> str:
    return "".join(
        random.choice(LEET.get(sign.lower(), sign)) if random.random() < 0.5 else sign for sign in word
    )


def separated(random: Random, word: str) -> str:
    at = random.randint(1, len(word) - 1)
    return random.choice((f"{word[:at]}-{word[at:]}", f"{word[:at]}_{word[at:]}", "-".join(word)))


def doubled(random: Random, word: str) -> str:
    at = random.randrange(len(word))
    return word[:at] + word[at] + word[at:] if word[at].isalpha() else word


def cased(random: Random, word: str) -> str:
    return "".join(random.choice((sign.upper(), sign.lower())) for sign in word)


def as_it_is(_: Random, word: str) -> str:
    return word


def cyrillic(random: Random, word: str) -> str:
    return "".join(CYRILLIC.get(sign, sign) if random.random() < 0.7 else sign for sign in word.lower())


def accented(random: Random, word: str) -> str:
    at = random.randint(1, len(word))
    return word[:at] + random.choice(MARKS) + word[at:]


def wide(_: Random, word: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in word)


def hidden(random: Random, word: str) -> str:
    at = random.randint(1, len(word) - 1)
    return word[:at] + random.choice(HIDDEN) + word[at:]


def _before(random: Random) -> str:
    return random.choice(("", "", f"{random.choice(ORDINARY)}."))


def _after(random: Random) -> str:
    return random.choice(("", "", f"-{random.choice(ORDINARY)}", "+1", "24"))
