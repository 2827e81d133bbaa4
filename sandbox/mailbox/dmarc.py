"""DMARC by RFC 9989: tree walk, organizational domain, alignment and disposition.

Takes the domains that DKIM and SPF authenticated, and functions for DNS lookups.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

TxtLookup = Callable[[str], Awaitable[list[str] | None]]  # None: the lookup failed temporarily
Exists = Callable[[str], Awaitable[bool]]

_WALK_LABELS = 8  # for a longer name the walk continues at seven labels, section 4.10
_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record found at `domain`; `psd` is "y", "n" or "u" (undeclared), `testing` is t=y."""

    domain: str
    p: str
    sp: str
    np: str
    psd: str = "u"
    strict_dkim: bool = False
    strict_spf: bool = False
    testing: bool = False

    def for_domain(self, author: str, *, exists: bool) -> str:
        """Return the policy that the domain owner requests for an email of this author domain that fails."""
        asked = self.p if author == self.domain else (self.sp if exists else self.np)
        return _POLICIES[max(0, _POLICIES.index(asked) - self.testing)]


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """pass, fail, none (no policy), temperror or permerror; `aligned_by` lists dkim and spf if aligned."""

    result: str
    domain: str
    policy: Policy | None = None
    disposition: str = "none"
    aligned_by: tuple[str, ...] = ()


class DnsUnsureError(Exception):
    """A DNS lookup failed temporarily, so DMARC has no result."""


def parse_policy(domain: str, text: str) -> Policy | None:
    """Return the policy in a TXT record; None if it is not a DMARC record or its policy is invalid."""
    tags = _tags(text)
    if not tags:
        return None
    p, sp, np = tags.get("p"), tags.get("sp"), tags.get("np")
    if p not in _POLICIES or any(tag is not None and tag not in _POLICIES for tag in (sp, np)):
        if "mailto:" not in tags.get("rua", ""):
            return None
        p, sp, np = "none", None, None
    return Policy(
        domain,
        p,
        sp=sp or p,
        np=np or sp or p,
        psd=tags.get("psd", "u"),
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
        testing=tags.get("t") == "y",
    )


class Dmarc:
    """The evaluation of one email; caches its lookups, so that no name is queried twice."""

    def __init__(self, txt: TxtLookup, exists: Exists) -> None:
        self._txt = txt
        self._exists = exists
        self._seen: dict[str, Policy | None] = {}

    async def evaluate(self, author: str, dkim: Sequence[str], spf: str | None) -> DmarcResult:
        """Evaluate an email of the author domain; `dkim` and `spf` are the domains that passed."""
        try:
            policy = await self._policy(author)
            if policy is None:
                return DmarcResult("none", author)
            aligned = await self._aligned(author, dkim, spf, policy)
            if aligned:
                return DmarcResult("pass", author, policy, aligned_by=aligned)
            asked = policy.for_domain(author, exists=await self._exists(author))
            return DmarcResult("fail", author, policy, disposition=asked)
        except DnsUnsureError:
            return DmarcResult("temperror", author)

    async def organizational(self, domain: str) -> str:
        """Return the organizational domain, section 4.10.2."""
        found = [policy for policy in await self._walk(domain) if policy is not None]
        for policy in found:
            if policy.psd == "n":
                return policy.domain
            if policy.psd == "y" and policy.domain != domain:
                return _below(policy.domain, domain)
        return found[-1].domain if found else domain

    async def _policy(self, author: str) -> Policy | None:
        """Return the policy of the author domain, its organizational domain or its registry (4.10.1)."""
        own = await self._at(author)
        if own is not None:
            return own
        organization = await self._at(await self.organizational(author))
        if organization is not None:
            return organization
        return next((policy for policy in await self._walk(author) if policy and policy.psd == "y"), None)

    async def _aligned(
        self, author: str, dkim: Sequence[str], spf: str | None, policy: Policy
    ) -> tuple[str, ...]:
        by_dkim = [domain for domain in dkim if await self._matches(author, domain, policy.strict_dkim)]
        by_spf = spf is not None and await self._matches(author, spf, policy.strict_spf)
        return (("dkim",) if by_dkim else ()) + (("spf",) if by_spf else ())

    async def _matches(self, author: str, domain: str, strict: bool) -> bool:  # noqa: FBT001 - the flag decides only how the two domains are compared
        if author == domain:
            return True
        return not strict and await self.organizational(author) == await self.organizational(domain)

    async def _walk(self, domain: str) -> list[Policy | None]:
        """Return the policies on the tree walk from the domain upward, up to one with psd=y or psd=n."""
        met: list[Policy | None] = []
        for name in _steps(domain):
            policy = await self._at(name)
            met.append(policy)
            if policy is not None and policy.psd in ("y", "n"):
                break
        return met

    async def _at(self, domain: str) -> Policy | None:
        if domain not in self._seen:
            texts = await self._txt(f"_dmarc.{domain}")
            if texts is None:
                raise DnsUnsureError
            policies = [policy for text in texts if (policy := parse_policy(domain, text)) is not None]
            self._seen[domain] = policies[0] if len(policies) == 1 else None
        return self._seen[domain]


def _tags(text: str) -> dict[str, str]:
    """Return the tags by name; empty unless the record is a tag-list that starts with its version.

    A repeated tag makes the whole list invalid (RFC 6376 section 3.2, to which RFC 9989 refers).
    """
    parts = [part.partition("=") for part in text.split(";") if part.strip()]
    tags = {name.strip().lower(): value.strip() for name, sign, value in parts if sign}
    starts = text[:1] in ("v", "V") and next(iter(tags.items()), None) == ("v", "DMARC1")
    if not starts or len(tags) < len(parts):
        return {}
    return {name: value if name == "v" else value.lower() for name, value in tags.items()}


def _steps(domain: str) -> Iterator[str]:
    yield domain
    labels = domain.split(".")
    rest = labels[1:] if len(labels) < _WALK_LABELS else labels[-(_WALK_LABELS - 1) :]
    for at in range(len(rest)):
        yield ".".join(rest[at:])


def _below(suffix: str, domain: str) -> str:
    labels = domain.split(".")
    return ".".join(labels[-(suffix.count(".") + 2) :])
