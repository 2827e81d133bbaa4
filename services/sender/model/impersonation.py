"""Names that would impersonate someone on the shared sender: reserved words, brands, domain names. Pure.

Names are compared by how they look (`lookalikes`); in doubt, a name is protected.
"""

import unicodedata
from collections.abc import Collection, Iterator

from publicsuffixlist import PublicSuffixList

from chassis.addresses import BadAddress, check_name
from services.sender.model.lookalikes import is_of_one_script, run_length, skeletons, squeezed, word_skeletons

# RFC 2142's mailboxes, those that certificate authorities accept as proof of a domain (Baseline Requirements
# §3.2.2.4.4), and those from which people expect an operator to ask for money, a password or a click.
RESERVED = frozenset(
    "abuse account accounts admin administrator alert alerts auth bank banking billing bounce bounces ceo "
    "cert cfo compliance confirm confirmation customer-care customer-service daemon do-not-reply finance "
    "fraud ftp help helpdesk hostmaster info invoice invoices legal login logon mailer-daemon marketing "
    "moderator news no-reply noc notice notification notifications official operator password pay payment "
    "payments payroll phishing postmaster privacy receipt receipts refund refunds root safety sales secure "
    "security service services char-in signin staff support sysadmin system trust unsubscribe update updates "
    "usenet uucp verification verify wallet webmail webmaster www".split()
)
# A reserved word with only these words around it still reads as the operator: "The Support Team".
_FILLERS = frozenset(
    "and center centre customer department dept desk division for group mail my of office our online "
    "technical the team your".split()
)
# Joins the tenant's name and the operator's brand; inside a tenant's name it would claim another sender.
_VIA = "via"
# Words with at least this many letters also match inside other words; shorter ones would match too often.
_BRAND_INSIDE = 4
_RESERVED_INSIDE = 5
_DOTS = frozenset(".\u3002\u2024\u00b7\u2027\u0701\u0702\u06d4")

_SUFFIXES = PublicSuffixList(accept_unknown=False)


class _Words:
    """Protected words by their skeletons; words of `inside` or more letters also match inside other words."""

    def __init__(self, words: Collection[str], *, inside: int) -> None:
        forms = {form for word in words for form in skeletons(word) if form}
        self._inside = [form for form in forms if len(form) >= inside]
        self._squeezed = frozenset(map(squeezed, forms))
        self._longest = max(map(len, forms), default=0)

    def are_in(self, text: str) -> bool:
        """Return whether a text contains one of the words, even if letters are doubled or left single."""
        forms = skeletons(text)
        return any(word in form for word in self._inside for form in forms) or any(
            squeezed(word) in self._squeezed for word in word_skeletons(text, self._longest)
        )

    def name(self, text: str) -> bool:
        """Return whether a text is exactly one of the words."""
        return any(squeezed(form) in self._squeezed for form in skeletons(text))

    def ends(self, letters: str, start: int) -> Iterator[int]:
        """Yield the indexes where one of the words that begins at `start` may end."""
        for word in self._squeezed:
            before, last = word[:-1], word[-1]
            begin = start
            for char in before:
                run = run_length(letters, begin, char)
                begin += run
                if not run:
                    break
            else:
                yield from range(begin + 1, begin + 1 + run_length(letters, begin, last))


class ProtectedNames:
    """The names that no tenant may use on the shared sender.

    `reserved` adds to RESERVED; `brands` are names of other companies.
    `domain` is the shared sender's own; its registered name is protected like a brand.
    """

    def __init__(
        self, *, domain: str = "", reserved: Collection[str] = (), brands: Collection[str] = ()
    ) -> None:
        own = (_SUFFIXES.privatesuffix(domain) or "").partition(".")[0]
        self._reserved = _Words({*RESERVED, *reserved}, inside=_RESERVED_INSIDE)
        self._brands = _Words({*brands, own, _VIA}, inside=_BRAND_INSIDE)
        self._fillers = _Words(_FILLERS, inside=0)

    def takes_local_part(self, local_part: str) -> bool:
        """Return whether a local part contains a protected word or reads as a domain name."""
        return (
            local_part.lower().endswith("-request")  # RFC 2142 §6
            or self._brands.are_in(local_part)
            or self._reserved.are_in(local_part)
            or any(_SUFFIXES.privatesuffix(piece) for piece in _host_like(local_part))
        )

    def takes_name(self, name: str) -> bool:
        """Return whether a display name consists of reserved words, contains a brand, or may deceive."""
        return (
            not _is_honest(name)
            or self._brands.are_in(name)
            or self._reserved.name(name)
            or any(map(self._is_made_of_reserved, skeletons(name)))
        )

    def _is_made_of_reserved(self, letters: str) -> bool:
        """Return whether a text consists only of fillers and at least one reserved word."""
        reached = {0: False}  # index where a word may end -> whether a reserved word precedes it
        for start in range(len(letters)):
            if start in reached:
                for words, counts in ((self._reserved, True), (self._fillers, False)):
                    for end in words.ends(letters, start):
                        reached[end] = reached.get(end, False) or counts or reached[start]
        return reached.get(len(letters), False)


def _host_like(local_part: str) -> Iterator[str]:
    """Yield the pieces of a local part that could be a host name."""
    separated = "".join(char if char.isalnum() or char in ".-" else " " for char in local_part.lower())
    return (piece.strip(".-") for piece in separated.split() if "." in piece.strip(".-"))


def _is_honest(name: str) -> bool:
    """Return whether a name is neither an address nor a domain name, and uses no look-alike letters."""
    try:
        check_name(name)
    except BadAddress:
        return False
    return any(map(str.isalnum, name)) and not _has_dotted_word(name) and is_of_one_script(name)


def _has_dotted_word(name: str) -> bool:
    """Return whether a dot joins two words, the second with two or more letters, as in a domain name."""
    plain = unicodedata.normalize("NFKC", name)
    dots = [index for index, char in enumerate(plain) if char in _DOTS]
    return any(
        plain[dot - 1 : dot].isalnum() and len(after := plain[dot + 1 : dot + 3]) == 2 and after.isalnum()
        for dot in dots
    )
