"""Which names would speak for somebody else on the shared sender: reserved words, brands, domain names. Pure.

Names are compared by how they look (`lookalikes`); where in doubt, a name is protected.
"""

import unicodedata
from collections.abc import Collection, Iterator

from publicsuffixlist import PublicSuffixList

from services.sender.model.addresses import BadAddress, check_name
from services.sender.model.lookalikes import is_of_one_script, run_length, skeletons, squeezed, word_skeletons

# RFC 2142's mailboxes, those that certificate authorities take as proof of a domain (Baseline Requirements
# §3.2.2.4.4), and those that people expect an operator to ask for money, a password or a click from.
RESERVED = frozenset(
    "abuse account accounts admin administrator alert alerts auth bank banking billing bounce bounces ceo "
    "cert cfo compliance confirm confirmation customer-care customer-service daemon do-not-reply finance "
    "fraud ftp help helpdesk hostmaster info invoice invoices legal login logon mailer-daemon marketing "
    "moderator news no-reply noc notice notification notifications official operator password pay payment "
    "payments payroll phishing postmaster privacy receipt receipts refund refunds root safety sales secure "
    "security service services sign-in signin staff support sysadmin system trust unsubscribe update updates "
    "usenet uucp verification verify wallet webmail webmaster www".split()
)
# With only these beside it, a reserved word still reads as the operator's: "The Support Team".
_FILLERS = frozenset(
    "and center centre customer department dept desk division for group mail my of office our online "
    "technical the team your".split()
)
# Between a tenant's name and the operator's brand; a name with it inside would claim another carrier.
_VIA = "via"
# From so many letters on a word is looked for inside others too; shorter ones are in too many.
_BRAND_INSIDE = 4
_RESERVED_INSIDE = 5
_DOTS = frozenset(".\u3002\u2024\u00b7\u2027\u0701\u0702\u06d4")

_SUFFIXES = PublicSuffixList(accept_unknown=False)


class _Words:
    """Protected words by their skeletons, those of `inside` letters and more also inside other words."""

    def __init__(self, words: Collection[str], *, inside: int) -> None:
        looks = {look for word in words for look in skeletons(word) if look}
        self._inside = [look for look in looks if len(look) >= inside]
        self._squeezed = frozenset(map(squeezed, looks))
        self._longest = max(map(len, looks), default=0)

    def are_in(self, text: str) -> bool:
        """Return whether a text has one of them, even where a letter is doubled or left single."""
        looks = skeletons(text)
        return any(word in look for word in self._inside for look in looks) or any(
            squeezed(word) in self._squeezed for word in word_skeletons(text, self._longest)
        )

    def name(self, text: str) -> bool:
        """Return whether a text is one of them and nothing else."""
        return any(squeezed(look) in self._squeezed for look in skeletons(text))

    def ends(self, letters: str, place: int) -> Iterator[int]:
        """Yield where one of them may end that begins at a place."""
        for word in self._squeezed:
            before, last = word[:-1], word[-1]
            begin = place
            for sign in before:
                run = run_length(letters, begin, sign)
                begin += run
                if not run:
                    break
            else:
                yield from range(begin + 1, begin + 1 + run_length(letters, begin, last))


class ProtectedNames:
    """What nobody may be called on the shared sender.

    `reserved` adds to RESERVED; `brands` are names of others.
    `domain` is the shared sender's own: what it is registered as is protected like a brand.
    """

    def __init__(
        self, *, domain: str = "", reserved: Collection[str] = (), brands: Collection[str] = ()
    ) -> None:
        own = (_SUFFIXES.privatesuffix(domain) or "").partition(".")[0]
        self._reserved = _Words({*RESERVED, *reserved}, inside=_RESERVED_INSIDE)
        self._brands = _Words({*brands, own, _VIA}, inside=_BRAND_INSIDE)
        self._fillers = _Words(_FILLERS, inside=0)

    def takes_local_part(self, local_part: str) -> bool:
        """Return whether a local part has a protected word in it, or reads as a domain name."""
        return (
            local_part.lower().endswith("-request")  # RFC 2142 §6
            or self._brands.are_in(local_part)
            or self._reserved.are_in(local_part)
            or any(_SUFFIXES.privatesuffix(piece) for piece in _host_like(local_part))
        )

    def takes_name(self, name: str) -> bool:
        """Return whether a display name is made of reserved words, has a brand in it, or may deceive."""
        return (
            not _is_honest(name)
            or self._brands.are_in(name)
            or self._reserved.name(name)
            or any(map(self._is_made_of_reserved, skeletons(name)))
        )

    def _is_made_of_reserved(self, letters: str) -> bool:
        """Return whether reserved words, at least one, and fillers make up all of a text."""
        reached = {0: False}  # where a word may end, and whether a reserved one is before it
        for place in range(len(letters)):
            if place in reached:
                for words, counts in ((self._reserved, True), (self._fillers, False)):
                    for end in words.ends(letters, place):
                        reached[end] = reached.get(end, False) or counts or reached[place]
        return reached.get(len(letters), False)


def _host_like(local_part: str) -> Iterator[str]:
    """Yield the pieces of a local part that could be a host's name."""
    separated = "".join(sign if sign.isalnum() or sign in ".-" else " " for sign in local_part.lower())
    return (piece.strip(".-") for piece in separated.split() if "." in piece.strip(".-"))


def _is_honest(name: str) -> bool:
    """Return whether a name is no address and no domain name, and its letters are what they look like."""
    try:
        check_name(name)
    except BadAddress:
        return False
    return any(map(str.isalnum, name)) and not _has_dotted_word(name) and is_of_one_script(name)


def _has_dotted_word(name: str) -> bool:
    """Return whether a dot joins two words, the second of two letters or more, as in a domain name."""
    plain = unicodedata.normalize("NFKC", name)
    dots = [index for index, sign in enumerate(plain) if sign in _DOTS]
    return any(
        plain[dot - 1 : dot].isalnum() and len(after := plain[dot + 1 : dot + 3]) == 2 and after.isalnum()
        for dot in dots
    )
