"""DMARC records by the grammar of RFC 9989, and how strict their policies are. Pure."""

import re
from collections.abc import Mapping

from publicsuffixlist import PublicSuffixList

_SUFFIXES = PublicSuffixList()
# The first tag, with spaces around its equals sign; its value is in capitals (%x44.4D.41.52.43.31).
_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(;|\Z)")
_TAG = re.compile(r"[ \t]*([A-Za-z0-9_]+)[ \t]*=[ \t]*([^ \t]?(?:.*[^ \t])?)[ \t]*", re.DOTALL)
_POLICIES = ("none", "quarantine", "reject")  # from the weakest to the strictest


def is_dmarc(text: str) -> bool:
    """Return whether receivers take a TXT record for a DMARC record: it starts with its version."""
    return _VERSION.match(text) is not None


def parse(text: str) -> Mapping[str, str]:
    """Return the tags of a DMARC record by their names in lower case; empty if receivers ignore the record.

    Without a valid policy, a record that requests reports counts as `p=none`. Unknown tags are ignored;
    repeated ones make the record invalid, as in every tag-list (RFC 6376 §3.2).
    """
    if not is_dmarc(text):
        return {}
    found = [_TAG.fullmatch(each) for each in text.split(";") if each.strip(" \t")]
    tags = {each[1].lower(): each[2] for each in found if each}
    if len(tags) < len(found):
        return {}
    policies = [tags[name].lower() for name in ("p", "sp", "np") if name in tags]
    if "p" in tags and all(policy in _POLICIES for policy in policies):
        return tags
    return {**tags, "p": "none", "sp": "none"} if tags.get("rua", "").lower().startswith("mailto:") else {}


def strictness(text: str, *, subdomain: bool = False) -> tuple[int, bool]:
    """Return an order of valid records for their own name, or for a name below it.

    With `t=y`, a policy is one step weaker.
    """
    tags = parse(text)
    wanted = tags.get("sp", tags["p"]) if subdomain else tags["p"]
    policy = _POLICIES.index(wanted.lower())
    return policy, policy == 0 or tags.get("t", "").lower() != "y"


def parents(domain: str) -> tuple[str, ...]:
    """Return the names above a domain whose policies cover it: its parent, and its organization's domain.

    Receivers find the first by a walk up the tree (RFC 9989), the second by the list of public suffixes.
    """
    organization = _SUFFIXES.privatesuffix(domain) or domain
    parent = domain.partition(".")[2]
    below = parent.endswith(f".{organization}")
    return tuple(each for each in (parent if below else "", organization) if each and each != domain)
