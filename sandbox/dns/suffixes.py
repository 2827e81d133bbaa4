"""Public suffixes and registrable domains, by the ICANN section of the public suffix list."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_LIST = PublicSuffixList(only_icann=True, accept_unknown=False)


@lru_cache(maxsize=65536)
def public_suffix(name: str) -> str | None:
    """Return the public suffix of the name, "co.uk" for "a.b.co.uk"; None if there is none."""
    suffix: str | None = _LIST.publicsuffix(name)
    return suffix


@lru_cache(maxsize=65536)
def registrable(name: str) -> str | None:
    """Return the registrable domain of the name, "b.co.uk" for "a.b.co.uk"; None for a suffix."""
    domain: str | None = _LIST.privatesuffix(name)
    return domain


def is_suffix(name: str) -> bool:
    """Return whether the name is a public suffix."""
    return public_suffix(name) == name
