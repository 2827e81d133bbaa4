"""Skeletons of texts: two texts that look alike at a glance have the same skeleton. Pure.

Case, accents, separators, look-alike letters (UTS 39) and digits used as letters are ignored. Only Greek and
Cyrillic are mapped; `is_of_one_script` accepts other scripts in which no word can pass for a Latin one.
"""

import unicodedata
from collections.abc import Iterator

# Capitals that resemble a different Latin letter than their small form: Greek eta, mu, nu and upsilon.
_CAPITALS = str.maketrans("\u0397\u039c\u039d\u03a5", "HMNY")
# Latin letters that NFKD does not split into a base letter and an accent.
_LATIN = {
    "a": "\u0251\u1d00", "b": "\u0184\u0185\u0299", "c": "\u1d04", "d": "\u0111\u00f0\u0256\u1d05",
    "e": "\u0259\u01dd\u1d07\uab32", "f": "\uab35\ua799\u1e9d", "g": "\u0261\u1d83\u018d\u0262",
    "h": "\u0127\u029c", "i": "\u0131\u026a\u0269", "j": "\u0237\u1d0a", "k": "\u0138\u1d0b",
    "l": "\u0142\u01c0\u0196\u029f", "m": "\u1d0d", "n": "\u014b\u0274",
    "o": "\u00f8\u1d0f\u1d11\uab3d\u0275",
    "p": "\u00fe\u1d18", "r": "\uab47\uab48\u0280", "s": "\ua731\u01bd", "t": "\u0167\u1d1b",
    "u": "\ua79f\u1d1c\uab4e\uab52\u028b", "v": "\u1d20", "w": "\u026f\u1d21",
    "y": "\u0263\u1d8c\u028f\u1eff\uab5a", "z": "\u1d22", "ae": "\u00e6", "oe": "\u0153",
}  # fmt: skip
_GREEK = {
    "a": "\u03b1", "b": "\u03b2", "c": "\u03f2", "e": "\u03b5", "i": "\u03b9", "j": "\u03f3", "k": "\u03ba",
    "n": "\u03b7\u03c0", "o": "\u03bf\u03c3\u03c2", "p": "\u03c1", "t": "\u03c4", "u": "\u03bc\u03c5",
    "v": "\u03bd", "w": "\u03c9", "x": "\u03c7", "y": "\u03b3", "z": "\u03b6",
}  # fmt: skip
_CYRILLIC = {
    "a": "\u0430", "b": "\u0432\u044c", "c": "\u0441", "d": "\u0501", "e": "\u0435\u04bd\u0437",
    "g": "\u050d", "h": "\u04bb\u043d", "i": "\u0456\ua647", "j": "\u0458", "k": "\u043a", "l": "\u04cf",
    "m": "\u043c", "n": "\u043f", "o": "\u043e", "p": "\u0440", "q": "\u051b", "r": "\u0433\u0491",
    "s": "\u0455", "t": "\u0442", "u": "\u0438", "v": "\u0475", "w": "\u0461\u051d", "x": "\u0445",
    "y": "\u0443\u04af",
}  # fmt: skip
_SMALL = str.maketrans(
    {
        char: letter
        for script in (_LATIN, _GREEK, _CYRILLIC)
        for letter, chars in script.items()
        for char in chars
    }
)
# Digits and symbols used as letters, and i, whose capital looks like l.
_STAND_INS = str.maketrans("0123456789$!|\u00a1i", "olzeasbtbgsllll")
_SYMBOLS = frozenset("$!|\u00a1")
_DIGITS = frozenset("0123456789")
_DIGITS_OFF = 4  # fewer than this many digits are cut off at each end
_PAIRS = (("rn", "m"), ("vv", "w"))

# Scripts, by the first word of their Unicode letter names, in which no word can pass for a Latin one.
_APART = frozenset(
    "ARABIC BENGALI CJK DEVANAGARI ETHIOPIC GEORGIAN GUJARATI GURMUKHI HANGUL HEBREW HIRAGANA KANNADA "
    "KATAKANA KHMER LAO MALAYALAM MYANMAR SINHALA TAMIL TELUGU THAI".split()
)
_IMITATING = frozenset({"LATIN", "GREEK", "CYRILLIC"})


def skeleton(text: str) -> str:
    """Return the letters of a text as they look, letter by letter."""
    return "".join(char for char in _folded(text).translate(_STAND_INS) if char.isalpha())


def skeletons(text: str) -> tuple[str, str]:
    """Return the skeleton, and the skeleton with pairs that look like one letter replaced by that letter."""
    letters = paired = skeleton(text)
    for pair, letter in _PAIRS:
        paired = paired.replace(pair, letter)
    return letters, paired


def squeezed(letters: str) -> str:
    """Return letters with each run of one letter cut to a single letter."""
    return "".join(char for index, char in enumerate(letters) if letters[index - 1 : index] != char)


def run_length(letters: str, start: int, char: str) -> int:
    """Return how often a character repeats from `start` on."""
    return len(letters) - start - len(letters[start:].lstrip(char))


def word_skeletons(text: str, longest: int) -> Iterator[str]:
    """Yield the skeletons of the words in a text, and of adjacent words joined up to `longest` letters."""
    for words in _separations(_folded(text)):
        for first in range(len(words)):
            joined = ""
            for word in words[first:]:
                joined += word
                for bare in _without_digits(joined):
                    yield from skeletons(bare)
                if len(joined) > longest + 2 * _DIGITS_OFF:
                    break


def is_of_one_script(text: str) -> bool:
    """Return whether all letters are from known scripts, and from at most one of those that look alike."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if char.isalpha())
    scripts = set(map(_script, plain))
    unmapped = any(not char.isascii() and _script(char) == "LATIN" for char in _folded(plain))
    return scripts <= _APART | _IMITATING and len(scripts & _IMITATING) <= 1 and not unmapped


def _folded(text: str) -> str:
    """Return a text with look-alikes as small Latin letters; digits and other characters stay."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not _is_mark(char))
    return plain.translate(_CAPITALS).casefold().translate(_SMALL)


def _is_mark(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char) in {"Mn", "Mc", "Me", "Cf"}


def _separations(folded: str) -> Iterator[list[str]]:
    """Yield the words between separators, once with symbols as separators and once as letters."""
    for letters in (frozenset[str](), _SYMBOLS):
        yield "".join(char if char.isalnum() or char in letters else " " for char in folded).split()


def _without_digits(word: str) -> Iterator[str]:
    """Yield a word, and the word without a few digits at its ends."""
    for before in range(_DIGITS_OFF):
        for after in range(_DIGITS_OFF):
            if all(char in _DIGITS for char in word[:before] + word[len(word) - after :]):
                yield word[before : len(word) - after]


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
