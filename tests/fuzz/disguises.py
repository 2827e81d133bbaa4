"""Disguises of protected words: names by which a tenant could pass for the operator or a brand.

Each disguise leaves a word readable at a glance. None of them depends on how the service compares names.
"""

from collections.abc import Callable
from random import Random

BRANDS = ("PayPal", "Acme Bank", "Stripe", "Mnexa Pay", "Zalando")
FILLERS = ("team", "the", "department", "customer", "your", "online")
ORDINARY = ("agent", "ada", "bot7", "x", "acme", "inbox", "mnexa", "hello", "42")
# Digits and symbols that people use as letters; CYRILLIC has look-alike letters of another script.
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
    """Return an ASCII local part that reads as a word."""
    text = _disguised(
        random, word.replace(" ", random.choice("-._")), (leet, separated, doubled, cased, unchanged)
    )
    return f"{_before(random)}{text}{_after(random)}"


def name(random: Random, word: str) -> str:
    """Return a display name that reads as a word."""
    disguises = (leet, separated, doubled, cased, unchanged, cyrillic, accented, wide, hidden)
    text = _disguised(random, word, disguises)
    return " ".join([*random.choices(FILLERS, k=random.choice((0, 0, 1))), text])


def ordinary(random: Random) -> str:
    """Return an ordinary name that must stay unchanged."""
    return random.choice("-._+").join(random.sample(ORDINARY, k=random.choice((1, 1, 2))))


def _disguised(random: Random, word: str, disguises: tuple[Disguise, ...]) -> str:
    return random.choice(disguises)(random, random.choice((cased, unchanged))(random, word))


def leet(random: Random, word: str) -> str:
    return "".join(
        random.choice(LEET.get(char.lower(), char)) if random.random() < 0.5 else char for char in word
    )


def separated(random: Random, word: str) -> str:
    at = random.randint(1, len(word) - 1)
    return random.choice((f"{word[:at]}-{word[at:]}", f"{word[:at]}_{word[at:]}", "-".join(word)))


def doubled(random: Random, word: str) -> str:
    at = random.randrange(len(word))
    return word[:at] + word[at] + word[at:] if word[at].isalpha() else word


def cased(random: Random, word: str) -> str:
    return "".join(random.choice((char.upper(), char.lower())) for char in word)


def unchanged(_: Random, word: str) -> str:
    return word


def cyrillic(random: Random, word: str) -> str:
    return "".join(CYRILLIC.get(char, char) if random.random() < 0.7 else char for char in word.lower())


def accented(random: Random, word: str) -> str:
    at = random.randint(1, len(word))
    return word[:at] + random.choice(MARKS) + word[at:]


def wide(_: Random, word: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isalnum() else char for char in word)


def hidden(random: Random, word: str) -> str:
    at = random.randint(1, len(word) - 1)
    return word[:at] + random.choice(HIDDEN) + word[at:]


def _before(random: Random) -> str:
    return random.choice(("", "", f"{random.choice(ORDINARY)}."))


def _after(random: Random) -> str:
    return random.choice(("", "", f"-{random.choice(ORDINARY)}", "+1", "24"))
