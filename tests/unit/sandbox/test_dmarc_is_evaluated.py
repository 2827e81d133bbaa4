"""DMARC evaluation by RFC 9989, with a dictionary as DNS."""

import pytest

from sandbox.mailbox.dmarc import Dmarc, DmarcResult, parse_policy

Zone = dict[str, list[str]]


def evaluator(dns: Zone, failing: str = "") -> Dmarc:
    async def txt(name: str) -> list[str] | None:
        return None if name == failing else dns.get(name, [])

    async def exists(name: str) -> bool:
        return not name.startswith("ghost.")

    return Dmarc(txt, exists)


async def evaluated(dns: Zone, author: str, dkim: list[str], spf: str | None) -> DmarcResult:
    return await evaluator(dns).evaluate(author, dkim, spf)


@pytest.mark.parametrize(
    ("tags", "dkim", "spf", "aligned_by"),
    [
        ("adkim=s; aspf=s", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim",)),
        ("adkim=s; aspf=r", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim", "spf")),
        ("", ["inbox.mnexa.ai"], "send.inbox.mnexa.ai", ("dkim", "spf")),
        ("adkim=s; aspf=s", [], "inbox.mnexa.ai", ("spf",)),
        ("adkim=s; aspf=s", ["sub.inbox.mnexa.ai"], None, ()),
        ("adkim=r; aspf=s", ["sub.inbox.mnexa.ai"], None, ("dkim",)),
        ("aspf=s", ["amazonses.com"], "send.inbox.mnexa.ai", ()),
        ("aspf=r", ["amazonses.com"], "send.inbox.mnexa.ai", ("spf",)),
        ("", ["amazonses.com", "inbox.mnexa.ai"], "amazonses.com", ("dkim",)),
        ("", ["amazonses.com"], "amazonses.com", ()),
        ("", [], None, ()),
    ],
)
async def test_alignment_is_strict_or_relaxed_for_each_identifier(
    tags: str, dkim: list[str], spf: str | None, aligned_by: tuple[str, ...]
) -> None:
    dns = {"_dmarc.inbox.mnexa.ai": [f"v=DMARC1; p=reject; {tags}"]}

    result = await evaluated(dns, "inbox.mnexa.ai", dkim, spf)

    assert result.aligned_by == aligned_by
    assert result.result == ("pass" if aligned_by else "fail")
    assert result.disposition == ("none" if aligned_by else "reject")


@pytest.mark.parametrize(
    ("dns", "domain", "organization"),
    [
        ({}, "a.b.mnexa.ai", "a.b.mnexa.ai"),
        ({"_dmarc.mnexa.ai": ["v=DMARC1; p=none"]}, "a.b.mnexa.ai", "mnexa.ai"),
        (
            {"_dmarc.mnexa.ai": ["v=DMARC1; p=none"], "_dmarc.b.mnexa.ai": ["v=DMARC1; p=none; psd=n"]},
            "a.b.mnexa.ai",
            "b.mnexa.ai",
        ),
        ({"_dmarc.ai": ["v=DMARC1; p=none; psd=y"]}, "a.b.mnexa.ai", "mnexa.ai"),
        ({"_dmarc.mnexa.ai": ["v=DMARC1; p=none; psd=y"]}, "mnexa.ai", "mnexa.ai"),
        (
            {"_dmarc.c.d.e.f.g.mnexa.ai": ["v=DMARC1; p=none"]},
            "1.2.3.c.d.e.f.g.mnexa.ai",
            "c.d.e.f.g.mnexa.ai",
        ),
        ({"_dmarc.b.c.d.e.f.g.mnexa.ai": ["v=DMARC1; p=none"]}, "1.a.b.c.d.e.f.g.mnexa.ai", None),
    ],
    ids=["no record", "upward", "psd=n", "psd=y above", "psd=y itself", "deep", "skipped by the walk"],
)
async def test_the_tree_walk_finds_the_organizational_domain(
    dns: Zone, domain: str, organization: str | None
) -> None:
    assert await evaluator(dns).organizational(domain) == (organization or domain)


@pytest.mark.parametrize(
    ("record", "author", "disposition"),
    [
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "mnexa.ai", "reject"),
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "sub.mnexa.ai", "quarantine"),
        ("v=DMARC1; p=reject; sp=quarantine; np=none", "ghost.mnexa.ai", "none"),
        ("v=DMARC1; p=reject; sp=quarantine", "ghost.mnexa.ai", "quarantine"),
        ("v=DMARC1; p=reject", "sub.mnexa.ai", "reject"),
        ("v=DMARC1; p=reject; t=y", "mnexa.ai", "quarantine"),
        ("v=DMARC1; p=none; t=y", "mnexa.ai", "none"),
        ("v=DMARC1; rua=mailto:reports@mnexa.ai", "mnexa.ai", "none"),
    ],
)
async def test_a_failing_email_gets_the_published_policy(record: str, author: str, disposition: str) -> None:
    result = await evaluated({"_dmarc.mnexa.ai": [record]}, author, [], None)

    assert (result.result, result.disposition) == ("fail", disposition)


async def test_a_domain_without_a_policy_gets_the_one_of_its_registry() -> None:
    result = await evaluated({"_dmarc.ai": ["v=DMARC1; p=reject; psd=y"]}, "mnexa.ai", [], None)

    assert (result.result, result.disposition) == ("fail", "reject")


@pytest.mark.parametrize(
    "texts",
    [[], ["v=spf1 -all"], ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["v=DMARC1"], ["p=none; v=DMARC1"]],
    ids=["nothing", "something else", "two records", "no policy", "version not first"],
)
async def test_without_exactly_one_valid_policy_the_result_is_none(texts: list[str]) -> None:
    result = await evaluated({"_dmarc.mnexa.ai": texts}, "mnexa.ai", ["mnexa.ai"], None)

    assert result.result == "none"


async def test_a_failed_dns_lookup_is_a_temperror() -> None:
    result = await evaluator({}, failing="_dmarc.mnexa.ai").evaluate("mnexa.ai", ["mnexa.ai"], None)

    assert result.result == "temperror"


def test_unknown_and_retired_tags_are_ignored() -> None:
    policy = parse_policy("mnexa.ai", "v=DMARC1; p=Quarantine; pct=10; rf=afrf; ri=60; new=thing; adkim=s ;")

    assert policy is not None
    assert (policy.p, policy.strict_dkim, policy.strict_spf) == ("quarantine", True, False)
