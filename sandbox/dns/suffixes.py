"""Where registries end and customers begin, by the public suffix list's ICANN section."""

from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_LIST = PublicSuffixList(only_icann=True, accept_unknown=False)


@lru_cache(maxsize=65536)
def public_suffix(name: str) -> str | None:
    """The registry's own name at or above the name: "co.uk" for "a.b.co.uk"; None for an unknown one."""
    suffix: str | None = _LIST.publicsuffix(name)
    return suffix


@lru_cache(maxsize=65536)
def registrable(name: str) -> str | None:
    """The name a customer would have bought: "b.co.uk" for "a.b.co.uk"; None for a suffix."""
    domain: str | None = _LIST.privatesuffix(name)
    return domain


def is_suffix(name: str) -> bool:
    """Whether a registry runs exactly this name."""
    return public_suffix(name) == name
